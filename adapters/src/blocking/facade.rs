//! The callback facade on the blocking adapter: a thread for each connection, which waits in
//! `poll(2)` for its socket and for its handles.

use std::io::{self, Read, Write};
#[cfg(not(unix))]
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;

use super::dial::{cancelled, dial};
use super::net_stream::NetStream;
use super::stream::Transport;
use crate::clock::Clock;
use crate::connect::{ConnectOptions, Opened, Request};
use crate::connect_error::ConnectError;
use crate::facade::{Runner, Session, Shared, WebSocket};

#[cfg(unix)]
pub(super) type Pipe = std::os::unix::net::UnixStream;
#[cfg(not(unix))]
pub(super) type Pipe = TcpStream;

/// Makes a connection in the background; see [`facade`](crate::facade).
///
/// # Errors
///
/// If an argument is invalid, or no thread can be started; nothing has been started then. What the
/// network does is told by `on_error` and `on_close`.
pub fn create(options: impl Into<ConnectOptions>) -> Result<WebSocket, ConnectError> {
    let request = Request::for_facade(options.into())?;
    let (cord, bell) = bell().map_err(ConnectError::Io)?;
    let shared =
        Shared::new(request.url.to_string(), Box::new(cord.clone())).reconnecting(&request);
    let shared = Arc::new(shared);
    let thread = Arc::clone(&shared);
    thread::Builder::new()
        .name("bluewire".to_owned())
        .spawn(move || {
            connect(&thread, &request, &cord, &bell);
            while let Some(time) = thread.time_to_attempt() {
                match pause(time, &request, &cord, &bell, &|| thread.is_given_up()) {
                    Ok(()) => connect(&thread, &request, &cord, &bell),
                    Err(error) => thread.fail_to_open(error),
                }
            }
        })
        .map_err(ConnectError::Io)?;
    Ok(WebSocket::new(shared))
}

/// One attempt, and the connection that comes of it.
fn connect(shared: &Arc<Shared>, request: &Request, cord: &Cord, bell: &Bell) {
    match dial(request, cord, bell, &|| shared.is_given_up()) {
        Ok((stream, opened)) => match Session::open(shared, opened) {
            Some(session) => run(session, stream, bell),
            None => shared.fail_to_open(ConnectError::Abandoned),
        },
        Err(error) => shared.fail_to_open(error),
    }
}

/// Waits before an attempt, unless it is given up.
pub(super) fn pause(
    time: Duration,
    request: &Request,
    cord: &Cord,
    bell: &Bell,
    given_up: &dyn Fn() -> bool,
) -> Result<(), ConnectError> {
    let is_cancelled = cancelled(request, cord);
    let clock = Clock::start();
    loop {
        if given_up() || is_cancelled() {
            return Err(ConnectError::Abandoned);
        }
        let left = time.saturating_sub(clock.now());
        if left.is_zero() {
            return Ok(());
        }
        bell.wait(left);
    }
}

/// The same object for a connection that is open already, here or on the server's side.
pub(super) fn adopt(stream: NetStream, opened: Opened) -> io::Result<WebSocket> {
    let (cord, bell) = bell()?;
    let shared = Arc::new(Shared::new(String::new(), Box::new(cord)));
    // At once, so that it can be sent on at once.
    if let Some(session) = Session::open(&shared, opened) {
        thread::Builder::new()
            .name("bluewire".to_owned())
            .spawn(move || run(session, stream, &bell))?;
    }
    Ok(WebSocket::new(shared))
}

/// The loop of one connection.
fn run(mut session: Session, mut stream: NetStream, bell: &Bell) {
    if let Err(error) = stream.set_nonblocking(true) {
        session.received_end(Some(error));
    }
    let mut shut_down = false;
    while session.step() {
        session.write(|slices| stream.try_write_vectored(slices));
        let wait = session.wait();
        if wait.skip {
            continue;
        }
        if wait.shut_down && !shut_down {
            shut_down = true;
            // If that fails, the end of the stream comes all the sooner.
            let _ = stream.shut_down_writing();
        }
        let timeout = session.time_to(wait.until);
        match wait_for(&stream, wait.read, wait.write, bell, timeout) {
            Ok(true) => read(&mut session, &mut stream),
            Ok(false) => {}
            Err(error) => session.received_end(Some(error)),
        }
        if wait.read {
            session.looked();
        }
    }
}

fn read(session: &mut Session, stream: &mut NetStream) {
    match stream.read(session.space()) {
        Ok(0) => session.received_end(None),
        Ok(len) => session.received(len),
        Err(error) if is_passing(&error) => {}
        Err(error) => session.received_end(Some(error)),
    }
}

pub(super) fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Waits until the socket is ready, the bell rings, or the time is over. Whether to read.
pub(super) fn wait_for(
    stream: &NetStream,
    read: bool,
    write: bool,
    bell: &Bell,
    timeout: Option<Duration>,
) -> io::Result<bool> {
    // What TLS has deciphered already, the socket does not tell of.
    let there = read && stream.has_incoming();
    let timeout = if there { Some(Duration::ZERO) } else { timeout };
    Ok(poll_for(stream.fd(), read, write, bell, timeout)? || there)
}

/// The same for the socket alone.
pub(super) fn poll_for(
    socket: impl AsFd,
    read: bool,
    write: bool,
    bell: &Bell,
    timeout: Option<Duration>,
) -> io::Result<bool> {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, read);
    flags.set(PollFlags::OUT, write);
    let mut waiting = [PollFd::new(&bell.pipe, PollFlags::IN), PollFd::new(&socket, flags)];
    // A socket for which there is nothing to wait would still report its end, again and again.
    let count = if flags.is_empty() { 1 } else { 2 };
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    match poll(&mut waiting[..count], timeout.as_ref()) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    if !waiting[0].revents().is_empty() {
        bell.quieten(&bell.pipe);
    }
    // An error or a hang-up is told by the read that follows.
    Ok(read && count == 2 && waiting[1].revents().intersects(!PollFlags::OUT))
}

/// What a handle pulls to wake the loop.
#[derive(Clone)]
pub(super) struct Cord {
    pipe: Arc<Pipe>,
    rung: Arc<AtomicBool>,
}

/// What the loop waits for beside its socket.
pub(super) struct Bell {
    pub(super) pipe: Pipe,
    rung: Arc<AtomicBool>,
}

pub(super) fn bell() -> io::Result<(Cord, Bell)> {
    let (cord, bell) = pipe()?;
    cord.set_nonblocking(true)?;
    bell.set_nonblocking(true)?;
    let rung = Arc::new(AtomicBool::new(false));
    Ok((Cord { pipe: Arc::new(cord), rung: Arc::clone(&rung) }, Bell { pipe: bell, rung }))
}

#[cfg(unix)]
fn pipe() -> io::Result<(Pipe, Pipe)> {
    Pipe::pair()
}

/// Two ends of a loopback connection: what can be waited for together with a socket everywhere.
#[cfg(not(unix))]
fn pipe() -> io::Result<(Pipe, Pipe)> {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
    let cord = TcpStream::connect(listener.local_addr()?)?;
    loop {
        let (bell, from) = listener.accept()?;
        if from == cord.local_addr()? {
            return Ok((cord, bell));
        }
    }
}

impl Bell {
    /// Waits until it rings, or the time is over.
    fn wait(&self, time: Duration) {
        let mut waiting = [PollFd::new(&self.pipe, PollFlags::IN)];
        match poll(&mut waiting, Timespec::try_from(time).ok().as_ref()) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => self.quieten(&self.pipe),
            // The system has no memory for it, which must not make the wait a busy one.
            Err(_) => thread::sleep(time.min(Duration::from_millis(100))),
        }
    }

    pub(super) fn quieten(&self, mut pipe: impl Read) {
        // The flag comes last. The other way round, a pull in between would be read away with its
        // flag left up, and no later pull would ring. A pull before the flag is down is seen to in
        // this turn, which begins after it.
        let mut pulls = [0; 16];
        while matches!(pipe.read(&mut pulls), Ok(len) if len == pulls.len()) {}
        self.rung.store(false, Ordering::SeqCst);
    }
}

impl Runner for Cord {
    fn wake(&self) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            // A full pipe rings as well.
            let _ = (&*self.pipe).write(&[0]);
        }
    }

    fn spawn(&self, task: Box<dyn FnOnce() + Send>) -> bool {
        thread::Builder::new().name("bluewire".to_owned()).spawn(task).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pipe that is pulled just before it is read.
    struct Pulled<'a>(&'a Cord, &'a Bell);

    impl Read for Pulled<'_> {
        fn read(&mut self, pulls: &mut [u8]) -> io::Result<usize> {
            self.0.wake();
            (&self.1.pipe).read(pulls)
        }
    }

    #[test]
    fn a_pull_while_the_bell_is_quietened_does_not_mute_it() {
        let (cord, bell) = bell().expect("there is a pipe");
        cord.wake();
        bell.quieten(Pulled(&cord, &bell));
        cord.wake();
        let mut waiting = [PollFd::new(&bell.pipe, PollFlags::IN)];
        let rings = poll(&mut waiting, Some(&Timespec::default())).expect("it can be asked");
        assert_eq!(rings, 1, "a pull does not ring");
    }
}
