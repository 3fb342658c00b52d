//! The reports of rustls, in types of our own.

use std::fmt;

use rustls::{AlertDescription, Error};

use crate::wording::{debug_in_sentences, words};

/// Why TLS failed, where no other variant of [`TlsError`](super::TlsError) fits.
///
/// Its text says what happened. [`rustls_0_23::error`](super::rustls_0_23::error) is the error of
/// the TLS library.
#[derive(Clone, PartialEq)]
pub struct TlsFailure(Box<Error>);

impl TlsFailure {
    pub(crate) fn of(error: Error) -> Self {
        Self(Box::new(error))
    }

    pub(super) const fn inner(&self) -> &Error {
        &self.0
    }
}

debug_in_sentences!(TlsFailure);

/// rustls has only the names of most reasons, which are shown in words.
impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, why) = match &*self.0 {
            Error::PeerMisbehaved(why) => ("the peer broke a rule of TLS", format!("{why:?}")),
            Error::PeerIncompatible(why) => {
                ("the peer and this end have no TLS parameters in common", format!("{why:?}"))
            }
            Error::InvalidMessage(why) => {
                ("the peer sent a malformed TLS message", format!("{why:?}"))
            }
            Error::InvalidCertificate(why) => {
                ("the peer's certificate was not accepted", format!("{why:?}"))
            }
            Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
                return f
                    .write_str("the peer sent a TLS message that is not allowed at this point");
            }
            error => return write!(f, "TLS failed: {error}"),
        };
        write!(f, "{what}: {}", words(&why))
    }
}

impl std::error::Error for TlsFailure {}

/// An alert of TLS: the code with which a peer says why it ends the connection (RFC 8446, 6).
///
/// It is shown by its name, such as `bad record mac`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Alert(AlertDescription);

impl Alert {
    /// Its number, as in the registry of TLS alerts: 40 is `handshake_failure`.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0.into()
    }

    pub(crate) const fn of(alert: AlertDescription) -> Self {
        Self(alert)
    }

    /// The meaning of the alert, for the reader of the error.
    pub(super) const fn meaning(self) -> &'static str {
        match self.0 {
            AlertDescription::HandshakeFailure => "it supports none of the parameters offered",
            AlertDescription::CertificateRequired => "it requires a client certificate",
            AlertDescription::UnrecognisedName => "it does not know the host's name",
            AlertDescription::NoApplicationProtocol => "it does not speak HTTP/1.1 here",
            AlertDescription::UnknownCA | AlertDescription::BadCertificate => {
                "it does not accept our certificate"
            }
            AlertDescription::CertificateExpired => "our certificate has expired",
            AlertDescription::InternalError => "it reports an internal error",
            _ => "it reports an error",
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words(&format!("{:?}", self.0)))
    }
}

impl fmt::Debug for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Alert({}, {self})", self.number())
    }
}

/// How a handshake went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeKind {
    /// A whole one, with certificates.
    Full,
    /// A whole one, for which the server asked the client to offer another key exchange: one more
    /// round trip.
    FullWithRetry,
    /// A short one, which resumed an earlier session.
    Resumed,
}

impl HandshakeKind {
    pub(super) const fn of(kind: rustls::HandshakeKind) -> Self {
        match kind {
            rustls::HandshakeKind::Full => Self::Full,
            rustls::HandshakeKind::FullWithHelloRetryRequest => Self::FullWithRetry,
            rustls::HandshakeKind::Resumed => Self::Resumed,
        }
    }
}
