//! The client's part of the opening handshake over a blocking stream.

use std::io;
use std::time::Duration;

use bluewire_core::Inbox;

use super::transport::{Transport, is_passing, write_some};
use crate::open::error::ConnectError;
use crate::open::request::{Opened, Opening, Progress};

/// Reads and writes until the opening handshake is complete, unless the attempt is given up. `read`
/// reads once, and says how much came. It waits at most for the time that it gets. If the flag says
/// that output waits, it also stops when the stream is ready for that.
pub(super) fn open(
    stream: &impl Transport,
    mut opening: Opening,
    mut read: impl FnMut(&mut Inbox, bool, Option<Duration>) -> io::Result<Option<usize>>,
    given_up: impl Fn() -> bool,
) -> Result<Opened, ConnectError> {
    while !given_up() {
        let written = write_some(stream, &mut opening.outbox).unwrap_or_else(|error| {
            opening.write_failed(error);
            true
        });
        opening = match opening.advance()? {
            Progress::Done(opened) => return Ok(opened),
            Progress::More(opening) => opening,
        };
        let left = opening.time_left();
        match read(&mut opening.inbox, !written, left) {
            Ok(Some(0)) => opening.receive_eof(),
            Ok(_) => {}
            Err(error) => return Err(opening.read_failed(error)),
        }
    }
    Err(ConnectError::Abandoned)
}

/// Takes the bytes of a read. `None` if nothing has arrived.
pub(super) fn filled(inbox: &mut Inbox, read: io::Result<usize>) -> io::Result<Option<usize>> {
    match read {
        Ok(len) => {
            inbox.filled(len);
            Ok(Some(len))
        }
        // Perhaps only a part of a TLS record has arrived: the caller looks at the clock.
        Err(error) if is_passing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}
