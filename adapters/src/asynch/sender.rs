//! Sends while a received message is in the program's hands.

use std::fmt;
use std::future::{Future, poll_fn};
use std::task::{Context, Poll};

use bluewire_core::{Message, PreparedMessage};

use super::caller::Caller;
use super::exchange::Exchange;
use super::net_stream::NetStream;
use super::runtime::Runtime;
use super::transport::AsyncTransport;
use crate::drive::{Goal, Intake, Lay, Ticket};
use crate::error::Error;

/// Sends on a [`WebSocket`](super::WebSocket) while the program still reads a message that it has
/// received on it.
///
/// [`WebSocket::recv_with_sender`](super::WebSocket::recv_with_sender) gives it; the methods are
/// the socket's own, with the same cancel safety. While a write waits for the peer, it reads what
/// arrives, up to [`Flow::held_len_max`](crate::Flow::held_len_max), and keeps it for the next
/// `recv`.
pub struct Sender<'a, R: Runtime, S = NetStream<R>> {
    pub(super) exchange: &'a mut Exchange<R, S>,
    /// Where to read meanwhile.
    pub(super) intake: Intake<'a>,
}

impl<R: Runtime, S: AsyncTransport<R>> Sender<'_, R, S> {
    /// Sends a whole message; see [`WebSocket::send`](super::WebSocket::send).
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection refuses it, and [`Error::Io`] if the stream fails, or
    /// takes too little for [`Flow::write_timeout`](crate::Flow::write_timeout).
    ///
    /// # Cancel safety
    ///
    /// Once polled, the message is queued, and leaves with the next write.
    pub async fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let ticket = self.lay(Lay::Message(message.into()))?;
        self.write_unless_corked(ticket).await
    }

    /// Sends a part of a message; see [`WebSocket::send_chunk`](super::WebSocket::send_chunk).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn send_chunk<'m>(
        &mut self,
        part: impl Into<Message<'m>>,
        fin: bool,
    ) -> Result<(), Error> {
        let ticket = self.lay(Lay::Chunk(part.into(), fin))?;
        self.write_unless_corked(ticket).await
    }

    /// Sends a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        let ticket = self.lay(Lay::Prepared(message))?;
        self.write_unless_corked(ticket).await
    }

    /// Sends a whole message without waiting: queues it, and writes what the peer takes at once.
    /// The rest leaves while the connection next waits, or with the next write. It refuses the
    /// message where [`feed`](Self::feed) would wait.
    ///
    /// # Errors
    ///
    /// [`SendError::OutboxFull`](crate::SendError::OutboxFull) if so, and as [`send`](Self::send).
    /// A write that fails is an error of the next call.
    pub fn try_send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.try_write(Lay::Message(message.into()))
    }

    /// [`try_send`](Self::try_send) for a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send).
    pub fn try_send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.try_write(Lay::Prepared(message))
    }

    /// Queues a message without writing; see [`WebSocket::feed`](super::WebSocket::feed).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// If it is dropped while it waits, the message is not queued; nothing else is lost.
    pub async fn feed<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let message = message.into();
        poll_fn(|cx| self.poll_feed(message, cx)).await
    }

    /// The same, but refuses the message where `feed` would wait.
    ///
    /// # Errors
    ///
    /// [`SendError::OutboxFull`](crate::SendError::OutboxFull) if so, and as [`send`](Self::send).
    pub fn try_feed<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.exchange.try_feed(Lay::Message(message.into()), &Caller::brief())
    }

    /// [`try_feed`](Self::try_feed) for a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`try_feed`](Self::try_feed).
    pub fn try_feed_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.exchange.try_feed(Lay::Prepared(message), &Caller::brief())
    }

    /// Sends a Ping with at most 125 bytes.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.lay(Lay::Ping(payload))?;
        self.flush().await
    }

    /// Writes all that waits.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the stream fails, or takes too little for
    /// [`Flow::write_timeout`](crate::Flow::write_timeout).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.reach(Goal::Queue(0)).await
    }

    #[inline]
    pub(super) fn lay(&mut self, what: Lay<'_>) -> Result<Ticket, Error> {
        self.exchange.lay(what, &Caller::brief())
    }

    fn try_write(&mut self, message: Lay<'_>) -> Result<(), Error> {
        self.exchange.try_send(message, &self.intake, &Caller::brief())
    }

    fn write_unless_corked(&mut self, ticket: Ticket) -> impl Future<Output = Result<(), Error>> {
        let write = self.should_write();
        poll_fn(move |cx| match write {
            true => self.poll_reach(Goal::Written(ticket), cx),
            false => Poll::Ready(Ok(())),
        })
    }

    fn reach(&mut self, goal: Goal) -> impl Future<Output = Result<(), Error>> {
        poll_fn(move |cx| self.poll_reach(goal, cx))
    }

    /// As [`Exchange::poll_reach`].
    pub(super) fn poll_reach(&mut self, goal: Goal, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        self.exchange.poll_reach(goal, &mut self.intake, &mut Caller::alone(cx.waker()))
    }

    /// Whether what was laid should leave now, rather than with the answer to another frame.
    #[inline]
    pub(super) fn should_write(&self) -> bool {
        self.exchange.driver.should_write(&self.intake)
    }

    /// As [`Exchange::poll_feed`].
    pub(super) fn poll_feed(
        &mut self,
        message: Message<'_>,
        cx: &Context<'_>,
    ) -> Poll<Result<(), Error>> {
        self.exchange.poll_feed(message, &mut self.intake, &mut Caller::alone(cx.waker()))
    }

    /// As [`Exchange::poll_room`].
    pub(super) fn poll_room(&mut self, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        self.exchange.poll_room(&mut self.intake, &mut Caller::alone(cx.waker()))
    }
}

impl<R: Runtime, S> fmt::Debug for Sender<'_, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("queue_len", &self.exchange.driver.queue_len())
            .finish_non_exhaustive()
    }
}
