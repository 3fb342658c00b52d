//! A thousand clients of every bad kind at once, on each server, beside a hundred good ones.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bluewire::{AcceptOptions, Config, Keepalive, Limits, ServerOptions, blocking};

use crate::beside_others;
use crate::fixture::{ALL, Adapter, Running, Style, TIMEOUT, speak, upgrade, wait_until};

/// How long a good client may wait for its echo, on a machine that has much else to do.
const LATENCY_MAX: Duration = Duration::from_secs(30);

/// So many clients connect, and then all that are there show that they are alive: the others may
/// take longer than a silent peer is given.
const BATCH: usize = 20;

/// The behaviour of a client once its connection is open.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Sends a part of a frame, then resets.
    Resets,
    /// Sends a part of a frame, then says that nothing more will come.
    HalfCloses,
    /// Sends messages and reads none of their echoes.
    DoesNotRead,
    /// Says nothing, also to a Ping and to a Close.
    SaysNothing,
}

const FAULTS: [Fault; 4] =
    [Fault::Resets, Fault::HalfCloses, Fault::DoesNotRead, Fault::SaysNothing];

/// Text of ten bytes, masked by zeros.
const FRAME: &[u8] = b"\x81\x8a\x00\x00\x00\x000123456789";
const ECHO: &[u8] = b"\x81\x0a0123456789";

/// As many of each as there may be file descriptors for, two for a connection, and a thousand. The
/// other tests have some as well.
fn crowd() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let files: usize = line.split_whitespace().nth(3).unwrap().parse().unwrap_or(usize::MAX);
    (files.saturating_sub(files.min(10_000) / 4) / 2 / (FAULTS.len() + 1)).min(1_000)
}

pub(crate) fn open(addr: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(3 * TIMEOUT)).unwrap();
    stream.set_write_timeout(Some(TIMEOUT)).unwrap();
    stream.write_all(upgrade("/", "").as_bytes()).unwrap();
    // Bytes behind the head stay for others.
    let mut head = [0; 1024];
    let len = loop {
        let len = stream.peek(&mut head).unwrap();
        assert_ne!(len, 0, "the end in place of a response");
        if let Some(end) = head[..len].windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
    };
    stream.read_exact(&mut head[..len]).unwrap();
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    stream
}

/// Does what is wrong with it, at once.
fn begin(fault: Fault, mut stream: TcpStream) -> Option<TcpStream> {
    match fault {
        Fault::Resets => {
            stream.write_all(&FRAME[..9]).unwrap();
            let linger = Some(Duration::ZERO);
            rustix::net::sockopt::set_socket_linger(&stream, linger).unwrap();
            return None;
        }
        Fault::HalfCloses => {
            stream.write_all(&FRAME[..9]).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        }
        Fault::DoesNotRead => {
            stream.set_nonblocking(true).unwrap();
            let frames = FRAME.repeat(1_000);
            for _ in 0..4 {
                match stream.write(&frames) {
                    Ok(len) if len == frames.len() => {}
                    Ok(_) => break,
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::WouldBlock);
                        break;
                    }
                }
            }
            stream.set_nonblocking(false).unwrap();
        }
        Fault::SaysNothing => {}
    }
    Some(stream)
}

/// Each of the good ones is served, and soon.
fn echoes(good: &mut [blocking::WebSocket]) {
    for socket in good {
        let start = Instant::now();
        speak(socket);
        assert!(start.elapsed() < LATENCY_MAX, "{:?}", start.elapsed());
    }
}

/// Sends a Pong that answers no Ping, between two frames.
fn show_life(slow: &mut [TcpStream]) {
    for stream in slow {
        stream.write_all(b"\x8a\x80\x00\x00\x00\x00").unwrap();
    }
}

/// Reads an echo, perhaps behind Pings.
fn read_echo(stream: &mut TcpStream) {
    let mut received = Vec::new();
    while !received.ends_with(ECHO) {
        let mut bytes = [0; 64];
        let len = stream.read(&mut bytes).unwrap();
        assert_ne!(len, 0, "the end in place of an echo: {received:?}");
        received.extend(&bytes[..len]);
    }
}

/// Reads to the end, which has to come before the time-out of a read.
fn read_to_end(fault: Fault, stream: &mut TcpStream) {
    let mut ignored = [0; 4096];
    loop {
        match stream.read(&mut ignored) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{fault:?}");
                return;
            }
        }
    }
}

fn options() -> ServerOptions {
    let config = Config::default()
        .keepalive(
            Keepalive::default().interval(Duration::from_secs(10)).timeout(Duration::from_secs(10)),
        )
        .close_timeout(Duration::from_secs(1))
        .limits(Limits::default().message_len_max(1024));
    let accept = AcceptOptions::default().config(config);
    ServerOptions::default().accept(accept).connections_max(20_000)
}

fn thousands_beside_a_hundred(adapter: Adapter) {
    let server = Running::start(adapter, Style::Serve, options());
    let mut good: Vec<_> = (0..100).map(|_| blocking::connect(server.url()).unwrap()).collect();
    echoes(&mut good);
    let crowd = crowd();
    let mut left = Vec::new();
    for round in 0..crowd {
        for fault in FAULTS {
            left.extend(begin(fault, open(server.addr)).map(|stream| (fault, stream)));
        }
        if round % BATCH == 0 {
            echoes(&mut good);
        }
    }
    // A client that is only slow is served.
    let mut slow = Vec::new();
    for number in 0..crowd {
        slow.push(open(server.addr));
        if number % BATCH == 0 {
            echoes(&mut good);
            show_life(&mut slow);
        }
    }
    show_life(&mut slow);
    for byte in FRAME {
        for stream in &mut slow {
            stream.write_all(&[*byte]).unwrap();
        }
        echoes(&mut good);
    }
    for stream in &mut slow {
        read_echo(stream);
    }
    drop(slow);
    for (fault, stream) in &mut left {
        if *fault != Fault::DoesNotRead {
            read_to_end(*fault, stream);
        }
    }
    drop(left);
    wait_until("the bad ones are gone", || {
        echoes(&mut good);
        server.connections() <= good.len()
    });
    assert_eq!(server.connections(), good.len(), "{adapter:?}");
    drop(good);
    server.shutdown(TIMEOUT);
}

#[test]
fn thousands_of_faults_beside_a_hundred_good_clients() {
    let _bound = crate::watchdog::bound();
    let _turn = beside_others();
    for &adapter in ALL {
        thousands_beside_a_hundred(adapter);
    }
}
