//! TLS 1.3 peers that ask for new keys: often is fine, a flood of it is not.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bluewire::tls::ServerTls;
use bluewire::{AcceptOptions, Error, asynch, blocking, smol as adapter};
use rcgen::{CertificateParams, KeyPair};
#[cfg(not(feature = "tls-ring"))]
use rustls::crypto::aws_lc_rs as cryptography;
#[cfg(feature = "tls-ring")]
use rustls::crypto::ring as cryptography;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::peer::{TEXT, frame, tcp_pair};
use crate::runtimes::OnRuntime;
#[cfg(feature = "tokio")]
use crate::runtimes::{RUNTIME, Tokio};
use crate::{PATIENCE, within};

/// A certificate, and who trusts it.
static TLS: LazyLock<(ServerTls, Arc<ClientConfig>)> = LazyLock::new(|| {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(cryptography::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = ServerTls::new(certificate.pem(), key.serialize_pem()).unwrap();
    (server, Arc::new(config))
});

type Client = StreamOwned<ClientConnection, TcpStream>;

/// A client whose opening handshake is over.
fn open(stream: TcpStream) -> Client {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = StreamOwned::new(ClientConnection::new(TLS.1.clone(), name).unwrap(), stream);
    client
        .write_all(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    client
}

/// Asks for new keys before each of many messages, and reads its echo.
fn converse(mut client: Client) {
    for number in 0..100_u8 {
        client.conn.refresh_traffic_keys().unwrap();
        client.write_all(&frame(0x80 | TEXT, &[b'a' + number % 26])).unwrap();
        let mut echo = [0; 3];
        client.read_exact(&mut echo).unwrap();
        assert_eq!(echo, [0x80 | TEXT, 1, b'a' + number % 26]);
    }
}

/// Asks for new keys again and again, and says nothing else.
fn flood(mut client: Client) {
    for _ in 0..100_000 {
        let asked = client.conn.refresh_traffic_keys();
        if asked.is_err() || client.conn.complete_io(&mut client.sock).is_err() {
            return;
        }
    }
    panic!("nobody minds");
}

/// Echoes until the connection ends: how it did. The TLS handshake may take this long.
fn echo_blocking_within(stream: TcpStream, timeout: Duration) -> Result<(), Error> {
    let stream = blocking::TlsStream::accept(stream, &TLS.0, timeout).unwrap();
    let mut socket = blocking::accept_with(stream, AcceptOptions::default()).unwrap();
    while let Some((message, mut sender)) = socket.recv_with_sender()? {
        sender.send(message)?;
    }
    Ok(())
}

fn echo_blocking(stream: TcpStream) -> Result<(), Error> {
    echo_blocking_within(stream, PATIENCE)
}

fn echo_smol(stream: TcpStream) -> Result<(), Error> {
    smol::block_on(async {
        let stream = adapter::TcpSocket::new(stream).unwrap();
        let stream = adapter::TlsStream::accept(stream, &TLS.0).await.unwrap();
        echo_on(adapter::accept_with(stream, AcceptOptions::default()).await.unwrap()).await
    })
}

#[cfg(feature = "tokio")]
fn echo_tokio(stream: TcpStream) -> Result<(), Error> {
    use bluewire::tokio as adapter;
    let stream = <Tokio as OnRuntime>::stream(stream);
    RUNTIME.block_on(async {
        let stream = adapter::TlsStream::accept(stream, &TLS.0).await.unwrap();
        echo_on(adapter::accept_with(stream, AcceptOptions::default()).await.unwrap()).await
    })
}

async fn echo_on<R: OnRuntime, S: asynch::AsyncTransport<R>>(
    mut socket: asynch::WebSocket<R, S>,
) -> Result<(), Error> {
    while let Some((message, mut sender)) = socket.recv_with_sender().await? {
        sender.send(message).await?;
    }
    Ok(())
}

type Echo = fn(TcpStream) -> Result<(), Error>;

/// The server of each adapter.
const SERVERS: &[Echo] = &[
    echo_blocking,
    echo_smol,
    #[cfg(feature = "tokio")]
    echo_tokio,
];

/// A conversation behind a TLS handshake that may take forever.
pub(crate) fn converses_without_a_timeout() {
    assert!(meet(|stream| echo_blocking_within(stream, Duration::MAX), converse).is_err());
}

/// Has this server and this client meet: how the server's connection ended.
fn meet(echo: Echo, play: fn(Client)) -> Result<(), Error> {
    let (ours, theirs) = tcp_pair();
    let playing = std::thread::spawn(move || play(open(theirs)));
    let ended = within("the server", move || echo(ours));
    playing.join().unwrap();
    ended
}

#[test]
fn new_keys_between_messages_are_fine() {
    let _bound = crate::watchdog::bound();
    for &echo in SERVERS {
        // The client leaves without a Close frame.
        assert!(meet(echo, converse).is_err());
    }
}

#[test]
fn a_flood_of_requests_for_new_keys_ends_the_connection() {
    let _bound = crate::watchdog::bound();
    for &echo in SERVERS {
        let error = meet(echo, flood).expect_err("no Close frame came");
        assert!(matches!(error, Error::Tls(_) | Error::Io(_)), "{error:?}");
    }
}
