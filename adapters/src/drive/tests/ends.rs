//! The last steps of a connection, and messages that arrive while the program does not receive.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use bluewire_core::{Config, Delivery, Keepalive, Message, OwnedMessage, Role};

use super::super::{Driver, Flow, Lay, Purpose, Want};
use super::world::{Turn, World};
use crate::clock::Clock;
use crate::error::Error;
use crate::open::request::Opened;

const S: Duration = Duration::from_secs(1);

fn config() -> Config {
    Config::default().keepalive(None)
}

fn lay(world: &mut World, text: &str) {
    world.lay(Lay::Message(Message::Text(text))).expect("it is open");
}

/// The steps of a caller without the inbox once the connection has ended.
fn last_steps(world: &mut World) -> Vec<Want> {
    world.driver.connection.abort();
    (0..3).map_while(|_| world.driver.next_without(true, false, || S)).collect()
}

#[test]
fn unsent_bytes_have_one_more_chance_to_leave() {
    let once = [Want { write: true, ..Want::NOTHING }];
    let mut world = World::new(config());
    lay(&mut world, "Hello");
    assert_eq!(last_steps(&mut world), once);
    // Bytes that the stream holds back count too.
    let mut world = World::new(config());
    world.driver.unflushed = true;
    assert_eq!(last_steps(&mut world), once);

    let mut world = World::new(config());
    assert_eq!(last_steps(&mut world), [], "nothing is left");
    let mut world = World::new(config());
    lay(&mut world, "Hello");
    world.driver.cut = true;
    assert_eq!(last_steps(&mut world), [], "it is cut");
    let mut world = World::new(config());
    world.driver.write_failed(ErrorKind::BrokenPipe.into(), S);
    world.driver.unflushed = true;
    assert_eq!(last_steps(&mut world), [], "nothing can be written");
}

#[test]
fn deadlines_of_silence_count_only_while_somebody_listens() {
    for (may_read, unseen, counts) in
        [(true, false, true), (true, true, false), (false, false, false)]
    {
        let keepalive = Keepalive::default().interval(S).timeout(S);
        let mut world = World::new(Config::default().keepalive(Some(keepalive)));
        // Once more for the read that a deadline grants.
        for _ in 0..2 {
            world.driver.drained(3 * S);
            world.driver.next_without(may_read, unseen, || 3 * S);
        }
        assert_eq!(world.driver.queue_len() > 0, counts, "{may_read} {unseen}");
    }
}

#[test]
fn chunks_are_held_and_dropped_like_messages() {
    let arrive = |purposes: &[Purpose]| {
        let mut world = World::new(config().delivery(Delivery::Chunks));
        world.arrive(b"\x02\x81\0\0\0\0a\x80\x81\0\0\0\0b");
        for purpose in purposes {
            world.run(*purpose, None);
        }
        world.run(Purpose::Receive, None);
        world.received
    };
    let parts = [OwnedMessage::Binary(b"a".to_vec()), OwnedMessage::Binary(b"b".to_vec())];
    assert_eq!(arrive(&[]), parts);
    assert_eq!(arrive(&[Purpose::Attend]), parts);
    assert!(arrive(&[Purpose::Attend, Purpose::Discard]).is_empty());
    assert!(arrive(&[Purpose::Discard]).is_empty());
}

#[test]
fn a_full_hold_loses_nothing_while_the_connection_is_open() {
    let mut world = World::new(config());
    world.driver.set_flow(Flow::default().held_len_max(2));
    for _ in 0..4 {
        world.arrive(b"\x82\x81\0\0\0\0m");
        assert!(matches!(world.run(Purpose::Attend, None), Turn::Waits(None)));
    }
    world.run(Purpose::Receive, None);
    assert_eq!(world.received.len(), 4);
}

/// Reports a read that gave this error.
fn read_fails(world: &mut World, kind: ErrorKind) -> bool {
    world.driver.report_read(Err(kind.into()), &mut world.arrivals, || S)
}

#[test]
fn an_error_of_a_read_ends_the_connection_unless_it_passes() {
    let mut world = World::new(config());
    let reads = world.driver.reads;
    assert!(read_fails(&mut world, ErrorKind::Interrupted));
    assert_eq!(world.driver.reads, reads, "nothing was found out");
    assert!(!read_fails(&mut world, ErrorKind::WouldBlock));
    assert_eq!(world.driver.reads, reads + 1);
    assert!(matches!(world.run(Purpose::Receive, None), Turn::Waits(None)));
    assert!(read_fails(&mut world, ErrorKind::ConnectionReset));
    assert_eq!(world.driver.reads, reads + 2 + 1, "the loop has read once");
    // A stream that cannot be read may still take bytes.
    let sent = world.lay(Lay::Message(Message::Text("Hello")));
    assert!(!matches!(sent, Err(Error::Io(_))), "{sent:?}");
    let turn = world.run(Purpose::Receive, None);
    let reset = ErrorKind::ConnectionReset;
    assert!(matches!(&turn, Turn::Ended(Err(Error::Io(error))) if error.kind() == reset));
}

#[test]
fn the_flow_of_a_connection_goes_along_to_another_owner() {
    let clock = Clock::by(Instant::now);
    let opened = Opened::adopted(Role::Server, b"", config().into(), clock);
    let (mut driver, arrivals, established, clock) = Driver::open(opened, None);
    driver.set_flow(Flow::default().cork(false));
    let (opened, slot) = driver.into_opened(arrivals, established, clock);
    assert!(slot.is_none());
    let (driver, ..) = Driver::open(opened, None);
    assert!(!driver.flow().cork);
}
