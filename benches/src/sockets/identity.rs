//! Who the servers are, over TLS.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// A certificate for `localhost` and 127.0.0.1, made anew, and its key, in files until it is dropped.
#[derive(Debug)]
pub struct Identity {
    directory: PathBuf,
}

impl Identity {
    /// Makes it.
    ///
    /// # Errors
    ///
    /// When the files cannot be written.
    pub fn make() -> io::Result<Self> {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
        let directory = std::env::temp_dir().join(format!("bluewire-benches-{}", process::id()));
        fs::create_dir_all(&directory)?;
        let identity = Self { directory };
        fs::write(identity.chain(), made.cert.pem())?;
        fs::write(identity.key(), made.signing_key.serialize_pem())?;
        Ok(identity)
    }

    /// The file with the certificate.
    #[must_use]
    pub fn chain(&self) -> PathBuf {
        self.directory.join("cert.pem")
    }

    /// The file with its key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.directory.join("key.pem")
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        // A directory that is left over does no harm.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A client that trusts the certificates in this file, and no others.
///
/// # Errors
///
/// When the file has none.
pub fn trust(chain: &Path) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(chain).map_err(io::Error::other)?;
    for certificate in certificates {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The cryptography of all that is measured.
#[must_use]
pub fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
