//! What a client of a blocking server asks for, before it is answered.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{HttpAnswer, Inbox, Offer, Outbox, RequestHead};

use super::connect::refuse;
use super::net_stream::NetStream;
use super::pump::write_out;
use super::websocket::WebSocket;
use crate::accept::{AcceptError, Asked, decline};
use crate::server::{Place, ServerOptions};

/// How long a client may take to read the answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

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
    /// Answers as the server's options say. The connection, if there is one now.
    ///
    /// # Errors
    ///
    /// Why the client has no WebSocket: the stream failed, or it was answered otherwise.
    pub fn respond(self) -> Result<WebSocket<NetStream>, AcceptError> {
        match self {
            Self::Upgrade(mut upgrade) => {
                let decided = match upgrade.options.on_offer.clone() {
                    Some(decide) => decide(upgrade.offer_mut()),
                    None => Ok(()),
                };
                match decided {
                    Ok(()) => upgrade.accept(),
                    Err(answer) => {
                        let head = upgrade.offer().head().clone();
                        upgrade.reject(&answer)?;
                        Err(AcceptError::Refused(head, answer.status()))
                    }
                }
            }
            Self::Plain(plain) => {
                let head = plain.head.clone();
                match plain.options.on_request.clone() {
                    Some(answer) => plain.answer(&answer(&head))?,
                    None => plain.decline(),
                }
                Err(AcceptError::NotWebSocket(head))
            }
        }
    }

    /// The address of the client.
    ///
    /// # Errors
    ///
    /// If the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Upgrade(upgrade) => upgrade.stream.peer_addr(),
            Self::Plain(plain) => plain.stream.peer_addr(),
        }
    }
}

/// A request for a WebSocket, to be accepted or rejected. The options' origins have been checked,
/// and their headers and the subprotocol are in the offer.
pub struct Upgrade {
    stream: NetStream,
    asked: Asked,
    place: Place,
    options: Arc<ServerOptions>,
}

impl Upgrade {
    pub(super) const fn new(
        stream: NetStream,
        asked: Asked,
        place: Place,
        options: Arc<ServerOptions>,
    ) -> Self {
        Self { stream, asked, place, options }
    }

    /// The request.
    pub const fn offer(&self) -> &Offer {
        &self.asked.offer
    }

    /// The same, to choose a subprotocol and to add headers to the response.
    pub const fn offer_mut(&mut self) -> &mut Offer {
        &mut self.asked.offer
    }

    /// Accepts it.
    ///
    /// # Errors
    ///
    /// [`AcceptError::Io`] if the stream fails.
    pub fn accept(self) -> Result<WebSocket<NetStream>, AcceptError> {
        let Self { mut stream, asked, place, .. } = self;
        stream.set_nonblocking(false).map_err(AcceptError::Io)?;
        let mut opened = asked.open(Some(place));
        write_out(&mut stream, &mut opened.outbox, WRITE_TIMEOUT)
            .map_err(AcceptError::of_stream)?;
        Ok(WebSocket::new(stream, opened))
    }

    /// Rejects it by an answer such as 401, 403, 404 or a redirect. It waits until the client has
    /// read it, for at most a second.
    ///
    /// # Errors
    ///
    /// [`AcceptError::Io`] if the stream fails.
    pub fn reject(self, answer: &HttpAnswer) -> Result<(), AcceptError> {
        let Self { stream, asked, place, .. } = self;
        finish(stream, asked.reject(answer), place)
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("asked", &self.asked).finish_non_exhaustive()
    }
}

/// A request that does not ask for a WebSocket, to be answered, or to be handed with its stream to
/// a server for HTTP.
///
/// It counts among the server's connections until it is answered or dropped.
pub struct Plain {
    stream: NetStream,
    head: RequestHead,
    leftover: Vec<u8>,
    options: Arc<ServerOptions>,
    place: Place,
}

impl Plain {
    pub(super) fn new(
        stream: NetStream,
        head: RequestHead,
        inbox: &Inbox,
        place: Place,
        options: Arc<ServerOptions>,
    ) -> Self {
        Self { stream, head, leftover: inbox.unparsed().to_vec(), options, place }
    }

    /// The head of the request.
    #[must_use]
    pub const fn head(&self) -> &RequestHead {
        &self.head
    }

    /// Answers it and closes the connection. It waits until the client has read the answer, for
    /// at most a second after it was written.
    ///
    /// # Errors
    ///
    /// [`AcceptError::Io`] if the stream fails.
    pub fn answer(self, answer: &HttpAnswer) -> Result<(), AcceptError> {
        let mut outbox = Outbox::new();
        answer.lay(&self.head, &mut outbox);
        finish(self.stream, outbox, self.place)
    }

    /// The stream, whose calls block, and what was read from it: the head, whose
    /// [bytes](RequestHead::as_bytes) are as they came, and what followed. The connection is the
    /// caller's from now on, and the server does not count it any more.
    ///
    /// # Errors
    ///
    /// If the stream cannot be made to block.
    pub fn into_parts(self) -> io::Result<(NetStream, RequestHead, Vec<u8>)> {
        let Self { stream, head, leftover, mut place, .. } = self;
        place.settle(true);
        stream.set_nonblocking(false)?;
        Ok((stream, head, leftover))
    }

    fn decline(self) {
        let (_, outbox) = decline(self.head);
        // Whether the client hears it is its own affair.
        let _ = finish(self.stream, outbox, self.place);
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plain").field("head", &self.head).finish_non_exhaustive()
    }
}

fn finish(mut stream: NetStream, mut outbox: Outbox, mut place: Place) -> Result<(), AcceptError> {
    stream.set_nonblocking(false).map_err(AcceptError::Io)?;
    write_out(&mut stream, &mut outbox, WRITE_TIMEOUT).map_err(AcceptError::of_stream)?;
    place.settle(true);
    refuse(&mut stream, &mut outbox);
    Ok(())
}
