//! Options of a client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::Config;

use super::cancel::Canceller;
use super::secret::{HeaderList, UrlText};
use crate::open::error::ConnectError;
use crate::open::proxy::choice::Proxies;
use crate::open::reconnect::Reconnect;
use crate::open::url::Url;
#[cfg(feature = "_tls")]
use crate::tls::Tls;

/// The options of a client: a URL, headers, subprotocols, TLS, proxies, timeouts.
///
/// Every function that takes options also takes a URL alone.
///
/// ```
/// use bluewire::ConnectOptions;
///
/// let options = ConnectOptions::new("ws://test:8088")
///     .header("content-type", "application/json")
///     .protocol("protocol");
/// ```
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    pub(crate) url: UrlText,
    pub(crate) headers: HeaderList,
    pub(crate) protocols: Vec<String>,
    pub(crate) config: Arc<Config>,
    #[cfg(feature = "deflate")]
    deflate: Option<crate::Deflate>,
    pub(crate) addresses: Option<Vec<SocketAddr>>,
    pub(crate) resolve_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) proxies: Proxies,
    pub(crate) proxy_timeout: Duration,
    pub(crate) tls_timeout: Duration,
    pub(crate) timeout: Duration,
    pub(crate) redirects_max: u32,
    pub(crate) canceller: Option<Canceller>,
    pub(crate) reconnect: Option<Reconnect>,
    #[cfg(feature = "_tls")]
    pub(crate) tls: Tls,
}

impl ConnectOptions {
    /// Connects to this URL. The scheme is `ws`, `wss` for TLS, or `ws+unix` for a Unix socket,
    /// which needs no address and no proxy; see [`Url`]. A percent-encoded user name and password
    /// in the URL become the header `Authorization` (Basic), unless you [set](Self::header) that
    /// header.
    pub fn new(url: impl Into<String>) -> Self {
        Self::with_url(UrlText::Unchecked(url.into()))
    }

    fn with_url(url: UrlText) -> Self {
        Self {
            url,
            headers: HeaderList::default(),
            protocols: Vec::new(),
            config: Arc::default(),
            #[cfg(feature = "deflate")]
            deflate: None,
            addresses: None,
            resolve_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(10),
            proxies: Proxies::default(),
            proxy_timeout: Duration::from_secs(10),
            tls_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            redirects_max: 0,
            canceller: None,
            reconnect: None,
            #[cfg(feature = "_tls")]
            tls: Tls::default(),
        }
    }

    /// Adds a header to the request. Headers keep their order and spelling, and follow those of the
    /// handshake. You cannot set the headers of the handshake: `Host`, `Upgrade`, `Connection`,
    /// `Sec-WebSocket-*` and those about a body. `Debug` shows the names without the values.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.0.push((name.into(), value.into()));
        self
    }

    /// Offers a subprotocol. Offer the preferred one first.
    #[must_use]
    pub fn protocol(mut self, protocol: impl Into<String>) -> Self {
        self.protocols.push(protocol.into());
        self
    }

    /// Offers several subprotocols, the preferred one first.
    #[must_use]
    pub fn protocols<P: Into<String>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.protocols.extend(protocols.into_iter().map(Into::into));
        self
    }

    /// Sets limits and timeouts, including the timeout of the opening handshake.
    #[must_use]
    pub fn config(mut self, config: impl Into<Arc<Config>>) -> Self {
        self.config = config.into();
        self.put_deflate();
        self
    }

    /// Offers compression of messages (RFC 7692). The server may decline. This replaces the setting
    /// in [`config`](Self::config), in whatever order you set them.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, deflate: crate::Deflate) -> Self {
        self.deflate = Some(deflate);
        self.put_deflate();
        self
    }

    /// Connects to these addresses, the preferred one first, without looking up the host's name. The
    /// request still names the host. A [proxy](Self::proxy) gets the first address.
    #[must_use]
    pub fn addresses(mut self, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.addresses = Some(addresses.into_iter().collect());
        self
    }

    /// Sets the timeout of the name lookup. 5 seconds by default.
    #[must_use]
    pub fn resolve_timeout(mut self, timeout: Duration) -> Self {
        self.resolve_timeout = timeout;
        self
    }

    /// Sets the timeout of the TCP connection, for all addresses of the host together. 10 seconds by
    /// default.
    ///
    /// The addresses are raced (RFC 8305), with alternating address families. The next attempt starts
    /// after 250 ms, or as soon as one has failed. The first connection wins.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the timeout of the TLS handshake. 10 seconds by default.
    #[cfg(feature = "_tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    #[must_use]
    pub fn tls_timeout(mut self, timeout: Duration) -> Self {
        self.tls_timeout = timeout;
        self
    }

    /// Sets the timeout of the whole attempt, from the call until the connection is open. 30 seconds
    /// by default. The opening handshake has its own timeout,
    /// [`Config::handshake_timeout`](bluewire_core::Config::handshake_timeout).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets this end the client, from any thread or task: the attempt, the wait before another one,
    /// and the open connection. See [`Canceller`].
    #[must_use]
    pub fn canceller(mut self, canceller: &Canceller) -> Self {
        self.canceller = Some(canceller.clone());
        self
    }

    /// Connects again after failed attempts and lost connections; see
    /// [`reconnect`](crate::reconnect).
    ///
    /// This applies to the callback API and to `Reconnecting` of each adapter. `connect` always
    /// makes one attempt.
    #[must_use]
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = Some(reconnect);
        self
    }

    /// Sets which certificates to trust for a `wss` URL.
    #[cfg(feature = "_tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Shows everything, including the parts of the URL and the values of headers that `Debug` hides.
    #[must_use]
    pub fn with_secrets(&self) -> String {
        let url = match &self.url {
            UrlText::Unchecked(text) => text.clone(),
            UrlText::Checked(url) => url.with_secrets(),
        };
        format!("{self:?} with the URL {url:?} and the headers {:?}", self.headers.0)
    }

    pub(crate) fn url(&self) -> Result<Url, ConnectError> {
        match &self.url {
            UrlText::Unchecked(text) => text.parse().map_err(ConnectError::Url),
            UrlText::Checked(url) => Ok(url.clone()),
        }
    }

    fn put_deflate(&mut self) {
        #[cfg(feature = "deflate")]
        if self.deflate.is_some() && self.config.deflate != self.deflate {
            Arc::make_mut(&mut self.config).deflate.clone_from(&self.deflate);
        }
    }
}

impl From<&str> for ConnectOptions {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for ConnectOptions {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

impl From<Url> for ConnectOptions {
    fn from(url: Url) -> Self {
        Self::with_url(UrlText::Checked(url))
    }
}

impl From<&Url> for ConnectOptions {
    fn from(url: &Url) -> Self {
        url.clone().into()
    }
}
