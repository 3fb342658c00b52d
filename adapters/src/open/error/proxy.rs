//! Why a proxy is not on the way.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use bluewire_core::{HandshakeError, Refusal};

use super::url::UrlError;
use crate::wording::{PeerText, RefusalText, debug_in_sentences};

/// Why the proxy failed or refused. It contains no credentials.
#[non_exhaustive]
pub enum ProxyError {
    /// The proxy's URL, from an environment variable, is invalid. Nothing was tried.
    Url(ProxyUrlError),
    /// The proxy's name was not found.
    Resolve {
        /// The name.
        host: String,
        /// The error of the system's resolver.
        error: io::Error,
    },
    /// No address of the proxy could be reached.
    Unreachable {
        /// The proxy's host.
        host: String,
        /// Each address with its own reason, which is [`TimedOut`](io::ErrorKind::TimedOut) where
        /// the time was over. Empty if the proxy has no address.
        failures: Vec<(SocketAddr, io::Error)>,
    },
    /// An HTTP proxy refused, with a status, headers and a body. 407 asks for credentials; Bluewire
    /// supports the Basic scheme only.
    Refused(Box<Refusal>),
    /// The answer of an HTTP proxy is not HTTP, or is too long.
    Http(HandshakeError),
    /// A SOCKS proxy could not connect.
    Socks(SocksReply),
    /// A SOCKS proxy requires a user name and a password, and none were given; or it requires another
    /// method.
    NoAcceptableMethod,
    /// A SOCKS proxy refused the user name and the password.
    AuthenticationRefused,
    /// The answer is not SOCKS 5 (RFC 1928).
    NotSocks5,
    /// The server's name is longer than 255 bytes, the limit of SOCKS.
    NameTooLong,
    /// The proxy ended the connection before it answered.
    Closed,
    /// The connection to the proxy failed before it answered.
    Io(io::Error),
}

impl ProxyError {
    /// The kind of the error, as of one of IO.
    pub(crate) fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Url(_) | Self::NameTooLong => io::ErrorKind::InvalidInput,
            Self::Resolve { error, .. } | Self::Io(error) => error.kind(),
            Self::Unreachable { failures, .. } => match failures.first() {
                Some((_, error)) => error.kind(),
                None => io::ErrorKind::HostUnreachable,
            },
            Self::Refused(_) | Self::Socks(_) => io::ErrorKind::ConnectionRefused,
            Self::NoAcceptableMethod | Self::AuthenticationRefused => {
                io::ErrorKind::PermissionDenied
            }
            Self::Http(_) | Self::NotSocks5 => io::ErrorKind::InvalidData,
            Self::Closed => io::ErrorKind::UnexpectedEof,
        }
    }
}

debug_in_sentences!(ProxyError, ProxyUrlError);

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::Resolve { host, error } => {
                write!(f, "the proxy {} was not found: {error}", PeerText(host))
            }
            Self::Unreachable { host, failures } if failures.is_empty() => {
                write!(f, "the proxy {} has no address", PeerText(host))
            }
            Self::Unreachable { host, failures } => {
                write!(f, "the proxy {} could not be reached", PeerText(host))?;
                each_failure(failures, f)
            }
            Self::Refused(refusal) if refusal.head().status() == 407 => write!(
                f,
                "the proxy requires a valid user name and password: {}",
                RefusalText(refusal)
            ),
            Self::Refused(refusal) => {
                write!(f, "the proxy refused to connect: {}", RefusalText(refusal))
            }
            Self::Http(error) => write!(f, "the proxy's answer is not valid HTTP: {error}"),
            Self::Socks(reply) => write!(f, "the proxy could not connect: {reply}"),
            Self::NoAcceptableMethod => f.write_str(
                "the proxy requires a user name and a password, or an unsupported way to authenticate",
            ),
            Self::AuthenticationRefused => {
                f.write_str("the proxy refused the user name and the password")
            }
            Self::NotSocks5 => {
                f.write_str("the proxy does not speak SOCKS 5; is it an HTTP proxy?")
            }
            Self::NameTooLong => {
                f.write_str("the server's name is longer than the 255 bytes a SOCKS proxy takes")
            }
            Self::Closed => f.write_str("the proxy ended the connection before it answered"),
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

/// Each sentence has its cause in it.
impl std::error::Error for ProxyError {}

impl From<ProxyUrlError> for ProxyError {
    fn from(error: ProxyUrlError) -> Self {
        Self::Url(error)
    }
}

/// Why a SOCKS proxy could not connect (RFC 1928, section 6).
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
    /// The meaning of a code other than 0.
    pub(crate) const fn new(code: u8) -> Self {
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
            Self::CommandNotSupported => "it does not support CONNECT",
            Self::AddressTypeNotSupported => "it does not support this type of address",
            Self::Other(code) => return write!(f, "SOCKS reply {code}, which is not assigned"),
        })
    }
}

/// Why a URL is not valid for a proxy.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyUrlError {
    /// The scheme is not `http`, `socks5` or `socks5h`.
    Scheme,
    /// The scheme is `https`. Bluewire does not encrypt the connection to a proxy; use `wss` to
    /// encrypt the connection through it.
    Https,
    /// The user name or the password is not percent-encoded, or this type of proxy
    /// cannot take it.
    UserInfo,
    /// The host is missing, or is not a name in ASCII or an address.
    Host,
    /// The port is not a number from 1 to 65535.
    Port,
    /// The URL has a path, a query or a fragment.
    Path,
}

impl ProxyUrlError {
    pub(crate) const fn of_server(error: UrlError) -> Self {
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
            Self::Https => {
                "TLS to the proxy is not supported; its scheme must be http, socks5 or socks5h"
            }
            Self::UserInfo => {
                "the proxy's user name or password is not percent-encoded, or this type of proxy \
                 cannot take it"
            }
            Self::Host => "the proxy's host is missing or malformed",
            Self::Port => "the proxy's port must be a number from 1 to 65535",
            Self::Path => "the proxy's URL has more than a host and a port",
        })
    }
}

impl std::error::Error for ProxyUrlError {}
