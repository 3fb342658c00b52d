//! The writing half of a connection that one thread uses.

use std::fmt;
use std::io::IoSlice;

use bluewire_core::{Connection, Message, Outbox, PreparedMessage};

use super::net_stream::NetStream;
use super::pump::{try_write_out, write_out, write_some};
use super::stream::Transport;
use crate::direct::{CORK_LEN_MAX, Flow, GATHER_LEN_MIN};
use crate::error::Error;

/// What sends on a [`WebSocket`](super::WebSocket) while a message received on it is in hand.
///
/// See [`WebSocket::recv_with_sender`](super::WebSocket::recv_with_sender); the methods are the
/// socket's own, but that nothing is read meanwhile: the message lies where it would be read to. A
/// peer that does not read is waited for as long as [`Flow::write_timeout`] says.
pub struct Sender<'a, S = NetStream> {
    pub(super) stream: &'a mut S,
    pub(super) connection: &'a mut Connection,
    pub(super) outbox: &'a mut Outbox,
    /// Whether another whole frame has arrived, whose answer can leave by the same write.
    pub(super) corked: bool,
    pub(super) flow: Flow,
}

impl<S: Transport> Sender<'_, S> {
    /// Sends a whole message; see [`WebSocket::send`](super::WebSocket::send).
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection refuses it, and [`Error::Io`] if the stream fails.
    pub fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let message = message.into();
        if message.len() < GATHER_LEN_MIN {
            self.connection.send(message, self.outbox)?;
            return self.uncork();
        }
        let mut gather = self.connection.send_vectored(message, self.outbox)?;
        while !gather.is_empty() {
            let len = write_some(
                self.stream,
                &gather.slices().map(IoSlice::new),
                self.flow.write_timeout,
            )?;
            gather.sent(len);
        }
        Ok(())
    }

    /// Sends a part of a message; see [`WebSocket::send_chunk`](super::WebSocket::send_chunk).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_chunk<'m>(&mut self, part: impl Into<Message<'m>>, fin: bool) -> Result<(), Error> {
        self.connection.send_fragment(part, fin, self.outbox)?;
        self.uncork()
    }

    /// Sends a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.connection.send_prepared(message, self.outbox)?;
        self.uncork()
    }

    /// Queues a message without writing; see [`WebSocket::feed`](super::WebSocket::feed).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn feed<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        if self.outbox.len() >= self.flow.queue_len_max {
            self.flush()?;
        }
        self.connection.send(message, self.outbox)?;
        if self.outbox.len() >= CORK_LEN_MAX {
            try_write_out(self.stream, self.outbox)?;
        }
        Ok(())
    }

    /// Sends a Ping with at most 125 bytes.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.connection.ping(payload, self.outbox)?;
        self.flush()
    }

    /// Writes all that waits.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the stream fails.
    pub fn flush(&mut self) -> Result<(), Error> {
        Ok(write_out(self.stream, self.outbox, self.flow.write_timeout)?)
    }

    /// Writes, unless what has arrived already will cause more.
    fn uncork(&mut self) -> Result<(), Error> {
        if self.corked && self.outbox.len() < CORK_LEN_MAX { Ok(()) } else { self.flush() }
    }
}

impl<S> fmt::Debug for Sender<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("outbox", &self.outbox).finish_non_exhaustive()
    }
}
