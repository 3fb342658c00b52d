//! Carries out the plan of an attempt to connect, with futures that are polled together.

use std::future::{Future, pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::net_stream::NetStream;
use super::platform::Platform;
use super::runtime::{Runtime, Timer};
use super::transport::AsyncTransport;
use super::wait::{either, read, sleep, timer, within, write_out};
use crate::clock::Clock;
use crate::open::error::{ConnectError, ProxyError};
#[cfg(feature = "_tls")]
use crate::open::plan::Plan;
use crate::open::plan::{Came, Resolving, Step};
use crate::open::proxy::Tunnel;
use crate::open::request::{Opened, Opening, Progress, Request};
#[cfg(unix)]
use crate::unix_socket;

/// A connection that is open, with its stream.
pub(super) type Dialled<R> = (<R as Platform>::NetStream, Opened);

/// Connects, unless the request's canceller or this future ends it.
pub(super) async fn dial<R: Runtime>(
    request: &Request,
    given_up: impl Future<Output = Result<Dialled<R>, ConnectError>>,
) -> Result<Dialled<R>, ConnectError> {
    if let Err(outside) = R::spawner() {
        // A runtime's sockets and timers would panic too, in its own words.
        panic!("{outside}");
    }
    let dialled = either(either(cancelled(request), given_up), carry_out::<R>(request)).await;
    request.id.dialled(dialled)
}

/// Waits before an attempt, unless the request's canceller ends it.
pub(super) async fn pause<R: Runtime>(
    time: Duration,
    request: &Request,
) -> Result<(), ConnectError> {
    let pause = async {
        sleep::<R>(Some(time)).await;
        Ok(())
    };
    either(cancelled(request), pause).await
}

/// Reads and writes until the opening handshake is complete. Its deadline bounds both.
pub(super) async fn open<R: Runtime, S: AsyncTransport<R>>(
    stream: &mut S,
    mut opening: Opening,
) -> Result<Opened, ConnectError> {
    loop {
        let left = opening.time_left();
        let written = write_out(stream, &mut opening.outbox);
        // If the time is over, the handshake says so below.
        if let Some(Err(error)) = within::<R, _>(left, written).await {
            opening.write_failed(error);
        }
        opening = match opening.advance()? {
            Progress::Done(opened) => return Ok(opened),
            Progress::More(opening) => opening,
        };
        let left = opening.time_left();
        let read = read::<R, _>(stream, opening.inbox.space(), left).await;
        opening = opening.received(read)?;
    }
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

/// Performs all requests that redirects lead to, by one clock.
async fn carry_out<R: Runtime>(first: &Request) -> Result<Dialled<R>, ConnectError> {
    let clock = Clock::by(R::now);
    let mut next = None;
    loop {
        let request = next.as_ref().unwrap_or(first);
        match ask::<R>(request, clock).await {
            Err(error) => next = Some(request.follow(error)?),
            opened => return opened,
        }
    }
}

async fn ask<R: Runtime>(request: &Request, clock: Clock) -> Result<Dialled<R>, ConnectError> {
    let mut plan = request.plan();
    let mut race = Race::<R>::default();
    // Once it is more than a TCP connection.
    let mut finished: Option<R::NetStream> = None;
    loop {
        match plan.next(clock.now()) {
            Step::Resolve(host, port) => race.resolving.begin(host, port),
            Step::Attempt(address) => {
                race.attempts.push((address, Box::pin(R::connect(address))));
            }
            #[cfg(unix)]
            Step::Call(path) => {
                let called = unix_socket::call(&path).and_then(R::unix);
                let called = called.map(|socket| finished = Some(NetStream::Unix(socket).into()));
                plan.came(Came::Called(called), clock.now());
            }
            Step::GiveUp(address) => race.attempts.retain(|(other, _)| *other != address),
            Step::SpeakToProxy(until) => {
                let left = until.saturating_sub(clock.now());
                if let (Some(socket), Some(tunnel)) = (&mut race.connected, plan.tunnel()) {
                    let spoken = within::<R, _>(Some(left), speak::<R>(socket, tunnel)).await;
                    spoken.unwrap_or(Ok(())).map_err(ProxyError::Io)?;
                }
            }
            #[cfg(feature = "_tls")]
            Step::StartTls => {
                let (socket, host) = (race.connected()?, request.url.host());
                let shaken = Box::pin(R::connect_tls(socket, host, &request.tls));
                let shaken = wait_for::<R, _>(&mut plan, clock, shaken).await?;
                finished = Some(shaken.map_err(ConnectError::Tls)?);
                plan.came(Came::TlsStarted, clock.now());
            }
            #[cfg(not(feature = "_tls"))]
            Step::StartTls => return Err(ConnectError::TlsUnavailable),
            Step::SendRequest(budget) => {
                let tcp = || race.connected().map(|socket| NetStream::Tcp(socket).into());
                let mut stream = finished.take().map_or_else(tcp, Ok)?;
                let opening = Opening::within(request, budget, clock.now(), Clock::by(R::now));
                let opened = open::<R, _>(&mut stream, opening).await?;
                return Ok((stream, opened));
            }
            Step::Wait(until) => {
                let mut timer = timer::<R>(clock.instant(until));
                let came = poll_fn(|cx| match race.poll(cx) {
                    Poll::Ready(came) => Poll::Ready(Some(came)),
                    Poll::Pending => timer.poll(cx).map(|()| None),
                });
                if let Some(came) = came.await {
                    plan.came(came, clock.now());
                }
            }
            Step::Fail(error) => return Err(race.resolving.explain(error)),
        }
    }
}

/// Writes to the proxy, and takes its answer.
async fn speak<R: Runtime>(socket: &mut R::Tcp, tunnel: &mut Tunnel) -> io::Result<()> {
    while !tunnel.unsent().is_empty() {
        let written = poll_fn(|cx| socket.poll_write(cx, &[io::IoSlice::new(tunnel.unsent())]));
        match written.await {
            Ok(len) if len > 0 => tunnel.sent(len),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A proxy that has gone may have said why: the read that follows finds out.
            _ => break,
        }
    }
    // Bytes from behind the proxy stay in the socket.
    let mut seen = vec![0; 1024];
    match poll_fn(|cx| R::poll_peek(socket, cx, &mut seen)).await? {
        0 => tunnel.receive_eof(),
        len => {
            let mut left = tunnel.receive(&seen[..len]);
            while left > 0 {
                let read = poll_fn(|cx| socket.poll_read(cx, &mut seen[..left])).await?;
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                left -= read;
            }
        }
    }
    Ok(())
}

/// The output of a future that is a step of a plan, unless the step takes too long.
#[cfg(feature = "_tls")]
async fn wait_for<R: Runtime, T>(
    plan: &mut Plan,
    clock: Clock,
    future: impl Future<Output = T>,
) -> Result<T, ConnectError> {
    let mut future = std::pin::pin!(future);
    loop {
        let left = match plan.next(clock.now()) {
            Step::Wait(until) => until.saturating_sub(clock.now()),
            Step::Fail(error) => return Err(error),
            // The plan has nothing else to do while it waits for this.
            _ => Duration::ZERO,
        };
        if let Some(output) = within::<R, _>(Some(left), future.as_mut()).await {
            return Ok(output);
        }
    }
}

type Attempt<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

/// The attempts under way before there is a connection.
struct Race<R: Runtime> {
    resolving: Resolving,
    attempts: Vec<(SocketAddr, Attempt<R::Tcp>)>,
    connected: Option<R::Tcp>,
}

impl<R: Runtime> Race<R> {
    fn connected(&mut self) -> Result<R::Tcp, ConnectError> {
        self.connected.take().ok_or_else(|| ConnectError::Io(io::ErrorKind::NotConnected.into()))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Came> {
        if let Some(found) = self.resolving.take(cx.waker()) {
            return Poll::Ready(Came::Addresses(found));
        }
        for (index, (address, attempt)) in self.attempts.iter_mut().enumerate() {
            let Poll::Ready(connected) = attempt.as_mut().poll(cx) else { continue };
            let address = *address;
            drop(self.attempts.remove(index));
            return Poll::Ready(match connected {
                Ok(socket) => {
                    self.connected = Some(socket);
                    Came::Connected(address)
                }
                Err(error) => Came::Failed(address, error),
            });
        }
        Poll::Pending
    }
}

impl<R: Runtime> Default for Race<R> {
    fn default() -> Self {
        Self { resolving: Resolving::default(), attempts: Vec::new(), connected: None }
    }
}
