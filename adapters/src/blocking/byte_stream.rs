//! A connection as a blocking stream of bytes.

use std::io::{self, Read, Write};

use bluewire_core::CloseCode;

use super::net_stream::NetStream;
use super::transport::Transport;
use super::websocket::WebSocket;
use crate::drive::{Rest, WRITE_LEN_MAX, into_io};

/// The payload of binary messages, one after the other, as bytes to read and to write: to speak
/// another protocol over a connection. Borders between messages mean nothing.
///
/// A read gives the received bytes, and 0 when the connection has been closed. A connection that
/// did not end cleanly is an error, as is a text message. With
/// [`Delivery::Chunks`](bluewire_core::Delivery::Chunks) a message may be larger than memory.
/// A write sends one message of at most 64 KiB, which leaves as one that is
/// [sent](WebSocket::send).
#[derive(Debug)]
pub struct ByteStream<S = NetStream> {
    socket: WebSocket<S>,
    rest: Rest,
}

impl<S: Transport> ByteStream<S> {
    /// Closes the connection with 1000 and waits for the peer; what still comes is dropped.
    ///
    /// # Errors
    ///
    /// If the stream fails.
    pub fn close(&mut self) -> io::Result<()> {
        self.socket.close(CloseCode::NORMAL, "").map(drop).map_err(into_io)
    }

    /// The connection.
    #[must_use]
    pub const fn socket(&self) -> &WebSocket<S> {
        &self.socket
    }

    /// The connection alone. Bytes that were received and not read are lost.
    #[must_use]
    pub fn into_inner(self) -> WebSocket<S> {
        self.socket
    }
}

impl<S: Transport> WebSocket<S> {
    /// The connection as a stream of bytes.
    #[must_use]
    pub fn into_byte_stream(self) -> ByteStream<S> {
        ByteStream { socket: self, rest: Rest::default() }
    }
}

impl<S: Transport> Read for ByteStream<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if let Some(len) = self.rest.take(buf) {
            return Ok(len);
        }
        loop {
            let Some((part, _)) = self.socket.recv_chunk().map_err(into_io)? else { return Ok(0) };
            match self.rest.put(part, buf)? {
                0 => {}
                len => return Ok(len),
            }
        }
    }
}

impl<S: Transport> Write for ByteStream<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let len = buf.len().min(WRITE_LEN_MAX);
        if len > 0 {
            self.socket.send(&buf[..len]).map_err(into_io)?;
        }
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush().map_err(into_io)
    }
}
