//! From a URL to an open connection, and from an accepted stream to one, by asynchronous calls.

use std::future::{pending, poll_fn};
use std::io;
use std::pin::pin;
use std::time::Duration;

use bluewire_core::{Inbox, Outbox};
use smol::Timer;
use smol::future::FutureExt as _;
use smol::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};

use super::dial::dial;
use super::net_stream::NetStream;
use super::pump::write_out;
use super::shut_down::poll_shut_down;
use super::websocket::WebSocket;
use crate::accept::{AcceptError, AcceptOptions, Accepting};
use crate::connect::{ConnectOptions, Opened, Opening, Request};
use crate::connect_error::ConnectError;
use crate::progress::Progress;

/// Connects to a URL and waits until the connection is open.
///
/// That takes no longer than the [options](ConnectOptions) allow. The system's resolver cannot be
/// interrupted: it runs on a thread of smol's, which comes back when the resolver does.
///
/// ```no_run
/// # smol::block_on(async {
/// let mut socket = bluewire::smol::connect("ws://localhost:8088").await?;
/// socket.send("Hello").await?;
/// println!("{:?}", socket.recv().await?);
/// # Ok::<(), bluewire::Error>(())
/// # });
/// ```
///
/// # Errors
///
/// What an option, the network or the server has against it.
///
/// # Cancel safety
///
/// Dropping the future gives the attempt up.
pub async fn connect(
    options: impl Into<ConnectOptions>,
) -> Result<WebSocket<NetStream>, ConnectError> {
    let request = Request::to_connect(options.into())?;
    let (stream, opened) = dial(&request, pending()).await?;
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
///
/// # Cancel safety
///
/// Dropping the future drops the stream.
pub async fn connect_over<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    mut stream: S,
    options: impl Into<ConnectOptions>,
) -> Result<WebSocket<S>, ConnectError> {
    let request = Request::check(options.into())?;
    let opened = request.id.dialled(open(&mut stream, Opening::start(&request)).await)?;
    Ok(WebSocket::new(stream, opened))
}

pub(super) async fn open<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    stream: &mut S,
    mut opening: Opening,
) -> Result<Opened, ConnectError> {
    loop {
        write_out(stream, &mut opening.outbox).await.map_err(ConnectError::of_stream)?;
        opening = match opening.advance()? {
            Progress::Done(opened) => return Ok(opened),
            Progress::More(opening) => opening,
        };
        let left = opening.time_left();
        if read(stream, &mut opening.inbox, left).await.map_err(ConnectError::of_stream)? == Some(0)
        {
            opening.receive_eof();
        }
    }
}

/// Speaks the server's part of the opening handshake over an accepted stream, by the default
/// options.
///
/// ```no_run
/// # smol::block_on(async {
/// let listener = smol::Async::<std::net::TcpListener>::bind(([127, 0, 0, 1], 8088))?;
/// let mut socket = bluewire::smol::accept(listener.accept().await?.0).await?;
/// println!("{:?}", socket.recv().await?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # });
/// ```
///
/// # Errors
///
/// What the stream, the client's request or the options have against it. A request that is
/// refused has been answered.
///
/// # Cancel safety
///
/// Dropping the future drops the stream.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    stream: S,
) -> Result<WebSocket<S>, AcceptError> {
    accept_with(stream, AcceptOptions::default()).await
}

/// The same with options: subprotocols, origins, headers, settings.
///
/// # Errors
///
/// As [`accept`].
///
/// # Cancel safety
///
/// Dropping the future drops the stream.
pub async fn accept_with<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    mut stream: S,
    options: AcceptOptions,
) -> Result<WebSocket<S>, AcceptError> {
    let mut accepting = Accepting::start(&options);
    loop {
        accepting = match accepting.advance(&options) {
            Ok(Progress::More(accepting)) => accepting,
            Ok(Progress::Done(mut opened)) => {
                write_out(&mut stream, &mut opened.outbox).await.map_err(AcceptError::of_stream)?;
                return Ok(WebSocket::new(stream, opened));
            }
            Err((error, mut outbox)) => {
                within(Duration::from_secs(1), refuse(&mut stream, &mut outbox)).await;
                return Err(error);
            }
        };
        let left = accepting.time_left();
        let read = read(&mut stream, &mut accepting.inbox, left).await;
        if read.map_err(AcceptError::of_stream)? == Some(0) {
            accepting.receive_eof();
        }
    }
}

/// Writes the answer that refuses a request, and reads what the client still sends: a stream
/// that is dropped with unread input may take the answer with it.
pub(super) async fn refuse<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    stream: &mut S,
    outbox: &mut Outbox,
) {
    if write_out(stream, outbox).await.is_err()
        || poll_fn(|cx| poll_shut_down(stream, cx)).await.is_err()
    {
        return;
    }
    // On the heap: in the future, it would be there for every connection that is not refused.
    let mut ignored = vec![0; 4096];
    while matches!(stream.read(&mut ignored).await, Ok(len) if len > 0) {}
}

/// Reads once; `None` if the time ran out.
async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
    inbox: &mut Inbox,
    left: Option<Duration>,
) -> io::Result<Option<usize>> {
    let read = stream.read(inbox.space());
    let len = match left {
        Some(left) => match within(left, read).await {
            Some(len) => len?,
            None => return Ok(None),
        },
        None => read.await?,
    };
    inbox.filled(len);
    Ok(Some(len))
}

/// The future's output, unless the time runs out before.
pub(super) async fn within<T>(time: Duration, future: impl Future<Output = T>) -> Option<T> {
    let timer = async {
        Timer::after(time).await;
        None
    };
    let future = pin!(async { Some(future.await) });
    future.or(timer).await
}
