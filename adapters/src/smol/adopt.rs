//! Connections whose opening handshake another library did.

use std::sync::Arc;

use bluewire_core::{Config, Role};
use smol::io::{AsyncRead, AsyncWrite};

use super::websocket::WebSocket;
use crate::connect::Opened;

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> WebSocket<S> {
    /// The client's end of a connection that another HTTP library has upgraded: it has checked
    /// the response, and here come the stream and what it has read beyond the response's head.
    ///
    /// No extension may have been agreed on, but for that of `with_deflate`, which must follow at
    /// once. [`protocol`](Self::protocol) and the heads are unknown here.
    #[must_use]
    pub fn adopt_client(stream: S, leftover: &[u8], config: impl Into<Arc<Config>>) -> Self {
        Self::new(stream, Opened::adopted(Role::Client, leftover, config.into()))
    }

    /// The server's end of such a connection: the response that upgrades it has been written,
    /// and the request's `Origin` is as it should be.
    ///
    /// No extension may have been agreed on, but for that of `with_deflate`, which must follow at
    /// once. [`protocol`](Self::protocol) and the heads are unknown here.
    #[must_use]
    pub fn adopt_server(stream: S, leftover: &[u8], config: impl Into<Arc<Config>>) -> Self {
        Self::new(stream, Opened::adopted(Role::Server, leftover, config.into()))
    }

    /// The same connection, with the compression (RFC 7692) that was agreed on in that handshake,
    /// by [`Deflate::accept`](crate::Deflate::accept) or
    /// [`Deflate::confirm`](crate::Deflate::confirm). Its settings are those of
    /// [`Config::deflate`], or the default ones.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn with_deflate(self, params: crate::DeflateParams) -> Self {
        let mut opened = self.inner.engine.into_opened();
        opened.connection = opened.connection.with_deflate(params);
        Self::new(self.inner.pipe.stream, opened)
    }
}
