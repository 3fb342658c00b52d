//! tungstenite, over a stream in memory.

use std::io::{self, Read, Write};

use bluewire_spec_tests::case::Role;
use tungstenite::error::ProtocolError;
use tungstenite::protocol::{WebSocket, WebSocketConfig};
use tungstenite::{Error, Message};

use crate::outcome::{Ending, Event, LEN_MAX, Outcome};
use crate::stream::Stream;

/// The bytes that arrived and were not read, and those that were written.
#[derive(Debug, Default)]
struct Memory {
    input: Vec<u8>,
    read: usize,
    written: Vec<u8>,
}

impl Read for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.input[self.read..];
        if rest.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.read += len;
        Ok(len)
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn read(stream: &Stream) -> Outcome {
    let role = match stream.to {
        Role::Client => tungstenite::protocol::Role::Client,
        Role::Server => tungstenite::protocol::Role::Server,
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(512)
        .max_frame_size(Some(LEN_MAX))
        .max_message_size(Some(LEN_MAX));
    let mut socket = WebSocket::from_raw_socket(Memory::default(), role, Some(config));
    let mut outcome = Outcome::default();
    let mut at = 0;
    for piece in stream.arrivals() {
        socket.get_mut().input.extend_from_slice(piece);
        at += piece.len();
        while take(&mut socket, &mut outcome, at) {}
        if matches!(outcome.ending, Ending::Failed { .. }) {
            break;
        }
    }
    let written = std::mem::take(&mut socket.get_mut().written);
    outcome.note_sent(stream.to, &written);
    outcome
}

/// Tells whether there may be more.
fn take(socket: &mut WebSocket<Memory>, outcome: &mut Outcome, at: usize) -> bool {
    let error = match socket.read() {
        Ok(Message::Text(text)) => {
            outcome.events.push(Event::Text(text.as_str().into()));
            return true;
        }
        Ok(Message::Binary(bytes)) => {
            outcome.events.push(Event::Binary(bytes.to_vec()));
            return true;
        }
        Ok(Message::Ping(payload)) => {
            outcome.events.push(Event::Ping(payload.to_vec()));
            return true;
        }
        Ok(Message::Pong(payload)) => {
            outcome.events.push(Event::Pong(payload.to_vec()));
            return true;
        }
        Ok(Message::Close(close)) => {
            outcome.end(Ending::Closed(close.map(|close| close.code.into())), at);
            return true;
        }
        Ok(Message::Frame(_)) => unreachable!("frames are only written"),
        Err(error) => error,
    };
    // It sends no Close frame of its own: this is the one that belongs to its error.
    let code = match &error {
        Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
        // The end after a Close frame.
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ReceivedAfterClosing) => return false,
        Error::Capacity(_) => 1009,
        Error::Utf8(_) => 1007,
        Error::Protocol(_) => 1002,
        other => panic!("an error of another kind: {other:?}"),
    };
    outcome.end(Ending::Failed { why: format!("{error:?}"), code }, at);
    false
}
