//! The parts of tokio: its clock, timers, tasks and sockets.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use rustix::fd::{AsFd as _, BorrowedFd};
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::runtime::Handle;
use tokio::task::coop;
use tokio::time::{Sleep, sleep_until};

use crate::asynch::{self, Platform, Runtime};
use crate::server::{ServerOptions, concerns_nobody};
#[cfg(feature = "_tls")]
use crate::tls::{Tls, TlsError};

/// tokio: connections wait in its drivers, by its clock, and their tasks run on its runtime.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Tokio;

/// The message for a program without a runtime where one is needed.
const OUTSIDE: &str = "Bluewire's tokio adapter was used outside of a tokio runtime: enter one, or \
    take the adapter of your own runtime";

impl Runtime for Tokio {
    type Timer = Timer;

    /// tokio's clock, which tests may pause.
    fn now() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn poll_budget(cx: &mut Context<'_>) -> Poll<()> {
        coop::poll_proceed(cx).map(|proceed| proceed.made_progress())
    }

    /// A task that wakes itself runs again at once where it is the only one that is ready, before those
    /// that have yielded, and before the runtime has looked for input.
    fn wake_later(waker: &Waker) {
        let yielding = pin!(tokio::task::yield_now());
        let _ = yielding.poll(&mut Context::from_waker(waker));
    }
}

/// A timer of tokio's. The sleep is made where it is first waited for: only there must be a
/// runtime.
#[expect(unnameable_types, reason = "a type of a sealed trait")]
#[derive(Debug)]
pub struct Timer {
    at: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl asynch::Timer for Timer {
    fn never() -> Self {
        Self { at: None, sleep: None }
    }

    fn set(&mut self, at: Instant) {
        self.at = Some(at);
        if let Some(sleep) = &mut self.sleep {
            sleep.as_mut().reset(at.into());
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| {
            // tokio would panic too, in its own words.
            assert!(Handle::try_current().is_ok(), "{OUTSIDE}");
            Box::pin(sleep_until(at.into()))
        });
        sleep.as_mut().poll(cx)
    }
}

/// A listener, and the runtime in which it waits.
#[expect(unnameable_types, reason = "a type of a sealed trait")]
#[derive(Debug)]
pub struct Listener {
    listener: tokio::net::TcpListener,
    runtime: Handle,
}

/// A server on tokio has no threads of its own.
#[expect(unnameable_types, reason = "a type of a sealed trait")]
#[derive(Clone, Copy, Debug)]
pub enum NoWorkers {}

impl Platform for Tokio {
    type Tcp = TcpStream;
    #[cfg(unix)]
    type Unix = UnixStream;
    type NetStream = super::NetStream;
    type Listener = Listener;
    type Spawner = Handle;
    type Workers = NoWorkers;

    fn unconstrained<T>(mut call: impl FnMut() -> T) -> T {
        let mut result = None;
        let called = poll_fn(|_| {
            result = Some(call());
            Poll::Ready(())
        });
        let called = pin!(coop::unconstrained(called));
        let _ = called.poll(&mut Context::from_waker(Waker::noop()));
        result.unwrap_or_else(call)
    }

    fn spawner() -> io::Result<Handle> {
        Handle::try_current().map_err(|_| io::Error::other(OUTSIDE))
    }

    fn spawn(spawner: &Handle, task: impl Future<Output = ()> + Send + 'static) -> bool {
        spawner.spawn(task);
        true
    }

    async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(socket)
    }

    #[cfg(unix)]
    fn unix(socket: std::os::unix::net::UnixStream) -> io::Result<UnixStream> {
        UnixStream::from_std(socket)
    }

    fn poll_peek(
        socket: &mut TcpStream,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        TcpStream::poll_peek(socket, cx, &mut ReadBuf::new(buf))
    }

    fn peer_addr(socket: &TcpStream) -> io::Result<SocketAddr> {
        socket.peer_addr()
    }

    fn fd(socket: &TcpStream) -> Option<BorrowedFd<'_>> {
        Some(socket.as_fd())
    }

    fn listen(listener: TcpListener) -> io::Result<Listener> {
        let runtime = Self::spawner()?;
        listener.set_nonblocking(true)?;
        Ok(Listener { listener: tokio::net::TcpListener::from_std(listener)?, runtime })
    }

    fn within<T>(listener: &Listener, call: impl FnOnce() -> T) -> T {
        let _entered = listener.runtime.enter();
        call()
    }

    fn poll_accept(
        listener: &Listener,
        _: &ServerOptions,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<TcpStream>> {
        let (socket, _) = ready!(listener.listener.poll_accept(cx))?;
        // A message leaves when it is written: the engine has put together what it could.
        Poll::Ready(socket.set_nodelay(true).map(|()| socket))
    }

    /// tokio asks the listener again and again after an error.
    fn concerns_nobody(error: &io::Error, listener: &Listener) -> bool {
        concerns_nobody(error, &listener.listener)
    }

    fn spawner_for(listener: &Listener) -> Handle {
        listener.runtime.clone()
    }

    fn threads(_: &ServerOptions) -> usize {
        0
    }

    fn start_workers(_: &ServerOptions) -> io::Result<Option<NoWorkers>> {
        Ok(None)
    }

    fn spawners(workers: &NoWorkers) -> Vec<Handle> {
        match *workers {}
    }

    #[cfg(feature = "_tls")]
    async fn connect_tls(
        socket: TcpStream,
        host: &str,
        tls: &Tls,
    ) -> Result<super::NetStream, TlsError> {
        let stream = super::TlsStream::connect::<Self>(socket, host, tls).await?;
        Ok(asynch::NetStream::Tls(Box::new(stream)))
    }
}
