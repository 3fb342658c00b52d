//! How a [`WebSocket`] reads, writes and waits: the only place where it does.

use std::io;
use std::time::{Duration, Instant};

use bluewire_core::{Outbox, State};

use super::pump::{is_timeout, try_write_out};
use super::stream::{Readiness, Transport};
use super::websocket::WebSocket;
use crate::error::Error;

/// What a wait for something to arrive came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    Progress,
    TimedOut,
}

impl<S: Transport> WebSocket<S> {
    /// Writes what waits, reads once, sees to deadlines. What has arrived comes before a deadline,
    /// and reading does not wait for a peer that does not read.
    pub(super) fn exchange(&mut self, until: Option<Instant>) -> Result<Waited, Error> {
        if self.engine.heed() {
            let _ = self.stream.shut_down();
            return Ok(Waited::Progress);
        }
        if self.engine.is_due() {
            if self.look()? {
                return Ok(Waited::Progress);
            }
            self.engine.expire();
        }
        let written = match try_write_out(&mut self.stream, &mut self.engine.outbox) {
            Ok(written) => written,
            Err(error) => {
                // What has arrived comes first, and what cannot be written is moot.
                self.engine.outbox = Outbox::new();
                return self.read_after(error);
            }
        };
        if self.engine.connection.state() == State::Closed {
            return Ok(Waited::Progress);
        }
        if written && self.engine.connection.should_shut_down() && !self.engine.shut_down {
            self.engine.shut_down = true;
            // If that fails, the end of the stream comes all the sooner.
            let _ = self.stream.shut_down_writing();
        }
        let now = self.engine.clock.now();
        let deadline = self.engine.connection.poll_timeout();
        let left = deadline.map(|deadline| deadline.saturating_sub(now));
        let mut left = self.engine.cap(left);
        if let Some(until) = until {
            let until = until.saturating_duration_since(Instant::now());
            if until.is_zero() {
                return Ok(if self.look()? { Waited::Progress } else { Waited::TimedOut });
            }
            left = Some(left.map_or(until, |left| left.min(until)));
        }
        if !written {
            if self.stream.wait(Readiness::BOTH, left)?.readable {
                self.read()?;
            }
            return Ok(Waited::Progress);
        }
        self.set_read_timeout(left, until.is_some())?;
        self.read()?;
        Ok(Waited::Progress)
    }

    /// Reads what is there; whether there was something.
    pub(super) fn look(&mut self) -> Result<bool, Error> {
        let there = match self.stream.wait(Readiness::READ, Some(Duration::ZERO)) {
            Ok(ready) => ready.readable,
            Err(error) => {
                self.engine.lose(error)?;
                true
            }
        };
        if there {
            self.read()?;
        }
        Ok(there)
    }

    fn read(&mut self) -> Result<(), Error> {
        match self.stream.read(self.engine.inbox.space()) {
            Ok(0) => self.engine.connection.receive_eof(),
            Ok(len) => self.engine.received(len),
            Err(error) if is_timeout(&error) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return self.engine.lose(error),
        }
        Ok(())
    }

    /// Reads on after a write has failed: a peer that has gone may have said why.
    fn read_after(&mut self, error: io::Error) -> Result<Waited, Error> {
        match self.stream.read(self.engine.inbox.space()) {
            Ok(len) if len > 0 => self.engine.received(len),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => self.engine.lose(error)?,
        }
        Ok(Waited::Progress)
    }

    /// Lets the next read come back in time. For a deadline, give or take a quarter, so that most
    /// reads need no call for it; what the program said is kept as it is.
    fn set_read_timeout(&mut self, needed: Option<Duration>, exact: bool) -> Result<(), Error> {
        let fits = match (self.read_timeout, needed) {
            (None, None) => true,
            (Some(set), Some(needed)) if exact => set == needed,
            (Some(set), Some(needed)) => set <= needed + needed / 4 && set >= needed / 4,
            _ => false,
        };
        if !fits {
            let timeout = needed.map(|needed| needed.max(Duration::from_millis(1)));
            self.stream.set_read_timeout(timeout)?;
            self.read_timeout = timeout;
        }
        Ok(())
    }

    /// Writes all that waits, and sees to what arrives while the peer does not read.
    pub(super) fn write_attending(&mut self, queue_len: usize) -> Result<(), Error> {
        let mut since = Instant::now();
        let mut len = self.engine.outbox.len();
        while !try_write_out(&mut self.stream, &mut self.engine.outbox)? {
            let left = self.engine.outbox.len();
            if left <= queue_len {
                return Ok(());
            }
            if left < len {
                (since, len) = (Instant::now(), left);
            }
            let Some(timeout) = self.engine.flow.write_timeout.checked_sub(since.elapsed()) else {
                return Err(Error::Io(io::ErrorKind::TimedOut.into()));
            };
            let may_read = self.engine.hold();
            let interest = if may_read { Readiness::BOTH } else { Readiness::WRITE };
            if self.stream.wait(interest, self.engine.cap(Some(timeout)))?.readable {
                self.read()?;
            }
            if self.engine.heed() {
                let _ = self.stream.shut_down();
                return Err(Error::Io(io::ErrorKind::ConnectionAborted.into()));
            }
            // What it answered counts as well.
            len = len.max(self.engine.outbox.len());
        }
        Ok(())
    }
}
