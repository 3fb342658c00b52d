//! Carries a plan out with sockets that do not block and one `poll(2)` for all of them.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
#[cfg(unix)]
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType};

use super::facade::{Bell, Cord, is_passing, poll_for, wait_for};
use super::net_stream::NetStream;
use super::pump::try_write_out;
#[cfg(feature = "tls")]
use super::tls::TlsStream;
use crate::clock::Clock;
use crate::connect::{Opened, Opening, Request};
use crate::connect_error::ConnectError;
use crate::dial::{Budget, Came, Canceller, Plan, Step, Watch};
use crate::facade::Runner;
use crate::progress::Progress;
use crate::proxy::ProxyError;
#[cfg(unix)]
use crate::unix_socket;

/// Connects, unless the attempt is given up meanwhile. The stream does not block.
pub(super) fn dial(
    request: &Request,
    cord: &Cord,
    bell: &Bell,
    given_up: &dyn Fn() -> bool,
) -> Result<(NetStream, Opened), ConnectError> {
    request.id.dialled(carry_out(request, cord, bell, given_up))
}

/// All requests that it takes, by one clock.
fn carry_out(
    first: &Request,
    cord: &Cord,
    bell: &Bell,
    given_up: &dyn Fn() -> bool,
) -> Result<(NetStream, Opened), ConnectError> {
    let is_cancelled = cancelled(first, cord);
    let given_up = || given_up() || is_cancelled();

    let clock = Clock::start();
    let mut next = None;
    loop {
        let request = next.as_ref().unwrap_or(first);
        match ask(request, clock, cord, bell, &given_up) {
            Err(error) => next = Some(request.follow(error)?),
            opened => return opened,
        }
    }
}

fn ask(
    request: &Request,
    clock: Clock,
    cord: &Cord,
    bell: &Bell,
    given_up: &dyn Fn() -> bool,
) -> Result<(NetStream, Opened), ConnectError> {
    let mut plan = request.plan();
    let mut race = Race::default();
    #[cfg(feature = "tls")]
    let mut tls = None;
    loop {
        if given_up() {
            plan.came(Came::Cancelled, clock.now());
        }
        let came = match plan.next(clock.now()) {
            Step::Resolve(host, port) => race.resolve(host, port, cord),
            Step::Attempt(address) => race.attempt(address),
            #[cfg(unix)]
            Step::Call(path) => Some(Came::Called(race.call(&path))),
            Step::GiveUp(address) => {
                race.attempts.retain(|(other, _)| *other != address);
                None
            }
            Step::SpeakToProxy(until) => {
                let left = until.saturating_sub(clock.now());
                race.speak(&mut plan, bell, left).map_err(ProxyError::Io)?;
                None
            }
            #[cfg(feature = "tls")]
            Step::StartTls => {
                let host = request.url.host();
                let stream = TlsStream::client(race.connected()?, host, &request.tls);
                tls = Some(stream.map_err(ConnectError::Tls)?);
                None
            }
            #[cfg(not(feature = "tls"))]
            Step::StartTls => return Err(ConnectError::TlsUnavailable),
            Step::SendRequest(budget) => {
                #[cfg(feature = "tls")]
                let stream = match tls.take() {
                    Some(stream) => stream.into(),
                    None => race.stream()?,
                };
                #[cfg(not(feature = "tls"))]
                let stream = race.stream()?;
                return open(stream, request, budget, clock, bell, given_up);
            }
            Step::Wait(until) => {
                let left = until.saturating_sub(clock.now());
                #[cfg(feature = "tls")]
                match &mut tls {
                    Some(stream) => shake_hands(stream, bell, left)?,
                    None => race.wait(bell, left).map_err(ConnectError::Io)?,
                }
                #[cfg(not(feature = "tls"))]
                race.wait(bell, left).map_err(ConnectError::Io)?
            }
            Step::Fail(error) => return Err(error),
        };
        if let Some(came) = came {
            plan.came(came, clock.now());
        }
    }
}

/// Tells whether the request's canceller was used, and lets the bell ring when it is.
pub(super) fn cancelled(request: &Request, cord: &Cord) -> impl Fn() -> bool + use<> {
    let waker = Waker::from(Arc::new(Alarm(cord.clone())));
    let watch = request.canceller.as_ref().map(Canceller::watch);
    move || watch.as_ref().is_some_and(|watch: &Watch| watch.is_cancelled(&waker))
}

/// Goes on with TLS, and waits for the server if that is what it takes.
#[cfg(feature = "tls")]
fn shake_hands(
    stream: &mut TlsStream<TcpStream>,
    bell: &Bell,
    left: Duration,
) -> Result<Option<Came>, ConnectError> {
    if stream.advance().map_err(ConnectError::Tls)? {
        return Ok(Some(Came::TlsStarted));
    }
    let write = stream.has_outgoing();
    if poll_for(stream.stream(), true, write, bell, Some(left)).map_err(ConnectError::Io)? {
        stream.receive().map_err(ConnectError::Tls)?;
    }
    Ok(None)
}

fn open(
    mut stream: NetStream,
    request: &Request,
    budget: Budget,
    clock: Clock,
    bell: &Bell,
    given_up: &dyn Fn() -> bool,
) -> Result<(NetStream, Opened), ConnectError> {
    let mut opening = Opening::within(request, budget, clock.now());
    while !given_up() {
        try_write_out(&mut stream, &mut opening.outbox).map_err(ConnectError::of_stream)?;
        opening = match opening.advance()? {
            Progress::Done(opened) => return Ok((stream, opened)),
            Progress::More(opening) => opening,
        };
        let (write, left) = (!opening.outbox.is_empty(), opening.time_left());
        if !wait_for(&stream, true, write, bell, left).map_err(ConnectError::Io)? {
            continue;
        }
        match stream.read(opening.inbox.space()) {
            Ok(0) => opening.receive_eof(),
            Ok(len) => opening.inbox.filled(len),
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(ConnectError::of_stream(error)),
        }
    }
    Err(ConnectError::Abandoned)
}

/// What is under way before there is a connection.
#[derive(Default)]
struct Race {
    resolving: Option<Receiver<io::Result<Vec<SocketAddr>>>>,
    attempts: Vec<(SocketAddr, TcpStream)>,
    #[cfg(unix)]
    called: Option<UnixStream>,
}

impl Race {
    /// Asks the system's resolver, which cannot be interrupted: its thread ends when it does.
    fn resolve(&mut self, host: String, port: u16, cord: &Cord) -> Option<Came> {
        let cord = cord.clone();
        let (tell, told) = sync_channel(1);
        let resolver = thread::Builder::new().name("bluewire-resolve".to_owned());
        let spawned = resolver.spawn(move || {
            let found = (host.as_str(), port).to_socket_addrs();
            // Perhaps nobody waits for it any more.
            let _ = tell.send(found.map(Iterator::collect));
            cord.wake();
        });
        self.resolving = Some(told);
        spawned.err().map(|error| Came::Addresses(Err(error)))
    }

    fn attempt(&mut self, address: SocketAddr) -> Option<Came> {
        match begin(address) {
            Ok(stream) => {
                self.attempts.push((address, stream));
                None
            }
            Err(error) => Some(Came::Failed(address, error)),
        }
    }

    #[cfg(unix)]
    fn call(&mut self, path: &Path) -> io::Result<()> {
        self.called = Some(unix_socket::call(path)?);
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

    /// The one attempt that is left.
    fn connected(&mut self) -> Result<TcpStream, ConnectError> {
        let Some((_, stream)) = self.attempts.pop() else {
            return Err(ConnectError::Unreachable(Vec::new()));
        };
        // A message leaves when it is written: the engine has put together what it could.
        stream.set_nodelay(true).map_err(ConnectError::Io)?;
        Ok(stream)
    }

    /// Writes to the proxy, and takes what it has said or says meanwhile.
    fn speak(&mut self, plan: &mut Plan, bell: &Bell, left: Duration) -> io::Result<()> {
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
        if !poll_for(&*stream, true, !tunnel.unsent().is_empty(), bell, Some(left))? {
            return Ok(());
        }
        // What comes from behind the proxy stays in the socket.
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

    fn wait(&mut self, bell: &Bell, time: Duration) -> io::Result<Option<Came>> {
        if let Some(Ok(found)) = self.resolving.as_ref().map(Receiver::try_recv) {
            self.resolving = None;
            return Ok(Some(Came::Addresses(found)));
        }
        let mut waiting = vec![PollFd::new(&bell.pipe, PollFlags::IN)];
        let attempts = self.attempts.iter().map(|(_, stream)| PollFd::new(stream, PollFlags::OUT));
        waiting.extend(attempts);
        match poll(&mut waiting, Timespec::try_from(time).ok().as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        if !waiting[0].revents().is_empty() {
            bell.quieten(&bell.pipe);
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

/// Begins to connect, and does not wait for it.
fn begin(address: SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let stream = socket(family)?;
    stream.set_nonblocking(true)?;
    match rustix::net::connect(&stream, &address) {
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR | Errno::WOULDBLOCK) => Ok(stream),
        Err(error) => Err(error.into()),
    }
}

/// A socket as the standard library makes it: other programs that this one starts do not get it.
fn socket(family: AddressFamily) -> io::Result<TcpStream> {
    #[cfg(not(any(target_vendor = "apple", windows, target_os = "aix", target_os = "haiku")))]
    let socket = {
        use rustix::net::{SocketFlags, socket_with};
        socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?
    };
    #[cfg(any(target_vendor = "apple", windows, target_os = "aix", target_os = "haiku"))]
    let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
    #[cfg(any(target_vendor = "apple", target_os = "aix", target_os = "haiku"))]
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    #[cfg(target_vendor = "apple")]
    rustix::net::sockopt::set_socket_nosigpipe(&socket, true)?;
    Ok(socket.into())
}

struct Alarm(Cord);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }
}
