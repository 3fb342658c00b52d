//! The writing half of a connection that one task uses.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bluewire_core::{Connection, Message, Outbox, PreparedMessage};
use smol::io::AsyncWrite;

use crate::error::Error;

/// Once this much waits, it is written without waiting for more.
const CORK_LEN_MAX: usize = 64 * 1024;

/// A message at least this long is written from where it lies.
const GATHER_LEN_MIN: usize = 16 * 1024;

/// What sends on a [`WebSocket`](super::WebSocket) while a message received on it is in hand.
///
/// See [`WebSocket::recv_with_sender`](super::WebSocket::recv_with_sender); the methods are the
/// socket's own, as is their cancel safety.
pub struct Sender<'a, S> {
    pub(super) stream: &'a mut S,
    pub(super) connection: &'a mut Connection,
    pub(super) outbox: &'a mut Outbox,
    /// Whether another whole frame has arrived, whose answer can leave by the same write.
    pub(super) corked: bool,
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
            let len =
                poll_fn(|cx| poll_write_some(self.stream, &gather.slices().map(IoSlice::new), cx))
                    .await?;
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
        Ok(write_out(self.stream, self.outbox).await?)
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

/// Writes all that waits.
pub(super) async fn write_out(
    stream: &mut (impl AsyncWrite + Unpin),
    outbox: &mut Outbox,
) -> io::Result<()> {
    poll_fn(|cx| poll_write_out(stream, outbox, cx)).await
}

pub(super) fn poll_write_out(
    stream: &mut (impl AsyncWrite + Unpin),
    outbox: &mut Outbox,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while !outbox.is_empty() {
        let len = ready!(poll_write_some(stream, &outbox.slices().map(IoSlice::new), cx))?;
        outbox.sent(len);
    }
    // A stream that keeps bytes back, as TLS may, is to let them go.
    Pin::new(stream).poll_flush(cx)
}

fn poll_write_some(
    stream: &mut (impl AsyncWrite + Unpin),
    slices: &[IoSlice<'_>],
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    loop {
        match ready!(Pin::new(&mut *stream).poll_write_vectored(cx, slices)) {
            Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            written => return Poll::Ready(written),
        }
    }
}
