//! Why there is no connection.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bluewire_core::{HandshakeError, HeadError, Refusal};

use crate::proxy::{ProxyError, each_failure};
use crate::redirect::RedirectError;
#[cfg(feature = "tls")]
use crate::tls::TlsError;
use crate::url::UrlError;

/// Why there is no connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is not one of a WebSocket. Nothing has been tried.
    Url(UrlError),
    /// A header or subprotocol is not one that may be set. Nothing has been tried.
    Header(HeadError),
    /// The URL is `wss`, and this was built without the feature `tls`.
    TlsUnavailable,
    /// TLS failed, so that nothing was sent.
    #[cfg(feature = "tls")]
    Tls(TlsError),
    /// The host's name was not found.
    Resolve {
        /// The name.
        host: String,
        /// What the system's resolver says.
        error: io::Error,
    },
    /// No address of the host could be reached: each with its own reason, which is
    /// [`TimedOut`](io::ErrorKind::TimedOut) where the time was over. Empty if there is none.
    Unreachable(Vec<(SocketAddr, io::Error)>),
    /// Nobody answers at the Unix socket of a `ws+unix` URL. That is
    /// [`NotFound`](io::ErrorKind::NotFound) where there is no such file,
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) where nobody listens, and
    /// [`TimedOut`](io::ErrorKind::TimedOut) where the server's queue was full all the time.
    UnixSocket {
        /// The path of the socket.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// There is no way through the proxy.
    Proxy(ProxyError),
    /// The connection failed while the opening handshake was under way.
    Io(io::Error),
    /// A phase took longer than it may. For TCP that is [`Unreachable`](Self::Unreachable).
    TimedOut {
        /// The phase.
        phase: Phase,
        /// How long it may take; or how long all phases may, if they were over first.
        timeout: Duration,
        /// Whether it was the time for all phases:
        /// [`ConnectOptions::timeout`](crate::ConnectOptions::timeout).
        whole: bool,
    },
    /// The server's response breaks a rule.
    Handshake(HandshakeError),
    /// The server answered, but refuses: with a status, headers and a body.
    Refused(Box<Refusal>),
    /// The server redirects, and redirects [are followed](crate::ConnectOptions::redirects), but
    /// this one cannot be.
    Redirect(RedirectError),
    /// The attempt was given up: by a [`Canceller`](crate::Canceller), by a `close`, or by dropping
    /// the last handle.
    Abandoned,
}

/// A part of the way to an open connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// The lookup of the host's name.
    Resolve,
    /// TCP, over all addresses of the host; or the way to a Unix socket.
    Tcp,
    /// The proxy's way to the host.
    Proxy,
    /// The handshake of TLS.
    Tls,
    /// The opening handshake (RFC 6455, section 4).
    Handshake,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "the lookup of the host's name",
            Self::Tcp => "TCP",
            Self::Proxy => "the proxy's way to the host",
            Self::Tls => "the TLS handshake",
            Self::Handshake => "the opening handshake",
        })
    }
}

impl ConnectError {
    /// An error of the stream on which the opening handshake is under way.
    #[cfg(any(feature = "blocking", feature = "smol"))]
    pub(crate) fn of_stream(error: io::Error) -> Self {
        #[cfg(feature = "tls")]
        let error = match TlsError::take(error) {
            Ok(error) => return Self::Tls(error),
            Err(error) => error,
        };
        Self::Io(error)
    }

    /// The phase in which it failed; `None` if none had begun, or the attempt was given up.
    #[must_use]
    pub const fn phase(&self) -> Option<Phase> {
        match self {
            Self::Url(_)
            | Self::Header(_)
            | Self::TlsUnavailable
            | Self::Abandoned
            | Self::Proxy(ProxyError::Url(_)) => None,
            Self::Resolve { .. } | Self::Proxy(ProxyError::Resolve { .. }) => Some(Phase::Resolve),
            Self::Unreachable(_)
            | Self::UnixSocket { .. }
            | Self::Proxy(ProxyError::Unreachable(_)) => Some(Phase::Tcp),
            Self::Proxy(_) => Some(Phase::Proxy),
            #[cfg(feature = "tls")]
            Self::Tls(_) => Some(Phase::Tls),
            Self::Io(_) | Self::Handshake(_) | Self::Refused(_) | Self::Redirect(_) => {
                Some(Phase::Handshake)
            }
            Self::TimedOut { phase, .. } => Some(*phase),
        }
    }
}

impl From<ProxyError> for ConnectError {
    fn from(error: ProxyError) -> Self {
        Self::Proxy(error)
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::Header(error) => error.fmt(f),
            Self::TlsUnavailable => f.write_str(
                "the URL asks for TLS, which is not built in: turn on the feature `tls`",
            ),
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.fmt(f),
            Self::Resolve { host, error } => write!(f, "the host {host} was not found: {error}"),
            Self::Unreachable(failures) if failures.is_empty() => {
                f.write_str("the host has no address")
            }
            Self::Unreachable(failures) => {
                f.write_str("no address of the host could be reached")?;
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
                write!(f, "{phase} took longer than {timeout:?}")
            }
            Self::TimedOut { phase, timeout, whole: true } => {
                write!(f, "connecting took longer than {timeout:?}, which ended during {phase}")
            }
            Self::Handshake(error) => error.fmt(f),
            Self::Refused(refusal) => {
                write!(f, "the server refused the opening handshake: {refusal}")
            }
            Self::Redirect(error) => error.fmt(f),
            Self::Abandoned => f.write_str("the attempt to connect was given up"),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Url(error) => Some(error),
            Self::Header(error) => Some(error),
            Self::Resolve { error, .. } | Self::UnixSocket { error, .. } | Self::Io(error) => {
                Some(error)
            }
            Self::Unreachable(failures) => failures.first().map(|(_, error)| error as _),
            Self::Proxy(error) => Some(error),
            Self::Handshake(error) => Some(error),
            Self::Redirect(error) => Some(error),
            #[cfg(feature = "tls")]
            Self::Tls(error) => Some(error),
            Self::TlsUnavailable | Self::TimedOut { .. } | Self::Refused(_) | Self::Abandoned => {
                None
            }
        }
    }
}
