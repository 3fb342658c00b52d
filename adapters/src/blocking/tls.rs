//! TLS over a blocking stream.
//!
//! rustls does no IO, and here neither of its locks is held for any that waits. What is read is read
//! into memory of the reading half; then the session is locked to decipher it. What is to be
//! written is enciphered under that lock, which is then free, and written in the order in which it
//! was enciphered, under a lock of its own, as far as that is possible without waiting.

use std::fmt;
use std::io::{self, BufRead, IoSlice, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, Connection, HandshakeKind, ServerConnection};

use super::pump::{is_timeout, try_write_some};
use super::stream::{Readiness, SplitTransport, Transport};
use crate::tls::{FirstBytes, ServerTls, Tls, TlsError, server_name};

/// A record at its largest: 2^14 bytes, what encryption may add, and its header.
const READ_LEN: usize = (1 << 14) + 256 + 5;

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

/// What both halves of a stream use.
struct Shared {
    session: Mutex<Session>,
    /// Locked before the session where both are.
    outgoing: Mutex<Outgoing>,
    /// The session itself has something to say, such as an answer to a key update. Who holds the
    /// lock to write looks at this after letting it go.
    wants_write: AtomicBool,
}

struct Session {
    connection: Connection,
    first: FirstBytes,
    /// There will be no more.
    ended: bool,
    /// Why, if that is not in order. What was deciphered before comes first.
    failure: Option<TlsError>,
}

/// What was read and not deciphered, since there was enough to read.
#[derive(Default)]
struct Incoming {
    ciphertext: Vec<u8>,
    start: usize,
    end: usize,
}

/// What was enciphered and not written.
#[derive(Default)]
struct Outgoing {
    ciphertext: Vec<u8>,
    start: usize,
    /// Whether the last byte that was enciphered was not reported, so that the caller sees that not
    /// everything has left. It will be offered again.
    withheld: bool,
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
        let first = FirstBytes::default();
        let session = Session { connection, first, ended: false, failure: None };
        Self { stream, shared: Arc::new(Shared::new(session)), incoming: Incoming::default() }
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

impl Shared {
    const fn new(session: Session) -> Self {
        Self {
            session: Mutex::new(session),
            outgoing: Mutex::new(Outgoing { ciphertext: Vec::new(), start: 0, withheld: false }),
            wants_write: AtomicBool::new(false),
        }
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outgoing(&self) -> MutexGuard<'_, Outgoing> {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Deciphers until there is something to read, or nothing is left to decipher.
    fn decipher(&mut self, incoming: &mut Incoming) {
        while !self.ended && !incoming.is_empty() && !self.has_plaintext() {
            let mut ciphertext = incoming.bytes();
            self.first.note(ciphertext);
            let taken = self.connection.read_tls(&mut ciphertext);
            match taken.map_err(TlsError::Io).and_then(|len| Ok((len, self.process()?))) {
                Ok((len, ())) => incoming.start += len,
                Err(failure) => {
                    (self.ended, self.failure) = (true, Some(failure));
                    incoming.start = incoming.end;
                }
            }
        }
    }

    fn process(&mut self) -> Result<(), TlsError> {
        let processed = self.connection.process_new_packets();
        let state = processed.map_err(|error| TlsError::from_rustls(error, &self.first))?;
        if state.peer_has_closed() {
            if self.connection.is_handshaking() {
                return Err(self.first.end());
            }
            self.ended = true;
        }
        Ok(())
    }

    /// Takes note that the stream has ended.
    fn receive_end(&mut self) {
        if !self.ended {
            self.ended = true;
            self.failure = Some(match self.connection.is_handshaking() {
                true => self.first.end(),
                false => TlsError::Truncated,
            });
        }
    }

    /// Whether something is deciphered and not read.
    fn has_plaintext(&mut self) -> bool {
        self.connection.reader().fill_buf().is_ok_and(|bytes| !bytes.is_empty())
    }

    /// What is deciphered, then why there is no more.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.connection.reader().read(buf) {
            Ok(len) if len > 0 => Ok(len),
            _ => match self.failure.take() {
                Some(failure) => Err(failure.into_io()),
                None if self.ended => Ok(0),
                None => Err(io::ErrorKind::Interrupted.into()),
            },
        }
    }
}

impl Incoming {
    /// Room for what is read next. Nothing may be left.
    fn space(&mut self) -> &mut [u8] {
        debug_assert!(self.is_empty(), "what is left would be lost");
        self.ciphertext.resize(READ_LEN, 0);
        (self.start, self.end) = (0, 0);
        &mut self.ciphertext
    }

    fn bytes(&self) -> &[u8] {
        &self.ciphertext[self.start..self.end]
    }

    const fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

impl Outgoing {
    /// Takes what the session has enciphered.
    fn take(&mut self, session: &mut Session) -> io::Result<()> {
        while session.connection.wants_write() {
            session.connection.write_tls(&mut self.ciphertext)?;
        }
        Ok(())
    }

    /// Writes without waiting; whether that is all.
    fn write(&mut self, stream: &mut impl Transport) -> io::Result<bool> {
        while !self.is_empty() {
            let rest = [IoSlice::new(&self.ciphertext[self.start..])];
            match try_write_some(stream, &rest)? {
                Some(len) => self.start += len,
                None => return Ok(false),
            }
        }
        self.ciphertext.clear();
        self.start = 0;
        Ok(true)
    }

    const fn is_empty(&self) -> bool {
        self.start == self.ciphertext.len()
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
    /// Writes some of it, all of which has left then.
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
