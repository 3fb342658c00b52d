//! A peer that does what a test says, byte for byte, over a blocking stream.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{Config, Inbox, Outbox, Request, ServerHandshake};

use super::PATIENCE;

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;

pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    masks: bool,
    /// The opening handshake as it came: a request or a response.
    pub(crate) head: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

impl Peer {
    /// Accepts a connection, and not yet its handshake.
    pub(crate) fn accept_tcp(listener: &TcpListener) -> TcpStream {
        let (stream, _) = listener.accept().expect("a connection comes");
        patient(stream)
    }

    /// Plays the server, who chooses the first subprotocol.
    pub(crate) fn accept(listener: &TcpListener) -> Self {
        Self::answer(Self::accept_tcp(listener))
    }

    pub(crate) fn answer(mut stream: TcpStream) -> Self {
        let head = read_head(&mut stream);
        Self::agree(stream, head)
    }

    /// Plays the server, who sends these headers too.
    pub(crate) fn accept_with(listener: &TcpListener, headers: &[(&str, &str)]) -> Self {
        let mut stream = Self::accept_tcp(listener);
        let head = read_head(&mut stream);
        Self::agree_with(stream, head, headers)
    }

    /// Answers the request whose head was read.
    pub(crate) fn agree(stream: TcpStream, head: String) -> Self {
        Self::agree_with(stream, head, &[])
    }

    /// The same with more headers.
    pub(crate) fn agree_with(
        mut stream: TcpStream,
        head: String,
        headers: &[(&str, &str)],
    ) -> Self {
        let mut handshake = ServerHandshake::new(Arc::new(Config::default()), Duration::ZERO);
        let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
        inbox.extend(head.as_bytes());
        let request = handshake.next_request(&mut inbox, &mut outbox).expect("it is lawful");
        let Some(Request::Upgrade(mut offer)) = request else { panic!("no upgrade: {head}") };
        let protocol = offer.subprotocols().next().map(str::to_owned);
        if let Some(protocol) = protocol {
            offer.select_subprotocol(&protocol).expect("it was offered");
        }
        for (name, value) in [("X-Served-By", "peer")].iter().chain(headers) {
            offer.add_header(name, value).expect("it is lawful");
        }
        let _connection = offer.accept(Duration::ZERO, &mut outbox);
        stream.write_all(outbox.unsent()).expect("the response leaves");
        Self { stream, masks: false, head }
    }

    /// Plays the client.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let mut stream = patient(TcpStream::connect(address).expect("the server listens"));
        write!(
            stream,
            "GET /chat?room=1 HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: v2, v1\r\nX-Asked-By: peer\r\n\r\n",
        )
        .expect("the request leaves");
        let head = read_head(&mut stream);
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        Self { stream, masks: true, head }
    }

    pub(crate) fn send(&mut self, opcode: u8, payload: &[u8]) {
        let bytes = self.frame_of(0x80 | opcode, payload);
        self.stream.write_all(&bytes).expect("the frame leaves");
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.send(TEXT, text.as_bytes());
    }

    pub(crate) fn close(&mut self, code: u16, reason: &str) {
        let mut body = code.to_be_bytes().to_vec();
        body.extend(reason.as_bytes());
        self.send(CLOSE, &body);
    }

    /// A frame's bytes; masked by zeros where it is masked.
    pub(crate) fn frame_of(&self, first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = if self.masks { 0x80 } else { 0 };
        let mut bytes = vec![first];
        match payload.len() {
            len @ ..126 => bytes.push(mask | u8::try_from(len).expect("it is short")),
            len => {
                bytes.push(mask | 127);
                bytes.extend((len as u64).to_be_bytes());
                if let Ok(len) = u16::try_from(len) {
                    bytes.truncate(1);
                    bytes.push(mask | 126);
                    bytes.extend(len.to_be_bytes());
                }
            }
        }
        if self.masks {
            bytes.extend([0; 4]);
        }
        bytes.extend(payload);
        bytes
    }

    /// The next frame; `None` at the end of the stream, however it ended.
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        let [first, second] = self.bytes()?;
        assert_eq!(first & 0xf0, 0x80, "no fragments, no reserved bits");
        let len = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes(self.bytes()?)),
            127 => u64::from_be_bytes(self.bytes()?),
            len => u64::from(len),
        };
        assert_eq!(second & 0x80 != 0, !self.masks, "5.1");
        let key: [u8; 4] = if self.masks { [0; 4] } else { self.bytes()? };
        let mut payload = vec![0; usize::try_from(len).expect("it fits")];
        self.stream.read_exact(&mut payload).ok()?;
        for (byte, key) in payload.iter_mut().zip(key.iter().cycle()) {
            *byte ^= key;
        }
        Some(Frame { opcode: first & 0xf, payload })
    }

    pub(crate) fn expect_text(&mut self, text: &str) {
        let frame = self.frame().expect("a message comes");
        assert_eq!((frame.opcode, frame.payload), (TEXT, text.as_bytes().to_vec()));
    }

    /// The next frame is a Close: its code.
    pub(crate) fn expect_close(&mut self) -> u16 {
        let frame = self.frame().expect("a Close frame comes");
        assert_eq!(frame.opcode, CLOSE, "{frame:?}");
        u16::from_be_bytes([frame.payload[0], frame.payload[1]])
    }

    /// Expects a Close frame, echoes it and ends the connection in order.
    pub(crate) fn expect_close_and_end(mut self) -> u16 {
        let code = self.expect_close();
        self.close(code, "");
        self.end();
        code
    }

    /// Ends the stream in order: no Close frame, and no reset.
    pub(crate) fn end(mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        let _ = self.stream.read_to_end(&mut Vec::new());
    }

    /// Reads to the end of the stream.
    pub(crate) fn expect_end(mut self) {
        assert_eq!(self.frame(), None);
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        match self.stream.read_exact(&mut bytes) {
            Ok(()) => Some(bytes),
            Err(error) => {
                let slow = matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                );
                assert!(!slow, "the peer waited for too long");
                None
            }
        }
    }
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).expect("the time is not zero");
    stream.set_write_timeout(Some(PATIENCE)).expect("the time is not zero");
    stream.set_nodelay(true).expect("it is a socket");
    stream
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the head comes");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("it is ASCII")
}
