//! The limit on connections; stalled clients delay no other.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bluewire::{AcceptOptions, CloseCode, Config, ConnectError, ServerOptions, blocking};

use crate::fixture::*;

#[test]
fn a_client_beyond_the_limit_gets_a_503() {
    let _bound = crate::watchdog::bound();
    for &adapter in ALL {
        let options = ServerOptions::default().connections_max(2);
        let server = Running::start(adapter, Style::Serve, options);
        let mut first = blocking::connect(server.url()).unwrap();
        let mut second = blocking::connect(server.url()).unwrap();
        speak(&mut first);
        speak(&mut second);
        match blocking::connect(server.url()) {
            Err(ConnectError::Refused(refusal)) => {
                assert_eq!(refusal.head().status(), 503);
                assert_eq!(refusal.head().headers().first_str("Retry-After"), Some("5"));
            }
            other => panic!("{other:?}"),
        }
        first.close(CloseCode::NORMAL, "").unwrap();
        wait_until("its place is free", || {
            blocking::connect(server.url()).is_ok_and(|mut third| {
                speak(&mut third);
                true
            })
        });
        speak(&mut second);
        server.shutdown(Duration::from_millis(100));
    }
}

#[test]
fn a_newer_handshake_takes_the_place_of_another() {
    let _bound = crate::watchdog::bound();
    for &adapter in ALL {
        let options = ServerOptions::default().handshakes_max(4);
        let server = Running::start(adapter, Style::Serve, options);
        let stalled: Vec<_> = (0..12).map(|_| TcpStream::connect(server.addr).unwrap()).collect();
        speak(&mut blocking::connect(server.url()).unwrap());
        wait_until("they made room", || stalled.iter().filter(|it| has_ended(it)).count() >= 8);
        server.shutdown(TIMEOUT);
    }
}

fn has_ended(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    match stream.peek(&mut [0]) {
        Ok(len) => len == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

/// Nothing, half a head, half a frame: a third each.
fn stall(addr: SocketAddr, count: usize) -> Vec<TcpStream> {
    (0..count)
        .map(|number| {
            let mut stream = TcpStream::connect(addr).unwrap();
            match number % 3 {
                0 => {}
                1 => stream.write_all(b"GET / HTTP/1.1\r\nHost: 127").unwrap(),
                _ => {
                    stream.write_all(upgrade("/", "").as_bytes()).unwrap();
                    stream.write_all(&[0x81, 0x85, 1, 2, 3]).unwrap();
                }
            }
            stream
        })
        .collect()
}

#[test]
fn a_thousand_stalled_clients_delay_no_other() {
    let _bound = crate::watchdog::bound();
    for &adapter in ALL {
        let deadline = Duration::from_secs(3);
        let config = Config::default()
            .handshake_timeout(deadline)
            .message_timeout(deadline)
            .idle_timeout(deadline)
            .keepalive(None)
            .close_timeout(Duration::from_secs(1));
        let accept = AcceptOptions::default().config(config);
        let options = ServerOptions::default().accept(accept);
        let server = Running::start(adapter, Style::Serve, options);
        let start = Instant::now();
        let mut stalled = stall(server.addr, 1_000);
        for _ in 0..10 {
            let mut good = blocking::connect(server.url()).unwrap();
            speak(&mut good);
            assert!(good.close(CloseCode::NORMAL, "").unwrap().clean);
        }
        assert!(start.elapsed() < deadline, "{adapter:?}: {:?}", start.elapsed());
        let mut buf = [0; 1024];
        for stream in &mut stalled {
            stream.set_read_timeout(Some(TIMEOUT)).unwrap();
            // The server's last bytes, then the end: not the time-out of the read.
            loop {
                match stream.read(&mut buf) {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{adapter:?}");
                        break;
                    }
                }
            }
        }
        assert!(start.elapsed() < TIMEOUT, "{adapter:?}: {:?}", start.elapsed());
        wait_until("all are gone", || server.connections() == 0);
        speak(&mut blocking::connect(server.url()).unwrap());
        server.shutdown(TIMEOUT);
    }
}
