//! From a URL to an open connection, and from an accepted stream to one.

use std::future::pending;
use std::io;

use super::dial::dial;
use super::runtime::{AsyncTransport, Runtime};
use super::wait::{read, refuse, within, write_out};
use super::websocket::WebSocket;
use crate::clock::Clock;
use crate::open::error::{AcceptError, ConnectError};
use crate::open::options::{AcceptOptions, ConnectOptions};
use crate::open::request::{Accepting, Opened, Opening, Progress, Request};
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
        match within::<R, _>(left, read(stream, &mut opening.inbox)).await {
            Some(Ok(0)) => opening.receive_eof(),
            Some(Err(error)) => return Err(opening.read_failed(error)),
            Some(Ok(_)) | None => {}
        }
    }
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
        match within::<R, _>(left(), read(&mut stream, &mut accepting.inbox)).await {
            Some(Ok(0)) => accepting.receive_eof(),
            Some(Err(error)) => return Err(AcceptError::of_stream(error)),
            Some(Ok(_)) | None => {}
        }
    }
}
