//! The options for proxies.

use std::time::Duration;

use super::ConnectOptions;
use crate::open::proxy::Proxy;

impl ConnectOptions {
    /// Connects through this proxy. Only the proxy's name is looked up; the proxy looks up the
    /// server's name. [`Proxy`] has one exception.
    ///
    /// ```
    /// use bluewire::ConnectOptions;
    ///
    /// let options = ConnectOptions::new("wss://server.example/")
    ///     .proxy("http://proxy.example:3128".parse()?)
    ///     .no_proxy("localhost, .internal, 10.0.0.0/8");
    /// # Ok::<(), bluewire::ProxyUrlError>(())
    /// ```
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxies.set(proxy);
        self
    }

    /// Uses the proxies that the environment names now: `http_proxy` for `ws`, `https_proxy` for
    /// `wss`, and `all_proxy` for both if the first two are missing. Hosts in `no_proxy` are reached
    /// directly. The names in capitals count if those in small letters are missing. `HTTP_PROXY` is
    /// ignored in a CGI program, because a client can set it there.
    ///
    /// Connecting fails if a variable is malformed.
    #[must_use]
    pub fn proxy_from_environment(mut self) -> Self {
        self.proxies.set_from_environment();
        self
    }

    /// Reaches these servers without a proxy. The list is separated by commas or white space. Each
    /// entry is a name, which includes its subdomains; an address, or a range in CIDR form; or `*`
    /// for all. An entry can end with `:` and a port. Names are not looked up for this. A second
    /// call adds to the list.
    #[must_use]
    pub fn no_proxy(mut self, list: &str) -> Self {
        self.proxies.except(list);
        self
    }

    /// Sets the timeout of the proxy: the time that it has to connect and to answer. 10 seconds by
    /// default.
    #[must_use]
    pub fn proxy_timeout(mut self, timeout: Duration) -> Self {
        self.proxy_timeout = timeout;
        self
    }
}
