//! The parts of the driver, each at its bounds.

use std::io::{self, ErrorKind};
use std::time::Duration;

use bluewire_core::{
    CloseCode, Config, Fault, Message, PreparedMessage, ProtocolError, SendError, State,
};

use super::super::arrivals::Aside;
use super::super::deadlines::Due;
use super::super::{
    Budget, CORK_LEN_MAX, Flow, GATHER_LEN_MIN, Goal, Intake, Lay, Next, Purpose, Rest, Want,
    into_io,
};
use super::world::{Turn, World};
use crate::error::Error;
use crate::group::Group;

const S: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn world() -> World {
    World::new(Config::default().keepalive(None))
}

fn lay(world: &mut World, text: &str) {
    world.lay(Lay::Message(Message::Text(text))).expect("it is open");
}

#[test]
fn the_rest_of_a_message_is_handed_out_in_order() {
    let mut rest = Rest::default();
    let mut buf = [0; 2];
    assert_eq!(rest.take(&mut buf), None);
    assert_eq!(rest.put(Message::Binary(b"abcde"), &mut buf).ok(), Some(2));
    assert_eq!(&buf, b"ab");
    assert_eq!((rest.take(&mut buf), &buf), (Some(2), b"cd"));
    assert_eq!((rest.take(&mut buf), buf[0]), (Some(1), b'e'));
    assert_eq!(rest.take(&mut buf), None);
    // A message that fits leaves nothing, and the next one replaces what was there.
    assert_eq!(rest.put(Message::Binary(b"xyz"), &mut buf).ok(), Some(2));
    assert_eq!(rest.put(Message::Binary(b"f"), &mut buf).ok(), Some(1));
    assert_eq!(rest.take(&mut buf), None);
    let text = rest.put(Message::Text("text"), &mut buf).expect_err("it is text");
    assert_eq!(text.kind(), ErrorKind::InvalidData);
}

#[test]
fn errors_of_a_connection_become_errors_of_a_stream() {
    let refused = ErrorKind::ConnectionRefused;
    for (error, kind) in [
        (Error::Io(refused.into()), refused),
        (Error::Fault(Fault::ConnectionLost), ErrorKind::ConnectionAborted),
        (Error::Send(SendError::NotOpen), ErrorKind::BrokenPipe),
        (Error::Send(SendError::OutboxFull), ErrorKind::Other),
    ] {
        assert_eq!(into_io(error).kind(), kind);
    }
}

#[test]
fn a_peer_must_take_the_rate_over_the_timeout_and_at_least_a_byte() {
    for (rate, timeout, bytes) in [
        (1024, 30 * S, 30 * 1024),
        (1000, MS, 1),
        (2000, MS, 2),
        (1, MS, 1),
        (0, 30 * S, 1),
        (1024, Duration::ZERO, 1),
        (u32::MAX, Duration::MAX, u64::MAX),
    ] {
        let flow = Flow::default().write_rate_min(rate).write_timeout(timeout);
        assert_eq!(flow.progress_min(), bytes, "{rate} {timeout:?}");
    }
    let flow = Flow::default();
    assert_eq!((flow.queue_len_max, flow.held_len_max), (1 << 20, 1 << 20));
    assert!(flow.cork && !flow.cork(false).cork);
}

#[test]
fn waiting_bytes_are_written_first_from_the_bound_on() {
    for (len, waits) in [(CORK_LEN_MAX - 1, false), (CORK_LEN_MAX, true)] {
        let mut world = world();
        // Its header has ten bytes from 64 KiB on, and four below.
        let payload = vec![0; len - 4];
        world.lay(Lay::Message(Message::Binary(&payload))).expect("it is open");
        assert_eq!(world.driver.queue_len(), len);
        assert_eq!(world.driver.queued_data_len(), len);
        assert_eq!(world.driver.should_write_first(), waits);
        world.driver.lent_corked = true;
        let mut aside = Aside::default();
        assert_eq!(world.driver.should_write(&Intake::Aside(&mut aside)), waits);
        assert!(world.driver.should_write(&Intake::Nowhere));
    }
}

#[test]
fn the_queue_is_bounded_and_has_room_again_at_half() {
    let mut world = world();
    world.driver.set_flow(Flow::default().queue_len_max(14));
    for _ in 0..2 {
        assert!(world.driver.check_queue().is_ok() && !world.driver.should_write_first());
        lay(&mut world, "Hello");
    }
    assert_eq!(world.driver.queue_len(), 14);
    assert_eq!(world.driver.check_queue(), Err(SendError::OutboxFull));
    assert!(world.driver.should_write_first());
    let room = world.driver.room_goal();
    assert_eq!(room, Goal::Queue(7));
    world.room = 6;
    world.write();
    assert!(matches!(world.driver.is_reached(room), Ok(false)));
    world.room = 1;
    world.write();
    assert!(matches!(world.driver.is_reached(room), Ok(true)));
}

/// Sends a long message by a stream that gives these results, and returns all that it took.
fn send_from(world: &mut World, results: Vec<io::Result<usize>>) -> (Vec<u8>, usize) {
    let payload = vec![7; GATHER_LEN_MIN];
    let (mut taken, mut calls) = (Vec::new(), 0);
    let mut results = results.into_iter();
    let now = world.now;
    let ticket = world.driver.send_from(
        Message::Binary(&payload),
        || now,
        |slices| {
            calls += 1;
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            let len = results.next().unwrap_or(Ok(usize::MAX))?.min(all.len());
            taken.extend(&all[..len]);
            Ok(len)
        },
    );
    assert!(ticket.is_ok());
    (taken, calls)
}

#[test]
fn a_long_message_is_written_from_where_it_lies() {
    let frame_len = GATHER_LEN_MIN + 4;
    let mut world = world();
    let interrupted = || Err(ErrorKind::Interrupted.into());
    let (taken, calls) = send_from(&mut world, vec![Ok(3), interrupted(), Ok(100)]);
    assert_eq!((taken.len(), calls), (frame_len, 4));
    assert_eq!(world.driver.queue_len(), 0);

    // The rest waits, and the time in which the peer takes nothing begins.
    world.driver.set_flow(Flow::default().write_timeout(S));
    let (taken, calls) = send_from(&mut world, vec![Ok(3), Err(ErrorKind::WouldBlock.into())]);
    assert_eq!((taken.len(), calls), (3, 2));
    assert_eq!(world.driver.queue_len(), frame_len - 3);
    assert!(world.driver.rare.stall().is_some());
    let ticket = world.driver.ticket();
    assert!(!world.driver.is_sent(ticket));
    // Behind what waits it is laid.
    let (_, calls) = send_from(&mut world, vec![]);
    assert_eq!((world.driver.queue_len(), calls), (2 * frame_len - 3, 0));
    world.write();
    assert!(world.driver.is_sent(ticket) && world.driver.rare.stall().is_none());
}

#[test]
fn a_long_message_that_cannot_be_written_loses_the_stream() {
    for result in [Ok(0), Err(ErrorKind::BrokenPipe.into())] {
        let mut world = world();
        let kind = result.as_ref().err().map_or(ErrorKind::WriteZero, io::Error::kind);
        let (_, calls) = send_from(&mut world, vec![Ok(1), result]);
        assert_eq!(calls, 2);
        assert!(world.driver.is_write_lost() && world.driver.queue_len() == 0);
        let again = world.lay(Lay::Message(Message::Text("more")));
        assert!(matches!(&again, Err(Error::Io(error)) if error.kind() == kind), "{again:?}");
        let lost = world.driver.is_reached(Goal::Queue(0));
        assert!(matches!(&lost, Err(Error::Io(error)) if error.kind() == kind), "{lost:?}");
    }
}

#[test]
fn a_short_message_is_laid() {
    let mut world = world();
    let payload = vec![7; GATHER_LEN_MIN - 1];
    let sent = world.driver.send_from(
        Message::Binary(&payload),
        || Duration::ZERO,
        |_| panic!("it is not written at once"),
    );
    assert!(sent.is_ok());
    assert_eq!(world.driver.queue_len(), GATHER_LEN_MIN + 3);
}

#[test]
fn a_write_that_takes_nothing_fails_and_an_interrupted_one_is_tried_again() {
    let mut world = world();
    lay(&mut world, "Hello");
    let mut results = [Err(ErrorKind::Interrupted.into()), Ok(7)].into_iter();
    let all = world.driver.write_out(|| S, |_| results.next().expect("two writes are enough"));
    assert!(all && !world.driver.is_write_lost());
    let ticket = world.lay(Lay::Message(Message::Text("Hello"))).expect("it is open");
    assert!(world.driver.write_out(|| S, |_| Ok(0)));
    assert!(world.driver.is_write_lost());
    let lost = world.is_reached(ticket);
    assert!(matches!(&lost, Err(Error::Io(error)) if error.kind() == ErrorKind::WriteZero));
}

#[test]
fn the_rate_of_a_slow_peer_counts_from_when_it_stopped() {
    let mut world = world();
    world.driver.set_flow(Flow::default().write_timeout(S).write_rate_min(10));
    world.lay(Lay::Message(Message::Binary(&[0; 1000]))).expect("it is open");
    world.room = 0;
    world.run(Purpose::Receive, None);
    for (room, ended) in [(10, false), (5, false), (4, true)] {
        world.room = room;
        world.write();
        if room == 5 {
            world.room = 5;
            world.write();
        }
        world.now += S;
        world.room = 0;
        let turn = world.run(Purpose::Receive, None);
        assert_eq!(matches!(turn, Turn::Ended(_)), ended, "{room} {turn:?}");
    }
}

#[test]
fn a_goal_for_control_frames_waits_for_them_alone() {
    let mut world = world();
    lay(&mut world, "Hello");
    assert!(matches!(world.driver.is_reached(Goal::Control), Ok(true)));
    world.lay(Lay::Ping(b"?")).expect("it is open");
    assert!(matches!(world.driver.is_reached(Goal::Control), Ok(false)));
    let ticket = world.driver.ticket();
    assert_eq!(world.driver.queued_data_len(), 7);
    world.write();
    assert!(matches!(world.driver.is_reached(Goal::Control), Ok(true)));
    assert!(matches!(world.is_reached(ticket), Ok(true)));
    assert!(matches!(world.driver.is_reached(Goal::Queue(0)), Ok(true)));
}

#[test]
fn goals_fail_once_the_connection_has_ended() {
    let mut world = world();
    world.arrive(b"\x81\x01a");
    let ended = world.run_on(Purpose::Receive, 10);
    let unmasked = Fault::Protocol(ProtocolError::UnmaskedFrame);
    assert!(matches!(ended, Turn::Ended(Err(Error::Fault(fault))) if fault == unmasked));
    lay_fails(&mut world);
    let mut world = self::world();
    world.arrive(b"\x88\x80\0\0\0\0");
    world.incoming_ended = true;
    assert!(matches!(world.run_on(Purpose::Receive, 10), Turn::Ended(Ok(()))));
    lay_fails(&mut world);
}

fn lay_fails(world: &mut World) {
    let sent = world.lay(Lay::Message(Message::Text("late")));
    assert!(matches!(sent, Err(Error::Send(SendError::NotOpen))), "{sent:?}");
}

#[test]
fn the_driver_answers_a_ping_if_the_engine_leaves_it() {
    for (answers, auto_pong, pongs) in
        [(false, false, 0), (true, false, 1), (false, true, 1), (true, true, 1)]
    {
        let mut world = World::new(Config::default().keepalive(None).auto_pong(auto_pong));
        world.driver.answers_pings = answers;
        assert!(!world.driver.take_answered());
        world.arrive(b"\x89\x80\0\0\0\0");
        world.run(Purpose::Receive, None);
        assert_eq!(world.written, b"\x8a\0".repeat(pongs), "{answers} {auto_pong}");
        assert!(world.driver.take_answered());
        assert!(!world.driver.take_answered());
    }
}

#[test]
fn closing_is_complete_once_both_close_frames_have_crossed() {
    let mut world = world();
    world.room = 0;
    assert!(!world.driver.is_closing_complete());
    world.arrive(b"\x88\x82\0\0\0\0\x03\xe8");
    world.run(Purpose::Receive, None);
    assert!(!world.driver.is_closing_complete());
    world.room = usize::MAX;
    world.write();
    assert!(world.driver.is_closing_complete());
    assert_ne!(world.driver.state(), State::Open);
    let invalid = world.driver.begin_close(CloseCode::NO_STATUS_RECEIVED, "", S);
    assert!(invalid.is_err() && world.driver.begin_close(CloseCode::NORMAL, "", S).is_ok());
    assert!(world.driver.begin_close_now(CloseCode::NO_STATUS_RECEIVED, "", S).is_err());
    assert!(world.driver.begin_close_now(CloseCode::NORMAL, "", S).is_ok());
}

#[test]
fn a_wait_is_renewed_once_something_was_queued() {
    let mut world = world();
    world.driver.set_flow(Flow::default().write_timeout(3 * S));
    let idle = Want { read: true, write: false, shut_down: true, until: (10 * S).into() };
    assert_eq!(world.driver.renewed(idle, S), idle);
    lay(&mut world, "Hello");
    let renewed = Want { read: true, write: true, shut_down: false, until: (4 * S).into() };
    assert_eq!(world.driver.renewed(idle, S), renewed);
    assert_eq!(world.driver.renewed(Want { until: S.into(), ..idle }, S).until, S.into());
    let writing = Want { write: true, ..idle };
    assert_eq!(world.driver.renewed(writing, S), writing);

    let (mut world, group) = (self::world(), Group::new());
    world.driver.set_flow(Flow::default().write_timeout(3 * S));
    group.join(&mut world).expect("it is open");
    assert_eq!(world.driver.renewed(idle, S), idle);
    group.publish("Hello");
    assert_eq!(world.driver.renewed(idle, S), renewed);
}

#[test]
fn an_idle_connection_keeps_no_memory_of_a_stall() {
    let mut world = world();
    lay(&mut world, "Hello");
    world.room = 0;
    world.run(Purpose::Receive, None);
    assert_ne!(format!("{:?}", world.driver.rare), "Rare(None)");
    world.room = usize::MAX;
    world.write();
    assert_eq!(format!("{:?}", world.driver.rare), "Rare(None)");
    world.driver.set_flow(Flow::default().cork(false));
    world.driver.rare.end_stall();
    assert!(world.driver.rare.own_flow().is_some());
}

#[test]
fn a_clock_that_is_set_back_takes_the_beginnings_of_waits_along() {
    let mut world = world();
    world.room = 0;
    world.now = 10 * S;
    lay(&mut world, "Hello");
    world.run(Purpose::Receive, None);
    assert_eq!(world.driver.rare.stall().map(|stall| stall.since), Some(10 * S));
    world.now = 5 * S;
    world.run(Purpose::Receive, None);
    assert_eq!(world.driver.rare.stall().map(|stall| stall.since), Some(5 * S));

    let mut world = self::world();
    world.driver.write_failed(ErrorKind::BrokenPipe.into(), 10 * S);
    world.driver.drained(10 * S);
    world.driver.judge(false, false, 5 * S);
    assert_eq!(world.driver.rare.loss().and_then(|loss| loss.write), Some(5 * S));
}

#[test]
fn a_budget_of_a_caller_that_cannot_read_ends_at_once() {
    let world = world();
    let mut budget = Budget::until(S);
    assert_eq!(world.driver.judge_budget(&mut budget, false, S - MS), Due::No);
    assert_eq!(world.driver.judge_budget(&mut budget, true, S), Due::AfterRead);
    assert_eq!(world.driver.judge_budget(&mut budget, false, S), Due::Yes);
}

#[test]
fn a_lost_stream_reaches_no_goal_for_control_frames() {
    let mut world = world();
    assert!(matches!(world.driver.is_reached(Goal::Control), Ok(true)));
    world.driver.write_failed(ErrorKind::BrokenPipe.into(), S);
    assert!(matches!(world.driver.is_reached(Goal::Control), Err(Error::Io(_))));
}

#[test]
fn without_the_cork_every_answer_leaves_alone() {
    let mut world = world();
    world.driver.set_flow(Flow::default().cork(false));
    world.arrivals.inbox.extend(&b"\x82\x80\0\0\0\0".repeat(2));
    let next = world.driver.next(&mut world.arrivals, Purpose::Receive, None, || S);
    let Next::Deliver(ready) = next else { panic!("a message has arrived: {next:?}") };
    assert!(world.driver.lend(ready, &mut world.arrivals).is_ok());
    assert!(!world.driver.lent_corked && !world.is_corked());
}

#[test]
fn a_prepared_message_is_laid_like_another() {
    let mut world = world();
    world.lay(Lay::Prepared(&PreparedMessage::new("Hello"))).expect("it is open");
    world.write();
    assert_eq!(world.written, b"\x81\x05Hello");
}
