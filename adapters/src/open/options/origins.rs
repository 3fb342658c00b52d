//! Which web pages may connect, and under which names they may ask for the server.

use std::net::{Ipv4Addr, Ipv6Addr};

use bluewire_core::Offer;

/// Which web pages may connect to a server (10.2).
///
/// A browser lets any page connect to any server, and sends the user's cookies for that server. The
/// header `Origin` names the page. Other programs send no `Origin`, and every policy accepts them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginPolicy {
    /// Pages with the host and the port of the request. If clients reach the server over TLS, its own
    /// or that of a proxy ([`AcceptOptions::over_tls`](crate::AcceptOptions::over_tls)), only `https`
    /// pages: a page that was loaded over `http` may have been changed on the way.
    ///
    /// The owner of a page can point a name of their own at your machine (DNS rebinding). Therefore a
    /// server on a loopback address, such as 127.0.0.1, accepts only pages under an IP address or
    /// `localhost`, unless [`AcceptOptions::hosts`](crate::AcceptOptions::hosts) lists its names.
    /// Servers in a private network should list their names, too.
    #[default]
    SameOrigin,
    /// Pages of these origins, such as `https://example.com`. Case does not matter.
    Listed(Vec<String>),
    /// All pages. Use it only if neither cookies nor the network identify your users.
    Any,
}

impl OriginPolicy {
    /// Whether the page that asks, if any, may connect.
    pub(super) fn allows(&self, offer: &Offer, over_tls: bool) -> bool {
        let Some(origin) = offer.origin() else { return true };
        match self {
            Self::SameOrigin => {
                let is_secure = origin
                    .get(..HTTPS.len())
                    .is_some_and(|scheme| scheme.eq_ignore_ascii_case(HTTPS));
                !offer.is_cross_origin() && (is_secure || !over_tls)
            }
            Self::Listed(origins) => {
                origins.iter().any(|listed| listed.eq_ignore_ascii_case(origin))
            }
            Self::Any => true,
        }
    }
}

const HTTPS: &str = "https://";

/// How clients reach a server, as far as its adapter knows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reach {
    /// The server speaks TLS itself.
    pub(crate) tls: bool,
    /// It listens on a loopback address.
    pub(crate) loopback: bool,
}

/// Whether one of these names, each perhaps with its port, is the one that a client asks for.
pub(super) fn is_listed(hosts: &[String], asked: &str) -> bool {
    hosts.iter().any(|host| {
        let asked = if port(host).is_some() { asked } else { name(asked) };
        without_dot(host).eq_ignore_ascii_case(without_dot(asked))
    })
}

/// Whether the name that a client asks for cannot belong to somebody else: an address, or
/// `localhost`.
pub(super) fn is_of_this_machine(asked: &str) -> bool {
    let name = without_dot(name(asked));
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    // RFC 6761, section 6.3: the names of the domain localhost are those of this machine.
    let is_local =
        name.rsplit('.').next().is_some_and(|domain| domain.eq_ignore_ascii_case("localhost"));
    is_local || bare.parse::<Ipv6Addr>().is_ok() || bare.parse::<Ipv4Addr>().is_ok()
}

/// A host without its port.
fn name(host: &str) -> &str {
    let port_len = port(host).map_or(0, |port| 1 + port.len());
    &host[..host.len() - port_len]
}

fn port(host: &str) -> Option<&str> {
    let (name, port) = host.rsplit_once(':')?;
    // The last part of an IPv6 address is not a port.
    let is_port = name.ends_with(']') || !name.contains(['[', ':']);
    is_port.then_some(port)
}

fn without_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_with_or_without_a_port() {
        let list = ["Example.com", "other.example:8443", "[::1]", "10.0.0.1"].map(str::to_owned);
        for host in [
            "example.com",
            "EXAMPLE.com:81",
            "example.com.",
            "other.example:8443",
            "[::1]",
            "[::1]:80",
            "10.0.0.1:9",
        ] {
            assert!(is_listed(&list, host), "{host}");
        }
        for host in ["a.example.com", "other.example", "other.example:80", "[::2]", "", "com"] {
            assert!(!is_listed(&list, host), "{host}");
        }
    }

    #[test]
    fn an_address_and_localhost_are_of_this_machine() {
        let own =
            ["localhost", "LOCALHOST:80", "a.localhost.", "127.0.0.1:1", "[::1]:1", "10.0.0.1"];
        for host in own {
            assert!(is_of_this_machine(host), "{host}");
        }
        for host in ["attacker.example", "localhost.example:80", "127.0.0.1.example", ""] {
            assert!(!is_of_this_machine(host), "{host}");
        }
    }
}
