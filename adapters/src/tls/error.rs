//! Errors of TLS, in words that a person can act on.

use std::fmt;
use std::io;
use std::time::Duration;

use rustls::{AlertDescription, Error, PeerIncompatible};

use super::certificate_problem::CertificateProblem;
use super::{Alert, TlsFailure};
use crate::wording::{PeerText, Period, debug_in_sentences};

/// Why TLS failed.
///
/// If the handshake fails, nothing of the WebSocket was sent: no URL, no header, no message.
#[non_exhaustive]
pub enum TlsError {
    /// A setting cannot be used, or not with this adapter. The text says which one, and why.
    Settings(String),
    /// The host of the URL cannot be in a certificate.
    HostName(String),
    /// The peer's certificate was not accepted.
    Certificate(CertificateProblem),
    /// The peer ended TLS with this alert.
    Alert(Alert),
    /// The peer speaks neither TLS 1.2 nor TLS 1.3.
    Version,
    /// The peer speaks HTTP without TLS.
    PlainHttp,
    /// The peer speaks something that is not TLS.
    NotTls,
    /// The peer broke a rule of TLS, or supports none of the offered parameters.
    Protocol(TlsFailure),
    /// The stream ended during the handshake.
    EndedInHandshake,
    /// The stream ended without a close_notify. Somebody may have cut it, and data may be missing.
    Truncated,
    /// The handshake took longer than this.
    TimedOut(Duration),
    /// The stream failed during the handshake.
    Io(io::Error),
}

impl TlsError {
    /// The reason in an error of a stream, if it is one of TLS.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// Takes the reason out of an error of a stream.
    ///
    /// # Errors
    ///
    /// The same error, if it is not one of TLS.
    pub fn take(error: io::Error) -> Result<Self, io::Error> {
        error.downcast()
    }

    /// The error that rustls reports, after these first bytes of the peer.
    pub(crate) fn from_rustls(error: Error, first: &FirstBytes) -> Self {
        match error {
            Error::InvalidCertificate(problem) => {
                Self::Certificate(CertificateProblem::of(problem))
            }
            Error::NoCertificatesPresented => Self::Certificate(CertificateProblem::Missing),
            Error::AlertReceived(AlertDescription::ProtocolVersion) => Self::Version,
            Error::AlertReceived(alert) => Self::Alert(Alert::of(alert)),
            Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled,
            ) => Self::Version,
            _ if first.are_http() => Self::PlainHttp,
            _ if !first.are_tls() => Self::NotTls,
            error => Self::Protocol(TlsFailure::of(error)),
        }
    }

    /// The error of a stream of rustls.
    pub(crate) fn from_io(error: io::Error, first: &FirstBytes, handshaking: bool) -> io::Error {
        let kind = error.kind();
        match error.downcast::<Error>() {
            Ok(error) => Self::from_rustls(error, first).into_io(),
            Err(_) if kind == io::ErrorKind::UnexpectedEof && handshaking => first.end().into_io(),
            Err(_) if kind == io::ErrorKind::UnexpectedEof => Self::Truncated.into_io(),
            Err(error) => error,
        }
    }

    /// The kind of the error, as of one of IO.
    pub(crate) fn kind(&self) -> io::ErrorKind {
        match self {
            Self::EndedInHandshake | Self::Truncated => io::ErrorKind::UnexpectedEof,
            Self::TimedOut(_) => io::ErrorKind::TimedOut,
            Self::Settings(_) | Self::HostName(_) => io::ErrorKind::InvalidInput,
            Self::Io(error) => error.kind(),
            _ => io::ErrorKind::InvalidData,
        }
    }

    /// As an error of a stream.
    pub(crate) fn into_io(self) -> io::Error {
        match self {
            Self::Io(error) => error,
            error => io::Error::new(error.kind(), error),
        }
    }
}

/// The reason in an error of a stream that was about to shake hands.
impl From<io::Error> for TlsError {
    fn from(error: io::Error) -> Self {
        Self::take(error).unwrap_or_else(Self::Io)
    }
}

debug_in_sentences!(TlsError);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(why) => write!(f, "the TLS settings cannot be used: {why}"),
            Self::HostName(host) => {
                write!(f, "the host {} cannot be in a TLS certificate", PeerText(host))
            }
            Self::Certificate(problem) => problem.fmt(f),
            Self::Alert(alert) => {
                let (why, number) = (alert.meaning(), alert.number());
                write!(f, "the peer ended TLS: {why} (alert {number}, {alert})")
            }
            Self::Version => f.write_str("the peer supports neither TLS 1.2 nor TLS 1.3"),
            Self::PlainHttp => {
                f.write_str("the peer speaks HTTP without TLS on this port; is it ws, not wss?")
            }
            Self::NotTls => f.write_str("the peer does not speak TLS on this port"),
            Self::Protocol(failure) => failure.fmt(f),
            Self::EndedInHandshake => {
                f.write_str("the peer ended the connection in the middle of the TLS handshake")
            }
            Self::Truncated => {
                f.write_str("the connection ended without a TLS close_notify; data may be missing")
            }
            Self::TimedOut(time) => {
                write!(f, "the TLS handshake took longer than {}", Period(*time))
            }
            Self::Io(error) => {
                write!(f, "the connection failed during the TLS handshake: {error}")
            }
        }
    }
}

/// Each sentence has its cause in it.
impl std::error::Error for TlsError {}

/// How a peer began: what it speaks if it is not TLS.
/// How a peer began: what it speaks if it is not TLS.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FirstBytes {
    bytes: [u8; 5],
    len: usize,
}

impl FirstBytes {
    /// Notes what comes next.
    pub(crate) fn note(&mut self, bytes: &[u8]) {
        let room = &mut self.bytes[self.len..];
        let len = room.len().min(bytes.len());
        room[..len].copy_from_slice(&bytes[..len]);
        self.len += len;
    }

    /// The error for an end in the middle of the handshake.
    pub(crate) fn end(&self) -> TlsError {
        if self.are_http() { TlsError::PlainHttp } else { TlsError::EndedInHandshake }
    }

    /// A status line, or a request line with the beginning of a usual method.
    fn are_http(&self) -> bool {
        const BEGINNINGS: [&[u8]; 7] =
            [b"HTTP/", b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO", b"CONNE"];
        BEGINNINGS.contains(&&self.bytes[..self.len])
    }

    /// Content types are 20 to 23, and all versions begin with 3.
    fn are_tls(&self) -> bool {
        match self.bytes[..self.len] {
            [] => true,
            [kind] => matches!(kind, 20..=23),
            [kind, version, ..] => matches!(kind, 20..=23) && version == 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(bytes: &[u8]) -> FirstBytes {
        let mut first = FirstBytes::default();
        bytes.iter().for_each(|byte| first.note(&[*byte]));
        first
    }

    #[test]
    fn the_first_bytes_show_that_a_peer_does_not_speak_tls() {
        let told = |bytes| TlsError::from_rustls(Error::DecryptError, &first(bytes));
        assert!(matches!(told(b"HTTP/1.1 400 Bad Request"), TlsError::PlainHttp));
        assert!(matches!(told(b"GET / HTTP/1.1"), TlsError::PlainHttp));
        assert!(matches!(told(b"SSH-2.0"), TlsError::NotTls));
        assert!(matches!(told(b"\x16\x03\x03\0\x05hello"), TlsError::Protocol(_)));
        assert!(matches!(told(b"\x16\x02"), TlsError::NotTls));
        assert!(matches!(told(b""), TlsError::Protocol(_)));
    }

    #[test]
    fn an_error_of_a_stream_tells_its_reason() {
        let error = TlsError::Truncated.into_io();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert!(matches!(TlsError::of(&error), Some(TlsError::Truncated)));
        assert!(matches!(TlsError::from(error), TlsError::Truncated));
        assert!(TlsError::of(&io::ErrorKind::BrokenPipe.into()).is_none());
        assert!(matches!(TlsError::from(io::Error::other("a")), TlsError::Io(_)));
    }
}
