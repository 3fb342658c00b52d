//! `host [ ":" port ]`: in `Host`, in `Origin` and in an absolute request target.

use core::net::Ipv6Addr;

/// A host and what was said of its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    /// With its brackets if it is an IPv6 address.
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Reads all of `text`. User information before an `@` is refused.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let host_len = match text.strip_prefix('[') {
            Some(literal) => literal.find(']')?.saturating_add(2),
            None => text.find(':').unwrap_or(text.len()),
        };
        let (host, rest) = text.split_at_checked(host_len)?;
        if !is_host(host) {
            return None;
        }
        let digits = match rest {
            "" => "",
            _ => rest.strip_prefix(':')?,
        };
        // RFC 3986, section 3.2.3: "port = *DIGIT", so that it can be empty. `parse` alone would
        // take a sign.
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let port = if digits.is_empty() { None } else { Some(digits.parse().ok()?) };
        Some(Self { host, port })
    }

    /// Whether both are the same, if a port that is not given is `default_port`.
    pub(crate) fn matches(self, other: Self, default_port: u16) -> bool {
        let port = |authority: Self| authority.port.unwrap_or(default_port);
        self.host.eq_ignore_ascii_case(other.host) && port(self) == port(other)
    }
}

/// Whether this is a host in ASCII: a registered name, an IPv4 address, or an IPv6 address in
/// brackets (RFC 3986, section 3.2.2).
pub(crate) fn is_host(host: &str) -> bool {
    if let Some(literal) = host.strip_prefix('[') {
        return literal.strip_suffix(']').is_some_and(|v6| v6.parse::<Ipv6Addr>().is_ok());
    }
    !host.is_empty() && is_registered_name(host.as_bytes())
}

/// `reg-name = *( unreserved / pct-encoded / sub-delims )`
fn is_registered_name(mut name: &[u8]) -> bool {
    while let [byte, rest @ ..] = name {
        name = match (byte, rest) {
            (b'%', [a, b, rest @ ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => rest,
            (b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~', _) => rest,
            (b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=', _) => {
                rest
            }
            _ => return false,
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_be_followed_by_a_port() {
        let parse = |text| Authority::parse(text).map(|found| (found.host, found.port));
        assert_eq!(parse("example.com"), Some(("example.com", None)));
        assert_eq!(parse("example.com:"), Some(("example.com", None)));
        assert_eq!(parse("example.com:8080"), Some(("example.com", Some(8080))));
        assert_eq!(parse("127.0.0.1:65535"), Some(("127.0.0.1", Some(65535))));
        assert_eq!(parse("[::1]:9"), Some(("[::1]", Some(9))));
        assert_eq!(parse("[fe80::1]"), Some(("[fe80::1]", None)));
        assert_eq!(parse("a_b.x%2Dy"), Some(("a_b.x%2Dy", None)));
        assert_eq!(parse("a!$&'()*+,;=~-b"), Some(("a!$&'()*+,;=~-b", None)));
        for bad in [
            "",
            ":80",
            "::1",
            "a b",
            "a/b",
            "a@b",
            "a:b",
            "a:+1",
            "a:65536",
            "a:1:2",
            "[::1",
            "[]",
            "[::1]9",
            "[v]",
            "ü",
            "a%2",
            "a%zz",
            "a%2z",
            "a%z2",
            "a\"",
            "[fe80::1%25eth0]",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
