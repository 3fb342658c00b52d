//! WebSocket URIs (section 3).

mod error;
mod reference;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
#[cfg(unix)]
use std::path::PathBuf;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use error::UrlError;

/// A `ws` or `wss` URI, taken apart.
///
/// ```
/// use bluewire::Url;
///
/// let url: Url = "ws://[::1]:9001/chat?room=1".parse()?;
/// assert_eq!((url.host(), url.port(), url.resource_name()), ("[::1]", 9001, "/chat?room=1"));
/// # Ok::<(), bluewire::UrlError>(())
/// ```
///
/// A user name and a password, percent-encoded, may stand before the host: they become the
/// request's `Authorization` (Basic, RFC 7617), unless that header is set. `Debug` and `Display` show
/// the URL without them.
///
/// On Unix, `ws+unix:///run/chat.sock:/resource?query` is one of a server behind a Unix socket: what
/// stands before the first `:` is the absolute path of the socket (percent-encode what is not
/// lawful in it, `:` and `?` too), what stands behind it the resource name, which may be left out. Its host
/// is `localhost`.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    secure: bool,
    host: String,
    port: u16,
    resource_name: String,
    /// The value of `Authorization`.
    authorization: Option<Box<str>>,
    /// The path of a Unix socket, percent-encoded.
    socket: Option<Box<str>>,
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

    /// The path of the socket, if the URL is one of a Unix socket.
    #[cfg(unix)]
    #[must_use]
    pub fn socket_path(&self) -> Option<PathBuf> {
        use std::ffi::OsString;
        use std::os::unix::ffi::OsStringExt as _;

        let path = percent_decoded(self.socket.as_deref()?)?;
        Some(OsString::from_vec(path).into())
    }

    /// Whether the server is behind a Unix socket: no name is looked up then, and no proxy asked.
    pub(crate) const fn is_local(&self) -> bool {
        self.socket.is_some()
    }

    /// The value of `Authorization` that user name and password make.
    pub(crate) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    const fn default_port(secure: bool) -> u16 {
        if secure { 443 } else { 80 }
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        let scheme = "ws+unix:";
        if url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)) {
            return of_socket(&url[scheme.len()..]);
        }
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
        let (user_info, server) = match authority.rsplit_once('@') {
            Some((user_info, server)) => (Some(user_info).filter(|info| !info.is_empty()), server),
            None => (None, authority),
        };
        let (host, port) = split_server(server)?;
        let port = match port {
            // RFC 3986, section 3.2.3: "port = *DIGIT", so that it can be empty.
            None | Some("") => Self::default_port(secure),
            Some(port) => parse_port(port)?,
        };
        Ok(Self {
            secure,
            host: check_host(host)?,
            port,
            resource_name: encode_resource(resource)?,
            authorization: user_info.map(basic).transpose()?,
            socket: None,
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.socket {
            return write!(f, "ws+unix://{path}:{}", self.resource_name);
        }
        let scheme = if self.secure { "wss" } else { "ws" };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port != Self::default_port(self.secure) {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.resource_name)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

/// The URL of a Unix socket, behind its scheme: `[//]path[:resource]`.
fn of_socket(rest: &str) -> Result<Url, UrlError> {
    if cfg!(not(unix)) {
        return Err(UrlError::NoUnixSockets);
    }
    if rest.contains('#') {
        return Err(UrlError::Fragment);
    }
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, resource) = rest.split_once(':').unwrap_or((rest, ""));
    // A query without the colon is one that nobody would get.
    if !path.starts_with('/') || path.ends_with('/') || path.contains('?') {
        return Err(UrlError::SocketPath);
    }
    let path = encode_resource(path)?;
    if percent_decoded(&path).is_none_or(|path| path.contains(&0)) {
        return Err(UrlError::SocketPath);
    }
    Ok(Url {
        secure: false,
        host: "localhost".to_owned(),
        port: Url::default_port(false),
        resource_name: encode_resource(resource)?,
        authorization: None,
        socket: Some(path.into()),
    })
}

fn split_server(server: &str) -> Result<(&str, Option<&str>), UrlError> {
    let after_literal = match server.strip_prefix('[') {
        Some(literal) => 1 + literal.find(']').ok_or(UrlError::Host)? + 1,
        None => 0,
    };
    let (literal, rest) = server.split_at(after_literal);
    match rest.split_once(':') {
        None if literal.is_empty() => Ok((rest, None)),
        None if rest.is_empty() => Ok((literal, None)),
        // An IPv6 address without its brackets.
        Some((_, port)) if port.contains(':') => Err(UrlError::Host),
        Some((name, port)) if literal.is_empty() => Ok((name, Some(port))),
        Some(("", port)) => Ok((literal, Some(port))),
        _ => Err(UrlError::Host),
    }
}

fn parse_port(port: &str) -> Result<u16, UrlError> {
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
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
            Err(_) if literal.contains('%') => Err(UrlError::Zone),
            Err(_) => Err(UrlError::Host),
        };
    }
    if !host.is_ascii() {
        return Err(UrlError::HostNotAscii);
    }
    if host.is_empty() || !host.bytes().all(is_unreserved) {
        return Err(UrlError::Host);
    }
    // No name ends in a number. What looks like it, such as 127.1 or 0x7f000001, resolvers read as
    // addresses of which each program has another notion.
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"))
            && last[2..].bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_number && host.parse::<Ipv4Addr>().is_err() {
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
    for (index, char) in resource.char_indices() {
        match char {
            '\\' | '\0'..=' ' | '\x7f' => return Err(UrlError::Resource),
            '%' if hex_pair(&resource.as_bytes()[index + 1..]).is_none() => {
                return Err(UrlError::Percent);
            }
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

/// RFC 7617, section 2: user name and password, as a browser takes them from a URL.
fn basic(user_info: &str) -> Result<Box<str>, UrlError> {
    // RFC 3986, section 3.2.1: "userinfo = *( unreserved / pct-encoded / sub-delims / ":" )".
    let lawful = |byte: u8| is_unreserved(byte) || b"!$&'()*+,;=:%".contains(&byte);
    if !user_info.bytes().all(lawful) {
        return Err(UrlError::UserInfo);
    }
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let decoded = |part| percent_decoded(part).ok_or(UrlError::UserInfo);
    let (user, password) = (decoded(user)?, decoded(password)?);
    // "a user-id containing a colon character is invalid", and "The user-id and password MUST NOT
    // contain any control characters".
    if user.contains(&b':') || user.iter().chain(&password).any(u8::is_ascii_control) {
        return Err(UrlError::UserInfo);
    }
    let pair = [&user[..], b":", &password].concat();
    Ok(format!("Basic {}", STANDARD.encode(pair)).into())
}

/// RFC 3986, section 2.1: `pct-encoded = "%" HEXDIG HEXDIG`.
pub(crate) fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut rest = text.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    while let [byte, after @ ..] = rest {
        let decoded_byte;
        (rest, decoded_byte) = match byte {
            b'%' => (after.get(2..)?, hex_pair(after)?),
            byte => (after, *byte),
        };
        decoded.push(decoded_byte);
    }
    Some(decoded)
}

/// The byte that the first two digits are.
fn hex_pair(digits: &[u8]) -> Option<u8> {
    let digit = |index| char::from(*digits.get(index)?).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

/// RFC 3986, section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests;
