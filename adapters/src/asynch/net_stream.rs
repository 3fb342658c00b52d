//! The stream of a connection that was made by URL, or accepted by a server.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use super::platform::Platform;
#[cfg(feature = "_tls")]
use super::tls::TlsStream;
use super::transport::AsyncTransport;

/// TCP, with TLS or without, or a Unix socket.
#[non_exhaustive]
pub enum NetStream<R: Platform> {
    /// `ws`.
    Tcp(R::Tcp),
    /// `ws+unix`.
    #[cfg(unix)]
    Unix(R::Unix),
    /// `wss`. In a box, so that plain connections stay small.
    #[cfg(feature = "_tls")]
    Tls(Box<TlsStream<R::Tcp>>),
    /// `wss` by the connector of async-tls, which is for smol.
    #[cfg(feature = "async-tls")]
    AsyncTls(Box<async_tls::client::TlsStream<crate::smol::TcpSocket>>),
}

macro_rules! on_the_stream {
    ($this:ident, $method:ident, $trait:ident::$asynch:ident($($arg:expr),*)) => {
        match $this {
            Self::Tcp(stream) => stream.$method($($arg),*),
            #[cfg(unix)]
            Self::Unix(stream) => stream.$method($($arg),*),
            #[cfg(feature = "_tls")]
            Self::Tls(stream) => stream.$method::<R>($($arg),*),
            #[cfg(feature = "async-tls")]
            Self::AsyncTls(stream) => {
                futures_io::$trait::$asynch(std::pin::Pin::new(stream), $($arg),*)
            }
        }
    };
}

impl<R: Platform> NetStream<R> {
    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// If the connection is gone, and [`Unsupported`](io::ErrorKind::Unsupported) for a Unix
    /// socket.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(socket) => R::peer_addr(socket),
            #[cfg(unix)]
            Self::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
            #[cfg(feature = "_tls")]
            Self::Tls(stream) => R::peer_addr(stream.stream()),
            #[cfg(feature = "async-tls")]
            Self::AsyncTls(stream) => stream.get_ref().get_ref().peer_addr(),
        }
    }

    #[inline]
    pub(crate) fn poll_read_some(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        on_the_stream!(self, poll_read, AsyncRead::poll_read(cx, buf))
    }

    pub(crate) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Tcp(socket) => socket.poll_readable(cx),
            #[cfg(unix)]
            Self::Unix(socket) => socket.poll_readable(cx),
            // The session may hold bytes.
            #[cfg(any(feature = "_tls", feature = "async-tls"))]
            _ => Poll::Ready(()),
        }
    }

    pub(crate) fn has_input(&self) -> bool {
        match self {
            Self::Tcp(socket) => socket.has_unreported_input(),
            #[cfg(unix)]
            Self::Unix(socket) => socket.has_unreported_input(),
            #[cfg(feature = "_tls")]
            Self::Tls(stream) => stream.stream().has_unreported_input(),
            #[cfg(feature = "async-tls")]
            Self::AsyncTls(stream) => crate::socket::has_input(stream.get_ref().get_ref()),
        }
    }

    #[inline]
    pub(crate) fn poll_write_slices(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_the_stream!(self, poll_write, AsyncWrite::poll_write_vectored(cx, slices))
    }

    pub(crate) fn poll_flush_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_the_stream!(self, poll_flush, AsyncWrite::poll_flush(cx))
    }

    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_the_stream!(self, poll_shut_down, AsyncWrite::poll_close(cx))
    }

    /// Whether one write takes the bytes of several slices.
    #[cfg(any(feature = "smol", test))]
    pub(crate) const fn takes_slices(&self) -> bool {
        match self {
            #[cfg(feature = "async-tls")]
            Self::AsyncTls(_) => false,
            _ => true,
        }
    }

    /// Shuts both sides down here and now. The end of TLS leaves if there is room for it.
    pub(crate) fn end_now(&mut self) {
        match self {
            Self::Tcp(socket) => socket.shut_down_now(),
            #[cfg(unix)]
            Self::Unix(socket) => socket.shut_down_now(),
            #[cfg(feature = "_tls")]
            Self::Tls(stream) => stream.shut_down_now::<R>(),
            #[cfg(feature = "async-tls")]
            Self::AsyncTls(stream) => {
                // It may have gone.
                let _ = stream.get_ref().get_ref().shutdown(std::net::Shutdown::Both);
            }
        }
    }
}

impl<R: Platform> fmt::Debug for NetStream<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Tcp(_) => "TCP",
            #[cfg(unix)]
            Self::Unix(_) => "Unix socket",
            #[cfg(feature = "_tls")]
            Self::Tls(_) => "TLS",
            #[cfg(feature = "async-tls")]
            Self::AsyncTls(_) => "async-tls",
        };
        let mut debug = f.debug_struct("NetStream");
        debug.field("kind", &kind);
        if let Ok(address) = self.peer_addr() {
            debug.field("peer_addr", &address);
        }
        debug.finish_non_exhaustive()
    }
}
