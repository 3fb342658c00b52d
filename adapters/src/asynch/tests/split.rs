//! A socket that several tasks share.

use std::task::Poll;
use std::time::Duration;

use bluewire_core::{CloseCode, Config, Fault, Timeout};
use futures_sink::Sink;

use super::runtime::{Manual, Task, advance, advance_only, time};
use super::wire::{Peer, Wire};
use super::{CLOSE, CLOSED, HELLO, MS, PING, PONG, SEC, keepalive, quiet, socket};
use crate::Flow;
use crate::asynch;
use crate::error::Error;

type Reader = asynch::Reader<Manual, Wire>;
type Writer = asynch::Writer<Manual, Wire>;

fn split(config: Config) -> (Reader, Writer, Peer) {
    split_with(config, Flow::default())
}

fn split_with(config: Config, flow: Flow) -> (Reader, Writer, Peer) {
    let (mut socket, peer) = socket(config);
    socket.set_flow(flow);
    let (reader, writer) = socket.split();
    (reader, writer, peer)
}

fn ready<T>(polled: Poll<T>) -> T {
    match polled {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it still waits"),
    }
}

#[test]
fn one_pong_waits_behind_what_a_peer_that_pings_does_not_read() {
    let (mut reader, writer, peer) = split(quiet());
    peer.make_room(0);
    assert!(Task::new(writer.send("Hello")).run().is_pending());
    let mut recv = Task::new(reader.recv());
    for _ in 0..100 {
        peer.send(PING);
        assert!(recv.run().is_pending());
    }
    assert_eq!(writer.queue_len(), b"\x81\x05Hello".len() + PONG.len());
}

#[test]
fn room_wakes_every_writer_that_waits() {
    let (mut reader, writer, peer) = split(quiet());
    peer.make_room(0);
    let mut recv = Task::new(reader.recv());
    assert!(recv.run().is_pending());
    let mut sends: Vec<_> = (0..5).map(|_| Task::new(writer.send("Hello"))).collect();
    assert!(sends.iter_mut().all(|send| send.run().is_pending()));
    assert!(recv.run().is_pending());
    peer.make_room(usize::MAX);
    // In any order: the one that writes wakes the others.
    for send in sends.iter_mut().rev() {
        ready(send.run()).unwrap();
    }
    assert_eq!(peer.written(), b"\x81\x05Hello".repeat(5));
}

#[test]
fn room_that_comes_little_by_little_is_used() {
    let (_reader, writer, peer) = split(quiet());
    peer.make_room(0);
    let mut sends: Vec<_> = (0..3).map(|_| Task::new(writer.send("Hello"))).collect();
    let mut done = 0;
    for _ in 0..21 {
        assert!(sends[done..].iter_mut().all(|send| send.run().is_pending()));
        peer.make_room(1);
        while done < 3 && sends[done].run().is_ready() {
            done += 1;
        }
    }
    assert_eq!(done, 3);
}

#[test]
fn a_message_of_a_dropped_send_leaves_through_the_reader() {
    let (mut reader, writer, peer) = split(quiet());
    let mut recv = Task::new(reader.recv());
    assert!(recv.run().is_pending());
    peer.make_room(0);
    let mut send = Task::new(writer.send("Hello"));
    assert!(send.run().is_pending());
    drop(send);
    assert!(recv.run().is_pending());
    peer.make_room(usize::MAX);
    assert!(recv.run().is_pending());
    assert_eq!(peer.written(), b"\x81\x05Hello");
}

#[test]
fn a_message_of_a_woken_and_dropped_send_leaves_through_the_reader() {
    let (mut reader, writer, peer) = split(quiet());
    let mut recv = Task::new(reader.recv());
    assert!(recv.run().is_pending());
    peer.make_room(0);
    let mut send = Task::new(writer.send("Hello"));
    assert!(send.run().is_pending());
    peer.make_room(usize::MAX);
    assert!(send.was_woken());
    drop(send);
    assert!(recv.run().is_pending());
    assert_eq!(peer.written(), b"\x81\x05Hello");
}

#[test]
fn wakers_of_futures_that_were_dropped_do_not_pile_up() {
    let (mut reader, writer, peer) = split(keepalive());
    peer.make_room(0);
    for _ in 0..100 {
        assert!(Task::new(reader.recv()).poll().is_pending());
        assert!(Task::new(writer.send("x")).poll().is_pending());
        assert!(Task::new(writer.flush()).poll().is_pending());
        assert!(Task::new(writer.closed()).poll().is_pending());
        let mut sink = writer.clone();
        let closing = std::future::poll_fn(|cx| {
            Sink::<bluewire_core::OwnedMessage>::poll_flush(std::pin::Pin::new(&mut sink), cx)
        });
        assert!(Task::new(closing).poll().is_pending());
    }
    assert_eq!(reader.waiting(), 0);
}

#[test]
fn a_failure_ends_the_wait_for_the_end_while_the_reader_is_not_polled() {
    let (_reader, writer, peer) = split(quiet().close_timeout(SEC));
    let mut closed = Task::new(writer.closed());
    assert!(closed.run().is_pending());
    peer.ends().write_fails = true;
    assert!(ready(Task::new(writer.send("x")).run()).is_err());
    let closure = ready(closed.run_for(5 * SEC, 100 * MS)).unwrap();
    assert!(!closure.clean);
    assert_eq!(time(), SEC);
}

#[test]
fn a_stall_ends_the_wait_for_the_end_while_the_reader_is_not_polled() {
    let flow = Flow::default().write_timeout(SEC);
    let (_reader, writer, peer) = split_with(quiet().close_timeout(SEC), flow);
    peer.make_room(0);
    assert!(Task::new(writer.send("x")).run().is_pending());
    let mut closed = Task::new(writer.closed());
    assert!(!ready(closed.run_for(5 * SEC, 100 * MS)).unwrap().clean);
    assert_eq!(time(), 2 * SEC);
}

#[test]
fn a_closing_that_the_reader_does_not_see_ends_in_time() {
    let (reader, writer, peer) = split(quiet().close_timeout(SEC));
    let mut closed = Task::new(writer.closed());
    assert!(closed.run().is_pending());
    ready(Task::new(writer.close(CloseCode::NORMAL, "")).run()).unwrap();
    assert!(closed.was_woken());
    assert!(!ready(closed.run_for(5 * SEC, 100 * MS)).unwrap().clean);
    assert_eq!(time(), SEC);
    assert_eq!(peer.written(), CLOSED);
    assert!(reader.closure().is_some());
}

#[test]
fn a_writer_reads_in_the_place_of_a_reader_that_is_gone() {
    let (reader, writer, peer) = split(quiet());
    let mut closed = Task::new(writer.closed());
    assert!(closed.run().is_pending());
    drop(reader);
    assert!(closed.run().is_pending());
    peer.send(&[HELLO, PING, CLOSE].concat());
    peer.ends().eof = true;
    let closure = ready(closed.run()).unwrap();
    assert!(closure.clean);
    assert_eq!(peer.written(), [PONG, CLOSED].concat());
}

#[test]
fn a_writer_alone_pings_and_notices_that_the_peer_is_gone() {
    let (reader, writer, peer) = split(keepalive());
    drop(reader);
    for _ in 0..1000 {
        let sent = ready(Task::new(writer.send("x")).run());
        if let Err(error) = sent {
            assert!(matches!(error, Error::Fault(Fault::Timeout(Timeout::Pong))), "{error:?}");
            let closure = ready(Task::new(writer.closed()).run_for(SEC, 100 * MS)).unwrap();
            assert_eq!(closure.fault, Some(Fault::Timeout(Timeout::Pong)));
            assert!(peer.ends().writes.iter().any(|write| write[0] == 0x89));
            return;
        }
        advance(10 * MS);
    }
    panic!("nothing has happened in {:?}", time());
}

#[test]
fn messages_that_close_now_drops_are_never_reported_as_written() {
    for room in [0, 10] {
        let (mut reader, writer, peer) = split(quiet());
        peer.make_room(room);
        let mut first = Task::new(writer.send("a message that is longer than the room"));
        let mut second = Task::new(writer.send("another one"));
        let mut recv = Task::new(reader.recv_owned());
        assert!(first.run().is_pending() && second.run().is_pending());
        assert!(recv.run().is_pending());
        writer.close_now(CloseCode::GOING_AWAY, "").unwrap();
        peer.make_room(usize::MAX);
        assert!(ready(first.run()).is_err());
        assert!(ready(second.run()).is_err());
        assert!(ready(recv.run()).is_err());
        assert!(peer.ends().shut_down_now);
        assert!(!writer.closure().unwrap().clean);
        assert!(ready(Task::new(writer.send("x")).run()).is_err());
    }
}

#[test]
fn one_timer_serves_several_deadlines() {
    let (mut reader, writer, _peer) = split(keepalive().close_timeout(5 * SEC));
    let mut recv = Task::new(reader.recv_owned());
    assert!(recv.run().is_pending());
    let mut close = Task::new(writer.close_within(300 * MS, CloseCode::NORMAL, ""));
    assert!(close.run().is_pending());
    drop(close);
    let mut close = Task::new(writer.close_within(700 * MS, CloseCode::NORMAL, ""));
    for _ in 0..6 {
        assert!(close.run().is_pending() && recv.run().is_pending());
        advance(100 * MS);
    }
    assert!(!ready(close.run_for(SEC, 100 * MS)).unwrap().clean);
    assert_eq!(time(), 700 * MS);
    assert!(recv.run().is_ready());
}

#[test]
fn a_reader_and_a_writer_keep_their_deadlines_on_one_timer() {
    let (mut reader, writer, peer) = split(keepalive());
    let mut recv = Task::new(reader.recv_owned());
    assert!(recv.run().is_pending());
    peer.make_room(0);
    let mut send = Task::new(writer.send("x"));
    assert!(send.run().is_pending());
    let mut ended = false;
    for _ in 0..100 {
        ended |= recv.run().is_ready();
        if ended {
            break;
        }
        let _ = send.was_woken();
        advance(100 * MS);
    }
    assert!(ended, "the reader has missed its deadline");
    assert!(ready(send.run()).is_err());
}

#[test]
fn a_ping_is_written_before_its_future_is_ready() {
    let (_reader, writer, peer) = split(quiet());
    peer.make_room(0);
    let mut ping = Task::new(writer.ping(b"?"));
    assert!(ping.run().is_pending());
    peer.make_room(usize::MAX);
    ready(ping.run()).unwrap();
    assert_eq!(peer.written(), b"\x89\x01?");
}

#[test]
fn feeding_waits_for_room_and_then_goes_on() {
    let (_reader, writer, peer) = split_with(quiet(), Flow::default().queue_len_max(0));
    peer.make_room(0);
    ready(Task::new(writer.feed("one")).run()).unwrap();
    assert!(writer.try_feed("two").is_err());
    let mut feed = Task::new(writer.feed("two"));
    assert!(feed.run().is_pending());
    peer.make_room(usize::MAX);
    ready(feed.run()).unwrap();
    assert_eq!(writer.queue_len(), 5);
}

#[test]
fn the_reader_sees_the_peers_close_and_the_writer_learns_of_the_end() {
    let (mut reader, writer, peer) = split(quiet());
    let mut closed = Task::new(writer.closed());
    let mut recv = Task::new(reader.recv_owned());
    assert!(closed.run().is_pending() && recv.run().is_pending());
    peer.send(CLOSE);
    assert!(recv.run().is_pending());
    peer.ends().eof = true;
    peer.send(b"");
    assert_eq!(ready(recv.run()).unwrap(), None);
    assert!(ready(closed.run()).unwrap().clean);
}

#[test]
fn closing_within_unlimited_time_does_not_end_early() {
    let (_reader, writer, _peer) = split(quiet().close_timeout(Duration::MAX));
    let mut close = Task::new(writer.close_within(Duration::MAX, CloseCode::NORMAL, ""));
    assert!(close.run_for(100 * SEC, SEC).is_pending());
}

#[test]
fn a_stalled_send_fails_at_once_while_the_reader_is_not_polled() {
    let (_reader, writer, peer) = split_with(quiet(), Flow::default().write_timeout(SEC));
    peer.make_room(0);
    let mut send = Task::new(writer.send("x"));
    assert!(ready(send.run_for(60 * SEC, 100 * MS)).is_err());
    assert_eq!(time(), SEC);
}

#[test]
fn a_writer_learns_that_the_reader_has_written_its_message() {
    let (mut reader, writer, peer) = split(quiet());
    peer.make_room(0);
    let mut send = Task::new(writer.send("Hello"));
    assert!(send.run().is_pending());
    let mut recv = Task::new(reader.recv());
    assert!(recv.run().is_pending());
    // No task is woken, but the reader looks again.
    peer.ends().room = usize::MAX;
    assert!(recv.poll().is_pending());
    assert_eq!(peer.written(), b"\x81\x05Hello");
    ready(send.run()).unwrap();
}

#[test]
fn a_deadline_without_a_task_leaves_the_others() {
    let (_reader, writer, _peer) = split(quiet());
    let mut first = Task::new(writer.close_within(SEC, CloseCode::NORMAL, ""));
    let mut second = Task::new(writer.close_within(2 * SEC, CloseCode::NORMAL, ""));
    assert!(first.run().is_pending() && second.run().is_pending());
    drop(first);
    // The second one finds out by itself that the time of the first one is over.
    advance(SEC);
    assert!(second.run().is_pending());
    advance(SEC);
    assert!(!ready(second.run()).unwrap().clean);
    assert_eq!(time(), 2 * SEC);
}

#[test]
fn bytes_without_a_waiting_writer_leave_through_the_reader() {
    let (mut reader, writer, peer) = split(quiet());
    let mut recv = Task::new(reader.recv());
    assert!(recv.run().is_pending());
    peer.make_room(0);
    let message = vec![7; 40_000];
    for _ in 0..3 {
        writer.try_feed(&message[..]).unwrap();
    }
    assert!(recv.run().is_pending());
    peer.make_room(usize::MAX);
    assert!(recv.run().is_pending());
    assert_eq!(peer.written().len(), 3 * (4 + message.len()));
}

#[test]
fn a_writer_that_waits_to_write_is_not_woken_by_what_arrives() {
    let (mut reader, writer, peer) = split(quiet());
    peer.make_room(0);
    let mut send = Task::new(writer.send("Hello"));
    assert!(send.run().is_pending());
    peer.send(HELLO);
    assert_eq!(ready(Task::new(reader.recv_owned()).run()).unwrap(), Some("Hello".into()));
    assert!(!send.was_woken());
}

#[test]
fn a_task_whose_deadline_another_one_has_seen_pass_is_woken() {
    let (_reader, writer, _peer) = split(quiet());
    let mut first = Task::new(writer.close_within(SEC, CloseCode::NORMAL, ""));
    let mut second = Task::new(writer.close_within(2 * SEC, CloseCode::NORMAL, ""));
    assert!(first.run().is_pending() && second.run().is_pending());
    advance_only(SEC);
    // It takes the timer, which was set for the first one, for itself.
    assert!(second.poll().is_pending());
    assert!(!ready(first.run()).unwrap().clean);
}
