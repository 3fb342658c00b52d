//! The parts of smol: its timers, tasks and sockets.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use rustix::fd::{AsFd as _, BorrowedFd};
use smol::{Async, Timer};

use super::tcp_socket::TcpSocket;
use super::workers::{self, Spawner, Workers};
use crate::asynch::{self, Platform, Runtime};
use crate::server::{ServerOptions, concerns_nobody};
#[cfg(feature = "_tls")]
use crate::tls::{Tls, TlsError};

/// smol: connections wait in async-io's reactor, and their tasks run on smol's executors.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Smol;

impl Runtime for Smol {
    type Timer = Timer;

    fn now() -> Instant {
        Instant::now()
    }

    /// An executor runs many tasks before it looks at what has arrived for others.
    fn wake_later(waker: &Waker) {
        workers::wake_later(waker);
    }
}

impl asynch::Timer for Timer {
    fn never() -> Self {
        Self::never()
    }

    fn set(&mut self, at: Instant) {
        self.set_at(at);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Future::poll(Pin::new(self), cx).map(drop)
    }
}

impl Platform for Smol {
    type Tcp = TcpSocket;
    #[cfg(unix)]
    type Unix = Async<UnixStream>;
    type NetStream = super::NetStream;
    type Listener = Async<TcpListener>;
    type Spawner = Spawner;
    type Workers = Workers;

    fn spawner() -> io::Result<Spawner> {
        Ok(Spawner::of_this_thread())
    }

    fn spawn(spawner: &Spawner, task: impl Future<Output = ()> + Send + 'static) -> bool {
        spawner.spawn(task)
    }

    async fn connect(address: SocketAddr) -> io::Result<TcpSocket> {
        let socket = Async::<TcpStream>::connect(address).await?.into_inner()?;
        socket.set_nodelay(true)?;
        TcpSocket::new(socket)
    }

    #[cfg(unix)]
    fn unix(socket: UnixStream) -> io::Result<Async<UnixStream>> {
        Async::new_nonblocking(socket)
    }

    fn poll_peek(
        socket: &mut TcpSocket,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        socket.poll_peek(cx, buf)
    }

    fn peer_addr(socket: &TcpSocket) -> io::Result<SocketAddr> {
        socket.get_ref().peer_addr()
    }

    fn fd(socket: &TcpSocket) -> Option<BorrowedFd<'_>> {
        Some(socket.get_ref().as_fd())
    }

    fn listen(listener: TcpListener) -> io::Result<Async<TcpListener>> {
        Async::new(listener)
    }

    fn poll_accept(
        listener: &Async<TcpListener>,
        options: &ServerOptions,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<TcpSocket>> {
        loop {
            match listener.get_ref().accept() {
                Ok((socket, _)) => return Poll::Ready(prepared(socket, options.own_reactor)),
                Err(error)
                    if error.kind() == io::ErrorKind::WouldBlock
                        || concerns_nobody(&error, listener.get_ref()) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            ready!(listener.poll_readable(cx))?;
        }
    }

    fn spawner_for(_: &Async<TcpListener>) -> Spawner {
        Spawner::of_this_thread()
    }

    fn threads(options: &ServerOptions) -> usize {
        options.threads
    }

    fn start_workers(options: &ServerOptions) -> io::Result<Option<Workers>> {
        match options.threads {
            0 => Ok(None),
            threads => Workers::start(threads, options.own_reactor).map(Some),
        }
    }

    fn spawners(workers: &Workers) -> Vec<Spawner> {
        workers.spawners()
    }

    #[cfg(feature = "_tls")]
    async fn connect_tls(
        socket: TcpSocket,
        host: &str,
        tls: &Tls,
    ) -> Result<super::NetStream, TlsError> {
        #[cfg(feature = "async-tls")]
        if let Some(connector) = tls.async_tls() {
            let name = crate::tls::server_name(host)?.to_str().into_owned();
            let connected = connector.connect(name, socket).await.map_err(TlsError::Io)?;
            return Ok(asynch::NetStream::AsyncTls(Box::new(connected)));
        }
        let stream = super::TlsStream::connect::<Self>(socket, host, tls).await?;
        Ok(asynch::NetStream::Tls(Box::new(stream)))
    }
}

fn prepared(socket: TcpStream, own_reactor: bool) -> io::Result<TcpSocket> {
    // A message leaves when it is written: the engine has put together what it could.
    socket.set_nodelay(true)?;
    match own_reactor {
        true => TcpSocket::new(socket),
        false => Async::new(socket).map(TcpSocket::from),
    }
}
