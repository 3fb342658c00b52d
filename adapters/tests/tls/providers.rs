//! Which cryptography TLS uses, and what the settings about it exclude.

use std::sync::Arc;

use bluewire::tls::rustls_0_23::rustls::crypto::CryptoProvider;
use bluewire::tls::rustls_0_23::rustls::{CipherSuite, ClientConfig, RootCertStore};
use bluewire::tls::{Provider, ServerTls, Tls, TlsError, rustls_0_23};
use bluewire::{ConnectError, ConnectOptions, ServerOptions};

use crate::certs::{Identity, provider};
use crate::on_each_adapter;
use crate::sides::{Adapter, text};

/// A provider with one cipher suite and no other.
fn only(suite: CipherSuite) -> Provider {
    let all = Arc::unwrap_or_clone(provider());
    let cipher_suites = all.cipher_suites.iter().copied();
    let cipher_suites: Vec<_> = cipher_suites.filter(|known| known.suite() == suite).collect();
    assert_eq!(cipher_suites.len(), 1);
    rustls_0_23::provider(CryptoProvider { cipher_suites, ..all })
}

fn server_tls(identity: &Identity, provider: Provider) -> ServerTls {
    ServerTls::with_provider(provider, &identity.chain_pem, &identity.key_pem)
        .expect("they are PEM")
}

fn connect(adapter: Adapter, server: ServerTls, tls: Tls) -> Result<(), ConnectError> {
    let (_server, port) = adapter.echo_server(ServerOptions::default().tls(server));
    let options = ConnectOptions::new(format!("wss://localhost:{port}/")).tls(tls);
    let mut socket = adapter.connect(options)?;
    socket.send("as agreed").expect("it is open");
    assert_eq!(socket.recv().expect("it is open"), Some(text("as agreed")));
    Ok(())
}

/// Settings that cannot be used are refused before anything is sent.
fn refused(tls: Tls) -> String {
    let options = ConnectOptions::new("wss://localhost:1/").tls(tls);
    match Adapter::Blocking.connect(options) {
        Err(ConnectError::Tls(TlsError::Settings(why))) => why,
        other => panic!("{other:?}"),
    }
}

on_each_adapter! {
    fn the_provider_of_the_settings_is_the_one_that_is_used(adapter) {
        let (identity, root) = Identity::good();
        let trusting = Tls::default().root_pem(&root.pem).expect("it is a root");
        let (aes, chacha) = (
            || only(CipherSuite::TLS13_AES_256_GCM_SHA384),
            || only(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
        );
        let agreed = connect(
            adapter,
            server_tls(&identity, chacha()),
            trusting.clone().provider(chacha()),
        );
        agreed.expect("both have the one cipher suite");
        // Whether the client's or the server's provider lacks what the other has.
        for (server, client) in [(aes(), chacha()), (chacha(), aes())] {
            let client = trusting.clone().provider(client);
            let result = connect(adapter, server_tls(&identity, server), client);
            assert!(matches!(result, Err(ConnectError::Tls(TlsError::Alert(_)))), "{result:?}");
        }
    }

    fn a_provider_may_come_after_the_certificate(adapter) {
        let (identity, root) = Identity::good();
        let chacha = only(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
        let server = server_tls(&identity, chacha.clone())
            .require_client_certificate(&root.pem)
            .expect("it is a root");
        let client = root.issue(&["somebody"], crate::certs::GOOD);
        let tls = Tls::default()
            .root_pem(&root.pem)
            .and_then(|tls| tls.client_certificate(&client.chain_pem, &client.key_pem))
            .expect("they are PEM")
            .provider(chacha);
        connect(adapter, server, tls).expect("the certificate is shown");
    }
}

#[test]
fn a_pin_needs_sha_256_of_the_provider() {
    let _bound = crate::watchdog::bound();
    let tls = Tls::default().pin_sha256(&"ab".repeat(32)).expect("it is a fingerprint");
    let why = refused(tls.provider(only(CipherSuite::TLS13_AES_256_GCM_SHA384)));
    assert!(why.contains("SHA-256"), "{why}");
}

#[test]
fn a_ready_made_configuration_has_its_provider() {
    let _bound = crate::watchdog::bound();
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("it has versions")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let chacha = only(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
    let why = refused(rustls_0_23::client(config).provider(chacha));
    assert!(why.contains("ready-made"), "{why}");
}

#[test]
fn an_error_of_rustls_can_be_had_in_full() {
    let _bound = crate::watchdog::bound();
    let nothing = CryptoProvider { kx_groups: Vec::new(), ..Arc::unwrap_or_clone(provider()) };
    let why = refused(Tls::default().provider(rustls_0_23::provider(nothing)));
    assert!(why.contains("the provider"), "{why}");
    let served = crate::peer::answer_with(b"\x16\x03\x03\0\x05\x02\0\0\x01\0");
    let options = ConnectOptions::new(format!("wss://localhost:{}/", served.port));
    let error = Adapter::Blocking.connect(options).expect_err("that is no server's hello");
    let ConnectError::Tls(TlsError::Protocol(failure)) = error else { panic!("{error:?}") };
    let error = rustls_0_23::error(&failure);
    assert!(matches!(error, rustls::Error::InvalidMessage(_)), "{error:?}, shown as {failure}",);
}

#[cfg(feature = "platform-verifier")]
mod platform_verifier {
    use super::*;

    #[test]
    fn it_trusts_added_roots_and_no_others() {
        let _bound = crate::watchdog::bound();
        let (identity, root) = Identity::good();
        let usual = || rustls_0_23::provider(provider());
        for &adapter in Adapter::ALL {
            let system = Tls::default().platform_verifier();
            let result = connect(adapter, server_tls(&identity, usual()), system.clone());
            assert!(matches!(result, Err(ConnectError::Tls(_))), "{result:?}");
            // A system without roots of its own cannot verify, and says so.
            let system = system.root_pem(&root.pem).expect("it is a root");
            match connect(adapter, server_tls(&identity, usual()), system) {
                Ok(()) => {}
                Err(ConnectError::Tls(TlsError::Settings(why))) => {
                    assert!(why.contains("the system cannot verify"), "{why}");
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    #[test]
    fn it_contradicts_pins_and_the_absence_of_roots() {
        let _bound = crate::watchdog::bound();
        let system = || Tls::default().platform_verifier();
        let pinned = system().pin_sha256(&"ab".repeat(32)).expect("it is a fingerprint");
        assert!(refused(pinned).contains("contradict"));
        assert!(refused(system().dangerously_accept_any_certificate()).contains("contradicts"));
        assert!(refused(system().no_default_roots()).contains("keep one"));
    }
}
