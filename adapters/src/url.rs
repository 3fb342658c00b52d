//! WebSocket URIs (section 3).

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// A `ws` or `wss` URI, taken apart.
///
/// ```
/// use bluewire::Url;
///
/// let url: Url = "ws://[::1]:9001/chat?room=1".parse()?;
/// assert_eq!((url.host(), url.port(), url.resource_name()), ("[::1]", 9001, "/chat?room=1"));
/// # Ok::<(), bluewire::UrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    secure: bool,
    host: String,
    port: u16,
    resource_name: String,
}

impl Url {
    /// Whether the scheme is `wss`.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host, in lower case; an IPv6 literal in its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port: 80 for `ws` and 443 for `wss` where none is given.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The path, or `/`, and the query.
    #[must_use]
    pub fn resource_name(&self) -> &str {
        &self.resource_name
    }

    const fn default_port(secure: bool) -> u16 {
        if secure { 443 } else { 80 }
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
        let secure = match scheme {
            _ if scheme.eq_ignore_ascii_case("ws") => false,
            _ if scheme.eq_ignore_ascii_case("wss") => true,
            _ => return Err(UrlError::Scheme),
        };
        // 3: "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT
        // be used on these URIs."
        if rest.contains('#') {
            return Err(UrlError::Fragment);
        }
        let (authority, resource) =
            rest.split_at(rest.find(['/', '?', '\\']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = split_authority(authority)?;
        let port = match port {
            None => Self::default_port(secure),
            Some(port) => parse_port(port)?,
        };
        Ok(Self {
            secure,
            host: check_host(host)?,
            port,
            resource_name: encode_resource(resource)?,
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "wss" } else { "ws" };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port != Self::default_port(self.secure) {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.resource_name)
    }
}

fn split_authority(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    let after_literal = match authority.strip_prefix('[') {
        Some(literal) => 1 + literal.find(']').ok_or(UrlError::Host)? + 1,
        None => 0,
    };
    let (literal, rest) = authority.split_at(after_literal);
    match rest.split_once(':') {
        None if literal.is_empty() => Ok((rest, None)),
        None if rest.is_empty() => Ok((literal, None)),
        Some((name, port)) if literal.is_empty() => Ok((name, Some(port))),
        Some(("", port)) => Ok((literal, Some(port))),
        _ => Err(UrlError::Host),
    }
}

fn parse_port(port: &str) -> Result<u16, UrlError> {
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UrlError::Port);
    }
    match port.parse() {
        Ok(0) | Err(_) => Err(UrlError::Port),
        Ok(port) => Ok(port),
    }
}

fn check_host(host: &str) -> Result<String, UrlError> {
    if let Some(literal) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return match literal.parse::<Ipv6Addr>() {
            Ok(address) => Ok(format!("[{address}]")),
            Err(_) => Err(UrlError::Host),
        };
    }
    if !host.is_ascii() {
        return Err(UrlError::HostNotAscii);
    }
    let lawful = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if host.is_empty() || !host.bytes().all(lawful) {
        return Err(UrlError::Host);
    }
    Ok(host.to_ascii_lowercase())
}

/// 3: "The path component is optional"; "/" stands for none. What is not ASCII is
/// percent-encoded, as a browser does it.
fn encode_resource(resource: &str) -> Result<String, UrlError> {
    let mut encoded = String::with_capacity(resource.len() + 1);
    if !resource.starts_with('/') {
        encoded.push('/');
    }
    for char in resource.chars() {
        match char {
            '\\' | '\0'..=' ' | '\x7f' => return Err(UrlError::Resource),
            '!'..='~' => encoded.push(char),
            _ => {
                for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                    encoded.push_str(&format!("%{byte:02X}"));
                }
            }
        }
    }
    Ok(encoded)
}

/// Why a URL is not one of a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// The scheme is neither `ws` nor `wss`.
    Scheme,
    /// It has a fragment; a `#` that is meant must be written `%23`.
    Fragment,
    /// It has a user name or a password, which belong into an `Authorization` header.
    UserInfo,
    /// The host is missing, or is not a name or an address.
    Host,
    /// The host has letters beyond ASCII; write it in its `xn--` form.
    HostNotAscii,
    /// The port is not a number from 1 to 65535.
    Port,
    /// The path or the query has a space, a control character or a backslash, which must be
    /// percent-encoded.
    Resource,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the URL's scheme must be ws or wss",
            Self::Fragment => "a WebSocket URL has no fragment; write a literal # as %23",
            Self::UserInfo => "put credentials into an Authorization header, not into the URL",
            Self::Host => "the URL's host is missing or malformed",
            Self::HostNotAscii => "write the URL's host in ASCII, in its xn-- form",
            Self::Port => "the URL's port must be a number from 1 to 65535",
            Self::Resource => {
                "percent-encode spaces, control characters and backslashes in the URL's path"
            }
        })
    }
}

impl std::error::Error for UrlError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> Result<(bool, String, u16, String), UrlError> {
        let Url { secure, host, port, resource_name } = url.parse()?;
        Ok((secure, host, port, resource_name))
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        for (url, secure, host, port, resource) in [
            ("ws://h", false, "h", 80, "/"),
            ("WSS://H", true, "h", 443, "/"),
            ("ws://h?x=1", false, "h", 80, "/?x=1"),
            ("ws://h:8088/a?b/c?d", false, "h", 8088, "/a?b/c?d"),
            ("ws://[0:0::1]:9/", false, "[::1]", 9, "/"),
            ("wss://127.0.0.1", true, "127.0.0.1", 443, "/"),
            ("ws://h/ü", false, "h", 80, "/%C3%BC"),
        ] {
            let expected = (secure, host.to_owned(), port, resource.to_owned());
            assert_eq!(parts(url), Ok(expected), "{url}");
        }
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for (url, error) in [
            ("http://h", UrlError::Scheme),
            ("h", UrlError::Scheme),
            ("ws:/h", UrlError::Scheme),
            ("ws://", UrlError::Host),
            ("ws:///a", UrlError::Host),
            ("ws://h h", UrlError::Host),
            ("ws://[::1", UrlError::Host),
            ("ws://[::1]x", UrlError::Host),
            ("ws://[::g]", UrlError::Host),
            ("ws://ü/", UrlError::HostNotAscii),
            ("ws://h:", UrlError::Port),
            ("ws://h:0", UrlError::Port),
            ("ws://h:99999", UrlError::Port),
            ("ws://h:+80", UrlError::Port),
            ("ws://h/a#b", UrlError::Fragment),
            ("ws://h#", UrlError::Fragment),
            ("ws://u:p@h", UrlError::UserInfo),
            ("ws://h/a b", UrlError::Resource),
            ("ws://h/a\r\nb", UrlError::Resource),
            ("ws://h\\a", UrlError::Resource),
        ] {
            assert_eq!(parts(url), Err(error), "{url}");
        }
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        for url in ["ws://h/", "wss://h:8443/a?b", "ws://[::1]:9/"] {
            assert_eq!(url.parse::<Url>().map(|url| url.to_string()), Ok(url.to_owned()));
        }
    }
}
