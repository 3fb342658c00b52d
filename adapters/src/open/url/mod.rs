//! WebSocket URIs (section 3).

mod encoding;
mod host;
#[cfg(not(feature = "idna"))]
mod punycode;
mod reference;
mod user_info;

use std::fmt;
#[cfg(unix)]
use std::path::PathBuf;
use std::str::FromStr;

pub(crate) use self::encoding::percent_decoded;
use self::encoding::{FRAGILE, encode, resource_name};
use self::host::{Server, server};
use self::user_info::UserInfo;
use super::error::UrlError;

/// A parsed `ws`, `wss` or `ws+unix` URL.
///
/// ```
/// use bluewire::Url;
///
/// let url: Url = "ws://[::1]:9001/chat?room=1".parse()?;
/// assert_eq!((url.host(), url.port(), url.resource_name()), ("[::1]", 9001, "/chat?room=1"));
/// # Ok::<(), bluewire::UrlError>(())
/// ```
///
/// The rules are those of browsers (the WHATWG URL Standard): `http` and `https` mean `ws` and `wss`,
/// spaces around the URL are dropped, `\` before the query means `/`, the segments `.` and `..` are
/// resolved, and characters that a request cannot contain are percent-encoded. Some rules are
/// stricter: line breaks, tabs, a `%` without two hexadecimal digits, and unusual forms of IPv4
/// addresses are refused. Host names beyond ASCII need the feature `idna`.
///
/// A user name and a password before the host become the header `Authorization` (Basic, RFC 7617),
/// unless you set that header. `Debug` and `Display` hide them and the query, because they can be
/// secret. [`with_secrets`](Self::with_secrets) shows everything.
///
/// An IPv6 address can name its zone, as in `ws://[fe80::1%25eth0]/` or `ws://[fe80::1%eth0]/`. The
/// zone chooses the network interface and is not sent to the server.
///
/// On Unix, `ws+unix:///run/chat.sock:/resource?query` reaches a server through a Unix socket. The
/// absolute path of the socket comes before the first `:`; percent-encode `:` and `?` in it. The
/// resource name after it is optional. The host is `localhost`.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    secure: bool,
    host: String,
    /// The network interface of an IPv6 address.
    zone: Option<Box<str>>,
    port: u16,
    resource_name: String,
    user_info: Option<UserInfo>,
    /// The path of a Unix socket, percent-encoded.
    socket: Option<Box<str>>,
}

impl Url {
    /// Whether the scheme is `wss`.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host, in lower case; an IPv6 literal in its brackets, without its zone.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port. By default it is 80 for `ws` and 443 for `wss`.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The path, or `/`, and the query.
    #[must_use]
    pub fn resource_name(&self) -> &str {
        &self.resource_name
    }

    /// The path of the Unix socket, if the URL has one.
    #[cfg(unix)]
    #[must_use]
    pub fn socket_path(&self) -> Option<PathBuf> {
        use std::ffi::OsString;
        use std::os::unix::ffi::OsStringExt as _;

        let path = percent_decoded(self.socket.as_deref()?)?;
        Some(OsString::from_vec(path).into())
    }

    /// The whole URL, with the user name, the password and the query that `Display` leaves out.
    /// Parsing it gives the same URL again.
    #[must_use]
    pub fn with_secrets(&self) -> String {
        Shown { url: self, user_info: true, query: true }.to_string()
    }

    /// The same without user name and password, for a program that has made a connection with it.
    pub(crate) fn without_user_info(&self) -> String {
        Shown { url: self, user_info: false, query: true }.to_string()
    }

    /// Whether the server is behind a Unix socket: no name is looked up then, and no proxy asked.
    pub(crate) const fn is_local(&self) -> bool {
        self.socket.is_some()
    }

    /// The value of `Authorization` that user name and password make.
    pub(crate) fn authorization(&self) -> Option<String> {
        self.user_info.as_ref().map(UserInfo::basic)
    }

    /// The host as a resolver takes it: without brackets, with the zone.
    pub(crate) fn host_to_resolve(&self) -> String {
        let host = self.bare_host();
        match &self.zone {
            Some(zone) => format!("{host}%{zone}"),
            None => host.to_owned(),
        }
    }

    /// The host without brackets.
    pub(crate) fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    const fn default_port(secure: bool) -> u16 {
        if secure { 443 } else { 80 }
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        // WHATWG URL, section 4.4: "Remove any leading and trailing C0 control or space from
        // input."
        let url = url.trim_matches(|char| char <= ' ');
        let scheme = "ws+unix:";
        if url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)) {
            return of_socket(&url[scheme.len()..]);
        }
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
        let secure = is_secure(scheme).ok_or(UrlError::Scheme)?;
        // 3: "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT
        // be used on these URIs."
        if rest.contains('#') {
            return Err(UrlError::Fragment);
        }
        let (authority, resource) =
            rest.split_at(rest.find(['/', '?', '\\']).unwrap_or(rest.len()));
        let (user_info, authority) = match authority.rsplit_once('@') {
            Some((user_info, server)) => (user_info, server),
            None => ("", authority),
        };
        let Server { host, zone, port } = server(authority)?;
        Ok(Self {
            secure,
            host,
            zone,
            port: port.unwrap_or_else(|| Self::default_port(secure)),
            resource_name: resource_name(resource)?,
            user_info: UserInfo::parse(user_info)?,
            socket: None,
        })
    }
}

/// Whether a scheme stands for `wss`; `None` for one that means no WebSocket.
fn is_secure(scheme: &str) -> Option<bool> {
    let is = |names: [&str; 2]| names.iter().any(|name| scheme.eq_ignore_ascii_case(name));
    // WHATWG WebSockets, section 3.1: "If urlRecord's scheme is "http", then set urlRecord's scheme
    // to "ws"", and "https" likewise to "wss".
    match scheme {
        _ if is(["ws", "http"]) => Some(false),
        _ if is(["wss", "https"]) => Some(true),
        _ => None,
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
    // Without the colon this would be a query, which the socket's server never gets.
    if !path.starts_with('/') || path.ends_with('/') || path.contains('?') {
        return Err(UrlError::SocketPath);
    }
    let path = encode(path, FRAGILE)?;
    if percent_decoded(&path).is_none_or(|path| path.contains(&0)) {
        return Err(UrlError::SocketPath);
    }
    Ok(Url {
        secure: false,
        host: "localhost".to_owned(),
        zone: None,
        port: Url::default_port(false),
        resource_name: resource_name(resource)?,
        user_info: None,
        socket: Some(path.into()),
    })
}

/// A URL, with or without its secrets.
struct Shown<'a> {
    url: &'a Url,
    user_info: bool,
    query: bool,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, user_info, query } = self;
        if let Some(path) = &url.socket {
            write!(f, "ws+unix://{path}:")?;
        } else {
            let scheme = if url.secure { "wss" } else { "ws" };
            write!(f, "{scheme}://")?;
            if let (Some(user_info), true) = (&url.user_info, user_info) {
                write!(f, "{}@", user_info.text())?;
            }
            match &url.zone {
                Some(zone) => write!(f, "[{}%25{zone}]", url.bare_host())?,
                None => f.write_str(&url.host)?,
            }
            if url.port != Url::default_port(url.secure) {
                write!(f, ":{}", url.port)?;
            }
        }
        match url.resource_name.split_once('?') {
            Some((path, _)) if !query => write!(f, "{path}?***"),
            _ => f.write_str(&url.resource_name),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown { url: self, user_info: false, query: false }.fmt(f)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

#[cfg(test)]
mod standard_tests;
#[cfg(test)]
mod tests;
