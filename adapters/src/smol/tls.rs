//! TLS over an asynchronous stream.

use std::fmt;
use std::io::{self, IoSlice, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_rustls::{TlsAcceptor, TlsConnector};
use smol::io::{AsyncRead, AsyncWrite};

use super::net_stream::NetStream;
use super::shut_down::poll_shut_down;
use super::tcp_socket::TcpSocket;

use crate::tls::{FirstBytes, ServerTls, Tls, TlsError, server_name};

/// TLS over an asynchronous stream, for [`connect_over`](super::connect_over) and
/// [`accept`](super::accept). [`connect`](super::connect()) and [`Server`](super::Server) use it by
/// themselves.
///
/// A write may hold one byte back that it has taken: the caller offers the rest again, as it was,
/// until all is taken, and then all has left.
pub struct TlsStream<S> {
    tls: futures_rustls::TlsStream<Overheard<S>>,
    /// Whether the last byte that was enciphered was not reported, so that the caller sees that not
    /// everything has left. It will be offered again.
    withheld: bool,
    /// Why there is no more to read. What was deciphered before comes first.
    failure: Option<io::Error>,
}

/// Connects as the settings say.
pub(super) async fn connect(
    socket: TcpSocket,
    host: &str,
    tls: &Tls,
) -> Result<NetStream, TlsError> {
    #[cfg(feature = "async-tls")]
    if let Some(connector) = tls.async_tls() {
        let name = server_name(host)?.to_str().into_owned();
        let connected = connector.connect(name, socket).await;
        return Ok(NetStream::AsyncTls(Box::new(connected.map_err(TlsError::Io)?)));
    }
    Ok(TlsStream::connect(socket, host, tls).await?.into())
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> TlsStream<S> {
    /// Shakes hands with a server that is to be this host.
    ///
    /// # Errors
    ///
    /// What the settings or the server have against it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream.
    pub async fn connect(stream: S, host: &str, tls: &Tls) -> Result<Self, TlsError> {
        let connector = TlsConnector::from(tls.config()?);
        let shaken = connector.connect(server_name(host)?, Overheard::new(stream));
        match shaken.into_fallible().await {
            Ok(tls) => Ok(Self { tls: tls.into(), withheld: false, failure: None }),
            Err((error, stream)) => Err(TlsError::from_io(error, &stream.first, true).into()),
        }
    }

    /// Shakes hands with a client.
    ///
    /// # Errors
    ///
    /// What the client has against it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream.
    pub async fn accept(stream: S, tls: &ServerTls) -> Result<Self, TlsError> {
        let shaken = TlsAcceptor::from(tls.config()).accept(Overheard::new(stream));
        match shaken.into_fallible().await {
            Ok(tls) => Ok(Self { tls: tls.into(), withheld: false, failure: None }),
            Err((error, stream)) => Err(TlsError::from_io(error, &stream.first, true).into()),
        }
    }
}

impl<S> TlsStream<S> {
    /// The stream beneath.
    #[must_use]
    pub fn stream(&self) -> &S {
        &self.tls.get_ref().0.stream
    }

    /// What an error of rustls means.
    fn tell(&self, error: io::Error) -> io::Error {
        TlsError::from_io(error, &self.tls.get_ref().0.first, false)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> AsyncRead for TlsStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.failure.is_none() {
            match ready!(Pin::new(&mut self.tls).poll_read(cx, buf)) {
                Ok(len) => return Poll::Ready(Ok(len)),
                Err(error) => {
                    self.failure = Some(self.tell(error));
                }
            }
        }
        let deciphered = match &mut self.tls {
            futures_rustls::TlsStream::Client(tls) => tls.get_mut().1.reader().read(buf),
            futures_rustls::TlsStream::Server(tls) => tls.get_mut().1.reader().read(buf),
        };
        match deciphered {
            Ok(len) if len > 0 => Poll::Ready(Ok(len)),
            _ => Poll::Ready(self.failure.take().map_or(Ok(0), Err)),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> AsyncWrite for TlsStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    /// A byte is withheld as long as not everything has left: so whoever sees all taken knows that
    /// all has left, and who does not offers the same byte again. It is in the middle of a frame or
    /// a head, where nothing else can come first.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.as_mut().poll_flush(cx))?;
        let mut skip = usize::from(std::mem::take(&mut self.withheld));
        let mut taken = skip;
        for buf in bufs {
            let skipped = skip.min(buf.len());
            skip -= skipped;
            let buf = &buf[skipped..];
            if buf.is_empty() {
                continue;
            }
            match Pin::new(&mut self.tls).poll_write(cx, buf) {
                Poll::Ready(len) => {
                    let len = len.map_err(|error| self.tell(error))?;
                    taken += len;
                    if len < buf.len() {
                        break;
                    }
                }
                Poll::Pending => break,
            }
        }
        match self.as_mut().poll_flush(cx)? {
            Poll::Ready(()) => Poll::Ready(Ok(taken)),
            Poll::Pending if taken == 0 => Poll::Pending,
            Poll::Pending => {
                self.withheld = true;
                match taken - 1 {
                    0 => Poll::Pending,
                    len => Poll::Ready(Ok(len)),
                }
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.tls).poll_flush(cx)) {
            // What has arrived comes first.
            Err(_) if self.failure.is_some() => Poll::Ready(Ok(())),
            flushed => Poll::Ready(flushed.map_err(|error| self.tell(error))),
        }
    }

    /// Sends the close_notify, and ends the stream beneath.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_close(cx)
    }
}

impl<S> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").finish_non_exhaustive()
    }
}

/// A stream whose first bytes are remembered.
struct Overheard<S> {
    stream: S,
    first: FirstBytes,
}

impl<S> Overheard<S> {
    fn new(stream: S) -> Self {
        Self { stream, first: FirstBytes::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let len = ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.first.note(&buf[..len]);
        Poll::Ready(Ok(len))
    }
}

impl<S: AsyncWrite + Unpin + 'static> AsyncWrite for Overheard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_shut_down(&mut self.stream, cx)
    }
}
