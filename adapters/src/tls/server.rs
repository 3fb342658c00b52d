//! Who a server is.

use std::fmt;
use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::sign::SingleCertAndKey;
use rustls::{RootCertStore, ServerConfig};

use super::{ALPN, Identity, Provider, TlsError, certificates};

/// A server's settings for TLS: its certificate, and whether clients need one.
///
/// ```no_run
/// use bluewire::{ServerOptions, tls::ServerTls};
///
/// let tls = ServerTls::new(std::fs::read("cert.pem")?, std::fs::read("key.pem")?)?;
/// let server = bluewire::blocking::Server::bind_with("[::]:443", ServerOptions::default().tls(tls))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    /// Its identity and provider, unless the configuration came ready-made.
    parts: Option<Arc<(Identity, Provider)>>,
}

impl ServerTls {
    /// A server with this certificate: its chain in PEM, itself first, and its key.
    ///
    /// # Errors
    ///
    /// [`TlsError::Settings`] if they are not PEM, or do not belong together, or if this crate was
    /// built without cryptography.
    pub fn new(chain_pem: impl AsRef<[u8]>, key_pem: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        Self::with_provider(Provider::usual()?, chain_pem, key_pem)
    }

    /// The same with this cryptography instead of the [usual one](super#cryptography).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_provider(
        provider: Provider,
        chain_pem: impl AsRef<[u8]>,
        key_pem: impl AsRef<[u8]>,
    ) -> Result<Self, TlsError> {
        let identity = Identity::from_pem(chain_pem.as_ref(), key_pem.as_ref())?;
        let config = config(&identity, &provider, None)?;
        Ok(Self { config, parts: Some(Arc::new((identity, provider))) })
    }

    /// Lets only clients in that show a certificate which leads to a root in this PEM text.
    ///
    /// # Errors
    ///
    /// [`TlsError::Settings`] if there is no root in it, or if this was made from a ready-made
    /// configuration.
    pub fn require_client_certificate(
        mut self,
        roots_pem: impl AsRef<[u8]>,
    ) -> Result<Self, TlsError> {
        let Some(parts) = &self.parts else {
            let why = "a ready-made configuration says itself whom it lets in";
            return Err(TlsError::Settings(why.to_owned()));
        };
        let mut roots = RootCertStore::empty();
        for root in certificates(roots_pem.as_ref())? {
            roots.add(root).map_err(|error| TlsError::Settings(format!("the root: {error}")))?;
        }
        self.config = config(&parts.0, &parts.1, Some(roots))?;
        Ok(self)
    }

    /// Takes a configuration with settings of its own.
    pub(super) const fn ready_made(config: Arc<ServerConfig>) -> Self {
        Self { config, parts: None }
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

fn config(
    identity: &Identity,
    provider: &Provider,
    roots: Option<RootCertStore>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider.inner()))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Settings(format!("the provider: {error}")))?;
    let builder = match roots {
        None => builder.with_no_client_auth(),
        Some(roots) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(
                Arc::new(roots),
                Arc::clone(provider.inner()),
            );
            let verifier = verifier.build();
            builder.with_client_cert_verifier(
                verifier.map_err(|error| TlsError::Settings(format!("the roots: {error}")))?,
            )
        }
    };
    let resolver = SingleCertAndKey::from(identity.certified(provider)?);
    let mut config = builder.with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}
