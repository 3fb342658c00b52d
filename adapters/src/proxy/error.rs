//! Why a proxy is not on the way.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use bluewire_core::{HandshakeError, Refusal};

use crate::url::UrlError;

/// Why there is no way through the proxy. Credentials are in none of it.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProxyError {
    /// The URL of the proxy, in an environment variable, is not one of a proxy. Nothing has been
    /// tried.
    Url(ProxyUrlError),
    /// The proxy's name was not found.
    Resolve {
        /// The name.
        host: String,
        /// What the system's resolver says.
        error: io::Error,
    },
    /// No address of the proxy could be reached: each with its own reason, which is
    /// [`TimedOut`](io::ErrorKind::TimedOut) where the time was over. Empty if there is none.
    Unreachable(Vec<(SocketAddr, io::Error)>),
    /// An HTTP proxy answered, but refuses: with a status, headers and a body. 407 asks for
    /// credentials; of the schemes there are, only Basic is known here.
    Refused(Box<Refusal>),
    /// What an HTTP proxy answered is not HTTP, or too long.
    Http(HandshakeError),
    /// A SOCKS proxy tried, and could not.
    Socks(SocksReply),
    /// A SOCKS proxy wants to know who asks, in a way that is not possible here: by user name and
    /// password if none were given, or by another method.
    NoAcceptableMethod,
    /// A SOCKS proxy does not take the user name and the password.
    AuthenticationRefused,
    /// What came is not of SOCKS 5 (RFC 1928).
    NotSocks5,
    /// The server's name is longer than the 255 bytes that SOCKS has for it.
    NameTooLong,
    /// The proxy ended the connection before it had answered.
    Closed,
    /// The connection to the proxy failed before it had answered.
    Io(io::Error),
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::Resolve { host, error } => write!(f, "the proxy {host} was not found: {error}"),
            Self::Unreachable(failures) if failures.is_empty() => {
                f.write_str("the proxy has no address")
            }
            Self::Unreachable(failures) => {
                f.write_str("no address of the proxy could be reached")?;
                each_failure(failures, f)
            }
            Self::Refused(refusal) => match refusal.head().status() {
                407 => {
                    write!(f, "the proxy wants a user name and a password, or others: {refusal}")
                }
                _ => write!(f, "the proxy refused to connect: {refusal}"),
            },
            Self::Http(error) => write!(f, "the proxy did not answer as one of HTTP: {error}"),
            Self::Socks(reply) => write!(f, "the proxy could not connect: {reply}"),
            Self::NoAcceptableMethod => f.write_str(
                "the proxy wants a user name and a password, or to know who asks by other means",
            ),
            Self::AuthenticationRefused => {
                f.write_str("the proxy does not take this user name and password")
            }
            Self::NotSocks5 => {
                f.write_str("the proxy did not answer as one of SOCKS 5: perhaps it is one of HTTP")
            }
            Self::NameTooLong => f.write_str("the server's name is too long for a SOCKS proxy"),
            Self::Closed => f.write_str("the proxy ended the connection before it had answered"),
            Self::Io(error) => write!(f, "the connection to the proxy failed: {error}"),
        }
    }
}

/// Each address with its own error.
pub(crate) fn each_failure(
    failures: &[(SocketAddr, io::Error)],
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    for (index, (address, error)) in failures.iter().enumerate() {
        let before = if index == 0 { ": " } else { "; " };
        write!(f, "{before}{address}: {error}")?;
    }
    Ok(())
}

impl std::error::Error for ProxyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Url(error) => Some(error),
            Self::Resolve { error, .. } | Self::Io(error) => Some(error),
            Self::Unreachable(failures) => failures.first().map(|(_, error)| error as _),
            Self::Http(error) => Some(error),
            Self::Refused(_)
            | Self::Socks(_)
            | Self::NoAcceptableMethod
            | Self::AuthenticationRefused
            | Self::NotSocks5
            | Self::NameTooLong
            | Self::Closed => None,
        }
    }
}

/// What a SOCKS proxy says for not having connected (RFC 1928, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocksReply {
    /// 1.
    GeneralFailure,
    /// 2: its rules forbid it.
    NotAllowed,
    /// 3.
    NetworkUnreachable,
    /// 4.
    HostUnreachable,
    /// 5.
    ConnectionRefused,
    /// 6.
    TtlExpired,
    /// 7.
    CommandNotSupported,
    /// 8: a name, or an address of this family.
    AddressTypeNotSupported,
    /// Another code, which means nothing.
    Other(u8),
}

impl SocksReply {
    /// What the code, which is not 0, stands for.
    pub(super) const fn new(code: u8) -> Self {
        match code {
            1 => Self::GeneralFailure,
            2 => Self::NotAllowed,
            3 => Self::NetworkUnreachable,
            4 => Self::HostUnreachable,
            5 => Self::ConnectionRefused,
            6 => Self::TtlExpired,
            7 => Self::CommandNotSupported,
            8 => Self::AddressTypeNotSupported,
            code => Self::Other(code),
        }
    }
}

impl fmt::Display for SocksReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GeneralFailure => "a general failure",
            Self::NotAllowed => "its rules do not allow it",
            Self::NetworkUnreachable => "the server's network is unreachable",
            Self::HostUnreachable => "the server is unreachable, or its name is unknown",
            Self::ConnectionRefused => "the server refused the connection",
            Self::TtlExpired => "the TTL expired on the way to the server",
            Self::CommandNotSupported => "it knows no CONNECT",
            Self::AddressTypeNotSupported => {
                "it knows no addresses of this kind: a name, or this family"
            }
            Self::Other(code) => return write!(f, "SOCKS reply {code}, which is not assigned"),
        })
    }
}

/// Why a URL is not one of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyUrlError {
    /// The scheme is none of `http`, `socks5` and `socks5h`.
    Scheme,
    /// The scheme is `https`: the way to the proxy cannot be encrypted. What goes through it can,
    /// by `wss`.
    Https,
    /// The user name or the password is not percent-encoded, or cannot be told to such a proxy.
    UserInfo,
    /// The host is missing, or is not a name in ASCII or an address.
    Host,
    /// The port is not a number from 1 to 65535.
    Port,
    /// It has a path, a query or a fragment, which mean nothing.
    Path,
}

impl ProxyUrlError {
    pub(super) const fn of_server(error: UrlError) -> Self {
        match error {
            UrlError::Port => Self::Port,
            _ => Self::Host,
        }
    }
}

impl fmt::Display for ProxyUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the proxy's scheme must be http, socks5 or socks5h",
            Self::Https => "TLS to the proxy is not supported: its scheme must be http",
            Self::UserInfo => {
                "the proxy's user name and password must be percent-encoded, and be such that the \
                 proxy can be told"
            }
            Self::Host => "the proxy's host is missing or malformed",
            Self::Port => "the proxy's port must be a number from 1 to 65535",
            Self::Path => "the proxy's URL has more than a host and a port",
        })
    }
}

impl std::error::Error for ProxyUrlError {}
