//! A connection as a stream of bytes: what came and was not read yet.

use std::io;

use bluewire_core::Message;

use crate::error::Error;

/// The rest of a message that the program has read in part.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    bytes: Vec<u8>,
    start: usize,
}

/// The most bytes that one write puts into a message.
pub(crate) const WRITE_LEN_MAX: usize = 64 * 1024;

impl Rest {
    /// Takes what is there: how much, or `None` if nothing is.
    pub(crate) fn take(&mut self, buf: &mut [u8]) -> Option<usize> {
        let rest = self.bytes.get(self.start..).filter(|rest| !rest.is_empty())?;
        let len = copy(rest, buf);
        self.start = self.start.saturating_add(len);
        Some(len)
    }

    /// Hands out the beginning of a message and keeps the rest of it.
    pub(crate) fn put(&mut self, message: Message<'_>, buf: &mut [u8]) -> io::Result<usize> {
        let Message::Binary(bytes) = message else {
            let text = "the peer sent a text message; a byte stream takes binary messages only";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        };
        let len = copy(bytes, buf);
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes.get(len..).unwrap_or_default());
        self.start = 0;
        Ok(len)
    }
}

/// Copies as much as both hold; tells how much.
fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let len = from.len().min(to.len());
    if let (Some(from), Some(to)) = (from.get(..len), to.get_mut(..len)) {
        to.copy_from_slice(from);
    }
    len
}

pub(crate) fn into_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        #[cfg(feature = "_tls")]
        Error::Tls(error) => error.into_io(),
        Error::Fault(_) => io::Error::new(io::ErrorKind::ConnectionAborted, error),
        Error::Send(bluewire_core::SendError::NotOpen) => {
            io::Error::new(io::ErrorKind::BrokenPipe, error)
        }
        error => io::Error::other(error),
    }
}
