//! The writing ends of an asynchronous connection that was split.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bluewire_core::{CloseCode, Closure, Message, PreparedMessage, SendError};

use super::caller::{Caller, Keys};
use super::net_stream::NetStream;
use super::runtime::Runtime;
use super::shared::{Shared, State};
use super::transport::AsyncTransport;
use crate::drive::{Budget, Goal, Lay};
use crate::error::Error;

/// An end of a split connection that sends; a clone is another one for the same connection.
///
/// Its futures may run while other tasks read and write. Messages of one writer leave in the order
/// of its calls, and never mix with those of another. A message that is sent in chunks is the
/// exception: until it is finished, other messages are
/// [refused](crate::SendError::MessageUnfinished), whoever sends them.
///
/// When a future is ready, its message is written, or has failed. A write waits for the peer for as
/// long as [`Flow::write_timeout`](crate::Flow::write_timeout) allows; a reader that receives
/// meanwhile is not held up. When all writers are dropped the connection goes on. It is also a
/// `Sink`.
///
/// # Cancel safety
///
/// A future that sends and was polled once has queued its message, which leaves with the next
/// write of any task, the reader's included.
pub struct Writer<R: Runtime, S = NetStream<R>> {
    pub(super) shared: Arc<Shared<R, S>>,
    /// Of the task that polls this as a `Sink`.
    keys: Keys,
}

impl<R: Runtime, S: AsyncTransport<R>> Writer<R, S> {
    /// Sends a whole message.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection refuses it, and [`Error::Io`] if the stream fails, or
    /// takes too little for [`Flow::write_timeout`](crate::Flow::write_timeout).
    ///
    /// # Cancel safety
    ///
    /// Once polled, the message is queued, and leaves with the next write.
    pub async fn send<'m>(&self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.write(Lay::Message(message.into())).await
    }

    /// Sends a part of a message, the last one if `fin`: for messages larger than memory.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn send_chunk<'m>(
        &self,
        part: impl Into<Message<'m>>,
        fin: bool,
    ) -> Result<(), Error> {
        self.write(Lay::Chunk(part.into(), fin)).await
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
    pub async fn send_prepared(&self, message: &PreparedMessage) -> Result<(), Error> {
        self.write(Lay::Prepared(message)).await
    }

    /// Sends a whole message without waiting: queues it, and writes what the peer takes at once. The
    /// rest leaves by the reader's task, or with the next write. It refuses the message where
    /// [`feed`](Self::feed) would wait.
    ///
    /// # Errors
    ///
    /// [`SendError::OutboxFull`] if so, and as [`send`](Self::send). A write that
    /// fails is an error of the next call.
    pub fn try_send<'m>(&self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.try_write(Lay::Message(message.into()))
    }

    /// [`try_send`](Self::try_send) for a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send).
    pub fn try_send_prepared(&self, message: &PreparedMessage) -> Result<(), Error> {
        self.try_write(Lay::Prepared(message))
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
    /// If it is dropped while it waits, the message is not queued; nothing else is lost.
    pub async fn feed<'m>(&self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let message = message.into();
        self.shared
            .wait(|state, caller| {
                let (exchange, mut intake) = state.parts();
                exchange.poll_feed(message, &mut intake, caller)
            })
            .await
    }

    /// The same, but refuses the message where `feed` would wait.
    ///
    /// # Errors
    ///
    /// [`SendError::OutboxFull`] if so, and as [`send`](Self::send).
    pub fn try_feed<'m>(&self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.try_lay(Lay::Message(message.into()))
    }

    /// [`try_feed`](Self::try_feed) for a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`try_feed`](Self::try_feed).
    pub fn try_feed_prepared(&self, message: &PreparedMessage) -> Result<(), Error> {
        self.try_lay(Lay::Prepared(message))
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.shared.queue_len()
    }

    /// Writes until at most this many bytes wait: the sign that there is room again.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn drain(&self, queue_len: usize) -> Result<(), Error> {
        let goal = Goal::Queue(queue_len);
        self.shared.wait(|state, caller| state.poll_reach(goal, caller)).await
    }

    /// Writes all that waits now.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the stream fails, or takes too little for
    /// [`Flow::write_timeout`](crate::Flow::write_timeout).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn flush(&self) -> Result<(), Error> {
        self.reach(|state, _| Ok(Goal::Written(state.exchange.driver.ticket()))).await
    }

    /// Sends a Ping with at most 125 bytes, ahead of messages that wait.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn ping(&self, payload: &[u8]) -> Result<(), Error> {
        self.reach(move |state, caller| {
            state.exchange.lay(Lay::Ping(payload), caller)?;
            Ok(Goal::Control)
        })
        .await
    }

    /// Starts the closing handshake: sends what waits, then a Close frame. The reader still
    /// receives until the peer has answered; [`closed`](Self::closed) waits for that.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the code or the reason is invalid, or if the connection is closing
    /// already, and [`Error::Io`] as [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn close(&self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.write(Lay::Close(code, reason)).await
    }

    /// Ends the connection without waiting for the peer: drops the messages that have not begun to
    /// leave, writes a Close frame as far as that is possible at once, and shuts the stream down.
    /// A message of which a part was written is cut if the peer does not take the rest at once, and
    /// the future that waits for it gets an error.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the code or the reason is invalid, which changes nothing.
    pub fn close_now(&self, code: CloseCode, reason: &str) -> Result<(), Error> {
        Ok(self.shared.call(|state, caller| state.exchange.close_now(code, reason, caller))?)
    }

    /// Waits until the connection has ended, and tells how: the reader's task brings that about.
    /// If the reader is dropped, this reads in its place and drops what arrives.
    ///
    /// It ends at [`Config::close_timeout`](bluewire_core::Config::close_timeout) after a Close
    /// frame or a failed write at the latest, even if the reader is not polled.
    ///
    /// # Errors
    ///
    /// None: the closure says how it ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn closed(&self) -> Result<Closure, Error> {
        Ok(self.shared.wait(|state, caller| state.poll_end(None, caller)).await)
    }

    /// [`close`](Self::close) and [`closed`](Self::closed) within a budget: a peer that has not
    /// answered by then is left, which shows in the closure. On a connection that is closing
    /// already it waits for the end of that.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the code or the reason is invalid, which changes nothing.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the closing handshake has begun.
    pub async fn close_within(
        &self,
        budget: Duration,
        code: CloseCode,
        reason: &str,
    ) -> Result<Closure, Error> {
        let mut budget = self.shared.call(|state, _| {
            let now = state.exchange.now();
            state.exchange.driver.begin_close(code, reason, now).map(|()| Budget::of(budget, now))
        })?;
        Ok(self.shared.wait(|state, caller| state.poll_end(Some(&mut budget), caller)).await)
    }

    fn write(&self, what: Lay<'_>) -> impl Future<Output = Result<(), Error>> {
        self.reach(move |state, caller| state.exchange.lay(what, caller).map(Goal::Written))
    }

    /// Begins something, and waits for what it gives.
    fn reach<B>(&self, begin: B) -> impl Future<Output = Result<(), Error>>
    where
        B: Fn(&mut State<R, S>, &Caller<'_>) -> Result<Goal, Error> + Unpin,
    {
        let mut goal = None;
        self.shared.wait(move |state, caller| {
            let goal = match goal {
                Some(goal) => goal,
                None => *goal.insert(begin(state, caller)?),
            };
            state.poll_reach(goal, caller)
        })
    }

    fn try_lay(&self, message: Lay<'_>) -> Result<(), Error> {
        self.shared.call(|state, caller| state.exchange.try_feed(message, caller))
    }

    fn try_write(&self, message: Lay<'_>) -> Result<(), Error> {
        self.shared.call(|state, caller| {
            let (exchange, intake) = state.parts();
            exchange.try_send(message, &intake, caller)
        })
    }

    /// Ready when a message can be queued.
    ///
    /// # Errors
    ///
    /// If nothing can be sent any more.
    pub(super) fn poll_room(&mut self, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        self.shared.poll(&mut self.keys, cx, |state, caller| {
            let (exchange, mut intake) = state.parts();
            exchange.poll_room(&mut intake, caller)
        })
    }

    /// Queues a message, whether there is room or not.
    ///
    /// # Errors
    ///
    /// If it is refused.
    pub(super) fn start_send(&self, message: Message<'_>) -> Result<(), Error> {
        self.shared
            .call(|state, caller| state.exchange.lay(Lay::Message(message), caller).map(drop))
    }

    /// Ready when all that waits now is written.
    ///
    /// # Errors
    ///
    /// If it cannot be.
    pub(super) fn poll_flush(&mut self, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        self.shared.poll(&mut self.keys, cx, |state, caller| {
            let goal = Goal::Written(state.exchange.driver.ticket());
            state.poll_reach(goal, caller)
        })
    }

    /// Ready when the Close frame is written.
    ///
    /// # Errors
    ///
    /// If it cannot be.
    pub(super) fn poll_close(&mut self, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        let close = Lay::Close(CloseCode::NORMAL, "");
        let begun = self.shared.call(|state, caller| state.exchange.lay(close, caller).map(drop));
        match begun {
            Ok(()) | Err(Error::Send(SendError::NotOpen)) => self.poll_flush(cx),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl<R: Runtime, S> Writer<R, S> {
    pub(super) fn new(shared: Arc<Shared<R, S>>) -> Self {
        Self { shared, keys: Keys::default() }
    }

    /// How the connection ended; `None` until that was reported to the reader or to a writer.
    #[must_use]
    pub fn closure(&self) -> Option<Closure> {
        self.shared.closure()
    }
}

impl<R: Runtime, S> Clone for Writer<R, S> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }
}

impl<R: Runtime, S> Drop for Writer<R, S> {
    fn drop(&mut self) {
        self.shared.remove(&self.keys);
    }
}

impl<R: Runtime, S> fmt::Debug for Writer<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}
