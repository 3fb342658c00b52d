//! The runtime of the tests has no sockets, and tasks only in models.

use std::future::ready;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{SocketAddr, TcpListener};
use std::task::{Context, Poll};
use std::time::Instant;

use super::runtime::{Manual, ManualTimer, now};
use super::wire::Wire;
use crate::asynch::runtime::Runtime;
use crate::asynch::transport::AsyncTransport;
use crate::asynch::{NetStream, Platform};
use crate::server::ServerOptions;
#[cfg(feature = "_tls")]
use crate::tls::{Tls, TlsError};

impl Runtime for Manual {
    type Timer = ManualTimer;

    fn now() -> Instant {
        now()
    }
}

fn unsupported<T>() -> io::Result<T> {
    Err(ErrorKind::Unsupported.into())
}

impl Platform for Manual {
    type Tcp = Wire;
    #[cfg(unix)]
    type Unix = Wire;
    type NetStream = NetStream<Self>;
    type Listener = ();
    type Spawner = ();
    type Workers = ();

    fn spawner() -> io::Result<()> {
        if cfg!(shuttle) { Ok(()) } else { unsupported() }
    }

    #[cfg(shuttle)]
    fn spawn((): &(), task: impl Future<Output = ()> + Send + 'static) -> bool {
        drop(shuttle::future::spawn(task));
        true
    }

    #[cfg(not(shuttle))]
    fn spawn((): &(), _: impl Future<Output = ()> + Send + 'static) -> bool {
        false
    }

    fn connect(_: SocketAddr) -> impl Future<Output = io::Result<Wire>> + Send {
        ready(unsupported())
    }

    #[cfg(unix)]
    fn unix(_: std::os::unix::net::UnixStream) -> io::Result<Wire> {
        unsupported()
    }

    fn poll_peek(_: &mut Wire, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(unsupported())
    }

    fn peer_addr(_: &Wire) -> io::Result<SocketAddr> {
        unsupported()
    }

    fn fd(_: &Self::Tcp) -> Option<rustix::fd::BorrowedFd<'_>> {
        None
    }

    fn listen(_: TcpListener) -> io::Result<()> {
        unsupported()
    }

    fn poll_accept((): &(), _: &ServerOptions, _: &mut Context<'_>) -> Poll<io::Result<Wire>> {
        Poll::Ready(unsupported())
    }

    fn spawner_for((): &()) {}

    fn threads(_: &ServerOptions) -> usize {
        0
    }

    fn start_workers(_: &ServerOptions) -> io::Result<Option<()>> {
        unsupported()
    }

    fn spawners((): &()) -> Vec<()> {
        Vec::new()
    }

    #[cfg(feature = "_tls")]
    fn connect_tls(
        _: Wire,
        _: &str,
        _: &Tls,
    ) -> impl Future<Output = Result<NetStream<Self>, TlsError>> + Send {
        ready(Err(io::Error::from(ErrorKind::Unsupported).into()))
    }
}

impl AsyncTransport<Manual> for NetStream<Manual> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_read_some(cx, buf)
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_slices(cx, slices)
    }

    fn is_vectored(&self) -> bool {
        self.takes_slices()
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush_all(cx)
    }

    fn poll_shut_down(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_end(cx)
    }

    fn shut_down_now(&mut self) {
        self.end_now();
    }
}
