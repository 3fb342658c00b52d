//! The environment variables that name proxies, as curl reads them.

use super::Proxy;
use super::choice::Proxies;

impl Proxies {
    /// Takes the proxies that the environment of this process names now.
    pub(crate) fn set_from_environment(&mut self) {
        self.set_from(|name| std::env::var(name).ok());
    }

    /// RFC 6455, section 4.1, encourages those who do not know better "to prefer the proxy
    /// configured for HTTPS connections over the proxy configured for HTTP connections", since the
    /// latter might know no CONNECT. Here the user knows better: the variables can be set apart, and
    /// who leaves one out wants no proxy there.
    fn set_from(&mut self, lookup: impl Fn(&str) -> Option<String>) {
        // An empty variable counts as unset.
        let first = |names: &[&str]| {
            names.iter().filter_map(|name| lookup(name)).find(|value| !value.trim().is_empty())
        };
        let proxy =
            |names: &[&str]| first(names).map(|url| url.trim().parse::<Proxy>()).transpose();
        // A server hands `Proxy`, a header of whoever asks, to its CGI programs as `HTTP_PROXY`.
        // To them, REQUEST_METHOD is known (RFC 3875, section 4.1.12).
        let http: &[_] = match lookup("REQUEST_METHOD") {
            Some(_) => &["http_proxy", "all_proxy", "ALL_PROXY"],
            None => &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
        };
        self.ws = proxy(http);
        self.wss = proxy(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]);
        if let Some(list) = first(&["no_proxy", "NO_PROXY"]) {
            self.exceptions.add(&list);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::error::ProxyUrlError;

    /// The proxies for `ws://server.example/` and `wss://server.example/` in this environment.
    fn chosen(variables: &[(&str, &str)]) -> [Result<Option<String>, ProxyUrlError>; 2] {
        let mut proxies = Proxies::default();
        proxies.set_from(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        [false, true].map(|secure| {
            let chosen = proxies.choose(secure, "server.example", 80)?;
            Ok(chosen.map(|proxy| proxy.to_string()))
        })
    }

    #[test]
    fn each_scheme_has_its_variables() {
        let (a, b, c) = (Some("http://a:1"), Some("http://b:2"), Some("socks5h://c:3"));
        for (variables, expected) in [
            (&[][..], [None, None]),
            (&[("http_proxy", "http://a:1")], [a, None]),
            (&[("HTTP_PROXY", "a:1"), ("https_proxy", "b:2")], [a, b]),
            (&[("http_proxy", "a:1"), ("HTTP_PROXY", "b:2")], [a, None]),
            (&[("HTTPS_PROXY", " b:2\n")], [None, b]),
            (&[("ALL_PROXY", "socks5h://c:3"), ("https_proxy", "b:2")], [c, b]),
            (&[("all_proxy", "socks5h://c:3"), ("ALL_PROXY", "b:2")], [c, c]),
            (&[("http_proxy", ""), ("HTTP_PROXY", " "), ("ALL_PROXY", "b:2")], [b, b]),
            (&[("http_proxy", "a:1"), ("NO_PROXY", ".example")], [None, None]),
            (&[("http_proxy", "a:1"), ("no_proxy", "x"), ("NO_PROXY", ".example")], [a, None]),
            (&[("HTTP_PROXY", "a:1"), ("REQUEST_METHOD", "GET")], [None, None]),
            (&[("http_proxy", "a:1"), ("REQUEST_METHOD", "GET")], [a, None]),
            (&[("HTTPS_PROXY", "b:2"), ("REQUEST_METHOD", "")], [None, b]),
        ] {
            let expected = expected.map(|proxy| Ok(proxy.map(str::to_owned)));
            assert_eq!(chosen(variables), expected, "{variables:?}");
        }
    }

    #[test]
    fn a_malformed_variable_is_reported_where_it_counts() {
        let bad = ("http_proxy", "https://a:1");
        assert_eq!(chosen(&[bad]), [Err(ProxyUrlError::Https), Ok(None)]);
        assert_eq!(chosen(&[bad, ("no_proxy", "*")]), [Ok(None), Ok(None)]);
    }
}
