//! The driver's rules, one by one.

use std::time::Duration;

use bluewire_core::{
    CloseCode, Config, Fault, Keepalive, OwnedMessage, ProtocolError, SendError, State, Timeout,
};

use super::super::{Budget, Flow, Goal, Lay, Next, Purpose};
use super::world::{Flood, Turn, World};
use crate::error::Error;

const INVALID_UTF8: ProtocolError = ProtocolError::InvalidUtf8;
const S: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);
const PURPOSES: [Purpose; 3] = [Purpose::Receive, Purpose::Attend, Purpose::Discard];

fn config() -> Config {
    Config::default().keepalive(None)
}

fn close(world: &mut World) {
    world.lay(Lay::Close(CloseCode::NORMAL, "")).expect("it is open");
}

fn timed_out(turn: &Turn, timeout: Timeout) -> bool {
    matches!(turn, Turn::Ended(Err(Error::Fault(Fault::Timeout(found)))) if *found == timeout)
}

#[test]
fn a_flood_does_not_postpone_the_closing_deadline() {
    for flood in Flood::ALL {
        for purpose in PURPOSES {
            let mut world = World::new(config().close_timeout(S));
            if flood == Flood::Fragments {
                world.arrive(b"\x01\x80\0\0\0\0");
            }
            close(&mut world);
            world.flood = Some((flood, 10 * MS));
            let turn = world.run_on(purpose, 1000);
            assert!(timed_out(&turn, Timeout::Close), "{flood:?} {purpose:?} {turn:?}");
            assert!(world.now <= S + 20 * MS, "{flood:?} {purpose:?} {:?}", world.now);
        }
    }
}

#[test]
fn a_flood_does_not_postpone_the_message_deadline() {
    for flood in [Flood::Pings, Flood::Fragments] {
        let mut world = World::new(config().message_timeout(Some(S)).close_timeout(S));
        world.arrive(b"\x01\x80\0\0\0\0");
        world.flood = Some((flood, 10 * MS));
        let turn = world.run_on(Purpose::Receive, 1000);
        assert!(timed_out(&turn, Timeout::Message), "{flood:?} {turn:?}");
        assert!(world.now <= 2 * S + 40 * MS, "{flood:?} {:?}", world.now);
        // The Close frame says why.
        assert!(world.written.windows(4).any(|bytes| bytes[..2] == [0x88, 0x21]));
    }
}

#[test]
fn a_flood_does_not_postpone_a_budget() {
    for flood in Flood::ALL {
        for length in [Duration::ZERO, S] {
            let mut world = World::new(config());
            if flood == Flood::Fragments {
                world.arrive(b"\x01\x80\0\0\0\0");
            }
            world.flood = Some((flood, 10 * MS));
            let mut budget = Budget::of(length, world.now);
            let turn = world.run(Purpose::Discard, Some(&mut budget));
            assert!(matches!(turn, Turn::Over), "{flood:?} {turn:?}");
            assert!(world.now <= length + 20 * MS, "{flood:?} {:?}", world.now);
        }
    }
}

#[test]
fn a_budget_of_zero_still_sees_what_is_there() {
    let mut world = World::new(config());
    world.arrive(b"\x82\x81\0\0\0\0m");
    let turn = world.run(Purpose::Receive, Some(&mut Budget::until(Duration::ZERO)));
    assert!(matches!(turn, Turn::Over), "{turn:?}");
    assert_eq!(world.received, [OwnedMessage::Binary(b"m".to_vec())]);
}

#[test]
fn a_budget_without_end_never_ends() {
    let mut world = World::new(config());
    world.now = 1_000_000 * S;
    let mut budget = Budget::of(Duration::MAX, world.now);
    let turn = world.run(Purpose::Receive, Some(&mut budget));
    assert!(matches!(turn, Turn::Waits(None)), "{turn:?}");
}

#[test]
fn a_pong_that_has_arrived_does_not_lose_however_late_it_is_read() {
    for arrives in [true, false] {
        let keepalive = Keepalive::default().interval(S).timeout(S);
        let mut world = World::new(Config::default().keepalive(Some(keepalive)));
        assert!(matches!(world.run(Purpose::Receive, None), Turn::Waits(Some(S))));
        world.now = S;
        let turn = world.run(Purpose::Receive, None);
        assert!(matches!(turn, Turn::Waits(Some(until)) if until == 2 * S), "{turn:?}");
        assert!(world.written.starts_with(b"\x89"), "no ping has left");
        if arrives {
            world.arrive(b"\x8a\x84\0\0\0\0\0\0\0\x01");
        }
        // The program is away for an hour.
        world.now = 3600 * S;
        let turn = world.run(Purpose::Receive, None);
        match turn {
            Turn::Waits(Some(until)) => assert!(arrives && until == world.now + S),
            turn => assert!(!arrives && timed_out(&turn, Timeout::Pong), "{turn:?}"),
        }
    }
}

#[test]
fn pings_leave_and_silence_is_seen_whatever_the_program_does() {
    for purpose in PURPOSES {
        let keepalive = Keepalive::default().interval(S).timeout(S);
        let mut world = World::new(Config::default().keepalive(Some(keepalive)));
        let turn = world.run_on(purpose, 10);
        assert!(timed_out(&turn, Timeout::Pong), "{turn:?}");
        assert_eq!(world.now, 2 * S);
    }
}

#[test]
fn pings_leave_while_a_write_waits() {
    let keepalive = Keepalive::default().interval(S).timeout(S);
    let mut world = World::new(Config::default().keepalive(Some(keepalive)));
    world.room = 5;
    world.lay(Lay::Message("Hello".into())).expect("it is open");
    let turn = world.run_on(Purpose::Attend, 10);
    assert!(timed_out(&turn, Timeout::Pong), "{turn:?}");
    assert_eq!(world.now, 2 * S);
}

#[test]
fn no_duration_overflows() {
    let config = Config::default()
        .keepalive(Some(Keepalive::default().interval(Duration::MAX).timeout(Duration::MAX)))
        .idle_timeout(Some(Duration::MAX))
        .message_timeout(Some(Duration::MAX))
        .close_timeout(Duration::MAX);
    for purpose in PURPOSES {
        let mut world = World::new(config.clone());
        world.driver.set_flow(Flow::default().write_timeout(Duration::MAX));
        world.now = S;
        world.arrive(b"\x01\x81\0\0\0\0m");
        world.room = 0;
        world.lay(Lay::Message("Hello".into())).expect("it is open");
        close(&mut world);
        let turn = world.run(purpose, None);
        assert!(matches!(turn, Turn::Waits(None)), "{turn:?}");
        world.write_fails = true;
        let _ = world.run(purpose, None);
    }
}

#[test]
fn a_peer_that_takes_nothing_is_left_after_the_write_timeout() {
    for timeout in [Duration::ZERO, 3 * S] {
        let mut world = World::new(config());
        world.driver.set_flow(Flow::default().write_timeout(timeout));
        world.room = 0;
        let ticket = world.lay(Lay::Message("Hello".into())).expect("it is open");
        let turn = world.run_on(Purpose::Attend, 10);
        assert!(matches!(turn, Turn::Ended(Err(Error::Io(_)))), "{turn:?}");
        assert_eq!(world.now, timeout);
        assert!(world.is_reached(ticket).is_err());
        assert!(!world.closure().clean);
    }
}

#[test]
fn a_peer_that_takes_too_little_is_left_after_the_write_timeout() {
    for (rate, is_left) in [(0, false), (90, false), (101, true)] {
        let mut world = World::new(config());
        world.driver.set_flow(Flow::default().write_timeout(10 * S).write_rate_min(rate));
        world.lay(Lay::Message((&[0; 100_000][..]).into())).expect("it is open");
        world.room = 0;
        let mut ended = false;
        for _ in 0..100 {
            ended |= matches!(world.run(Purpose::Attend, None), Turn::Ended(_));
            world.now += S;
            world.room = 100;
        }
        assert_eq!(ended, is_left, "{rate}");
    }
}

#[test]
fn messages_before_a_failed_write_are_delivered() {
    let mut world = World::new(config());
    world.arrive(b"\x82\x81\0\0\0\0m");
    world.write_fails = true;
    world.lay(Lay::Message("Hello".into())).expect("it is open");
    let turn = world.run(Purpose::Receive, None);
    assert!(matches!(&turn, Turn::Ended(Err(Error::Io(_)))), "{turn:?}");
    assert_eq!(world.received.len(), 1);
    assert!(matches!(world.run(Purpose::Receive, None), Turn::Ended(Ok(()))));
    assert_eq!(world.closure().fault, Some(Fault::ConnectionLost));
}

#[test]
fn a_flood_after_a_failed_write_ends_at_the_closing_deadline() {
    for purpose in PURPOSES {
        let mut world = World::new(config().close_timeout(S));
        world.flood = Some((Flood::Pings, 10 * MS));
        world.write_fails = true;
        world.lay(Lay::Message("Hello".into())).expect("it is open");
        let turn = world.run(purpose, None);
        assert!(matches!(turn, Turn::Ended(Err(_))), "{turn:?}");
        assert!(world.now <= S + 20 * MS, "{:?}", world.now);
    }
}

#[test]
fn a_close_frame_that_could_not_be_written_is_not_clean() {
    for room in [0, 3] {
        let mut world = World::new(config());
        world.arrive(b"\x88\x82\0\0\0\0\x03\xe8");
        world.incoming_ended = true;
        world.room = room;
        let turn = world.run_on(Purpose::Receive, 10);
        assert!(matches!(turn, Turn::Ended(Ok(()))), "{turn:?}");
        let closure = world.closure();
        assert_eq!((closure.code, closure.clean), (CloseCode::NORMAL, false));
    }
}

#[test]
fn a_close_frame_that_left_is_clean() {
    let mut world = World::new(config());
    world.arrive(b"\x88\x82\0\0\0\0\x03\xe8");
    let turn = world.run(Purpose::Receive, None);
    assert!(matches!(turn, Turn::Waits(_)) && world.shut_down, "{turn:?}");
    world.incoming_ended = true;
    assert!(matches!(world.run(Purpose::Receive, None), Turn::Ended(Ok(()))));
    assert!(world.closure().clean);
}

#[test]
fn messages_that_close_now_drops_are_never_written() {
    let mut world = World::new(config());
    world.room = 3;
    let begun = world.lay(Lay::Message("begun".into())).expect("it is open");
    let dropped = world.lay(Lay::Message("d".into())).expect("it is open");
    world.write();
    world.driver.begin_close_now(CloseCode::NORMAL, "a long reason", S).expect("it is lawful");
    let closed = world.driver.ticket();
    assert!(matches!(world.is_reached(begun), Ok(false)));
    assert!(matches!(world.is_reached(dropped), Err(Error::Io(_))));
    world.room = usize::MAX;
    world.write();
    assert!(matches!(world.is_reached(begun), Ok(true)));
    assert!(matches!(world.is_reached(dropped), Err(Error::Io(_))));
    assert!(matches!(world.is_reached(closed), Ok(true)));
    assert_eq!(world.written, b"\x81\x05begun\x88\x0f\x03\xe8a long reason");
}

#[test]
fn the_end_is_reported_once_and_senders_hear_of_it_each_time() {
    let mut world = World::new(config());
    world.incoming_ended = true;
    let ended = world.run(Purpose::Receive, None);
    assert!(matches!(ended, Turn::Ended(Err(Error::Fault(Fault::ConnectionLost)))), "{ended:?}");
    assert!(matches!(world.run(Purpose::Receive, None), Turn::Ended(Ok(()))));
    for _ in 0..2 {
        let sent = world.lay(Lay::Message("Hello".into()));
        assert!(matches!(sent, Err(Error::Send(SendError::NotOpen))), "{sent:?}");
    }
    assert!(!world.closure().clean);
}

#[test]
fn a_full_hold_keeps_the_rest_from_being_read_until_the_server_leaves() {
    let mut world = World::with_slot(config(), true);
    world.driver.set_flow(Flow::default().held_len_max(2));
    for _ in 0..3 {
        world.arrive(b"\x82\x81\0\0\0\0m");
    }
    assert!(matches!(world.run(Purpose::Attend, None), Turn::Waits(None)));
    assert!(world.received.is_empty());
    world.admission.begin_shutdown();
    let turn = world.run(Purpose::Attend, None);
    assert!(matches!(turn, Turn::Waits(Some(_))), "{turn:?}");
    assert_eq!(world.written, b"\x88\x02\x03\xe9");
    // Messages beyond the hold are dropped, so that the answer is seen.
    world.arrive(b"\x88\x82\0\0\0\0\x03\xe9");
    world.incoming_ended = true;
    assert!(matches!(world.run(Purpose::Attend, None), Turn::Ended(Ok(()))));
    assert!(world.closure().clean);
    world.run(Purpose::Receive, None);
    assert_eq!(world.received.len(), 2);
}

#[test]
fn a_queue_bound_of_zero_takes_one_message_at_a_time() {
    let mut world = World::new(config());
    world.driver.set_flow(Flow::default().queue_len_max(0));
    assert!(world.driver.check_queue().is_ok());
    world.lay(Lay::Message("Hello".into())).expect("it is open");
    assert!(world.driver.check_queue().is_err() && world.driver.should_write_first());
    let room = world.driver.room_goal();
    assert!(matches!(world.driver.is_reached(room), Ok(false)));
    world.write();
    assert!(matches!(world.driver.is_reached(Goal::Queue(0)), Ok(true)));
}

#[test]
fn a_connection_that_is_cut_ends_at_once() {
    let mut world = World::with_slot(config(), true);
    world.arrive(b"\x01\x83\0\0\0\0abc");
    world.run(Purpose::Receive, None);
    world.room = 0;
    world.lay(Lay::Message("Hello".into())).expect("it is open");
    world.admission.begin_shutdown();
    world.admission.end_shutdown();
    let turn = world.run(Purpose::Attend, None);
    assert!(matches!(turn, Turn::Ended(Err(_))) && world.driver.is_cut(), "{turn:?}");
    assert_eq!(world.driver.state(), State::Closed);
    assert_eq!(world.admission.connections(), 0);
}

/// Text of which more is about to come is judged when it turns out that nothing does, in every call
/// that the program may be in.
#[test]
fn unfinished_text_is_judged_once_the_socket_is_drained() {
    // 8,000 bytes of text are announced, and 5,000 come.
    let header = [0x81, 0xfe, 0x1f, 0x40, 0, 0, 0, 0];
    for purpose in PURPOSES {
        let mut world = World::new(config());
        let mut text = vec![b'a'; 5_000];
        world.arrive(&[&header[..], &text].concat());
        let turn = world.run(purpose, None);
        assert!(matches!(turn, Turn::Waits(None)), "{purpose:?} {turn:?}");

        let mut world = World::new(config().close_timeout(S));
        text[4_000] = 0xff;
        world.arrive(&[&header[..], &text].concat());
        world.run(purpose, None);
        assert_eq!(world.driver.connection().fault(), Some(Fault::Protocol(INVALID_UTF8)));
        assert_eq!(world.now, Duration::ZERO, "nobody waited");
    }
}

/// A program that has received nothing answers nothing: it may never ask for what came with the
/// opening handshake.
#[test]
fn nothing_waits_for_other_answers_before_the_first_message_is_lent() {
    let mut world = World::new(config());
    world.arrivals.inbox.extend(&b"\x82\x80\0\0\0\0".repeat(2));
    world.lay(Lay::Message("Hello".into())).expect("it is open");
    assert!(!world.is_corked());
    let next = world.driver.next(&mut world.arrivals, Purpose::Receive, None, || Duration::ZERO);
    let Next::Deliver(ready) = next else { panic!("a message has arrived: {next:?}") };
    assert!(world.driver.lend(ready, &mut world.arrivals).is_ok());
    assert!(world.is_corked());
    // Messages that arrived while the program did something else wait for it, too.
    world.run(Purpose::Attend, None);
    assert!(world.arrivals.has_held() && world.is_corked());
    world.run(Purpose::Receive, None);
    assert!(!world.is_corked());
}

/// A fault of the peer that is seen after a write has failed lays a Close frame, which must not
/// follow a part of a frame.
#[test]
fn nothing_is_written_behind_a_frame_that_a_failed_write_cut() {
    let mut world = World::new(config().close_timeout(10 * S));
    world.driver.set_flow(Flow::default().write_timeout(S));
    world.room = 1;
    let ticket = world.lay(Lay::Message("Hello".into())).expect("it is open");
    world.run(Purpose::Receive, None);
    world.now = S;
    // Reading goes on while more comes.
    world.flood = Some((Flood::Pings, 10 * MS));
    world.run(Purpose::Receive, Some(&mut Budget::of(100 * MS, S)));
    assert!(world.driver.is_write_lost());
    world.room = usize::MAX;
    // A message begins within another. A call whose budget is over writes what waits.
    world.arrive(&b"\x01\x80\0\0\0\0".repeat(2));
    let now = world.now;
    world.run(Purpose::Receive, Some(&mut Budget::of(100 * MS, now)));
    assert_eq!(
        world.driver.connection().fault(),
        Some(Fault::Protocol(ProtocolError::InterleavedMessage))
    );
    assert_eq!(world.written, [0x81], "a part of a frame and no more");
    assert!(!matches!(world.is_reached(ticket), Ok(true)));
}
