//! The writing half of a connection that one task uses.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bluewire_core::{Connection, Gather, Message, Outbox, PreparedMessage};
use smol::Timer;
use smol::io::AsyncWrite;

use super::pump::{poll_write_out, poll_write_some, send_at_once};
use super::websocket::Pipe;
use crate::direct::{CORK_LEN_MAX, Flow, GATHER_LEN_MIN};
use crate::error::Error;

/// What sends on a [`WebSocket`](super::WebSocket) while a message received on it is in hand.
///
/// See [`WebSocket::recv_with_sender`](super::WebSocket::recv_with_sender); the methods are the
/// socket's own, as is their cancel safety, but that nothing is read meanwhile: the message lies
/// where it would be read to. A peer that does not read is waited for as long as
/// [`Flow::write_timeout`] says.
pub struct Sender<'a, S> {
    pub(super) pipe: &'a mut Pipe<S>,
    pub(super) connection: &'a mut Connection,
    pub(super) outbox: &'a mut Outbox,
    pub(super) flow: &'a Flow,
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
        {
            let Self { pipe, connection, outbox, flow } = &mut *self;
            pipe.turn.pay(message.len());
            let rest = send_at_once(&mut pipe.stream, connection, message, outbox)?;
            // In a box: in the future, it would be there for every message.
            let rest =
                rest.map(|rest| Box::pin(write_rest(&mut pipe.stream, rest, flow.write_timeout)));
            if let Some(rest) = rest {
                rest.await?;
            }
        }
        self.flush().await
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
    /// Dropped while it waits, the message is not queued, or it is and leaves with the next write;
    /// nothing else is lost.
    pub async fn feed<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let message = message.into();
        if self.outbox.len() >= self.flow.queue_len_max {
            self.flush().await?;
        }
        poll_fn(|cx| self.pipe.turn.poll(cx)).await;
        self.pipe.turn.pay(message.len());
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
        self.pipe.stall = None;
        self.pipe.turn.pay(self.outbox.len());
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.pipe.turn.poll(cx));
        let len = self.outbox.len();
        if let Poll::Ready(written) = poll_write_out(&mut self.pipe.stream, self.outbox, cx) {
            self.pipe.stall = None;
            return Poll::Ready(written.map_err(Error::Io));
        }
        if self.outbox.len() < len {
            // The time is that without progress.
            self.pipe.stall = None;
        }
        self.pipe.turn.renew();
        let timeout = self.flow.write_timeout;
        let stall = self.pipe.stall.get_or_insert_with(|| Box::new(Timer::after(timeout)));
        ready!(Pin::new(stall).poll(cx));
        self.pipe.stall = None;
        Poll::Ready(Err(Error::Io(io::ErrorKind::TimedOut.into())))
    }

    /// Writes, unless what has arrived already will cause more.
    async fn uncork(&mut self) -> Result<(), Error> {
        if self.pipe.corked && self.outbox.len() < CORK_LEN_MAX {
            Ok(())
        } else {
            self.flush().await
        }
    }
}

impl<S> fmt::Debug for Sender<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("outbox", &self.outbox).finish_non_exhaustive()
    }
}

/// Writes what is left of a message from where it lies. Dropped with the future, what is left then
/// is copied into the outbox.
async fn write_rest(
    stream: &mut (impl AsyncWrite + Unpin),
    mut rest: Gather<'_>,
    timeout: Duration,
) -> Result<(), Error> {
    while !rest.is_empty() {
        let slices = rest.slices().map(IoSlice::new);
        let written = poll_fn(|cx| poll_write_some(stream, &slices, cx));
        let len = within(timeout, written).await?;
        rest.sent(len);
    }
    Ok(())
}

/// The future's output, unless the time runs out before.
async fn within<T>(time: Duration, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
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
