//! Where to connect and how.

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

/// Where to connect and how: a URL, headers, subprotocols, settings.
///
/// A URL alone turns into it by itself.
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
    /// A connection to this URL, whose scheme is `ws`, or `wss` for one over TLS, or `ws+unix` for one
    /// through a Unix socket, where no address is looked up and no proxy taken (see [`Url`]). A user name and a
    /// password in it, percent-encoded, make the header `Authorization` (Basic), unless that is
    /// [set](Self::header).
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

    /// Adds a header to the request, after those that the handshake owns, in this order and
    /// spelling. Those (`Host`, `Upgrade`, `Connection`, `Sec-WebSocket-*`...) may not be set.
    /// `Debug` shows the names only.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.0.push((name.into(), value.into()));
        self
    }

    /// Offers a subprotocol; the first offered is the most wanted.
    #[must_use]
    pub fn protocol(mut self, protocol: impl Into<String>) -> Self {
        self.protocols.push(protocol.into());
        self
    }

    /// Offers several subprotocols, the most wanted first.
    #[must_use]
    pub fn protocols<P: Into<String>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.protocols.extend(protocols.into_iter().map(Into::into));
        self
    }

    /// Sets limits and timeouts, the handshake's among them.
    #[must_use]
    pub fn config(mut self, config: impl Into<Arc<Config>>) -> Self {
        self.config = config.into();
        self.put_deflate();
        self
    }

    /// Offers the server compression of messages (RFC 7692), which it may decline. It replaces what
    /// the [`config`](Self::config) says of it, whichever is set first.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, deflate: crate::Deflate) -> Self {
        self.deflate = Some(deflate);
        self.put_deflate();
        self
    }

    /// Connects to these addresses, the most wanted first, in place of those that the host's name
    /// stands for. The name is what the request asks for all the same. A [proxy](Self::proxy) is told
    /// the first of them.
    #[must_use]
    pub fn addresses(mut self, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.addresses = Some(addresses.into_iter().collect());
        self
    }

    /// Sets how long the lookup of the host's name may take. 5 seconds by default.
    #[must_use]
    pub fn resolve_timeout(mut self, timeout: Duration) -> Self {
        self.resolve_timeout = timeout;
        self
    }

    /// Sets how long TCP may take to connect, over all addresses of the host. 10 seconds by
    /// default.
    ///
    /// The addresses are raced (RFC 8305): the families in turn, the next one after 250 ms or as
    /// soon as one has failed. The first that answers is taken.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long the handshake of TLS may take. 10 seconds by default.
    #[cfg(feature = "_tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    #[must_use]
    pub fn tls_timeout(mut self, timeout: Duration) -> Self {
        self.tls_timeout = timeout;
        self
    }

    /// Sets how long all may take together, from the call until the connection is open. 30 seconds
    /// by default. The opening handshake alone may take
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

    /// Connects again after attempts that failed and connections that were lost; see
    /// [`reconnect`](crate::reconnect).
    ///
    /// For the callback facade, and for `Reconnecting` of either adapter. A `connect` makes one
    /// attempt all the same.
    #[must_use]
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = Some(reconnect);
        self
    }

    /// Sets what is trusted where the URL is `wss`.
    #[cfg(feature = "_tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// All of this, with the parts of the URL and the values of headers that `Debug` leaves out.
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
