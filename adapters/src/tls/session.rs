//! One TLS session over rustls, without IO, for every adapter and for both directions of a stream.
//!
//! The session keeps no memory of its own for ciphertext. An adapter reads from the
//! stream into its caller's buffer, without the session, and then hands the bytes over. The session
//! decrypts them in place. Outgoing ciphertext goes from rustls to the
//! stream without a copy. So an idle connection costs what rustls needs and nothing else, and a
//! thread that waits in a read needs no lock.

use std::io::{self, BufRead, IoSlice, Read, Write};

use rustls::{ClientConnection, Connection, ServerConnection};

use super::{FirstBytes, HandshakeKind, ServerTls, Tls, TlsError, TlsFailure, server_name};

/// A reader with less room than this reads ciphertext into so much room of its own instead, on the
/// stack, so that small reads do not cost a system call each. Handshakes do so too.
pub(crate) const ROOM_MIN: usize = 4096;

/// So many reads look for the reason why a write failed in the handshake.
const LAST_READS_MAX: usize = 8;

/// The state of TLS, what it has deciphered, and what it has to send.
///
/// Reading, in this order: [`read`](Self::read); if that is `None`, read from the stream, and hand
/// over the bytes with [`received`](Self::received) or [`received_in`](Self::received_in).
/// Deciphering can produce ciphertext (handshake messages, alerts), which
/// [`flush`](Self::flush) writes.
pub(crate) struct Session {
    connection: Connection,
    first: FirstBytes,
    /// Ciphertext that rustls did not take since it held plaintext enough. Empty unless plaintext
    /// waits to be read.
    deferred: Vec<u8>,
    /// Whether the last enciphered byte was not reported as written. The caller will offer it
    /// again.
    withheld: bool,
    end: Option<End>,
}

/// Why nothing more can be deciphered.
enum End {
    /// The peer sent a close_notify.
    Clean,
    Failed(TlsError),
    /// It failed, and [`Session::read`] or [`Session::take_failure`] has said so.
    Reported,
}

impl Session {
    /// A client that expects the server to be this host. The first flight waits to be
    /// [flushed](Self::flush).
    ///
    /// # Errors
    ///
    /// [`TlsError::Settings`] and [`TlsError::HostName`].
    pub(crate) fn client(host: &str, tls: &Tls) -> Result<Self, TlsError> {
        #[cfg(feature = "async-tls")]
        if tls.async_tls().is_some() {
            let why = "a connector of async-tls works only where the smol adapter connects by URL";
            return Err(TlsError::Settings(why.to_owned()));
        }
        let connection = ClientConnection::new(tls.config()?, server_name(host)?);
        Ok(Self::new(connection.map_err(unusable)?.into()))
    }

    /// A server.
    ///
    /// # Errors
    ///
    /// [`TlsError::Protocol`] if rustls cannot use the configuration.
    pub(crate) fn server(tls: &ServerTls) -> Result<Self, TlsError> {
        let connection = ServerConnection::new(tls.config());
        Ok(Self::new(connection.map_err(unusable)?.into()))
    }

    fn new(connection: Connection) -> Self {
        let first = FirstBytes::default();
        Self { connection, first, deferred: Vec::new(), withheld: false, end: None }
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether the session was resumed, and so on; `None` until that is known.
    pub(crate) fn handshake_kind(&self) -> Option<HandshakeKind> {
        self.connection.handshake_kind().map(HandshakeKind::of)
    }

    /// Whether ciphertext waits to be written.
    pub(crate) fn has_unsent(&self) -> bool {
        self.connection.wants_write()
    }

    /// Whether [`read`](Self::read) has something to return.
    #[cfg(any(feature = "blocking", test))]
    pub(crate) fn has_incoming(&mut self) -> bool {
        self.end.is_some() || self.has_plaintext()
    }

    /// Reads what is deciphered: all plaintext first, then the end or the failure. `None` if more
    /// ciphertext is needed.
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> Option<io::Result<usize>> {
        if buf.is_empty() {
            return Some(Ok(0));
        }
        let len = self.drain(buf);
        if len > 0 {
            return Some(Ok(len));
        }
        if let Some(failure) = self.take_failure() {
            return Some(Err(failure.into_io()));
        }
        match self.end {
            None => None,
            Some(End::Clean) => Some(Ok(0)),
            // An end would look as if all had come.
            Some(_) => Some(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }

    /// Why the session has failed, unless that was reported before. Plaintext that came earlier
    /// can still be read.
    pub(crate) fn take_failure(&mut self) -> Option<TlsError> {
        match self.end.take() {
            Some(End::Failed(failure)) => {
                self.end = Some(End::Reported);
                Some(failure)
            }
            end => {
                self.end = end;
                None
            }
        }
    }

    /// Takes ciphertext that was read from the stream; no bytes are the stream's end.
    pub(crate) fn received(&mut self, ciphertext: &[u8]) {
        if ciphertext.is_empty() {
            return self.received_end();
        }
        let taken = self.take_in(ciphertext);
        self.deferred.extend_from_slice(&ciphertext[taken..]);
    }

    /// The same within the handshake, which this takes further: it is what costs processor time.
    ///
    /// # Errors
    ///
    /// If the handshake fails. An alert then waits to be [flushed](Self::flush).
    pub(crate) fn advance(&mut self, ciphertext: &[u8]) -> Result<(), TlsError> {
        self.received(ciphertext);
        self.take_failure().map_or(Ok(()), Err)
    }

    /// Takes `len` bytes of ciphertext at the start of `buf`, as [`received`](Self::received)
    /// does, and reads into `buf`, as [`read`](Self::read) does.
    ///
    /// Plaintext is written over ciphertext that was taken in, so that rustls always has room.
    pub(crate) fn received_in(&mut self, buf: &mut [u8], len: usize) -> Option<io::Result<usize>> {
        if len == 0 {
            self.received_end();
            return self.read(buf);
        }
        let (mut taken, mut filled) = (0, 0);
        while taken < len {
            let newly_taken = self.take_in(&buf[taken..len]);
            taken += newly_taken;
            let newly_filled = self.take_plaintext(&mut buf[filled..taken]);
            filled += newly_filled;
            if newly_taken == 0 && newly_filled == 0 {
                break;
            }
        }
        self.deferred.extend_from_slice(&buf[taken..len]);
        filled += self.drain(&mut buf[filled..]);
        if filled > 0 {
            return Some(Ok(filled));
        }
        self.read(buf)
    }

    /// Writes all ciphertext that waits, and fails with `WouldBlock` if `write` does.
    ///
    /// # Errors
    ///
    /// Those of `write`, and `WriteZero` if it writes nothing.
    pub(crate) fn flush(
        &mut self,
        write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<()> {
        let mut sink = Sink(write);
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut sink) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// [Enciphers](Self::encipher) these slices, and writes that.
    ///
    /// `write` fails with `WouldBlock` if it would have to wait. If all bytes were enciphered, and
    /// not all have left, the last byte is not counted. So a caller that sees all bytes counted
    /// knows that they have left, and any other caller offers the same byte again. That byte ends
    /// a frame or a head, or lies within one: nothing else can take its place.
    ///
    /// # Errors
    ///
    /// Those of `write`, among them `WouldBlock` if nothing can be counted, and those of
    /// `encipher`.
    pub(crate) fn write(
        &mut self,
        slices: &[IoSlice<'_>],
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.flush(&mut write)?;
        let len: usize = slices.iter().map(|slice| slice.len()).sum();
        if len == 0 {
            return Ok(0);
        }
        let taken = self.encipher(slices)?;
        match self.flush(write) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.withheld = taken == len;
            }
            Err(error) => return Err(error),
        }
        match taken - usize::from(self.withheld) {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            counted => Ok(counted),
        }
    }

    /// Enciphers these slices together, up to a limit of rustls: 64 KiB with what is unsent. A byte
    /// that was not counted by [`write`](Self::write) is the first one of them.
    ///
    /// # Errors
    ///
    /// `NotConnected` before the handshake is complete, and the session's failure.
    pub(crate) fn encipher(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.is_handshaking() {
            // rustls would keep it, and the caller could not learn when it leaves.
            return Err(io::ErrorKind::NotConnected.into());
        }
        let mut writer = self.connection.writer();
        let taken = match std::mem::take(&mut self.withheld) {
            true => writer.write_vectored(&without_first_byte(slices)).map(|taken| 1 + taken),
            false => writer.write_vectored(slices),
        };
        taken.map_err(|error| TlsError::from_io(error, &self.first, false))
    }

    /// Tells the peer that nothing more will come, once that is [flushed](Self::flush). Once is
    /// enough.
    pub(crate) fn close_notify(&mut self) {
        self.connection.send_close_notify();
    }

    fn received_end(&mut self) {
        self.end.get_or_insert_with(|| {
            End::Failed(match self.connection.is_handshaking() {
                true => self.first.end(),
                false => TlsError::Truncated,
            })
        });
    }

    /// Deciphers as long as there is room for plaintext. How much of this was taken.
    fn take_in(&mut self, ciphertext: &[u8]) -> usize {
        if !self.deferred.is_empty() {
            return 0;
        }
        self.first.note(ciphertext);
        let mut rest = ciphertext;
        while self.end.is_none() && !rest.is_empty() {
            match self.connection.read_tls(&mut rest) {
                Ok(0) => rest = &[],
                Ok(_) => self.process(),
                // rustls wants its plaintext read first.
                Err(error) if error.kind() == io::ErrorKind::Other => break,
                Err(error) => self.end = Some(End::Failed(TlsError::Io(error))),
            }
        }
        if self.end.is_some() {
            // "Any data received after a closure alert has been received MUST be ignored."
            // (RFC 8446, 6.1) Nor does anything follow a failure.
            return ciphertext.len();
        }
        if rest.is_empty() {
            // rustls gives memory back when it is about to read, which may be a long time from now.
            let _ = self.connection.read_tls(&mut Nothing);
        }
        ciphertext.len() - rest.len()
    }

    /// Deciphers what rustls has taken.
    fn process(&mut self) {
        match self.connection.process_new_packets() {
            Ok(state) if !state.peer_has_closed() => {}
            Ok(_) if self.connection.is_handshaking() => {
                self.end = Some(End::Failed(self.first.end()));
            }
            Ok(_) => self.end = Some(End::Clean),
            Err(error) => {
                self.end = Some(End::Failed(TlsError::from_rustls(error, &self.first)));
            }
        }
    }

    /// Goes on with what was deferred.
    fn resume(&mut self) {
        let deferred = std::mem::take(&mut self.deferred);
        if !deferred.is_empty() {
            let taken = self.take_in(&deferred);
            self.deferred.extend_from_slice(&deferred[taken..]);
        }
    }

    /// Reads plaintext, and goes on with what was deferred for lack of room.
    fn drain(&mut self, buf: &mut [u8]) -> usize {
        let mut len = self.take_plaintext(buf);
        while len < buf.len() && !self.deferred.is_empty() {
            // No plaintext is left, so rustls takes something.
            self.resume();
            len += self.take_plaintext(&mut buf[len..]);
        }
        if !self.has_plaintext() {
            self.resume();
        }
        len
    }

    fn has_plaintext(&mut self) -> bool {
        self.connection.reader().fill_buf().is_ok_and(|bytes| !bytes.is_empty())
    }

    fn take_plaintext(&mut self, buf: &mut [u8]) -> usize {
        // It fails only if no plaintext is left.
        self.connection.reader().read(buf).unwrap_or(0)
    }
}

/// Why a write failed in the handshake: the failure that the peer reports, if it reports one.
/// `receive` reads once without waiting, takes the handshake further, and tells whether something
/// came.
pub(crate) fn reason(
    error: io::Error,
    mut receive: impl FnMut() -> Result<bool, TlsError>,
) -> TlsError {
    for _ in 0..LAST_READS_MAX {
        match receive() {
            Ok(true) => {}
            Ok(false) | Err(TlsError::Io(_)) => break,
            Err(failure) => return failure,
        }
    }
    TlsError::Io(error)
}

/// rustls does not take a configuration.
fn unusable(error: rustls::Error) -> TlsError {
    TlsError::Protocol(TlsFailure::of(error))
}

/// Writes by a function.
struct Sink<F>(F);

impl<F: FnMut(&[IoSlice<'_>]) -> io::Result<usize>> Write for Sink<F> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream from which nothing has arrived.
struct Nothing;

impl Read for Nothing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
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

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
