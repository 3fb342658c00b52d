//! The TLS settings of a client.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore, SignatureScheme};

use super::verify::{Trust, Verifier};
use super::{ALPN, Identity, Provider, TlsError, certificates};

/// A client's settings for TLS; see [the module](super).
///
/// By default the server's certificate must lead to one of Mozilla's roots, as they were when this
/// library was built. Clones share what they remember of sessions.
///
/// The order of settings does not matter. If settings contradict each other, such as a pin and
/// [`dangerously_accept_any_certificate`](Self::dangerously_accept_any_certificate) or added roots,
/// connecting fails with [`TlsError::Settings`] before anything is sent.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    settings: Settings,
    /// Made when it is first needed.
    config: OnceLock<Arc<ClientConfig>>,
}

#[derive(Clone, Default)]
struct Settings {
    /// Begun with a configuration of rustls, which has settings of its own.
    ready_made: bool,
    provider: Option<Provider>,
    no_default_roots: bool,
    #[cfg(feature = "platform-verifier")]
    platform_verifier: bool,
    roots: Vec<CertificateDer<'static>>,
    pins: Vec<[u8; 32]>,
    accept_any: bool,
    identity: Option<Arc<Identity>>,
    #[cfg(feature = "async-tls")]
    async_tls: Option<async_tls::TlsConnector>,
}

impl Tls {
    /// Also trusts the certificate authorities in this PEM text.
    ///
    /// # Errors
    ///
    /// [`TlsError::Settings`] if it has none.
    pub fn root_pem(self, pem: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        let roots = certificates(pem.as_ref())?;
        for root in &roots {
            RootCertStore::empty()
                .add(root.clone())
                .map_err(|error| TlsError::Settings(format!("the root: {error}")))?;
        }
        Ok(self.with(|settings| settings.roots.extend(roots)))
    }

    /// Trusts only the roots that are added.
    #[must_use]
    pub fn no_default_roots(self) -> Self {
        self.with(|settings| settings.no_default_roots = true)
    }

    /// Trusts the certificate authorities of the operating system, in place of Mozilla's. rustls
    /// verifies; see [the module](super#whose-roots) for the difference from `platform_verifier`.
    ///
    /// # Errors
    ///
    /// [`TlsError::Settings`] if the system has none to show.
    #[cfg(feature = "platform-roots")]
    pub fn platform_roots(self) -> Result<Self, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let (mut roots, mut store) = (Vec::new(), RootCertStore::empty());
        // Systems have some that no verifier can read; the others count.
        roots.extend(found.certs.into_iter().filter(|root| store.add(root.clone()).is_ok()));
        if roots.is_empty() {
            let why = found.errors.first().map(ToString::to_string);
            let why = why.unwrap_or_else(|| "there are none".to_owned());
            return Err(TlsError::Settings(format!("the system's roots: {why}")));
        }
        Ok(self.no_default_roots().with(|settings| settings.roots.extend(roots)))
    }

    /// Lets the operating system verify servers' certificates, in place of Mozilla's roots, with
    /// any added roots beside its own; see [the module](super#whose-roots).
    ///
    /// On Android, initialize the crate `rustls-platform-verifier` first, and add no roots. A
    /// system that cannot verify fails the attempt to connect by [`TlsError::Settings`].
    #[cfg(feature = "platform-verifier")]
    #[cfg_attr(docsrs, doc(cfg(feature = "platform-verifier")))]
    #[must_use]
    pub fn platform_verifier(self) -> Self {
        self.with(|settings| settings.platform_verifier = true)
    }

    /// Accepts only the certificate with this SHA-256 fingerprint, in hexadecimal, with or without
    /// colons, as `openssl x509 -fingerprint -sha256` prints it. A second call adds another
    /// fingerprint.
    ///
    /// The names, dates and issuer of the certificate do not matter then. Use it for a device with a
    /// self-signed certificate. The server must still prove that it has the key. You cannot combine a
    /// pin with added roots.
    ///
    /// # Errors
    ///
    /// [`TlsError::Settings`] if it is not a fingerprint.
    pub fn pin_sha256(self, fingerprint: &str) -> Result<Self, TlsError> {
        let digits = fingerprint.bytes().filter(|byte| *byte != b':');
        let digits: Option<Vec<u8>> = digits
            .map(|byte| (byte as char).to_digit(16).and_then(|d| d.try_into().ok()))
            .collect();
        let bytes = digits.as_deref().map(<[u8]>::as_chunks::<2>);
        let pin: Option<[u8; 32]> = match bytes {
            Some((pairs, [])) => {
                let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
                bytes.try_into().ok()
            }
            _ => None,
        };
        let pin = pin.ok_or_else(|| {
            let why = "the pin is not a SHA-256 fingerprint, which has 64 hexadecimal digits";
            TlsError::Settings(why.to_owned())
        })?;
        Ok(self.with(|settings| settings.pins.push(pin)))
    }

    /// Sets the client certificate, for servers that ask for one: its chain, starting with the
    /// certificate itself, and its key.
    ///
    /// # Errors
    ///
    /// [`TlsError::Settings`] if they are not PEM, or do not belong together.
    pub fn client_certificate(
        self,
        chain_pem: impl AsRef<[u8]>,
        key_pem: impl AsRef<[u8]>,
    ) -> Result<Self, TlsError> {
        let identity = Identity::from_pem(chain_pem.as_ref(), key_pem.as_ref())?;
        // A provider may still be set; its absence is reported by connecting.
        if let Ok(provider) = self.0.settings.provider() {
            identity.certified(&provider)?;
        }
        Ok(self.with(|settings| settings.identity = Some(Arc::new(identity))))
    }

    /// Accepts any certificate. Anyone on the network path can then read and change everything. Use
    /// it only for tests; for a private certificate, [pin](Self::pin_sha256) it. You cannot combine
    /// it with pins or roots.
    #[must_use]
    pub fn dangerously_accept_any_certificate(self) -> Self {
        self.with(|settings| settings.accept_any = true)
    }

    /// Uses this cryptography instead of the [usual one](super#cryptography).
    #[must_use]
    pub fn provider(self, provider: Provider) -> Self {
        self.with(|settings| settings.provider = Some(provider))
    }

    /// Takes a configuration with settings of its own.
    pub(super) fn ready_made(config: Arc<ClientConfig>) -> Self {
        let settings = Settings { ready_made: true, ..Settings::default() };
        Self(Arc::new(Inner { settings, config: OnceLock::from(config) }))
    }

    /// Other settings start with another memory of sessions.
    fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.0.settings.clone();
        change(&mut settings);
        Self(Arc::new(Inner { settings, config: OnceLock::new() }))
    }

    /// Refuses settings that contradict each other or cannot be used, before anything is tried.
    pub(crate) fn check(&self) -> Result<(), TlsError> {
        self.0.settings.check()?;
        #[cfg(feature = "async-tls")]
        if self.async_tls().is_some() {
            return Ok(());
        }
        self.config().map(drop)
    }

    /// The configuration for rustls.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        if let Some(config) = self.0.config.get() {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.0.settings.config()?);
        Ok(Arc::clone(self.0.config.get_or_init(|| config)))
    }

    /// The same for servers that must not identify this client: without its certificate, and
    /// without remembered sessions in which it was shown. `None` if that is unknown, since the
    /// connector is one of async-tls.
    pub(crate) fn without_identity(&self) -> Option<Self> {
        #[cfg(feature = "async-tls")]
        if self.async_tls().is_some() {
            return None;
        }
        if self.0.settings.identity.is_some() {
            return Some(self.clone().with(|settings| settings.identity = None));
        }
        // A configuration that was ready is its own.
        match self.0.config.get() {
            Some(config) if config.client_auth_cert_resolver.has_certs() => {
                let mut config = ClientConfig::clone(config);
                config.client_auth_cert_resolver = Arc::new(Nobody);
                config.resumption = Resumption::default();
                Some(Self::ready_made(Arc::new(config)))
            }
            _ => Some(self.clone()),
        }
    }

    #[cfg(feature = "async-tls")]
    pub(crate) fn async_tls(&self) -> Option<&async_tls::TlsConnector> {
        self.0.settings.async_tls.as_ref()
    }
}

impl Settings {
    /// Refuses settings of which one would silently take the place of another.
    fn check(&self) -> Result<(), TlsError> {
        let roots = self.no_default_roots || !self.roots.is_empty();
        let (pins, any) = (!self.pins.is_empty(), self.accept_any);
        let system = self.platform_verifier();
        let own =
            roots || system || pins || any || self.identity.is_some() || self.provider.is_some();
        #[cfg(feature = "async-tls")]
        let connector = self.async_tls.is_some();
        #[cfg(not(feature = "async-tls"))]
        let connector = false;
        let why = match () {
            () if self.ready_made && (own || connector) => {
                "a ready-made configuration of rustls cannot be combined with other settings"
            }
            () if connector && own => {
                "a connector of async-tls cannot be combined with other settings"
            }
            () if any && (pins || roots || system) => {
                "dangerously_accept_any_certificate contradicts the pins and roots that are set"
            }
            () if pins && (system || !self.roots.is_empty()) => {
                "a pinned certificate and added roots contradict each other; keep one of them"
            }
            () if system && self.no_default_roots => {
                "platform_verifier trusts the system's roots, which no_default_roots and \
                 platform_roots replace; keep one of them"
            }
            () if self.ready_made || connector => return Ok(()),
            () => return self.provider().map(drop),
        };
        Err(TlsError::Settings(why.to_owned()))
    }

    fn provider(&self) -> Result<Provider, TlsError> {
        self.provider.clone().map_or_else(Provider::usual, Ok)
    }

    const fn platform_verifier(&self) -> bool {
        #[cfg(feature = "platform-verifier")]
        return self.platform_verifier;
        #[cfg(not(feature = "platform-verifier"))]
        false
    }

    fn config(&self) -> Result<ClientConfig, TlsError> {
        self.check()?;
        let provider = self.provider()?;
        let trust = self.trust(&provider)?;
        let builder = ClientConfig::builder_with_provider(Arc::clone(provider.inner()))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Settings(format!("the provider: {error}")))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier {
                trust,
                provider: provider.clone(),
            }));
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(
                identity.certified(&provider)?,
            ))),
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(config)
    }

    fn trust(&self, provider: &Provider) -> Result<Trust, TlsError> {
        if self.accept_any {
            return Ok(Trust::Any);
        }
        if !self.pins.is_empty() {
            if provider.sha256(b"").is_none() {
                let why = "a pin needs SHA-256, which the provider does not have";
                return Err(TlsError::Settings(why.to_owned()));
            }
            return Ok(Trust::Pinned(self.pins.clone()));
        }
        #[cfg(feature = "platform-verifier")]
        if self.platform_verifier {
            return self.platform_trust(provider);
        }
        let mut roots = RootCertStore::empty();
        if !self.no_default_roots {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        roots.add_parsable_certificates(self.roots.iter().cloned());
        let verifier = WebPkiServerVerifier::builder_with_provider(
            Arc::new(roots),
            Arc::clone(provider.inner()),
        );
        let verifier: Arc<dyn ServerCertVerifier> = verifier.build().map_err(|error| {
            TlsError::Settings(format!("nobody is trusted, since there is no root: {error}"))
        })?;
        Ok(Trust::Roots(verifier))
    }

    #[cfg(feature = "platform-verifier")]
    fn platform_trust(&self, provider: &Provider) -> Result<Trust, TlsError> {
        use rustls_platform_verifier::Verifier;

        let provider = Arc::clone(provider.inner());
        #[cfg(not(target_os = "android"))]
        let verifier = Verifier::new_with_extra_roots(self.roots.iter().cloned(), provider);
        #[cfg(target_os = "android")]
        let verifier = match self.roots.is_empty() {
            true => Verifier::new(provider),
            false => {
                let why = "the platform verifier of Android takes no added roots; put them into \
                           the app's network security configuration";
                return Err(TlsError::Settings(why.to_owned()));
            }
        };
        let verifier = verifier.map_err(|error| {
            TlsError::Settings(format!("the system cannot verify certificates: {error}"))
        })?;
        Ok(Trust::Roots(Arc::new(verifier)))
    }
}

/// A client without a certificate.
#[derive(Debug)]
struct Nobody;

impl ResolvesClientCert for Nobody {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Connects by the crate async-tls, with the settings that its connector has; see
/// [`async_tls`](super::async_tls) for its standing. Only the smol adapter can; the blocking one
/// refuses.
#[cfg(feature = "async-tls")]
impl From<async_tls::TlsConnector> for Tls {
    fn from(connector: async_tls::TlsConnector) -> Self {
        Self::default().with(|settings| settings.async_tls = Some(connector))
    }
}

impl Default for Tls {
    fn default() -> Self {
        static DEFAULT: OnceLock<Tls> = OnceLock::new();
        let default =
            || Self(Arc::new(Inner { settings: Settings::default(), config: OnceLock::new() }));
        DEFAULT.get_or_init(default).clone()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.0.settings;
        f.debug_struct("Tls")
            .field("default_roots", &!settings.no_default_roots)
            .field("roots", &settings.roots.len())
            .field("pins", &settings.pins.len())
            .field("platform_verifier", &settings.platform_verifier())
            .field("provider", &settings.provider.is_some())
            .field("accept_any", &settings.accept_any)
            .field("identity", &settings.identity.is_some())
            .finish_non_exhaustive()
    }
}

/// The name that the server must prove: the host of a URL.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    let name = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(name.to_owned()).map_err(|_| TlsError::HostName(host.to_owned()))
}
