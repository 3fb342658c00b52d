//! Whether a server's certificate is the one that is wanted, and if not, why not.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use super::der::{Names, common_name};
use super::{CertificateProblem, Provider};

/// Judges certificates. That the server has the certificate's key is proved whatever it trusts.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) trust: Trust,
    pub(super) provider: Provider,
}

#[derive(Debug)]
pub(super) enum Trust {
    /// Certificates that this one takes.
    Roots(Arc<dyn ServerCertVerifier>),
    /// Certificates with one of these SHA-256 fingerprints.
    Pinned(Vec<[u8; 32]>),
    Any,
}

impl Verifier {
    /// Finds out why no trusted authority has issued a certificate.
    fn unknown_issuer(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> CertificateProblem {
        let Some(names) = Names::of(end_entity) else { return CertificateProblem::Malformed };
        if names.issuer == names.subject {
            return CertificateProblem::SelfSigned {
                sha256: hex(&self.provider.sha256(end_entity).unwrap_or_default()),
            };
        }
        // Up the chain as far as it goes.
        let mut issuer = names.issuer;
        for certificate in intermediates {
            match Names::of(certificate) {
                Some(names) if names.subject == issuer => issuer = names.issuer,
                _ => {}
            }
        }
        CertificateProblem::UnknownIssuer { issuer: common_name(issuer).unwrap_or_default() }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.trust {
            Trust::Any => Ok(ServerCertVerified::assertion()),
            Trust::Pinned(pins) => {
                let digest = self.provider.sha256(end_entity).unwrap_or_default();
                match pins.iter().any(|pin| pin[..] == digest[..]) {
                    true => Ok(ServerCertVerified::assertion()),
                    false => Err(refuse(CertificateProblem::NotPinned { sha256: hex(&digest) })),
                }
            }
            Trust::Roots(verifier) => {
                let verified = verifier.verify_server_cert(
                    end_entity,
                    intermediates,
                    server_name,
                    ocsp_response,
                    now,
                );
                verified.map_err(|error| match error {
                    Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
                        refuse(self.unknown_issuer(end_entity, intermediates))
                    }
                    error => error,
                })
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.inner().signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.inner().signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.inner().signature_verification_algorithms.supported_schemes()
    }
}

/// An error that carries the reason to its report.
fn refuse(problem: CertificateProblem) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(problem))))
}

/// As tools print it: pairs of digits between colons.
fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}
