//! How a [`WebSocket`] sends and closes.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bluewire_core::{CloseCode, Closure, Message, PreparedMessage};
use smol::Timer;
use smol::io::{AsyncRead, AsyncWrite};

use super::pump::send_at_once;
use super::shut_down::poll_shut_down;
use super::websocket::{Inner, WebSocket};
use crate::direct::{CORK_LEN_MAX, GATHER_LEN_MIN};
use crate::error::Error;

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> WebSocket<S> {
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
    pub async fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let message = message.into();
        let engine = &mut self.inner.engine;
        if message.len() < GATHER_LEN_MIN {
            engine.connection.send(message, &mut engine.outbox)?;
            return self.uncork().await;
        }
        let Inner { pipe, engine, .. } = &mut *self.inner;
        pipe.turn.pay(message.len());
        let (connection, outbox) = (&mut engine.connection, &mut engine.outbox);
        drop(send_at_once(&mut pipe.stream, connection, message, outbox)?);
        self.flush().await
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
        &mut self,
        part: impl Into<Message<'m>>,
        fin: bool,
    ) -> Result<(), Error> {
        let engine = &mut self.inner.engine;
        engine.connection.send_fragment(part, fin, &mut engine.outbox)?;
        self.uncork().await
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
        let engine = &mut self.inner.engine;
        engine.connection.send_prepared(message, &mut engine.outbox)?;
        self.uncork().await
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
    /// Dropped while it waits, the message is not queued; nothing else is lost.
    pub async fn feed<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let message = message.into();
        if self.inner.engine.check_queue().is_err() {
            self.drain(self.inner.engine.flow.queue_len_max / 2).await?;
        }
        poll_fn(|cx| self.inner.pipe.turn.poll(cx)).await;
        self.inner.pipe.turn.pay(message.len());
        self.try_feed(message)
    }

    /// The same, but refuses the message where `feed` would wait.
    ///
    /// # Errors
    ///
    /// [`SendError::OutboxFull`](crate::SendError::OutboxFull) if so, and as [`send`](Self::send).
    pub fn try_feed<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        if self.inner.engine.outbox.len() >= CORK_LEN_MAX {
            let cx = &mut Context::from_waker(Waker::noop());
            if let Poll::Ready(Err(error)) = self.poll_write_out(cx) {
                return Err(error.into());
            }
        }
        self.inner.engine.check_queue()?;
        self.inner.engine.connection.send(message, &mut self.inner.engine.outbox)?;
        Ok(())
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub const fn queue_len(&self) -> usize {
        self.inner.engine.outbox.len()
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
    pub async fn drain(&mut self, queue_len: usize) -> Result<(), Error> {
        self.inner.pipe.stall = None;
        self.inner.pipe.turn.pay(self.inner.engine.outbox.len());
        poll_fn(|cx| self.poll_drain(queue_len, cx)).await
    }

    /// Writes all that waits.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the stream fails, or takes nothing for
    /// [`Flow::write_timeout`](crate::Flow::write_timeout).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.drain(0).await
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
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.inner.engine.connection.ping(payload, &mut self.inner.engine.outbox)?;
        self.flush().await
    }

    /// Closes the connection in order: sends what waits, then a Close frame, and reads until the
    /// peer has done the same, for at most
    /// [`Config::close_timeout`](bluewire_core::Config::close_timeout). Messages that still come
    /// are dropped. On a connection that is closing already it waits for the end of that.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the code or the reason is not lawful, which changes nothing, and
    /// [`Error::Io`] if the stream fails. A peer that does not answer is no error: the closure
    /// says so.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the closing handshake has begun; call it again to wait for its end.
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<Closure, Error> {
        self.inner.engine.begin_close(code, reason)?;
        poll_fn(|cx| self.poll_finish(cx)).await
    }

    /// The same within a budget, if that is shorter: a peer that has not answered by then is left.
    /// A closing handshake that is not complete shows in the closure, which is not
    /// [`clean`](Closure::clean).
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
        self.inner.engine.begin_close(code, reason)?;
        let mut budget = Timer::after(budget);
        poll_fn(|cx| {
            if let Poll::Ready(closed) = self.poll_finish(cx) {
                return Poll::Ready(closed);
            }
            if Pin::new(&mut budget).poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.inner.engine.give_up();
            let _ = poll_shut_down(&mut self.inner.pipe.stream, cx);
            self.poll_finish(cx)
        })
        .await
    }

    /// Ends the connection without waiting: drops the messages that have not begun to leave,
    /// writes a Close frame as far as that is possible at once, and shuts the stream down.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the code or the reason is not lawful, which changes nothing.
    pub fn close_now(mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.inner.engine.begin_close_now(code, reason)?;
        let cx = &mut Context::from_waker(Waker::noop());
        let _ = self.poll_write_out(cx);
        let _ = poll_shut_down(&mut self.inner.pipe.stream, cx);
        Ok(())
    }

    pub(super) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<Closure, Error>> {
        loop {
            if let Some(closure) = self.inner.engine.discard() {
                let _ = self.poll_write_out(cx);
                self.poll_shut_down(cx);
                return Poll::Ready(Ok(closure));
            }
            ready!(self.poll_exchange(cx))?;
        }
    }

    /// Writes until at most this much waits, and sees to what arrives while the peer does not
    /// read.
    pub(super) fn poll_drain(
        &mut self,
        queue_len: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        loop {
            ready!(self.inner.pipe.turn.poll(cx));
            if self.inner.engine.heed() {
                return Poll::Ready(Err(Error::Io(io::ErrorKind::ConnectionAborted.into())));
            }
            let before = self.inner.engine.outbox.len();
            if let Poll::Ready(written) = self.poll_write_out(cx) {
                self.inner.pipe.stall = None;
                return Poll::Ready(written.map_err(Error::Io));
            }
            let left = self.inner.engine.outbox.len();
            if left <= queue_len {
                self.inner.pipe.stall = None;
                return Poll::Ready(Ok(()));
            }
            if left < before {
                self.inner.pipe.stall = None;
            }
            if self.inner.engine.hold() {
                match self.poll_read(cx) {
                    Poll::Ready(Ok(())) => continue,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {}
                }
            }
            self.inner.pipe.turn.renew();
            self.inner.engine.listen(cx.waker());
            let timeout = self.inner.engine.flow.write_timeout;
            let stall =
                self.inner.pipe.stall.get_or_insert_with(|| Box::new(Timer::after(timeout)));
            return Pin::new(stall).poll(cx).map(|_| {
                self.inner.pipe.stall = None;
                Err(Error::Io(io::ErrorKind::TimedOut.into()))
            });
        }
    }

    /// Writes, unless what has arrived already will cause more.
    async fn uncork(&mut self) -> Result<(), Error> {
        if !self.inner.engine.should_write() {
            return Ok(());
        }
        self.flush().await?;
        if self.inner.engine.should_look() && self.inner.engine.hold() {
            let cx = &mut Context::from_waker(Waker::noop());
            if let Poll::Ready(read) = self.poll_read(cx) {
                read?;
                self.inner.engine.hold();
                // Answers leave as far as that is possible at once.
                let _ = self.poll_write_out(cx);
            }
        }
        Ok(())
    }
}
