//! The answer of an HTTP proxy that was asked for a tunnel.

use crate::config::Limits;
use crate::handshake::error::HandshakeError;
use crate::handshake::head::HeadReader;
use crate::handshake::headers::ResponseHead;
use crate::handshake::refusal::Refusal;
use crate::inbox::Inbox;
use crate::role::Role;

/// The response to CONNECT while it arrives (RFC 9110, section 9.3.6): what a proxy says before the
/// opening handshake begins.
///
/// ```
/// use bluewire_core::{ConnectResponse, Inbox, Limits};
///
/// let (mut response, mut inbox) = (ConnectResponse::new(Limits::default()), Inbox::default());
/// inbox.extend(b"HTTP/1.1 200 Conn");
/// assert!(!response.read(&mut inbox)?);
/// inbox.extend(b"ection established\r\n\r\nfrom behind");
/// assert!(response.read(&mut inbox)?);
/// assert_eq!(inbox.unparsed(), b"from behind");
/// # Ok::<(), bluewire_core::HandshakeError>(())
/// ```
#[derive(Debug)]
pub struct ConnectResponse {
    limits: Limits,
    reader: HeadReader,
    eof: bool,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Head,
    Accepted,
    /// By a response whose body may still be on its way.
    Refused(Refusal),
    Failed(HandshakeError),
}

impl ConnectResponse {
    /// A response that has not begun. These limits hold for its head and body.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits, reader: HeadReader::new(Role::Client), eof: false, stage: Stage::Head }
    }

    /// Takes the received bytes, and returns whether the tunnel is open. The bytes left in the
    /// inbox then belong to the tunnel.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Refused`] once a response with another status than 2xx has arrived with
    /// its body, and another [`HandshakeError`] for the rule of HTTP that the response breaks.
    /// Further calls return the same and change nothing.
    pub fn read(&mut self, inbox: &mut Inbox) -> Result<bool, HandshakeError> {
        if let Stage::Head = self.stage
            && let Err(error) = self.read_head(inbox)
        {
            self.stage = self.fail(error, inbox);
        }
        match &mut self.stage {
            Stage::Head => Ok(false),
            Stage::Accepted => Ok(true),
            Stage::Refused(refusal) => {
                refusal.read(inbox, self.eof);
                match refusal.is_over() {
                    true => Err(HandshakeError::Refused { status: refusal.head().status() }),
                    false => Ok(false),
                }
            }
            Stage::Failed(error) => Err(*error),
        }
    }

    /// Says that the transport has nothing more to read. [`read`](Self::read) once more: what has
    /// arrived counts.
    pub const fn receive_eof(&mut self) {
        self.eof = true;
    }

    /// The received part of the response with which the proxy refuses.
    #[must_use]
    pub fn into_refusal(self) -> Option<Refusal> {
        match self.stage {
            Stage::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The stage after an error in the head: if the status line is valid and refuses, the status
    /// counts.
    fn fail(&self, error: HandshakeError, inbox: &Inbox) -> Stage {
        let first_line = match error {
            HandshakeError::ConnectionLost => None,
            _ => self.reader.first_line_before_error(inbox),
        };
        let refusal = first_line.and_then(|head| Refusal::of_first_line(head, error));
        match refusal.filter(|refusal| refusal.head().status() >= 300) {
            Some(refusal) => Stage::Refused(refusal),
            None => Stage::Failed(error),
        }
    }

    fn read_head(&mut self, inbox: &mut Inbox) -> Result<(), HandshakeError> {
        while let Some(head) = self.reader.read(inbox, &self.limits)? {
            let head = ResponseHead::parse(head)?;
            self.stage = match head.status() {
                // RFC 9110, section 15.2: "A client MUST be able to parse one or more 1xx
                // responses received prior to a final response". 101 was not asked for.
                100 | 102..=199 => continue,
                // Section 9.3.6: "Any 2xx (Successful) response indicates that the sender [...]
                // will switch to tunnel mode immediately after the response header section", and
                // "a client MUST ignore any Content-Length or Transfer-Encoding header fields
                // received in a successful response to CONNECT."
                200..=299 if head.version().0 == 1 => Stage::Accepted,
                200..=299 => return Err(HandshakeError::UnsupportedHttpVersion),
                _ => Stage::Refused(Refusal::new(head, &self.limits)),
            };
            return Ok(());
        }
        if self.eof { Err(HandshakeError::ConnectionLost) } else { Ok(()) }
    }
}
