//! An answer that does not upgrade.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::handshake::error::HandshakeError;
use crate::handshake::head_error::HeadError;
use crate::handshake::headers::RequestHead;
use crate::handshake::key::VERSION;
use crate::handshake::lines::{HeaderLines, push_line};
use crate::outbox::Outbox;

/// A server's answer that does not upgrade: a refusal (4.2.2), or the answer to a request that did
/// not ask for a WebSocket.
///
/// It says `Connection: close`: send what is in the outbox, then close the transport. To a status
/// of 426 it adds what that status must name: the protocol and its version.
///
/// ```
/// use bluewire_core::HttpAnswer;
///
/// let forbidden = HttpAnswer::new(403)?.text("only from our own pages\n");
/// let moved = HttpAnswer::new(307)?.header("Location", "https://example.com/chat")?;
/// # let _ = (forbidden, moved);
/// # Ok::<(), bluewire_core::HeadError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpAnswer {
    status: u16,
    lines: HeaderLines,
    body: Vec<u8>,
}

impl HttpAnswer {
    /// An answer by this status, 200 to 599, with an empty body.
    ///
    /// # Errors
    ///
    /// [`HeadError::InvalidStatus`].
    pub fn new(status: u16) -> Result<Self, HeadError> {
        match status {
            200..=599 => Ok(Self::of(status)),
            _ => Err(HeadError::InvalidStatus),
        }
    }

    const fn of(status: u16) -> Self {
        Self { status, lines: HeaderLines::new(), body: Vec::new() }
    }

    /// The answer to a request that broke a rule: its status, and a body that says which rule.
    /// `None` for an error that is not of a request.
    #[must_use]
    pub fn to_error(error: HandshakeError) -> Option<Self> {
        let mut answer = Self::of(error.status()?);
        // RFC 9110, section 15.5.6: "The origin server MUST generate an Allow header field in a
        // 405 response".
        if answer.status == 405 {
            let allowed = if error == HandshakeError::MethodNotConnect { "CONNECT" } else { "GET" };
            answer.lines.push_own("Allow", allowed);
        }
        // 4.4: the server tells its versions in any answer to a version that it does not know.
        if error == HandshakeError::RepeatedVersion {
            answer.lines.push_own("Sec-WebSocket-Version", VERSION);
        }
        Some(answer.text(&format!("{error}\n")))
    }

    /// Adds a header, after those added before.
    ///
    /// # Errors
    ///
    /// [`HeadError::InvalidHeaderName`], [`HeadError::InvalidHeaderValue`], and
    /// [`HeadError::ReservedHeader`] for what is set here: `Connection`, `Content-Length` and
    /// their like.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, HeadError> {
        self.lines.push(name, value)?;
        Ok(self)
    }

    /// Sets the body; its type is a header for the caller to add. A status that has no body
    /// (204, 304) goes without.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body to plain text, and adds the header that says so.
    pub fn text(mut self, text: &str) -> Self {
        self.lines.push_own("Content-Type", "text/plain; charset=utf-8");
        self.body(text)
    }

    /// The same answer over HTTP/2, which has no `Upgrade`: 400 in place of 426 (RFC 9113,
    /// section 8.6).
    pub fn over_http2(mut self) -> Self {
        if self.status == 426 {
            self.status = 400;
            self.lines.push_own("Sec-WebSocket-Version", VERSION);
        }
        self
    }

    /// Calls this with each header, a name and a value: for a server whose HTTP another library
    /// speaks. `Content-Length`, and a `Connection: close` in HTTP/1, are for that to set.
    pub fn each_header(&self, mut each: impl FnMut(&str, &str)) {
        if self.status == 426 {
            upgrade_headers(&mut each);
        }
        self.lines.each(each);
    }

    /// The body.
    #[must_use]
    pub fn body_bytes(&self) -> &[u8] {
        &self.body
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Lays the answer to this request: without the body if its method is `HEAD`.
    pub fn lay(&self, request: &RequestHead, outbox: &mut Outbox) {
        self.lay_parts(request.method() != "HEAD", outbox);
    }

    pub(crate) fn lay_parts(&self, with_body: bool, outbox: &mut Outbox) {
        let mut head = String::with_capacity(self.lines.as_str().len().saturating_add(192));
        let (status, reason) = (self.status, reason(self.status));
        head.push_str(&format!("HTTP/1.1 {status} {reason}\r\n"));
        if self.status == 426 {
            upgrade_headers(|name, value| {
                push_line(
                    &mut head,
                    name,
                    if name == "Connection" { "Upgrade, close" } else { value },
                );
            });
        } else {
            push_line(&mut head, "Connection", "close");
        }
        head.push_str(self.lines.as_str());
        // RFC 9110, section 8.6: a 204 has no Content-Length, and a 304 only that of the body which
        // it spares.
        let has_body = !matches!(self.status, 204 | 304);
        if has_body {
            let len = self.body.len();
            head.push_str(&format!("Content-Length: {len}\r\n"));
        }
        head.push_str("\r\n");
        outbox.lay_head(head.as_bytes());
        if has_body && with_body {
            outbox.lay_head(&self.body);
        }
    }
}

/// RFC 9110, section 15.5.22: "The server MUST send an Upgrade header field in a 426 response".
/// 4.2.2: such a response carries "a |Sec-WebSocket-Version| header field indicating the
/// version(s) the server is capable of understanding".
fn upgrade_headers(mut each: impl FnMut(&str, &str)) {
    each("Upgrade", "websocket");
    each("Connection", "Upgrade");
    each("Sec-WebSocket-Version", VERSION);
}

/// The reason phrases of the statuses that answer a handshake. HTTP lets all others have none.
const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        410 => "Gone",
        413 => "Content Too Large",
        414 => "URI Too Long",
        421 => "Misdirected Request",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
