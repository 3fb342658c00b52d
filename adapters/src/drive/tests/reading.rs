//! Messages that are held, bytes that are read aside, and reads that are left to others.

use std::io::{self, ErrorKind};
use std::time::Duration;

#[cfg(feature = "_asynch")]
use bluewire_core::CloseCode;
use bluewire_core::{Config, Message};

#[cfg(feature = "_asynch")]
use super::super::Lay;
use super::super::arrivals::{Aside, Held};
use super::super::{Budget, Intake, LOOK_INTERVAL, Next, Purpose, Want};
use super::world::{Turn, World};
use crate::clock::Nanos;
use crate::error::Error;

const S: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn world() -> World {
    World::new(Config::default().keepalive(None))
}

#[test]
fn held_messages_count_their_bytes_and_empty_ones_count_one() {
    let mut held = Held::default();
    assert!(held.is_empty() && held.lend().is_none());
    held.push(Message::Text("abc"), true);
    held.push(Message::Binary(b""), false);
    assert_eq!(held.len(), 4);
    assert!(matches!(held.lend(), Some((Message::Text("abc"), true))));
    assert_eq!(held.len(), 1);
    assert!(matches!(held.lend(), Some((Message::Binary(b""), false))));
    assert_eq!((held.len(), held.is_empty()), (0, true));
    assert!(held.lend().is_none());
}

#[test]
fn bytes_are_read_aside_up_to_the_bound_and_the_end() {
    let mut aside = Aside::default();
    assert!(aside.is_empty() && aside.has_room(0));
    aside.received(b"ab", S);
    assert!(!aside.is_empty() && aside.has_room(3) && !aside.has_room(2));
    aside.received_end(None);
    assert!(!aside.has_room(3));
    let bytes = aside.take().expect("it has some");
    assert_eq!(bytes.bytes, b"ab");
    assert!(aside.is_empty() && aside.has_room(0));
}

/// Reads by this result while a message is lent.
fn read_aside(world: &mut World, aside: &mut Aside, read: io::Result<&[u8]>) -> bool {
    let now = world.now;
    let read = |space: &mut [u8]| {
        let bytes = read?;
        space[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    };
    world.driver.read_into(&mut Intake::Aside(aside), read, || now)
}

#[test]
fn bytes_read_aside_are_delivered_behind_the_lent_message() {
    let mut world = world();
    let mut aside = Aside::default();
    let reads = world.driver.reads;
    assert!(!read_aside(&mut world, &mut aside, Err(ErrorKind::WouldBlock.into())));
    assert_eq!(world.driver.reads, reads + 1);
    assert!(read_aside(&mut world, &mut aside, Err(ErrorKind::Interrupted.into())));
    assert_eq!(world.driver.reads, reads + 1, "nothing was found out");
    assert!(read_aside(&mut world, &mut aside, Ok(b"\x82\x81\0\0\0\0")));
    assert!(read_aside(&mut world, &mut aside, Ok(b"m")));
    assert_eq!(world.driver.reads, reads + 3);
    assert!(read_aside(&mut world, &mut aside, Err(ErrorKind::ConnectionReset.into())));
    assert!(!aside.has_room(usize::MAX));
    world.arrivals.aside = aside;
    let turn = world.run(Purpose::Receive, None);
    let reset = ErrorKind::ConnectionReset;
    assert!(matches!(&turn, Turn::Ended(Err(Error::Io(error))) if error.kind() == reset));
    assert_eq!(world.received.len(), 1);

    let mut world = self::world();
    let mut aside = Aside::default();
    assert!(read_aside(&mut world, &mut aside, Ok(b"")));
    world.arrivals.aside = aside;
    assert!(matches!(world.run(Purpose::Receive, None), Turn::Ended(Err(Error::Fault(_)))));
    assert!(!world.driver.read_into(&mut Intake::Nowhere, |_| Ok(1), || S));
}

#[test]
fn an_intake_decides_whether_a_caller_reads() {
    let mut world = world();
    let wants = |next: Next| match next {
        Next::Wait(want) => want,
        next => panic!("it waits: {next:?}"),
    };
    let nowhere = world.driver.next_for(&mut Intake::Nowhere, None, || S);
    assert_eq!(
        wants(nowhere),
        Want { read: false, write: false, shut_down: false, until: Nanos::MAX }
    );
    let mut aside = Aside::default();
    let want = wants(world.driver.next_for(&mut Intake::Aside(&mut aside), None, || S));
    assert!(want.read && want.deadline().is_none());
    aside.received_end(None);
    let want = wants(world.driver.next_for(&mut Intake::Aside(&mut aside), None, || S));
    assert!(!want.read);
    for (until, over) in [(S, true), (S - MS, true), (S + MS, false)] {
        let mut budget = Budget::until(until);
        match world.driver.next_for(&mut Intake::Nowhere, Some(&mut budget), || S) {
            Next::Over => assert!(over),
            next => assert_eq!((wants(next).deadline(), over), (Some(until), false)),
        }
    }
    world.driver.cut();
    let ended = world.driver.next_for(&mut Intake::Nowhere, None, || S);
    assert!(matches!(ended, Next::End), "{ended:?}");
}

#[test]
fn a_program_that_only_sends_looks_at_intervals() {
    let mut world = world();
    assert!(!world.driver.should_look(&world.arrivals, || Duration::ZERO));
    assert!(!world.driver.should_look(&world.arrivals, || LOOK_INTERVAL - MS));
    assert!(world.driver.should_look(&world.arrivals, || LOOK_INTERVAL));
    world.now = LOOK_INTERVAL;
    world.run(Purpose::Receive, None);
    assert!(!world.driver.should_look(&world.arrivals, || 2 * LOOK_INTERVAL - MS));
    assert!(world.driver.should_look(&world.arrivals, || 2 * LOOK_INTERVAL));
}

/// After a wait most often bytes have arrived, so a read comes first, unless something else has to.
#[cfg(feature = "_asynch")]
#[test]
fn after_a_wait_a_read_comes_first_unless_a_message_waits() {
    fn may(world: &mut World, purpose: Purpose) -> bool {
        world.driver.may_read_first(&Intake::Arrivals(&mut world.arrivals, purpose))
    }
    let mut world = world();
    assert!(may(&mut world, Purpose::Receive));
    for purpose in [Purpose::Attend, Purpose::Discard] {
        assert!(!may(&mut world, purpose), "{purpose:?} may have to stop reading");
    }
    let mut aside = Aside::default();
    assert!(!world.driver.may_read_first(&Intake::Aside(&mut aside)), "it may have no room");
    assert!(!world.driver.may_read_first(&Intake::Nowhere));

    world.arrivals.aside.received(b"\x82\x80\0\0\0\0", S);
    assert!(!may(&mut world, Purpose::Receive), "these bytes came before");
    world.run(Purpose::Attend, None);
    assert!(world.arrivals.has_held());
    assert!(!may(&mut world, Purpose::Receive), "this message came before");
    world.run(Purpose::Receive, None);
    assert!(may(&mut world, Purpose::Receive));
    world.lay(Lay::Close(CloseCode::NORMAL, "")).expect("it is open");
    assert!(!may(&mut world, Purpose::Receive), "the peer may flood what closes");
}

#[cfg(feature = "_asynch")]
#[test]
fn a_report_that_nothing_has_arrived_lets_a_begun_text_be_judged() {
    for may_judge in [true, false] {
        let mut world = world();
        // 8,000 bytes of text are announced, and 5,000 come.
        world.arrivals.inbox.extend(&[0x81, 0xfe, 0x1f, 0x40, 0, 0, 0, 0]);
        world.arrivals.inbox.extend(&[b'a'; 5_000]);
        let mut aside = Aside::default();
        let mut intake = Intake::Arrivals(&mut world.arrivals, Purpose::Receive);
        let next = world.driver.next_for(&mut intake, None, || S);
        assert!(matches!(next, Next::Wait(_)), "{next:?}");
        if !may_judge {
            intake = Intake::Aside(&mut aside);
        }
        let reads = world.driver.reads;
        assert_eq!(world.driver.read_nothing(&intake, S), may_judge);
        assert_eq!(world.driver.reads, reads + 1);
        // The next step judges it.
        intake = Intake::Arrivals(&mut world.arrivals, Purpose::Receive);
        world.driver.next_for(&mut intake, None, || S);
        assert!(!world.driver.read_nothing(&intake, S));
    }
}
