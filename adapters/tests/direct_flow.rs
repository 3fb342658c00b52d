//! How the direct API sends, holds, attends and closes: all adapters, both roles.

#![cfg(all(feature = "blocking", feature = "smol"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/watchdog.rs"]
mod watchdog;

mod direct;

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use bluewire::{
    CloseCode, Config, Delivery, Error, Flow, Limits, Message, OwnedMessage, PreparedMessage,
    SendError,
};
use bluewire_core::Role;

use direct::{Blocking, Seen, Socket, pair};

const SOON: Duration = Duration::from_secs(30);
const MIB: usize = 1024 * 1024;

over_all!(
    pings_are_answered_while_the_program_only_sends,
    messages_that_come_while_it_sends_are_held_in_order,
    nothing_is_read_past_the_held_bound,
    attending_answers_pings_and_sees_a_close,
    feeding_is_bounded_and_drained,
    sending_without_waiting_leaves_at_once,
    sending_without_waiting_is_bounded,
    a_peer_that_reads_nothing_is_left_after_the_write_timeout,
    closing_within_a_budget_does_not_wait,
    closing_now_drops_what_has_not_begun,
    an_answer_is_corked_while_another_frame_is_there,
    a_normal_close_is_the_end_and_no_error,
    a_close_that_is_taken_late_is_answered_in_time,
    bytes_are_read_and_written_to_the_end;
    not over TLS:
    leftover_bytes_are_received_first,
    a_message_larger_than_memory_goes_in_chunks,
);

fn pings_are_answered_while_the_program_only_sends<S: Socket>(role: Role) {
    let (mut socket, mut peer) = pair::<S>(role, Config::default());
    peer.ping(b"1");
    let sending = thread::spawn(move || {
        for _ in 0..100 {
            socket.send("tick".into()).unwrap();
            thread::sleep(Duration::from_millis(5));
        }
        socket
    });
    let seen = (0..).take_while(|_| peer.next(SOON) != Seen::Pong(b"1".to_vec()));
    assert!(seen.count() < 100, "it is not behind all that was sent");
    sending.join().unwrap();
}

fn messages_that_come_while_it_sends_are_held_in_order<S: Socket>(role: Role) {
    let (mut socket, mut peer) = pair::<S>(role, Config::default());
    socket.set_flow(Flow::default().held_len_max(64 * MIB));
    let sending = thread::spawn(move || {
        for _ in 0..32 {
            socket.send(Message::Binary(&vec![1; MIB])).unwrap();
        }
        socket
    });
    // The peer writes all that it has before it reads anything.
    for number in 0..32_u8 {
        peer.send(Message::Binary(&vec![number; MIB]));
    }
    for _ in 0..32 {
        assert!(matches!(peer.next(SOON), Seen::Message(_)));
    }
    let mut socket = sending.join().unwrap();
    for number in 0..32_u8 {
        assert_eq!(socket.recv().unwrap(), Some(OwnedMessage::Binary(vec![number; MIB])));
    }
}

fn nothing_is_read_past_the_held_bound<S: Socket>(role: Role) {
    let (mut socket, mut peer) = pair::<S>(role, Config::default());
    socket.set_flow(Flow::default().held_len_max(100_000));
    let sending = thread::spawn(move || {
        for number in 0..64_u8 {
            peer.send(Message::Binary(&vec![number; MIB]));
        }
        peer
    });
    socket.attend(Duration::from_millis(500)).unwrap();
    assert!(!sending.is_finished(), "the peer is held up");
    for number in 0..64_u8 {
        assert_eq!(socket.recv().unwrap(), Some(OwnedMessage::Binary(vec![number; MIB])));
    }
    sending.join().unwrap();
}

fn attending_answers_pings_and_sees_a_close<S: Socket>(role: Role) {
    let (mut socket, mut peer) = pair::<S>(role, Config::default());
    peer.send("before".into());
    peer.ping(b"2");
    let peer = thread::spawn(move || {
        assert_eq!(peer.next(SOON), Seen::Pong(b"2".to_vec()));
        let code = CloseCode::GOING_AWAY;
        peer.connection.close(Duration::ZERO, code, "", &mut peer.outbox).unwrap();
        peer.flush();
        assert_eq!(peer.next(SOON), Seen::Close(Some(code)));
    });
    socket.attend(Duration::from_secs(2)).unwrap();
    peer.join().unwrap();
    assert_eq!(socket.recv().unwrap(), Some(OwnedMessage::Text("before".to_owned())));
    assert_eq!(socket.recv().unwrap(), None);
    assert_eq!(socket.closure().unwrap().code, CloseCode::GOING_AWAY);
}

fn feeding_is_bounded_and_drained<S: Socket>(role: Role) {
    let (mut socket, mut peer) = pair::<S>(role, Config::default());
    let bound = 256 * 1024;
    socket.set_flow(Flow::default().queue_len_max(bound));
    let message = vec![3; 10_000];
    let mut fed = 0;
    let refused = loop {
        match socket.try_feed(Message::Binary(&message)) {
            Ok(()) => fed += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, Error::Send(SendError::OutboxFull)));
    assert!((bound..bound + 10_014).contains(&socket.queue_len()));
    let reading = thread::spawn(move || {
        for _ in 0..fed + 2 {
            assert!(matches!(peer.next(SOON), Seen::Message(_)));
        }
    });
    socket.feed(Message::Binary(&message)).unwrap();
    assert!(socket.queue_len() <= bound);
    socket.drain(1000).unwrap();
    assert!(socket.queue_len() <= 1000);
    socket.try_feed(Message::Binary(&message)).unwrap();
    socket.drain(0).unwrap();
    reading.join().unwrap();
}

fn sending_without_waiting_leaves_at_once<S: Socket>(role: Role) {
    let (mut socket, mut peer) = pair::<S>(role, Config::default());
    let text = |text: &str| Seen::Message(OwnedMessage::Text(text.to_owned()));
    socket.try_send("one".into()).unwrap();
    assert_eq!(peer.next(SOON), text("one"));
    socket.try_send_prepared(&PreparedMessage::new("two")).unwrap();
    assert_eq!(peer.next(SOON), text("two"));
    // A queued message leaves with the next one that is sent.
    socket.try_feed_prepared(&PreparedMessage::new("three")).unwrap();
    assert!(socket.queue_len() > 0);
    socket.try_send("four".into()).unwrap();
    assert_eq!((peer.next(SOON), peer.next(SOON)), (text("three"), text("four")));
    peer.send("back".into());
    socket.recv_and_try().unwrap();
    for _ in 0..4 {
        assert_eq!(peer.next(SOON), text("back"));
    }
}

fn sending_without_waiting_is_bounded<S: Socket>(role: Role) {
    let (mut socket, mut peer) = pair::<S>(role, Config::default());
    socket.set_flow(Flow::default().queue_len_max(256 * 1024));
    let message = vec![3; 100_000];
    let prepared = PreparedMessage::new(&message);
    let mut sent = 0;
    // The peer reads nothing: what the system takes is written, then the queue fills.
    let refused = loop {
        let tried = match sent % 2 {
            0 => socket.try_send(Message::Binary(&message)),
            _ => socket.try_send_prepared(&prepared),
        };
        match tried {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        assert!(sent < 10_000, "nothing bounds it");
    };
    assert!(matches!(refused, Error::Send(SendError::OutboxFull)), "{refused}");
    assert!((256 * 1024..512 * 1024).contains(&socket.queue_len()));
    let reading = thread::spawn(move || {
        for number in 0..sent {
            let seen = peer.next(SOON);
            let Seen::Message(received) = seen else { panic!("{number} of {sent}: {seen:?}") };
            assert_eq!(received.len(), 100_000);
        }
    });
    socket.drain(0).unwrap();
    reading.join().unwrap();
}

fn a_peer_that_reads_nothing_is_left_after_the_write_timeout<S: Socket>(role: Role) {
    let (mut socket, _peer) = pair::<S>(role, Config::default());
    socket.set_flow(Flow::default().write_timeout(Duration::from_millis(150)));
    let began = Instant::now();
    let error = loop {
        if let Err(error) = socket.send(Message::Binary(&vec![0; MIB])) {
            break error;
        }
    };
    let Error::Io(error) = error else { panic!("{error}") };
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert!(began.elapsed() < SOON);
}

fn closing_within_a_budget_does_not_wait<S: Socket>(role: Role) {
    let (mut socket, _peer) = pair::<S>(role, Config::default());
    let began = Instant::now();
    let closure = socket.close_within(Duration::from_millis(100)).unwrap();
    assert!(!closure.clean);
    assert_eq!(closure.sent, Some(CloseCode::NORMAL));
    assert!(began.elapsed() < Duration::from_secs(2));

    let (mut socket, mut peer) = pair::<S>(role, Config::default());
    let peer = thread::spawn(move || {
        assert_eq!(peer.next(SOON), Seen::Close(Some(CloseCode::NORMAL)));
        peer.flush();
        drop(peer.stream);
    });
    assert!(socket.close_within(SOON).unwrap().clean);
    peer.join().unwrap();
}

fn closing_now_drops_what_has_not_begun<S: Socket>(role: Role) {
    let (mut socket, mut peer) = pair::<S>(role, Config::default());
    socket.feed("not begun".into()).unwrap();
    socket.close_now(CloseCode::GOING_AWAY).unwrap();
    assert_eq!(peer.next(SOON), Seen::Close(Some(CloseCode::GOING_AWAY)));
}

fn an_answer_is_corked_while_another_frame_is_there<S: Socket>(role: Role) {
    for cork in [true, false] {
        let (mut socket, mut peer) = pair::<S>(role, Config::default());
        socket.set_flow(Flow::default().cork(cork));
        peer.connection.send("one", &mut peer.outbox).unwrap();
        peer.connection.send("two", &mut peer.outbox).unwrap();
        peer.flush();
        assert!(socket.recv().unwrap().is_some());
        socket.send("first".into()).unwrap();
        // Now the program is slow.
        let seen = peer.next(Duration::from_millis(200));
        let first = Seen::Message(OwnedMessage::Text("first".to_owned()));
        if cork {
            assert_eq!(seen, Seen::Nothing);
            assert!(socket.recv().unwrap().is_some());
            socket.send("second".into()).unwrap();
            assert_eq!(peer.next(SOON), first);
        } else {
            assert_eq!(seen, first);
            assert!(socket.recv().unwrap().is_some());
            socket.send("second".into()).unwrap();
        }
        assert_eq!(peer.next(SOON), Seen::Message(OwnedMessage::Text("second".to_owned())));
        // Alone, a message never waits.
        socket.send("third".into()).unwrap();
        assert_eq!(peer.next(SOON), Seen::Message(OwnedMessage::Text("third".to_owned())));
    }
}

fn a_normal_close_is_the_end_and_no_error<S: Socket>(role: Role) {
    let (mut socket, mut peer) = pair::<S>(role, Config::default());
    peer.send("last".into());
    peer.connection.close(Duration::ZERO, CloseCode::NORMAL, "bye", &mut peer.outbox).unwrap();
    peer.flush();
    let peer = thread::spawn(move || {
        assert_eq!(peer.next(SOON), Seen::Close(Some(CloseCode::NORMAL)));
        peer.stream.shutdown(std::net::Shutdown::Write).unwrap();
        peer
    });
    assert!(socket.closure().is_none());
    assert!(socket.recv().unwrap().is_some());
    assert_eq!(socket.recv().unwrap(), None);
    assert_eq!(socket.recv().unwrap(), None);
    let closure = socket.closure().unwrap();
    assert!(closure.clean);
    assert_eq!((closure.code, &*closure.reason), (CloseCode::NORMAL, "bye"));
    assert!(matches!(socket.send("late".into()), Err(Error::Send(SendError::NotOpen))));
    assert_eq!(socket.close(CloseCode::NORMAL, "").unwrap(), closure);
    peer.join().unwrap();
}

fn a_close_that_is_taken_late_is_answered_in_time<S: Socket>(role: Role) {
    let timeout = Duration::from_millis(500);
    let config = Config::default().close_timeout(timeout);
    let (mut socket, mut peer) = pair::<S>(role, config);
    peer.send("first".into());
    peer.send("last".into());
    peer.connection.close(Duration::ZERO, CloseCode::NORMAL, "bye", &mut peer.outbox).unwrap();
    peer.flush();
    assert_eq!(socket.recv().unwrap(), Some(OwnedMessage::Text("first".into())));
    // The program is slow, and the Close frame has arrived long ago.
    thread::sleep(2 * timeout);
    assert_eq!(socket.recv().unwrap(), Some(OwnedMessage::Text("last".into())));
    let peer = thread::spawn(move || {
        assert_eq!(peer.next(SOON), Seen::Close(Some(CloseCode::NORMAL)));
        peer.stream.shutdown(std::net::Shutdown::Write).unwrap();
        peer
    });
    assert_eq!(socket.recv().unwrap(), None);
    assert!(socket.closure().unwrap().clean);
    peer.join().unwrap();
}

fn leftover_bytes_are_received_first<S: Socket>(role: Role) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let _peer = listener.accept().unwrap();
    let leftover: &[u8] = match role {
        Role::Client => b"\x81\x02hi",
        Role::Server => b"\x81\x82\0\0\0\0hi",
    };
    let mut socket = S::adopt(role, stream, leftover, Config::default());
    assert_eq!(socket.recv().unwrap(), Some(OwnedMessage::Text("hi".to_owned())));
}

fn a_message_larger_than_memory_goes_in_chunks<S: Socket>(role: Role) {
    const LEN: usize = 256 * MIB;
    let config = Config::default()
        .limits(
            Limits::default()
                .message_len_max(LEN as u64)
                .frame_len_max(MIB as u64)
                .outbox_len_max(MIB),
        )
        .delivery(Delivery::Chunks);
    assert!(config.max_bytes_per_connection() < 3 * MIB as u64);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let peer = listener.accept().unwrap().0;
    let other = if role == Role::Client { Role::Server } else { Role::Client };
    let mut socket = S::adopt(role, stream, &[], config.clone());
    let mut peer = S::adopt(other, peer, &[], config);
    let sending = thread::spawn(move || {
        let part = vec![5; 256 * 1024];
        for _ in 1..LEN / part.len() {
            peer.send_chunk(Message::Binary(&part), false).unwrap();
        }
        peer.send_chunk(Message::Binary(&part), true).unwrap();
        peer
    });
    let mut received = 0;
    loop {
        let (len, fin) = socket.recv_chunk_len().unwrap().unwrap();
        received += len;
        if fin {
            break;
        }
    }
    assert_eq!(received, LEN);
    sending.join().unwrap();
}

fn bytes_are_read_and_written_to_the_end<S: Socket>(role: Role) {
    let (socket, mut peer) = pair::<S>(role, Config::default());
    let mut bytes = socket.bytes();
    peer.send(Message::Binary(b"ab"));
    peer.send(Message::Binary(b""));
    peer.send(Message::Binary(b"cdefg"));
    let mut some = [0; 3];
    bytes.read_exact(&mut some).unwrap();
    assert_eq!(&some, b"abc");
    bytes.write_all(&[9; 100_000]).unwrap();
    bytes.flush().unwrap();
    let mut len = 0;
    while len < 100_000 {
        let Seen::Message(OwnedMessage::Binary(message)) = peer.next(SOON) else { panic!() };
        len += message.len();
    }
    peer.connection.close(Duration::ZERO, CloseCode::NORMAL, "", &mut peer.outbox).unwrap();
    peer.flush();
    let peer = thread::spawn(move || {
        assert_eq!(peer.next(SOON), Seen::Close(Some(CloseCode::NORMAL)));
    });
    let mut rest = Vec::new();
    bytes.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"defg");
    peer.join().unwrap();
}

#[test]
fn a_time_out_of_blocking_receives_loses_nothing() {
    let _bound = watchdog::bound();
    for role in [Role::Client, Role::Server] {
        let (mut socket, mut peer) = pair::<Blocking>(role, Config::default());
        assert_eq!(socket.try_recv().unwrap(), None);
        let began = Instant::now();
        assert_eq!(socket.recv_timeout(Duration::from_millis(50)).unwrap(), None);
        assert!((50..1000).contains(&began.elapsed().as_millis()));
        peer.connection.send("in two parts", &mut peer.outbox).unwrap();
        let (first, second) = peer.outbox.unsent().split_at(5);
        peer.stream.write_all(first).unwrap();
        assert_eq!(socket.recv_timeout(Duration::from_millis(50)).unwrap(), None);
        assert_eq!(socket.try_recv().unwrap(), None);
        peer.stream.write_all(second).unwrap();
        assert_eq!(socket.recv_timeout(SOON).unwrap(), Some("in two parts".into()));
        let len = peer.outbox.len();
        peer.outbox.sent(len);
        peer.send("three".into());
        while socket.try_recv().unwrap().is_none() {}
        drop(peer);
        assert!(socket.recv_timeout(SOON).is_err());
        assert_eq!(socket.recv_timeout(SOON).unwrap(), None);
        assert!(socket.closure().is_some());
    }
}
