//! A client's request, before it is answered.

use std::borrow::Borrow as _;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bluewire_core::{HttpAnswer, Offer, Outbox, RequestHead};

use super::runtime::Runtime;
use super::wait::{poll_write_out, refuse, within, write_out};
use super::websocket::WebSocket;
use crate::open::error::AcceptError;
use crate::open::request::Asked;
use crate::server::{Answer, Pending, PlainRequest, Watch};

/// How long a client may take to read the answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// A request that waits for its answer. Dropped without one, it closes the connection.
#[expect(clippy::exhaustive_enums, reason = "a request asks for an upgrade or does not")]
pub enum Incoming<R: Runtime> {
    /// It asks for a WebSocket, lawfully, from an origin that the options allow.
    Upgrade(Upgrade<R>),
    /// It asks for something else.
    Plain(Plain<R>),
}

/// A server's record of a request. It is boxed, since a future is as large as all that it may hold,
/// twice, and that of a connection may begin with an [`Incoming`].
pub(super) struct Parts<R: Runtime, T> {
    pub(super) stream: R::NetStream,
    pub(super) pending: Pending<T>,
    /// Where the connection's tasks are spawned.
    pub(super) spawner: R::Spawner,
}

impl<R: Runtime> Incoming<R> {
    /// Answers as the server's options say. The connection, if the request was accepted.
    ///
    /// # Errors
    ///
    /// Why the client has no WebSocket: the stream failed, or it got another answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the connection.
    pub async fn respond(self) -> Result<WebSocket<R, R::NetStream>, AcceptError> {
        match self.decide() {
            Ok(upgrade) => upgrade.accept().await,
            Err(refused) => Err(refused.finish().await),
        }
    }

    /// Decides as the server's options say.
    pub(super) fn decide(self) -> Result<Upgrade<R>, Box<Refused<R>>> {
        let (stream, error, answer) = match self {
            Self::Upgrade(Upgrade(parts)) => {
                let Parts { stream, pending, spawner } = *parts;
                match pending.decide() {
                    Ok(pending) => return Ok(Upgrade::new(Parts { stream, pending, spawner })),
                    Err((error, answer)) => (stream, error, answer),
                }
            }
            Self::Plain(Plain(parts)) => {
                let (error, answer) = parts.pending.respond();
                (parts.stream, error, answer)
            }
        };
        Err(Box::new(Refused { stream, error, answer }))
    }

    /// The address of the client.
    ///
    /// # Errors
    ///
    /// If the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Upgrade(Upgrade(parts)) => parts.stream.borrow().peer_addr(),
            Self::Plain(Plain(parts)) => parts.stream.borrow().peer_addr(),
        }
    }

    /// Where the connection's tasks are spawned, and a watch that reports when it must be cut.
    pub(super) fn task(&self) -> (R::Spawner, Watch) {
        match self {
            Self::Upgrade(Upgrade(parts)) => (parts.spawner.clone(), parts.pending.slot().watch()),
            Self::Plain(Plain(parts)) => (parts.spawner.clone(), parts.pending.slot().watch()),
        }
    }
}

impl<R: Runtime> fmt::Debug for Incoming<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upgrade(upgrade) => f.debug_tuple("Upgrade").field(upgrade).finish(),
            Self::Plain(plain) => f.debug_tuple("Plain").field(plain).finish(),
        }
    }
}

/// A request that was refused, and the answer that the client has not got yet.
pub(super) struct Refused<R: Runtime> {
    stream: R::NetStream,
    error: AcceptError,
    answer: Answer,
}

impl<R: Runtime> Refused<R> {
    /// Answers. Why the client has no WebSocket.
    pub(super) async fn finish(self) -> AcceptError {
        match finish::<R>(self.stream, self.answer).await {
            Ok(()) => self.error,
            Err(error) => error,
        }
    }
}

/// A request for a WebSocket, to be accepted or rejected. Its origin is allowed by the options, and
/// the offer holds their headers and the subprotocol that they chose.
pub struct Upgrade<R: Runtime>(Box<Parts<R, Asked>>);

impl<R: Runtime> Upgrade<R> {
    pub(super) fn new(parts: Parts<R, Asked>) -> Self {
        Self(Box::new(parts))
    }

    /// The request.
    pub const fn offer(&self) -> &Offer {
        &self.0.pending.request.offer
    }

    /// The same, to choose a subprotocol and to add headers to the response.
    pub const fn offer_mut(&mut self) -> &mut Offer {
        &mut self.0.pending.request.offer
    }

    /// Accepts it.
    ///
    /// # Errors
    ///
    /// [`AcceptError::Io`] if the stream fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the connection.
    pub async fn accept(self) -> Result<WebSocket<R, R::NetStream>, AcceptError> {
        let Parts { mut stream, pending, .. } = *self.0;
        let (mut opened, slot) = pending.accept();
        write_answer::<R>(&mut stream, &mut opened.outbox).await?;
        Ok(WebSocket::open(stream, opened, Some(slot)))
    }

    /// The same without waiting. If the socket does not take all of the response, the rest, a few
    /// bytes, leaves before all that the connection sends.
    pub(super) fn accept_now(self) -> Result<WebSocket<R, R::NetStream>, AcceptError> {
        let Parts { mut stream, pending, .. } = *self.0;
        let (mut opened, slot) = pending.accept();
        let cx = &mut Context::from_waker(Waker::noop());
        match poll_write_out(&mut stream, &mut opened.outbox, cx) {
            Poll::Ready(Err(error)) => Err(AcceptError::of_stream(error)),
            _ => Ok(WebSocket::open(stream, opened, Some(slot))),
        }
    }

    /// Rejects it by an answer such as 401, 403, 404 or a redirect. It waits until the client has
    /// read it, for at most a second after it was written.
    ///
    /// # Errors
    ///
    /// [`AcceptError::Io`] if the stream fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the connection.
    pub async fn reject(self, answer: &HttpAnswer) -> Result<(), AcceptError> {
        let Parts { stream, pending, .. } = *self.0;
        finish::<R>(stream, pending.reject(answer)).await
    }
}

impl<R: Runtime> fmt::Debug for Upgrade<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("request", &self.0.pending.request).finish_non_exhaustive()
    }
}

/// A request that does not ask for a WebSocket, to be answered, or to be handed with its stream to
/// an HTTP server.
///
/// It counts among the server's connections until it is answered or dropped.
pub struct Plain<R: Runtime>(Box<Parts<R, PlainRequest>>);

impl<R: Runtime> Plain<R> {
    pub(super) fn new(parts: Parts<R, PlainRequest>) -> Self {
        Self(Box::new(parts))
    }

    /// The head of the request.
    #[must_use]
    pub const fn head(&self) -> &RequestHead {
        &self.0.pending.request.head
    }

    /// Answers it and closes the connection. It waits until the client has read the answer, for
    /// at most a second after it was written.
    ///
    /// # Errors
    ///
    /// [`AcceptError::Io`] if the stream fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the connection.
    pub async fn answer(self, answer: &HttpAnswer) -> Result<(), AcceptError> {
        let Parts { stream, pending, .. } = *self.0;
        finish::<R>(stream, pending.answer(answer)).await
    }

    /// The stream, and what was read from it: the head, whose [bytes](RequestHead::as_bytes) are
    /// as they came, and the bytes that followed. The connection belongs to the caller from now on,
    /// and the server does not count it any more.
    ///
    /// # Errors
    ///
    /// None.
    pub fn into_parts(self) -> io::Result<(R::NetStream, RequestHead, Vec<u8>)> {
        let Parts { stream, pending, .. } = *self.0;
        let (head, leftover) = pending.into_parts();
        Ok((stream, head, leftover))
    }
}

impl<R: Runtime> fmt::Debug for Plain<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plain").field("head", self.head()).finish_non_exhaustive()
    }
}

async fn write_answer<R: Runtime>(
    stream: &mut R::NetStream,
    outbox: &mut Outbox,
) -> Result<(), AcceptError> {
    match within::<R, _>(Some(WRITE_TIMEOUT), write_out(stream, outbox)).await {
        Some(written) => written.map_err(AcceptError::of_stream),
        None => Err(AcceptError::Io(io::ErrorKind::TimedOut.into())),
    }
}

async fn finish<R: Runtime>(
    mut stream: R::NetStream,
    mut answer: Answer,
) -> Result<(), AcceptError> {
    write_answer::<R>(&mut stream, &mut answer.outbox).await?;
    answer.was_written();
    refuse::<R, _>(&mut stream, &mut answer.outbox).await;
    Ok(())
}
