//! Servers of one connection, each on a thread: some speak TLS by rustls, some do as they like.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bluewire::tls::rustls_0_23::rustls::sign::{CertifiedKey, SingleCertAndKey};
use bluewire::tls::rustls_0_23::rustls::{ServerConfig, ServerConnection};

use crate::certs::{Identity, provider};

/// No wait in these tests is longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server's port, and what it returns at its end.
pub(crate) struct Served<T> {
    pub(crate) port: u16,
    thread: JoinHandle<T>,
}

impl<T> Served<T> {
    pub(crate) fn join(self) -> T {
        self.thread.join().expect("the server is well")
    }
}

/// Does this with the first connection that comes.
pub(crate) fn serve<T: Send + 'static>(
    play: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> Served<T> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let port = listener.local_addr().expect("it is bound").port();
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client comes");
        stream.set_read_timeout(Some(PATIENCE)).expect("the time is not zero");
        stream.set_write_timeout(Some(PATIENCE)).expect("the time is not zero");
        stream.set_nodelay(true).expect("it is a socket");
        play(stream)
    });
    Served { port, thread }
}

/// Reads the client's first record, writes these bytes, and reads to the end of the stream. All
/// that was read.
pub(crate) fn answer_with(answer: &[u8]) -> Served<Vec<u8>> {
    let answer = answer.to_vec();
    serve(move |mut stream| {
        let mut all = vec![0; 16 * 1024];
        let len = stream.read(&mut all).expect("the client speaks first");
        all.truncate(len);
        stream.write_all(&answer).expect("it can be written");
        // However it ends.
        let _ = stream.read_to_end(&mut all);
        all
    })
}

/// Shakes hands by rustls, if the client does; all that it then read in the clear.
pub(crate) fn shake_hands(config: ServerConfig) -> Served<Vec<u8>> {
    serve(move |mut stream| {
        let mut session = ServerConnection::new(Arc::new(config)).expect("it is a configuration");
        let mut all = Vec::new();
        while let Ok((_, _)) = session.complete_io(&mut stream) {
            let mut some = [0; 1024];
            match session.reader().read(&mut some) {
                Ok(0) => break,
                Ok(len) => all.extend(&some[..len]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        all
    })
}

pub(crate) fn config(identity: &Identity) -> ServerConfig {
    config_with_key(identity, identity)
}

/// The certificate of the one and the key of the other.
pub(crate) fn config_with_key(certificate: &Identity, key: &Identity) -> ServerConfig {
    let provider = provider();
    let key = provider.key_provider.load_private_key(key.key()).expect("it is a key");
    let identity = Arc::new(CertifiedKey::new(certificate.chain(), key));
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("it has versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)))
}
