//! The client's side: the request goes out, the response is checked (4.1).

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

use crate::clock::deadline;
use crate::config::Config;
use crate::connection::Connection;
use crate::extension::ExtensionList;
use crate::grammar::ascii;
use crate::grammar::elements;
use crate::handshake::error::HandshakeError;
use crate::handshake::head::HeadReader;
use crate::handshake::headers::ResponseHead;
use crate::handshake::key::{accept, key};
use crate::handshake::negotiation::{Agreed, confirm, offered_extensions};
use crate::handshake::refusal::Refusal;
use crate::handshake::request::ClientRequest;
use crate::inbox::Inbox;
use crate::mask::MaskingKeys;
use crate::outbox::Outbox;
use crate::role::Role;

/// A client's opening handshake under way.
///
/// Write what [`start`](Self::start) laid in the outbox, fill the inbox, and ask for the
/// [`next_response`](Self::next_response) after each read.
///
/// ```
/// use bluewire_core::{ClientHandshake, ClientRequest, Config, Inbox, MaskingKeys, Outbox};
/// use core::time::Duration;
///
/// let keys = MaskingKeys::from_seed([7; 32]); // `from_system` outside of examples
/// let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
/// let now = Duration::ZERO;
///
/// let request = ClientRequest::new("server.example.com", "/chat")?;
/// let nonce = *b"the sample nonce"; // `keys.nonce()` outside of examples
/// let mut handshake =
///     ClientHandshake::start(&request, nonce, Config::default(), now, &mut outbox);
/// assert!(outbox.unsent().starts_with(b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\n"));
///
/// // What the server answers, in as many reads as it likes.
/// inbox.extend(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n");
/// assert!(handshake.next_response(&mut inbox)?.is_none());
/// inbox.extend(b"Connection: Upgrade\r\n");
/// inbox.extend(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
/// let response = handshake.next_response(&mut inbox)?.expect("the head is complete");
/// let connection = response.into_connection(keys, now);
/// # let _ = connection;
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct ClientHandshake {
    config: Arc<Config>,
    accept: [u8; 28],
    /// What was offered, as it stands in the request.
    subprotocols: Box<str>,
    reader: HeadReader,
    began: Duration,
    eof: bool,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The response's head is awaited.
    Head,
    Accepted,
    /// By a response whose body may still be on its way.
    Refused(Refusal),
    Failed(HandshakeError),
}

impl ClientHandshake {
    /// Lays the request, after which the response is awaited until
    /// [`Config::handshake_timeout`].
    ///
    /// The nonce must be fresh and random for each handshake (4.1):
    /// [`MaskingKeys::nonce`] gives one.
    pub fn start(
        request: &ClientRequest,
        nonce: [u8; 16],
        config: impl Into<Arc<Config>>,
        now: Duration,
        outbox: &mut Outbox,
    ) -> Self {
        let config = config.into();
        let key = key(nonce);
        request.lay(&key, &offered_extensions(&config), outbox);
        Self {
            accept: accept(&key),
            subprotocols: request.subprotocols().into(),
            reader: HeadReader::new(Role::Client),
            began: now,
            eof: false,
            stage: Stage::Head,
            config,
        }
    }

    /// The server's response, once it has come and is what it must be; `None` while bytes are
    /// missing, and after the response was given. Bytes behind the response stay in the inbox:
    /// they are frames.
    ///
    /// If the server refuses, this goes on with the body of its answer; see
    /// [`refusal`](Self::refusal).
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Refused`] once an answer by another status has come with its body, and
    /// another [`HandshakeError`] for the rule that the response breaks. The handshake has failed
    /// then: close the transport (7.2.1). Further calls say the same and touch nothing.
    pub fn next_response(&mut self, inbox: &mut Inbox) -> Result<Option<Response>, HandshakeError> {
        if let Stage::Head = self.stage {
            match self.read_head(inbox) {
                Ok(Some(response)) => {
                    self.stage = Stage::Accepted;
                    return Ok(Some(response));
                }
                Ok(None) => {}
                Err(error) => self.stage = self.fail(error, inbox),
            }
        }
        match &mut self.stage {
            Stage::Head | Stage::Accepted => Ok(None),
            Stage::Refused(refusal) => {
                refusal.read(inbox, self.eof);
                match refusal.is_over() {
                    true => Err(HandshakeError::Refused { status: refusal.head().status() }),
                    false => Ok(None),
                }
            }
            Stage::Failed(error) => Err(*error),
        }
    }

    /// Says that the transport has nothing more to read. Ask for the
    /// [`next_response`](Self::next_response) once more: what has arrived counts.
    pub const fn receive_eof(&mut self) {
        self.eof = true;
    }

    /// Fails the handshake if its deadline is not after `now`; otherwise does nothing. Give it
    /// the bytes that have arrived first. A refusal whose body is unfinished becomes one whose
    /// body is truncated.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.began = self.began.min(now);
        if now < self.began.saturating_add(self.config.handshake_timeout) {
            return;
        }
        match &mut self.stage {
            Stage::Head => self.stage = Stage::Failed(HandshakeError::TimedOut),
            Stage::Refused(refusal) => refusal.give_up(),
            Stage::Accepted | Stage::Failed(_) => {}
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout): one deadline for the whole
    /// handshake, which no peer can move by sending slowly. `None` once there is nothing to
    /// wait for, and with a timeout of [`Duration::MAX`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let waits = match &self.stage {
            Stage::Head => true,
            Stage::Refused(refusal) => !refusal.is_over(),
            Stage::Accepted | Stage::Failed(_) => false,
        };
        if waits { deadline(self.began, self.config.handshake_timeout) } else { None }
    }

    /// The answer by which the server refuses; there as soon as its head is.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        match &self.stage {
            Stage::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The same, taken out of the handshake.
    #[must_use]
    pub fn into_refusal(self) -> Option<Refusal> {
        match self.stage {
            Stage::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// What an error in the response's head comes to: where the status line is valid and refuses,
    /// the status counts.
    fn fail(&self, error: HandshakeError, inbox: &Inbox) -> Stage {
        let first_line = match error {
            HandshakeError::ConnectionLost => None,
            _ => self.reader.first_line_before_error(inbox),
        };
        match first_line.and_then(|head| Refusal::of_first_line(head, error)) {
            Some(refusal) => Stage::Refused(refusal),
            None => Stage::Failed(error),
        }
    }

    fn read_head(&mut self, inbox: &mut Inbox) -> Result<Option<Response>, HandshakeError> {
        let limits = &self.config.limits;
        while let Some(head) = self.reader.read(inbox, limits)? {
            let head = ResponseHead::parse(head)?;
            match head.status() {
                101 => {
                    let subprotocol = self.check(&head)?;
                    let extension = self.check_extension(&head)?;
                    let config = Arc::clone(&self.config);
                    return Ok(Some(Response { config, head, subprotocol, extension }));
                }
                // RFC 9110, section 15.2: "A client MUST be able to parse one or more 1xx
                // responses received prior to a final response, even if the client does not
                // expect one." Together they are within the limit on one head.
                100..=199 => {}
                // 4.1: "If the status code received from the server is not 101, the client
                // handles the response per HTTP [RFC2616] procedures."
                _ => {
                    self.stage = Stage::Refused(Refusal::new(head, limits));
                    return Ok(None);
                }
            }
        }
        if self.eof { Err(HandshakeError::ConnectionLost) } else { Ok(None) }
    }

    /// The numbered list of 4.1 for the response, in its order; gives the subprotocol chosen.
    fn check(&self, head: &ResponseHead) -> Result<Option<Box<str>>, HandshakeError> {
        // RFC 9110, section 7.8: Upgrade is of HTTP/1.1; there is none in HTTP/1.0, and in HTTP/2 a
        // 101 has no meaning (RFC 9113, section 8.6). Content-Length and Transfer-Encoding
        // mean nothing here: RFC 9112, section 6.3, ends a 101 at its empty line "regardless of
        // the header fields present".
        if head.version().0 != 1 || head.version().1 == 0 {
            return Err(HandshakeError::UnsupportedHttpVersion);
        }
        let headers = head.headers();
        // 2: "If the response lacks an |Upgrade| header field or the |Upgrade| header field
        // contains a value that is not an ASCII case-insensitive match for the value
        // "websocket", the client MUST _Fail the WebSocket Connection_."
        let mut upgrades = headers.elements("Upgrade");
        let upgrade = upgrades.next().unwrap_or_default();
        if !upgrade.eq_ignore_ascii_case(b"websocket") || upgrades.next().is_some() {
            return Err(HandshakeError::WrongUpgrade);
        }
        // 3: "[...] or the |Connection| header field doesn't contain a token that is an ASCII
        // case-insensitive match for the value "Upgrade"".
        if !headers.contains("Connection", "Upgrade") {
            return Err(HandshakeError::WrongConnection);
        }
        // 4: "[...] contains a value other than the base64-encoded SHA-1 of the concatenation".
        match headers.only("Sec-WebSocket-Accept", HandshakeError::RepeatedAccept)? {
            Some(accept) if accept == self.accept => {}
            Some(_) => return Err(HandshakeError::WrongAccept),
            None => return Err(HandshakeError::MissingAccept),
        }
        // 5 is `check_extension`. 6: "[...] indicates the use of a subprotocol that was not present in the client's
        // handshake".
        let repeated = HandshakeError::RepeatedSubprotocol;
        match headers.only("Sec-WebSocket-Protocol", repeated)? {
            Some(value) if elements(self.subprotocols.as_bytes()).any(|name| name == value) => {
                Ok(Some(ascii(value).into()))
            }
            Some(_) => Err(HandshakeError::UnofferedSubprotocol),
            None => Ok(None),
        }
    }

    /// 5: "[...] this header field indicates the use of an extension that was not present in the
    /// client's handshake".
    fn check_extension(&self, head: &ResponseHead) -> Result<Option<Agreed>, HandshakeError> {
        let repeated = HandshakeError::RepeatedExtensions;
        let Some(value) = head.headers().only("Sec-WebSocket-Extensions", repeated)? else {
            return Ok(None);
        };
        let mut items = ExtensionList::new(value);
        let mut next = || items.next().transpose().map_err(|_| HandshakeError::InvalidExtensions);
        let Some(item) = next()? else { return Err(HandshakeError::InvalidExtensions) };
        let agreed = confirm(&self.config, item)?;
        // RFC 7692, section 5: one extension can have RSV1, and there is no other to be had here.
        match next()? {
            None => Ok(Some(agreed)),
            Some(_) => Err(HandshakeError::UnofferedExtension),
        }
    }
}

/// The response of a server that agrees.
#[derive(Debug)]
#[must_use]
pub struct Response {
    config: Arc<Config>,
    head: ResponseHead,
    subprotocol: Option<Box<str>>,
    extension: Option<Agreed>,
}

impl Response {
    /// The connection that is open now. What follows the response in the inbox is for it; so are
    /// the outbox, and the keys that gave the nonce.
    #[must_use]
    pub fn into_connection(self, keys: MaskingKeys, now: Duration) -> Connection {
        Connection::client(self.config, keys, now).with_extension(self.extension)
    }

    /// The head of the response. Clone it to keep it.
    #[must_use]
    pub const fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// The subprotocol that the server chose among those offered; `None` if it chose none, which
    /// it may.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }
}
