//! The traits of `futures`: messages as a `Stream` and into a `Sink`.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bluewire_core::{CloseCode, OwnedMessage};
use futures_core::Stream;
use futures_sink::Sink;

use super::reader::Reader;
use super::runtime::Runtime;
use super::transport::AsyncTransport;
use super::websocket::WebSocket;
use super::writer::Writer;
use crate::drive::{Goal, Lay};
use crate::error::Error;

/// Messages as [`recv_owned`](WebSocket::recv_owned) gives them. An error comes once, and is
/// followed by the end.
impl<R: Runtime, S: AsyncTransport<R>> Stream for WebSocket<R, S> {
    type Item = Result<OwnedMessage, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(match ready!(self.poll_message(cx)) {
            Ok(Some(ready)) => Some(self.lend(ready).map(|(message, _)| message.into_owned())),
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        })
    }
}

/// Messages as [`feed`](WebSocket::feed) queues them; closing is
/// [`close`](WebSocket::close) with 1000, and waits for the peer.
impl<R: Runtime, S: AsyncTransport<R>> Sink<OwnedMessage> for WebSocket<R, S> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.sender().poll_room(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: OwnedMessage) -> Result<(), Error> {
        self.sender().lay(Lay::Message(message.borrow())).map(drop)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.sender().poll_reach(Goal::Queue(0), cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.begin_close(CloseCode::NORMAL, "")?;
        self.poll_finish(None, cx).map(|_| Ok(()))
    }
}

/// Messages as [`recv_owned`](Reader::recv_owned) gives them. An error comes once, and is
/// followed by the end.
impl<R: Runtime, S: AsyncTransport<R>> Stream for Reader<R, S> {
    type Item = Result<OwnedMessage, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(match ready!(self.poll_message(cx)) {
            Ok(Some(ready)) => Some(self.lend(ready).map(|(message, _)| message.into_owned())),
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        })
    }
}

/// Messages as [`feed`](Writer::feed) queues them; closing is [`close`](Writer::close) with 1000.
impl<R: Runtime, S: AsyncTransport<R>> Sink<OwnedMessage> for Writer<R, S> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_room(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: OwnedMessage) -> Result<(), Error> {
        Self::start_send(&self, message.borrow())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Self::poll_flush(&mut self, cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Self::poll_close(&mut self, cx)
    }
}
