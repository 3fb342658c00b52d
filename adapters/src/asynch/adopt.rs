//! Connections whose opening handshake another library did.

use std::sync::Arc;

use bluewire_core::{Config, Role};

use super::runtime::Runtime;
use super::transport::AsyncTransport;
use super::websocket::WebSocket;
use crate::clock::Clock;
use crate::open::request::Opened;

impl<R: Runtime, S: AsyncTransport<R>> WebSocket<R, S> {
    /// The client's end of a connection that another HTTP library has upgraded: it has checked
    /// the response, and `leftover` is what it has read beyond the response's head.
    ///
    /// The handshake must not have agreed on any extension but permessage-deflate, and then
    /// `with_deflate` must follow at once. [`protocol`](Self::protocol) and the heads are unknown
    /// here.
    #[must_use]
    pub fn adopt_client(stream: S, leftover: &[u8], config: impl Into<Arc<Config>>) -> Self {
        let clock = Clock::by(R::now);
        Self::open(stream, Opened::adopted(Role::Client, leftover, config.into(), clock), None)
    }

    /// The server's end of such a connection: the other library has checked the request's `Origin`
    /// and written the response.
    ///
    /// The handshake must not have agreed on any extension but permessage-deflate, and then
    /// `with_deflate` must follow at once. [`protocol`](Self::protocol) and the heads are unknown
    /// here.
    #[must_use]
    pub fn adopt_server(stream: S, leftover: &[u8], config: impl Into<Arc<Config>>) -> Self {
        let clock = Clock::by(R::now);
        Self::open(stream, Opened::adopted(Role::Server, leftover, config.into(), clock), None)
    }

    /// The same connection, with the compression (RFC 7692) that was agreed on in that handshake,
    /// by [`Deflate::accept`](crate::Deflate::accept) or
    /// [`Deflate::confirm`](crate::Deflate::confirm). Its settings are those of
    /// [`Config::deflate`], or the default ones.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn with_deflate(self, params: crate::DeflateParams) -> Self {
        self.map_driver(|driver| driver.with_deflate(params))
    }
}
