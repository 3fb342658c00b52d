//! The adapter's view of the streams of tokio.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

#[cfg(feature = "_tls")]
use super::TlsStream;
use super::{NetStream, Tokio};
use crate::asynch::{AsyncTransport, known, known_mut, or_pending};
use crate::socket::{first_slice, has_input, recv, send};

/// Writes to a socket without `SIGPIPE`. tokio is asked only once the socket takes nothing.
///
/// tokio does not know a new socket to be writable before its driver has looked at it, and reports
/// nothing to a task without budget. A write that cannot wait, such as the Close frame of
/// `close_now`, is tried all the same.
macro_rules! send_on {
    ($socket:ty, $stream:expr, $cx:expr, $slices:expr) => {
        if let Some(socket) = known::<_, $socket>($stream) {
            loop {
                let sent = or_pending(socket.try_io(Interest::WRITABLE, || send(socket, $slices)));
                if sent.is_ready() {
                    return sent;
                }
                match socket.poll_write_ready($cx) {
                    Poll::Ready(ready) => ready?,
                    Poll::Pending => return or_pending(send(socket, $slices)),
                }
            }
        }
    };
}

/// Some streams can do more than their traits tell. The compiler sees each type by itself, so that
/// asking for the type costs nothing. [`Any`](std::any::Any) tells only types apart that do not borrow, which is why
/// streams have to be `'static`.
impl<S: AsyncRead + AsyncWrite + Unpin + 'static> AsyncTransport<Tokio> for S {
    #[inline]
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if let Some(stream) = known_mut::<_, NetStream>(self) {
            return stream.poll_read_some(cx, buf);
        }
        if let Some(socket) = known::<_, TcpStream>(self) {
            let mut len = 0;
            // tokio is asked only where nothing is left. As for its own reads, a read that does not
            // fill the buffer says so.
            let received = socket.try_io(Interest::READABLE, || {
                len = recv(socket, buf)?;
                let drains = 0 < len && len < buf.len();
                if drains { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(len) }
            });
            let received = or_pending(if len > 0 { Ok(len) } else { received });
            if received.is_ready() {
                return received;
            }
        }
        let mut buf = ReadBuf::new(buf);
        AsyncRead::poll_read(Pin::new(self), cx, &mut buf).map_ok(|()| buf.filled().len())
    }

    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(stream) = known_mut::<_, NetStream>(self) {
            return stream.poll_readable(cx);
        }
        if let Some(socket) = known::<_, TcpStream>(self) {
            // An error is found by the read.
            return socket.poll_read_ready(cx).map(drop);
        }
        Poll::Ready(())
    }

    fn has_unreported_input(&self) -> bool {
        if let Some(stream) = known::<_, NetStream>(self) {
            return stream.has_input();
        }
        #[cfg(feature = "hyper")]
        if let Some(stream) = known::<_, super::UpgradedStream>(self) {
            return stream.net().is_some_and(NetStream::has_input);
        }
        #[cfg(feature = "_tls")]
        if let Some(stream) = known::<_, TlsStream<TcpStream>>(self) {
            return has_input(stream.stream());
        }
        #[cfg(unix)]
        if let Some(socket) = known::<_, UnixStream>(self) {
            return has_input(socket);
        }
        known::<_, TcpStream>(self).is_some_and(has_input)
    }

    #[inline]
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        send_on!(TcpStream, self, cx, slices);
        #[cfg(unix)]
        send_on!(UnixStream, self, cx, slices);
        if self.is_write_vectored() {
            return AsyncWrite::poll_write_vectored(Pin::new(self), cx, slices);
        }
        AsyncWrite::poll_write(Pin::new(self), cx, first_slice(slices))
    }

    fn is_vectored(&self) -> bool {
        self.is_write_vectored()
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(self), cx)
    }

    fn poll_shut_down(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(Pin::new(self), cx)
    }

    fn shut_down_now(&mut self) {
        if let Some(stream) = known_mut::<_, NetStream>(self) {
            return stream.end_now();
        }
        #[cfg(feature = "hyper")]
        if let Some(stream) = known_mut::<_, super::UpgradedStream>(self) {
            return stream.end_now();
        }
        // The peer may have gone.
        if let Some(socket) = known::<_, TcpStream>(self) {
            let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Both);
            return;
        }
        #[cfg(unix)]
        if let Some(socket) = known::<_, UnixStream>(self) {
            let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Both);
            return;
        }
        // It may have to wait: then it ends when it is dropped.
        let _ = AsyncWrite::poll_shutdown(Pin::new(self), &mut Context::from_waker(Waker::noop()));
    }
}
