//! The traits of `futures`: messages as a `Stream` and into a `Sink`.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bluewire_core::{CloseCode, OwnedMessage};
use futures_sink::Sink;
use smol::io::{AsyncRead, AsyncWrite};
use smol::stream::Stream;

use super::reader::Reader;
use super::websocket::{Inner, WebSocket};
use super::writer::Writer;
use crate::direct::Lay;
use crate::error::Error;

/// Messages as [`recv_owned`](WebSocket::recv_owned) gives them. An error comes once, and is
/// followed by the end.
impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Stream for WebSocket<S> {
    type Item = Result<OwnedMessage, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(match ready!(self.poll_receive(cx)) {
            Ok(Some(ready)) => Some(self.lend(ready).map(|(message, ..)| message.into_owned())),
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        })
    }
}

/// Messages as [`feed`](WebSocket::feed) queues them; closing is
/// [`close`](WebSocket::close) with 1000, and waits for the peer.
impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Sink<OwnedMessage> for WebSocket<S> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.inner.engine.check_queue().is_ok() {
            return self.inner.pipe.turn.poll(cx).map(Ok);
        }
        let queue_len = self.inner.engine.flow.queue_len_max / 2;
        self.poll_drain(queue_len, cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: OwnedMessage) -> Result<(), Error> {
        let Inner { pipe, engine, .. } = &mut *self.inner;
        pipe.turn.pay(message.borrow().len());
        engine.connection.send(&message, &mut engine.outbox)?;
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_drain(0, cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.engine.begin_close(CloseCode::NORMAL, "")?;
        self.poll_finish(cx).map_ok(drop)
    }
}

/// Messages as [`recv_owned`](Reader::recv_owned) gives them. An error comes once, and is
/// followed by the end.
impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Stream for Reader<S> {
    type Item = Result<OwnedMessage, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(match ready!(self.poll_receive(cx)) {
            Ok(Some(ready)) => Some(self.lend(ready).map(|(message, _)| message.into_owned())),
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        })
    }
}

/// Messages as [`feed`](Writer::feed) queues them; closing is [`close`](Writer::close) with 1000.
impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Sink<OwnedMessage> for Writer<S> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let link = self.shared.link();
        if link.check_queue().is_ok() {
            return self.shared.turn.poll(cx).map(Ok);
        }
        let ticket = link.ticket();
        drop(link);
        self.shared.poll_written(ticket, cx)
    }

    fn start_send(self: Pin<&mut Self>, message: OwnedMessage) -> Result<(), Error> {
        self.shared.turn.pay(message.borrow().len());
        self.shared.link().lay(Lay::Message(message.borrow()))?;
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let ticket = self.shared.link().ticket();
        self.shared.poll_written(ticket, cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut link = self.shared.link();
        match link.lay(Lay::Close(CloseCode::NORMAL, "")) {
            Ok(_) | Err(Error::Send(bluewire_core::SendError::NotOpen)) => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
        let ticket = link.ticket();
        drop(link);
        self.shared.changed();
        self.shared.poll_written(ticket, cx)
    }
}
