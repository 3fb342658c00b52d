//! What a client of a smol server asks for, before it is answered.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{HttpAnswer, Inbox, Offer, Outbox, RequestHead};

use super::connect::{refuse, within};
use super::home::Home;
use super::net_stream::NetStream;
use super::websocket::WebSocket;
use crate::accept::{AcceptError, Asked, decline};
use crate::server::{LINGER, Place, ServerOptions, Watch};

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
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the connection.
    pub async fn respond(self) -> Result<WebSocket<NetStream>, AcceptError> {
        match self {
            Self::Upgrade(mut upgrade) => {
                let decided = match upgrade.0.options.on_offer.clone() {
                    Some(decide) => decide(upgrade.offer_mut()),
                    None => Ok(()),
                };
                match decided {
                    Ok(()) => upgrade.accept().await,
                    Err(answer) => {
                        let head = upgrade.offer().head().clone();
                        upgrade.reject(&answer).await?;
                        Err(AcceptError::Refused(head, answer.status()))
                    }
                }
            }
            Self::Plain(plain) => {
                let head = plain.head().clone();
                match plain.0.options.on_request.clone() {
                    Some(answer) => plain.answer(&answer(&head)).await?,
                    None => plain.decline().await,
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
            Self::Upgrade(upgrade) => upgrade.0.stream.peer_addr(),
            Self::Plain(plain) => plain.0.stream.peer_addr(),
        }
    }

    /// Where the connection's tasks are to run.
    pub(super) fn home(&self) -> Home {
        match self {
            Self::Upgrade(upgrade) => upgrade.0.home.clone(),
            Self::Plain(plain) => plain.0.home.clone(),
        }
    }

    /// What tells when the connection is to be cut.
    pub(super) fn watch(&self) -> Watch {
        match self {
            Self::Upgrade(upgrade) => upgrade.0.place.watch(),
            Self::Plain(plain) => plain.0.place.watch(),
        }
    }
}

/// A request for a WebSocket, to be accepted or rejected. The options' origins have been checked,
/// and their headers and the subprotocol are in the offer.
pub struct Upgrade(Box<Parts<Asked>>);

/// In a box, since a future is as large as all that it may hold, twice, and that of a connection
/// may begin with an [`Incoming`].
struct Parts<A> {
    stream: NetStream,
    asked: A,
    place: Place,
    options: Arc<ServerOptions>,
    home: Home,
}

impl Upgrade {
    pub(super) fn new(
        stream: NetStream,
        asked: Asked,
        place: Place,
        options: Arc<ServerOptions>,
    ) -> Self {
        Self(Box::new(Parts { stream, asked, place, options, home: Home::here() }))
    }

    /// The request.
    pub const fn offer(&self) -> &Offer {
        &self.0.asked.offer
    }

    /// The same, to choose a subprotocol and to add headers to the response.
    pub const fn offer_mut(&mut self) -> &mut Offer {
        &mut self.0.asked.offer
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
    pub async fn accept(self) -> Result<WebSocket<NetStream>, AcceptError> {
        let Parts { mut stream, asked, place, .. } = *self.0;
        let mut opened = asked.open(Some(place));
        write_out(&mut stream, &mut opened.outbox).await?;
        Ok(WebSocket::new(stream, opened))
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
        let Parts { stream, asked, place, .. } = *self.0;
        finish(stream, asked.reject(answer), place).await
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("asked", &self.0.asked).finish_non_exhaustive()
    }
}

/// A request that does not ask for a WebSocket, to be answered, or to be handed with its stream to
/// a server for HTTP.
///
/// It counts among the server's connections until it is answered or dropped.
pub struct Plain(Box<Parts<Heard>>);

/// A request, and what was read behind it.
struct Heard {
    head: RequestHead,
    leftover: Vec<u8>,
}

impl Plain {
    pub(super) fn new(
        stream: NetStream,
        head: RequestHead,
        inbox: &Inbox,
        place: Place,
        options: Arc<ServerOptions>,
    ) -> Self {
        let asked = Heard { head, leftover: inbox.unparsed().to_vec() };
        Self(Box::new(Parts { stream, asked, place, options, home: Home::here() }))
    }

    /// The head of the request.
    #[must_use]
    pub const fn head(&self) -> &RequestHead {
        &self.0.asked.head
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
        let mut outbox = Outbox::new();
        let Parts { stream, asked, place, .. } = *self.0;
        answer.lay(&asked.head, &mut outbox);
        finish(stream, outbox, place).await
    }

    /// The stream, and what was read from it: the head, whose [bytes](RequestHead::as_bytes) are
    /// as they came, and what followed. The connection is the caller's from now on, and the server
    /// does not count it any more.
    ///
    /// # Errors
    ///
    /// None on this adapter; the blocking one has some.
    pub fn into_parts(self) -> io::Result<(NetStream, RequestHead, Vec<u8>)> {
        let Parts { stream, asked, mut place, .. } = *self.0;
        place.settle(true);
        Ok((stream, asked.head, asked.leftover))
    }

    async fn decline(self) {
        let Parts { stream, asked, place, .. } = *self.0;
        let (_, outbox) = decline(asked.head);
        // Whether the client hears it is its own affair.
        let _ = finish(stream, outbox, place).await;
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plain").field("head", self.head()).finish_non_exhaustive()
    }
}

async fn write_out(stream: &mut NetStream, outbox: &mut Outbox) -> Result<(), AcceptError> {
    match within(WRITE_TIMEOUT, super::pump::write_out(stream, outbox)).await {
        Some(written) => written.map_err(AcceptError::of_stream),
        None => Err(AcceptError::Io(io::ErrorKind::TimedOut.into())),
    }
}

async fn finish(
    mut stream: NetStream,
    mut outbox: Outbox,
    mut place: Place,
) -> Result<(), AcceptError> {
    write_out(&mut stream, &mut outbox).await?;
    place.settle(true);
    within(LINGER, refuse(&mut stream, &mut outbox)).await;
    Ok(())
}
