//! A connection as an asynchronous stream of bytes.

use std::fmt;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use bluewire_core::{CloseCode, Message};

use super::caller::Caller;
use super::net_stream::NetStream;
use super::runtime::Runtime;
use super::sender::Sender;
use super::transport::AsyncTransport;
use super::websocket::WebSocket;
use crate::drive::{Goal, Lay, Rest, WRITE_LEN_MAX, into_io};
use crate::socket::first_slice;

/// The payload of binary messages, one after the other, as bytes to read and to write: to speak
/// another protocol over a connection. Borders between messages mean nothing.
///
/// A read gives what has arrived, and 0 when the connection has been closed; a connection that did
/// not end cleanly is an error, as is a text message. With
/// [`Delivery::Chunks`](bluewire_core::Delivery::Chunks), messages may be larger than memory.
/// A write sends one message of at most 64 KiB, and waits only while
/// [`Flow::queue_len_max`](crate::Flow::queue_len_max) waits. Closing sends a Close frame with 1000
/// and waits for the peer; what still arrives is dropped.
pub struct ByteStream<R: Runtime, S = NetStream<R>> {
    socket: WebSocket<R, S>,
    rest: Rest,
}

impl<R: Runtime, S> ByteStream<R, S> {
    /// The connection.
    #[must_use]
    pub const fn socket(&self) -> &WebSocket<R, S> {
        &self.socket
    }

    /// The connection alone. Bytes that were received and not read are lost.
    #[must_use]
    pub fn into_inner(self) -> WebSocket<R, S> {
        self.socket
    }
}

impl<R: Runtime, S: AsyncTransport<R>> WebSocket<R, S> {
    /// The connection as a stream of bytes.
    #[must_use]
    pub fn into_byte_stream(self) -> ByteStream<R, S> {
        ByteStream { socket: self, rest: Rest::default() }
    }
}

/// The shared implementation of the IO traits of the runtime's ecosystem.
impl<R: Runtime, S: AsyncTransport<R>> ByteStream<R, S> {
    pub(crate) fn poll_read_bytes(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let Self { socket, rest } = self;
        if let Some(len) = rest.take(buf) {
            return Poll::Ready(Ok(len));
        }
        loop {
            let Some(ready) = ready!(socket.poll_message(cx)).map_err(into_io)? else {
                return Poll::Ready(Ok(0));
            };
            let (part, _) = socket.lend(ready).map_err(into_io)?;
            match rest.put(part, buf)? {
                // A part without bytes does not mean the end.
                0 => {}
                len => return Poll::Ready(Ok(len)),
            }
        }
    }

    pub(crate) fn poll_write_bytes(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut sender = self.socket.sender();
        ready!(sender.poll_room(cx)).map_err(into_io)?;
        let buf = first_slice(slices);
        let bytes = &buf[..buf.len().min(WRITE_LEN_MAX)];
        if !bytes.is_empty() {
            sender.lay(Lay::Message(Message::Binary(bytes))).map_err(into_io)?;
            if sender.should_write() {
                let Sender { exchange, intake } = &mut sender;
                let caller = &mut Caller::alone(cx.waker());
                // The next call reports it if that fails.
                exchange.write_now(caller);
                let _ = exchange.poll_look(intake, caller);
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    pub(crate) fn poll_flush_bytes(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.sender().poll_reach(Goal::Queue(0), cx).map_err(into_io)
    }

    pub(crate) fn poll_close_bytes(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.begin_close(CloseCode::NORMAL, "").map_err(into_io)?;
        self.socket.poll_finish(None, cx).map(|_| Ok(()))
    }
}

impl<R: Runtime, S> fmt::Debug for ByteStream<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStream").field("socket", &self.socket).finish_non_exhaustive()
    }
}
