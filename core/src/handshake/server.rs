//! The server's side: the request is read and judged (4.2.1).

use crate::Arc;
use core::time::Duration;

use crate::clock::deadline;
use crate::config::Config;
use crate::handshake::answer::HttpAnswer;
use crate::handshake::error::HandshakeError;
use crate::handshake::head::HeadReader;
use crate::handshake::headers::{Extended, RequestHead};
use crate::handshake::offer::Offer;
use crate::inbox::Inbox;
use crate::outbox::Outbox;
use crate::role::Role;

/// The opening handshake of a server.
///
/// Fill the inbox, and call [`next_request`](Self::next_request) after each read.
///
/// ```
/// use bluewire_core::{Config, HttpAnswer, Inbox, Outbox, Request, ServerHandshake};
/// use core::time::Duration;
///
/// let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
/// let now = Duration::ZERO;
/// let mut handshake = ServerHandshake::new(Config::default(), now);
///
/// inbox.extend(
///     b"GET /chat HTTP/1.1\r\n\
///     Host: server.example.com\r\n\
///     Upgrade: websocket\r\n\
///     Connection: Upgrade\r\n\
///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
///     Origin: http://example.com\r\n\
///     Sec-WebSocket-Protocol: chat, superchat\r\n\
///     Sec-WebSocket-Version: 13\r\n\r\n",
/// );
/// match handshake.next_request(&mut inbox, &mut outbox) {
///     // A page of another site, in the browser of someone who may be logged in here (10.2).
///     Ok(Some(Request::Upgrade(offer))) if offer.is_cross_origin() => {
///         offer.reject(&HttpAnswer::new(403)?, &mut outbox);
///     }
///     Ok(Some(Request::Upgrade(mut offer))) => {
///         offer.select_subprotocol("chat")?;
///         let connection = offer.accept(now, &mut outbox);
///         // ... and on with its events.
///         # let _ = connection;
///     }
///     Ok(Some(Request::Plain(head))) => {
///         HttpAnswer::new(200)?.text("a WebSocket is here\n").lay(&head, &mut outbox);
///     }
///     // Read more.
///     Ok(None) => {}
///     // The answer that says why is in the outbox.
///     Err(error) => eprintln!("{error}"),
/// }
/// # assert!(outbox.unsent().starts_with(b"HTTP/1.1 403 Forbidden\r\n"));
/// # Ok::<(), bluewire_core::HeadError>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct ServerHandshake {
    config: Arc<Config>,
    reader: HeadReader,
    began: Duration,
    eof: bool,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Head,
    Given,
    Failed(HandshakeError),
}

/// The request of a client.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a request asks for an upgrade or does not")]
pub enum Request {
    /// A valid request for a WebSocket (4.2.1). The application accepts or rejects it.
    Upgrade(Offer),
    /// Something else, such as a health check or a page: valid HTTP/1 as far as its head goes. The
    /// engine has not judged its headers. Its body, if any, follows in the
    /// [`Inbox::unparsed`](crate::Inbox::unparsed).
    ///
    /// Answer it by an [`HttpAnswer`], or hand the bytes of the head and those
    /// of the inbox to a server for HTTP.
    Plain(RequestHead),
}

impl Request {
    /// Judges a request by the rules of the handshake, as
    /// [`ServerHandshake::next_request`] does with what it has read: for a server whose HTTP
    /// another library speaks, which also writes the answer. See [`Offer::status`] and
    /// [`HttpAnswer::to_error`].
    ///
    /// # Errors
    ///
    /// A [`HandshakeError`] for the rule that the request breaks.
    pub fn judge(
        config: impl Into<Arc<Config>>,
        head: RequestHead,
    ) -> Result<Self, HandshakeError> {
        match asks_for_websocket(&head) {
            true => Offer::check(&config.into(), &head).map(Self::Upgrade),
            false => Ok(Self::Plain(head)),
        }
    }
}

impl ServerHandshake {
    /// Makes a handshake. The request must arrive within [`Config::handshake_timeout`].
    pub fn new(config: impl Into<Arc<Config>>, now: Duration) -> Self {
        let config = config.into();
        Self {
            reader: HeadReader::new(Role::Server),
            began: now,
            eof: false,
            stage: Stage::Head,
            config,
        }
    }

    /// Returns the client's request once its head is complete. Returns `None` while bytes are
    /// missing, and after it has returned the request. Bytes after the head stay in the inbox;
    /// after an upgrade, they are frames.
    ///
    /// A request that names WebSocket in `Upgrade`, or has `Sec-WebSocket-Key` or
    /// `Sec-WebSocket-Version`, asks for the upgrade and must do it right; all others are
    /// [`Request::Plain`].
    ///
    /// # Errors
    ///
    /// A [`HandshakeError`] for a rule that the request breaks. The handshake has then failed, and
    /// an answer with the reason is in the outbox. Send it, then close the transport. Further calls
    /// return the same error.
    pub fn next_request(
        &mut self,
        inbox: &mut Inbox,
        outbox: &mut Outbox,
    ) -> Result<Option<Request>, HandshakeError> {
        match self.stage {
            Stage::Head => {}
            Stage::Given => return Ok(None),
            Stage::Failed(error) => return Err(error),
        }
        let head = match self.reader.read(inbox, &self.config.limits) {
            Ok(Some(head)) => head,
            Ok(None) if self.eof => return self.fail(HandshakeError::ConnectionLost, true, outbox),
            Ok(None) => return Ok(None),
            Err(error) => return self.fail(error, true, outbox),
        };
        let head = match RequestHead::parse(head) {
            Ok(head) => head,
            Err(error) => return self.fail(error, true, outbox),
        };
        let has_body = head.method() != "HEAD";
        match Request::judge(Arc::clone(&self.config), head) {
            Ok(request) => {
                self.stage = Stage::Given;
                Ok(Some(request))
            }
            Err(error) => self.fail(error, has_body, outbox),
        }
    }

    /// Says that the transport has nothing more to read. Ask for the
    /// [`next_request`](Self::next_request) once more: what has arrived counts.
    pub const fn receive_eof(&mut self) {
        self.eof = true;
    }

    /// Fails the handshake if its deadline is not after `now`, with an answer if a request has
    /// begun; otherwise does nothing. Give it the bytes that have arrived first.
    pub fn handle_timeout(&mut self, now: Duration, outbox: &mut Outbox) {
        self.began = self.began.min(now);
        let end = self.began.saturating_add(self.config.handshake_timeout);
        if now < end || !matches!(self.stage, Stage::Head) {
            return;
        }
        self.stage = Stage::Failed(HandshakeError::TimedOut);
        if self.reader.has_begun() {
            lay_answer(HandshakeError::TimedOut, true, outbox);
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout): one deadline for the whole request,
    /// which no peer can move by sending slowly. `None` once there is nothing to wait for, and
    /// with a timeout of [`Duration::MAX`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        match self.stage {
            Stage::Head => deadline(self.began, self.config.handshake_timeout),
            Stage::Given | Stage::Failed(_) => None,
        }
    }

    fn fail(
        &mut self,
        error: HandshakeError,
        with_body: bool,
        outbox: &mut Outbox,
    ) -> Result<Option<Request>, HandshakeError> {
        self.stage = Stage::Failed(error);
        lay_answer(error, with_body, outbox);
        Err(error)
    }
}

/// 4.2.1: "If the server, while reading the handshake, finds that the client did not send a
/// handshake that matches the description below [...], the server MUST stop processing the
/// client's handshake and return an HTTP response with an appropriate error code (such as 400 Bad
/// Request)."
fn lay_answer(error: HandshakeError, with_body: bool, outbox: &mut Outbox) {
    if let Some(answer) = HttpAnswer::to_error(error) {
        answer.lay_parts(with_body, outbox);
    }
}

fn asks_for_websocket(head: &RequestHead) -> bool {
    let headers = head.headers();
    headers.contains("Upgrade", "websocket")
        || head.extended() != Extended::Nothing
        || headers.first("Sec-WebSocket-Key").is_some()
        || headers.first("Sec-WebSocket-Version").is_some()
}
