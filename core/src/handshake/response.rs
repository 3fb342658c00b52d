//! How a client judges the response (4.1): the same list over HTTP/1 and HTTP/2.

use crate::Arc;
use alloc::boxed::Box;
use core::time::Duration;

use crate::config::Config;
use crate::connection::Connection;
use crate::extension::ExtensionList;
use crate::grammar::ascii;
use crate::grammar::elements;
use crate::handshake::error::HandshakeError;
use crate::handshake::headers::ResponseHead;
use crate::handshake::key::accept;
use crate::handshake::negotiation::{Agreed, confirm};
use crate::handshake::request::ClientRequest;
use crate::mask::MaskingKeys;

/// A client's request, as far as the response is judged by it.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) config: Arc<Config>,
    /// The value that must answer the key. `None` over HTTP/2, which has no key.
    accept: Option<[u8; 28]>,
    /// The offers, as they stand in the request.
    subprotocols: Box<str>,
}

impl Asked {
    pub(crate) fn new(
        request: &ClientRequest,
        key: Option<&[u8; 24]>,
        config: Arc<Config>,
    ) -> Self {
        let accept = key.map(|key| accept(key));
        Self { config, accept, subprotocols: request.subprotocols().into() }
    }

    /// Judges a response whose status agrees.
    pub(crate) fn check(&self, head: ResponseHead) -> Result<Response, HandshakeError> {
        let subprotocol = self.check_headers(&head)?;
        let extension = self.check_extension(&head)?;
        Ok(Response { config: Arc::clone(&self.config), head, subprotocol, extension })
    }

    /// The numbered list of 4.1 for the response, in its order; gives the subprotocol chosen.
    fn check_headers(&self, head: &ResponseHead) -> Result<Option<Box<str>>, HandshakeError> {
        match &self.accept {
            Some(accept) => check_upgrade(head, accept)?,
            // RFC 8441, section 5: "the processing of the |Sec-WebSocket-Key| and
            // |Sec-WebSocket-Accept| header fields" is bypassed over HTTP/2.
            None if head.version().0 == 2 => {}
            None => return Err(HandshakeError::UnsupportedHttpVersion),
        }
        let headers = head.headers();
        // 5 is `check_extension`. 6: "[...] indicates the use of a subprotocol that was not present
        // in the client's handshake".
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
        // RFC 7692, section 5: one extension can have RSV1, and no other extension is available here.
        match next()? {
            None => Ok(Some(agreed)),
            Some(_) => Err(HandshakeError::UnofferedExtension),
        }
    }
}

/// Checks the steps of that list that belong to the upgrade of HTTP/1.
fn check_upgrade(head: &ResponseHead, expected: &[u8; 28]) -> Result<(), HandshakeError> {
    // RFC 9110, section 7.8: Upgrade belongs to HTTP/1.1. HTTP/1.0 does not have it, and in HTTP/2 a
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
        Some(accept) if accept == expected => Ok(()),
        Some(_) => Err(HandshakeError::WrongAccept),
        None => Err(HandshakeError::MissingAccept),
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
    /// The connection that is open now. It owns the bytes that follow the response in the inbox,
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
