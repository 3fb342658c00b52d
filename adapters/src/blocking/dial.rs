//! Carries a plan out with sockets that do not block and one `poll(2)` for all of them.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
#[cfg(unix)]
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::AddressFamily;

use super::net_stream::{NetStream, WaitWithPipe};
#[cfg(feature = "_tls")]
use super::tls::TlsStream;
use super::transport::{Readiness, Transport, poll_fds, write_some};
use super::wake::WakePipe;
use crate::clock::Clock;
use crate::error::is_passing;
use crate::open::error::{ConnectError, ProxyError};
use crate::open::options::Canceller;
use crate::open::plan::{Budget, Came, Plan, Resolving, Step};
use crate::open::request::{Opened, Opening, Progress, Request};
use crate::socket::stream_socket;
#[cfg(unix)]
use crate::unix_socket;

/// Connects, unless the attempt is given up meanwhile.
pub(super) fn dial(
    request: &Request,
    pipe: &WakePipe,
    given_up: impl Fn() -> bool,
) -> Result<(NetStream, Opened), ConnectError> {
    let given_up = or_cancelled(given_up, request, pipe);
    let dialler = Dialler { pipe, given_up: &given_up, clock: Clock::start() };
    request.id.dialled(dialler.follow(request))
}

/// Waits before an attempt, unless it is given up.
pub(super) fn pause(
    time: Duration,
    request: &Request,
    pipe: &WakePipe,
    given_up: impl Fn() -> bool,
) -> Result<(), ConnectError> {
    let given_up = or_cancelled(given_up, request, pipe);
    let clock = Clock::start();
    while !given_up() {
        let left = time.saturating_sub(clock.now());
        if left.is_zero() {
            return Ok(());
        }
        pipe.wait(left);
    }
    Err(ConnectError::Abandoned)
}

/// Whether an attempt is given up, or the request's canceller was used, which wakes the thread.
fn or_cancelled(
    given_up: impl Fn() -> bool,
    request: &Request,
    pipe: &WakePipe,
) -> impl Fn() -> bool {
    let waker = pipe.waker();
    let watch = request.canceller.as_ref().map(Canceller::watch);
    move || given_up() || watch.as_ref().is_some_and(|watch| watch.is_cancelled(&waker))
}

/// How a thread connects: all requests that it takes, by one clock.
struct Dialler<'a> {
    pipe: &'a WakePipe,
    given_up: &'a dyn Fn() -> bool,
    clock: Clock,
}

impl Dialler<'_> {
    /// Asks, and asks again where redirects lead.
    fn follow(&self, first: &Request) -> Result<(NetStream, Opened), ConnectError> {
        let mut next = None;
        loop {
            let request = next.as_ref().unwrap_or(first);
            match self.ask(request) {
                Err(error) => next = Some(request.follow(error)?),
                opened => return opened,
            }
        }
    }

    fn ask(&self, request: &Request) -> Result<(NetStream, Opened), ConnectError> {
        let mut plan = request.plan();
        let mut race = Race::default();
        // Once it is more than a TCP connection.
        let mut finished: Option<NetStream> = None;
        loop {
            if (self.given_up)() {
                plan.came(Came::Cancelled, self.clock.now());
            }
            let came = match plan.next(self.clock.now()) {
                Step::Resolve(host, port) => {
                    race.resolving.begin(host, port);
                    None
                }
                Step::Attempt(address) => {
                    race.begin(address).err().map(|error| Came::Failed(address, error))
                }
                #[cfg(unix)]
                Step::Call(path) => {
                    let called = call(&path).map(|stream| finished = Some(stream));
                    Some(Came::Called(called))
                }
                Step::GiveUp(address) => {
                    race.attempts.retain(|(other, _)| *other != address);
                    None
                }
                Step::SpeakToProxy(until) => {
                    race.speak(&mut plan, self.pipe, self.left(until)).map_err(ProxyError::Io)?;
                    None
                }
                Step::StartTls => {
                    finished = Some(secure(race.connected()?, request)?);
                    None
                }
                Step::SendRequest(budget) => {
                    let tcp = || race.connected().map(NetStream::from);
                    let stream = finished.take().map_or_else(tcp, Ok)?;
                    let now = self.clock.now();
                    return open_over(stream, request, (budget, now), self.pipe, self.given_up);
                }
                Step::Wait(until) => match &finished {
                    Some(stream) => self.shake_hands(stream, self.left(until))?,
                    None => race.wait(self.pipe, self.left(until)).map_err(ConnectError::Io)?,
                },
                Step::Fail(error) => return Err(race.resolving.explain(error)),
            };
            if let Some(came) = came {
                plan.came(came, self.clock.now());
            }
        }
    }

    fn left(&self, until: Duration) -> Duration {
        until.saturating_sub(self.clock.now())
    }

    /// Goes on with TLS, and waits for the server if that is what it takes.
    fn shake_hands(
        &self,
        stream: &NetStream,
        left: Duration,
    ) -> Result<Option<Came>, ConnectError> {
        #[cfg(feature = "_tls")]
        if let NetStream::Tls(tls) = stream {
            if tls.advance().map_err(ConnectError::Tls)? {
                return Ok(Some(Came::TlsStarted));
            }
            let interest = Readiness::new(true, tls.has_outgoing());
            let ready = self.pipe.wait_with(stream.fd(), interest, Some(left));
            if ready.map_err(ConnectError::Io)?.readable {
                tls.receive().map_err(ConnectError::Tls)?;
            }
        }
        let _ = (stream, left);
        Ok(None)
    }
}

/// The opening handshake over a stream that is connected. The budget comes with the time by its
/// clock.
pub(super) fn open_over<S: WaitWithPipe>(
    stream: S,
    request: &Request,
    (budget, now): (Budget, Duration),
    pipe: &WakePipe,
    given_up: &dyn Fn() -> bool,
) -> Result<(S, Opened), ConnectError> {
    let opening = Opening::within(request, budget, now, Clock::start());
    let read = |space: &mut [u8], write, left| match stream
        .wait_with(pipe, Readiness::new(true, write), left)?
        .readable
    {
        true => stream.try_read(space),
        false => Err(io::ErrorKind::WouldBlock.into()),
    };
    let opened = open(&stream, opening, read, given_up)?;
    Ok((stream, opened))
}

/// Reads and writes until the opening handshake is complete, unless the attempt is given up. `read`
/// reads once, and waits at most for the time that it gets. If the flag says that output waits, it
/// also stops when the stream is ready for that.
pub(super) fn open(
    stream: &impl Transport,
    mut opening: Opening,
    read: impl Fn(&mut [u8], bool, Option<Duration>) -> io::Result<usize>,
    given_up: impl Fn() -> bool,
) -> Result<Opened, ConnectError> {
    while !given_up() {
        let written = write_some(stream, &mut opening.outbox).unwrap_or_else(|error| {
            opening.write_failed(error);
            true
        });
        opening = match opening.advance()? {
            Progress::Done(opened) => return Ok(opened),
            Progress::More(opening) => opening,
        };
        let left = opening.time_left();
        let read = read(opening.inbox.space(), !written, left);
        opening = opening.received(read)?;
    }
    Err(ConnectError::Abandoned)
}

/// A connection over which TLS is to be spoken.
fn secure(socket: TcpStream, request: &Request) -> Result<NetStream, ConnectError> {
    #[cfg(feature = "_tls")]
    {
        let stream = TlsStream::client(socket, request.url.host(), &request.tls);
        Ok(stream.map_err(ConnectError::Tls)?.into())
    }
    #[cfg(not(feature = "_tls"))]
    {
        let _ = (socket, request);
        Err(ConnectError::TlsUnavailable)
    }
}

#[cfg(unix)]
fn call(path: &Path) -> io::Result<NetStream> {
    let socket = unix_socket::call(path)?;
    socket.set_nonblocking(false)?;
    Ok(socket.into())
}

/// The attempts under way before there is a connection.
#[derive(Default)]
struct Race {
    resolving: Resolving,
    attempts: Vec<(SocketAddr, TcpStream)>,
}

impl Race {
    /// Begins to connect, and does not wait for it.
    fn begin(&mut self, address: SocketAddr) -> io::Result<()> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let stream = TcpStream::from(stream_socket(family)?);
        stream.set_nonblocking(true)?;
        match rustix::net::connect(&stream, &address) {
            Ok(()) | Err(Errno::INPROGRESS | Errno::INTR | Errno::WOULDBLOCK) => {}
            Err(error) => return Err(error.into()),
        }
        self.attempts.push((address, stream));
        Ok(())
    }

    /// The one attempt that is left.
    fn connected(&mut self) -> Result<TcpStream, ConnectError> {
        let Some((_, stream)) = self.attempts.pop() else {
            return Err(ConnectError::Io(io::ErrorKind::NotConnected.into()));
        };
        // A message leaves when it is written: the engine has put together what it could.
        stream.set_nodelay(true).map_err(ConnectError::Io)?;
        stream.set_nonblocking(false).map_err(ConnectError::Io)?;
        Ok(stream)
    }

    /// Writes to the proxy, and takes what it has said or says meanwhile.
    fn speak(&mut self, plan: &mut Plan, pipe: &WakePipe, left: Duration) -> io::Result<()> {
        let (Some(tunnel), Some((_, stream))) = (plan.tunnel(), self.attempts.last_mut()) else {
            return Ok(());
        };
        while !tunnel.unsent().is_empty() {
            match stream.write(tunnel.unsent()) {
                Ok(len) if len > 0 => tunnel.sent(len),
                // A proxy that has gone may have said why: the read that follows tells.
                _ => break,
            }
        }
        let interest = Readiness::new(true, !tunnel.unsent().is_empty());
        if !pipe.wait_with(&*stream, interest, Some(left))?.readable {
            return Ok(());
        }
        // Bytes from behind the proxy stay in the socket.
        let mut seen = [0; 1024];
        match stream.peek(&mut seen) {
            Ok(0) => tunnel.receive_eof(),
            Ok(len) => {
                let taken = tunnel.receive(&seen[..len]);
                stream.read_exact(&mut seen[..taken])?;
            }
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn wait(&mut self, pipe: &WakePipe, time: Duration) -> io::Result<Option<Came>> {
        if let Some(found) = self.resolving.take(&pipe.waker()) {
            return Ok(Some(Came::Addresses(found)));
        }
        let mut waiting = vec![PollFd::from_borrowed_fd(pipe.source(), PollFlags::IN)];
        let attempts = self.attempts.iter().map(|(_, stream)| PollFd::new(stream, PollFlags::OUT));
        waiting.extend(attempts);
        poll_fds(&mut waiting, Some(time))?;
        if !waiting[0].revents().is_empty() {
            pipe.clear();
        }
        let Some(ready) = waiting[1..].iter().position(|socket| !socket.revents().is_empty())
        else {
            return Ok(None);
        };
        let (address, stream) = &self.attempts[ready];
        let address = *address;
        let failure = stream.take_error().unwrap_or_else(Some);
        Ok(Some(match failure {
            None => Came::Connected(address),
            Some(error) => {
                self.attempts.remove(ready);
                Came::Failed(address, error)
            }
        }))
    }
}
