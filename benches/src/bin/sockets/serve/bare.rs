//! A loop without a library: what the system takes for itself, and rustls. It unmasks and echoes
//! frames of text, judges nothing, and holds nothing for a connection that waits.

use std::io::{self, ErrorKind, Read, Write};

use bluewire_benches::sockets::Stream;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use rustls::ServerConnection;

use super::{Setup, listen};

const READ_LEN: usize = 64 * 1024;

/// The answer to the one key that the clients of the benches have.
const RESPONSE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

struct Connection {
    stream: Stream,
    is_open: bool,
    /// Part of a frame or of a head.
    kept: Vec<u8>,
    /// The bytes that the socket did not take.
    unsent: Vec<u8>,
}

pub(crate) fn serve(setup: &Setup) -> io::Result<()> {
    let tls = setup.tls()?;
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, Token(0), Interest::READABLE)?;
    let mut connections: Vec<Option<Connection>> = vec![None];
    let (mut events, mut buffer, mut answer) =
        (Events::with_capacity(1024), vec![0; READ_LEN], Vec::new());
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            let place = event.token().0;
            if place > 0 {
                let connection = &mut connections[place];
                let open = connection.as_mut();
                if open.is_some_and(|open| open.go_on(&mut buffer, &mut answer).is_err()) {
                    *connection = None;
                }
                continue;
            }
            while let Ok((mut socket, _)) = listener.accept() {
                socket.set_nodelay(true)?;
                let token = Token(connections.len());
                let both = Interest::READABLE | Interest::WRITABLE;
                poll.registry().register(&mut socket, token, both)?;
                let stream = match &tls {
                    None => Stream::Plain(socket),
                    Some(config) => {
                        let session =
                            ServerConnection::new(config.clone()).map_err(io::Error::other)?;
                        Stream::secure(socket, session.into())
                    }
                };
                let (kept, unsent) = (Vec::new(), Vec::new());
                connections.push(Some(Connection { stream, is_open: false, kept, unsent }));
            }
        }
    }
}

impl Connection {
    fn go_on(&mut self, buffer: &mut [u8], answer: &mut Vec<u8>) -> io::Result<()> {
        self.push()?;
        // Answers that the socket does not take hold the next read up.
        while self.unsent.is_empty() {
            let kept = self.kept.len();
            buffer[..kept].copy_from_slice(&self.kept);
            let len = match self.stream.read(&mut buffer[kept..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return self.stream.flush(),
                Err(error) => return Err(error),
            };
            let filled = kept + len == buffer.len();
            let used = self.answer(&mut buffer[..kept + len], answer)?;
            if used == kept + len {
                self.kept = Vec::new();
            } else {
                self.kept.clear();
                self.kept.extend_from_slice(&buffer[used..kept + len]);
            }
            let written = self.write(answer)?;
            self.unsent.extend_from_slice(&answer[written..]);
            answer.clear();
            if !filled && self.stream.is_plain() {
                break;
            }
        }
        Ok(())
    }

    /// Answers what is whole, and says how many bytes that was.
    fn answer(&mut self, bytes: &mut [u8], answer: &mut Vec<u8>) -> io::Result<usize> {
        if !self.is_open {
            self.is_open = bytes.ends_with(b"\r\n\r\n");
            answer.extend_from_slice(if self.is_open { RESPONSE } else { b"" });
            return Ok(if self.is_open { bytes.len() } else { 0 });
        }
        let mut at = 0;
        while let Some((head, len)) = frame(&bytes[at..])? {
            let Some(frame) = bytes[at..].get_mut(..head + len) else { break };
            let (header, payload) = frame.split_at_mut(head);
            answer.extend_from_slice(&[header[0], header[1] & 0x7f]);
            answer.extend_from_slice(&header[2..head - 4]);
            unmask(payload, [0, 1, 2, 3].map(|place| header[head - 4 + place]));
            answer.extend_from_slice(payload);
            at += head + len;
        }
        Ok(at)
    }

    /// Writes what the socket takes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < bytes.len() {
            match self.stream.write(&bytes[written..]) {
                Ok(len) => written += len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    fn push(&mut self) -> io::Result<()> {
        self.stream.flush()?;
        if !self.unsent.is_empty() {
            let unsent = std::mem::take(&mut self.unsent);
            let written = self.write(&unsent)?;
            self.unsent.extend_from_slice(&unsent[written..]);
        }
        Ok(())
    }
}

/// In pieces that the compiler makes vectors of.
fn unmask(payload: &mut [u8], key: [u8; 4]) {
    let (pieces, rest) = payload.as_chunks_mut::<64>();
    for piece in pieces {
        let (words, _) = piece.as_chunks_mut::<4>();
        words.iter_mut().for_each(|word| {
            *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(key)).to_ne_bytes();
        });
    }
    rest.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
}

/// The lengths of a masked frame's header and payload, once the header is whole.
fn frame(bytes: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let [0x81, second, rest @ ..] = bytes else {
        return if bytes.len() < 2 { Ok(None) } else { Err(ErrorKind::InvalidData.into()) };
    };
    Ok(match (second & 0x7f, rest) {
        (len @ 0..=125, [_, _, _, _, ..]) => Some((6, usize::from(len))),
        (126, [a, b, _, _, _, _, ..]) => Some((8, usize::from(u16::from_be_bytes([*a, *b])))),
        (127, _) => return Err(ErrorKind::InvalidData.into()),
        _ => None,
    })
}
