//! The writing half of a connection that one task uses.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::Poll;

use bluewire_core::{Connection, Message, Outbox, PreparedMessage};
use smol::Timer;
use smol::io::AsyncWrite;

use super::pump::{poll_write_out, poll_write_some};
use crate::direct::{CORK_LEN_MAX, Flow, GATHER_LEN_MIN};
use crate::error::Error;

/// What sends on a [`WebSocket`](super::WebSocket) while a message received on it is in hand.
///
/// See [`WebSocket::recv_with_sender`](super::WebSocket::recv_with_sender); the methods are the
/// socket's own, as is their cancel safety, but that nothing is read meanwhile: the message lies
/// where it would be read to. A peer that does not read is waited for as long as
/// [`Flow::write_timeout`] says.
pub struct Sender<'a, S> {
    pub(super) stream: &'a mut S,
    pub(super) connection: &'a mut Connection,
    pub(super) outbox: &'a mut Outbox,
    /// Whether another whole frame has arrived, whose answer can leave by the same write.
    pub(super) corked: bool,
    pub(super) flow: Flow,
}

impl<S: AsyncWrite + Unpin> Sender<'_, S> {
    /// Sends a whole message; see [`WebSocket::send`](super::WebSocket::send).
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection refuses it, and [`Error::Io`] if the stream fails.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the message is queued, and leaves with the next write.
    pub async fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let message = message.into();
        if message.len() < GATHER_LEN_MIN {
            self.connection.send(message, self.outbox)?;
            return self.uncork().await;
        }
        // Dropped with this future, the gather copies what is left into the outbox.
        let mut gather = self.connection.send_vectored(message, self.outbox)?;
        while !gather.is_empty() {
            let written =
                poll_fn(|cx| poll_write_some(self.stream, &gather.slices().map(IoSlice::new), cx));
            let len = within(self.flow.write_timeout, written).await?;
            gather.sent(len);
        }
        Ok(())
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
        self.connection.send_fragment(part, fin, self.outbox)?;
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
        self.connection.send_prepared(message, self.outbox)?;
        self.uncork().await
    }

    /// Queues a message without writing; see [`WebSocket::feed`](super::WebSocket::feed).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn feed<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let message = message.into();
        if self.outbox.len() >= self.flow.queue_len_max {
            self.flush().await?;
        }
        self.connection.send(message, self.outbox)?;
        if self.outbox.len() >= CORK_LEN_MAX { self.flush().await } else { Ok(()) }
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
        self.connection.ping(payload, self.outbox)?;
        self.flush().await
    }

    /// Writes all that waits.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the stream fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn flush(&mut self) -> Result<(), Error> {
        while !self.outbox.is_empty() {
            let len = self.outbox.len();
            // Some of it: the time is that without progress.
            let some = poll_fn(|cx| match poll_write_out(self.stream, self.outbox, cx) {
                Poll::Pending if self.outbox.len() < len => Poll::Ready(Ok(())),
                polled => polled,
            });
            within(self.flow.write_timeout, some).await?;
        }
        Ok(())
    }

    /// Writes, unless what has arrived already will cause more.
    async fn uncork(&mut self) -> Result<(), Error> {
        if self.corked && self.outbox.len() < CORK_LEN_MAX { Ok(()) } else { self.flush().await }
    }
}

impl<S> fmt::Debug for Sender<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("outbox", &self.outbox).finish_non_exhaustive()
    }
}

/// The future's output, unless the time runs out before.
async fn within<T>(
    time: std::time::Duration,
    future: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let mut future = pin!(future);
    let mut timer = None;
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(output);
        }
        let timer = timer.get_or_insert_with(|| Timer::after(time));
        Pin::new(timer).poll(cx).map(|_| Err(io::ErrorKind::TimedOut.into()))
    })
    .await
}
