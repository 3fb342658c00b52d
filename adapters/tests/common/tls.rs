//! TLS between a side and its peer, who needs not know of it: somebody in between has the other end
//! of it.
#![allow(dead_code, reason = "not every suite uses all")]

use std::sync::LazyLock;

use bluewire::tls::{ServerTls, Tls};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// A certificate for the loopback address, and those who trust it.
pub(crate) static TLS: LazyLock<(ServerTls, Tls)> = LazyLock::new(|| {
    let root_key = KeyPair::generate().expect("there is a key");
    let mut params = CertificateParams::new([]).expect("no name is no bad name");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&root_key).expect("it can sign").pem();
    let key = KeyPair::generate().expect("there is a key");
    let leaf = CertificateParams::new(["127.0.0.1".to_owned()]).expect("it is a name");
    let leaf = leaf.signed_by(&key, &Issuer::new(params, root_key)).expect("it can sign");
    let server = ServerTls::new(leaf.pem(), key.serialize_pem()).expect("they are PEM");
    (server, Tls::default().root_pem(root).expect("it is a root"))
});

/// Relays that end or begin TLS.
#[cfg(feature = "smol")]
pub(crate) mod between {
    use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
    use std::thread;

    use bluewire::smol::TlsStream;
    use smol::io::{AsyncWriteExt as _, copy, split};
    use smol::{Async, block_on, future};

    use super::TLS;

    /// Takes a client's connection by TLS and goes on to this address without. Where to connect.
    pub(crate) fn server_before(address: SocketAddr) -> SocketAddr {
        between(async move |client| {
            let stream = TlsStream::accept(client, &TLS.0).await.expect("the client speaks TLS");
            let plain = Async::<TcpStream>::connect(address).await.expect("it listens");
            relay(stream, plain).await;
        })
    }

    /// Takes a client's connection without TLS, and goes on to this address by TLS.
    pub(crate) fn client_before(address: SocketAddr) -> SocketAddr {
        between(async move |plain| {
            let server = Async::<TcpStream>::connect(address).await.expect("it listens");
            server.get_ref().set_nodelay(true).expect("it is a socket");
            let stream = TlsStream::connect(server, "127.0.0.1", &TLS.1).await;
            relay(stream.expect("the server speaks TLS"), plain).await;
        })
    }

    /// On a thread of its own: the tests block the executor as they like.
    fn between(play: impl AsyncFnOnce(Async<TcpStream>) + Send + 'static) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let address = listener.local_addr().expect("it is bound");
        thread::spawn(move || {
            let (stream, _) = listener.accept().expect("somebody comes");
            stream.set_nodelay(true).expect("it is a socket");
            block_on(play(Async::new(stream).expect("it is a socket")));
        });
        address
    }

    /// Passes bytes on, ends TLS cleanly, and passes other ends on.
    async fn relay(tls: TlsStream<Async<TcpStream>>, plain: Async<TcpStream>) {
        plain.get_ref().set_nodelay(true).expect("it is a socket");
        let socket = tls.stream().get_ref().try_clone().expect("it is open");
        let (from_tls, mut to_tls) = split(tls);
        let up = async {
            let how = match copy(from_tls, &plain).await {
                Ok(_) => Shutdown::Write,
                Err(_) => Shutdown::Both,
            };
            let _ = plain.get_ref().shutdown(how);
        };
        let down = async {
            let passed = copy(&plain, &mut to_tls).await;
            if passed.is_err() || to_tls.close().await.is_err() {
                let _ = socket.shutdown(Shutdown::Both);
            }
        };
        future::zip(up, down).await;
    }
}
