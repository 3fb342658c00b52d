//! Proxies: which one to take, and how to ask it for a way to the server.
//!
//! Nothing here does IO: [`Tunnel`] says what to write and takes what comes, for either kind.

pub(crate) mod choice;
mod connect;
mod environment;
mod exceptions;
mod socks5;

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use self::connect::Connect;
use self::socks5::Socks5;
use super::error::{ProxyError, ProxyUrlError};
use super::url::{Url, percent_decoded};

/// A proxy between the client and the server: HTTP with CONNECT (RFC 9110, section 9.3.6), or SOCKS 5
/// (RFC 1928).
///
/// Parse it from a URL, which can contain a percent-encoded user name and password. Without a scheme,
/// it is an HTTP proxy. The default port is 80 for `http` and 1080 for `socks5`.
///
/// | scheme | who looks up the server's name |
/// | --- | --- |
/// | `http` | the proxy |
/// | `socks5h` | the proxy |
/// | `socks5` | the client's system, before it contacts the proxy |
///
/// Both `ws` and `wss` go through a tunnel. The proxy sees the server's name and port; with `wss`, it
/// sees nothing else. The messages to the proxy itself, including credentials, are not encrypted.
/// `Debug` and `Display` hide the credentials.
///
/// ```
/// use bluewire::{ConnectOptions, Proxy};
///
/// let proxy: Proxy = "socks5h://me:secret@proxy.example:1080".parse()?;
/// assert_eq!(proxy.to_string(), "socks5h://proxy.example:1080");
/// let options = ConnectOptions::new("wss://server.example/").proxy(proxy);
/// # Ok::<(), bluewire::ProxyUrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    kind: Kind,
    /// As in a URL: an IPv6 literal in its brackets.
    host: String,
    port: u16,
    credentials: Option<Credentials>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Http,
    /// Which gets addresses, not names.
    Socks5,
    Socks5h,
}

#[derive(Clone, PartialEq, Eq)]
struct Credentials {
    user: Vec<u8>,
    password: Vec<u8>,
}

impl Proxy {
    /// Sets the user name and the password, without percent-encoding.
    ///
    /// # Errors
    ///
    /// [`ProxyUrlError::UserInfo`] if this type of proxy cannot take them. For HTTP, the user name
    /// must not contain a colon (RFC 7617). For SOCKS, each has at most 255 bytes, and the name is
    /// not empty (RFC 1929).
    pub fn credentials(self, user: &str, password: &str) -> Result<Self, ProxyUrlError> {
        self.with(Credentials { user: user.into(), password: password.into() })
    }

    fn with(mut self, credentials: Credentials) -> Result<Self, ProxyUrlError> {
        let Credentials { user, password } = &credentials;
        let fits = match self.kind {
            Kind::Http => !user.contains(&b':'),
            Kind::Socks5 | Kind::Socks5h => {
                (1..=255).contains(&user.len()) && password.len() <= 255
            }
        };
        if !fits {
            return Err(ProxyUrlError::UserInfo);
        }
        self.credentials = Some(credentials);
        Ok(self)
    }

    /// The proxy's host, as in its URL.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The proxy's port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether the server's name must be looked up before the proxy is asked.
    pub(crate) const fn wants_address(&self) -> bool {
        matches!(self.kind, Kind::Socks5)
    }

    /// The conversation with it.
    pub(crate) fn tunnel(&self, to: Destination<'_>) -> Tunnel {
        let credentials = self.credentials.as_ref();
        match self.kind {
            Kind::Http => Tunnel::Connect(Connect::new(to, credentials)),
            Kind::Socks5 | Kind::Socks5h => Tunnel::Socks5(Socks5::new(to, credentials)),
        }
    }
}

impl FromStr for Proxy {
    type Err = ProxyUrlError;

    fn from_str(url: &str) -> Result<Self, ProxyUrlError> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (kind, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (Kind::Http, 80),
            "socks5" => (Kind::Socks5, 1080),
            "socks5h" => (Kind::Socks5h, 1080),
            "https" => return Err(ProxyUrlError::Https),
            _ => return Err(ProxyUrlError::Scheme),
        };
        let (authority, path) =
            rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
        if !matches!(path, "" | "/") {
            return Err(ProxyUrlError::Path);
        }
        let (user_info, server) = match authority.rsplit_once('@') {
            Some((user_info, server)) => (user_info, server),
            None => ("", authority),
        };
        let has_port = server.rsplit(']').next().is_some_and(|rest| rest.contains(':'));
        let has_port = has_port && !server.ends_with(':');
        // Host and port are what they are in the URL of a WebSocket.
        let server: Url = format!("ws://{server}").parse().map_err(ProxyUrlError::of_server)?;
        let port = if has_port { server.port() } else { default_port };
        let host = match server.host().starts_with('[') {
            // With its zone, if it has one.
            true => format!("[{}]", server.host_to_resolve()),
            false => server.host().to_owned(),
        };
        let proxy = Self { kind, host, port, credentials: None };
        if user_info.is_empty() {
            return Ok(proxy);
        }
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        let decoded = |part| percent_decoded(part).ok_or(ProxyUrlError::UserInfo);
        proxy.with(Credentials { user: decoded(user)?, password: decoded(password)? })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            Kind::Http => "http",
            Kind::Socks5 => "socks5",
            Kind::Socks5h => "socks5h",
        };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_credentials = self.credentials.is_some();
        f.debug_struct("Proxy")
            .field("url", &format_args!("{self}"))
            .field("has_credentials", &has_credentials)
            .finish()
    }
}

/// Where a proxy is to connect to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Destination<'a> {
    /// A name, or an address that stands without brackets.
    Host(&'a str, u16),
    Address(SocketAddr),
}

/// The conversation with a proxy until it has connected.
#[derive(Debug)]
pub(crate) enum Tunnel {
    Connect(Connect),
    Socks5(Socks5),
}

impl Tunnel {
    /// The bytes to write.
    pub(crate) fn unsent(&self) -> &[u8] {
        match self {
            Self::Connect(connect) => connect.unsent(),
            Self::Socks5(socks5) => socks5.unsent(),
        }
    }

    /// So much of it was written.
    pub(crate) fn sent(&mut self, len: usize) {
        match self {
            Self::Connect(connect) => connect.sent(len),
            Self::Socks5(socks5) => socks5.sent(len),
        }
    }

    /// Takes received bytes, and returns how many of them belong to the proxy's answer: the rest
    /// came from behind the proxy.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> usize {
        match self {
            Self::Connect(connect) => connect.receive(bytes),
            Self::Socks5(socks5) => socks5.receive(bytes),
        }
    }

    /// Nothing more will come.
    pub(crate) fn receive_eof(&mut self) {
        match self {
            Self::Connect(connect) => connect.receive_eof(),
            Self::Socks5(socks5) => socks5.receive_eof(),
        }
    }

    /// Whether the proxy has connected, or why it will not.
    pub(crate) fn outcome(&mut self) -> Result<bool, ProxyError> {
        match self {
            Self::Connect(connect) => connect.outcome(),
            Self::Socks5(socks5) => socks5.outcome(),
        }
    }

    /// The reason to fail in the part of its answer that has arrived, if the rest is too late.
    pub(crate) fn give_up(&mut self) -> Option<ProxyError> {
        match self {
            Self::Connect(connect) => connect.give_up(),
            Self::Socks5(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::{
        Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
    };

    /// Answers that a proxy might give, and answers that no proxy gives.
    fn answers() -> impl Strategy<Value = Vec<u8>> {
        let lines =
            ["HTTP/1.1 200 OK", "HTTP/1.1 100 Wait", "HTTP/1.0 502 No", "Content-Length: 3"];
        let more = ["Transfer-Encoding: chunked", "3", "abc", "0", ""];
        let lines = lines.into_iter().chain(more).map(|line| format!("{line}\r\n").into_bytes());
        let socks = [&b"\x05\0"[..], b"\x05\x02", b"\x01\0", b"\x05\0\0\x01", b"\x05\0\0\x03\x01"];
        let parts = lines.chain(socks.map(<[u8]>::to_vec)).collect::<Vec<_>>();
        let part = prop_oneof![proptest::sample::select(parts), vec(any::<u8>(), 0..9)];
        vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    /// How much of the bytes it takes in such pieces, and what comes of it.
    fn hear(mut tunnel: Tunnel, bytes: &[u8], piece_len: usize) -> (usize, String) {
        let mut taken = 0;
        for piece in bytes.chunks(piece_len) {
            let len = tunnel.receive(piece);
            assert!(len <= piece.len());
            taken += len;
            if len < piece.len() {
                break;
            }
        }
        tunnel.receive_eof();
        (taken, format!("{:?}", tunnel.outcome()))
    }

    proptest! {
        #[test]
        fn no_answer_and_no_cutting_of_it_is_too_much(
            bytes in answers(),
            piece_len in 1_usize..20,
            proxy in prop_oneof![Just("http://p"), Just("socks5h://p"), Just("socks5h://me:x@p")],
        ) {
            let proxy: Proxy = proxy.parse().expect("it is one");
            let tunnel = || proxy.tunnel(Destination::Host("server", 80));
            let whole = hear(tunnel(), &bytes, usize::MAX);
            let cut = hear(tunnel(), &bytes, piece_len);
            prop_assert_eq!(&whole.1, &cut.1);
            // Where it fails, the rest does not matter.
            prop_assert!(whole.0 == cut.0 || whole.1.starts_with("Err"));
        }
    }

    fn parse(url: &str) -> Result<Proxy, ProxyUrlError> {
        url.parse()
    }

    #[test]
    fn a_url_is_taken_apart() {
        for (url, shown) in [
            ("http://proxy:3128", "http://proxy:3128"),
            ("HTTP://Proxy/", "http://proxy:80"),
            ("proxy:3128", "http://proxy:3128"),
            ("me:secret@proxy", "http://proxy:80"),
            ("socks5://[::1]", "socks5://[::1]:1080"),
            ("socks5h://[::1]:80/", "socks5h://[::1]:80"),
            ("socks5h://10.0.0.1:80", "socks5h://10.0.0.1:80"),
            ("http://@proxy", "http://proxy:80"),
            ("http://proxy:", "http://proxy:80"),
            ("socks5://proxy:", "socks5://proxy:1080"),
        ] {
            assert_eq!(parse(url).map(|proxy| proxy.to_string()), Ok(shown.to_owned()), "{url}");
        }
    }

    #[test]
    fn malformed_input_is_refused() {
        let long = format!("socks5://{}@proxy", "x".repeat(256));
        for (url, error) in [
            ("https://proxy", ProxyUrlError::Https),
            ("socks4://proxy", ProxyUrlError::Scheme),
            ("ws://proxy", ProxyUrlError::Scheme),
            ("", ProxyUrlError::Host),
            ("http://", ProxyUrlError::Host),
            ("http://me:secret@", ProxyUrlError::Host),
            ("http://a b", ProxyUrlError::Host),
            ("http://[::1", ProxyUrlError::Host),
            ("http://xn--", ProxyUrlError::Host),
            ("http://proxy:0", ProxyUrlError::Port),
            ("http://proxy:65536", ProxyUrlError::Port),
            ("http://proxy/path", ProxyUrlError::Path),
            ("http://proxy?a", ProxyUrlError::Path),
            ("http://me:%4@proxy", ProxyUrlError::UserInfo),
            ("http://m%3Ae:x@proxy", ProxyUrlError::UserInfo),
            ("socks5://:secret@proxy", ProxyUrlError::UserInfo),
            (&long, ProxyUrlError::UserInfo),
        ] {
            assert_eq!(parse(url), Err(error), "{url}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let written = parse("http://m%C3%A9:s%40cret%2f:@proxy:1").expect("it is lawful");
        let set = parse("proxy:1").and_then(|proxy| proxy.credentials("mé", "s@cret/:"));
        assert_eq!(set.as_ref(), Ok(&written));
        let shown = format!("{written} {written:?}");
        assert!(!shown.contains("cret") && !shown.contains("115"), "{shown}");
        assert!(shown.contains("has_credentials: true"), "{shown}");
    }
}
