//! A socket that one task uses.

use std::io::ErrorKind;
use std::task::Poll;
use std::time::Duration;

use bluewire_core::{CloseCode, Fault, Message, SendError, Timeout};

use super::runtime::{Task, advance, advance_only, looks, time};
use super::{CLOSE, CLOSED, HELLO, MS, PING, PONG, SEC, keepalive, quiet, socket};
use crate::Flow;
use crate::error::Error;

fn ready<T>(polled: Poll<T>) -> T {
    match polled {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it still waits"),
    }
}

#[test]
fn a_flood_of_pings_cannot_postpone_the_end_of_closing() {
    let (mut socket, peer) = socket(quiet().close_timeout(SEC));
    peer.ends().flood = Some(PING);
    let mut close = Task::new(socket.close(CloseCode::NORMAL, ""));
    let mut rounds = 0;
    let closure = loop {
        match close.poll() {
            Poll::Ready(closure) => break closure.expect("the code is valid"),
            Poll::Pending => advance(10 * MS),
        }
        rounds += 1;
        assert!(rounds < 1000, "closing does not end");
    };
    assert!(!closure.clean);
    assert!(time() <= SEC + 50 * MS, "{:?}", time());
    assert!(peer.written().starts_with(CLOSED));
}

#[test]
fn a_flood_leaves_other_tasks_their_time() {
    let (mut socket, peer) = socket(quiet());
    peer.ends().flood = Some(HELLO);
    let mut recv = 0;
    for _ in 0..1000 {
        if Task::new(socket.recv()).poll().is_pending() {
            break;
        }
        recv += 1;
    }
    assert!((1..=256).contains(&recv), "{recv}");
    assert_eq!(ready(Task::new(socket.recv_owned()).run()).unwrap(), Some("Hello".into()));
}

/// To look at a clock takes longer than to handle a short message.
#[test]
fn an_echo_looks_at_the_clock_at_most_three_times() {
    let (mut socket, peer) = socket(keepalive());
    let mut echo = Task::new(async {
        while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
            sender.send(message).await.expect("the peer takes it");
        }
    });
    assert!(echo.run().is_pending());
    for _ in 0..10 {
        let before = looks();
        advance(MS);
        peer.send(HELLO);
        assert!(echo.run().is_pending());
        let looked = looks() - before;
        assert!((1..=3).contains(&looked), "{looked}");
    }
}

/// A timer that rings while the program waits for something else wakes a task that does not know why.
#[test]
fn a_deadline_that_passes_while_the_program_is_busy_is_kept() {
    for advance in [advance, advance_only] {
        let (mut socket, peer) = socket(keepalive());
        assert!(Task::new(socket.recv()).run().is_pending());
        peer.send(HELLO);
        assert!(ready(Task::new(socket.recv_owned()).run()).unwrap().is_some());
        advance(SEC);
        let mut recv = Task::new(socket.recv());
        assert!(recv.run().is_pending());
        // Where the timer has yet to ring, it wakes the task.
        super::runtime::advance(Duration::ZERO);
        assert!(recv.run().is_pending());
        assert_eq!(peer.written(), b"\x89\x04\0\0\0\x01");
    }
}

#[test]
fn the_closing_handshake_has_its_time_however_busy_the_program_was() {
    let (mut socket, peer) = socket(quiet().idle_timeout(Some(60 * SEC)).close_timeout(SEC));
    assert!(Task::new(socket.recv()).run().is_pending());
    peer.send(HELLO);
    assert!(ready(Task::new(socket.recv_owned()).run()).unwrap().is_some());
    advance(10 * SEC);
    peer.send(CLOSE);
    let mut recv = Task::new(socket.recv());
    assert!(recv.run().is_pending());
    assert_eq!(peer.written(), CLOSED);
    advance(SEC - MS);
    assert!(recv.run().is_pending());
    advance(MS);
    assert!(ready(recv.run()).unwrap().is_none());
}

/// A system reports the error of a socket once. The end follows.
#[test]
fn an_error_that_wakes_a_task_is_reported() {
    for bytes in [&b""[..], HELLO] {
        let (mut socket, peer) = socket(quiet());
        let mut recv = Task::new(async {
            while let Some(message) = socket.recv().await? {
                assert_eq!(message, Message::Text("Hello"));
            }
            Ok::<_, Error>(())
        });
        assert!(recv.run().is_pending());
        peer.fail(bytes, ErrorKind::ConnectionReset);
        let error = ready(recv.run()).expect_err("the connection was reset");
        let kind = match &error {
            Error::Io(error) => Some(error.kind()),
            _ => None,
        };
        assert_eq!(kind, Some(ErrorKind::ConnectionReset), "{error:?}");
    }
}

#[test]
fn one_pong_waits_for_a_peer_that_pings_and_does_not_read() {
    let (mut socket, peer) = socket(quiet());
    peer.make_room(0);
    let mut recv = Task::new(socket.recv());
    for _ in 0..10 {
        peer.send(PING);
        assert!(recv.run().is_pending());
    }
    peer.make_room(usize::MAX);
    assert!(recv.run().is_pending());
    assert_eq!(peer.written(), PONG);
}

#[test]
fn messages_that_arrive_while_a_send_waits_are_received_next() {
    let (mut socket, peer) = socket(quiet());
    peer.make_room(0);
    let mut send = Task::new(socket.send("one"));
    assert!(send.run().is_pending());
    peer.send(&[HELLO, PING].concat());
    assert!(send.run().is_pending());
    peer.make_room(usize::MAX);
    ready(send.run()).unwrap();
    drop(send);
    assert_eq!(peer.written(), [PONG, b"\x81\x03one"].concat());
    assert_eq!(ready(Task::new(socket.recv_owned()).run()).unwrap(), Some("Hello".into()));
}

#[test]
fn arrivals_are_read_aside_while_a_message_is_lent() {
    let (mut socket, peer) = socket(quiet());
    peer.send(HELLO);
    let mut echo = Task::new(async {
        let (message, mut sender) = socket.recv_with_sender().await.unwrap().unwrap();
        peer.make_room(0);
        peer.send(&[PING, HELLO].concat());
        sender.send(message).await.unwrap();
    });
    assert!(echo.run().is_pending());
    assert!(peer.ends().incoming.is_empty());
    peer.make_room(usize::MAX);
    ready(echo.run());
    drop(echo);
    assert_eq!(ready(Task::new(socket.recv_owned()).run()).unwrap(), Some("Hello".into()));
    assert_eq!(peer.written(), [b"\x81\x05Hello", PONG].concat());
}

/// A task that waits again with the same waker registers it only once.
#[test]
fn a_deadline_wakes_the_task_that_waited_last() {
    let (mut socket, peer) = socket(keepalive());
    // Each waits, and none of them is polled again.
    for _ in 0..3 {
        assert!(Task::new(socket.recv()).run().is_pending());
    }
    let mut last = Task::new(socket.recv());
    assert!(last.run().is_pending());
    advance(SEC / 2);
    // As if it was woken for nothing.
    assert!(last.poll().is_pending());
    assert!(!last.was_woken());
    assert!(last.run_for(SEC / 2, SEC / 2).is_pending());
    assert_eq!(peer.written()[0], PING[0]);
    // The next deadline is that of the Pong.
    assert!(!last.was_woken());
    assert!(ready(last.run_for(SEC, SEC)).is_err());
}

#[test]
fn a_program_that_only_sends_pings_and_notices_that_the_peer_is_gone() {
    let (mut socket, peer) = socket(keepalive());
    for _ in 0..1000 {
        let sent = ready(Task::new(socket.send("x")).run());
        if let Err(error) = sent {
            assert!(matches!(error, Error::Fault(Fault::Timeout(Timeout::Pong))), "{error:?}");
            let pings = peer.ends().writes.iter().filter(|write| write[0] == 0x89).count();
            assert_eq!(pings, 1);
            assert!(time() >= 2 * SEC && time() <= 2 * SEC + 300 * MS, "{:?}", time());
            return;
        }
        advance(10 * MS);
    }
    panic!("nothing has happened in {:?}", time());
}

#[test]
fn a_program_that_only_sends_goes_on_with_a_peer_that_answers() {
    let (mut socket, peer) = socket(keepalive());
    let mut answered = 0;
    for _ in 0..1000 {
        ready(Task::new(socket.send("x")).run()).unwrap();
        let written = peer.ends().writes.clone();
        for ping in written[answered..].iter().filter(|write| write[0] == 0x89) {
            let mut pong = vec![0x8a, 0x80 | ping[1], 0, 0, 0, 0];
            pong.extend_from_slice(&ping[2..]);
            peer.send(&pong);
        }
        answered = written.len();
        advance(10 * MS);
    }
    assert!(socket.round_trip().is_some());
}

#[test]
fn a_close_frame_that_could_not_leave_is_no_clean_end() {
    let (mut socket, peer) = socket(quiet().close_timeout(SEC));
    peer.make_room(0);
    peer.send(CLOSE);
    let mut recv = Task::new(socket.recv_owned());
    let _ = ready(recv.run_for(60 * SEC, 100 * MS));
    drop(recv);
    assert!(!socket.closure().unwrap().clean);
    assert!(peer.ends().shut_down || peer.ends().shut_down_now);
}

#[test]
fn a_connection_that_both_ends_close_is_clean() {
    let (mut socket, peer) = socket(quiet());
    peer.send(CLOSE);
    let mut recv = Task::new(socket.recv_owned());
    assert!(recv.run().is_pending());
    assert!(peer.ends().shut_down);
    peer.ends().eof = true;
    peer.send(b"");
    assert_eq!(ready(recv.run()).unwrap(), None);
    drop(recv);
    assert!(socket.closure().unwrap().clean);
    assert_eq!(peer.written(), CLOSED);
}

#[test]
fn a_budget_cuts_a_peer_that_does_not_answer() {
    let (mut socket, peer) = socket(quiet());
    let mut close = Task::new(socket.close_within(100 * MS, CloseCode::NORMAL, ""));
    assert!(close.run().is_pending());
    let closure = ready(close.run_for(SEC, 10 * MS)).unwrap();
    assert!(!closure.clean && time() == 100 * MS);
    assert!(peer.ends().shut_down_now);
}

#[test]
fn a_stalled_write_fails_and_what_has_arrived_is_still_received() {
    let (mut socket, peer) = socket(quiet().close_timeout(SEC));
    socket.set_flow(Flow::default().write_timeout(SEC));
    peer.make_room(0);
    let mut send = Task::new(socket.send("one"));
    assert!(send.run().is_pending());
    peer.send(HELLO);
    let error = ready(send.run_for(10 * SEC, 100 * MS)).unwrap_err();
    assert!(matches!(&error, Error::Io(error) if error.kind() == ErrorKind::TimedOut), "{error}");
    assert_eq!(time(), SEC);
    drop(send);
    assert_eq!(ready(Task::new(socket.recv_owned()).run()).unwrap(), Some("Hello".into()));
    assert!(ready(Task::new(socket.recv()).run_for(SEC, 100 * MS)).is_err());
}

#[test]
fn a_flush_that_never_ends_is_a_stalled_write() {
    let (mut socket, peer) = socket(quiet());
    socket.set_flow(Flow::default().write_timeout(SEC));
    peer.ends().flush_blocks = true;
    let mut send = Task::new(socket.send("one"));
    assert!(send.run().is_pending());
    let error = ready(send.run_for(10 * SEC, 100 * MS)).unwrap_err();
    assert!(matches!(&error, Error::Io(error) if error.kind() == ErrorKind::TimedOut), "{error}");
    assert_eq!(time(), SEC);
}

#[test]
fn a_send_waits_until_the_stream_has_let_its_bytes_go() {
    let (mut socket, peer) = socket(quiet());
    peer.ends().flush_blocks = true;
    let mut send = Task::new(socket.send("one"));
    assert!(send.run().is_pending());
    peer.ends().flush_blocks = false;
    peer.make_room(usize::MAX);
    ready(send.run()).unwrap();
}

#[test]
fn a_header_never_leaves_by_itself() {
    let payload = vec![7; 40_000];
    for vectored in [false, true] {
        let (mut socket, peer) = socket(quiet());
        peer.ends().vectored = vectored;
        ready(Task::new(socket.send(&payload[..])).run()).unwrap();
        assert_eq!(peer.ends().writes.len(), 1);
        assert_eq!(peer.written().len(), 4 + payload.len());
    }
}

#[test]
fn a_long_message_that_is_dropped_half_written_leaves_whole() {
    let (mut socket, peer) = socket(quiet());
    peer.make_room(1000);
    assert!(Task::new(socket.send(&[7; 40_000][..])).poll().is_pending());
    peer.make_room(usize::MAX);
    ready(Task::new(socket.flush()).run()).unwrap();
    assert_eq!(peer.written().len(), 4 + 40_000);
}

#[test]
fn feeding_without_a_queue_waits_for_each_message() {
    let (mut socket, peer) = socket(quiet());
    socket.set_flow(Flow::default().queue_len_max(0));
    peer.make_room(0);
    ready(Task::new(socket.feed("one")).run()).unwrap();
    let full = socket.try_feed("two").unwrap_err();
    assert!(matches!(full, Error::Send(SendError::OutboxFull)), "{full}");
    let mut feed = Task::new(socket.feed("two"));
    assert!(feed.run().is_pending());
    peer.make_room(usize::MAX);
    ready(feed.run()).unwrap();
    drop(feed);
    assert_eq!(socket.queue_len(), 5);
    assert_eq!(peer.written(), b"\x81\x03one");
}

#[test]
fn invalid_text_is_reported_once_and_the_peer_learns_why() {
    let (mut socket, peer) = socket(quiet());
    peer.send(b"\x81\x82\0\0\0\0\xc3\x28");
    let error = ready(Task::new(socket.recv_owned()).run()).unwrap_err();
    assert!(matches!(error, Error::Fault(Fault::Protocol(_))), "{error}");
    assert_eq!(peer.written()[2..4], 1007_u16.to_be_bytes());
    assert!(peer.ends().shut_down);
    assert!(!socket.closure().unwrap().clean);
    assert_eq!(ready(Task::new(socket.recv_owned()).run()).unwrap(), None);
}

#[test]
fn attending_ends_with_its_time_and_holds_messages() {
    let (mut socket, peer) = socket(quiet());
    let mut attend = Task::new(socket.attend(SEC));
    assert!(attend.run().is_pending());
    peer.send(&[HELLO, PING].concat());
    ready(attend.run_for(2 * SEC, 100 * MS)).unwrap();
    assert_eq!(time(), SEC);
    drop(attend);
    assert_eq!(peer.written(), PONG);
    assert_eq!(ready(Task::new(socket.recv_owned()).run()).unwrap(), Some("Hello".into()));
    // The longest time never comes.
    assert!(Task::new(socket.attend(Duration::MAX)).run().is_pending());
}

#[test]
fn an_answer_waits_for_the_answer_to_the_next_frame() {
    let (mut socket, peer) = socket(quiet());
    peer.send(&[HELLO, HELLO].concat());
    for _ in 0..2 {
        let echo = async {
            let (message, mut sender) = socket.recv_with_sender().await.unwrap().unwrap();
            assert_eq!(message, Message::Text("Hello"));
            sender.send(message).await.unwrap();
        };
        ready(Task::new(echo).run());
    }
    assert_eq!(peer.ends().writes.len(), 1);
    assert_eq!(peer.written(), b"\x81\x05Hello\x81\x05Hello");
}

#[test]
fn an_idle_socket_holds_no_buffers() {
    let (mut socket, peer) = socket(quiet());
    peer.send(HELLO);
    ready(Task::new(socket.recv_owned()).run()).unwrap();
    ready(Task::new(socket.send("x")).run()).unwrap();
    assert!(Task::new(socket.recv()).run().is_pending());
    assert_eq!(socket.inner.arrivals.inbox.capacity(), 0);
    assert_eq!(socket.inner.exchange.driver.outbox_mut().capacity(), 0);
}

#[test]
fn futures_that_wait_are_small() {
    let (mut socket, _peer) = socket(quiet());
    assert!(size_of_val(&socket.recv()) <= 48);
    assert!(size_of_val(&socket.recv_with_sender()) <= 48);
    assert!(size_of_val(&socket.send("x")) <= 64);
    assert!(size_of_val(&socket.close(CloseCode::NORMAL, "")) <= 48);
    let (mut reader, writer) = socket.split();
    assert!(size_of_val(&reader.recv()) <= 96);
    assert!(size_of_val(&writer.send("x")) <= 128);
    assert!(size_of_val(&writer.closed()) <= 64);
}

#[test]
fn a_stalled_send_fails_at_once_when_no_more_may_be_held() {
    let (mut socket, peer) = socket(quiet());
    socket.set_flow(Flow::default().write_timeout(SEC).held_len_max(0));
    peer.make_room(0);
    let mut send = Task::new(socket.send("x"));
    assert!(ready(send.run_for(60 * SEC, 100 * MS)).is_err());
    assert_eq!(time(), SEC);
}

/// Beside its task, and the request of its client.
#[cfg(all(feature = "smol", target_pointer_width = "64", not(feature = "tracing")))]
#[test]
fn an_idle_connection_is_small() {
    use crate::asynch::websocket::Inner;
    use crate::smol::{NetStream, Smol};
    assert!(size_of::<Inner<Smol, NetStream>>() <= 600);
}
