//! Redirects to TLS, within it and away from it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use bluewire::tls::Tls;
use bluewire::tls::rustls_0_23;
use bluewire::tls::rustls_0_23::rustls::server::WebPkiClientVerifier;
use bluewire::tls::rustls_0_23::rustls::{
    ClientConfig, RootCertStore, ServerConfig, ServerConnection, Stream,
};
use bluewire::{ConnectError, ConnectOptions, RedirectReason};

use crate::certs::{Authority, Identity, provider};
use crate::on_each_adapter;
use crate::peer::{PATIENCE, config};
use crate::sides::Adapter;

/// The request that a server got.
struct Asked {
    head: String,
    /// Whether the client showed a certificate.
    shown: bool,
}

impl Asked {
    fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }
}

/// A server that answers the request for a target by what this says, over TLS if it is configured;
/// its port, and what it was asked.
fn site(
    config: Option<Arc<ServerConfig>>,
    answer: impl Fn(&str) -> String + Send + 'static,
) -> (u16, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let port = listener.local_addr().expect("it is bound").port();
    let (tell, told) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Some(asked) = serve(stream, config.clone(), &answer)
                && tell.send(asked).is_err()
            {
                return;
            }
        }
    });
    (port, told)
}

fn serve(
    mut stream: TcpStream,
    config: Option<Arc<ServerConfig>>,
    answer: &impl Fn(&str) -> String,
) -> Option<Asked> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut session = match config {
        None => {
            let asked = Asked { head: read_head(&mut stream)?, shown: false };
            stream.write_all(answer(asked.target()).as_bytes()).ok()?;
            return Some(asked);
        }
        Some(config) => ServerConnection::new(config).ok()?,
    };
    let head = read_head(&mut Stream::new(&mut session, &mut stream))?;
    let asked = Asked { head, shown: session.peer_certificates().is_some() };
    let answer = answer(asked.target());
    Stream::new(&mut session, &mut stream).write_all(answer.as_bytes()).ok()?;
    session.send_close_notify();
    let _ = session.complete_io(&mut stream);
    Some(asked)
}

fn read_head(stream: &mut impl Read) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

fn to(location: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

/// The end of the way: a client that gets this has arrived.
fn arrived() -> String {
    "HTTP/1.1 418 Here\r\nContent-Length: 0\r\n\r\n".to_owned()
}

#[track_caller]
fn arrive(adapter: Adapter, options: ConnectOptions) {
    match adapter.connect(options) {
        Err(ConnectError::Refused(refusal)) => assert_eq!(refusal.head().status(), 418),
        other => panic!("{adapter:?}: {other:?}"),
    }
}

#[track_caller]
fn refused(adapter: Adapter, options: ConnectOptions) -> RedirectReason {
    match adapter.connect(options) {
        Err(ConnectError::Redirect(error)) => error.reason(),
        other => panic!("{adapter:?}: {other:?}"),
    }
}

fn trusting(root: &Authority) -> Tls {
    Tls::default().no_default_roots().root_pem(&root.pem).expect("it is a root")
}

/// A server's configuration that asks for a certificate, and takes none as well.
fn asking(identity: &Identity, root: &Authority) -> Arc<ServerConfig> {
    let mut roots = RootCertStore::empty();
    let root = Identity { chain_pem: root.pem.clone(), key_pem: String::new() };
    roots.add(root.chain().remove(0)).expect("it is a root");
    let provider = provider();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .expect("it has a root");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("it has versions")
        .with_client_cert_verifier(verifier)
        .with_single_cert(identity.chain(), identity.key());
    Arc::new(config.expect("they belong together"))
}

/// A ready configuration that shows this certificate.
fn ready(identity: &Identity, root: &Authority) -> Tls {
    let mut roots = RootCertStore::empty();
    let root = Identity { chain_pem: root.pem.clone(), key_pem: String::new() };
    roots.add(root.chain().remove(0)).expect("it is a root");
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("it has versions")
        .with_root_certificates(roots)
        .with_client_auth_cert(identity.chain(), identity.key())
        .expect("they belong together");
    rustls_0_23::client(config)
}

on_each_adapter! {
    fn a_client_certificate_stays_at_its_origin(adapter) {
        let (identity, root) = Identity::good();
        let shows = trusting(&root).client_certificate(&identity.chain_pem, &identity.key_pem);
        for tls in [shows.expect("it is one"), ready(&identity, &root)] {
            // They know each other's sessions, in which the certificate was shown.
            let config = asking(&identity, &root);
            let (port, there) = site(Some(Arc::clone(&config)), move |target| match target {
                "/3" => to("/4"),
                _ => arrived(),
            });
            let (first, here) = site(Some(config), move |target| match target {
                "/1" => to("2"),
                _ => to(&format!("https://127.0.0.1:{port}/3")),
            });
            let url = format!("wss://127.0.0.1:{first}/1");
            let options = ConnectOptions::new(url).tls(tls).header("Cookie", "a=b").redirects(3);
            arrive(adapter, options);
            for (site, target, shown) in [
                (&here, "/1", true),
                (&here, "/2", true),
                (&there, "/3", false),
                (&there, "/4", false),
            ] {
                let asked = site.recv_timeout(PATIENCE).expect("it is asked");
                assert_eq!((asked.target(), asked.shown), (target, shown));
                assert_eq!(asked.head.contains("Cookie: "), shown, "{target}");
            }
        }
    }

    fn no_redirect_leaves_tls(adapter) {
        let (identity, root) = Identity::good();
        let (plain, asked) = site(None, |_| arrived());
        for scheme in ["ws", "http"] {
            let (port, _) = site(Some(Arc::new(config(&identity))), move |_| {
                to(&format!("{scheme}://127.0.0.1:{plain}/"))
            });
            let options = ConnectOptions::new(format!("wss://127.0.0.1:{port}/"));
            let reason = refused(adapter, options.tls(trusting(&root)).redirects(5));
            assert_eq!(reason, RedirectReason::Downgrade);
        }
        assert!(asked.try_recv().is_err());
    }

    fn tls_can_be_entered(adapter) {
        let (identity, root) = Identity::good();
        let (port, there) = site(Some(asking(&identity, &root)), |_| arrived());
        let (plain, _) = site(None, move |_| to(&format!("https://127.0.0.1:{port}/b")));
        let tls = trusting(&root).client_certificate(&identity.chain_pem, &identity.key_pem);
        let options = ConnectOptions::new(format!("ws://me:secret@127.0.0.1:{plain}/"));
        arrive(adapter, options.tls(tls.expect("it is one")).redirects(1));
        let asked = there.recv_timeout(PATIENCE).expect("it is asked");
        assert_eq!((asked.target(), asked.shown), ("/b", false));
        assert!(!asked.head.contains("Authorization"), "{}", asked.head);
    }

    fn whom_to_trust_stays(adapter) {
        let (identity, root) = Identity::good();
        let (stranger, _) = Identity::good();
        let (port, _) = site(Some(Arc::new(config(&stranger))), |_| arrived());
        let (first, _) = site(Some(Arc::new(config(&identity))), move |_| {
            to(&format!("//127.0.0.1:{port}/"))
        });
        let tls = trusting(&root).client_certificate(&identity.chain_pem, &identity.key_pem);
        let options = ConnectOptions::new(format!("wss://127.0.0.1:{first}/"));
        let result = adapter.connect(options.tls(tls.expect("it is one")).redirects(1));
        assert!(matches!(result, Err(ConnectError::Tls(_))), "{result:?}");
    }
}

#[cfg(feature = "async-tls")]
#[test]
fn a_connector_of_async_tls_stays_at_its_origin() {
    let _bound = crate::watchdog::bound();
    use bluewire::tls::async_tls::{TlsConnector, rustls_0_21 as rustls};
    let (identity, root) = Identity::good();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(&rustls::Certificate(root.der)).expect("it is a root");
    let config = rustls::ClientConfig::builder()
        .with_safe_defaults()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls: Tls = TlsConnector::from(Arc::new(config)).into();
    let (port, asked) =
        site(Some(Arc::new(crate::peer::config(&identity))), |target| match target {
            "/1" => to("/2"),
            _ => to("//localhost/"),
        });
    let options = ConnectOptions::new(format!("wss://127.0.0.1:{port}/1")).tls(tls).redirects(5);
    assert_eq!(refused(Adapter::Smol, options), RedirectReason::Connector);
    for target in ["/1", "/2"] {
        assert_eq!(asked.recv_timeout(PATIENCE).expect("it is asked").target(), target);
    }
}
