//! From a URL to an open connection, and from an accepted stream to one.

use std::future::pending;
use std::io;

use super::dial::{dial, open};
use super::runtime::Runtime;
use super::transport::AsyncTransport;
use super::wait::{read, refuse, within, write_out};
use super::websocket::WebSocket;
use crate::clock::Clock;
use crate::open::error::{AcceptError, ConnectError};
use crate::open::options::{AcceptOptions, ConnectOptions};
use crate::open::request::{Accepting, Opening, Progress, Request};
use crate::server::Slot;

/// Connects to a URL and waits until the connection is open.
pub(crate) async fn connect<R: Runtime>(
    options: ConnectOptions,
) -> Result<WebSocket<R, R::NetStream>, ConnectError> {
    let request = Request::to_connect(options)?;
    let (stream, opened) = dial::<R>(&request, pending()).await?;
    Ok(WebSocket::open(stream, opened, Slot::of_client(&request)))
}

/// Performs the client's part of the opening handshake over a stream that is connected already.
pub(crate) async fn connect_over<R: Runtime, S: AsyncTransport<R>>(
    mut stream: S,
    options: ConnectOptions,
) -> Result<WebSocket<R, S>, ConnectError> {
    let request = Request::check(options)?;
    let opening = Opening::start(&request, Clock::by(R::now));
    let opened = request.id.dialled(open::<R, S>(&mut stream, opening).await)?;
    Ok(WebSocket::open(stream, opened, None))
}

/// Performs the server's part of the opening handshake over an accepted stream.
pub(crate) async fn accept<R: Runtime, S: AsyncTransport<R>>(
    mut stream: S,
    options: AcceptOptions,
) -> Result<WebSocket<R, S>, AcceptError> {
    let clock = Clock::by(R::now);
    let mut accepting = Accepting::start(&options, clock);
    let deadline = accepting.time_left().map(|left| clock.now().saturating_add(left));
    let left = || deadline.map(|deadline| deadline.saturating_sub(clock.now()));
    loop {
        accepting = match accepting.advance(&options) {
            Ok(Progress::More(accepting)) => accepting,
            Ok(Progress::Done(mut opened)) => {
                let written = write_out(&mut stream, &mut opened.outbox);
                return match within::<R, _>(left(), written).await {
                    Some(Ok(())) => Ok(WebSocket::open(stream, opened, None)),
                    Some(Err(error)) => Err(AcceptError::of_stream(error)),
                    None => Err(AcceptError::Io(io::ErrorKind::TimedOut.into())),
                };
            }
            Err((error, mut outbox)) => {
                refuse::<R, S>(&mut stream, &mut outbox).await;
                return Err(error);
            }
        };
        let read = read::<R, _>(&mut stream, accepting.inbox.space(), left()).await;
        accepting.received(read)?;
    }
}
