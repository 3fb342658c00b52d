//! The stream of a connection that was made by URL, or accepted by a server.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use smol::Async;
use smol::io::{AsyncRead, AsyncWrite};

#[cfg(unix)]
use super::shut_down::poll_shut_down;
use super::tcp_socket::TcpSocket;
#[cfg(feature = "tls")]
use super::tls::TlsStream;

/// TCP, with TLS or without, or a Unix socket.
#[non_exhaustive]
pub enum NetStream {
    /// `ws`.
    Tcp(TcpSocket),
    /// `ws+unix`.
    #[cfg(unix)]
    Unix(Async<UnixStream>),
    /// `wss`. In a box, so that plain connections stay as small as they are.
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<TcpSocket>>),
    /// `wss` by the connector of async-tls.
    #[cfg(feature = "async-tls")]
    AsyncTls(Box<async_tls::client::TlsStream<TcpSocket>>),
}

impl NetStream {
    /// The TCP socket; `None` where it is one of Unix. What is read from it or written to it by
    /// others is lost to the connection.
    #[must_use]
    pub fn socket(&self) -> Option<&TcpStream> {
        let socket = match self {
            Self::Tcp(socket) => socket,
            #[cfg(unix)]
            Self::Unix(_) => return None,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.stream(),
            #[cfg(feature = "async-tls")]
            Self::AsyncTls(stream) => stream.get_ref(),
        };
        Some(socket.get_ref())
    }

    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// If the connection is gone, and [`Unsupported`](io::ErrorKind::Unsupported) for a Unix socket.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().ok_or(io::ErrorKind::Unsupported)?.peer_addr()
    }

    /// Says the end below TLS, here and now.
    pub(super) fn shut_down_socket(&self) {
        // It may have gone.
        let _ = match self {
            #[cfg(unix)]
            Self::Unix(socket) => socket.get_ref().shutdown(Shutdown::Write),
            _ => self.socket().map_or(Ok(()), |socket| socket.shutdown(Shutdown::Write)),
        };
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

#[cfg(feature = "tls")]
impl From<TlsStream<TcpSocket>> for NetStream {
    fn from(stream: TlsStream<TcpSocket>) -> Self {
        Self::Tls(Box::new(stream))
    }
}

macro_rules! on_the_stream {
    ($this:ident, |$stream:ident| $call:expr) => {
        match &mut *$this {
            Self::Tcp(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            #[cfg(unix)]
            Self::Unix(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            #[cfg(feature = "tls")]
            Self::Tls(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            #[cfg(feature = "async-tls")]
            Self::AsyncTls(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
        }
    };
}

impl AsyncRead for NetStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        on_the_stream!(self, |stream| stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for NetStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        on_the_stream!(self, |stream| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_the_stream!(self, |stream| stream.poll_write_vectored(cx, bufs))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_the_stream!(self, |stream| stream.poll_flush(cx))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(socket) => Pin::new(socket).poll_close(cx),
            #[cfg(unix)]
            Self::Unix(socket) => poll_shut_down(socket, cx),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_close(cx),
            #[cfg(feature = "async-tls")]
            Self::AsyncTls(stream) => Pin::new(stream).poll_close(cx),
        }
    }
}

impl fmt::Debug for NetStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("NetStream");
        match self {
            #[cfg(unix)]
            Self::Unix(socket) => debug.field(socket.get_ref()).finish(),
            _ => debug.field(&self.socket()).finish(),
        }
    }
}
