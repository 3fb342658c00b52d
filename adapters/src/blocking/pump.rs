//! Writing to a blocking stream, with a bound on how long that may take.

use std::io::{self, IoSlice};
use std::time::{Duration, Instant};

use bluewire_core::Outbox;

use super::stream::{Readiness, Transport};

/// Writes all that waits.
pub(super) fn write_out(
    stream: &mut impl Transport,
    outbox: &mut Outbox,
    timeout: Duration,
) -> io::Result<()> {
    while !outbox.is_empty() {
        let len = write_some(stream, &outbox.slices().map(IoSlice::new), timeout)?;
        outbox.sent(len);
    }
    Ok(())
}

/// Writes what can be written without waiting; whether that is all.
pub(super) fn try_write_out(stream: &mut impl Transport, outbox: &mut Outbox) -> io::Result<bool> {
    while !outbox.is_empty() {
        match try_write_some(stream, &outbox.slices().map(IoSlice::new))? {
            Some(len) => outbox.sent(len),
            None => {
                // Which the outbox wants to know: an answer that is left gives way to the next.
                outbox.sent(0);
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Writes something, waiting for at most this long.
pub(super) fn write_some(
    stream: &mut impl Transport,
    slices: &[IoSlice<'_>],
    timeout: Duration,
) -> io::Result<usize> {
    let mut deadline = None;
    loop {
        if let Some(len) = try_write_some(stream, slices)? {
            return Ok(len);
        }
        let now = Instant::now();
        let deadline = *deadline.get_or_insert_with(|| now.checked_add(timeout));
        let left = deadline.map(|deadline| deadline.saturating_duration_since(now));
        if !stream.wait(Readiness::WRITE, left)?.writable
            && deadline.is_none_or(|deadline| deadline <= Instant::now())
        {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

/// Writes something without waiting; `None` if that is not possible.
pub(super) fn try_write_some(
    stream: &mut impl Transport,
    slices: &[IoSlice<'_>],
) -> io::Result<Option<usize>> {
    loop {
        match stream.try_write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(len) => return Ok(Some(len)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// How an error of a read that was told to come back looks.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::stream::Untimed;
    use super::*;
    use bluewire_core::{Config, Connection, Inbox};
    use std::io::{Read, Write};

    /// A socket whose peer does not read.
    pub(in super::super) struct Full;

    impl Read for Full {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn one_pong_waits_for_a_peer_that_pings_and_does_not_read() {
        let mut connection = Connection::server(Config::default(), Duration::ZERO);
        let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
        for _ in 0..10 {
            inbox.extend(b"\x89\x81\0\0\0\0?");
            assert!(connection.next_event(Duration::ZERO, &mut inbox, &mut outbox).is_some());
            assert!(!try_write_out(&mut Untimed(Full), &mut outbox).expect("it is only full"));
        }
        assert_eq!(outbox.unsent(), b"\x8a\x01?");
    }
}
