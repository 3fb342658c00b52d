//! The stream of a connection that was made by URL, or accepted by a server.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll};

use smol::Async;
use smol::io::{AsyncRead, AsyncWrite};

use super::tcp_socket::TcpSocket;
#[cfg(feature = "tls")]
use super::tls::TlsStream;

/// TCP, with TLS or without.
#[non_exhaustive]
pub enum NetStream {
    /// `ws`.
    Tcp(TcpSocket),
    /// `wss`. In a box, so that plain connections stay as small as they are.
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<TcpSocket>>),
    /// `wss` by the connector of async-tls.
    #[cfg(feature = "async-tls")]
    AsyncTls(Box<async_tls::client::TlsStream<TcpSocket>>),
}

impl NetStream {
    /// The socket. What is read from it or written to it by others is lost to the connection.
    #[must_use]
    pub fn socket(&self) -> &TcpStream {
        let socket = match self {
            Self::Tcp(socket) => socket,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.stream(),
            #[cfg(feature = "async-tls")]
            Self::AsyncTls(stream) => stream.get_ref(),
        };
        socket.get_ref()
    }

    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// If the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().peer_addr()
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
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_close(cx),
            #[cfg(feature = "async-tls")]
            Self::AsyncTls(stream) => Pin::new(stream).poll_close(cx),
        }
    }
}

impl fmt::Debug for NetStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NetStream").field(self.socket()).finish()
    }
}
