//! Certificates, good ones and bad ones.

use std::sync::Arc;

use bluewire::tls::rustls_0_23::rustls::crypto::CryptoProvider;
#[cfg(not(feature = "tls-ring"))]
use bluewire::tls::rustls_0_23::rustls::crypto::aws_lc_rs as cryptography;
#[cfg(feature = "tls-ring")]
use bluewire::tls::rustls_0_23::rustls::crypto::ring as cryptography;
use bluewire::tls::rustls_0_23::rustls::pki_types::pem::PemObject;
use bluewire::tls::rustls_0_23::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
};

/// Somebody who issues certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub(crate) pem: String,
    #[cfg(feature = "async-tls")]
    pub(crate) der: Vec<u8>,
}

/// Somebody who has a certificate.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) chain_pem: String,
    pub(crate) key_pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().expect("there is a key"));
        let certificate = params.self_signed(&key).expect("it can sign");
        Self::of(&certificate, params, key)
    }

    /// Another one, issued by this one.
    pub(crate) fn intermediate(&self, name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().expect("there is a key"));
        let certificate = params.signed_by(&key, &self.issuer).expect("it can sign");
        Self::of(&certificate, params, key)
    }

    fn of(certificate: &Certificate, params: CertificateParams, key: KeyPair) -> Self {
        Self {
            pem: certificate.pem(),
            #[cfg(feature = "async-tls")]
            der: certificate.der().to_vec(),
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate for these names, from one year to another.
    pub(crate) fn issue(&self, names: &[&str], years: (i32, i32)) -> Identity {
        let key = KeyPair::generate().expect("there is a key");
        let certificate = leaf(names, years).signed_by(&key, &self.issuer).expect("it can sign");
        Identity { chain_pem: certificate.pem(), key_pem: key.serialize_pem() }
    }
}

impl Identity {
    /// A good certificate, and who issued it.
    pub(crate) fn good() -> (Self, Authority) {
        let root = Authority::new("Bluewire Test Root");
        (root.issue(&NAMES, GOOD), root)
    }

    pub(crate) fn self_signed(names: &[&str]) -> Self {
        let key = KeyPair::generate().expect("there is a key");
        let certificate = leaf(names, GOOD).self_signed(&key).expect("it can sign");
        Self { chain_pem: certificate.pem(), key_pem: key.serialize_pem() }
    }

    /// The same with its issuer's certificate in the chain.
    pub(crate) fn with(mut self, issuer: &Authority) -> Self {
        self.chain_pem.push_str(&issuer.pem);
        self
    }

    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        let chain = CertificateDer::pem_slice_iter(self.chain_pem.as_bytes());
        chain.collect::<Result<_, _>>().expect("it is PEM")
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).expect("it is PEM")
    }
}

/// Cryptography for the peers that use rustls themselves.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(cryptography::default_provider())
}

pub(crate) const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];
/// From one year to another.
pub(crate) const GOOD: (i32, i32) = (2020, 4000);

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([]).expect("no name is no bad name");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn leaf(names: &[&str], (from, to): (i32, i32)) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("they are names");
    params.distinguished_name.push(DnType::CommonName, "Bluewire Test Server");
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    params
}
