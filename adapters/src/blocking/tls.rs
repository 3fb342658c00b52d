//! TLS over a blocking stream.
//!
//! A thread that reads from the stream holds only the lock that orders readers, and fills the
//! buffer of its caller; then it locks the session to decipher that buffer. Writers encipher and
//! write under the session's lock, without waiting. Every wait is outside that lock.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use rustix::fd::BorrowedFd;

use super::net_stream::WaitWithPipe;
use super::transport::{Readiness, Transport, read_timeout};
use crate::error::is_passing;
use crate::sync::{Mutex, MutexGuard, lock, try_lock};
use crate::tls::session::{ROOM_MIN, Session, reason};
use crate::tls::{HandshakeKind, ServerTls, Tls, TlsError};

/// TLS over a blocking stream, for [`connect_over`](super::connect_over) and
/// [`accept`](super::accept). [`connect`](super::connect()) and [`Server`](super::Server) use it
/// by themselves.
///
/// Several threads can use it at once, by reference: while one waits in a read, others write. A
/// second reader waits for the first one, and [`try_read`](Transport::try_read) then finds
/// nothing.
///
/// A read that has taken bytes from the stream, but not yet a whole record, fails with
/// [`Interrupted`](io::ErrorKind::Interrupted): look at the clock if there is a deadline, and
/// read again. [`try_write`](Transport::try_write) does not count the last byte before everything
/// has left: the caller offers the rest again, as it was, until all of it is counted.
pub struct TlsStream<S> {
    stream: S,
    /// Held for a moment, and never while its holder waits. Where both are locked, after `reading`.
    session: Mutex<Session>,
    /// Held by the thread that reads from the stream, so that ciphertext stays in order.
    reading: Mutex<()>,
}

impl<S: Transport> TlsStream<S> {
    /// Completes the handshake with a server that is expected to be this host, within `timeout`;
    /// [`Duration::MAX`] is no limit.
    ///
    /// # Errors
    ///
    /// If the settings cannot be used, the handshake fails, or it takes too long.
    pub fn connect(stream: S, host: &str, tls: &Tls, timeout: Duration) -> Result<Self, TlsError> {
        let stream = Self::client(stream, host, tls)?;
        stream.shake_hands(timeout)?;
        Ok(stream)
    }

    /// Completes the handshake with a client, within `timeout`; [`Duration::MAX`] is no limit.
    ///
    /// # Errors
    ///
    /// If the handshake fails, or takes too long.
    pub fn accept(stream: S, tls: &ServerTls, timeout: Duration) -> Result<Self, TlsError> {
        let stream = Self::server(stream, tls)?;
        stream.shake_hands(timeout)?;
        Ok(stream)
    }

    /// A client that has sent nothing yet: [`advance`](Self::advance) does.
    pub(super) fn client(stream: S, host: &str, tls: &Tls) -> Result<Self, TlsError> {
        Ok(Self::new(stream, Session::client(host, tls)?))
    }

    /// A server that has sent nothing yet. Reading carries out the handshake.
    pub(super) fn server(stream: S, tls: &ServerTls) -> Result<Self, TlsError> {
        Ok(Self::new(stream, Session::server(tls)?))
    }

    fn new(stream: S, session: Session) -> Self {
        Self { stream, session: Mutex::new(session), reading: Mutex::new(()) }
    }

    fn shake_hands(&self, timeout: Duration) -> Result<(), TlsError> {
        let until = Instant::now().checked_add(timeout);
        while !self.advance()? {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Err(TlsError::TimedOut(timeout));
            }
            if self.has_outgoing() {
                self.stream.wait(Readiness::WRITE, left).map_err(TlsError::Io)?;
                continue;
            }
            self.stream.set_read_timeout(read_timeout(left)).map_err(TlsError::Io)?;
            self.receive_by(S::read)?;
        }
        self.stream.set_read_timeout(None).map_err(TlsError::Io)
    }

    /// Writes what the handshake has to send, without waiting. Returns whether the handshake is
    /// complete; if not, wait until the stream can be written, if something is
    /// [left](Self::has_outgoing), or until something can be [received](Self::receive).
    ///
    /// # Errors
    ///
    /// If the stream fails. If the peer has said why, that is the error.
    pub(super) fn advance(&self) -> Result<bool, TlsError> {
        let mut session = self.session();
        match session.flush(|slices| self.stream.try_write(slices)) {
            Ok(()) => Ok(!session.is_handshaking()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => {
                drop(session);
                Err(reason(error, || self.receive_by(S::try_read)))
            }
        }
    }

    /// Reads once, if that is possible without waiting, and takes the handshake further.
    ///
    /// # Errors
    ///
    /// If the stream or the handshake fails. The peer has been sent an alert then, if that was
    /// possible without waiting.
    pub(super) fn receive(&self) -> Result<(), TlsError> {
        self.receive_by(S::try_read).map(drop)
    }

    /// Whether something came.
    fn receive_by(
        &self,
        read: impl FnOnce(&S, &mut [u8]) -> io::Result<usize>,
    ) -> Result<bool, TlsError> {
        let _reading = lock(&self.reading);
        let mut room = [0; ROOM_MIN];
        let len = match read(&self.stream, &mut room) {
            Err(error) if is_passing(&error) => return Ok(false),
            len => len.map_err(TlsError::Io)?,
        };
        let mut session = self.session();
        let advanced = session.advance(&room[..len]);
        if advanced.is_err() {
            self.send_own(&mut session);
        }
        advanced.map(|()| true)
    }

    /// Whether ciphertext waits to be written, also such that the caller does not know of.
    pub(super) fn has_outgoing(&self) -> bool {
        self.session().has_unsent()
    }

    fn read_by(
        &self,
        buf: &mut [u8],
        read: impl FnOnce(&S, &mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if let Some(read) = self.session().read(buf) {
            return read;
        }
        let (mut session, read) = if buf.len() < ROOM_MIN {
            let mut room = [0; ROOM_MIN];
            let len = read(&self.stream, &mut room)?;
            let mut session = self.session();
            session.received(&room[..len]);
            let read = session.read(buf);
            (session, read)
        } else {
            let len = read(&self.stream, buf)?;
            let mut session = self.session();
            let read = session.received_in(buf, len);
            (session, read)
        };
        self.send_own(&mut session);
        read.unwrap_or_else(|| Err(io::ErrorKind::Interrupted.into()))
    }

    /// The session, once everything that was taken has left.
    fn flushed(&self) -> io::Result<MutexGuard<'_, Session>> {
        loop {
            let mut session = self.session();
            match session.flush(|slices| self.stream.try_write(slices)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                flushed => return flushed.map(|()| session),
            }
            drop(session);
            self.stream.wait(Readiness::WRITE, None)?;
        }
    }

    /// Sends the session's own messages, such as an alert, as far as that is possible without
    /// waiting. Bytes that have arrived are read first: if writing fails, the next write fails too.
    fn send_own(&self, session: &mut Session) {
        let _ = session.flush(|slices| self.stream.try_write(slices));
    }
}

impl<S> TlsStream<S> {
    /// The stream beneath.
    #[must_use]
    pub const fn stream(&self) -> &S {
        &self.stream
    }

    /// Whether the handshake was resumed from an earlier one, and so on; `None` before it.
    #[must_use]
    pub fn handshake_kind(&self) -> Option<HandshakeKind> {
        self.session().handshake_kind()
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        lock(&self.session)
    }
}

impl<S: Transport> Transport for TlsStream<S> {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.stream.set_read_timeout(timeout)
    }

    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let _reading = lock(&self.reading);
        self.read_by(buf, S::read)
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        // Otherwise the thread that waits in a read gets what comes.
        let _reading = try_lock(&self.reading).ok_or(io::ErrorKind::WouldBlock)?;
        self.read_by(buf, S::try_read)
    }

    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.session().write(slices, |slices| self.stream.try_write(slices))
    }

    fn is_timed(&self) -> bool {
        self.stream.is_timed()
    }

    fn is_vectored(&self) -> bool {
        true
    }

    fn wait(&self, interest: Readiness, timeout: Option<Duration>) -> io::Result<Readiness> {
        let readable = interest.readable && self.session().has_incoming();
        let timeout = if readable { Some(Duration::ZERO) } else { timeout };
        let mut ready = self.stream.wait(interest, timeout)?;
        ready.readable |= readable;
        Ok(ready)
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.stream.fd()
    }

    /// Also sends the close_notify, if writing ends and that is possible without waiting.
    fn shut_down(&self, how: Shutdown) -> io::Result<()> {
        if how != Shutdown::Read {
            let mut session = self.session();
            session.close_notify();
            self.send_own(&mut session);
        }
        self.stream.shut_down(how)
    }
}

impl<S: WaitWithPipe> WaitWithPipe for TlsStream<S> {
    fn has_incoming(&self) -> bool {
        self.session().has_incoming()
    }

    fn is_handshaking(&self) -> bool {
        self.session().is_handshaking()
    }

    fn has_unsent(&self) -> bool {
        self.try_write(&[]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl<S: Transport> Read for &TlsStream<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Transport::read(*self, buf)
    }
}

/// Waits until everything that was taken has left.
impl<S: Transport> Write for &TlsStream<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let taken = self.flushed()?.encipher(bufs)?;
        self.flush()?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flushed().map(drop)
    }
}

impl<S: Transport> Read for TlsStream<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Transport::read(self, buf)
    }
}

/// Waits until everything that was taken has left.
impl<S: Transport> Write for TlsStream<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
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
