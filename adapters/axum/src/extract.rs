//! The extractor.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use bluewire::hyper::{Connections, UpgradeRequest, WebSocket};
use bluewire::{AcceptError, AcceptOptions, Config, Limits, OriginPolicy, RequestHead};
use http::request::Parts;

use crate::rejection::UpgradeRejection;

/// Extracts a request for a WebSocket: GET with `Upgrade`, or an extended CONNECT over HTTP/2. So
/// route it by `any`.
///
/// It begins with the [`AcceptOptions`] that the router has as an extension, if any, and the
/// connection is one of the [`Connections`] that it has as another. As an `Option`, it is `None` for
/// a request that asks for something else, such as a page at the same path.
///
/// ```
/// use axum::{Router, response::Response, routing::any};
/// use bluewire_axum::{Limits, OriginPolicy, WebSocketUpgrade};
///
/// async fn chat(upgrade: WebSocketUpgrade) -> Response {
///     upgrade
///         .protocols(["chat.v2", "chat.v1"])
///         .origins(OriginPolicy::Listed(vec!["https://example.com".to_owned()]))
///         .limits(Limits::default().message_len_max(64 * 1024))
///         .on_failed_upgrade(|error| eprintln!("{error}"))
///         .on_upgrade(async |mut socket| {
///             let _ = socket.send("welcome").await;
///         })
/// }
/// # let _: Router = Router::new().route("/chat", any(chat));
/// ```
#[must_use]
pub struct WebSocketUpgrade {
    request: UpgradeRequest,
    options: AcceptOptions,
    connections: Option<Connections>,
    on_failed_upgrade: Box<dyn FnOnce(AcceptError) + Send>,
}

impl WebSocketUpgrade {
    /// The head of the request.
    #[must_use]
    pub const fn head(&self) -> &RequestHead {
        self.request.head()
    }

    /// The subprotocols that the client offers, in its order of preference.
    pub fn offered_protocols(&self) -> impl Iterator<Item = &str> {
        let lines = self.head().headers().all("Sec-WebSocket-Protocol");
        let lines = lines.filter_map(|line| std::str::from_utf8(line).ok());
        lines.flat_map(|line| line.split(',').map(str::trim)).filter(|name| !name.is_empty())
    }

    /// Replaces all options.
    pub fn options(mut self, options: AcceptOptions) -> Self {
        self.options = options;
        self
    }

    /// Adds subprotocols that this handler speaks. The first one that the client offers, in the
    /// client's order, is chosen; the connection's `protocol` says which.
    pub fn protocols<P: Into<String>>(self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.map(|options| protocols.into_iter().fold(options, AcceptOptions::protocol))
    }

    /// Says from which web pages connections are accepted; by default those of the same origin.
    /// Others get 403.
    pub fn origins(self, origins: OriginPolicy) -> Self {
        self.map(|options| options.origins(origins))
    }

    /// Agrees to compression with clients that offer it (RFC 7692).
    #[cfg(feature = "deflate")]
    pub fn deflate(self, deflate: bluewire::Deflate) -> Self {
        self.map(|options| options.deflate(deflate))
    }

    /// Sets limits, such as on the length of messages.
    pub fn limits(self, limits: Limits) -> Self {
        self.map(|options| options.limits(limits))
    }

    /// Sets limits, timeouts and the keepalive.
    pub fn config(self, config: impl Into<Arc<Config>>) -> Self {
        self.map(|options| options.config(config))
    }

    /// Calls this, once, if there is no connection although the request was accepted: the client
    /// has gone, or has reset its stream of HTTP/2 ([`AcceptError::Io`]), the response was not sent
    /// within [`Config::handshake_timeout`] ([`AcceptError::Handshake`]), or the server was shut
    /// down ([`AcceptError::GivenUp`]). By default the error is dropped.
    ///
    /// The response is not sent if a layer around the handler replaces it. hyper hands over the
    /// connection in that case too if it ends within that time. The WebSocket then fails at once.
    pub fn on_failed_upgrade(
        mut self,
        callback: impl FnOnce(AcceptError) + Send + 'static,
    ) -> Self {
        self.on_failed_upgrade = Box::new(callback);
        self
    }

    /// Accepts the request, and runs `serve` with the connection in a task on the current runtime.
    /// Return the response. If the options refuse the request, it says why, and `serve` is not
    /// called.
    ///
    /// If the router's [`Connections`] are shut down, the connection is closed with 1001 while the
    /// task receives; a task that is still there when the budget is over is dropped.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use = "the client has its WebSocket once this response was returned"]
    pub fn on_upgrade<F>(self, serve: impl FnOnce(WebSocket) -> F + Send + 'static) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Self { request, options, connections, on_failed_upgrade } = self;
        let accepted = match &connections {
            Some(connections) => request.accept_among(&options, connections),
            None => request.accept(&options),
        };
        let (response, upgrading) = match accepted {
            Ok(accepted) => accepted,
            Err(rejection) => return UpgradeRejection::from(rejection).into_response(),
        };
        tokio::spawn(async move {
            if let Err(error) = upgrading.run(serve).await {
                on_failed_upgrade(error);
            }
        });
        response.map(|()| Body::empty())
    }

    fn map(mut self, map: impl FnOnce(AcceptOptions) -> AcceptOptions) -> Self {
        self.options = map(self.options);
        self
    }
}

impl fmt::Debug for WebSocketUpgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketUpgrade")
            .field("head", self.head())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl<S: Sync> FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = UpgradeRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, UpgradeRejection> {
        let request = UpgradeRequest::from_parts(parts)?;
        let options = parts.extensions.get::<AcceptOptions>().cloned().unwrap_or_default();
        let connections = parts.extensions.get::<Connections>().cloned();
        Ok(Self { request, options, connections, on_failed_upgrade: Box::new(drop) })
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for WebSocketUpgrade {
    type Rejection = UpgradeRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> Result<Option<Self>, UpgradeRejection> {
        match <Self as FromRequestParts<S>>::from_request_parts(parts, state).await {
            Ok(upgrade) => Ok(Some(upgrade)),
            Err(rejection) if matches!(rejection.error(), AcceptError::NotWebSocket(_)) => Ok(None),
            Err(rejection) => Err(rejection),
        }
    }
}
