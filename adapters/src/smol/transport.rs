//! The adapter's view of the streams of the futures family.

use std::io::{self, IoSlice};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_io::{AsyncRead, AsyncWrite};
use smol::Async;

use super::NetStream;
#[cfg(feature = "_tls")]
use super::TlsStream;
use super::runtime::Smol;
use super::tcp_socket::{TcpSocket, poll_send};
use crate::asynch::{AsyncTransport, known, known_mut};
use crate::socket::{first_slice, has_input};

/// Some streams are known better than their traits tell, which the type says: the compiler sees
/// each type by itself, so that this costs nothing. [`Any`](std::any::Any) tells only types apart that do not
/// borrow, which is why streams have to be `'static`.
impl<S: AsyncRead + AsyncWrite + Unpin + 'static> AsyncTransport<Smol> for S {
    #[inline]
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        AsyncRead::poll_read(Pin::new(self), cx, buf)
    }

    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(stream) = known_mut::<_, NetStream>(self) {
            return stream.poll_readable(cx);
        }
        match known_mut::<_, TcpSocket>(self) {
            Some(socket) => socket.poll_readable(cx),
            None => Poll::Ready(()),
        }
    }

    /// Those of async-io always ask the system.
    fn has_unreported_input(&self) -> bool {
        if let Some(stream) = known::<_, NetStream>(self) {
            return stream.has_input();
        }
        #[cfg(feature = "_tls")]
        if let Some(stream) = known::<_, TlsStream<TcpSocket>>(self) {
            return has_input(stream.stream().get_ref());
        }
        known::<_, TcpSocket>(self).is_some_and(|socket| has_input(socket.get_ref()))
    }

    #[inline]
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // Without `SIGPIPE`.
        if let Some(socket) = known::<_, Async<TcpStream>>(self) {
            return poll_send(socket, cx, slices);
        }
        #[cfg(unix)]
        if let Some(socket) = known::<_, Async<UnixStream>>(self) {
            return poll_send(socket, cx, slices);
        }
        if AsyncTransport::<Smol>::is_vectored(&*self) {
            return AsyncWrite::poll_write_vectored(Pin::new(self), cx, slices);
        }
        AsyncWrite::poll_write(Pin::new(self), cx, first_slice(slices))
    }

    /// The trait does not tell, and by default writes the first slice only.
    fn is_vectored(&self) -> bool {
        if let Some(stream) = known::<_, NetStream>(self) {
            return stream.takes_slices();
        }
        #[cfg(unix)]
        if known::<_, Async<UnixStream>>(self).is_some()
            || known::<_, smol::net::unix::UnixStream>(self).is_some()
        {
            return true;
        }
        #[cfg(feature = "_tls")]
        if known::<_, TlsStream<TcpSocket>>(self).is_some()
            || known::<_, TlsStream<Async<TcpStream>>>(self).is_some()
            || known::<_, TlsStream<smol::net::TcpStream>>(self).is_some()
        {
            return true;
        }
        known::<_, TcpSocket>(self).is_some()
            || known::<_, Async<TcpStream>>(self).is_some()
            || known::<_, smol::net::TcpStream>(self).is_some()
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(self), cx)
    }

    /// `poll_close` is the call for it, but that of [`Async`] only flushes, whatever is inside.
    fn poll_shut_down(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match shut_down_socket(self, Shutdown::Write) {
            Some(shut_down) => Poll::Ready(shut_down),
            None => AsyncWrite::poll_close(Pin::new(self), cx),
        }
    }

    fn shut_down_now(&mut self) {
        if let Some(stream) = known_mut::<_, NetStream>(self) {
            return stream.end_now();
        }
        if shut_down_socket(self, Shutdown::Both).is_none() {
            // It may have gone, and it may have to wait: then it ends when it is dropped.
            let _ = AsyncWrite::poll_close(Pin::new(self), &mut Context::from_waker(Waker::noop()));
        }
    }
}

/// Shuts a socket down; `None` if the stream is something else.
fn shut_down_socket<S: 'static>(stream: &S, how: Shutdown) -> Option<io::Result<()>> {
    if let Some(socket) = known::<_, TcpSocket>(stream) {
        return Some(socket.get_ref().shutdown(how));
    }
    if let Some(socket) = known::<_, Async<TcpStream>>(stream) {
        return Some(socket.get_ref().shutdown(how));
    }
    #[cfg(unix)]
    if let Some(socket) = known::<_, Async<UnixStream>>(stream) {
        return Some(socket.get_ref().shutdown(how));
    }
    None
}
