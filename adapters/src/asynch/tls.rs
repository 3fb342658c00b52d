//! TLS over an asynchronous stream, on any runtime.
//!
//! Each runtime gives it the traits of its own ecosystem, by the methods here that name the
//! runtime; see [`AsyncTransport`] for why it does not have that trait by itself.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::task::{Context, Poll, Waker, ready};

use super::computing::Computing;
use super::io::{or_pending, or_would_block};
use super::transport::AsyncTransport;
use crate::tls::session::{ROOM_MIN, Session, reason};
use crate::tls::{HandshakeKind, ServerTls, Tls, TlsError};

/// After so many reads of the stream that were not a whole record others have their turn.
const READS_MAX: usize = 16;

/// TLS over an asynchronous stream, for `connect_over` and `accept`. `connect` and `Server` use it
/// by themselves.
///
/// A write does not count the last byte before everything has left: the caller offers the rest
/// again, as it was, until all of it is counted.
pub struct TlsStream<S> {
    stream: S,
    session: Session,
    /// Whether the unsent ciphertext is the business of whoever writes: a reader must not take the
    /// place of a writer that waits for the stream.
    left_to_writer: bool,
    /// Whether a reader has to send what the session itself had to say.
    left_to_reader: bool,
}

impl<S> TlsStream<S> {
    /// Completes the handshake with a server that is expected to be this host. It takes as long as
    /// the server lets it.
    ///
    /// # Errors
    ///
    /// If the settings cannot be used, or the handshake fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream.
    pub async fn connect<R>(stream: S, host: &str, tls: &Tls) -> Result<Self, TlsError>
    where
        S: AsyncTransport<R>,
    {
        let mut stream = Self::client(stream, host, tls)?;
        poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(stream)
    }

    /// Completes the handshake with a client. It takes as long as the client lets it.
    ///
    /// # Errors
    ///
    /// If the handshake fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream.
    pub async fn accept<R>(stream: S, tls: &ServerTls) -> Result<Self, TlsError>
    where
        S: AsyncTransport<R>,
    {
        let mut stream = Self::server(stream, tls)?;
        poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(stream)
    }

    /// Completes the handshake with a client. Each step is computed in its turn.
    ///
    /// # Errors
    ///
    /// If the handshake fails.
    pub(super) async fn accept_in_turn<R>(
        stream: S,
        tls: &ServerTls,
        computing: &Computing,
        address: Option<IpAddr>,
    ) -> Result<Self, TlsError>
    where
        S: AsyncTransport<R>,
    {
        let mut stream = Self::server(stream, tls)?;
        while let Some(received) = poll_fn(|cx| stream.poll_step(cx)).await? {
            let turn = computing.turn(address).await;
            let advanced = stream.session.advance(&received);
            drop(turn);
            if let Err(failure) = advanced {
                // The peer gets an alert, if that is possible without waiting.
                let _ = stream.poll_send(&mut Context::from_waker(Waker::noop()));
                return Err(failure);
            }
        }
        Ok(stream)
    }

    /// A client that has sent nothing yet: [`poll_handshake`](Self::poll_handshake) does.
    pub(crate) fn client(stream: S, host: &str, tls: &Tls) -> Result<Self, TlsError> {
        Ok(Self::new(stream, Session::client(host, tls)?))
    }

    /// A server that has sent nothing yet.
    pub(crate) fn server(stream: S, tls: &ServerTls) -> Result<Self, TlsError> {
        Ok(Self::new(stream, Session::server(tls)?))
    }

    fn new(stream: S, session: Session) -> Self {
        Self { stream, session, left_to_writer: false, left_to_reader: false }
    }

    /// The stream beneath.
    #[must_use]
    pub const fn stream(&self) -> &S {
        &self.stream
    }

    /// Whether the handshake was resumed from an earlier one, and so on; `None` before it.
    #[must_use]
    pub fn handshake_kind(&self) -> Option<HandshakeKind> {
        self.session.handshake_kind()
    }

    /// Ready when the handshake is complete. Bytes that could not leave yet leave with the next
    /// read or write.
    ///
    /// # Errors
    ///
    /// If the stream or the handshake fails. The peer has been sent an alert then, if that was
    /// possible without waiting.
    pub(crate) fn poll_handshake<R>(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TlsError>>
    where
        S: AsyncTransport<R>,
    {
        while let Some(received) = ready!(self.poll_step(cx))? {
            self.take(cx, &received)?;
        }
        Poll::Ready(Ok(()))
    }

    /// Sends what the handshake has to send, and reads what it needs next: nothing at the stream's
    /// end. `None` when it is complete.
    fn poll_step<R>(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Vec<u8>>, TlsError>>
    where
        S: AsyncTransport<R>,
    {
        let sent = match self.poll_send(cx) {
            Poll::Ready(Err(error)) => {
                let receive = || match self.poll_receive(cx) {
                    Poll::Ready(received) => self.take(cx, &received?).map(|()| true),
                    Poll::Pending => Ok(false),
                };
                return Poll::Ready(Err(reason(error, receive)));
            }
            sent => sent,
        };
        if !self.session.is_handshaking() {
            self.left_to_reader = sent.is_pending();
            return Poll::Ready(Ok(None));
        }
        Poll::Ready(ready!(self.poll_receive(cx)).map(Some))
    }

    /// Reads once.
    fn poll_receive<R>(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<u8>, TlsError>>
    where
        S: AsyncTransport<R>,
    {
        let mut room = [0; ROOM_MIN];
        let len = ready!(self.stream.poll_read(cx, &mut room)).map_err(TlsError::Io)?;
        Poll::Ready(Ok(room[..len].to_vec()))
    }

    /// Takes the handshake further. If it fails, the peer gets an alert.
    fn take<R>(&mut self, cx: &mut Context<'_>, received: &[u8]) -> Result<(), TlsError>
    where
        S: AsyncTransport<R>,
    {
        let advanced = self.session.advance(received);
        if advanced.is_err() {
            let _ = self.poll_send(cx);
        }
        advanced
    }

    /// Writes the ciphertext that waits, and lets go what the stream holds back.
    fn poll_send<R>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>
    where
        S: AsyncTransport<R>,
    {
        let stream = &mut self.stream;
        let sent = self.session.flush(|slices| or_would_block(stream.poll_write(cx, slices)));
        ready!(or_pending(sent))?;
        self.stream.poll_flush(cx)
    }

    pub(crate) fn poll_read<R>(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>>
    where
        S: AsyncTransport<R>,
    {
        let read = self.poll_plaintext(cx, buf);
        self.left_to_reader |= self.session.has_unsent();
        if self.left_to_reader && !self.left_to_writer {
            // This may be an alert that says why the session has failed. Bytes that have arrived
            // are read first: if writing fails, the next write fails too.
            self.left_to_reader = self.poll_send(cx).is_pending();
        }
        read
    }

    fn poll_plaintext<R>(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>
    where
        S: AsyncTransport<R>,
    {
        let mut read = self.session.read(buf);
        for _ in 0..READS_MAX {
            if let Some(read) = read {
                return Poll::Ready(read);
            }
            read = if buf.len() < ROOM_MIN {
                let mut room = [0; ROOM_MIN];
                let len = ready!(self.stream.poll_read(cx, &mut room))?;
                self.session.received(&room[..len]);
                self.session.read(buf)
            } else {
                let len = ready!(self.stream.poll_read(cx, buf))?;
                self.session.received_in(buf, len)
            };
        }
        match read {
            Some(read) => Poll::Ready(read),
            None => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    /// Enciphers the slices of one call together, and writes them together.
    pub(crate) fn poll_write<R>(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>
    where
        S: AsyncTransport<R>,
    {
        let stream = &mut self.stream;
        let written =
            self.session.write(slices, |slices| or_would_block(stream.poll_write(cx, slices)));
        self.left_to_writer = self.session.has_unsent();
        or_pending(written)
    }

    pub(crate) fn poll_flush<R>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>
    where
        S: AsyncTransport<R>,
    {
        let flushed = self.poll_send(cx);
        self.left_to_writer = self.session.has_unsent();
        flushed
    }

    /// Sends the close_notify, and shuts the writing side of the stream beneath down.
    pub(crate) fn poll_shut_down<R>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>
    where
        S: AsyncTransport<R>,
    {
        self.session.close_notify();
        ready!(self.poll_flush(cx))?;
        self.stream.poll_shut_down(cx)
    }

    /// Sends the close_notify, if that is possible at once, and shuts the stream beneath down.
    pub(crate) fn shut_down_now<R>(&mut self)
    where
        S: AsyncTransport<R>,
    {
        // A writer that waits keeps its waker: the stream's end wakes it.
        if !self.left_to_writer {
            self.session.close_notify();
            let _ = self.poll_send(&mut Context::from_waker(Waker::noop()));
        }
        self.stream.shut_down_now();
    }
}

impl<S> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
