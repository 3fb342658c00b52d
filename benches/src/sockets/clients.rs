//! The clients: one thread, all connections.

use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::Load;
use super::traffic::{Place, Traffic};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\
    Host: 127.0.0.1\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// A server that says nothing for so long has stopped.
const PATIENCE: Duration = Duration::from_secs(20);

const READ_LEN: usize = 256 * 1024;

/// Connections that send messages and check their echoes. For each echo that came, the next
/// message leaves; one write answers everything that one read brought.
#[derive(Debug)]
pub struct Clients {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    traffic: Traffic,
    in_flight: usize,
    buffer: Vec<u8>,
}

impl Clients {
    /// Connects, and does the opening handshakes.
    ///
    /// # Errors
    ///
    /// When a connection fails, or is not accepted.
    pub fn open(address: &str, load: Load) -> io::Result<Self> {
        let poll = Poll::new()?;
        let both = Interest::READABLE | Interest::WRITABLE;
        let mut clients = Vec::with_capacity(load.connections);
        for token in 0..load.connections {
            let mut stream = connect(address)?;
            poll.registry().register(&mut stream, Token(token), both)?;
            clients.push(Client::new(stream));
        }
        Ok(Self {
            poll,
            events: Events::with_capacity(1024),
            clients,
            traffic: Traffic::new(load.len, load.in_flight),
            in_flight: load.in_flight,
            buffer: vec![0; READ_LEN],
        })
    }

    /// Fills every window.
    ///
    /// # Errors
    ///
    /// When a connection breaks.
    pub fn begin(&mut self) -> io::Result<()> {
        for client in &mut self.clients {
            client.queued = self.in_flight * self.traffic.frame_len;
            client.unanswered = self.in_flight;
            client.write(&self.traffic)?;
        }
        Ok(())
    }

    /// Goes on for so long, and says how many echoes came.
    ///
    /// # Errors
    ///
    /// When an echo is not what was sent, or a connection breaks.
    pub fn run(&mut self, time: Duration) -> io::Result<u64> {
        let end = Instant::now() + time;
        let mut echoes = 0;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
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
        let end = Instant::now() + time;
        let mut came = 0;
        while Instant::now() < end {
            for client in &mut self.clients {
                client.unanswered = 1;
            }
            let client = &mut self.clients[0];
            client.queued = self.traffic.frame_len;
            client.write(&self.traffic)?;
            came += self.finish()?;
        }
        Ok(came)
    }

    /// Sends nothing more, waits for the echoes that are due, and says how many these were.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and when the echoes do not come.
    pub fn finish(&mut self) -> io::Result<u64> {
        let end = Instant::now() + PATIENCE;
        let due: usize = self.clients.iter().map(|client| client.unanswered).sum();
        let mut echoes = 0;
        while echoes < due as u64 {
            let Some(left) = end.checked_duration_since(Instant::now()) else {
                return Err(ErrorKind::TimedOut.into());
            };
            echoes += self.step(left, false)?;
        }
        Ok(echoes)
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
                echoes += client.read(&self.traffic, &mut self.buffer, answer)?;
            }
        }
        Ok(echoes)
    }
}

#[derive(Debug)]
struct Client {
    stream: TcpStream,
    /// Bytes that wait to be written.
    queued: usize,
    /// Messages whose echo has not come.
    unanswered: usize,
    /// Bytes that came of the next echo.
    part: usize,
    sending: Place,
    receiving: Place,
}

impl Client {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            queued: 0,
            unanswered: 0,
            part: 0,
            sending: Place::default(),
            receiving: Place::default(),
        }
    }

    fn write(&mut self, traffic: &Traffic) -> io::Result<()> {
        while self.queued > 0 {
            match self.stream.write(traffic.frames(self.sending, self.queued)) {
                Ok(written) => {
                    traffic.sent(&mut self.sending, written);
                    self.queued -= written;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes what came, answers each echo by a message, and says how many echoes that were.
    fn read(&mut self, traffic: &Traffic, buffer: &mut [u8], answer: bool) -> io::Result<u64> {
        let mut echoes = 0;
        loop {
            let len = match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            traffic.check(&mut self.receiving, &buffer[..len])?;
            self.part += len;
            let came = self.part / traffic.echo_len;
            self.part %= traffic.echo_len;
            echoes += came as u64;
            if answer {
                self.queued += came * traffic.frame_len;
                self.write(traffic)?;
            } else {
                let left = self.unanswered.checked_sub(came);
                self.unanswered = left.ok_or_else(|| io::Error::other("an echo too many"))?;
            }
            // A read that did not fill the buffer has emptied the socket.
            if len < buffer.len() {
                break;
            }
        }
        Ok(echoes)
    }
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(REQUEST)?;
    // Nothing comes after the head before something is sent.
    let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            len => head.extend_from_slice(&buffer[..len]),
        }
    }
    if !head.starts_with(b"HTTP/1.1 101 ") {
        return Err(io::Error::other("the connection is not accepted"));
    }
    stream.set_nonblocking(true)?;
    Ok(TcpStream::from_std(stream))
}
