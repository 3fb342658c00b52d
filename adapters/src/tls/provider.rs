//! Which cryptography TLS uses.

use std::fmt;
use std::sync::Arc;
#[cfg(any(feature = "tls-ring", feature = "tls-aws-lc-rs"))]
use std::sync::OnceLock;

use rustls::crypto::CryptoProvider;
use rustls::crypto::hash::HashAlgorithm;
use rustls::{CipherSuiteCommon, SupportedCipherSuite};

use super::TlsError;

/// The cryptography beneath TLS: ciphers, signatures, key exchange, randomness.
///
/// Most programs need not choose; see [the module](super#cryptography) for what is used then. The
/// features `tls-ring` and `tls-aws-lc-rs` each add a constructor here, and
/// [`rustls_0_23::provider`](super::rustls_0_23::provider) takes any other provider.
#[derive(Clone)]
pub struct Provider(Arc<CryptoProvider>);

impl Provider {
    /// The provider of the crate `ring`.
    #[cfg(feature = "tls-ring")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls-ring")))]
    #[must_use]
    pub fn ring() -> Self {
        static RING: OnceLock<Provider> = OnceLock::new();
        RING.get_or_init(|| Self::of(rustls::crypto::ring::default_provider())).clone()
    }

    /// The provider of the crate `aws-lc-rs`.
    #[cfg(feature = "tls-aws-lc-rs")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls-aws-lc-rs")))]
    #[must_use]
    pub fn aws_lc_rs() -> Self {
        static AWS_LC_RS: OnceLock<Provider> = OnceLock::new();
        AWS_LC_RS.get_or_init(|| Self::of(rustls::crypto::aws_lc_rs::default_provider())).clone()
    }

    /// The one for settings that name none: what the program has installed for the whole process,
    /// or else one of those that this crate was built with.
    ///
    /// It installs nothing, and never asks rustls to choose: rustls panics when it cannot.
    pub(super) fn usual() -> Result<Self, TlsError> {
        if let Some(installed) = CryptoProvider::get_default() {
            return Ok(Self(Arc::clone(installed)));
        }
        // Where both are built in, somebody asked for aws-lc-rs: ring is what comes by default.
        #[cfg(feature = "tls-aws-lc-rs")]
        return Ok(Self::aws_lc_rs());
        #[cfg(all(feature = "tls-ring", not(feature = "tls-aws-lc-rs")))]
        return Ok(Self::ring());
        #[cfg(not(any(feature = "tls-ring", feature = "tls-aws-lc-rs")))]
        Err(TlsError::Settings(
            "there is no cryptography: enable the feature tls-ring or tls-aws-lc-rs, or set a \
             provider"
                .to_owned(),
        ))
    }

    pub(super) fn of(provider: impl Into<Arc<CryptoProvider>>) -> Self {
        Self(provider.into())
    }

    /// As rustls takes it.
    pub(super) fn inner(&self) -> &Arc<CryptoProvider> {
        &self.0
    }

    /// The SHA-256 digest of this; `None` if the provider does not have SHA-256, which TLS 1.3
    /// prescribes (RFC 8446, 9.1).
    pub(super) fn sha256(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let hashes = self.0.cipher_suites.iter().map(|suite| common(suite).hash_provider);
        let sha256 = hashes.into_iter().find(|hash| hash.algorithm() == HashAlgorithm::SHA256)?;
        Some(sha256.hash(bytes).as_ref().to_vec())
    }
}

const fn common(suite: &SupportedCipherSuite) -> &CipherSuiteCommon {
    match suite {
        SupportedCipherSuite::Tls12(suite) => &suite.common,
        SupportedCipherSuite::Tls13(suite) => &suite.common,
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("cipher_suites", &self.0.cipher_suites)
            .field("kx_groups", &self.0.kx_groups)
            .finish_non_exhaustive()
    }
}
