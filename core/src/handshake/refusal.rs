//! The answer of a server, or a proxy, that refuses (4.1).

use core::fmt;

use crate::config::Limits;
use crate::handshake::body::{Body, decimal};
use crate::handshake::error::HandshakeError;
use crate::handshake::head::Head;
use crate::handshake::headers::ResponseHead;
use crate::inbox::Inbox;
use crate::printable::Printable;

/// The answer of a server that refuses: an ordinary HTTP response, such as a redirect or a demand
/// for credentials. Nothing in it is followed or repeated by itself.
///
/// Displayed, it is the status and the reason phrase, which is made safe to print: see
/// [`Printable`].
#[derive(Clone, Debug)]
pub struct Refusal {
    head: ResponseHead,
    body: Body,
    head_error: Option<HandshakeError>,
}

impl Refusal {
    /// A refusal whose head has arrived and whose body may be on its way.
    pub(crate) fn new(head: ResponseHead, limits: &Limits) -> Self {
        let body = Body::new(&head, limits.body_len_max);
        Self { head, body, head_error: None }
    }

    /// A refusal that another library has read: its body, or the beginning of that.
    #[must_use]
    pub fn of_parts(head: ResponseHead, body: &[u8], is_complete: bool) -> Self {
        Self { head, body: Body::of(body, is_complete), head_error: None }
    }

    /// A refusal of which only the first line can be read; `None` if that line is invalid or
    /// refuses nothing.
    pub(crate) fn of_first_line(head: Head, error: HandshakeError) -> Option<Self> {
        let head = ResponseHead::parse(head).ok()?;
        let refuses = head.status() >= 200;
        let body = Body::unreadable();
        refuses.then_some(Self { head, body, head_error: Some(error) })
    }

    /// Takes what has arrived of the body, which is all of it at the end of the transport.
    pub(crate) fn read(&mut self, inbox: &mut Inbox, eof: bool) {
        self.body.read(inbox);
        if eof {
            self.body.end();
        }
    }

    /// Records that the caller does not wait for the rest of the body.
    pub(crate) const fn give_up(&mut self) {
        self.body.give_up();
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.body.is_over()
    }

    /// The head of the answer.
    #[must_use]
    pub const fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// The fault of the response's head, if it has one: a line that is not valid HTTP, or a limit
    /// that it passed. Then [`head`](Self::head) has the status and no headers, and there is no
    /// body.
    #[must_use]
    pub const fn head_error(&self) -> Option<HandshakeError> {
        self.head_error
    }

    /// The received part of the body, without the chunked coding, up to
    /// [`Limits::body_len_max`](crate::Limits::body_len_max).
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.body.bytes()
    }

    /// Whether that is all of the body. If the handshake is over and this is false, the body was
    /// longer than what is kept, malformed, or cut off.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.body.is_complete()
    }

    /// The versions of the protocol that the server knows, if it says so: what a status of 426 or
    /// 400 is then about (4.2.2, 4.4).
    pub fn versions(&self) -> impl Iterator<Item = u8> {
        // 11.3.5: "The |Sec-WebSocket-Version| header field MAY appear multiple times in an HTTP
        // response (which is logically the same as a single |Sec-WebSocket-Version| header field
        // that contains all values)."
        let values = self.head.headers().elements("Sec-WebSocket-Version");
        values.filter_map(|value| decimal(value)?.try_into().ok())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.status().fmt(f)?;
        match self.head.reason() {
            "" => Ok(()),
            reason => write!(f, " {}", Printable::new(reason)),
        }
    }
}
