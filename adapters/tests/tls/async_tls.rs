//! The connector of async-tls, on smol.

use std::sync::Arc;

use bluewire::tls::async_tls::TlsConnector;
use bluewire::tls::async_tls::rustls_0_21::{Certificate, ClientConfig, RootCertStore};
use bluewire::tls::{ServerTls, Tls, TlsError};
use bluewire::{CloseCode, ConnectError, ConnectOptions, OwnedMessage, ServerOptions};

use crate::certs::{Authority, Identity};
use crate::sides::{Adapter, text};

fn connector(root: &Authority) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(&Certificate(root.der.clone())).expect("it is a root");
    let config = ClientConfig::builder().with_safe_defaults().with_root_certificates(roots);
    TlsConnector::from(Arc::new(config.with_no_client_auth()))
}

#[test]
fn async_tls_connects_on_smol() {
    let _bound = crate::watchdog::bound();
    let (identity, root) = Identity::good();
    let tls = ServerTls::new(&identity.chain_pem, &identity.key_pem).expect("they are PEM");
    let (_server, port) = Adapter::Smol.echo_server(ServerOptions::default().tls(tls));
    let options = ConnectOptions::new(format!("wss://localhost:{port}/"));
    let options = options.tls(connector(&root).into());
    let mut socket = Adapter::Smol.connect(options.clone()).expect("it lets us in");
    socket.send("over async-tls").expect("it is open");
    assert_eq!(socket.recv().expect("it is open"), Some(text("over async-tls")));
    let large = vec![7; 3_000_000];
    socket.send(&large[..]).expect("it is open");
    assert!(socket.recv().expect("it is open") == Some(OwnedMessage::Binary(large)));
    assert!(socket.close(CloseCode::NORMAL, "").expect("it closes").clean);

    for &other in Adapter::ALL.iter().filter(|&&adapter| adapter != Adapter::Smol) {
        let refused = other.connect(options.clone());
        assert!(matches!(refused, Err(ConnectError::Tls(TlsError::Settings(_)))), "{refused:?}");
    }
}

#[test]
fn async_tls_refuses_an_issuer_that_it_does_not_know() {
    let _bound = crate::watchdog::bound();
    let (identity, _) = Identity::good();
    let tls = ServerTls::new(&identity.chain_pem, &identity.key_pem).expect("they are PEM");
    let (_server, port) = Adapter::Smol.echo_server(ServerOptions::default().tls(tls));
    let options = ConnectOptions::new(format!("wss://localhost:{port}/"));
    let refused = Adapter::Smol.connect(options.tls(Tls::from(TlsConnector::default())));
    let Err(ConnectError::Tls(error)) = refused else { panic!("{refused:?}") };
    assert!(error.to_string().contains("certificate"), "{error}");
}
