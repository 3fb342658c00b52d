//! A hundred good clients: how many are served, and how soon.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use bluewire::{ConnectOptions, blocking};

use crate::child::{Kind, Server};
use crate::fixture::TIMEOUT;

const THREADS: usize = 20;
const CLIENTS: usize = 100;

/// A handshake that takes no longer is soon enough, however short the quiet one was. The attack would
/// make it wait for 10 s. The machine may be slow, and the attacker
/// takes processor time from it.
const SOON: Duration = Duration::from_secs(4);

/// How it went for the hundred.
pub(crate) struct Seen {
    served: usize,
    median: Duration,
    failures: Vec<String>,
}

/// Lets a hundred clients connect and get an echo, twenty at a time. Each waits for so long before
/// it asks, once its TCP connection is there.
pub(crate) fn hundred(server: &Server, pause: Duration) -> Seen {
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (kind, addr) = (server.kind, server.addr);
            thread::spawn(move || {
                let one = |_| {
                    let start = Instant::now();
                    speak(kind, addr, pause).map(|()| start.elapsed().saturating_sub(pause))
                };
                (0..CLIENTS / THREADS).map(one).collect::<Vec<_>>()
            })
        })
        .collect();
    let results: Vec<_> = threads.into_iter().flat_map(|it| it.join().unwrap()).collect();
    let mut times: Vec<_> = results.iter().filter_map(|it| it.as_ref().ok().copied()).collect();
    times.sort_unstable();
    Seen {
        served: times.len(),
        median: times.get(times.len() / 2).copied().unwrap_or(Duration::MAX),
        failures: results.into_iter().filter_map(Result::err).collect(),
    }
}

/// Lets one client connect and get an echo.
pub(crate) fn one(server: &Server) -> Result<(), String> {
    speak(server.kind, server.addr, Duration::ZERO)
}

fn speak(kind: Kind, addr: std::net::SocketAddr, pause: Duration) -> Result<(), String> {
    let failed =
        |what: &'static str| move |error: &dyn std::fmt::Display| format!("{what}: {error}");
    let stream = TcpStream::connect(addr).map_err(|error| failed("connect")(&error))?;
    stream.set_nodelay(true).map_err(|error| failed("connect")(&error))?;
    thread::sleep(pause);
    let options = ConnectOptions::new(format!("ws://{addr}/")).timeout(TIMEOUT);
    match kind {
        #[cfg(feature = "tls")]
        Kind::Tls => {
            let trusting = bluewire::tls::Tls::default().dangerously_accept_any_certificate();
            let stream = blocking::TlsStream::connect(stream, "127.0.0.1", &trusting, TIMEOUT);
            let stream = stream.map_err(|error| failed("TLS")(&error))?;
            echo(blocking::connect_over(stream, options).map_err(|it| failed("asks")(&it))?)
        }
        _ => echo(blocking::connect_over(stream, options).map_err(|it| failed("asks")(&it))?),
    }
}

fn echo<S: blocking::Transport>(mut socket: blocking::WebSocket<S>) -> Result<(), String> {
    socket.send("Hello").map_err(|error| format!("sends: {error}"))?;
    match socket.recv_timeout(TIMEOUT) {
        Ok(Some(message)) if message.as_text() == Some("Hello") => Ok(()),
        other => Err(format!("receives: {other:?}")),
    }
}

impl Seen {
    /// At least so many of the hundred were served, and half of them within five times the quiet time.
    pub(crate) fn expect_as_good_as(&self, quiet: &Self, served_min: usize, what: &str) {
        let failures = &self.failures;
        assert!(self.served >= served_min, "{what}: {} served, {failures:?}", self.served);
        let soon = (5 * quiet.median).max(SOON);
        println!("{what}: {:?} after {:?}", self.median, quiet.median);
        assert!(self.median <= soon, "{what}: {:?} after {:?}", self.median, quiet.median);
    }
}
