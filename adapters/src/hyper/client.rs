//! Clients that ask over a connection of hyper's.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};

use bluewire_core::ResponseHead;
use http::{HeaderName, HeaderValue, Request, Response, Uri, Version};
use hyper::body::{Body, Buf as _};
use hyper::client::conn::http1;
use hyper::ext::Protocol;

use super::{UpgradedStream, WebSocket};
use crate::asynch::Runtime as _;
use crate::asynch::wait::within;
use crate::clock::Clock;
use crate::open::error::ConnectError;
use crate::open::options::ConnectOptions;
use crate::open::request::{self, Carried};
use crate::tokio::Tokio;

/// Opens a WebSocket on an HTTP/1.1 connection, which it takes. The connection must be driven
/// `with_upgrades`.
///
/// The URL's scheme says whether that connection has TLS; no connection is made to it.
///
/// # Errors
///
/// If an option is invalid, the connection fails, or the server refuses.
///
/// # Cancel safety
///
/// Dropping the future ends the connection.
pub async fn connect_http1<B>(
    sender: &mut http1::SendRequest<B>,
    options: impl Into<ConnectOptions>,
) -> Result<WebSocket, ConnectError>
where
    B: Body + Default + 'static,
{
    let upgrade = ClientUpgrade::http1(options)?;
    let request = upgrade.request().map(|()| B::default());
    upgrade.finish(sender.send_request(request)).await
}

/// A client's opening handshake for an HTTP client that stands on hyper: send the
/// [`request`](Self::request), and give its response to [`open`](Self::open).
///
/// [`connect_http1`] and [`Http2Client`](super::Http2Client) do both on a connection of hyper's own.
#[must_use]
pub struct ClientUpgrade {
    pub(super) carried: Carried,
}

impl ClientUpgrade {
    /// By GET with `Upgrade`, for HTTP/1.1.
    ///
    /// # Errors
    ///
    /// If an option is invalid.
    pub fn http1(options: impl Into<ConnectOptions>) -> Result<Self, ConnectError> {
        Self::start(options.into(), false)
    }

    /// By an extended CONNECT, for HTTP/2 (RFC 8441).
    ///
    /// # Errors
    ///
    /// If an option is invalid.
    pub fn http2(options: impl Into<ConnectOptions>) -> Result<Self, ConnectError> {
        Self::start(options.into(), true)
    }

    fn start(options: ConnectOptions, is_http2: bool) -> Result<Self, ConnectError> {
        let request = request::Request::check(options)?;
        let carried = Carried::start(&request, is_http2, Clock::by(Tokio::now));
        Ok(Self { carried })
    }

    /// The request to send. Over HTTP/1 its URI is the path alone, and `Host` says the rest.
    #[must_use]
    pub fn request(&self) -> Request<()> {
        let handshake = &self.carried.handshake;
        let asked = handshake.request();
        let mut request = Request::new(());
        let authority = asked.authority();
        let scheme = if asked.is_secure() { "https" } else { "http" };
        let uri = match handshake.protocol() {
            Some(protocol) => {
                *request.version_mut() = Version::HTTP_2;
                request.extensions_mut().insert(Protocol::from_static(protocol));
                format!("{scheme}://{authority}{}", asked.resource_name())
            }
            None => asked.resource_name().to_owned(),
        };
        // The engine has checked its parts, by stricter rules.
        *request.uri_mut() = Uri::try_from(uri).unwrap_or_default();
        *request.method_mut() = match handshake.protocol() {
            Some(_) => http::Method::CONNECT,
            None => http::Method::GET,
        };
        let mut push = |name: &str, value: &str| {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
                request.headers_mut().append(name, value);
            }
        };
        if handshake.protocol().is_none() {
            push("Host", &authority);
        }
        handshake.each_header(push);
        request
    }

    /// The connection, by the response to that request.
    ///
    /// # Errors
    ///
    /// If the response refuses or breaks a rule, or hyper cannot hand the connection over.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the connection.
    pub async fn open<B: Body + Unpin>(
        self,
        response: Response<B>,
    ) -> Result<WebSocket, ConnectError> {
        let none = std::future::ready(Ok::<_, hyper::Error>(response));
        self.finish(none).await
    }

    /// Waits for the response within the time that there is.
    pub(super) async fn finish<B: Body + Unpin>(
        self,
        response: impl Future<Output = hyper::Result<Response<B>>>,
    ) -> Result<WebSocket, ConnectError> {
        let (id, left, late) =
            (self.carried.id, self.carried.time_left(), self.carried.budget.error());
        let opened = within::<Tokio, _>(left, async {
            let response = response.await.map_err(failed)?;
            self.take(response).await
        });
        id.dialled(opened.await.unwrap_or(Err(late)))
    }

    async fn take<B: Body + Unpin>(
        self,
        mut response: Response<B>,
    ) -> Result<WebSocket, ConnectError> {
        let version = match response.version() {
            Version::HTTP_10 => (1, 0),
            Version::HTTP_11 => (1, 1),
            Version::HTTP_2 => (2, 0),
            _ => (0, 0),
        };
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_bytes()));
        let head = ResponseHead::of_parts(response.status().as_u16(), version, headers)?;
        let body_len_max = self.carried.body_len_max;
        let mut opened = match self.carried.open(head) {
            Ok(opened) => opened,
            Err((error, head)) => {
                let (body, is_complete) = read(response.body_mut(), body_len_max).await;
                return Err(Carried::refused(error, head, &body, is_complete));
            }
        };
        let upgraded = hyper::upgrade::on(&mut response).await.map_err(failed)?;
        let (stream, leftover) = UpgradedStream::take(upgraded);
        opened.inbox.extend(&leftover);
        Ok(WebSocket::open(stream, opened, None))
    }
}

impl fmt::Debug for ClientUpgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientUpgrade").finish_non_exhaustive()
    }
}

pub(super) fn failed(error: hyper::Error) -> ConnectError {
    ConnectError::of_stream(io::Error::other(error))
}

/// Reads a body of at most so many bytes, and tells whether that is all of it.
async fn read<B: Body + Unpin>(body: &mut B, len_max: usize) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let is_complete = poll_fn(|cx| {
        loop {
            let frame = match ready!(Pin::new(&mut *body).poll_frame(cx)) {
                None => return Poll::Ready(true),
                Some(Err(_)) => return Poll::Ready(false),
                Some(Ok(frame)) => frame,
            };
            let Ok(mut data) = frame.into_data() else { continue };
            while data.has_remaining() {
                let chunk = data.chunk();
                let len = chunk.len().min(len_max - bytes.len());
                if len == 0 {
                    return Poll::Ready(false);
                }
                bytes.extend_from_slice(&chunk[..len]);
                data.advance(len);
            }
        }
    })
    .await;
    (bytes, is_complete)
}
