//! Items with types of rustls 0.23: ready-made configurations, providers of cryptography, and
//! errors in full.
//!
//! No other part of this crate's API names a type of rustls, so that the next version of rustls can
//! be added beside this one without breaking a program that does not use this module.
//!
//! ```
//! use std::sync::Arc;
//! use bluewire::ConnectOptions;
//! use bluewire::tls::rustls_0_23::{self, rustls};
//!
//! # fn options(provider: rustls::crypto::CryptoProvider)
//! # -> Result<ConnectOptions, Box<dyn std::error::Error>> {
//! let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
//!     .with_protocol_versions(&[&rustls::version::TLS13])?
//!     .with_root_certificates(rustls::RootCertStore::empty())
//!     .with_no_client_auth();
//! let options = ConnectOptions::new("wss://localhost").tls(rustls_0_23::client(config));
//! # Ok(options)
//! # }
//! ```

use std::sync::Arc;

/// The library itself.
pub use rustls;
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, ServerConfig};

use super::{Provider, ServerTls, Tls, TlsFailure};

/// Takes a client's ready-made configuration as it is.
///
/// It cannot be combined with other settings: connecting fails by
/// [`TlsError::Settings`](super::TlsError::Settings) then.
#[must_use]
pub fn client(config: impl Into<Arc<ClientConfig>>) -> Tls {
    Tls::ready_made(config.into())
}

/// Takes a server's ready-made configuration as it is.
#[must_use]
pub fn server(config: impl Into<Arc<ServerConfig>>) -> ServerTls {
    ServerTls::ready_made(config.into())
}

/// Takes a provider of cryptography: another crate's, or one with fewer algorithms.
///
/// ```
/// # #[cfg(feature = "tls-ring")] {
/// use bluewire::tls::{Tls, rustls_0_23};
/// use bluewire::tls::rustls_0_23::rustls::crypto::{CryptoProvider, ring};
///
/// let modern = CryptoProvider {
///     kx_groups: vec![ring::kx_group::X25519],
///     ..ring::default_provider()
/// };
/// let tls = Tls::default().provider(rustls_0_23::provider(modern));
/// # }
/// ```
#[must_use]
pub fn provider(provider: impl Into<Arc<CryptoProvider>>) -> Provider {
    Provider::of(provider)
}

/// The error of rustls.
#[must_use]
pub const fn error(failure: &TlsFailure) -> &rustls::Error {
    failure.inner()
}
