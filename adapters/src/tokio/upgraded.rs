//! The stream of a connection that hyper has handed over.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use hyper::rt::{Read, Write};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::NetStream;

/// The stream below a connection that hyper has handed over: the socket itself where that is a plain
/// one, and what hyper gives otherwise, such as a stream of HTTP/2 or TLS.
#[derive(Debug)]
pub struct UpgradedStream(Inner);

/// How much one write hands to hyper, in bytes.
const PIECE_LEN: usize = 64 * 1024;

#[derive(Debug)]
enum Inner {
    Net(NetStream),
    Upgraded(TokioIo<Upgraded>),
    /// It was given up.
    Gone,
}

impl UpgradedStream {
    /// The stream, and the bytes that hyper has read from it beyond the head. A stream that stays
    /// with hyper returns those bytes itself.
    pub(crate) fn take(upgraded: Upgraded) -> (Self, Vec<u8>) {
        let upgraded = match unwrap::<TcpStream>(upgraded) {
            Ok((socket, leftover)) => {
                // A message leaves when it is written. Where the system refuses, it is only later.
                let _ = socket.set_nodelay(true);
                return (Self(Inner::Net(NetStream::Tcp(socket))), leftover);
            }
            Err(upgraded) => upgraded,
        };
        #[cfg(unix)]
        let upgraded = match unwrap::<UnixStream>(upgraded) {
            Ok((socket, leftover)) => {
                return (Self(Inner::Net(NetStream::Unix(socket))), leftover);
            }
            Err(upgraded) => upgraded,
        };
        (Self(Inner::Upgraded(TokioIo::new(upgraded))), Vec::new())
    }

    /// The TCP socket, if that is below without anything between.
    #[must_use]
    pub fn socket(&self) -> Option<&TcpStream> {
        self.net()?.socket()
    }

    /// The socket, if it was taken out.
    pub(super) const fn net(&self) -> Option<&NetStream> {
        match &self.0 {
            Inner::Net(stream) => Some(stream),
            Inner::Upgraded(_) | Inner::Gone => None,
        }
    }

    /// Ends it without waiting. A stream of HTTP/2 is reset when it is dropped.
    pub(super) fn end_now(&mut self) {
        match &mut self.0 {
            Inner::Net(stream) => stream.end_now(),
            Inner::Upgraded(stream) => {
                let _ = Pin::new(stream).poll_shutdown(&mut Context::from_waker(Waker::noop()));
                self.0 = Inner::Gone;
            }
            Inner::Gone => {}
        }
    }
}

/// The socket below, whether hyper's own server or that of hyper-util, which finds out the version
/// of HTTP first, had it.
fn unwrap<S>(upgraded: Upgraded) -> Result<(S, Vec<u8>), Upgraded>
where
    S: Unpin + 'static,
    TokioIo<S>: Read + Write,
{
    let upgraded = match upgraded.downcast::<TokioIo<S>>() {
        Ok(parts) => return Ok((parts.io.into_inner(), parts.read_buf.to_vec())),
        Err(upgraded) => upgraded,
    };
    let parts = auto::upgrade::downcast::<TokioIo<S>>(upgraded)?;
    Ok((parts.io.into_inner(), parts.read_buf.to_vec()))
}

/// Calls a method of the stream that is there.
macro_rules! delegate {
    ($self:ident, $method:ident($($argument:expr),*), $gone:expr) => {
        match &mut $self.get_mut().0 {
            Inner::Net(stream) => Pin::new(stream).$method($($argument),*),
            Inner::Upgraded(stream) => Pin::new(stream).$method($($argument),*),
            Inner::Gone => $gone,
        }
    };
}

impl AsyncRead for UpgradedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        delegate!(self, poll_read(cx, buf), Poll::Ready(Ok(())))
    }
}

impl AsyncWrite for UpgradedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        // On a stream of HTTP/2, hyper copies all bytes of a write, however little its window
        // takes.
        let buf = match self.0 {
            Inner::Upgraded(_) => &buf[..buf.len().min(PIECE_LEN)],
            Inner::Net(_) | Inner::Gone => buf,
        };
        delegate!(self, poll_write(cx, buf), gone())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, poll_write_vectored(cx, slices), gone())
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            Inner::Net(stream) => stream.is_write_vectored(),
            Inner::Upgraded(stream) => stream.is_write_vectored(),
            Inner::Gone => false,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_flush(cx), Poll::Ready(Ok(())))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_shutdown(cx), Poll::Ready(Ok(())))
    }
}

fn gone<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
}
