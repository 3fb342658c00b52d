//! A client's opening handshake that another HTTP library carries.

use crate::Arc;

use crate::config::Config;
use crate::handshake::error::HandshakeError;
use crate::handshake::headers::ResponseHead;
use crate::handshake::key::key;
use crate::handshake::request::ClientRequest;
use crate::handshake::response::{Asked, Response};

/// A client's opening handshake whose request and response another library carries, over HTTP/1
/// or over HTTP/2 (RFC 8441).
///
/// Over HTTP/2 the request is an extended CONNECT, and the bytes of the connection are those of its
/// stream: END_STREAM is the end of the bytes, and RST_STREAM with CANCEL is what the reset of a TCP
/// connection is (RFC 8441, section 5). A server that takes such requests says so by
/// SETTINGS_ENABLE_CONNECT_PROTOCOL: wait for that before you ask.
///
/// ```
/// use bluewire_core::{ClientRequest, Config, HttpHandshake, ResponseHead};
///
/// let request = ClientRequest::new("server.example.com", "/chat")?.secure(true);
/// let handshake = HttpHandshake::http2(&request, Config::default());
/// assert_eq!(handshake.method(), "CONNECT");
/// assert_eq!(handshake.protocol(), Some("websocket"));
/// // `:scheme` is `https`, `:authority` and `:path` are the request's.
/// let mut headers = Vec::new();
/// handshake.each_header(|name, value| headers.push((name.to_owned(), value.to_owned())));
/// assert_eq!(headers, [("Sec-WebSocket-Version".to_owned(), "13".to_owned())]);
///
/// let response = handshake.judge(ResponseHead::of_parts(200, (2, 0), [])?)?;
/// # let _ = response;
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct HttpHandshake {
    asked: Asked,
    request: ClientRequest,
    key: Option<[u8; 24]>,
}

impl HttpHandshake {
    /// Over HTTP/1.1, with a [nonce](crate::MaskingKeys::nonce).
    pub fn http1(request: &ClientRequest, nonce: [u8; 16], config: impl Into<Arc<Config>>) -> Self {
        Self::new(request, Some(key(nonce)), config.into())
    }

    /// Over HTTP/2 (RFC 8441).
    pub fn http2(request: &ClientRequest, config: impl Into<Arc<Config>>) -> Self {
        Self::new(request, None, config.into())
    }

    fn new(request: &ClientRequest, key: Option<[u8; 24]>, config: Arc<Config>) -> Self {
        Self { asked: Asked::new(request, key.as_ref(), config), request: request.clone(), key }
    }

    /// The method of the request.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        if self.key.is_some() { "GET" } else { "CONNECT" }
    }

    /// The value of `:protocol`; `None` over HTTP/1.
    #[must_use]
    pub const fn protocol(&self) -> Option<&'static str> {
        if self.key.is_some() { None } else { Some("websocket") }
    }

    /// The requested resource, with the authority and the path.
    pub const fn request(&self) -> &ClientRequest {
        &self.request
    }

    /// Calls this with each header of the request, a name and a value, but for `Host`, which is the
    /// [authority](ClientRequest::authority).
    pub fn each_header(&self, each: impl FnMut(&str, &str)) {
        self.request.each_header(self.key.as_ref(), &self.asked.config, each);
    }

    /// Judges the response by the rules of 4.1: its status must be 101, or 2xx over HTTP/2.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Refused`] by the status, or the rule that the response breaks.
    pub fn judge(self, head: ResponseHead) -> Result<Response, HandshakeError> {
        match (head.status(), self.key) {
            // RFC 8441, section 5: "a 2XX status code in the response" is success.
            (101, Some(_)) | (200..=299, None) => self.asked.check(head),
            (status, _) => Err(HandshakeError::Refused { status }),
        }
    }
}
