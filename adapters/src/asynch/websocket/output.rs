//! How a [`WebSocket`] sends and closes.

use std::future::{Future, poll_fn};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bluewire_core::{CloseCode, Closure, Message, PreparedMessage};

use super::{Inner, WebSocket};
use crate::asynch::caller::Caller;
use crate::asynch::exchange::Exchange;
use crate::asynch::runtime::Runtime;
use crate::asynch::sender::Sender;
use crate::asynch::transport::AsyncTransport;
use crate::drive::{Budget, Goal, Intake, Lay, Purpose, Ticket};
use crate::error::Error;

impl<R: Runtime, S: AsyncTransport<R>> WebSocket<R, S> {
    /// Sends a whole message.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection refuses the message. [`Error::Io`] if the stream fails, or
    /// the peer reads too slowly for [`Flow::write_timeout`](crate::Flow::write_timeout).
    ///
    /// # Cancel safety
    ///
    /// Once polled, the message is queued, and leaves with the next write.
    pub async fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let ticket = self.sender().lay(Lay::Message(message.into()))?;
        self.write_unless_corked(ticket).await
    }

    /// Sends a part of a message; `fin` marks the last part. Use it for messages that are larger than
    /// memory.
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
        let ticket = self.sender().lay(Lay::Chunk(part.into(), fin))?;
        self.write_unless_corked(ticket).await
    }

    /// Sends a message that was encoded in advance.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        let ticket = self.sender().lay(Lay::Prepared(message))?;
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
        self.sender().try_send(message)
    }

    /// [`try_send`](Self::try_send) for a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send).
    pub fn try_send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.sender().try_send_prepared(message)
    }

    /// Queues a message: it leaves with the next that is written. From 64 KiB on, it writes what
    /// the peer takes at once; once [`Flow::queue_len_max`](crate::Flow::queue_len_max) waits, it
    /// first waits until the peer has taken all but half of that.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped while it waits, the message is not queued. Nothing else is lost.
    pub async fn feed<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let message = message.into();
        poll_fn(|cx| self.sender().poll_feed(message, cx)).await
    }

    /// Queues a message as `feed` does, but refuses it if `feed` would wait.
    ///
    /// # Errors
    ///
    /// [`SendError::OutboxFull`](crate::SendError::OutboxFull) if `feed` would wait. Otherwise as
    /// [`send`](Self::send).
    pub fn try_feed<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.sender().try_feed(message)
    }

    /// Does what [`try_feed`](Self::try_feed) does, for a message that was encoded in advance.
    ///
    /// # Errors
    ///
    /// As [`try_feed`](Self::try_feed).
    pub fn try_feed_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.sender().try_feed_prepared(message)
    }

    /// The number of queued bytes.
    #[must_use]
    pub const fn queue_len(&self) -> usize {
        self.inner.exchange.driver.queue_len()
    }

    /// Writes until at most this many bytes are queued.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn drain(&mut self, queue_len: usize) -> Result<(), Error> {
        poll_fn(|cx| self.sender().poll_reach(Goal::Queue(queue_len), cx)).await
    }

    /// Writes all queued bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the stream fails, or the peer reads too slowly for
    /// [`Flow::write_timeout`](crate::Flow::write_timeout).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.drain(0).await
    }

    /// Sends a Ping with at most 125 bytes, ahead of queued messages.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.sender().lay(Lay::Ping(payload))?;
        self.flush().await
    }

    /// Closes the connection: writes all queued bytes, sends a Close frame, and waits for the
    /// peer's Close frame, for at most
    /// [`Config::close_timeout`](bluewire_core::Config::close_timeout). It drops messages that
    /// arrive in the meantime. If the connection is already closing, it waits for the end.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the code or the reason is invalid; then nothing has changed. A peer that
    /// does not answer is not an error: the closure is then not [`clean`](Closure::clean).
    ///
    /// # Cancel safety
    ///
    /// Once polled, the closing handshake has begun. Call it again to wait for its end.
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<Closure, Error> {
        self.begin_close(code, reason)?;
        Ok(poll_fn(|cx| self.poll_finish(None, cx)).await)
    }

    /// Closes the connection as `close` does, but waits no longer than this budget. If the peer has
    /// not answered by then, the closure is not [`clean`](Closure::clean).
    ///
    /// # Errors
    ///
    /// As [`close`](Self::close).
    ///
    /// # Cancel safety
    ///
    /// As [`close`](Self::close).
    pub async fn close_within(
        &mut self,
        budget: Duration,
        code: CloseCode,
        reason: &str,
    ) -> Result<Closure, Error> {
        self.begin_close(code, reason)?;
        let mut budget = Budget::of(budget, self.inner.exchange.now());
        Ok(poll_fn(|cx| self.poll_finish(Some(&mut budget), cx)).await)
    }

    /// Ends the connection without waiting. It drops queued messages, writes a Close frame if that is
    /// possible without waiting, and shuts the stream down.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the code or the reason is invalid; then nothing has changed.
    pub fn close_now(mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        Ok(self.inner.exchange.close_now(code, reason, &Caller::brief())?)
    }

    pub(in crate::asynch) fn begin_close(
        &mut self,
        code: CloseCode,
        reason: &str,
    ) -> Result<(), Error> {
        let now = self.inner.exchange.now();
        Ok(self.inner.exchange.driver.begin_close(code, reason, now)?)
    }

    /// Ready when the connection has ended.
    pub(in crate::asynch) fn poll_finish(
        &mut self,
        budget: Option<&mut Budget>,
        cx: &mut Context<'_>,
    ) -> Poll<Closure> {
        let (exchange, mut intake) = self.inner.parts(Purpose::Discard);
        let caller = &mut Caller::alone(cx.waker());
        let closure = ready!(exchange.poll_end(&mut intake, budget, caller));
        // The caller learns from the closure how it ended.
        let _ = exchange.driver.tell_end();
        Poll::Ready(closure)
    }

    /// Waits until the ticket is written, unless it is to wait for the answer to another frame.
    fn write_unless_corked(&mut self, ticket: Ticket) -> impl Future<Output = Result<(), Error>> {
        let write = self.sender().should_write();
        poll_fn(move |cx| match write {
            true => self.sender().poll_reach(Goal::Written(ticket), cx),
            false => Poll::Ready(Ok(())),
        })
    }

    /// Sends what answers no message that is lent.
    #[inline]
    pub(in crate::asynch) fn sender(&mut self) -> Sender<'_, R, S> {
        let Inner { exchange, arrivals, .. } = &mut *self.inner;
        Sender { exchange, intake: Intake::Arrivals(arrivals, Purpose::Attend) }
    }
}

impl<R: Runtime, S> Inner<R, S> {
    /// The parts that a task uses which has the connection to itself.
    #[inline]
    pub(in crate::asynch) fn parts(
        &mut self,
        purpose: Purpose,
    ) -> (&mut Exchange<R, S>, Intake<'_>) {
        (&mut self.exchange, Intake::Arrivals(&mut self.arrivals, purpose))
    }
}
