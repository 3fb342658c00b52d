//! What can go wrong outside the engine: before the connection is open, and on its way.

use std::any::Any;
use std::fmt;
use std::io;

use bluewire_core::{Fault, SendError};

use crate::accept::AcceptError;
use crate::connect_error::ConnectError;
#[cfg(feature = "tls")]
use crate::tls::TlsError;

/// Why a connection could not be made, or did not end in order.
#[derive(Debug)]
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
    #[cfg(feature = "tls")]
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
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.fmt(f),
            Self::Send(error) => error.fmt(f),
            Self::CallbackPanicked(message) => {
                write!(f, "the application's callback panicked: {message}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect(error) => Some(error),
            Self::Accept(error) => Some(error),
            Self::Fault(fault) => Some(fault),
            Self::Io(error) => Some(error),
            #[cfg(feature = "tls")]
            Self::Tls(error) => Some(error),
            Self::Send(error) => Some(error),
            Self::CallbackPanicked(_) => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        #[cfg(feature = "tls")]
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
