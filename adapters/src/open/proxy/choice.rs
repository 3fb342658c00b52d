//! Which proxy to take for a server.

use super::Proxy;
use super::exceptions::Exceptions;
use crate::open::error::ProxyUrlError;

/// The proxies that there are, and for whom they are not.
#[derive(Clone, Debug)]
pub(crate) struct Proxies {
    /// Given by the program: for both, whatever the environment says.
    given: Option<Proxy>,
    pub(super) ws: Result<Option<Proxy>, ProxyUrlError>,
    pub(super) wss: Result<Option<Proxy>, ProxyUrlError>,
    pub(super) exceptions: Exceptions,
}

impl Proxies {
    /// Takes this proxy for all but the exceptions.
    pub(crate) fn set(&mut self, proxy: Proxy) {
        self.given = Some(proxy);
    }

    /// Excepts these servers.
    pub(crate) fn except(&mut self, list: &str) {
        self.exceptions.add(list);
    }

    /// The proxy to this server, whose address stands without brackets.
    pub(crate) fn choose(
        &self,
        secure: bool,
        host: &str,
        port: u16,
    ) -> Result<Option<Proxy>, ProxyUrlError> {
        let proxy = if secure { &self.wss } else { &self.ws };
        match proxy {
            _ if self.given.is_some() && !self.exceptions.contain(host, port) => {
                Ok(self.given.clone())
            }
            Ok(None) => Ok(None),
            _ if self.exceptions.contain(host, port) => Ok(None),
            proxy => proxy.clone(),
        }
    }
}

impl Default for Proxies {
    fn default() -> Self {
        Self { given: None, ws: Ok(None), wss: Ok(None), exceptions: Exceptions::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_set_is_for_all_but_the_exceptions() {
        let proxy: Proxy = "proxy:3128".parse().expect("it is one");
        let mut proxies = Proxies::default();
        assert_eq!(proxies.choose(false, "server", 80), Ok(None));
        proxies.except("near");
        proxies.set(proxy.clone());
        proxies.except("10.0.0.0/8");
        for (host, chosen) in [("near", None), ("10.0.0.1", None), ("far", Some(proxy))] {
            for secure in [false, true] {
                assert_eq!(proxies.choose(secure, host, 80), Ok(chosen.clone()));
            }
        }
    }
}
