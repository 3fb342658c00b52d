//! Why a certificate was not accepted.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{CertificateError, Error};

use super::TlsFailure;
use crate::wording::{PeerText, debug_in_sentences};

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
    /// Its chain does not end at a trusted certificate authority. Either the authority is private,
    /// and [`Tls::root_pem`](crate::tls::Tls::root_pem) adds its root; or the server does not send
    /// an intermediate certificate.
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

debug_in_sentences!(CertificateProblem);

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_given_in_units_that_people_use() {
        let told = |secs| Span(Duration::from_secs(secs)).to_string();
        assert_eq!(told(90), "90 seconds");
        assert_eq!(told(600), "10 minutes");
        assert_eq!(told(86_400), "24 hours");
        assert_eq!(told(864_000), "10 days");
    }
}
