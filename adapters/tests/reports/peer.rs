//! The other end of a connection: frames by hand, over a TCP stream.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use bluewire::asynch::WebSocket;
use bluewire::{Config, blocking};

use crate::PATIENCE;
use crate::runtimes::OnRuntime;

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

pub(crate) type Blocking = blocking::WebSocket<TcpStream>;

pub(crate) fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

/// Both ends of a TCP connection.
pub(crate) fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = listener();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (other, _) = listener.accept().unwrap();
    for stream in [&one, &other] {
        stream.set_nodelay(true).unwrap();
    }
    (one, other)
}

/// The server's end of an open connection, and the client's.
pub(crate) fn blocking_server(config: Config) -> (Blocking, Peer) {
    let (ours, theirs) = tcp_pair();
    (blocking::WebSocket::adopt_server(ours, &[], config), Peer::new(theirs))
}

/// The server's end of an open connection, and the client's.
pub(crate) fn server_on<R: OnRuntime>(config: Config) -> (WebSocket<R, R::Stream>, Peer) {
    let (ours, theirs) = tcp_pair();
    (WebSocket::adopt_server(R::stream(ours), &[], Arc::new(config)), Peer::new(theirs))
}

/// A frame of a client: masked, by zeros.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        len @ ..126 => bytes.push(0x80 | u8::try_from(len).unwrap()),
        len => {
            bytes.push(0xff);
            bytes.extend((len as u64).to_be_bytes());
            if let Ok(len) = u16::try_from(len) {
                bytes.truncate(1);
                bytes.push(0xfe);
                bytes.extend(len.to_be_bytes());
            }
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// Speaks in frames, byte for byte.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
}

impl Peer {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream }
    }

    /// Plays the server for the next client, as far as to its 101.
    pub(crate) fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().unwrap();
        let mut peer = Self::new(stream);
        let head = peer.head();
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let accept = bluewire_core::accept_value(key).unwrap();
        write!(
            peer.stream,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .unwrap();
        peer
    }

    /// Reads a head, and nothing behind it.
    pub(crate) fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let [byte] = self.bytes().unwrap();
            head.push(byte);
        }
        String::from_utf8(head).unwrap()
    }

    /// Sends a whole message or a control frame of a client.
    pub(crate) fn send(&mut self, opcode: u8, payload: &[u8]) {
        self.stream.write_all(&frame(0x80 | opcode, payload)).unwrap();
    }

    /// Sends a whole message or a control frame of a server.
    pub(crate) fn send_unmasked(&mut self, opcode: u8, payload: &[u8]) {
        let len = u8::try_from(payload.len()).unwrap();
        assert!(len < 126, "none is longer");
        self.stream.write_all(&[&[0x80 | opcode, len][..], payload].concat()).unwrap();
    }

    /// The next frame: its opcode and its payload. `None` at the end of the stream.
    pub(crate) fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let [first, second] = self.bytes()?;
        let len = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes(self.bytes()?)),
            127 => u64::from_be_bytes(self.bytes()?),
            len => u64::from(len),
        };
        let key: [u8; 4] = if second & 0x80 == 0 { [0; 4] } else { self.bytes()? };
        let mut payload = vec![0; usize::try_from(len).unwrap()];
        self.stream.read_exact(&mut payload).ok()?;
        payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        Some((first & 0xf, payload))
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Sends these bytes again and again, and reads nothing, until the connection is gone.
    pub(crate) fn flood(self, bytes: Vec<u8>) {
        thread::spawn(move || {
            let mut stream = self.stream;
            while stream.write_all(&bytes).is_ok() {}
        });
    }
}
