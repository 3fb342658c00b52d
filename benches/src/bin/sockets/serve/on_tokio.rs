//! The shared parts of the servers on tokio: one thread, and TLS by tokio-rustls.

use std::future::Future;
use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{Setup, listen};

/// A connection that is served.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for S {}

/// How one connection is served.
pub(crate) trait Serve: Copy + Send + Sync + 'static {
    /// Serves it until it ends.
    fn connection(self, stream: impl Io) -> impl Future<Output = ()> + Send;
}

/// Serves for good.
pub(crate) fn run(setup: &Setup, how: impl Serve) -> io::Result<()> {
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    let acceptor = setup.tls()?.map(TlsAcceptor::from);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            match acceptor.clone() {
                None => drop(tokio::spawn(how.connection(stream))),
                Some(acceptor) => drop(tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        how.connection(stream).await;
                    }
                })),
            }
        }
    })
}
