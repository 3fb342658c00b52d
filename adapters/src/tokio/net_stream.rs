//! tokio's traits for the adapter's streams.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::NetStream;

impl NetStream {
    /// The TCP socket; `None` for a Unix socket. What others read from it or write to it is lost
    /// to the connection.
    #[must_use]
    pub fn socket(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(socket) => Some(socket),
            #[cfg(unix)]
            Self::Unix(_) => None,
            #[cfg(feature = "_tls")]
            Self::Tls(stream) => Some(stream.stream()),
            #[cfg(feature = "async-tls")]
            Self::AsyncTls(_) => None,
        }
    }
}

impl From<TcpStream> for NetStream {
    fn from(socket: TcpStream) -> Self {
        Self::Tcp(socket)
    }
}

#[cfg(unix)]
impl From<UnixStream> for NetStream {
    fn from(socket: UnixStream) -> Self {
        Self::Unix(socket)
    }
}

#[cfg(feature = "_tls")]
impl From<super::TlsStream<TcpStream>> for NetStream {
    fn from(stream: super::TlsStream<TcpStream>) -> Self {
        Self::Tls(Box::new(stream))
    }
}

/// The traits of a stream that has their methods under other names.
macro_rules! stream_traits {
    ([$($generics:tt)*] $stream:ty, $read:ident, $write:ident, $flush:ident, $close:ident) => {
        impl<$($generics)*> AsyncRead for $stream {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                let len = ready!(self.get_mut().$read(cx, buf.initialize_unfilled()))?;
                buf.advance(len);
                Poll::Ready(Ok(()))
            }
        }

        impl<$($generics)*> AsyncWrite for $stream {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.get_mut().$write(cx, &[IoSlice::new(buf)])
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.get_mut().$write(cx, bufs)
            }

            /// Those of async-tls, which do not, are not for tokio.
            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.get_mut().$flush(cx)
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.get_mut().$close(cx)
            }
        }
    };
}

stream_traits!([] NetStream, poll_read_some, poll_write_slices, poll_flush_all, poll_end);
#[cfg(feature = "_tls")]
stream_traits!(
    [S: crate::asynch::AsyncTransport<super::Tokio>] super::TlsStream<S>,
    poll_read, poll_write, poll_flush, poll_shut_down
);
