//! Sockets that one thread uses.

use std::thread;

use bluewire_core::{CloseCode, Message, OwnedMessage};

use super::super::connect::accept_with;
use super::super::transport::Untimed;
use super::*;
use crate::drive::Flow;
use crate::error::Error;
use crate::open::error::AcceptError;
use crate::open::options::AcceptOptions;

/// A stream whose peer pings and does not read.
struct Full(AtomicUsize);

impl Transport for Full {
    fn set_read_timeout(&self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_read(buf)
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        if self.0.fetch_add(1, Ordering::SeqCst) >= 100 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        buf[..7].copy_from_slice(b"\x89\x81\0\0\0\0?");
        Ok(7)
    }

    fn try_write(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn wait(&self, _: Readiness, _: Option<Duration>) -> io::Result<Readiness> {
        Ok(Readiness::READ)
    }

    fn shut_down(&self, _: Shutdown) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn one_pong_waits_for_a_peer_that_pings_and_does_not_read() {
    let mut socket = WebSocket::adopt_server(Full(AtomicUsize::new(0)), &[], config());
    socket.attend(Duration::from_millis(50)).expect("it attends");
    assert!(socket.stream().0.load(Ordering::SeqCst) >= 100);
    assert_eq!(socket.queue_len(), b"\x8a\x01?".len());
}

/// A client that sends its request and reads no answer. The longest wait for it, in milliseconds.
struct Deaf(Arc<AtomicUsize>);

impl Transport for Deaf {
    fn set_read_timeout(&self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Sec-WebSocket-Version: 13\r\n\r\n";
        buf[..REQUEST.len()].copy_from_slice(REQUEST);
        Ok(REQUEST.len())
    }

    fn try_read(&self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn try_write(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn wait(&self, _: Readiness, timeout: Option<Duration>) -> io::Result<Readiness> {
        let millis = timeout.map_or(usize::MAX, |timeout| {
            usize::try_from(timeout.as_millis()).unwrap_or(usize::MAX)
        });
        self.0.fetch_max(millis, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(20));
        Ok(Readiness::NONE)
    }

    fn shut_down(&self, _: Shutdown) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_answer_to_a_request_has_the_time_of_the_handshake() {
    let config = Config::default().handshake_timeout(Duration::from_millis(300));
    let longest = Arc::new(AtomicUsize::new(0));
    let stream = Deaf(Arc::clone(&longest));
    let accepted = accept_with(stream, AcceptOptions::default().config(config));
    let Err(AcceptError::Io(error)) = accepted else { panic!("{accepted:?}") };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(longest.load(Ordering::SeqCst) <= 300);
}

#[test]
fn an_idle_connection_of_a_server_waits_once() {
    let (mut socket, waits, mut client, _admission) = served();
    let reading = thread::spawn(move || socket.recv_owned());
    thread::sleep(Duration::from_millis(1_200));
    // On Windows a wait lasts for 100 ms at most.
    assert!(cfg!(windows) || waits.load(Ordering::SeqCst) == 1);
    client.send("Hello").expect("it is open");
    assert_eq!(reading.join().expect("no panic").expect("it is open"), Some(hello()));
}

fn hello() -> OwnedMessage {
    OwnedMessage::Text("Hello".to_owned())
}

#[test]
fn a_thread_that_waits_closes_at_once_when_the_server_shuts_down() {
    let (mut socket, _, mut client, admission) = served();
    let reading = thread::spawn(move || {
        let received = socket.recv_owned();
        (received, socket.closure().expect("it has ended").clone())
    });
    thread::sleep(Duration::from_millis(100));
    within(SLACK, || {
        admission.begin_shutdown();
        assert_eq!(client.recv().expect("it ends in order"), None);
        assert_eq!(client.closure().expect("it has ended").code, CloseCode::GOING_AWAY);
        let (received, closure) = reading.join().expect("no panic");
        assert_eq!(received.expect("it ends in order"), None);
        assert!(closure.clean);
    });
    assert_eq!(admission.end_shutdown().closed, 1);
}

#[test]
fn a_thread_that_does_not_wait_closes_before_it_waits() {
    let (mut socket, _, mut client, admission) = served();
    admission.begin_shutdown();
    let reading = thread::spawn(move || socket.recv_owned());
    assert_eq!(client.recv().expect("it ends in order"), None);
    assert_eq!(reading.join().expect("no panic").expect("it ends in order"), None);
    assert_eq!(admission.end_shutdown().closed, 1);
}

#[test]
fn a_thread_that_waits_is_cut() {
    for (what, waits) in [("recv", true), ("send", false)] {
        let (mut socket, _, _client, admission) = served();
        let waiting = thread::spawn(move || match waits {
            true => socket.recv().map(drop),
            false => socket.send(&vec![0; LARGE]),
        });
        thread::sleep(Duration::from_millis(200));
        admission.begin_shutdown();
        within(SLACK, || {
            let report = admission.end_shutdown();
            assert_eq!((report.closed, report.cut), (0, 1), "{what}");
            assert!(waiting.join().expect("no panic").is_err(), "{what}");
        });
    }
}

#[test]
fn a_peer_that_does_not_answer_the_shutdown_is_left_in_time() {
    let (mut socket, _, _client, admission) = served();
    let reading = thread::spawn(move || socket.recv().map(drop));
    thread::sleep(Duration::from_millis(100));
    admission.begin_shutdown();
    within(SLACK, || {
        assert!(reading.join().expect("no panic").is_err());
    });
}

#[test]
fn a_thread_that_may_not_read_closes_when_the_server_shuts_down() {
    let (mut socket, _, mut client, admission) = served();
    socket.set_flow(Flow::default().held_len_max(1));
    client.send("held").expect("it is open");
    let waiting = thread::spawn(move || socket.attend(LONG));
    thread::sleep(Duration::from_millis(100));
    within(SLACK, || {
        admission.begin_shutdown();
        assert_eq!(client.recv().expect("it ends in order"), None);
        waiting.join().expect("no panic").expect("it attends");
    });
    assert_eq!(admission.end_shutdown().closed, 1);
}

#[test]
fn a_peer_that_floods_does_not_postpone_the_end_of_a_budget() {
    let budget = Duration::from_millis(300);
    let (mut socket, flooding) = flooded();
    socket.set_flow(Flow::default().held_len_max(usize::MAX));
    within(SLACK, || socket.attend(budget).expect("it attends"));
    socket.set_flow(Flow::default());
    let closure = within(SLACK, || socket.close_within(budget, CloseCode::NORMAL, ""));
    assert!(!closure.expect("it is open").clean);
    drop(socket);
    flooding.join().expect("no panic");
}

#[test]
fn any_duration_will_do() {
    let (mut socket, mut client) = pair(config());
    let flow = Flow::default().write_timeout(Duration::MAX);
    socket.set_flow(flow);
    assert_eq!(socket.recv_timeout(Duration::ZERO).expect("it is open"), None);
    socket.attend(Duration::ZERO).expect("it attends");
    client.send("Hello").expect("it is open");
    let received = socket.recv_timeout(Duration::MAX).expect("it is open");
    assert_eq!(received, Some(Message::Text("Hello")));
    let answering = thread::spawn(move || client.recv().map(|message| message.is_none()));
    let closure = socket.close_within(Duration::MAX, CloseCode::NORMAL, "");
    assert!(closure.expect("it is open").clean);
    assert!(answering.join().expect("no panic").expect("it ends in order"));

    let (mut socket, client) = pair(config().close_timeout(LONG));
    let closure = within(SLACK, || socket.close_within(Duration::ZERO, CloseCode::NORMAL, ""));
    assert_eq!(closure.expect("it is open").sent, Some(CloseCode::NORMAL));
    drop(client);
    let (mut socket, _client) = pair(config());
    socket.set_flow(Flow::default().write_timeout(Duration::ZERO));
    let error = within(SLACK, || socket.send(&vec![0; LARGE])).expect_err("it is full");
    assert!(matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::TimedOut));
}

#[test]
fn a_program_that_only_sends_over_an_untimed_stream_is_no_silent_peer() {
    let (server, client) = sockets();
    let interval = Duration::from_millis(50);
    let keepalive = bluewire_core::Keepalive::default().interval(interval).timeout(interval);
    let stream = Untimed::new(server);
    let mut socket = WebSocket::adopt_server(stream, &[], Config::default().keepalive(keepalive));
    let _client = WebSocket::adopt_client(client, &[], config());
    for _ in 0..10 {
        thread::sleep(interval);
        socket.send("tick").expect("nobody can know whether the peer is silent");
    }
}

#[test]
fn a_sender_reads_aside_while_it_waits() {
    let (mut socket, client) = pair(config());
    let (mut reader, writer) = client.split();
    writer.send("first").expect("it is open");
    let (message, mut sender) = socket.recv_with_sender().expect("it is open").expect("one");
    assert_eq!(message, Message::Text("first"));
    // The peer writes all of this before it reads anything.
    let peer = thread::spawn(move || {
        for number in 0..8_u8 {
            writer.send(&vec![number; 100_000]).expect("it is open");
        }
        let mut inbox = 0;
        while inbox < LARGE {
            inbox += reader.recv().expect("it is open").expect("there is more").len();
        }
    });
    sender.send(&vec![9; LARGE]).expect("the peer reads in the end");
    for number in 0..8_u8 {
        let received = socket.recv().expect("it is open").expect("it was kept");
        assert_eq!(received, Message::Binary(&vec![number; 100_000]));
    }
    peer.join().expect("no panic");
}

/// On systems without `MSG_DONTWAIT` as well: a socket that is writable may take only a part at once.
#[test]
fn a_try_to_write_never_waits_for_the_peer() {
    let (socket, peer) = sockets();
    let (says, heard) = mpsc::channel();
    let writing = thread::spawn(move || {
        let large = vec![7; LARGE];
        let mut written = 0;
        let error = loop {
            match socket.try_write(&[IoSlice::new(&large)]) {
                Ok(len) if written + len <= 4 * LARGE => written += len,
                other => break other.map(drop).map_err(|error| error.kind()),
            }
        };
        says.send(error).expect("the test listens");
    });
    let heard = heard.recv_timeout(LONG);
    // Ends a write that waits.
    drop(peer);
    writing.join().expect("it does not panic");
    assert_eq!(heard, Ok(Err(io::ErrorKind::WouldBlock)));
}
