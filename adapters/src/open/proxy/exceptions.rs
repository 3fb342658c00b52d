//! Servers that are reached without the proxy.

use std::net::IpAddr;

/// A list such as that of `NO_PROXY`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exceptions(Vec<Exception>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Exception {
    servers: Servers,
    /// Any, if there is none.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Servers {
    All,
    /// This name, and all that end in a dot and it.
    Name(String),
    /// The addresses that have these bits in common.
    Network(IpAddr, u8),
}

/// The length of the prefix before an IPv4 address in the form of IPv6.
const MAPPED_BITS: u8 = 96;

impl Exceptions {
    /// Adds the entries between commas or white space. A malformed entry excepts nothing.
    pub(super) fn add(&mut self, list: &str) {
        let entries = list.split([',', ' ', '\t', '\r', '\n']).filter(|entry| !entry.is_empty());
        self.0.extend(entries.map(Exception::new));
    }

    /// Whether this server is one of them; an address stands without brackets.
    pub(super) fn contain(&self, host: &str, port: u16) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let address = host.parse().ok().map(|address: IpAddr| address.to_canonical());
        self.0.iter().any(|exception| {
            exception.port.is_none_or(|only| only == port)
                && exception.servers.contain(&host, address)
        })
    }
}

impl Exception {
    fn new(entry: &str) -> Self {
        // A whole address may have colons of its own.
        if let Some(servers) = Servers::network(entry) {
            return Self { servers, port: None };
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => match port.parse() {
                Ok(port) => (host, Some(port)),
                Err(_) => (entry, None),
            },
            None => (entry, None),
        };
        Self { servers: Servers::new(host), port }
    }
}

impl Servers {
    fn new(host: &str) -> Self {
        if host == "*" {
            return Self::All;
        }
        let unbracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        Self::network(unbracketed.unwrap_or(host)).unwrap_or_else(|| {
            // With and without the dot in front it means the same, as curl has it.
            let name = host.strip_prefix('*').unwrap_or(host).trim_matches('.');
            Self::Name(name.to_ascii_lowercase())
        })
    }

    /// An address, or the addresses that CIDR writes so.
    fn network(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let bits: u8 = bits.unwrap_or(bits_max);
        if bits > bits_max {
            return None;
        }
        // An IPv4 address in the form of IPv6 (RFC 4291, section 2.5.5.2) is one of IPv4, in a list
        // as in a URL.
        Some(match (address.to_canonical(), bits.checked_sub(MAPPED_BITS)) {
            (IpAddr::V4(mapped), Some(bits)) if address.is_ipv6() => {
                Self::Network(mapped.into(), bits)
            }
            _ => Self::Network(address, bits),
        })
    }

    fn contain(&self, host: &str, address: Option<IpAddr>) -> bool {
        match self {
            Self::All => true,
            Self::Name(name) if name.is_empty() || address.is_some() => false,
            Self::Name(name) => host
                .strip_suffix(name.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
            Self::Network(network, bits) => match (network, address) {
                (IpAddr::V4(network), Some(IpAddr::V4(address))) => {
                    same(network.to_bits().into(), address.to_bits().into(), 32 - bits)
                }
                (IpAddr::V6(network), Some(IpAddr::V6(address))) => {
                    same(network.to_bits(), address.to_bits(), 128 - bits)
                }
                _ => false,
            },
        }
    }
}

/// Whether they differ in nothing but their last bits.
fn same(network: u128, address: u128, last: u8) -> bool {
    (network ^ address).checked_shr(last.into()).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excepts(list: &str, host: &str, port: u16) -> bool {
        let mut exceptions = Exceptions::default();
        exceptions.add(list);
        exceptions.contain(host, port)
    }

    #[test]
    fn each_kind_excepts_what_it_names() {
        for (list, servers, others) in [
            ("*", &["a", "192.0.2.1", "::1"][..], &[][..]),
            (
                "example.com",
                &["example.com", "Example.COM", "a.b.example.com", "example.com."],
                &["badexample.com", "example.com.org", "com", "example"],
            ),
            (".Example.com", &["example.com", "a.example.com"], &["aexample.com"]),
            ("*.example.com.", &["a.example.com"], &["aexample.com"]),
            ("192.0.2.1", &["192.0.2.1", "::ffff:192.0.2.1"], &["192.0.2.10", "1.192.0.2.1"]),
            ("2.1", &[], &["192.0.2.1"]),
            (
                "::ffff:127.0.0.1",
                &["127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1"],
                &["127.0.0.2"],
            ),
            ("[::ffff:7f00:1]", &["127.0.0.1"], &["127.0.0.2", "::1"]),
            ("::ffff:10.0.0.0/104", &["10.1.2.3", "::ffff:10.1.2.3"], &["11.0.0.0", "name"]),
            ("::ffff:0.0.0.0/96", &["192.0.2.1"], &["::1"]),
            ("::ffff:0.0.0.0/95", &[], &["::1"]),
            ("192.0.2.0/24", &["192.0.2.0", "192.0.2.255"], &["192.0.3.0", "name", "::1"]),
            ("10.1.2.3/8", &["10.0.0.0"], &["11.0.0.0"]),
            ("0.0.0.0/0", &["192.0.2.1"], &["::1", "name"]),
            ("::/0", &["::1"], &["192.0.2.1"]),
            ("2001:db8::/32", &["2001:db8:1::"], &["2001:db9::"]),
            ("::1", &["::1"], &["::2"]),
            ("[::1]", &["::1"], &["::2"]),
            ("a,b\tc  d,,\n[::1] , e", &["a", "b", "c", "d", "e", "::1"], &["f", ""]),
            ("", &[], &["a"]),
            (".", &[], &["a", "a.b"]),
            ("10.0.0.0/33,10.0.0.0/x,[::1,1::2::3", &[], &["10.0.0.0", "::1"]),
        ] {
            for server in servers {
                assert!(excepts(list, server, 80), "{list:?} does not except {server}");
            }
            for other in others {
                assert!(!excepts(list, other, 80), "{list:?} excepts {other}");
            }
        }
    }

    #[test]
    fn a_port_restricts_it() {
        for (list, host) in [
            ("example.com:81", "a.example.com"),
            ("192.0.2.1:81", "192.0.2.1"),
            ("192.0.2.0/24:81", "192.0.2.1"),
            ("[2001:db8::1]:81", "2001:db8::1"),
            ("*:81", "a"),
        ] {
            assert!(excepts(list, host, 81), "{list}");
            assert!(!excepts(list, host, 80), "{list}");
        }
    }
}
