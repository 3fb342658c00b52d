//! TLS over sockets of this host, and over streams that follow a script.

use std::collections::VecDeque;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use super::*;
use crate::tls::samples::TLS;

/// No wait in these tests is longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client's socket and a server's.
fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let client = TcpStream::connect(address).expect("it listens");
    let (server, _) = listener.accept().expect("a client has come");
    for socket in [&client, &server] {
        socket.set_nodelay(true).expect("it is a socket");
    }
    (client, server)
}

/// A client's stream and a server's, whose reads end after a while in any case.
fn streams() -> (TlsStream<TcpStream>, TlsStream<TcpStream>) {
    let (client, server) = sockets();
    let accepted = thread::spawn(|| TlsStream::accept(server, &TLS.0, PATIENCE));
    // Without a limit, which must not be too long to be added to a time.
    let client = TlsStream::connect(client, "localhost", &TLS.1, Duration::MAX);
    let client = client.expect("the server is trusted");
    let server = accepted.join().expect("the server is well").expect("the client is good");
    for stream in [&client, &server] {
        stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    }
    (client, server)
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|index| u8::try_from(index % 251).expect("it is small")).collect()
}

fn failed<T>(result: Result<T, TlsError>) -> TlsError {
    match result {
        Ok(_) => panic!("it has not failed"),
        Err(error) => error,
    }
}

#[test]
fn both_directions_of_both_sides_run_at_once() {
    let (client, server) = streams();
    let message = bytes(3_000_000);
    thread::scope(|scope| {
        for mut stream in [&client, &server] {
            let message = &message;
            scope.spawn(move || {
                for part in message.chunks(100_000) {
                    stream.write_all(part).expect("the peer reads");
                }
                stream.shut_down(Shutdown::Write).expect("it is open");
            });
            scope.spawn(move || {
                let mut all = Vec::new();
                stream.read_to_end(&mut all).expect("the peer ends in order");
                assert!(all == *message);
            });
        }
    });
    assert_eq!(client.handshake_kind(), server.handshake_kind());
}

#[test]
fn a_thread_that_waits_in_a_read_delays_no_writer() {
    let (client, server) = streams();
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        let client = &client;
        scope.spawn(move || {
            let mut buf = [0; 100];
            tell.send(None).expect("somebody listens");
            // The server's session tickets come first.
            let read = loop {
                match Transport::read(client, &mut buf) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => break read,
                }
            };
            let _ = tell.send(Some(read));
        });
        told.recv_timeout(PATIENCE).expect("the thread has started");
        thread::sleep(Duration::from_millis(50));
        // This one ends at once, whatever the other one waits for.
        let nothing = client.try_read(&mut [0; 100]).expect_err("nothing has come");
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(client.try_write(&[IoSlice::new(b"hello")]).expect("it is open"), 5);
        let ready = client.wait(Readiness::WRITE, Some(PATIENCE)).expect("it is open");
        assert!(ready.writable && !client.has_incoming());
        let mut hello = [0; 5];
        (&server).read_exact(&mut hello).expect("it comes");
        assert_eq!(hello, *b"hello");
        assert!(told.try_recv().is_err(), "the thread still waits");
        client.shut_down(Shutdown::Both).expect("it is open");
        let read = told.recv_timeout(PATIENCE).expect("the read ends").expect("it is the result");
        assert!(matches!(TlsError::from(read.expect_err("it was cut")), TlsError::Truncated));
    });
    // The peer got the closing alert.
    assert_eq!(Transport::read(&server, &mut [0; 100]).expect("an end in order"), 0);
}

#[test]
fn a_wait_sees_plaintext_that_has_left_the_socket() {
    let (mut client, server) = streams();
    let nothing = server.try_read(&mut [0; 100]).expect_err("nothing has come");
    assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
    client.write_all(b"hello").expect("the peer reads");
    let ready = server.wait(Readiness::READ, Some(PATIENCE)).expect("it is open");
    assert!(ready.readable && !ready.writable);
    assert_eq!(server.try_read(&mut [0; 2]).expect("it is there"), 2);
    let begun = Instant::now();
    for interest in [Readiness::READ, Readiness::BOTH] {
        let ready = server.wait(interest, Some(PATIENCE)).expect("it is open");
        assert_eq!(ready, interest);
    }
    assert!(begun.elapsed() < PATIENCE / 2);
    assert_eq!(server.try_read(&mut [0; 5]).expect("it is there"), 3);
    let ready = server.wait(Readiness::READ, Some(Duration::ZERO)).expect("it is open");
    assert!(!ready.readable);
}

#[test]
fn a_write_that_does_not_wait_counts_all_bytes_when_all_have_left() {
    let (client, server) = streams();
    let message = bytes(20_000_000);
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let (message, server) = (&message, &server);
        scope.spawn(move || {
            told.recv_timeout(PATIENCE).expect("the socket fills");
            let (mut all, mut buf) = (Vec::new(), vec![0; 100_000]);
            while all.len() < message.len() {
                thread::sleep(Duration::from_millis(1));
                match Transport::read(server, &mut buf) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    len => all.extend_from_slice(&buf[..len.expect("it comes")]),
                }
            }
            assert!(all == *message);
        });
        let mut written = 0;
        while written < message.len() {
            let (head, tail) = message[written..].split_at((message.len() - written).min(10));
            match client.try_write(&[IoSlice::new(head), IoSlice::new(tail)]) {
                Ok(len) => written += len,
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    let _ = tell.send(());
                    client.wait(Readiness::WRITE, Some(PATIENCE)).expect("it is open");
                }
            }
        }
        assert!(!client.has_outgoing());
        // If the socket was never full, the reader has not begun.
        drop(tell);
    });
}

#[test]
fn a_silent_peer_takes_no_longer_than_allowed() {
    for timeout in [Duration::ZERO, Duration::from_millis(50)] {
        let (client, server) = sockets();
        let begun = Instant::now();
        let error = failed(TlsStream::connect(client, "localhost", &TLS.1, timeout));
        assert!(matches!(error, TlsError::TimedOut(time) if time == timeout), "{error:?}");
        // It has to answer first, which takes a busy machine a while, and then sees the end.
        let allowed = if timeout.is_zero() { timeout } else { PATIENCE };
        let error = failed(TlsStream::accept(server, &TLS.0, allowed));
        assert!(begun.elapsed() < PATIENCE / 2);
        match timeout {
            Duration::ZERO => assert!(matches!(error, TlsError::TimedOut(_)), "{error:?}"),
            _ => assert!(matches!(error, TlsError::EndedInHandshake), "{error:?}"),
        }
    }
}

#[test]
fn a_peer_without_tls_is_recognized() {
    let (mut client, server) = sockets();
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("it is open");
    let error = failed(TlsStream::accept(server, &TLS.0, PATIENCE));
    assert!(matches!(error, TlsError::PlainHttp), "{error:?}");
}

#[test]
fn a_peer_learns_by_an_alert_why_it_is_refused() {
    let (client, server) = sockets();
    let accepted = thread::spawn(|| TlsStream::accept(server, &TLS.0, PATIENCE));
    let error = failed(TlsStream::connect(client, "localhost", &Tls::default(), PATIENCE));
    assert!(matches!(error, TlsError::Certificate(_)), "{error:?}");
    let error = failed(accepted.join().expect("the server is well"));
    assert!(matches!(error, TlsError::Alert(_)), "{error:?}");
}

/// A stream that has so much to read, and fails when it is written to.
struct Broken(Mutex<VecDeque<Vec<u8>>>);

impl Transport for Broken {
    fn set_read_timeout(&self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_read(buf)
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let bytes = lock(&self.0).pop_front().ok_or(io::ErrorKind::WouldBlock)?;
        buf[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    fn try_write(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn wait(&self, interest: Readiness, _: Option<Duration>) -> io::Result<Readiness> {
        Ok(interest)
    }

    fn shut_down(&self, _: Shutdown) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_peers_alert_explains_why_a_write_failed() {
    let said = |said: &[&[u8]]| {
        let broken = Broken(Mutex::new(said.iter().map(|bytes| bytes.to_vec()).collect()));
        failed(TlsStream::connect(broken, "localhost", &TLS.1, PATIENCE))
    };
    // A fatal alert: handshake_failure.
    let error = said(&[b"\x15\x03\x03\0", b"\x02\x02\x28"]);
    assert!(matches!(error, TlsError::Alert(_)), "{error:?}");
    assert!(matches!(said(&[b"HTTP/1.1 400 No\r\n"]), TlsError::PlainHttp));
    assert!(matches!(said(&[]), TlsError::Io(error) if error.kind() == io::ErrorKind::BrokenPipe));
}

#[test]
fn a_record_in_parts_interrupts_the_read() {
    let (client, server) = sockets();
    let accepted = thread::spawn(|| TlsStream::accept(server, &TLS.0, PATIENCE));
    let client = TlsStream::connect(client, "localhost", &TLS.1, PATIENCE);
    let client = client.expect("the server is trusted");
    let server = accepted.join().expect("the server is well").expect("the client is good");
    server.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    let mut record = Vec::new();
    let written = client.session().write(&[IoSlice::new(b"hello")], |slices| {
        slices.iter().for_each(|slice| record.extend_from_slice(slice));
        Ok(slices.iter().map(|slice| slice.len()).sum())
    });
    assert_eq!(written.expect("memory takes it"), 5);
    let mut buf = [0; ROOM_MIN];
    for (len, part) in [(5, &record[..10]), (ROOM_MIN, &record[10..20])] {
        (&client.stream).write_all(part).expect("it is open");
        let part = Transport::read(&server, &mut buf[..len]).expect_err("it is not whole");
        assert_eq!(part.kind(), io::ErrorKind::Interrupted);
    }
    (&client.stream).write_all(&record[20..]).expect("it is open");
    assert_eq!(Transport::read(&server, &mut buf).expect("it is whole"), 5);
    assert_eq!(buf[..5], *b"hello");
}
