//! The calls that only the asynchronous adapters make.

use std::io::ErrorKind;
use std::time::Duration;

use bluewire_core::{CloseCode, Config, Message, PreparedMessage, State};

use super::super::{Flow, Goal, Lay, Purpose};
use super::world::{Turn, World};
use crate::error::Error;

const S: Duration = Duration::from_secs(1);

fn world() -> World {
    World::new(Config::default().keepalive(None))
}

#[test]
fn bytes_that_the_stream_holds_back_are_not_written_yet() {
    let mut world = world();
    let ticket = world.lay(Lay::Message(Message::Text("Hello"))).expect("it is open");
    world.write();
    world.driver.report_flush(Err(ErrorKind::WouldBlock.into()), || S);
    assert!(matches!(world.is_reached(ticket), Ok(false)));
    assert!(matches!(world.driver.is_reached(Goal::Queue(0)), Ok(false)));
    assert!(matches!(world.driver.is_reached(Goal::Queue(1)), Ok(true)));
    assert!(matches!(world.driver.is_reached(Goal::Control), Ok(false)));
    assert_eq!(world.driver.rare.stall().map(|stall| stall.since), Some(S));
    world.driver.report_flush(Err(ErrorKind::WouldBlock.into()), || 2 * S);
    assert_eq!(world.driver.rare.stall().map(|stall| stall.since), Some(S), "it began then");
    world.driver.report_flush(Ok(()), || 2 * S);
    assert!(matches!(world.is_reached(ticket), Ok(true)));
    assert!(world.driver.rare.stall().is_none());
}

#[test]
fn a_flush_that_succeeds_does_not_excuse_bytes_that_wait() {
    let mut world = world();
    world.room = 0;
    world.lay(Lay::Message(Message::Text("Hello"))).expect("it is open");
    world.write();
    world.driver.report_flush(Ok(()), || S);
    assert!(world.driver.rare.stall().is_some());
}

#[test]
fn a_stream_that_never_lets_go_is_left_after_the_write_timeout() {
    let mut world = world();
    world.driver.set_flow(Flow::default().write_timeout(S));
    let ticket = world.lay(Lay::Message(Message::Text("Hello"))).expect("it is open");
    world.write();
    world.driver.report_flush(Err(ErrorKind::WouldBlock.into()), || Duration::ZERO);
    let turn = world.run_on(Purpose::Attend, 10);
    assert!(matches!(turn, Turn::Ended(Err(Error::Io(_)))), "{turn:?}");
    assert_eq!(world.now, S);
    assert!(world.is_reached(ticket).is_err());
}

#[test]
fn a_flush_that_fails_loses_the_stream() {
    let mut world = world();
    let ticket = world.lay(Lay::Message(Message::Text("Hello"))).expect("it is open");
    world.write();
    let stage = world.driver.stage();
    assert_eq!(stage, (State::Open, false, false));
    world.driver.report_flush(Err(ErrorKind::BrokenPipe.into()), || S);
    assert_eq!(world.driver.stage(), (State::Open, true, false));
    let lost = world.is_reached(ticket);
    assert!(matches!(&lost, Err(Error::Io(error)) if error.kind() == ErrorKind::BrokenPipe));
    assert!(matches!(world.run(Purpose::Receive, None), Turn::Ended(_)));
    assert_eq!(world.driver.stage(), (State::Closed, true, true));
    assert!(!world.closure().clean);
}

#[test]
fn messages_cost_their_payload_and_control_frames_nothing() {
    let message = Message::Text("Hello");
    let prepared = PreparedMessage::new(message);
    for (lay, len) in [
        (Lay::Message(message), 5),
        (Lay::Chunk(message, false), 5),
        (Lay::Prepared(&prepared), 5),
        (Lay::Ping(b"12345678"), 0),
        (Lay::Close(CloseCode::NORMAL, "reason"), 0),
    ] {
        assert_eq!(lay.len(), len, "{lay:?}");
    }
}

#[test]
fn memory_for_held_messages_goes_once_they_are_received() {
    let mut world = world();
    world.arrive(b"\x82\x81\0\0\0\0m");
    world.run(Purpose::Attend, None);
    world.arrivals.release();
    assert!(world.arrivals.has_held(), "it is still to be received");
    world.run(Purpose::Receive, None);
    assert_eq!(world.received.len(), 1);
    world.arrivals.release();
    assert_eq!(format!("{:?}", world.arrivals.held), "Held(None)");
}
