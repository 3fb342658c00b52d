//! The errors outside the engine: before the connection is open, and on its way.

use std::any::Any;
use std::fmt;
use std::io;

use bluewire_core::{Fault, HandshakeError, HeadError, ProtocolError, SendError};

use crate::open::error::{
    AcceptError, ConnectError, ProxyError, ProxyUrlError, RedirectError, UrlError,
};
#[cfg(feature = "_tls")]
use crate::tls::TlsError;
use crate::wording::debug_in_sentences;

/// Why a connection could not be made, or did not end cleanly.
///
/// Both `Display` and `Debug` say so in a sentence that has the cause in it, so that
/// [`source`](std::error::Error::source) has nothing to add, and a `main` that returns one prints
/// what a person can read.
#[non_exhaustive]
pub enum Error {
    /// It could not be made.
    Connect(ConnectError),
    /// It was not accepted.
    Accept(AcceptError),
    /// It ended by a fault: the peer's, a deadline's, the application's, or the network's.
    Fault(Fault),
    /// The transport failed.
    Io(io::Error),
    /// TLS failed.
    #[cfg(feature = "_tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    Tls(TlsError),
    /// The connection refused a call.
    Send(SendError),
    /// A callback panicked, with this message.
    CallbackPanicked(String),
}

impl Error {
    pub(crate) fn callback_panicked(payload: &(dyn Any + Send)) -> Self {
        let message = payload
            .downcast_ref::<&str>()
            .map(|message| (*message).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned());
        Self::CallbackPanicked(message.unwrap_or_else(|| "no message".to_owned()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(f),
            Self::Accept(error) => error.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
            Self::Io(error) => write!(f, "the connection was lost: {error}"),
            #[cfg(feature = "_tls")]
            Self::Tls(error) => error.fmt(f),
            Self::Send(error) => error.fmt(f),
            Self::CallbackPanicked(message) => {
                write!(f, "the application's callback panicked: {message}")
            }
        }
    }
}

debug_in_sentences!(Error);

impl std::error::Error for Error {}

/// The error that became one of IO, if it is one of this crate.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(error) => return error,
            Err(error) => error,
        };
        #[cfg(feature = "_tls")]
        let error = match TlsError::take(error) {
            Ok(error) => return Self::Tls(error),
            Err(error) => error,
        };
        Self::Io(error)
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

impl From<AcceptError> for Error {
    fn from(error: AcceptError) -> Self {
        Self::Accept(error)
    }
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        Self::Connect(error)
    }
}

impl From<UrlError> for Error {
    fn from(error: UrlError) -> Self {
        Self::Connect(error.into())
    }
}

impl From<ProxyError> for Error {
    fn from(error: ProxyError) -> Self {
        Self::Connect(error.into())
    }
}

impl From<ProxyUrlError> for Error {
    fn from(error: ProxyUrlError) -> Self {
        Self::Connect(error.into())
    }
}

impl From<RedirectError> for Error {
    fn from(error: RedirectError) -> Self {
        Self::Connect(error.into())
    }
}

impl From<HeadError> for Error {
    fn from(error: HeadError) -> Self {
        Self::Connect(error.into())
    }
}

/// [`Accept`](Error::Accept) for a fault of a client, to which a server has an
/// [answer](HandshakeError::status), and [`Connect`](Error::Connect) for one of a server.
impl From<HandshakeError> for Error {
    fn from(error: HandshakeError) -> Self {
        match error.status() {
            Some(_) => Self::Accept(error.into()),
            None => Self::Connect(error.into()),
        }
    }
}

#[cfg(feature = "_tls")]
impl From<TlsError> for Error {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<ProtocolError> for Error {
    fn from(error: ProtocolError) -> Self {
        Self::Fault(Fault::Protocol(error))
    }
}

/// An error of IO stays the one it was. Any other keeps its text, and has the kind that fits best.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Connect(error) => error.kind(),
            Error::Accept(error) => error.kind(),
            Error::Fault(Fault::Timeout(_)) => io::ErrorKind::TimedOut,
            Error::Fault(Fault::Protocol(_)) => io::ErrorKind::InvalidData,
            Error::Fault(_) => io::ErrorKind::ConnectionAborted,
            #[cfg(feature = "_tls")]
            Error::Tls(error) => error.kind(),
            Error::Send(SendError::NotOpen) => io::ErrorKind::BrokenPipe,
            Error::Send(_) => io::ErrorKind::InvalidInput,
            Error::Io(_) | Error::CallbackPanicked(_) => io::ErrorKind::Other,
        };
        match error {
            Error::Io(error) => error,
            error => Self::new(kind, error),
        }
    }
}

impl From<ConnectError> for io::Error {
    fn from(error: ConnectError) -> Self {
        Error::Connect(error).into()
    }
}

impl From<AcceptError> for io::Error {
    fn from(error: AcceptError) -> Self {
        Error::Accept(error).into()
    }
}

/// Whether an error of a stream says no more than that there is nothing to do now.
pub(crate) fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_way_through_one_of_io() {
        let errors = [
            (Error::from(UrlError::Host), io::ErrorKind::InvalidInput),
            (Error::from(HandshakeError::TimedOut), io::ErrorKind::TimedOut),
            (Error::from(HandshakeError::ConnectionLost), io::ErrorKind::UnexpectedEof),
            (Error::from(Fault::ConnectionLost), io::ErrorKind::ConnectionAborted),
            (Error::from(SendError::NotOpen), io::ErrorKind::BrokenPipe),
            (Error::from(ConnectError::Abandoned), io::ErrorKind::ConnectionAborted),
        ];
        for (error, kind) in errors {
            let text = error.to_string();
            let error = io::Error::from(error);
            assert_eq!((error.kind(), error.to_string()), (kind, text.clone()));
            assert_eq!(Error::from(error).to_string(), text);
        }
        let error = io::Error::from(Error::Io(io::ErrorKind::BrokenPipe.into()));
        assert!(error.get_ref().is_none(), "{error}");
    }
}
