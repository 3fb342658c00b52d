//! A request for a WebSocket that hyper has read.

use std::fmt;

use bluewire_core::{Request, RequestHead};
use http::request::Parts;
use http::{Response, StatusCode, Version};
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;

use super::connections::Connections;
use super::rejection::{Rejection, push};
use super::upgrading::Upgrading;
use crate::asynch::Runtime as _;
use crate::clock::Clock;
use crate::open::error::AcceptError;
use crate::open::options::{AcceptOptions, answer};
use crate::open::request::{Asked, full_answer, plain_answer};
use crate::tokio::Tokio;

/// A request for a WebSocket that hyper has read and that keeps the rules of the opening handshake.
///
/// It is for servers that decide by the request before they accept it; others call
/// [`upgrade`](super::upgrade).
pub struct UpgradeRequest {
    head: RequestHead,
    on_upgrade: OnUpgrade,
    /// The request came by `https`, as one over HTTP/2 says.
    is_secure: bool,
}

impl UpgradeRequest {
    /// Takes what is needed out of a request: GET with `Upgrade`, or an extended CONNECT over HTTP/2
    /// (RFC 8441).
    ///
    /// # Errors
    ///
    /// If it does not ask for a WebSocket, or breaks a rule of the opening handshake.
    pub fn from_request<B>(request: &mut http::Request<B>) -> Result<Self, Rejection> {
        let head = head_of(
            request.method(),
            request.uri(),
            request.version(),
            request.headers(),
            request.extensions().get::<Protocol>(),
        );
        let (version, is_secure) = (request.version(), is_secure(request.uri()));
        Self::take(head, request.extensions_mut(), version, is_secure)
    }

    /// The same from the parts of a request.
    ///
    /// # Errors
    ///
    /// As [`from_request`](Self::from_request).
    pub fn from_parts(parts: &mut Parts) -> Result<Self, Rejection> {
        let protocol = parts.extensions.get::<Protocol>();
        let head = head_of(&parts.method, &parts.uri, parts.version, &parts.headers, protocol);
        let is_secure = is_secure(&parts.uri);
        Self::take(head, &mut parts.extensions, parts.version, is_secure)
    }

    fn take(
        head: Result<RequestHead, bluewire_core::HandshakeError>,
        extensions: &mut http::Extensions,
        version: Version,
        is_secure: bool,
    ) -> Result<Self, Rejection> {
        let is_http2 = version == Version::HTTP_2;
        let reject = |error, answer| Rejection::new(error, answer, is_http2);
        let judged = head.and_then(|head| Request::judge(bluewire_core::Config::default(), head));
        let head = match judged {
            Ok(Request::Upgrade(offer)) => offer.head().clone(),
            Ok(Request::Plain(head)) => {
                let answer = plain_answer(&head);
                return Err(reject(AcceptError::NotWebSocket(head), answer));
            }
            Err(error) => {
                return Err(reject(error.into(), crate::open::request::answer_to(error)));
            }
        };
        let Some(on_upgrade) = extensions.remove::<OnUpgrade>() else {
            let text = "this server does not hand connections over\n";
            return Err(reject(AcceptError::NotUpgradable(head), answer(500).text(text)));
        };
        Ok(Self { head, on_upgrade, is_secure })
    }

    /// The head of the request.
    #[must_use]
    pub const fn head(&self) -> &RequestHead {
        &self.head
    }

    /// Accepts the request, if the options have nothing against it. Answer it by the response, and
    /// await the connection in another task: it comes once the response has been written.
    ///
    /// # Errors
    ///
    /// If the options refuse it, such as by its origin.
    pub fn accept(self, options: &AcceptOptions) -> Result<(Response<()>, Upgrading), Rejection> {
        self.accept_as(options, None)
    }

    /// The same as one of these connections, which are shut down together.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept), and if there are as many connections as there may be, or they
    /// are being shut down.
    pub fn accept_among(
        self,
        options: &AcceptOptions,
        connections: &Connections,
    ) -> Result<(Response<()>, Upgrading), Rejection> {
        self.accept_as(options, Some(connections))
    }

    fn accept_as(
        self,
        options: &AcceptOptions,
        connections: Option<&Connections>,
    ) -> Result<(Response<()>, Upgrading), Rejection> {
        let is_http2 = self.head.is_http2();
        let clock = Clock::by(Tokio::now);
        let asked = Asked::judge(options, clock, self.head, self.is_secure)
            .map_err(|(error, answer)| Rejection::new(error, answer, is_http2))?;
        let slot = match connections.map(Connections::enter) {
            Some(None) => {
                let error = AcceptError::Full(asked.offer.head().clone());
                return Err(Rejection::new(error, full_answer(), is_http2));
            }
            slot => slot.flatten(),
        };
        let mut response = Response::new(());
        *response.status_mut() =
            StatusCode::from_u16(asked.offer.status()).unwrap_or(StatusCode::OK);
        asked.offer.each_response_header(|name, value| push(&mut response, name, value));
        let (time, opened) = (options.config.handshake_timeout, asked.open_elsewhere());
        Ok((response, Upgrading::new(self.on_upgrade, time, opened, slot)))
    }
}

impl fmt::Debug for UpgradeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpgradeRequest").field("head", &self.head).finish_non_exhaustive()
    }
}

/// The head of a request in the engine's words.
fn head_of(
    method: &http::Method,
    uri: &http::Uri,
    version: Version,
    headers: &http::HeaderMap,
    protocol: Option<&Protocol>,
) -> Result<RequestHead, bluewire_core::HandshakeError> {
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let minor_version = match version {
        Version::HTTP_2 => {
            let authority = uri.authority().map_or("", |authority| authority.as_str());
            let protocol = protocol.map(Protocol::as_str);
            return RequestHead::of_http2(method.as_str(), authority, path, protocol, headers);
        }
        Version::HTTP_11 => 1,
        Version::HTTP_10 => 0,
        _ => return Err(bluewire_core::HandshakeError::UnsupportedHttpVersion),
    };
    RequestHead::of_http1(method.as_str(), &uri.to_string(), minor_version, headers)
}

fn is_secure(uri: &http::Uri) -> bool {
    uri.scheme() == Some(&http::uri::Scheme::HTTPS)
}
