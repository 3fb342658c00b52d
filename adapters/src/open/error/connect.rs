//! Why there is no connection.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bluewire_core::{HandshakeError, HeadError, Refusal};

use super::proxy::{ProxyError, ProxyUrlError, each_failure};
use super::redirect::RedirectError;
use super::url::UrlError;
#[cfg(feature = "_tls")]
use crate::tls::TlsError;
use crate::trace::Id;
use crate::wording::{PeerText, Period, RefusalText, debug_in_sentences};

/// Why there is no connection.
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is not a valid WebSocket URL. Nothing was tried.
    Url(UrlError),
    /// A header or subprotocol is invalid, or reserved. Nothing was tried.
    Header(HeadError),
    /// The URL starts with `wss`, but Bluewire was built without the feature `tls`.
    TlsUnavailable,
    /// TLS failed.
    #[cfg(feature = "_tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    Tls(TlsError),
    /// The lookup of the host's name failed.
    Resolve {
        /// The name.
        host: String,
        /// The error of the system's resolver.
        error: io::Error,
    },
    /// No address of the host could be reached.
    Unreachable {
        /// The host.
        host: String,
        /// Each address and its error. Its kind is [`TimedOut`](io::ErrorKind::TimedOut) if the
        /// timeout of TCP passed. Empty if the host has no address.
        failures: Vec<(SocketAddr, io::Error)>,
    },
    /// The Unix socket of a `ws+unix` URL could not be reached. The kind of the error is
    /// [`NotFound`](io::ErrorKind::NotFound) if the file does not exist,
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) if no server listens, and
    /// [`TimedOut`](io::ErrorKind::TimedOut) if the server's queue stayed full.
    UnixSocket {
        /// The path of the socket.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The proxy failed or refused.
    Proxy(ProxyError),
    /// The connection failed during the opening handshake.
    Io(io::Error),
    /// A phase exceeded its timeout, or all phases together exceeded theirs. If only TCP exceeded its
    /// own timeout, the error is [`Unreachable`](Self::Unreachable) or
    /// [`UnixSocket`](Self::UnixSocket) instead.
    TimedOut {
        /// The phase.
        phase: Phase,
        /// The timeout that passed.
        timeout: Duration,
        /// Whether it is that of the whole attempt,
        /// [`ConnectOptions::timeout`](crate::ConnectOptions::timeout).
        whole: bool,
    },
    /// The server does not accept WebSockets over this HTTP/2 connection: it did not send
    /// `SETTINGS_ENABLE_CONNECT_PROTOCOL` (RFC 8441, section 3).
    #[cfg(feature = "hyper")]
    ExtendedConnectUnavailable,
    /// The server's response breaks a rule of the opening handshake (RFC 6455, section 4), or is not
    /// complete.
    Handshake(HandshakeError),
    /// The server answered and refused, with a status, headers and a body.
    Refused(Box<Refusal>),
    /// The server sent a redirect, which [`redirects`](crate::ConnectOptions::redirects) allows, but
    /// this one cannot be followed. Without redirects, the error is [`Refused`](Self::Refused).
    Redirect(RedirectError),
    /// The attempt was cancelled: with a [`Canceller`](crate::Canceller), with `close`, or by
    /// dropping the last handle.
    Abandoned,
}

/// A phase of an attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// The lookup of the host's name.
    Resolve,
    /// TCP, over all addresses of the host, or the connection to a Unix socket.
    Tcp,
    /// The connection through the proxy.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// The opening handshake (RFC 6455, section 4).
    Handshake,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "the lookup of the host's name",
            Self::Tcp => "TCP",
            Self::Proxy => "the connection through the proxy",
            Self::Tls => "the TLS handshake",
            Self::Handshake => "the opening handshake",
        })
    }
}

impl ConnectError {
    /// An error of the stream on which the opening handshake is under way.
    pub(crate) fn of_stream(error: io::Error) -> Self {
        #[cfg(feature = "_tls")]
        let error = match TlsError::take(error) {
            Ok(error) => return Self::Tls(error),
            Err(error) => error,
        };
        Self::Io(error)
    }

    /// The status with which the server or the proxy refused.
    fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) | Self::Proxy(ProxyError::Refused(refusal)) => {
                Some(refusal.head().status())
            }
            Self::Redirect(error) => Some(error.refusal().head().status()),
            _ => None,
        }
    }

    /// The kind of the error, as of one of IO.
    pub(crate) fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Url(_) | Self::Header(_) | Self::Proxy(ProxyError::Url(_)) => {
                io::ErrorKind::InvalidInput
            }
            Self::TlsUnavailable => io::ErrorKind::Unsupported,
            #[cfg(feature = "_tls")]
            Self::Tls(error) => error.kind(),
            Self::Resolve { error, .. } | Self::UnixSocket { error, .. } | Self::Io(error) => {
                error.kind()
            }
            Self::Unreachable { failures, .. } => match failures.first() {
                Some((_, error)) => error.kind(),
                None => io::ErrorKind::HostUnreachable,
            },
            Self::Proxy(error) => error.kind(),
            Self::TimedOut { .. } | Self::Handshake(HandshakeError::TimedOut) => {
                io::ErrorKind::TimedOut
            }
            Self::Handshake(HandshakeError::ConnectionLost) => io::ErrorKind::UnexpectedEof,
            Self::Handshake(_) => io::ErrorKind::InvalidData,
            Self::Refused(_) | Self::Redirect(_) => io::ErrorKind::ConnectionRefused,
            #[cfg(feature = "hyper")]
            Self::ExtendedConnectUnavailable => io::ErrorKind::Unsupported,
            Self::Abandoned => io::ErrorKind::ConnectionAborted,
        }
    }

    /// The phase that failed; `None` if no phase had begun, or the attempt was cancelled.
    #[must_use]
    pub const fn phase(&self) -> Option<Phase> {
        match self {
            Self::Url(_)
            | Self::Header(_)
            | Self::TlsUnavailable
            | Self::Abandoned
            | Self::Proxy(ProxyError::Url(_)) => None,
            Self::Resolve { .. } | Self::Proxy(ProxyError::Resolve { .. }) => Some(Phase::Resolve),
            Self::Unreachable { .. }
            | Self::UnixSocket { .. }
            | Self::Proxy(ProxyError::Unreachable { .. }) => Some(Phase::Tcp),
            Self::Proxy(_) => Some(Phase::Proxy),
            #[cfg(feature = "_tls")]
            Self::Tls(_) => Some(Phase::Tls),
            Self::Io(_) | Self::Handshake(_) | Self::Refused(_) | Self::Redirect(_) => {
                Some(Phase::Handshake)
            }
            #[cfg(feature = "hyper")]
            Self::ExtendedConnectUnavailable => Some(Phase::Handshake),
            Self::TimedOut { phase, .. } => Some(*phase),
        }
    }
}

impl Id {
    /// Tells the log why an attempt failed, if it did, and passes its result on.
    pub(crate) fn dialled<T>(self, result: Result<T, ConnectError>) -> Result<T, ConnectError> {
        result.inspect_err(|error| {
            let (phase, status) = (error.phase(), error.status());
            let phase = phase.as_ref().map(|phase| phase as _);
            // A body is a matter between the program and its server, not for a log.
            let words: &dyn fmt::Display = match error {
                ConnectError::Refused(_) => &"the server refused the opening handshake",
                ConnectError::Proxy(ProxyError::Refused(_)) => &"the proxy refused to connect",
                error => error,
            };
            self.fails_to_dial(phase, status, words);
        })
    }
}

debug_in_sentences!(ConnectError);

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::Header(error) => error.fmt(f),
            Self::TlsUnavailable => {
                f.write_str("the URL needs TLS, which is not built in; enable the feature `tls`")
            }
            #[cfg(feature = "_tls")]
            Self::Tls(error) => error.fmt(f),
            Self::Resolve { host, error } => {
                write!(f, "the host {} was not found: {error}", PeerText(host))
            }
            Self::Unreachable { host, failures } if failures.is_empty() => {
                write!(f, "the host {} has no address", PeerText(host))
            }
            Self::Unreachable { host, failures } => {
                write!(f, "the host {} could not be reached", PeerText(host))?;
                each_failure(failures, f)
            }
            Self::UnixSocket { path, error } => {
                let path = path.display();
                match error.kind() {
                    io::ErrorKind::NotFound => write!(f, "there is no Unix socket at {path}")?,
                    io::ErrorKind::ConnectionRefused => {
                        write!(f, "nobody listens at the Unix socket {path}")?;
                    }
                    _ => write!(f, "the Unix socket {path} could not be reached")?,
                }
                write!(f, ": {error}")
            }
            Self::Proxy(error) => error.fmt(f),
            Self::Io(error) => {
                write!(f, "the connection failed during the opening handshake: {error}")
            }
            Self::TimedOut { phase, timeout, whole: false } => {
                write!(f, "{phase} took longer than {}", Period(*timeout))
            }
            Self::TimedOut { phase, timeout, whole: true } => {
                let timeout = Period(*timeout);
                write!(f, "connecting took longer than {timeout}; the time ran out during {phase}")
            }
            Self::Handshake(error) => error.fmt(f),
            Self::Refused(refusal) => {
                write!(f, "the server refused the opening handshake: {}", RefusalText(refusal))
            }
            Self::Redirect(error) => error.fmt(f),
            #[cfg(feature = "hyper")]
            Self::ExtendedConnectUnavailable => f.write_str(
                "the server does not accept a WebSocket over this HTTP/2 connection; connect over HTTP/1.1",
            ),
            Self::Abandoned => f.write_str("the attempt to connect was given up"),
        }
    }
}

/// Each sentence includes its cause.
impl std::error::Error for ConnectError {}

impl From<UrlError> for ConnectError {
    fn from(error: UrlError) -> Self {
        Self::Url(error)
    }
}

impl From<HeadError> for ConnectError {
    fn from(error: HeadError) -> Self {
        Self::Header(error)
    }
}

impl From<ProxyError> for ConnectError {
    fn from(error: ProxyError) -> Self {
        Self::Proxy(error)
    }
}

impl From<ProxyUrlError> for ConnectError {
    fn from(error: ProxyUrlError) -> Self {
        Self::Proxy(ProxyError::Url(error))
    }
}

impl From<RedirectError> for ConnectError {
    fn from(error: RedirectError) -> Self {
        Self::Redirect(error)
    }
}

impl From<HandshakeError> for ConnectError {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}

#[cfg(feature = "_tls")]
impl From<TlsError> for ConnectError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}
