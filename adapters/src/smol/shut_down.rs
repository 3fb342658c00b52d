//! The end of what we write, told to the peer.

use std::any::Any;
use std::io;
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use smol::Async;
use smol::io::AsyncWrite;

use super::net_stream::NetStream;

/// Shuts down the writing side of a stream.
///
/// `poll_close` is the call for it, but that of [`Async`] only flushes, whatever is inside: over
/// it the peer would wait for the end of a stream that we do not end. So its sockets are told by
/// the call of the standard library.
pub(super) fn poll_shut_down<S: AsyncWrite + Unpin + 'static>(
    stream: &mut S,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    let any: &dyn Any = stream;
    if let Some(socket) = any.downcast_ref::<Async<TcpStream>>() {
        return Poll::Ready(socket.get_ref().shutdown(Shutdown::Write));
    }
    #[cfg(unix)]
    if let Some(socket) = any.downcast_ref::<Async<UnixStream>>() {
        return Poll::Ready(socket.get_ref().shutdown(Shutdown::Write));
    }
    Pin::new(stream).poll_close(cx)
}

/// The same here and now, for a connection that is given up.
pub(super) fn shut_down<S: AsyncWrite + Unpin + 'static>(stream: &mut S) {
    let mut cx = Context::from_waker(Waker::noop());
    let polled = poll_shut_down(stream, &mut cx);
    let any: &dyn Any = stream;
    if polled.is_pending()
        && let Some(stream) = any.downcast_ref::<NetStream>()
    {
        // The end of TLS does not leave. That of TCP does.
        stream.shut_down_socket();
    }
}
