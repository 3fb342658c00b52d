//! From a URL to an open connection, and from an accepted stream to one, by blocking calls.

use std::io;
use std::net::Shutdown;
use std::time::Duration;

use bluewire_core::Outbox;

use super::dial::{dial, open};
use super::net_stream::NetStream;
use super::transport::{Readiness, Transport, read_timeout, write_all};
use super::wake::WakePipe;
use super::websocket::WebSocket;
use crate::clock::Clock;
use crate::open::error::{AcceptError, ConnectError};
use crate::open::options::{AcceptOptions, ConnectOptions};
use crate::open::request::{Accepting, Opening, Progress, Request};
use crate::server::LINGER;
use crate::server::Slot;

/// How long a peer may take to read an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects to a URL and waits until the connection is open.
///
/// That takes no longer than the [options](ConnectOptions) allow, and a
/// [`Canceller`](crate::Canceller) can end it from another thread. The system's resolver cannot be
/// interrupted: it runs on a thread of its own, which is left behind if it takes too long.
///
/// ```no_run
/// let mut socket = bluewire::blocking::connect("ws://localhost:8088")?;
/// socket.send("Hello")?;
/// println!("{:?}", socket.recv()?);
/// # Ok::<(), bluewire::Error>(())
/// ```
///
/// # Errors
///
/// The fault of an option or the network, or the refusal of the server.
pub fn connect(options: impl Into<ConnectOptions>) -> Result<WebSocket<NetStream>, ConnectError> {
    let request = Request::to_connect(options.into())?;
    let pipe = WakePipe::new().map_err(ConnectError::Io)?;
    let (stream, opened) = dial(&request, &pipe, || false)?;
    Ok(WebSocket::open(stream, opened, Slot::of_client(&request)))
}

/// Speaks the client's part of the opening handshake over a stream that is connected already.
///
/// The URL says what to ask for; no connection is made to it, and no redirect followed: it is
/// [`ConnectError::Refused`].
///
/// # Errors
///
/// The fault of an option or the stream, or the refusal of the server.
pub fn connect_over<S: Transport>(
    stream: S,
    options: impl Into<ConnectOptions>,
) -> Result<WebSocket<S>, ConnectError> {
    let request = Request::check(options.into())?;
    let opening = Opening::start(&request, Clock::start());
    let read = |space: &mut [u8], write, left| read(&stream, space, write, left);
    let opened = request.id.dialled(open(&stream, opening, read, || false))?;
    Ok(WebSocket::new(stream, opened))
}

/// Speaks the server's part of the opening handshake over an accepted stream, by the default
/// options.
///
/// ```no_run
/// let listener = std::net::TcpListener::bind("127.0.0.1:8088")?;
/// let mut socket = bluewire::blocking::accept(listener.accept()?.0)?;
/// println!("{:?}", socket.recv()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The fault of the stream or the client's request, or the reason of the options to refuse it. A
/// refused request has been answered.
pub fn accept<S: Transport>(stream: S) -> Result<WebSocket<S>, AcceptError> {
    accept_with(stream, AcceptOptions::default())
}

/// The same with options: subprotocols, origins, headers, settings.
///
/// # Errors
///
/// As [`accept`].
pub fn accept_with<S: Transport>(
    stream: S,
    options: AcceptOptions,
) -> Result<WebSocket<S>, AcceptError> {
    let clock = Clock::start();
    let mut accepting = Accepting::start(&options, clock);
    let left = accepting.time_left().unwrap_or(Duration::MAX);
    let deadline = clock.now().saturating_add(left);
    loop {
        accepting = match accepting.advance(&options) {
            Ok(Progress::More(accepting)) => accepting,
            Ok(Progress::Done(mut opened)) => {
                let written = write_all(&stream, &mut opened.outbox, clock, deadline);
                written.map_err(AcceptError::of_stream)?;
                return Ok(WebSocket::new(stream, opened));
            }
            Err((error, mut outbox)) => {
                refuse(&stream, &mut outbox);
                return Err(error);
            }
        };
        let left = accepting.time_left();
        let read = read(&stream, accepting.inbox.space(), false, left);
        accepting.received(read)?;
    }
}

/// Writes the answer to a request.
pub(super) fn write_answer(
    stream: &impl Transport,
    outbox: &mut Outbox,
) -> Result<(), AcceptError> {
    write_all(stream, outbox, Clock::start(), WRITE_TIMEOUT).map_err(AcceptError::of_stream)
}

/// Writes the answer that refuses a request, and reads what the client still sends: a stream
/// that is dropped with unread input may take the answer with it.
pub(super) fn refuse(stream: &impl Transport, outbox: &mut Outbox) {
    if write_all(stream, outbox, Clock::start(), LINGER).is_err()
        || stream.shut_down(Shutdown::Write).is_err()
    {
        return;
    }
    let clock = Clock::start();
    let mut ignored = [0; 4096];
    while let Some(left) = LINGER.checked_sub(clock.now()) {
        let waited = stream.set_read_timeout(read_timeout(Some(left)));
        match stream.read(&mut ignored) {
            Ok(len) if len > 0 && waited.is_ok() => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}

/// Reads once, for no longer than this, and not longer than the stream takes to be ready for more
/// output if that waits.
fn read(
    stream: &impl Transport,
    space: &mut [u8],
    write: bool,
    left: Option<Duration>,
) -> io::Result<usize> {
    if write {
        stream.wait(Readiness::BOTH, left)?;
        return stream.try_read(space);
    }
    stream.set_read_timeout(read_timeout(left))?;
    stream.read(space)
}
