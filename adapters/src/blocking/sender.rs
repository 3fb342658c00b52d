//! Sends while a received message is in the program's hands.

use std::fmt;

use bluewire_core::{Message, PreparedMessage};

use super::exchange::{Caller, Whole};
use super::net_stream::NetStream;
use super::transport::Transport;
use crate::drive::{Goal, Lay};
use crate::error::Error;

/// Sends on a [`WebSocket`](super::WebSocket) while the program still reads a message that it has
/// received on it.
///
/// [`WebSocket::recv_with_sender`](super::WebSocket::recv_with_sender) gives it; the methods are
/// the socket's own. While a write waits for the peer, it reads what arrives, up to
/// [`Flow::held_len_max`](crate::Flow::held_len_max), and keeps it for the next `recv`.
pub struct Sender<'a, S = NetStream> {
    pub(super) whole: Whole<'a, 'a, S>,
}

impl<S: Transport> Sender<'_, S> {
    /// Sends a whole message; see [`WebSocket::send`](super::WebSocket::send).
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection refuses it, and [`Error::Io`] if the stream fails, or
    /// takes too little for [`Flow::write_timeout`](crate::Flow::write_timeout).
    pub fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.whole.send(Lay::Message(message.into()))
    }

    /// Sends a part of a message; see [`WebSocket::send_chunk`](super::WebSocket::send_chunk).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_chunk<'m>(&mut self, part: impl Into<Message<'m>>, fin: bool) -> Result<(), Error> {
        self.whole.send(Lay::Chunk(part.into(), fin))
    }

    /// Sends a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.whole.send(Lay::Prepared(message))
    }

    /// Sends a whole message without waiting: queues it, and writes what the peer takes at once. The
    /// rest leaves with the next call that writes or waits. It refuses the message where
    /// [`feed`](Self::feed) would wait.
    ///
    /// # Errors
    ///
    /// [`SendError::OutboxFull`](crate::SendError::OutboxFull) if so, and as [`send`](Self::send).
    /// A write that fails is an error of the next call.
    pub fn try_send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.whole.try_send(Lay::Message(message.into()))
    }

    /// [`try_send`](Self::try_send) for a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send).
    pub fn try_send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.whole.try_send(Lay::Prepared(message))
    }

    /// Queues a message without writing; see [`WebSocket::feed`](super::WebSocket::feed).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn feed<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.whole.feed(message.into())
    }

    /// The same, but refuses the message where `feed` would wait.
    ///
    /// # Errors
    ///
    /// [`SendError::OutboxFull`](crate::SendError::OutboxFull) if so, and as [`send`](Self::send).
    pub fn try_feed<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.whole.try_feed(Lay::Message(message.into()))
    }

    /// [`try_feed`](Self::try_feed) for a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`try_feed`](Self::try_feed).
    pub fn try_feed_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.whole.try_feed(Lay::Prepared(message))
    }

    /// Sends a Ping with at most 125 bytes.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.whole.ping(payload)
    }

    /// Writes all that waits.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the stream fails, or takes too little for
    /// [`Flow::write_timeout`](crate::Flow::write_timeout).
    pub fn flush(&mut self) -> Result<(), Error> {
        self.whole.write_until(Goal::Queue(0))
    }
}

impl<S> fmt::Debug for Sender<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}
