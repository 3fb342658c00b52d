//! The client's side: the request goes out, the response is checked (4.1).

use crate::Arc;
use core::time::Duration;

use crate::clock::deadline;
use crate::config::Config;
use crate::handshake::error::HandshakeError;
use crate::handshake::head::HeadReader;
use crate::handshake::headers::ResponseHead;
use crate::handshake::key::key;
use crate::handshake::refusal::Refusal;
use crate::handshake::request::ClientRequest;
use crate::handshake::response::{Asked, Response};
use crate::inbox::Inbox;
use crate::outbox::Outbox;
use crate::role::Role;

/// The opening handshake of a client.
///
/// [`start`](Self::start) puts the request into the outbox. Write it, then call
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
    asked: Asked,
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
    /// Starts the handshake: puts the request into the outbox. The response must arrive within
    /// [`Config::handshake_timeout`].
    ///
    /// The nonce must be fresh and random for each handshake (4.1):
    /// [`MaskingKeys::nonce`](crate::MaskingKeys::nonce) gives one.
    pub fn start(
        request: &ClientRequest,
        nonce: [u8; 16],
        config: impl Into<Arc<Config>>,
        now: Duration,
        outbox: &mut Outbox,
    ) -> Self {
        let config = config.into();
        let key = key(nonce);
        request.lay(&key, &config, outbox);
        Self {
            asked: Asked::new(request, Some(&key), config),
            reader: HeadReader::new(Role::Client),
            began: now,
            eof: false,
            stage: Stage::Head,
        }
    }

    /// Returns the server's response once it is complete and valid. Returns `None` while bytes are
    /// missing, and after it has returned the response. Bytes after the response stay in the inbox;
    /// they are frames.
    ///
    /// If the server refuses, this also reads the body of its answer; see [`refusal`](Self::refusal).
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Refused`] when an answer with another status has arrived with its body.
    /// Another [`HandshakeError`] for a rule that the response breaks. The handshake has then
    /// failed; close the transport (7.2.1). Further calls return the same error.
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
        if now < self.began.saturating_add(self.asked.config.handshake_timeout) {
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
        if waits { deadline(self.began, self.asked.config.handshake_timeout) } else { None }
    }

    /// The response with which the server refuses; available as soon as its head is.
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

    /// The error for a fault in the response's head: if the status line is valid and refuses, the
    /// status counts.
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
        let limits = &self.asked.config.limits;
        while let Some(head) = self.reader.read(inbox, limits)? {
            let head = ResponseHead::parse(head)?;
            match head.status() {
                101 => return self.asked.check(head).map(Some),
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
}
