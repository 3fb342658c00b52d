//! A client without a library: a socket and bytes.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bluewire_spec_tests::digest::{accept_value, base64};
use bluewire_spec_tests::random::Random;
use bluewire_spec_tests::wire::{self, Header, opcode};
use rustix::net::{AddressFamily, SocketType, sockopt};

use crate::PATIENCE;
use crate::course::Course;

pub(super) struct Raw {
    pub(super) stream: TcpStream,
    received: Vec<u8>,
}

impl Raw {
    /// A connection on which nothing was said yet.
    pub(super) fn connect(addr: SocketAddr) -> Result<Self, String> {
        Self::over(TcpStream::connect(addr))
    }

    fn over(connected: io::Result<TcpStream>) -> Result<Self, String> {
        let stream = connected.map_err(|error| format!("connects: {error}"))?;
        let set = stream
            .set_nodelay(true)
            .and_then(|()| stream.set_read_timeout(Some(PATIENCE)))
            .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
        set.map_err(|error| error.to_string())?;
        Ok(Self { stream, received: Vec::new() })
    }

    /// One that is open.
    pub(super) fn open(
        course: &Course,
        addr: SocketAddr,
        random: &mut Random,
    ) -> Result<Self, String> {
        Self::connect(addr)?.opened(course, addr, random)
    }

    /// One that is open and has room for little. The socket has the small buffer before it
    /// connects: if its window shrank later, its system would drop packets with acknowledgements
    /// and the end in them, and it might never learn that the server has left.
    pub(super) fn open_with_little_room(
        course: &Course,
        addr: SocketAddr,
        random: &mut Random,
    ) -> Result<Self, String> {
        let connected = || {
            let family = match addr {
                SocketAddr::V4(_) => AddressFamily::INET,
                SocketAddr::V6(_) => AddressFamily::INET6,
            };
            let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
            sockopt::set_socket_recv_buffer_size(&socket, 4096)?;
            rustix::net::connect(&socket, &addr)?;
            Ok(TcpStream::from(socket))
        };
        Self::over(connected())?.opened(course, addr, random)
    }

    fn opened(
        mut self,
        course: &Course,
        addr: SocketAddr,
        random: &mut Random,
    ) -> Result<Self, String> {
        let (request, accept) = request(addr, random);
        self.write(request.as_bytes())?;
        self.read_response(course, &accept)?;
        Ok(self)
    }

    /// Reads what answers the request.
    pub(super) fn read_response(&mut self, course: &Course, accept: &str) -> Result<(), String> {
        let head = loop {
            if let Some(end) = self.received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break self.received.drain(..end + 4).collect::<Vec<_>>();
            }
            if !self.read()? {
                return Err("the end in place of a response".to_owned());
            }
        };
        let head = String::from_utf8_lossy(&head);
        if !head.starts_with("HTTP/1.1 101 ") || !head.contains(accept) {
            return Err(format!("a response that accepts nothing: {head}"));
        }
        course.tally.opened.add(1);
        Ok(())
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.stream.write_all(bytes).map_err(|error| format!("writes: {error}"))
    }

    /// The next frame, whole; `None` at the end.
    pub(super) fn read_frame(&mut self) -> Result<Option<(u8, Vec<u8>)>, String> {
        loop {
            if let Some((header, start)) = Header::parse(&self.received) {
                let len = usize::try_from(header.len).map_err(|error| error.to_string())?;
                if self.received.len() >= start + len {
                    let payload = self.received[start..start + len].to_vec();
                    self.received.drain(..start + len);
                    return Ok(Some((header.opcode, payload)));
                }
            }
            if !self.read()? {
                return Ok(None);
            }
        }
    }

    /// Reads the echo of a text; Pings may come before.
    pub(super) fn read_echo(&mut self, text: &[u8]) -> Result<(), String> {
        loop {
            match self.read_frame()? {
                Some((opcode::PING, _)) => {}
                Some((opcode::TEXT, payload)) if payload == text => return Ok(()),
                other => return Err(format!("in place of an echo: {other:?}")),
            }
        }
    }

    /// Reads to the end, and gives the code of the Close frame, if one comes before it.
    pub(super) fn read_to_end(&mut self) -> Result<Option<u16>, String> {
        let began = Instant::now();
        let mut code = None;
        while let Some((opcode, payload)) = self.read_frame()? {
            if let (opcode::CLOSE, [high, low, ..]) = (opcode, &*payload) {
                code = Some(u16::from_be_bytes([*high, *low]));
            }
            if began.elapsed() > PATIENCE {
                return Err("no end".to_owned());
            }
        }
        Ok(code)
    }

    /// Reads to the end, and gives all of it.
    pub(super) fn read_answer(mut self) -> Result<Vec<u8>, String> {
        while self.read()? {}
        Ok(self.received)
    }

    /// Whether something came; a reset is an end as well.
    fn read(&mut self) -> Result<bool, String> {
        let mut bytes = [0; 4096];
        match self.stream.read(&mut bytes) {
            Ok(len) => {
                self.received.extend(&bytes[..len]);
                Ok(len > 0)
            }
            Err(error) if is_end(&error) => Ok(false),
            Err(error) => Err(format!("reads: {error}")),
        }
    }

    /// Sends and does not read, until the server ends it.
    pub(super) fn write_until_ended(&mut self, bytes: &[u8]) -> Result<(), String> {
        let began = Instant::now();
        let short = self.stream.set_write_timeout(Some(Duration::from_millis(500)));
        short.map_err(|error| error.to_string())?;
        let mut written = 0;
        while began.elapsed() < PATIENCE {
            match self.stream.write(&bytes[written..]) {
                Ok(len) => written = (written + len) % bytes.len(),
                Err(error) if is_end(&error) => return Ok(()),
                Err(error) if is_timeout(&error) => {}
                Err(error) => return Err(format!("writes: {error}")),
            }
        }
        Err(format!("no end though nothing was read for {PATIENCE:?}"))
    }
}

/// A request, and what its answer has to contain.
pub(super) fn request(addr: SocketAddr, random: &mut Random) -> (String, String) {
    let key = base64(&[random.bytes(), random.bytes()].concat());
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {addr}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    (request, format!("{}\r\n", accept_value(&key)))
}

/// A masked text.
pub(super) fn text(payload: &[u8], random: &mut Random) -> Vec<u8> {
    wire::frame(true, 0, opcode::TEXT, Some(random.key()), payload)
}

fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
