//! A server with a certificate, and a client that trusts it, for the tests.

use std::sync::LazyLock;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::{ServerTls, Tls};

/// A certificate for `localhost`, and a client's settings that trust its issuer.
pub(crate) static TLS: LazyLock<(ServerTls, Tls)> = LazyLock::new(fresh);

/// The same with another certificate, and sessions to resume that no other test uses.
pub(crate) fn fresh() -> (ServerTls, Tls) {
    let root_key = KeyPair::generate().expect("a key is made");
    let mut params = CertificateParams::new([]).expect("no name is needed");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&root_key).expect("the key signs").pem();
    let key = KeyPair::generate().expect("a key is made");
    let leaf = CertificateParams::new(["localhost".to_owned()]).expect("the name is valid");
    let leaf = leaf.signed_by(&key, &Issuer::new(params, root_key)).expect("the key signs");
    let server = ServerTls::new(leaf.pem(), key.serialize_pem()).expect("both are PEM");
    (server, Tls::default().root_pem(root).expect("the root is PEM"))
}
