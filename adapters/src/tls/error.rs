//! Errors of TLS, in words that a person can act on.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

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

/// Why a certificate was not accepted.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// It expired this long ago.
    Expired(Duration),
    /// It becomes valid after this time.
    NotYetValid(Duration),
    /// It is not for this host.
    WrongHost {
        /// The host of the URL.
        host: String,
        /// Whom it is for.
        names: Vec<String>,
    },
    /// It is not for this address.
    WrongIp {
        /// The host of the URL.
        ip: IpAddr,
        /// Whom it is for.
        names: Vec<String>,
    },
    /// Its chain does not end at a trusted certificate authority. Either the authority is private, and
    /// [`Tls::root_pem`](crate::tls::Tls::root_pem) adds its root; or the server does not send an
    /// intermediate certificate.
    UnknownIssuer {
        /// The issuer at the end of the chain; empty if unknown.
        issuer: String,
    },
    /// It is self-signed.
    SelfSigned {
        /// Its fingerprint.
        sha256: String,
    },
    /// It is not one of those that were pinned.
    NotPinned {
        /// Its fingerprint.
        sha256: String,
    },
    /// Its signature is wrong, or the peer does not have its key.
    BadSignature,
    /// Its issuer has revoked it.
    Revoked,
    /// It has another purpose, such as a client certificate on a server.
    WrongPurpose,
    /// It cannot be read.
    Malformed,
    /// The peer sent no certificate.
    Missing,
    /// Something else.
    Other(TlsFailure),
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

    /// What rustls says, after these first bytes of the peer.
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

debug_in_sentences!(TlsError, CertificateProblem);

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

impl CertificateProblem {
    pub(crate) fn of(error: CertificateError) -> Self {
        match error {
            CertificateError::Expired => Self::Expired(Duration::ZERO),
            CertificateError::ExpiredContext { time, not_after } => {
                Self::Expired(since(not_after.as_secs(), time.as_secs()))
            }
            CertificateError::NotValidYet => Self::NotYetValid(Duration::ZERO),
            CertificateError::NotValidYetContext { time, not_before } => {
                Self::NotYetValid(since(time.as_secs(), not_before.as_secs()))
            }
            CertificateError::NotValidForNameContext { expected, presented } => match expected {
                ServerName::IpAddress(ip) => {
                    Self::WrongIp { ip: ip.into(), names: plain(presented) }
                }
                name => {
                    Self::WrongHost { host: name.to_str().into_owned(), names: plain(presented) }
                }
            },
            CertificateError::UnknownIssuer => Self::UnknownIssuer { issuer: String::new() },
            CertificateError::BadSignature => Self::BadSignature,
            CertificateError::Revoked => Self::Revoked,
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                Self::WrongPurpose
            }
            CertificateError::BadEncoding => Self::Malformed,
            CertificateError::Other(other) => match other.0.downcast_ref::<Self>() {
                Some(problem) => problem.clone(),
                None => Self::other(CertificateError::Other(other)),
            },
            error => Self::other(error),
        }
    }

    fn other(error: CertificateError) -> Self {
        Self::Other(TlsFailure::of(Error::InvalidCertificate(error)))
    }
}

/// Names as people write them: rustls hands them out as `DnsName("a.example")` and the like.
fn plain(names: Vec<String>) -> Vec<String> {
    let plain = |name: String| {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
        let inner = inner.map(|inner| inner.trim_matches('"').to_owned());
        inner.unwrap_or(name)
    };
    names.into_iter().map(plain).collect()
}

fn since(earlier: u64, later: u64) -> Duration {
    Duration::from_secs(later.saturating_sub(earlier))
}

impl fmt::Display for CertificateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired(time) => {
                write!(f, "the peer's certificate expired {} ago", Span(*time))
            }
            Self::NotYetValid(time) => write!(
                f,
                "the peer's certificate is not valid for another {}; is the clock right here?",
                Span(*time),
            ),
            Self::WrongHost { host, names } => {
                write!(f, "the peer's certificate is not for {}", PeerText(host))?;
                tell_names(names, f)
            }
            Self::WrongIp { ip, names } => {
                write!(f, "the peer's certificate is not for the address {ip}")?;
                tell_names(names, f)
            }
            Self::UnknownIssuer { issuer } if issuer.is_empty() => f.write_str(
                "the peer's certificate is from an unknown authority; trust a private one by \
                 Tls::root_pem",
            ),
            Self::UnknownIssuer { issuer } => write!(
                f,
                "the peer's certificate is from an unknown authority, {}; trust a private one by \
                 Tls::root_pem, or have the server send its whole chain",
                PeerText(issuer),
            ),
            Self::SelfSigned { sha256 } => write!(
                f,
                "the peer's certificate is self-signed; to trust it, give Tls::pin_sha256 its \
                 fingerprint, {sha256}",
            ),
            Self::NotPinned { sha256 } => write!(
                f,
                "the peer's certificate is not the pinned one; its SHA-256 fingerprint is {sha256}",
            ),
            Self::BadSignature => f.write_str(
                "the peer's certificate has a wrong signature, or the peer does not have its key",
            ),
            Self::Revoked => f.write_str("the peer's certificate was revoked by its issuer"),
            Self::WrongPurpose => f.write_str("the peer's certificate is for another purpose"),
            Self::Malformed => f.write_str("the peer's certificate is malformed"),
            Self::Missing => f.write_str("the peer sent no certificate, which is required"),
            Self::Other(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for CertificateProblem {}

fn tell_names(names: &[String], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const SHOWN_MAX: usize = 3;
    let Some((first, others)) = names.split_first() else {
        return f.write_str(", and it names no host at all");
    };
    write!(f, ", but for {}", PeerText(first))?;
    for name in others.iter().take(SHOWN_MAX - 1) {
        write!(f, ", {}", PeerText(name))?;
    }
    match names.len().checked_sub(SHOWN_MAX) {
        None | Some(0) => Ok(()),
        Some(more) => write!(f, " and {more} more"),
    }
}

/// A time in the largest unit that fits.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = match self.0.as_secs() {
            secs @ ..120 => (secs, "seconds"),
            secs @ ..7_200 => (secs / 60, "minutes"),
            secs @ ..172_800 => (secs / 3_600, "hours"),
            secs => (secs / 86_400, "days"),
        };
        write!(f, "{count} {unit}")
    }
}

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

    /// What an end in the middle of the handshake means.
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
    fn what_is_not_tls_shows_by_its_first_bytes() {
        let told = |bytes| TlsError::from_rustls(Error::DecryptError, &first(bytes));
        assert!(matches!(told(b"HTTP/1.1 400 Bad Request"), TlsError::PlainHttp));
        assert!(matches!(told(b"GET / HTTP/1.1"), TlsError::PlainHttp));
        assert!(matches!(told(b"SSH-2.0"), TlsError::NotTls));
        assert!(matches!(told(b"\x16\x03\x03\0\x05hello"), TlsError::Protocol(_)));
        assert!(matches!(told(b"\x16\x02"), TlsError::NotTls));
        assert!(matches!(told(b""), TlsError::Protocol(_)));
    }

    #[test]
    fn times_are_given_in_units_that_people_use() {
        let told = |secs| Span(Duration::from_secs(secs)).to_string();
        assert_eq!(told(90), "90 seconds");
        assert_eq!(told(600), "10 minutes");
        assert_eq!(told(86_400), "24 hours");
        assert_eq!(told(864_000), "10 days");
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
