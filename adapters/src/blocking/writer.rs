//! The writing ends of a blocking connection that was split.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bluewire_core::{CloseCode, Closure, Message, PreparedMessage};

use super::net_stream::NetStream;
use super::shared::Shared;
use super::stream::SplitTransport;
use crate::direct::{CORK_LEN_MAX, LOOK_INTERVAL, Lay};
use crate::error::Error;

/// An end of a split connection that sends; a clone is another one for the same connection.
///
/// Each method may be called while other threads read and write. Messages of one writer leave in
/// the order of its calls, and never mix with those of another. A message that is sent in chunks is
/// the exception: until it is finished, other messages are
/// [refused](crate::SendError::MessageUnfinished), whoever sends them.
///
/// What a method has returned from is written, or has failed. A write waits for the peer for as
/// long as [`Flow::write_timeout`](crate::Flow::write_timeout) says; the reader, if it receives,
/// is not held up by it. When all writers are dropped the connection goes on.
pub struct Writer<S: SplitTransport = NetStream> {
    shared: Arc<Shared<S::Half>>,
}

impl<S: SplitTransport> Writer<S> {
    pub(super) const fn new(shared: Arc<Shared<S::Half>>) -> Self {
        Self { shared }
    }

    /// Sends a whole message.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection refuses it, and [`Error::Io`] if the stream fails, or
    /// takes nothing for [`Flow::write_timeout`](crate::Flow::write_timeout).
    pub fn send<'m>(&self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.lay(Lay::Message(message.into()))
    }

    /// Sends a part of a message, the last one if `fin`: for what is larger than memory.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_chunk<'m>(&self, part: impl Into<Message<'m>>, fin: bool) -> Result<(), Error> {
        self.lay(Lay::Chunk(part.into(), fin))
    }

    /// Sends a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared(&self, message: &PreparedMessage) -> Result<(), Error> {
        self.lay(Lay::Prepared(message))
    }

    /// Queues a message: it leaves with the next that is written. From 64 KiB on, it writes what
    /// the peer takes at once; once [`Flow::queue_len_max`](crate::Flow::queue_len_max) waits, it
    /// first waits until all of that is written.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn feed<'m>(&self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let message = message.into();
        loop {
            let mut state = self.shared.lock();
            if state.link.check_queue().is_err() {
                let ticket = state.link.ticket();
                self.shared.write_out(state, ticket)?;
                continue;
            }
            state.link.lay(Lay::Message(message))?;
            if state.link.queue_len() >= CORK_LEN_MAX {
                drop(self.shared.try_write_out(state));
            }
            return Ok(());
        }
    }

    /// The same, but refuses the message where `feed` would wait.
    ///
    /// # Errors
    ///
    /// [`SendError::OutboxFull`](crate::SendError::OutboxFull) if so, and as [`send`](Self::send).
    pub fn try_feed<'m>(&self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let mut state = self.shared.lock();
        if state.link.queue_len() >= CORK_LEN_MAX {
            state = self.shared.try_write_out(state).0;
        }
        state.link.check_queue()?;
        state.link.lay(Lay::Message(message.into()))?;
        Ok(())
    }

    /// Bytes that wait to be written, at most 64 KiB that are on their way not counted.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.shared.lock().link.queue_len()
    }

    /// Writes all that waits: the sign that there is room again.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the stream fails, or takes nothing for
    /// [`Flow::write_timeout`](crate::Flow::write_timeout).
    pub fn flush(&self) -> Result<(), Error> {
        let state = self.shared.lock();
        let ticket = state.link.ticket();
        self.shared.write_out(state, ticket)
    }

    /// Sends a Ping with at most 125 bytes, ahead of messages that wait. If another thread writes
    /// at this moment, that one takes it along.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn ping(&self, payload: &[u8]) -> Result<(), Error> {
        self.lay(Lay::Ping(payload))
    }

    /// Starts the closing handshake: sends what waits, then a Close frame. The reader still
    /// receives until the peer has answered; [`closed`](Self::closed) waits for that.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the code or the reason is not lawful, or if the connection is closing
    /// already, and [`Error::Io`] as [`send`](Self::send).
    pub fn close(&self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.lay(Lay::Close(code, reason))
    }

    /// Ends the connection without waiting for the peer: drops the messages that have not begun to
    /// leave, writes a Close frame as far as that is possible at once, and shuts the stream down.
    /// A message of which a part was written is cut if the peer does not take the rest at once.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] as [`close`](Self::close).
    pub fn close_now(&self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let mut state = self.shared.lock();
        state.link.lay(Lay::CloseNow(code, reason))?;
        state = self.shared.try_write_out(state).0;
        state.abandon();
        drop(state);
        self.shared.tell_end();
        Ok(())
    }

    /// Waits until the connection has ended, and tells how: the reader's thread brings that
    /// about. If the reader is dropped, this reads in its place and drops what arrives.
    ///
    /// It ends at [`Config::close_timeout`](bluewire_core::Config::close_timeout) after a Close
    /// frame at the latest, even if the reader does not receive.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if this reads, and the stream fails.
    pub fn closed(&self) -> Result<Closure, Error> {
        loop {
            if let Some(closure) = self.await_end(None)? {
                return Ok(closure);
            }
        }
    }

    /// [`close`](Self::close) and [`closed`](Self::closed) within a budget: a peer that has not
    /// answered by then is left, which shows in the closure. On a connection that is closing
    /// already it waits for the end of that.
    ///
    /// # Errors
    ///
    /// As these two.
    pub fn close_within(
        &self,
        budget: Duration,
        code: CloseCode,
        reason: &str,
    ) -> Result<Closure, Error> {
        let until = Instant::now().checked_add(budget);
        let mut state = self.shared.lock();
        match state.link.lay(Lay::Close(code, reason)) {
            Ok(_) | Err(Error::Send(bluewire_core::SendError::NotOpen)) => {}
            Err(error) => return Err(error),
        }
        // Not waited for: the budget is.
        drop(self.shared.try_write_out(state));
        if let Some(closure) = self.await_end(until)? {
            return Ok(closure);
        }
        self.shared.lock().abandon();
        self.shared.tell_end();
        self.closed()
    }

    /// How the connection ended; `None` until it has.
    #[must_use]
    pub fn closure(&self) -> Option<Closure> {
        self.shared.lock().closure()
    }

    fn lay(&self, what: Lay<'_>) -> Result<(), Error> {
        let mut state = self.shared.lock();
        let ticket = state.link.lay(what)?;
        self.shared.write_out(state, ticket)?;
        self.look();
        Ok(())
    }

    /// Sees to what has arrived, if there is no reader that does, and that is not just now done.
    fn look(&self) {
        let mut state = self.shared.lock();
        let parked = &mut state.parked;
        let Some(mut side) = parked.take_if(|side| side.looked.elapsed() >= LOOK_INTERVAL) else {
            return;
        };
        drop(state);
        side.looked = Instant::now();
        // What has gone wrong is in the connection's state.
        let _ = side.discard(&self.shared, Some(side.looked));
        self.shared.lock().parked = Some(side);
        self.shared.tell_end();
    }

    /// The closure; `None` if the time is over before.
    fn await_end(&self, until: Option<Instant>) -> Result<Option<Closure>, Error> {
        let mut state = self.shared.lock();
        loop {
            if let Some(closure) = state.closure() {
                return Ok(Some(closure));
            }
            if let Some(mut side) = state.parked.take() {
                drop(state);
                let ended = side.discard(&self.shared, until);
                self.shared.lock().parked = Some(side);
                return ended;
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(None);
            }
            state = self.shared.await_change(state, left);
        }
    }
}

impl<S: SplitTransport> Clone for Writer<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S: SplitTransport> fmt::Debug for Writer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}
