//! A connection as an asynchronous stream of bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bluewire_core::CloseCode;
use smol::io::{AsyncRead, AsyncWrite};

use super::websocket::WebSocket;
use crate::direct::{Rest, WRITE_LEN_MAX, into_io};

/// The payload of binary messages, one after the other, as bytes to read and to write: to speak
/// another protocol over a connection. Borders between messages mean nothing.
///
/// A read gives what has come, and 0 when the connection has been closed; a connection that did
/// not end in order is an error, as is a text message. With
/// [`Delivery::Chunks`](bluewire_core::Delivery::Chunks) a message larger than memory is no matter.
/// A write sends one message of at most 64 KiB, and waits only while
/// [`Flow::queue_len_max`](crate::Flow::queue_len_max) waits. Closing sends a Close frame with 1000
/// and waits for the peer; what still comes is dropped.
#[derive(Debug)]
pub struct ByteStream<S> {
    socket: WebSocket<S>,
    rest: Rest,
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> ByteStream<S> {
    /// The connection.
    #[must_use]
    pub const fn socket(&self) -> &WebSocket<S> {
        &self.socket
    }

    /// The connection alone. What was received and not read is lost.
    #[must_use]
    pub fn into_inner(self) -> WebSocket<S> {
        self.socket
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> WebSocket<S> {
    /// The connection as a stream of bytes.
    #[must_use]
    pub fn into_byte_stream(self) -> ByteStream<S> {
        ByteStream { socket: self, rest: Rest::default() }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> AsyncRead for ByteStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let Self { socket, rest } = &mut *self;
        if let Some(len) = rest.take(buf) {
            return Poll::Ready(Ok(len));
        }
        loop {
            let Some(ready) = ready!(socket.poll_receive(cx)).map_err(into_io)? else {
                return Poll::Ready(Ok(0));
            };
            let (part, ..) = socket.lend(ready).map_err(into_io)?;
            match rest.put(part, buf)? {
                0 => {}
                len => return Poll::Ready(Ok(len)),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> AsyncWrite for ByteStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let socket = &mut self.socket;
        if socket.inner.engine.check_queue().is_err() {
            let queue_len = socket.inner.engine.flow.queue_len_max / 2;
            ready!(socket.poll_drain(queue_len, cx)).map_err(into_io)?;
        }
        ready!(socket.inner.pipe.turn.poll(cx));
        let len = buf.len().min(WRITE_LEN_MAX);
        socket.inner.pipe.turn.pay(len);
        if len > 0 {
            let engine = &mut socket.inner.engine;
            engine
                .connection
                .send(&buf[..len], &mut engine.outbox)
                .map_err(|error| into_io(error.into()))?;
            if engine.should_write() {
                // An error will show again.
                let _ = socket.poll_write_out(cx);
            }
        }
        Poll::Ready(Ok(len))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_drain(0, cx).map_err(into_io)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let begun = self.socket.inner.engine.begin_close(CloseCode::NORMAL, "");
        begun.map_err(|error| into_io(error.into()))?;
        self.socket.poll_finish(cx).map_ok(drop).map_err(into_io)
    }
}
