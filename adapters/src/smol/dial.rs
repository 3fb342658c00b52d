//! Carries a plan out with futures that are polled together.

use std::future::{pending, poll_fn};
use std::io;
use std::net::{SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
#[cfg(unix)]
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use smol::future::FutureExt as _;
use smol::io::{AsyncReadExt as _, AsyncWriteExt as _};
use smol::{Async, Timer};

use super::connect::{open, within};
use super::net_stream::NetStream;
use super::tcp_socket::TcpSocket;
#[cfg(feature = "tls")]
use super::tls;
use crate::clock::Clock;
use crate::connect::{Opened, Opening, Request};
use crate::connect_error::ConnectError;
#[cfg(feature = "tls")]
use crate::dial::Plan;
use crate::dial::{Came, Step};
use crate::proxy::{ProxyError, Tunnel};
#[cfg(unix)]
use crate::unix_socket;

/// Connects, unless the request's canceller or this future ends it.
pub(super) async fn dial(
    request: &Request,
    given_up: impl Future<Output = Result<(NetStream, Opened), ConnectError>>,
) -> Result<(NetStream, Opened), ConnectError> {
    let dialled = cancelled(request).or(given_up).or(carry_out(request)).await;
    request.id.dialled(dialled)
}

/// Waits before an attempt, unless the request's canceller ends it.
pub(super) async fn pause(time: Duration, request: &Request) -> Result<(), ConnectError> {
    let pause = async {
        Timer::after(time).await;
        Ok(())
    };
    cancelled(request).or(pause).await
}

/// An error, once the request's canceller is used.
async fn cancelled<T>(request: &Request) -> Result<T, ConnectError> {
    let Some(canceller) = &request.canceller else { return pending().await };
    let watch = canceller.watch();
    poll_fn(|cx| match watch.is_cancelled(cx.waker()) {
        true => Poll::Ready(Err(ConnectError::Abandoned)),
        false => Poll::Pending,
    })
    .await
}

/// All requests that it takes, by one clock.
async fn carry_out(first: &Request) -> Result<(NetStream, Opened), ConnectError> {
    let clock = Clock::start();
    let mut next = None;
    loop {
        let request = next.as_ref().unwrap_or(first);
        match ask(request, clock).await {
            Err(error) => next = Some(request.follow(error)?),
            opened => return opened,
        }
    }
}

async fn ask(request: &Request, clock: Clock) -> Result<(NetStream, Opened), ConnectError> {
    let mut plan = request.plan();
    let mut race = Race::default();
    #[cfg(feature = "tls")]
    let mut secured = None;
    loop {
        match plan.next(clock.now()) {
            Step::Resolve(host, port) => {
                let found = async move { smol::net::resolve((host, port)).await };
                race.resolving = Some(Box::pin(found));
            }
            Step::Attempt(address) => {
                race.attempts.push((address, Box::pin(Async::<TcpStream>::connect(address))));
            }
            #[cfg(unix)]
            Step::Call(path) => plan.came(Came::Called(race.call(&path)), clock.now()),
            Step::GiveUp(address) => race.attempts.retain(|(other, _)| *other != address),
            Step::SpeakToProxy(until) => {
                let left = until.saturating_sub(clock.now());
                if let (Some(stream), Some(tunnel)) = (&race.connected, plan.tunnel()) {
                    let spoken = within(left, speak(stream, tunnel)).await;
                    spoken.unwrap_or(Ok(())).map_err(ProxyError::Io)?;
                }
            }
            #[cfg(feature = "tls")]
            Step::StartTls => {
                let (socket, host) = (race.connected()?, request.url.host());
                let shaken = tls::connect(socket, host, &request.tls);
                let shaken = wait_for(&mut plan, clock, shaken).await?;
                secured = Some(shaken.map_err(ConnectError::Tls)?);
                plan.came(Came::TlsStarted, clock.now());
            }
            #[cfg(not(feature = "tls"))]
            Step::StartTls => return Err(ConnectError::TlsUnavailable),
            Step::SendRequest(budget) => {
                #[cfg(feature = "tls")]
                let mut stream = match secured.take() {
                    Some(stream) => stream,
                    None => race.stream()?,
                };
                #[cfg(not(feature = "tls"))]
                let mut stream = race.stream()?;
                let opening = Opening::within(request, budget, clock.now());
                let opened = open(&mut stream, opening).await?;
                return Ok((stream, opened));
            }
            Step::Wait(until) => {
                let mut timer = clock.instant(until).map_or_else(Timer::never, Timer::at);
                let came = poll_fn(|cx| match race.poll(cx) {
                    Poll::Ready(came) => Poll::Ready(Some(came)),
                    Poll::Pending => timer.poll(cx).map(|_| None),
                });
                if let Some(came) = came.await {
                    plan.came(came, clock.now());
                }
            }
            Step::Fail(error) => return Err(error),
        }
    }
}

/// Writes to the proxy, and takes what it says.
async fn speak(mut stream: &Async<TcpStream>, tunnel: &mut Tunnel) -> io::Result<()> {
    while !tunnel.unsent().is_empty() {
        match stream.write(tunnel.unsent()).await {
            Ok(len) if len > 0 => tunnel.sent(len),
            // A proxy that has gone may have said why: the read that follows tells.
            _ => break,
        }
    }
    // What comes from behind the proxy stays in the socket.
    let mut seen = vec![0; 1024];
    match stream.peek(&mut seen).await? {
        0 => tunnel.receive_eof(),
        len => {
            let taken = tunnel.receive(&seen[..len]);
            stream.read_exact(&mut seen[..taken]).await?;
        }
    }
    Ok(())
}

/// What a future that is a step of a plan gives, unless its time is over before.
#[cfg(feature = "tls")]
async fn wait_for<T>(
    plan: &mut Plan,
    clock: Clock,
    future: impl Future<Output = T>,
) -> Result<T, ConnectError> {
    let mut future = std::pin::pin!(future);
    loop {
        let left = match plan.next(clock.now()) {
            Step::Wait(until) => until.saturating_sub(clock.now()),
            Step::Fail(error) => return Err(error),
            // It names nothing else while it waits for this.
            _ => Duration::ZERO,
        };
        if let Some(output) = within(left, future.as_mut()).await {
            return Ok(output);
        }
    }
}

type Pending<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

/// What is under way before there is a connection.
#[derive(Default)]
struct Race {
    resolving: Option<Pending<Vec<SocketAddr>>>,
    attempts: Vec<(SocketAddr, Pending<Async<TcpStream>>)>,
    connected: Option<Async<TcpStream>>,
    #[cfg(unix)]
    called: Option<Async<UnixStream>>,
}

impl Race {
    #[cfg(unix)]
    fn call(&mut self, path: &Path) -> io::Result<()> {
        self.called = Some(Async::new_nonblocking(unix_socket::call(path)?)?);
        Ok(())
    }

    /// The connection that is there, without TLS.
    fn stream(&mut self) -> Result<NetStream, ConnectError> {
        #[cfg(unix)]
        if let Some(socket) = self.called.take() {
            return Ok(socket.into());
        }
        self.connected().map(NetStream::from)
    }

    fn connected(&mut self) -> Result<TcpSocket, ConnectError> {
        let Some(stream) = self.connected.take() else {
            return Err(ConnectError::Unreachable(Vec::new()));
        };
        // A message leaves when it is written: the engine has put together what it could.
        stream.get_ref().set_nodelay(true).map_err(ConnectError::Io)?;
        stream.into_inner().and_then(TcpSocket::new).map_err(ConnectError::Io)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Came> {
        if let Some(resolving) = &mut self.resolving
            && let Poll::Ready(found) = resolving.poll(cx)
        {
            self.resolving = None;
            return Poll::Ready(Came::Addresses(found));
        }
        for (index, (address, attempt)) in self.attempts.iter_mut().enumerate() {
            let Poll::Ready(connected) = attempt.poll(cx) else { continue };
            let address = *address;
            drop(self.attempts.remove(index));
            return Poll::Ready(match connected {
                Ok(stream) => {
                    self.connected = Some(stream);
                    Came::Connected(address)
                }
                Err(error) => Came::Failed(address, error),
            });
        }
        Poll::Pending
    }
}
