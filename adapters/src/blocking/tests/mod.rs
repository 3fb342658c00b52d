//! Facts that a caller cannot see: which thread waits for which event, and for how long.

mod faults;
#[cfg(shuttle)]
mod models;
mod servers;
mod split;
mod whole;

use std::io::{self, IoSlice, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use bluewire_core::{Config, Role};

use super::transport::{Readiness, SplitTransport, Transport};
use super::websocket::WebSocket;
use crate::clock::Clock;
use crate::open::request::Opened;
use crate::server::{Admission, ServerOptions};

/// Longer than anything here takes, on a busy machine too.
const LONG: Duration = Duration::from_secs(300);
/// More than sockets of this machine take at once.
const LARGE: usize = 15 * 1024 * 1024;
/// The delay that a busy machine may add. A fault takes longer: a write timeout of 30 s, `LONG`, or
/// forever.
const SLACK: Duration = Duration::from_secs(15);

/// A socket, and how often it was read and waited for.
#[derive(Debug)]
struct Counted {
    socket: TcpStream,
    waits: Arc<AtomicUsize>,
}

impl Transport for Counted {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_read_timeout(timeout)
    }

    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.waits.fetch_add(1, Ordering::SeqCst);
        Transport::read(&self.socket, buf)
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.try_read(buf)
    }

    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.try_write(slices)
    }

    fn is_vectored(&self) -> bool {
        true
    }

    fn wait(&self, interest: Readiness, timeout: Option<Duration>) -> io::Result<Readiness> {
        self.waits.fetch_add(1, Ordering::SeqCst);
        self.socket.wait(interest, timeout)
    }

    fn shut_down(&self, how: Shutdown) -> io::Result<()> {
        self.socket.shut_down(how)
    }
}

impl SplitTransport for Counted {}

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("it is bound");
    let one = TcpStream::connect(address).expect("it listens");
    (one, listener.accept().expect("one has come").0)
}

/// Without pings, which would be deadlines.
fn config() -> Config {
    Config::default().keepalive(None).close_timeout(Duration::from_millis(300))
}

/// A server's end, and the client's.
fn pair(config: Config) -> (WebSocket<TcpStream>, WebSocket<TcpStream>) {
    let (server, client) = sockets();
    let plain = Config::default().keepalive(None);
    (WebSocket::adopt_server(server, &[], config), WebSocket::adopt_client(client, &[], plain))
}

/// A connection of a server's, which is counted, the client's end of it, and the server.
fn served() -> (WebSocket<Counted>, Arc<AtomicUsize>, WebSocket<TcpStream>, Arc<Admission>) {
    let (server, client) = sockets();
    let admission = Admission::new(&ServerOptions::default());
    let slot = admission.enter(None).expect("there is room");
    let waits = Arc::new(AtomicUsize::new(0));
    let stream = Counted { socket: server, waits: Arc::clone(&waits) };
    let opened = Opened::adopted(Role::Server, &[], config().into(), Clock::start());
    let socket = WebSocket::open(stream, opened, Some(slot));
    let plain = Config::default().keepalive(None);
    (socket, waits, WebSocket::adopt_client(client, &[], plain), admission)
}

/// A server's end, and a socket on which the client's end sends without end, and reads nothing.
fn flooded() -> (WebSocket<TcpStream>, thread::JoinHandle<()>) {
    let (server, mut client) = sockets();
    // Empty binary messages would do, but these keep the other end busier.
    let frame = [&[0x82, 0xfe, 0x04, 0, 0, 0, 0, 0][..], &[7; 1024]].concat().repeat(64);
    let flooding = thread::spawn(move || while client.write_all(&frame).is_ok() {});
    (WebSocket::adopt_server(server, &[], config()), flooding)
}

/// Fails if something takes longer than it may, and ends the whole run if it does not end.
fn within<T>(limit: Duration, what: impl FnOnce() -> T) -> T {
    let (ended, end) = mpsc::channel::<()>();
    let name = thread::current().name().unwrap_or("?").to_owned();
    thread::spawn(move || {
        if end.recv_timeout(2 * LONG) == Err(mpsc::RecvTimeoutError::Timeout) {
            // Not by the macros, whose output is kept for a test that ends.
            let _ = io::stderr().write_all(format!("\ntest {name} hangs\n").as_bytes());
            std::process::abort();
        }
    });
    let began = Instant::now();
    let result = what();
    drop(ended);
    assert!(began.elapsed() < limit, "it took {:?}", began.elapsed());
    result
}
