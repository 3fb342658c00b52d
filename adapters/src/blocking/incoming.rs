//! A client's request, before it is answered.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use bluewire_core::{HttpAnswer, Offer, RequestHead};

use super::connect::{refuse, write_answer};
use super::net_stream::NetStream;
use super::websocket::WebSocket;
use crate::open::error::AcceptError;
use crate::open::request::Asked;
use crate::server::{Answer, Pending, PlainRequest};

/// A request that waits for its answer. Dropped without one, it closes the connection.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a request asks for an upgrade or does not")]
pub enum Incoming {
    /// It asks for a WebSocket, lawfully, from an origin that the options allow.
    Upgrade(Upgrade),
    /// It asks for something else.
    Plain(Plain),
}

impl Incoming {
    /// Answers as the server's options say. The connection, if the request was accepted.
    ///
    /// # Errors
    ///
    /// Why the client has no WebSocket: the stream failed, or it got another answer.
    pub fn respond(self) -> Result<WebSocket<NetStream>, AcceptError> {
        self.decide()?.accept()
    }

    /// The same, but leaves it to the caller to accept.
    pub(super) fn decide(self) -> Result<Upgrade, AcceptError> {
        let (stream, error, answer) = match self {
            Self::Upgrade(upgrade) if upgrade.is_decided() => return Ok(upgrade),
            Self::Upgrade(Upgrade { stream, pending }) => match pending.decide() {
                Ok(pending) => return Ok(Upgrade::new(stream, pending)),
                Err((error, answer)) => (stream, error, answer),
            },
            Self::Plain(Plain { stream, pending }) => {
                let (error, answer) = pending.respond();
                (stream, error, answer)
            }
        };
        finish(&stream, answer)?;
        Err(error)
    }

    /// The address of the client.
    ///
    /// # Errors
    ///
    /// If the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream().peer_addr()
    }

    pub(super) const fn stream(&self) -> &NetStream {
        match self {
            Self::Upgrade(upgrade) => &upgrade.stream,
            Self::Plain(plain) => &plain.stream,
        }
    }
}

/// A request for a WebSocket, to be accepted or rejected. Its origin is allowed by the options, and
/// the offer holds their headers and the subprotocol that they chose.
pub struct Upgrade {
    stream: NetStream,
    /// In a box: the stack of the connection's thread, which stays as large as it once was, would
    /// hold each move of it.
    pending: Box<Pending<Asked>>,
}

impl Upgrade {
    pub(super) fn new(stream: NetStream, pending: Pending<Asked>) -> Self {
        Self { stream, pending: Box::new(pending) }
    }

    /// The request.
    pub const fn offer(&self) -> &Offer {
        &self.pending.request.offer
    }

    /// The same, to choose a subprotocol and to add headers to the response.
    pub const fn offer_mut(&mut self) -> &mut Offer {
        &mut self.pending.request.offer
    }

    /// Whether the options have nothing to decide.
    pub(super) fn is_decided(&self) -> bool {
        self.pending.is_decided()
    }

    /// Accepts it.
    ///
    /// # Errors
    ///
    /// [`AcceptError::Io`] if the stream fails.
    pub fn accept(self) -> Result<WebSocket<NetStream>, AcceptError> {
        let Self { stream, pending } = self;
        let (mut opened, slot) = pending.accept();
        write_answer(&stream, &mut opened.outbox)?;
        Ok(WebSocket::open(stream, opened, Some(slot)))
    }

    /// Rejects it by an answer such as 401, 403, 404 or a redirect. It waits until the client has
    /// read it, for at most a second.
    ///
    /// # Errors
    ///
    /// [`AcceptError::Io`] if the stream fails.
    pub fn reject(self, answer: &HttpAnswer) -> Result<(), AcceptError> {
        finish(&self.stream, self.pending.reject(answer))
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("request", &self.pending.request).finish_non_exhaustive()
    }
}

/// A request that does not ask for a WebSocket, to be answered, or to be handed with its stream to
/// an HTTP server.
///
/// It counts among the server's connections until it is answered or dropped.
pub struct Plain {
    stream: NetStream,
    pending: Box<Pending<PlainRequest>>,
}

impl Plain {
    pub(super) fn new(stream: NetStream, pending: Pending<PlainRequest>) -> Self {
        Self { stream, pending: Box::new(pending) }
    }

    /// The head of the request.
    #[must_use]
    pub const fn head(&self) -> &RequestHead {
        &self.pending.request.head
    }

    /// Answers it and closes the connection. It waits until the client has read the answer, for
    /// at most a second after it was written.
    ///
    /// # Errors
    ///
    /// [`AcceptError::Io`] if the stream fails.
    pub fn answer(self, answer: &HttpAnswer) -> Result<(), AcceptError> {
        finish(&self.stream, self.pending.answer(answer))
    }

    /// The stream, whose calls block, and what was read from it: the head, whose
    /// [bytes](RequestHead::as_bytes) are as they came, and the bytes that followed. The connection
    /// belongs to the caller from now on, and the server does not count it any more.
    ///
    /// # Errors
    ///
    /// None.
    pub fn into_parts(self) -> io::Result<(NetStream, RequestHead, Vec<u8>)> {
        let (head, leftover) = self.pending.into_parts();
        Ok((self.stream, head, leftover))
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plain").field("head", self.head()).finish_non_exhaustive()
    }
}

fn finish(stream: &NetStream, mut answer: Answer) -> Result<(), AcceptError> {
    write_answer(stream, &mut answer.outbox)?;
    answer.was_written();
    refuse(stream, &mut answer.outbox);
    Ok(())
}
