//! TLS over a blocking stream.
//!
//! rustls does no IO, and here neither of its locks is held for any that waits. What is read is read
//! into memory of the reading half; then the session is locked to decipher it. What is to be
//! written is enciphered under that lock, which is then free, and written in the order in which it
//! was enciphered, under a lock of its own, as far as that is possible without waiting.

mod session;

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::sync::atomic::Ordering;
use std::sync::{Arc, TryLockError};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, Connection, HandshakeKind, ServerConnection};

use self::session::{Incoming, Shared};
use super::pump::is_timeout;
use super::stream::{Readiness, SplitTransport, Transport};
use crate::tls::{ServerTls, Tls, TlsError, server_name};

/// TLS over a blocking stream, for [`connect_over`](super::connect_over) and
/// [`accept`](super::accept). [`connect`](super::connect()) and [`Server`](super::Server) use it by
/// themselves.
///
/// A read that has read something, but not yet a whole record, fails with `Interrupted`. A write
/// that does not wait may hold one byte back that it has taken: the caller offers the rest again,
/// as it was, until all is taken, and then all has left.
pub struct TlsStream<S> {
    stream: S,
    shared: Arc<Shared>,
    incoming: Incoming,
}

impl<S: Transport> TlsStream<S> {
    /// Shakes hands with a server that is to be this host, within this time.
    ///
    /// # Errors
    ///
    /// What the settings or the server have against it.
    pub fn connect(stream: S, host: &str, tls: &Tls, timeout: Duration) -> Result<Self, TlsError> {
        let mut stream = Self::client(stream, host, tls)?;
        stream.shake_hands(timeout)?;
        Ok(stream)
    }

    /// Shakes hands with a client, within this time.
    ///
    /// # Errors
    ///
    /// What the client has against it.
    pub fn accept(stream: S, tls: &ServerTls, timeout: Duration) -> Result<Self, TlsError> {
        let mut stream = Self::server(stream, tls)?;
        stream.shake_hands(timeout)?;
        Ok(stream)
    }

    /// The same without a word yet.
    pub(super) fn client(stream: S, host: &str, tls: &Tls) -> Result<Self, TlsError> {
        #[cfg(feature = "async-tls")]
        if tls.async_tls().is_some() {
            let why = "async-tls is for the smol adapter";
            return Err(TlsError::Settings(why.to_owned()));
        }
        let connection = ClientConnection::new(tls.config()?, server_name(host)?);
        Ok(Self::new(stream, connection?.into()))
    }

    /// The same without a word yet. Reading shakes hands.
    pub(super) fn server(stream: S, tls: &ServerTls) -> Result<Self, TlsError> {
        let connection = ServerConnection::new(tls.config());
        Ok(Self::new(stream, connection?.into()))
    }

    fn new(stream: S, connection: Connection) -> Self {
        Self { stream, shared: Arc::new(Shared::new(connection)), incoming: Incoming::default() }
    }

    fn shake_hands(&mut self, timeout: Duration) -> Result<(), TlsError> {
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
            let left = left.map(|left| left.max(Duration::from_millis(1)));
            self.stream.set_read_timeout(left).map_err(TlsError::Io)?;
            self.receive()?;
        }
        self.stream.set_read_timeout(None).map_err(TlsError::Io)
    }

    /// Says what is to be said; whether the hands are shaken. If not, what is
    /// [left](Self::has_outgoing) is to be written, or something is to be
    /// [received](Self::receive).
    pub(super) fn advance(&mut self) -> Result<bool, TlsError> {
        self.shared.wants_write.store(true, Ordering::SeqCst);
        self.speak()?;
        Ok(!self.shared.session().connection.is_handshaking() && !self.has_outgoing())
    }

    /// Reads once, and deciphers that.
    pub(super) fn receive(&mut self) -> Result<(), TlsError> {
        match self.fill() {
            Err(error) if is_timeout(&error) || error.kind() == io::ErrorKind::Interrupted => {}
            filled => filled.map_err(TlsError::Io)?,
        }
        let failure = self.shared.session().failure.take();
        if let Some(failure) = failure {
            // The peer is told why, if that is possible at once.
            let _ = self.advance();
            return Err(failure);
        }
        Ok(())
    }

    /// Whether something waits to be written that the caller does not know of.
    pub(super) fn has_outgoing(&self) -> bool {
        !self.shared.outgoing().is_empty()
    }

    /// Whether a read would give something without asking the stream.
    pub(super) fn has_incoming(&self) -> bool {
        let mut session = self.shared.session();
        session.ended || session.has_plaintext() || !self.incoming.is_empty()
    }

    /// The stream beneath.
    #[must_use]
    pub const fn stream(&self) -> &S {
        &self.stream
    }

    /// Whether the handshake was resumed from an earlier one, and so on; `None` before it.
    #[must_use]
    pub fn handshake_kind(&self) -> Option<HandshakeKind> {
        self.shared.session().connection.handshake_kind()
    }

    /// Reads once, without a lock, and deciphers that.
    fn fill(&mut self) -> io::Result<()> {
        let len = self.stream.read(self.incoming.space())?;
        self.incoming.end = len;
        let mut session = self.shared.session();
        match len {
            0 => session.receive_end(),
            _ => session.decipher(&mut self.incoming),
        }
        Ok(())
    }

    /// Says what the session has to say, unless somebody else writes, who then does.
    fn speak(&mut self) -> io::Result<()> {
        while self.shared.wants_write.load(Ordering::SeqCst) {
            let mut outgoing = match self.shared.outgoing.try_lock() {
                Ok(outgoing) => outgoing,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return Ok(()),
            };
            self.shared.wants_write.store(false, Ordering::SeqCst);
            outgoing.take(&mut self.shared.session())?;
            outgoing.write(&mut self.stream)?;
        }
        Ok(())
    }
}

impl<S: Transport> Read for TlsStream<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        // What was read with what came before, and has not been deciphered.
        self.shared.session().decipher(&mut self.incoming);
        if !self.has_incoming() {
            self.fill()?;
        }
        let mut session = self.shared.session();
        let read = session.read(buf);
        if session.connection.wants_write() {
            drop(session);
            // Also what tells the peer why it failed. What has arrived comes first: if writing
            // fails, so will the next write.
            self.shared.wants_write.store(true, Ordering::SeqCst);
            let _ = self.speak();
        }
        read
    }
}

impl<S: Transport> Write for TlsStream<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            match self.try_write_vectored(bufs) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stream.wait(Readiness::WRITE, None)?;
                }
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.has_outgoing() {
            if !self.shared.outgoing().write(&mut self.stream)? {
                self.stream.wait(Readiness::WRITE, None)?;
            }
        }
        self.stream.flush()
    }
}

impl<S: Transport> Transport for TlsStream<S> {
    fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.stream.set_read_timeout(timeout)
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.stream.set_write_timeout(timeout)
    }

    /// Sends the close_notify too.
    fn shut_down_writing(&mut self) -> io::Result<()> {
        self.say_goodbye();
        self.stream.shut_down_writing()
    }

    fn shut_down(&mut self) -> io::Result<()> {
        self.say_goodbye();
        self.stream.shut_down()
    }

    fn try_write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = self.encipher_and_write(slices);
        // What the session had to say meanwhile.
        let _ = self.speak();
        written
    }

    fn wait(&mut self, interest: Readiness, timeout: Option<Duration>) -> io::Result<Readiness> {
        let readable = interest.readable && self.has_incoming();
        let timeout = if readable { Some(Duration::ZERO) } else { timeout };
        let mut ready = self.stream.wait(interest, timeout)?;
        ready.readable |= readable;
        Ok(ready)
    }
}

impl<S: Transport> TlsStream<S> {
    /// Writes as much as is taken at once. A byte of it is withheld as long as not everything has
    /// left: so whoever sees all taken knows that all has left, and who does not offers the same
    /// byte again. It is in the middle of a frame or a head, where nothing else can come first.
    fn encipher_and_write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut outgoing = self.shared.outgoing();
        if !outgoing.write(&mut self.stream)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let before = usize::from(std::mem::take(&mut outgoing.withheld));
        let rest = (before > 0).then(|| without_first_byte(slices));
        let taken = {
            let mut session = self.shared.session();
            let mut writer = session.connection.writer();
            let taken = writer.write_vectored(rest.as_deref().unwrap_or(slices));
            let taken = taken.map_err(|error| TlsError::from_io(error, &session.first, false))?;
            outgoing.take(&mut session)?;
            taken
        };
        if outgoing.write(&mut self.stream)? {
            return Ok(before + taken);
        }
        outgoing.withheld = true;
        match before + taken - 1 {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            len => Ok(len),
        }
    }

    /// Tells the peer that nothing more will come, as far as that is possible at once.
    fn say_goodbye(&mut self) {
        self.shared.session().connection.send_close_notify();
        self.shared.wants_write.store(true, Ordering::SeqCst);
        let _ = self.speak();
    }
}

fn without_first_byte<'a>(slices: &'a [IoSlice<'_>]) -> Vec<IoSlice<'a>> {
    let mut skip = 1;
    let mut rest = Vec::with_capacity(slices.len());
    for slice in slices {
        let skipped = skip.min(slice.len());
        skip -= skipped;
        rest.push(IoSlice::new(&slice[skipped..]));
    }
    rest
}

impl<S: SplitTransport> SplitTransport for TlsStream<S> {
    type Half = TlsStream<S::Half>;

    fn split(self) -> io::Result<(Self::Half, Self::Half)> {
        let Self { stream, shared, incoming } = self;
        let (reader, writer) = stream.split()?;
        let reader = TlsStream { stream: reader, shared: Arc::clone(&shared), incoming };
        Ok((reader, TlsStream { stream: writer, shared, incoming: Incoming::default() }))
    }
}

impl<S> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").finish_non_exhaustive()
    }
}
