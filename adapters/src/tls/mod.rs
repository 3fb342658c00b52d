//! TLS: what a `wss` client trusts, who a server is, and what can go wrong.
//!
//! A URL with the scheme `wss` needs no setting: the server's certificate must lead to one of
//! Mozilla's roots and be valid for the host today. Every other wish is one line:
//!
//! ```no_run
//! use bluewire::{ConnectOptions, tls::Tls};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (root, chain, key) = (vec![], vec![], vec![]);
//! # let pin = "";
//! # let wish = 0;
//! # let tls = match wish {
//! // A private root beside the usual ones.
//! # 0 =>
//! Tls::default().root_pem(&root)?
//! # , 1 =>
//! // This one certificate and no other, such as a device's own.
//! Tls::default().pin_sha256(pin)?
//! # , 2 =>
//! // Who we are.
//! Tls::default().client_certificate(&chain, &key)?
//! # , _ =>
//! // Whoever answers.
//! Tls::default().dangerously_accept_any_certificate()
//! # };
//! # let url = "wss://localhost";
//!
//! # ;
//! let options = ConnectOptions::new(url).tls(tls);
//! # Ok(())
//! # }
//! ```
//!
//! A server is given its certificate by [`ServerOptions::tls`](crate::ServerOptions::tls).
//!
//! The protocol is the business of [rustls], in TLS 1.3 and 1.2, with the cryptography of `ring`.
//! The host's name is sent (SNI), and `http/1.1` is agreed on (ALPN). Clones of one [`Tls`], and all
//! uses of the default one, share their memory of sessions, so that connecting again is cheaper.
//! Until the server has shown that it is the one, nothing of the WebSocket is sent. Closing a
//! connection sends the close_notify by which the peer knows that nothing was cut off, and a
//! stream that ends without one is [`TlsError::Truncated`].

/// The crate async-tls and the rustls that it stands on, to make a connector with.
///
/// ```no_run
/// use bluewire::ConnectOptions;
/// use bluewire::tls::async_tls::TlsConnector;
///
/// # smol::block_on(async {
/// let options = ConnectOptions::new("wss://localhost").tls(TlsConnector::default().into());
/// let socket = bluewire::smol::connect(options).await?;
/// # Ok::<(), bluewire::Error>(())
/// # });
/// ```
///
/// Its last release, 0.13, stands on rustls 0.21, whose certificate checks have open advisories
/// (RUSTSEC-2026-0098, -0099, -0104), and its errors are not told apart here. It is for programs
/// that have it already.
#[cfg(feature = "async-tls")]
pub mod async_tls {
    pub use async_tls::TlsConnector;
    pub use rustls_021 as rustls;
}
mod client;
mod der;
mod error;
#[cfg(all(test, any(feature = "blocking", feature = "_asynch")))]
pub(crate) mod samples;
mod server;
#[cfg(any(feature = "blocking", feature = "_asynch"))]
pub(crate) mod session;
mod verify;

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

pub use client::Tls;
#[cfg(any(feature = "blocking", feature = "_asynch"))]
pub(crate) use client::server_name;
pub use error::{CertificateProblem, TlsError};
/// The library beneath, for ready-made configurations.
pub use rustls;
pub use server::ServerTls;

#[cfg(any(feature = "blocking", feature = "_asynch"))]
pub(crate) use error::FirstBytes;

/// The protocol that goes on inside.
const ALPN: &[u8] = b"http/1.1";

fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider()))
}

/// A certificate, those that lead from it to a root, and its key.
fn identity(chain: &[u8], key: &[u8]) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain = certificates(chain)?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|error| TlsError::Settings(format!("the private key is not PEM: {error}")))?;
    let identity = CertifiedKey::from_der(chain, key, provider());
    let identity = identity
        .map_err(|error| TlsError::Settings(format!("the certificate and its key: {error}")))?;
    Ok(Arc::new(identity))
}

/// The certificates of a PEM file, of which there must be one.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err(TlsError::Settings("there is no certificate in the PEM text".to_owned()))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(TlsError::Settings(format!("the certificates are not PEM: {error}"))),
    }
}
