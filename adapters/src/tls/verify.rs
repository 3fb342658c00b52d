//! Whether a server's certificate is the one that is wanted, and if not, why not.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme,
    SupportedCipherSuite,
};

use super::der::{Names, common_name};
use super::{CertificateProblem, provider};

/// Judges certificates. That the server has the certificate's key is proved whatever it trusts.
#[derive(Debug)]
pub(super) struct Verifier(pub(super) Trust);

#[derive(Debug)]
pub(super) enum Trust {
    Roots(Arc<WebPkiServerVerifier>),
    /// Certificates with one of these SHA-256 fingerprints.
    Pinned(Vec<[u8; 32]>),
    Any,
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
        match &self.0 {
            Trust::Any => Ok(ServerCertVerified::assertion()),
            Trust::Pinned(pins) => {
                let digest = sha256(end_entity);
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
                        refuse(unknown_issuer(end_entity, intermediates))
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
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Tells apart why nobody who is trusted has issued a certificate.
fn unknown_issuer(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
) -> CertificateProblem {
    let Some(names) = Names::of(end_entity) else { return CertificateProblem::Malformed };
    if names.issuer == names.subject {
        return CertificateProblem::SelfSigned { sha256: hex(&sha256(end_entity)) };
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

/// An error that carries the reason to where it is told.
fn refuse(problem: CertificateProblem) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(problem))))
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    match TLS13_AES_128_GCM_SHA256 {
        SupportedCipherSuite::Tls13(suite) => {
            suite.common.hash_provider.hash(bytes).as_ref().to_vec()
        }
        SupportedCipherSuite::Tls12(suite) => {
            suite.common.hash_provider.hash(bytes).as_ref().to_vec()
        }
    }
}

/// As tools print it: pairs of digits between colons.
fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}
