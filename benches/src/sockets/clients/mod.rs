//! The clients: one thread, all connections.

mod client;
mod connect;
mod inflate;

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use rustls::ClientConfig;

use super::Load;
use super::latency::Latency;
use super::traffic::Traffic;
use client::Client;

/// A server that says nothing for so long has stopped.
const PATIENCE: Duration = Duration::from_secs(20);

const READ_LEN: usize = 256 * 1024;

/// Connections that say their first message at the same time.
const GREETED: usize = 100;

/// The server that the clients talk to.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where to connect to, as `HOST:PORT`.
    address: String,
    /// The value of the field `Host`.
    authority: String,
    host: String,
    path: String,
    tls: Option<Arc<ClientConfig>>,
}

impl Target {
    /// The server at that address, over TLS if there is a configuration.
    #[must_use]
    pub fn at(address: &str, tls: Option<Arc<ClientConfig>>) -> Self {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        Self {
            address: address.to_owned(),
            authority: address.to_owned(),
            host: host.trim_matches(['[', ']']).to_owned(),
            path: "/".to_owned(),
            tls,
        }
    }

    /// The server of a URL with the scheme `ws` or `wss`; the latter needs a configuration.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the URL.
    pub fn of_url(url: &str, tls: Option<Arc<ClientConfig>>) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or("a URL begins with ws:// or wss://")?;
        let (port, tls) = match (scheme, tls) {
            ("ws", _) => (80, None),
            ("wss", Some(tls)) => (443, Some(tls)),
            ("wss", None) => return Err("wss:// needs --ca".to_owned()),
            _ => return Err(format!("the scheme is ws or wss, not {scheme:?}")),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let has_port = authority.rfind(':') > authority.rfind(']');
        let address = if has_port { authority.to_owned() } else { format!("{authority}:{port}") };
        let path = if path.is_empty() { "/" } else { path }.to_owned();
        Ok(Self { authority: authority.to_owned(), path, ..Self::at(&address, tls) })
    }
}

/// Connections that send messages and check their echoes. For each echo that came, the next
/// message leaves; one write answers everything that one read brought.
#[derive(Debug)]
pub struct Clients {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    traffic: Traffic,
    load: Load,
    buffer: Vec<u8>,
    latency: Latency,
}

impl Clients {
    /// Connects, and does the opening handshakes.
    ///
    /// # Errors
    ///
    /// When a connection fails, or is not accepted.
    pub fn open(target: &Target, load: Load) -> io::Result<Self> {
        let poll = Poll::new()?;
        let both = Interest::READABLE | Interest::WRITABLE;
        let mut clients = Vec::with_capacity(load.connections);
        for token in 0..load.connections {
            let mut stream = connect::connect(target, load.compressed)?;
            poll.registry().register(stream.socket(), Token(token), both)?;
            clients.push(Client::new(stream, load.compressed));
        }
        let traffic = if load.compressed { Traffic::compressed } else { Traffic::new };
        Ok(Self {
            poll,
            events: Events::with_capacity(1024),
            clients,
            traffic: traffic(load.len, load.in_flight),
            load,
            buffer: vec![0; READ_LEN],
            latency: Latency::new(),
        })
    }

    /// Fills the window of every connection that is active.
    ///
    /// # Errors
    ///
    /// When a connection breaks.
    pub fn begin(&mut self) -> io::Result<()> {
        // The active ones are spread over all.
        let step = self.load.connections / self.load.active.max(1);
        let active = self.clients.iter_mut().step_by(step.max(1)).take(self.load.active);
        for client in active {
            client.send(&self.traffic, self.load.in_flight, Instant::now())?;
        }
        Ok(())
    }

    /// Has one message echoed by each connection.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn greet(&mut self) -> io::Result<u64> {
        // Not all at once, which would measure how a server copes with that.
        let mut echoes = 0;
        for start in (0..self.clients.len()).step_by(GREETED) {
            for client in self.clients.iter_mut().skip(start).take(GREETED) {
                client.send(&self.traffic, 1, Instant::now())?;
            }
            echoes += self.finish()?;
        }
        Ok(echoes)
    }

    /// Goes on for so long, and says how many echoes came.
    ///
    /// # Errors
    ///
    /// When an echo is not what was sent, or a connection breaks.
    pub fn run(&mut self, time: Duration) -> io::Result<u64> {
        let begun = Instant::now();
        let mut echoes = 0;
        while let Some(left) = time.checked_sub(begun.elapsed()) {
            echoes += self.step(left, true)?;
        }
        Ok(echoes)
    }

    /// Goes on for so long to send one message, which the server sends to all connections, and to
    /// wait until they have it. Says how many came.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn broadcast(&mut self, time: Duration) -> io::Result<u64> {
        let begun = Instant::now();
        let mut came = 0;
        loop {
            let now = Instant::now();
            if now.duration_since(begun) >= time {
                return Ok(came);
            }
            for client in &mut self.clients {
                client.expect(1, now);
            }
            self.clients[0].send_unexpected(&self.traffic, 1)?;
            came += self.finish()?;
        }
    }

    /// Sends nothing more, waits for the echoes that are due, and says how many these were.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and when the echoes do not come.
    pub fn finish(&mut self) -> io::Result<u64> {
        let end = Instant::now() + PATIENCE;
        let due: usize = self.clients.iter().map(Client::unanswered).sum();
        let mut echoes = 0;
        while echoes < due as u64 {
            let Some(left) = end.checked_duration_since(Instant::now()) else {
                return Err(ErrorKind::TimedOut.into());
            };
            echoes += self.step(left, false)?;
        }
        Ok(echoes)
    }

    /// How long the messages took whose echoes came since this was last asked, from the write to
    /// the read.
    pub fn take_latency(&mut self) -> Latency {
        std::mem::take(&mut self.latency)
    }

    /// Waits once for the connections, and does what can be done.
    fn step(&mut self, wait: Duration, answer: bool) -> io::Result<u64> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(0),
            other => other?,
        }
        let mut echoes = 0;
        for event in &self.events {
            let client = &mut self.clients[event.token().0];
            if event.is_writable() {
                client.write(&self.traffic)?;
            }
            if event.is_readable() {
                let (buffer, latency) = (&mut self.buffer, &mut self.latency);
                echoes += client.read(&self.traffic, buffer, answer, latency)?;
            }
        }
        Ok(echoes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_give_what_to_connect_to() {
        let target = |url| Target::of_url(url, None);
        let plain = target("ws://127.0.0.1:9001/a/b?c").expect("a URL");
        assert_eq!((&*plain.address, &*plain.path), ("127.0.0.1:9001", "/a/b?c"));
        let usual = target("ws://[::1]").expect("a URL");
        let parts = (&*usual.address, &*usual.authority, &*usual.host, &*usual.path);
        assert_eq!(parts, ("[::1]:80", "[::1]", "::1", "/"));
        for wrong in ["localhost", "http://localhost", "wss://localhost"] {
            assert!(target(wrong).is_err(), "{wrong}");
        }
    }
}
