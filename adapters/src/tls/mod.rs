//! TLS: the certificates that a client trusts, the certificate of a server, and errors.
//!
//! A `wss` URL needs no settings. The server's certificate must be issued under one of Mozilla's
//! roots, and be valid for the host and the date. Other settings take one line each:
//!
//! ```no_run
//! use bluewire::{ConnectOptions, tls::Tls};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (root, chain, key) = (vec![], vec![], vec![]);
//! # let pin = "";
//! # let wish = 0;
//! # let tls = match wish {
//! // A private root in addition to the usual ones.
//! # 0 =>
//! Tls::default().root_pem(&root)?
//! # , 1 =>
//! // Exactly this certificate, such as that of a device.
//! Tls::default().pin_sha256(pin)?
//! # , 2 =>
//! // A client certificate.
//! Tls::default().client_certificate(&chain, &key)?
//! # , _ =>
//! // Any certificate, for tests.
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
//! A server gets its certificate from [`ServerOptions::tls`](crate::ServerOptions::tls).
//!
//! [rustls](rustls_0_23) implements the protocol, TLS 1.3 and 1.2. The client sends the host's name
//! (SNI) and negotiates `http/1.1` (ALPN). Clones of one [`Tls`], and all uses of the default one,
//! share a session cache, so that reconnecting is cheaper. The client sends nothing of the WebSocket
//! before it has verified the server. Closing a connection sends a close_notify, so that the peer can
//! detect truncation. A stream that ends without one is [`TlsError::Truncated`].
//!
//! # Cryptography
//!
//! A feature of this crate adds a provider of cryptography:
//!
//! | feature | provider | to build it |
//! | --- | --- | --- |
//! | `tls`, `tls-ring` | `ring`: small, quick to build | a C compiler |
//! | `tls-aws-lc-rs` | `aws-lc-rs`: faster handshakes, post-quantum key exchange, FIPS | a C compiler, and CMake on some systems |
//! | `tls-no-provider` | none: one that you give | what yours needs |
//!
//! `tls` is a default feature, so that `tls-aws-lc-rs` alone needs `default-features = false`.
//! Connections and servers use, in this order:
//!
//! 1. the provider of their settings: [`Tls::provider`], [`ServerTls::with_provider`];
//! 2. the provider that the program installed for the whole process, if it did so before the
//!    settings were first used;
//! 3. `aws-lc-rs`, if it is built in;
//! 4. `ring`, if it is built in.
//!
//! Your program has nothing to install, and the features that other crates choose for rustls do not
//! matter: if both providers are in the tree, nothing panics. Without any of the four, connecting and
//! making a server fail with [`TlsError::Settings`].
//!
//! # Whose roots
//!
//! - **Mozilla's**, by default: the same on every system, and without reading a file. They are as
//!   old as the build of the program.
//! - **`Tls::platform_verifier`** (feature `platform-verifier`): the operating system verifies, as
//!   its browsers do. Roots that a company or a user has added or distrusted count, and on Windows,
//!   macOS, iOS and Android so do revocations and what the system knows of intermediates. On
//!   Linux and the BSDs rustls verifies with the system's roots. It is the one to take for programs
//!   on other people's machines.
//! - **`Tls::platform_roots`** (feature `platform-roots`): rustls verifies on every system, with
//!   roots that are read from the system. It knows nothing of distrust and revocation there, and has
//!   no roots on Android and iOS. Take it where all systems must verify by the same rules. This
//!   feature brings `tls`, and with it `ring`, as it always did.
//! - **Your own**: [`Tls::root_pem`], with [`Tls::no_default_roots`].

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
/// (RUSTSEC-2026-0098, -0099, -0104), and its errors are not distinguished here. It is for programs
/// that have it already.
#[cfg(feature = "async-tls")]
pub mod async_tls {
    pub use async_tls::TlsConnector;
    pub use rustls_021 as rustls_0_21;
}
mod certificate_problem;
mod client;
mod der;
mod error;
mod failure;
mod provider;
pub mod rustls_0_23;
#[cfg(all(test, any(feature = "blocking", feature = "_asynch")))]
pub(crate) mod samples;
mod server;
#[cfg(any(feature = "blocking", feature = "_asynch"))]
pub(crate) mod session;
mod verify;

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

pub use certificate_problem::CertificateProblem;
pub use client::Tls;
#[cfg(any(feature = "blocking", feature = "_asynch"))]
pub(crate) use client::server_name;
pub use error::TlsError;
pub use failure::{Alert, HandshakeKind, TlsFailure};
pub use provider::Provider;
pub use server::ServerTls;

#[cfg(any(feature = "blocking", feature = "_asynch"))]
pub(crate) use error::FirstBytes;

/// The protocol that goes on inside.
const ALPN: &[u8] = b"http/1.1";

/// A certificate, those that lead from it to a root, and its key.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| TlsError::Settings(format!("the private key is not PEM: {error}")))?;
        Ok(Self { chain, key })
    }

    /// Makes it ready to sign, and sees whether the key is the certificate's.
    fn certified(&self, provider: &Provider) -> Result<Arc<CertifiedKey>, TlsError> {
        let (chain, key) = (self.chain.clone(), self.key.clone_key());
        let certified = CertifiedKey::from_der(chain, key, provider.inner());
        let certified = certified
            .map_err(|error| TlsError::Settings(format!("the certificate and its key: {error}")))?;
        Ok(Arc::new(certified))
    }
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
