//! From a URL to an open connection, and from an accepted stream to one, by blocking calls.

use std::io;
use std::time::Duration;

use bluewire_core::{Inbox, Outbox};

use super::dial::dial;
use super::facade::bell;
use super::net_stream::NetStream;
use super::pump::{is_timeout, write_out};
use super::stream::Transport;
use super::websocket::WebSocket;
use crate::accept::{AcceptError, AcceptOptions, Accepting};
use crate::clock::Clock;
use crate::connect::{ConnectOptions, Opened, Opening, Request};
use crate::connect_error::ConnectError;
use crate::progress::Progress;

/// How long a peer may take to read a part of an opening handshake.
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
/// What an option, the network or the server has against it.
pub fn connect(options: impl Into<ConnectOptions>) -> Result<WebSocket<NetStream>, ConnectError> {
    let request = Request::to_connect(options.into())?;
    let (cord, bell) = bell().map_err(ConnectError::Io)?;
    let (stream, opened) = dial(&request, &cord, &bell, &|| false)?;
    stream.set_nonblocking(false).map_err(ConnectError::Io)?;
    Ok(WebSocket::new(stream, opened))
}

/// Speaks the client's part of the opening handshake over a stream that is connected already.
///
/// The URL says what to ask for; no connection is made to it, and no redirect followed: it is
/// [`ConnectError::Refused`].
///
/// # Errors
///
/// What an option, the stream or the server has against it.
pub fn connect_over<S: Transport>(
    mut stream: S,
    options: impl Into<ConnectOptions>,
) -> Result<WebSocket<S>, ConnectError> {
    let request = Request::check(options.into())?;
    let opened = request.id.dialled(open(&mut stream, &request))?;
    Ok(WebSocket::new(stream, opened))
}

fn open(stream: &mut impl Transport, request: &Request) -> Result<Opened, ConnectError> {
    let mut opening = Opening::start(request);
    loop {
        write_out(stream, &mut opening.outbox, WRITE_TIMEOUT).map_err(ConnectError::of_stream)?;
        opening = match opening.advance()? {
            Progress::Done(opened) => return Ok(opened),
            Progress::More(opening) => opening,
        };
        let left = opening.time_left();
        match read(stream, &mut opening.inbox, left).map_err(ConnectError::of_stream)? {
            Read::End => opening.receive_eof(),
            Read::Some | Read::Nothing => {}
        }
    }
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
/// What the stream, the client's request or the options have against it. A request that is
/// refused has been answered.
pub fn accept<S: Transport>(stream: S) -> Result<WebSocket<S>, AcceptError> {
    accept_with(stream, AcceptOptions::default())
}

/// The same with options: subprotocols, origins, headers, settings.
///
/// # Errors
///
/// As [`accept`].
pub fn accept_with<S: Transport>(
    mut stream: S,
    options: AcceptOptions,
) -> Result<WebSocket<S>, AcceptError> {
    let mut accepting = Accepting::start(&options);
    loop {
        let advanced = accepting.advance(&options);
        accepting = match advanced {
            Ok(Progress::More(accepting)) => accepting,
            Ok(Progress::Done(mut opened)) => {
                write_out(&mut stream, &mut opened.outbox, WRITE_TIMEOUT)
                    .map_err(AcceptError::of_stream)?;
                return Ok(WebSocket::new(stream, opened));
            }
            Err((error, mut outbox)) => {
                refuse(&mut stream, &mut outbox);
                return Err(error);
            }
        };
        let left = accepting.time_left();
        match read(&mut stream, &mut accepting.inbox, left).map_err(AcceptError::of_stream)? {
            Read::End => accepting.receive_eof(),
            Read::Some | Read::Nothing => {}
        }
    }
}

/// Writes the answer that refuses a request, and reads what the client still sends: a stream
/// that is dropped with unread input may take the answer with it.
pub(super) fn refuse(stream: &mut impl Transport, outbox: &mut Outbox) {
    if write_out(stream, outbox, Duration::from_secs(1)).is_err()
        || stream.shut_down_writing().is_err()
    {
        return;
    }
    let clock = Clock::start();
    let mut ignored = [0; 4096];
    while let Some(left) = Duration::from_secs(1).checked_sub(clock.now()) {
        let waited = stream.set_read_timeout(Some(at_least_some(left)));
        match stream.read(&mut ignored) {
            Ok(len) if len > 0 && waited.is_ok() => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}

enum Read {
    Some,
    End,
    Nothing,
}

fn read(
    stream: &mut impl Transport,
    inbox: &mut Inbox,
    left: Option<Duration>,
) -> io::Result<Read> {
    stream.set_read_timeout(left.map(at_least_some))?;
    match stream.read(inbox.space()) {
        Ok(0) => Ok(Read::End),
        Ok(len) => {
            inbox.filled(len);
            Ok(Read::Some)
        }
        // Perhaps only a part of what TLS needs has come: the caller looks at the clock.
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Read::Nothing),
        Err(error) if is_timeout(&error) => Ok(Read::Nothing),
        Err(error) => Err(error),
    }
}

/// Sockets take no timeout of zero.
fn at_least_some(timeout: Duration) -> Duration {
    timeout.max(Duration::from_millis(1))
}
