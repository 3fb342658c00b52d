//! The traits of the futures family for the adapter's streams.

use std::io::{self, IoSlice};
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use smol::Async;

use super::NetStream;
use super::tcp_socket::TcpSocket;

impl NetStream {
    /// The TCP socket; `None` for a Unix socket. What others read from it or write to it is lost
    /// to the connection.
    #[must_use]
    pub fn socket(&self) -> Option<&TcpStream> {
        let socket = match self {
            Self::Tcp(socket) => socket,
            #[cfg(unix)]
            Self::Unix(_) => return None,
            #[cfg(feature = "_tls")]
            Self::Tls(stream) => stream.stream(),
            #[cfg(feature = "async-tls")]
            Self::AsyncTls(stream) => stream.get_ref(),
        };
        Some(socket.get_ref())
    }
}

impl From<TcpSocket> for NetStream {
    fn from(socket: TcpSocket) -> Self {
        Self::Tcp(socket)
    }
}

impl From<Async<TcpStream>> for NetStream {
    fn from(socket: Async<TcpStream>) -> Self {
        Self::Tcp(socket.into())
    }
}

#[cfg(unix)]
impl From<Async<UnixStream>> for NetStream {
    fn from(socket: Async<UnixStream>) -> Self {
        Self::Unix(socket)
    }
}

/// As [`TcpSocket::new`].
impl TryFrom<TcpStream> for NetStream {
    type Error = io::Error;

    fn try_from(socket: TcpStream) -> io::Result<Self> {
        TcpSocket::new(socket).map(Self::Tcp)
    }
}

#[cfg(feature = "_tls")]
impl From<super::TlsStream<TcpSocket>> for NetStream {
    fn from(stream: super::TlsStream<TcpSocket>) -> Self {
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
                buf: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                self.get_mut().$read(cx, buf)
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

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.get_mut().$flush(cx)
            }

            fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.get_mut().$close(cx)
            }
        }
    };
}

stream_traits!([] NetStream, poll_read_some, poll_write_slices, poll_flush_all, poll_end);
#[cfg(feature = "_tls")]
stream_traits!(
    [S: crate::asynch::AsyncTransport<super::Smol>] super::TlsStream<S>,
    poll_read, poll_write, poll_flush, poll_shut_down
);
