//! The session of TLS, what goes into it and what comes out, without the IO.

use std::io::{self, BufRead, IoSlice, Read};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::Connection;

use super::super::pump::try_write_some;
use super::super::stream::Transport;
use crate::tls::{FirstBytes, TlsError};

/// A record at its largest: 2^14 bytes, what encryption may add, and its header.
const READ_LEN: usize = (1 << 14) + 256 + 5;

/// What both halves of a stream use.
pub(super) struct Shared {
    pub(super) session: Mutex<Session>,
    /// Locked before the session where both are.
    pub(super) outgoing: Mutex<Outgoing>,
    /// The session itself has something to say, such as an answer to a key update. Who holds the
    /// lock to write looks at this after letting it go.
    pub(super) wants_write: AtomicBool,
}

pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) first: FirstBytes,
    /// There will be no more.
    pub(super) ended: bool,
    /// Why, if that is not in order. What was deciphered before comes first.
    pub(super) failure: Option<TlsError>,
}

/// What was read and not deciphered, since there was enough to read.
#[derive(Default)]
pub(super) struct Incoming {
    ciphertext: Vec<u8>,
    start: usize,
    pub(super) end: usize,
}

/// What was enciphered and not written.
#[derive(Default)]
pub(super) struct Outgoing {
    ciphertext: Vec<u8>,
    start: usize,
    /// Whether the last byte that was enciphered was not reported, so that the caller sees that not
    /// everything has left. It will be offered again.
    pub(super) withheld: bool,
}

impl Shared {
    pub(super) fn new(connection: Connection) -> Self {
        let first = FirstBytes::default();
        let session = Session { connection, first, ended: false, failure: None };
        Self {
            session: Mutex::new(session),
            outgoing: Mutex::default(),
            wants_write: AtomicBool::new(false),
        }
    }

    pub(super) fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn outgoing(&self) -> MutexGuard<'_, Outgoing> {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Deciphers until there is something to read, or nothing is left to decipher.
    pub(super) fn decipher(&mut self, incoming: &mut Incoming) {
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
    pub(super) fn receive_end(&mut self) {
        if !self.ended {
            self.ended = true;
            self.failure = Some(match self.connection.is_handshaking() {
                true => self.first.end(),
                false => TlsError::Truncated,
            });
        }
    }

    /// Whether something is deciphered and not read.
    pub(super) fn has_plaintext(&mut self) -> bool {
        self.connection.reader().fill_buf().is_ok_and(|bytes| !bytes.is_empty())
    }

    /// What is deciphered, then why there is no more.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
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
    pub(super) fn space(&mut self) -> &mut [u8] {
        debug_assert!(self.is_empty(), "what is left would be lost");
        self.ciphertext.resize(READ_LEN, 0);
        (self.start, self.end) = (0, 0);
        &mut self.ciphertext
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.ciphertext[self.start..self.end]
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

impl Outgoing {
    /// Takes what the session has enciphered.
    pub(super) fn take(&mut self, session: &mut Session) -> io::Result<()> {
        while session.connection.wants_write() {
            session.connection.write_tls(&mut self.ciphertext)?;
        }
        Ok(())
    }

    /// Writes without waiting; whether that is all.
    pub(super) fn write(&mut self, stream: &mut impl Transport) -> io::Result<bool> {
        while !self.is_empty() {
            let rest = [IoSlice::new(&self.ciphertext[self.start..])];
            match try_write_some(stream, &rest)? {
                Some(len) => self.start += len,
                None => return Ok(false),
            }
        }
        self.start = 0;
        self.ciphertext.clear();
        // What a large message has made grow is not kept.
        self.ciphertext.shrink_to(READ_LEN);
        Ok(true)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.start == self.ciphertext.len()
    }
}
