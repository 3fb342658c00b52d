//! A request for a WebSocket that is as it must be (4.2.1), and the answer to it (4.2.2).

use crate::Arc;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::time::Duration;

use crate::config::Config;
use crate::connection::Connection;
use crate::extension::{ExtensionItem, ExtensionList};
use crate::grammar::ascii;
use crate::grammar::is_token;
use crate::handshake::answer::HttpAnswer;
use crate::handshake::authority::Authority;
use crate::handshake::error::HandshakeError;
use crate::handshake::head_error::HeadError;
use crate::handshake::headers::{Extended, Headers, RequestHead};
use crate::handshake::key::{VERSION, accept, is_key};
use crate::handshake::lines::{HeaderLines, push_line};
use crate::handshake::negotiation::{self, Agreed};
use crate::outbox::Outbox;

/// A client's request for a WebSocket, to be accepted or rejected.
///
/// The handshake has checked what the protocol asks for; whether the resource exists, who may
/// have it, and from which pages ([`is_cross_origin`](Self::is_cross_origin)), is the
/// application's to decide. Dropped without an answer, it leaves the client waiting: then close
/// the transport.
#[derive(Debug)]
#[must_use]
pub struct Offer {
    config: Arc<Config>,
    head: RequestHead,
    /// The answer to the key; `None` over HTTP/2, which has none.
    accept: Option<[u8; 28]>,
    subprotocol: Option<Box<str>>,
    extension: Option<Agreed>,
    lines: HeaderLines,
}

impl Offer {
    /// The list of 4.2.1.
    pub(crate) fn check(config: &Arc<Config>, head: &RequestHead) -> Result<Self, HandshakeError> {
        check_request_line(head)?;
        let accept = check_request(head)?;
        let headers = head.headers();
        check_no_body(headers)?;
        check_options(headers)?;
        Ok(Self {
            config: Arc::clone(config),
            accept,
            head: head.clone(),
            subprotocol: None,
            extension: negotiation::accept(config, items(headers)),
            lines: HeaderLines::new(),
        })
    }

    /// Accepts the offer: lays the 101 response (4.2.2) and opens the connection. It owns the bytes
    /// that follow the request in the inbox, and the outbox.
    ///
    /// An offer over HTTP/2 has no response to lay: see
    /// [`each_response_header`](Self::each_response_header).
    #[must_use]
    pub fn accept(self, now: Duration, outbox: &mut Outbox) -> Connection {
        if !self.head.is_http2() {
            let mut head = String::with_capacity(self.lines.as_str().len().saturating_add(192));
            head.push_str("HTTP/1.1 101 Switching Protocols\r\n");
            self.each_response_header(|name, value| push_line(&mut head, name, value));
            head.push_str("\r\n");
            outbox.lay_head(head.as_bytes());
        }
        self.into_connection(now)
    }

    /// Accepts the offer where another library writes the response, of this
    /// [`status`](Self::status) and [these headers](Self::each_response_header).
    #[must_use]
    pub fn into_connection(self, now: Duration) -> Connection {
        Connection::server(self.config, now).with_extension(self.extension)
    }

    /// The status of the response that accepts the offer: 101, or 200 over HTTP/2 (RFC 8441,
    /// section 5).
    #[must_use]
    pub fn status(&self) -> u16 {
        if self.head.is_http2() { 200 } else { 101 }
    }

    /// Calls this with each header, a name and a value, of the response that accepts the offer.
    pub fn each_response_header(&self, mut each: impl FnMut(&str, &str)) {
        if let Some(accept) = &self.accept {
            each("Upgrade", "websocket");
            each("Connection", "Upgrade");
            each("Sec-WebSocket-Accept", ascii(accept));
        }
        if let Some(subprotocol) = &self.subprotocol {
            each("Sec-WebSocket-Protocol", subprotocol);
        }
        if let Some(extension) = self.extension {
            each("Sec-WebSocket-Extensions", &extension.to_string());
        }
        self.lines.each(each);
    }

    /// Rejects the offer: lays an answer such as 401, 403, 404 or a redirect. Send it, then close
    /// the transport.
    pub fn reject(self, answer: &HttpAnswer, outbox: &mut Outbox) {
        answer.lay(&self.head, outbox);
    }

    /// Chooses a subprotocol for the response, one of those offered. Without a choice the response
    /// names none, and the client decides whether it goes on.
    ///
    /// # Errors
    ///
    /// [`HeadError::UnofferedSubprotocol`].
    pub fn select_subprotocol(&mut self, name: &str) -> Result<(), HeadError> {
        // 4.2.2: "The value chosen MUST be derived from the client's handshake, specifically by
        // selecting one of the values from the |Sec-WebSocket-Protocol| field".
        if !self.subprotocols().any(|offered| offered == name) {
            return Err(HeadError::UnofferedSubprotocol);
        }
        self.subprotocol = Some(name.into());
        Ok(())
    }

    /// Chooses the subprotocol that the client likes best among those that the server supports,
    /// if there is one; tells which.
    pub fn select_subprotocol_among<'s>(&mut self, supported: &[&'s str]) -> Option<&'s str> {
        let choose = |offered: &str| supported.iter().find(|name| **name == offered).copied();
        let name = self.subprotocols().find_map(choose)?;
        self.subprotocol = Some(name.into());
        Some(name)
    }

    /// The subprotocol chosen so far.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// Adds a header to the response, such as a cookie, after those added before.
    ///
    /// # Errors
    ///
    /// [`HeadError::InvalidHeaderName`], [`HeadError::InvalidHeaderValue`], and
    /// [`HeadError::ReservedHeader`] for what the handshake sets itself.
    pub fn add_header(&mut self, name: &str, value: &str) -> Result<(), HeadError> {
        self.lines.push(name, value)
    }

    /// The head of the request. Clone it to keep it.
    #[must_use]
    pub const fn head(&self) -> &RequestHead {
        &self.head
    }

    /// The headers of the request.
    #[must_use]
    pub fn headers(&self) -> Headers<'_> {
        self.head.headers()
    }

    /// The path of the resource, as it came: percent-encoded, beginning with `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.head.path().unwrap_or("/")
    }

    /// The query of the resource, as it came.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.head.query()
    }

    /// The host, and the port if it was given, that the client wants to reach: of the request
    /// target if that is an absolute URI, else of `Host`.
    #[must_use]
    pub fn host(&self) -> &str {
        // RFC 9112, section 3.2.2: "When an origin server receives a request with an
        // absolute-form of request-target, the origin server MUST ignore the received Host header
        // field (if any) and instead use the host information of the request-target."
        let authority = self.head.target_authority();
        authority.unwrap_or_else(|| ascii(self.headers().first("Host").unwrap_or_default()))
    }

    /// The page on behalf of which a browser asks, such as `https://example.com`; `null` where
    /// the browser hides it. `None` if the client is not a browser, or claims not to be.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.headers().first_str("Origin")
    }

    /// Whether a page of another site asks: there is an `Origin`, and its host and port are not
    /// those of [`host`](Self::host).
    ///
    /// Browsers send cookies along whatever page asks, and let it read the answers (10.2). A
    /// server that knows its users by cookies, or by their network, must reject such an offer
    /// with 403 unless it trusts the origin.
    #[must_use]
    pub fn is_cross_origin(&self) -> bool {
        self.origin().is_some_and(|origin| !is_origin_of(origin, self.host()))
    }

    /// The subprotocols that the client offers, in its order of preference.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        self.headers().elements("Sec-WebSocket-Protocol").map(ascii)
    }

    /// The extensions that the client offers, in its order of preference.
    pub fn extensions(&self) -> impl Iterator<Item = ExtensionItem<'_>> {
        items(self.headers())
    }

    /// The parameters for compression that the response agrees to, by
    /// [`Config::deflate`](crate::Config::deflate). `None` if that is off, or the client has made
    /// no acceptable offer.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub const fn deflate(&self) -> Option<crate::DeflateParams> {
        self.extension
    }

    /// Agrees to no extension: for a resource whose messages must not be compressed.
    pub fn decline_extensions(&mut self) {
        self.extension = None;
    }
}

fn items(headers: Headers<'_>) -> impl Iterator<Item = ExtensionItem<'_>> {
    headers.all("Sec-WebSocket-Extensions").flat_map(ExtensionList::new).flatten()
}

/// 1: "An HTTP/1.1 or higher GET request, including a "Request-URI" \[RFC2616\] that should be
/// interpreted as a /resource name/ defined in Section 3 (or an absolute HTTP/HTTPS URI containing
/// the /resource name/)."
fn check_request_line(head: &RequestHead) -> Result<(), HandshakeError> {
    if head.is_http2() {
        return check_extended_connect(head);
    }
    if head.method() != "GET" {
        return Err(HandshakeError::MethodNotGet);
    }
    if head.minor_version() == 0 {
        return Err(HandshakeError::UnsupportedHttpVersion);
    }
    if head.path().is_none() {
        return Err(HandshakeError::InvalidTarget);
    }
    Ok(())
}

/// RFC 8441, section 4: a request over HTTP/2 asks by the method CONNECT, a `:protocol` and the
/// resource in `:path`.
fn check_extended_connect(head: &RequestHead) -> Result<(), HandshakeError> {
    match head.extended() {
        Extended::WebSocket if head.method() != "CONNECT" => Err(HandshakeError::MethodNotConnect),
        Extended::WebSocket if head.path().is_none() => Err(HandshakeError::InvalidTarget),
        Extended::WebSocket => Ok(()),
        Extended::Other => Err(HandshakeError::UnknownProtocol),
        Extended::Nothing => Err(HandshakeError::MissingProtocol),
    }
}

/// Checks the demands of 4.2.1 behind the request line. Returns the answer to the key, if there is
/// a key.
fn check_request(head: &RequestHead) -> Result<Option<[u8; 28]>, HandshakeError> {
    let headers = head.headers();
    // 2: "A |Host| header field containing the server's authority."
    let host = headers.only("Host", HandshakeError::RepeatedHost)?;
    let host = host.ok_or(HandshakeError::MissingHost)?;
    core::str::from_utf8(host)
        .ok()
        .and_then(Authority::parse)
        .ok_or(HandshakeError::InvalidHost)?;
    // RFC 8441, section 5: "the |Connection| and |Upgrade| header fields" are not used, and "the
    // processing of the |Sec-WebSocket-Key| and |Sec-WebSocket-Accept| header fields" is bypassed.
    if head.is_http2() {
        check_version(headers)?;
        return Ok(None);
    }
    // 3: "An |Upgrade| header field containing the value "websocket", treated as an ASCII
    // case-insensitive value."
    if !headers.contains("Upgrade", "websocket") {
        return Err(HandshakeError::MissingUpgrade);
    }
    // 4: "A |Connection| header field that includes the token "Upgrade", treated as an ASCII
    // case-insensitive value."
    if !headers.contains("Connection", "Upgrade") {
        return Err(HandshakeError::MissingConnection);
    }
    check_version(headers)?;
    // 5: "A |Sec-WebSocket-Key| header field with a base64-encoded [...] value that, when
    // decoded, is 16 bytes in length."
    match headers.only("Sec-WebSocket-Key", HandshakeError::RepeatedKey)? {
        Some(key) if is_key(key) => Ok(Some(accept(key))),
        Some(_) => Err(HandshakeError::InvalidKey),
        None => Err(HandshakeError::MissingKey),
    }
}

/// 6: "A |Sec-WebSocket-Version| header field, with a value of 13." It goes before the key, which
/// another version may not have.
fn check_version(headers: Headers<'_>) -> Result<(), HandshakeError> {
    match headers.only("Sec-WebSocket-Version", HandshakeError::RepeatedVersion)? {
        Some(version) if version == VERSION.as_bytes() => Ok(()),
        Some(_) => Err(HandshakeError::UnsupportedVersion),
        None => Err(HandshakeError::MissingVersion),
    }
}

/// Only frames may follow the head: a body that an intermediary sees and this server does not, or
/// the reverse, would be taken for them.
fn check_no_body(headers: Headers<'_>) -> Result<(), HandshakeError> {
    let is_empty = |len: &[u8]| len.iter().all(|digit| *digit == b'0');
    if headers.first("Transfer-Encoding").is_some()
        || !headers.all("Content-Length").all(|len| is_empty(len) && !len.is_empty())
    {
        return Err(HandshakeError::RequestWithBody);
    }
    Ok(())
}

/// Checks the optional headers of a request.
fn check_options(headers: Headers<'_>) -> Result<(), HandshakeError> {
    // 7: "Optionally, an |Origin| header field." A malformed one must not count as absent.
    let origin = headers.only("Origin", HandshakeError::InvalidOrigin)?;
    if origin.is_some_and(|origin| origin.is_empty() || !origin.iter().all(is_printable)) {
        return Err(HandshakeError::InvalidOrigin);
    }
    // 8: "Optionally, a |Sec-WebSocket-Protocol| header field"; 11.3.4: it "MAY appear multiple
    // times in an HTTP request". 4.3: `Sec-WebSocket-Protocol-Client = 1#token`.
    let mut names = headers.elements("Sec-WebSocket-Protocol").peekable();
    let is_there = headers.first("Sec-WebSocket-Protocol").is_some();
    if is_there && (names.peek().is_none() || !names.all(is_token)) {
        return Err(HandshakeError::InvalidSubprotocols);
    }
    // 9: "Optionally, a |Sec-WebSocket-Extensions| header field"; it may be split, too (11.3.2).
    // 9.1: "If a value is received by either the client or the server during negotiation that
    // does not conform to the ABNF below, the recipient of such malformed data MUST immediately
    // _Fail the WebSocket Connection_." 4.3: `1#extension`.
    let mut items = headers.all("Sec-WebSocket-Extensions").flat_map(ExtensionList::new).peekable();
    let is_there = headers.first("Sec-WebSocket-Extensions").is_some();
    if is_there && (items.peek().is_none() || !items.all(|item| item.is_ok())) {
        return Err(HandshakeError::InvalidExtensions);
    }
    Ok(())
}

fn is_printable(byte: &u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// Whether this is the origin of pages of `host`.
///
/// A port that is not given is the default one of the origin's scheme: whether this connection is
/// secure is not known here, where a proxy may have taken TLS away.
fn is_origin_of(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return false,
    };
    match (Authority::parse(authority), Authority::parse(host)) {
        (Some(authority), Some(host)) => authority.matches(host, default_port),
        _ => false,
    }
}
