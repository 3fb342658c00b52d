//! What can go wrong in TLS, in words that a person can act on.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

/// Why there is no TLS, or no more.
///
/// Before the handshake is complete nothing of the WebSocket has been sent: no URL, no header, no
/// message.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// A setting is not usable, or not for this adapter: which, and why.
    Settings(String),
    /// The host of the URL is no name that a certificate could be for.
    HostName(String),
    /// The peer's certificate was not accepted.
    Certificate(CertificateProblem),
    /// The peer refused, or broke off, by this alert.
    Alert(AlertDescription),
    /// The peer speaks neither TLS 1.2 nor TLS 1.3.
    Version,
    /// The peer speaks HTTP without TLS.
    PlainHttp,
    /// The peer speaks something that is not TLS.
    NotTls,
    /// The peer broke a rule of TLS, or knows nothing of what we offer.
    Protocol(Box<Error>),
    /// The stream ended while the handshake was under way.
    EndedInHandshake,
    /// The stream ended without a close_notify: somebody may have cut it, and what came may not be
    /// all.
    Truncated,
    /// The handshake took longer than this.
    TimedOut(Duration),
    /// The stream failed while the handshake was under way.
    Io(io::Error),
}

/// What a certificate has against it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// Its time is over, for so long.
    Expired(Duration),
    /// Its time begins in so long.
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
    /// Its chain leads to nobody who is trusted.
    UnknownIssuer {
        /// Where the chain ends; empty if that is not known.
        issuer: String,
    },
    /// It came without a certificate of its issuer, who is not trusted by itself.
    MissingIntermediate {
        /// Who issued it.
        issuer: String,
    },
    /// It was issued by itself.
    SelfSigned {
        /// Its fingerprint.
        sha256: String,
    },
    /// It is not one of those that were pinned.
    NotPinned {
        /// Its fingerprint.
        sha256: String,
    },
    /// The signature under it is not its issuer's, or the peer has not its key.
    BadSignature,
    /// Its issuer has revoked it.
    Revoked,
    /// It is for something else, such as a client's where a server's is wanted.
    WrongPurpose,
    /// It cannot be read.
    Malformed,
    /// There is none.
    Missing,
    /// Something else.
    Other(Box<CertificateError>),
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
            Error::InvalidCertificate(problem) => Self::Certificate(problem.into()),
            Error::NoCertificatesPresented => Self::Certificate(CertificateProblem::Missing),
            Error::AlertReceived(AlertDescription::ProtocolVersion) => Self::Version,
            Error::AlertReceived(alert) => Self::Alert(alert),
            Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled,
            ) => Self::Version,
            _ if first.are_http() => Self::PlainHttp,
            _ if !first.are_tls() => Self::NotTls,
            error => error.into(),
        }
    }

    /// What a stream of rustls says.
    pub(crate) fn from_io(error: io::Error, first: &FirstBytes, handshaking: bool) -> io::Error {
        let kind = error.kind();
        match error.downcast::<Error>() {
            Ok(error) => Self::from_rustls(error, first).into_io(),
            Err(_) if kind == io::ErrorKind::UnexpectedEof && handshaking => first.end().into_io(),
            Err(_) if kind == io::ErrorKind::UnexpectedEof => Self::Truncated.into_io(),
            Err(error) => error,
        }
    }

    /// As an error of a stream.
    pub(crate) fn into_io(self) -> io::Error {
        if let Self::Io(error) = self {
            return error;
        }
        let kind = match &self {
            Self::EndedInHandshake | Self::Truncated => io::ErrorKind::UnexpectedEof,
            Self::TimedOut(_) => io::ErrorKind::TimedOut,
            Self::Settings(_) | Self::HostName(_) => io::ErrorKind::InvalidInput,
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, self)
    }
}

impl From<Error> for TlsError {
    fn from(error: Error) -> Self {
        Self::Protocol(Box::new(error))
    }
}

/// The reason in an error of a stream that was about to shake hands.
impl From<io::Error> for TlsError {
    fn from(error: io::Error) -> Self {
        Self::take(error).unwrap_or_else(Self::Io)
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(why) => write!(f, "the TLS settings cannot be used: {why}"),
            Self::HostName(host) => write!(f, "no certificate can be for the host {host:?}"),
            Self::Certificate(problem) => problem.fmt(f),
            Self::Alert(alert) => tell_alert(*alert, f),
            Self::Version => {
                f.write_str("the peer speaks neither TLS 1.2 nor TLS 1.3, only an older version")
            }
            Self::PlainHttp => {
                f.write_str("the peer speaks HTTP without TLS on this port: is it ws, not wss?")
            }
            Self::NotTls => f.write_str("the peer does not speak TLS on this port"),
            Self::Protocol(error) => write!(f, "TLS failed: {error}"),
            Self::EndedInHandshake => {
                f.write_str("the peer ended the connection in the middle of the TLS handshake")
            }
            Self::Truncated => f.write_str(
                "the connection was cut: it ended without the end that TLS demands (close_notify)",
            ),
            Self::TimedOut(time) => {
                write!(f, "the TLS handshake was not complete within {time:?}")
            }
            Self::Io(error) => {
                write!(f, "the connection failed during the TLS handshake: {error}")
            }
        }
    }
}

fn tell_alert(alert: AlertDescription, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let why = match alert {
        AlertDescription::HandshakeFailure => "it found nothing in common with us",
        AlertDescription::CertificateRequired => "it wants a client certificate",
        AlertDescription::UnrecognisedName => "it does not know the host's name",
        AlertDescription::NoApplicationProtocol => "it does not speak HTTP/1.1 here",
        AlertDescription::UnknownCA | AlertDescription::BadCertificate => {
            "it does not accept our certificate"
        }
        AlertDescription::CertificateExpired => "our certificate has expired",
        AlertDescription::InternalError => "it had trouble of its own",
        _ => return write!(f, "the peer broke TLS off by the alert {alert:?}"),
    };
    write!(f, "the peer broke TLS off: {why} (alert {alert:?})")
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Certificate(problem) => Some(problem),
            Self::Protocol(error) => Some(error),
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<CertificateError> for CertificateProblem {
    fn from(error: CertificateError) -> Self {
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
                ServerName::IpAddress(ip) => Self::WrongIp { ip: ip.into(), names: presented },
                name => Self::WrongHost { host: name.to_str().into_owned(), names: presented },
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
                None => Self::Other(Box::new(CertificateError::Other(other))),
            },
            error => Self::Other(Box::new(error)),
        }
    }
}

fn since(earlier: u64, later: u64) -> Duration {
    Duration::from_secs(later.saturating_sub(earlier))
}

impl fmt::Display for CertificateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired(time) => {
                write!(f, "the peer's certificate has expired, {} ago", Span(*time))
            }
            Self::NotYetValid(time) => write!(
                f,
                "the peer's certificate will be valid in {}: is the clock right here?",
                Span(*time),
            ),
            Self::WrongHost { host, names } => {
                write!(f, "the peer's certificate is not for {host}")?;
                tell_names(names, f)
            }
            Self::WrongIp { ip, names } => {
                write!(f, "the peer's certificate is not for the address {ip}")?;
                tell_names(names, f)
            }
            Self::UnknownIssuer { issuer } if issuer.is_empty() => {
                f.write_str("the peer's certificate leads to nobody who is trusted")
            }
            Self::UnknownIssuer { issuer } => write!(
                f,
                "the peer's certificate leads to {issuer:?}, who is not trusted: if it is a \
                 private authority, add its certificate to the roots",
            ),
            Self::MissingIntermediate { issuer } => write!(
                f,
                "the peer sent no certificate of {issuer:?}, who issued its own and is not \
                 trusted here: either an intermediate certificate is missing in the chain there, \
                 or that of a private authority among the roots here",
            ),
            Self::SelfSigned { sha256 } => write!(
                f,
                "the peer's certificate is self-signed: if it is meant to be, pin its SHA-256 \
                 fingerprint, which is {sha256}",
            ),
            Self::NotPinned { sha256 } => write!(
                f,
                "the peer's certificate is not the pinned one: its SHA-256 fingerprint is {sha256}",
            ),
            Self::BadSignature => f.write_str(
                "the peer's certificate is forged, or the peer has not its key: a signature is \
                 wrong",
            ),
            Self::Revoked => f.write_str("the peer's certificate was revoked by its issuer"),
            Self::WrongPurpose => f.write_str("the peer's certificate is for another purpose"),
            Self::Malformed => f.write_str("the peer's certificate cannot be read"),
            Self::Missing => f.write_str("the peer showed no certificate, and needs one"),
            Self::Other(error) => write!(f, "the peer's certificate was not accepted: {error}"),
        }
    }
}

impl std::error::Error for CertificateProblem {}

fn tell_names(names: &[String], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match names {
        [] => f.write_str(", nor for any other"),
        names => write!(f, ", but for {}", names.join(", ")),
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
    fn times_are_told_in_units_that_people_use() {
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
