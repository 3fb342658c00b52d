//! The writing ends of an asynchronous connection that was split.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bluewire_core::{CloseCode, Closure, Message, PreparedMessage, SendError, State};
use smol::Timer;
use smol::io::{AsyncRead, AsyncWrite};

use super::deadline::Deadline;
use super::shared::{Shared, Stall};
use crate::direct::{CORK_LEN_MAX, LOOK_INTERVAL, Lay, Ticket};
use crate::error::Error;

/// An end of a split connection that sends; a clone is another one for the same connection.
///
/// Its futures may run while other tasks read and write. Messages of one writer leave in the order
/// of its calls, and never mix with those of another. A message that is sent in chunks is the
/// exception: until it is finished, other messages are
/// [refused](crate::SendError::MessageUnfinished), whoever sends them.
///
/// What a future has brought to an end is written, or has failed. A write waits for the peer for as
/// long as [`Flow::write_timeout`](crate::Flow::write_timeout) says; the reader, if it is polled,
/// is not held up by it. When all writers are dropped the connection goes on. It is also a `Sink`.
///
/// # Cancel safety
///
/// A future that sends and was polled once has queued its message, which leaves with the next
/// write of any task, the reader's included.
pub struct Writer<S> {
    pub(super) shared: Arc<Shared<S>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Writer<S> {
    pub(super) const fn new(shared: Arc<Shared<S>>) -> Self {
        Self { shared }
    }

    /// Sends a whole message.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection refuses it, and [`Error::Io`] if the stream fails, or
    /// takes nothing for [`Flow::write_timeout`](crate::Flow::write_timeout).
    ///
    /// # Cancel safety
    ///
    /// Once polled, the message is queued, and leaves with the next write.
    pub async fn send<'m>(&self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.lay(Lay::Message(message.into())).await
    }

    /// Sends a part of a message, the last one if `fin`: for what is larger than memory.
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
        self.lay(Lay::Chunk(part.into(), fin)).await
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
        self.lay(Lay::Prepared(message)).await
    }

    /// Queues a message: it leaves with the next that is written. From 64 KiB on, it writes what
    /// the peer takes at once; once [`Flow::queue_len_max`](crate::Flow::queue_len_max) waits, it
    /// first waits until all of that is written.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the message is not queued; nothing else is lost.
    pub async fn feed<'m>(&self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let message = message.into();
        poll_fn(|cx| self.shared.turn.poll(cx)).await;
        self.shared.turn.pay(message.len());
        loop {
            match self.try_feed(message) {
                Err(Error::Send(SendError::OutboxFull)) => {}
                fed => return fed,
            }
            if self.queue_len() == 0 {
                // It is the message that is too long.
                return Err(Error::Send(SendError::OutboxFull));
            }
            self.flush().await?;
        }
    }

    /// The same, but refuses the message where `feed` would wait.
    ///
    /// # Errors
    ///
    /// [`SendError::OutboxFull`] if so, and as [`send`](Self::send).
    pub fn try_feed<'m>(&self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        if self.queue_len() >= CORK_LEN_MAX {
            let cx = &Context::from_waker(std::task::Waker::noop());
            let _ = self.shared.poll_write_out(cx);
        }
        let mut link = self.shared.link();
        link.check_queue()?;
        link.lay(Lay::Message(message.into()))?;
        Ok(())
    }

    /// Bytes that wait to be written, at most 64 KiB that are on their way not counted.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.shared.link().queue_len()
    }

    /// Writes all that waits: the sign that there is room again.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the stream fails, or takes nothing for
    /// [`Flow::write_timeout`](crate::Flow::write_timeout).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn flush(&self) -> Result<(), Error> {
        let ticket = self.shared.link().ticket();
        self.written(ticket).await
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
        self.lay(Lay::Ping(payload)).await
    }

    /// Starts the closing handshake: sends what waits, then a Close frame. The reader still
    /// receives until the peer has answered; [`closed`](Self::closed) waits for that.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the code or the reason is not lawful, or if the connection is closing
    /// already, and [`Error::Io`] as [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn close(&self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let ticket = self.shared.link().lay(Lay::Close(code, reason))?;
        self.shared.changed();
        self.written(ticket).await
    }

    /// Ends the connection without waiting for the peer: drops the messages that have not begun to
    /// leave, writes a Close frame as far as that is possible at once, and shuts the stream down.
    /// A message of which a part was written is cut if the peer does not take the rest at once.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] as [`close`](Self::close).
    pub fn close_now(&self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.shared.link().lay(Lay::CloseNow(code, reason))?;
        let _ = self.shared.poll_write_out(&Context::from_waker(std::task::Waker::noop()));
        self.shared.abandon();
        Ok(())
    }

    /// Waits until the connection has ended, and tells how: the reader's task brings that about.
    /// If the reader is dropped, this reads in its place and drops what arrives.
    ///
    /// It ends at [`Config::close_timeout`](bluewire_core::Config::close_timeout) after a Close
    /// frame at the latest, even if the reader is not polled.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if this reads, and the stream fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn closed(&self) -> Result<Closure, Error> {
        let mut deadline = Deadline::default();
        poll_fn(|cx| self.poll_closed(&mut deadline, cx)).await
    }

    /// [`close`](Self::close) and [`closed`](Self::closed) within a budget: a peer that has not
    /// answered by then is left, which shows in the closure. On a connection that is closing
    /// already it waits for the end of that.
    ///
    /// # Errors
    ///
    /// As these two.
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
        match self.shared.link().lay(Lay::Close(code, reason)) {
            Ok(_) | Err(Error::Send(SendError::NotOpen)) => {}
            Err(error) => return Err(error),
        }
        self.shared.changed();
        let mut budget = Timer::after(budget);
        let mut deadline = Deadline::default();
        poll_fn(|cx| {
            let _ = self.shared.poll_write_out(cx);
            if let Poll::Ready(closed) = self.poll_closed(&mut deadline, cx) {
                return Poll::Ready(closed);
            }
            if Pin::new(&mut budget).poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.shared.abandon();
            self.poll_closed(&mut deadline, cx)
        })
        .await
    }

    /// How the connection ended; `None` until it has.
    #[must_use]
    pub fn closure(&self) -> Option<Closure> {
        self.shared.closure()
    }

    async fn lay(&self, what: Lay<'_>) -> Result<(), Error> {
        let ticket = self.shared.link().lay(what)?;
        self.written(ticket).await
    }

    async fn written(&self, ticket: Ticket) -> Result<(), Error> {
        let mut stall = Stall::default();
        poll_fn(|cx| {
            let written = self.shared.poll_written_in_time(ticket, &mut stall, cx);
            self.look(written.is_pending(), cx);
            written
        })
        .await
    }

    /// Sees to what has arrived, if there is no reader that does: always while this waits, and
    /// otherwise if that is not just now done.
    fn look(&self, waits: bool, cx: &mut Context<'_>) {
        let mut parked = self.shared.parked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(side) = &mut *parked
            && (waits || side.looked.elapsed() >= LOOK_INTERVAL)
        {
            side.looked = Instant::now();
            // What has gone wrong is in the connection's state.
            let _ = side.poll_discard(&self.shared, cx);
        }
    }

    fn poll_closed(
        &self,
        deadline: &mut Deadline,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Closure, Error>> {
        self.shared.register(cx);
        loop {
            if let Some(closure) = self.shared.closure() {
                return Poll::Ready(Ok(closure));
            }
            {
                let mut parked = self.shared.parked.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(side) = &mut *parked {
                    std::task::ready!(side.poll_discard(&self.shared, cx))?;
                    continue;
                }
            }
            let (clock, until) = {
                let link = self.shared.link();
                let closing = link.connection.state() == State::Closing;
                (link.clock, link.connection.poll_timeout().filter(|_| closing))
            };
            std::task::ready!(deadline.poll(clock, until, cx));
            self.shared.link().expire();
            self.shared.changed();
        }
    }
}

impl<S> Clone for Writer<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S> fmt::Debug for Writer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}
