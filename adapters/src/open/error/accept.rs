//! Why a connection was not accepted.

use std::fmt;
use std::io;

use bluewire_core::{HandshakeError, HeadError, RequestHead};

#[cfg(feature = "_tls")]
use crate::tls::TlsError;
use crate::trace::{self, Id};
use crate::wording::{PeerText, debug_in_sentences};

/// Why a connection was not accepted. The server has already answered the client, if that was
/// possible.
#[non_exhaustive]
pub enum AcceptError {
    /// The stream failed.
    Io(io::Error),
    /// TLS failed.
    #[cfg(feature = "_tls")]
    Tls(Box<TlsError>),
    /// The request breaks a rule, or did not arrive in time.
    Handshake(HandshakeError),
    /// A page of another origin tried to connect. It got a 403 response.
    OriginRefused(RequestHead),
    /// A client asked for a name that is not in
    /// [`AcceptOptions::hosts`](crate::AcceptOptions::hosts). It got a 421 response.
    HostRefused(RequestHead),
    /// The request did not ask for a WebSocket. It got a 426 response.
    NotWebSocket(RequestHead),
    /// The HTTP server does not hand the connection of this request over. It was answered by 500.
    #[cfg(feature = "hyper")]
    NotUpgradable(RequestHead),
    /// A header of the options may not be set. The client was answered by 500.
    Header(HeadError),
    /// The application refused the request with this status.
    Refused(RequestHead, u16),
    /// The server has reached its limit on connections. The client got a 503 response.
    Full(RequestHead),
    /// The handshake was given up for another client, since as many as allowed were under way, or
    /// because the system had no file descriptors left.
    GivenUp,
}

impl AcceptError {
    /// Tells the log that a request, which has this number there, was refused or lost.
    pub(crate) fn tell(&self, id: Id) {
        match self {
            Self::Handshake(error) => id.refuses_for(error.status(), error),
            Self::OriginRefused(_) => id.refuses(403, "a page of another origin asked"),
            Self::HostRefused(_) => id.refuses(421, "the host is not one of this server's"),
            Self::Header(error) => id.refuses_for(Some(500), error),
            // Those with a status were reported when it was sent.
            Self::NotWebSocket(_) | Self::Refused(..) | Self::Full(_) => {}
            error => trace::loses(error),
        }
    }

    /// The kind of the error, as of one of IO.
    pub(crate) fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Io(error) => error.kind(),
            #[cfg(feature = "_tls")]
            Self::Tls(error) => error.kind(),
            Self::Handshake(HandshakeError::TimedOut) => io::ErrorKind::TimedOut,
            Self::Handshake(HandshakeError::ConnectionLost) => io::ErrorKind::UnexpectedEof,
            Self::Handshake(_) | Self::NotWebSocket(_) => io::ErrorKind::InvalidData,
            Self::OriginRefused(_) | Self::HostRefused(_) | Self::Refused(..) => {
                io::ErrorKind::PermissionDenied
            }
            Self::Header(_) => io::ErrorKind::InvalidInput,
            #[cfg(feature = "hyper")]
            Self::NotUpgradable(_) => io::ErrorKind::Unsupported,
            Self::Full(_) => io::ErrorKind::QuotaExceeded,
            Self::GivenUp => io::ErrorKind::ConnectionAborted,
        }
    }

    /// An error of the stream on which the opening handshake is under way.
    #[cfg(any(feature = "blocking", feature = "_asynch"))]
    pub(crate) fn of_stream(error: io::Error) -> Self {
        #[cfg(feature = "_tls")]
        let error = match TlsError::take(error) {
            Ok(error) => {
                let error = Self::Tls(Box::new(error));
                trace::loses(&error);
                return error;
            }
            Err(error) => error,
        };
        let error = Self::Io(error);
        trace::loses(&error);
        error
    }
}

debug_in_sentences!(AcceptError);

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => {
                write!(f, "the connection failed during the opening handshake: {error}")
            }
            #[cfg(feature = "_tls")]
            Self::Tls(error) => error.fmt(f),
            Self::Handshake(error) => error.fmt(f),
            Self::OriginRefused(head) => {
                let origin = head.headers().first_str("Origin").unwrap_or_default();
                let origin = PeerText(origin);
                write!(
                    f,
                    "a page of the origin {origin} tried to connect; AcceptOptions::origins refuses it"
                )
            }
            Self::HostRefused(head) => {
                let host = head.headers().first_str("Host").unwrap_or_default();
                let host = PeerText(host);
                write!(f, "the client asked for the host {host}; AcceptOptions::hosts lacks it")
            }
            Self::NotWebSocket(head) => {
                let (method, path) = (PeerText(head.method()), path(head));
                write!(f, "the request did not ask for a WebSocket: {method} {path}")
            }
            #[cfg(feature = "hyper")]
            Self::NotUpgradable(head) => write!(
                f,
                "the HTTP server does not hand over the connection of {}; serve it with upgrades",
                path(head)
            ),
            Self::Header(error) => error.fmt(f),
            Self::Refused(head, status) => {
                write!(f, "the application refused {} with status {status}", path(head))
            }
            Self::Full(_) => f.write_str(
                "the server has as many connections as ServerOptions::connections_max allows",
            ),
            Self::GivenUp => f.write_str(
                "the server gave up the opening handshake to make room for another client",
            ),
        }
    }
}

fn path(head: &RequestHead) -> PeerText<'_> {
    PeerText(head.path().unwrap_or("?"))
}

/// Each sentence has its cause in it.
impl std::error::Error for AcceptError {}

impl From<HandshakeError> for AcceptError {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}

impl From<HeadError> for AcceptError {
    fn from(error: HeadError) -> Self {
        Self::Header(error)
    }
}

#[cfg(feature = "_tls")]
impl From<TlsError> for AcceptError {
    fn from(error: TlsError) -> Self {
        Self::Tls(Box::new(error))
    }
}
