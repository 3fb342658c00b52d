//! The client's request: its parts, and the head that they make (4.1).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::net::Ipv6Addr;

use crate::config::Config;
use crate::grammar::ascii;
use crate::grammar::{elements, is_token};
use crate::handshake::authority::is_host;
use crate::handshake::head_error::HeadError;
use crate::handshake::key::VERSION;
use crate::handshake::lines::{HeaderLines, push_line};
use crate::handshake::negotiation::offered_extensions;
use crate::outbox::Outbox;

/// A client's request: a host, a resource name, and optional headers.
///
/// Every part is checked when it is given, so that the head is one valid request whatever the
/// parts come from. It can be used for any number of handshakes.
///
/// ```
/// use bluewire_core::ClientRequest;
///
/// let request = ClientRequest::new("example.com", "/chat?room=1")?
///     .secure(true)
///     .port(8443)
///     .origin("https://example.com")?
///     .subprotocol("chat.v2")?
///     .subprotocol("chat.v1")?
///     .header("Authorization", "Bearer 0123")?;
/// # let _ = request;
/// # Ok::<(), bluewire_core::HeadError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientRequest {
    /// With its brackets if it is an IPv6 address.
    host: Box<str>,
    port: Option<u16>,
    secure: bool,
    resource_name: Box<str>,
    /// The value of `Sec-WebSocket-Protocol`; empty for none.
    subprotocols: String,
    has_origin: bool,
    lines: HeaderLines,
}

impl ClientRequest {
    /// A request to `host`, an ASCII name or an IP address, an IPv6 address with or without its
    /// brackets; for `resource_name` (section 3), a path that begins with `/` and perhaps a query,
    /// percent-encoded where needed.
    ///
    /// It is for the default port of an insecure connection until
    /// [`secure`](Self::secure) or [`port`](Self::port) says otherwise.
    ///
    /// # Errors
    ///
    /// [`HeadError::InvalidHost`] and [`HeadError::InvalidResourceName`].
    pub fn new(host: &str, resource_name: &str) -> Result<Self, HeadError> {
        let host = match host.parse::<Ipv6Addr>() {
            Ok(_) => format!("[{host}]").into(),
            Err(_) if is_host(host) => host.into(),
            Err(_) => return Err(HeadError::InvalidHost),
        };
        // Section 3: "Fragment identifiers are meaningless in the context of WebSocket URIs and
        // MUST NOT be used on these URIs."
        let allowed = |byte| matches!(byte, b'!'..=b'~') && byte != b'#';
        if !resource_name.starts_with('/') || !resource_name.bytes().all(allowed) {
            return Err(HeadError::InvalidResourceName);
        }
        Ok(Self {
            host,
            port: None,
            secure: false,
            resource_name: resource_name.into(),
            subprotocols: String::new(),
            has_origin: false,
            lines: HeaderLines::new(),
        })
    }

    /// Whether the connection is over TLS (`wss`), which makes 443 the default port instead of 80.
    pub const fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// The port. The default one is left out of `Host`, as browsers do.
    pub const fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Says on behalf of which web page the request is made (`Origin`), as a browser must and
    /// others may.
    ///
    /// # Errors
    ///
    /// [`HeadError::RepeatedOrigin`] and [`HeadError::InvalidHeaderValue`].
    pub fn origin(self, origin: &str) -> Result<Self, HeadError> {
        self.header("Origin", origin)
    }

    /// Offers a subprotocol, after those offered before in order of preference (1.9).
    ///
    /// # Errors
    ///
    /// [`HeadError::InvalidSubprotocol`] and [`HeadError::RepeatedSubprotocol`].
    pub fn subprotocol(mut self, name: &str) -> Result<Self, HeadError> {
        // 4.1: "The elements that comprise this value MUST be non-empty strings with characters
        // in the range U+0021 to U+007E not including separator characters as defined in
        // [RFC2616] and MUST all be unique strings."
        if !is_token(name.as_bytes()) {
            return Err(HeadError::InvalidSubprotocol);
        }
        if elements(self.subprotocols.as_bytes()).any(|other| other == name.as_bytes()) {
            return Err(HeadError::RepeatedSubprotocol);
        }
        if !self.subprotocols.is_empty() {
            self.subprotocols.push_str(", ");
        }
        self.subprotocols.push_str(name);
        Ok(self)
    }

    /// Adds a header, such as cookies or credentials, after those added before, spelled as it is.
    ///
    /// # Errors
    ///
    /// [`HeadError::InvalidHeaderName`], [`HeadError::InvalidHeaderValue`],
    /// [`HeadError::ReservedHeader`] for what the handshake sets itself, and
    /// [`HeadError::RepeatedOrigin`].
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, HeadError> {
        let is_origin = name.eq_ignore_ascii_case("Origin");
        if is_origin && self.has_origin {
            return Err(HeadError::RepeatedOrigin);
        }
        self.lines.push(name, value)?;
        self.has_origin |= is_origin;
        Ok(self)
    }

    /// The names that are offered, as they stand in `Sec-WebSocket-Protocol`.
    pub(crate) fn subprotocols(&self) -> &str {
        &self.subprotocols
    }

    /// The host, and the port if it is not the default one: what stands in `Host`, and in
    /// `:authority` over HTTP/2.
    #[must_use]
    pub fn authority(&self) -> String {
        let mut authority = String::from(&*self.host);
        // 4.1: "The request MUST contain a |Host| header field whose value contains /host/ plus
        // optionally ":" followed by /port/ (when not using the default port)."
        let default_port = if self.secure { 443 } else { 80 };
        if let Some(port) = self.port.filter(|port| *port != default_port) {
            authority.push_str(&format!(":{port}"));
        }
        authority
    }

    /// The resource name: the path, and the query if there is one.
    #[must_use]
    pub fn resource_name(&self) -> &str {
        &self.resource_name
    }

    /// Whether it is to go over TLS.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Calls this with each header behind `Host`; `key` over HTTP/1 only.
    pub(crate) fn each_header(
        &self,
        key: Option<&[u8; 24]>,
        config: &Config,
        mut each: impl FnMut(&str, &str),
    ) {
        if let Some(key) = key {
            each("Upgrade", "websocket");
            each("Connection", "Upgrade");
            each("Sec-WebSocket-Key", ascii(key));
        }
        each("Sec-WebSocket-Version", VERSION);
        if !self.subprotocols.is_empty() {
            each("Sec-WebSocket-Protocol", &self.subprotocols);
        }
        let extensions = offered_extensions(config);
        if !extensions.is_empty() {
            each("Sec-WebSocket-Extensions", &extensions);
        }
        self.lines.each(each);
    }

    /// Lays the head of the request over HTTP/1.
    pub(crate) fn lay(&self, key: &[u8; 24], config: &Config, outbox: &mut Outbox) {
        let lens = [&*self.resource_name, &*self.host, &*self.subprotocols, self.lines.as_str()];
        let len = lens.iter().fold(256, |len: usize, part| len.saturating_add(part.len()));
        let mut head = String::with_capacity(len);
        head.push_str("GET ");
        head.push_str(&self.resource_name);
        head.push_str(" HTTP/1.1\r\n");
        push_line(&mut head, "Host", &self.authority());
        self.each_header(Some(key), config, |name, value| push_line(&mut head, name, value));
        head.push_str("\r\n");
        outbox.lay_head(head.as_bytes());
    }
}
