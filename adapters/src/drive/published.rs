//! Messages that groups publish to a connection: when they are taken into the outbox.
//!
//! It waits with its group until the outbox has room, which is bounded by [`CORK_LEN_MAX`]: so
//! Pings, Pongs and Close frames wait behind little, and the group counts what waits.

use std::io::{self, IoSlice};
use std::sync::{Arc, Weak};
#[cfg(feature = "_asynch")]
use std::task::Waker;
use std::time::Duration;

use bluewire_core::{CloseCode, PreparedMessage, SendError, State};

use super::CORK_LEN_MAX;
use super::driver::Driver;
use super::output::write_gather;
use crate::group::{Feed, Joining, MemberKey, Reach, Taken};

/// A connection's feed.
#[derive(Debug)]
pub(super) struct Inflow {
    feed: Feed,
    /// Whether the next message cannot be taken now: the program has begun a message in chunks, or
    /// the message needs more room. Tried again once something has been sent or written.
    held_up: bool,
}

impl Driver {
    /// Joins a group.
    ///
    /// # Errors
    ///
    /// If the connection is not open.
    pub(crate) fn join(&mut self, group: &Joining<'_>) -> Result<MemberKey, SendError> {
        if self.connection.state() != State::Open || self.is_write_lost() {
            return Err(SendError::NotOpen);
        }
        let compresses = self.is_compressed();
        let inflow = || Inflow { feed: Feed::new(), held_up: false };
        let inflow = self.rare.make().inflow.get_or_insert_with(inflow);
        Ok(group.join(&inflow.feed, compresses))
    }

    #[cfg(feature = "deflate")]
    fn is_compressed(&self) -> bool {
        self.connection.deflate().is_some()
    }

    #[cfg(not(feature = "deflate"))]
    #[expect(clippy::unused_self, reason = "the feature needs it")]
    const fn is_compressed(&self) -> bool {
        false
    }

    /// Whether the connection has ever joined a group: then publishers may need to reach it.
    #[cfg(feature = "blocking")]
    pub(crate) fn has_feed(&self) -> bool {
        self.rare.inflow().is_some()
    }

    /// The same, and lets publishers reach the connection from now on, from any thread.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub(crate) fn join_reached<T: Reach + 'static>(
        &mut self,
        group: &Joining<'_>,
        reach: &Arc<T>,
    ) -> Result<MemberKey, SendError> {
        let key = self.join(group)?;
        self.set_reach(reach);
        Ok(key)
    }

    pub(super) fn set_reach<T: Reach + 'static>(&self, reach: &Arc<T>) {
        let weak: Weak<T> = Arc::downgrade(reach);
        if let Some(inflow) = self.rare.inflow() {
            inflow.feed.set_direct(weak);
        }
    }

    /// Whether nothing waits before a message that is published now, and it can be written.
    pub(crate) fn may_send_published(&self) -> bool {
        self.stage() == (State::Open, false, false)
            && self.rare.inflow().is_some_and(|it| !it.held_up && it.feed.is_idle())
            && self.outbox.is_empty()
    }

    /// Sends a message that is published now, from where it lies, as far as `write` takes it at
    /// once: it gives the bytes taken, and `WouldBlock` if the stream takes none. Whether nothing
    /// is left to write. `None` if the message has to go through the feed, since something waits
    /// before it, or it cannot be sent now.
    pub(super) fn send_published(
        &mut self,
        message: &PreparedMessage,
        clock: impl Fn() -> Duration,
        write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> Option<bool> {
        if !self.may_send_published() {
            return None;
        }
        let gather = self.connection.send_prepared_vectored(message, &mut self.outbox).ok()?;
        let written = write_gather(gather, write);
        let all = self.end_gather(written, clock);
        self.answered |= !all;
        Some(all)
    }

    /// Whether a message that is published goes through the outbox in any case: it is masked there.
    #[cfg(feature = "_asynch")]
    pub(crate) const fn masks(&self) -> bool {
        matches!(self.connection.role(), bluewire_core::Role::Client)
    }

    /// Writes a message that is published now as [`send_published`](Self::send_published) does, or
    /// else what waits.
    pub(crate) fn write_published(
        &mut self,
        message: Option<&PreparedMessage>,
        clock: impl Fn() -> Duration,
        write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> Option<bool> {
        match message {
            Some(message) => self.send_published(message, clock, write),
            None => Some(self.write_out(clock, write)),
        }
    }

    /// Lets the next message that is published wake this task, which waits; at once if there is one.
    #[cfg(feature = "_asynch")]
    #[inline]
    pub(crate) fn listen_for_published(&self, waker: &Waker) {
        if let Some(inflow) = self.rare.inflow() {
            inflow.feed.listen(waker, || self.has_published());
        }
    }

    /// Whether there are messages of groups that can be taken now.
    #[inline]
    pub(crate) fn has_published(&self) -> bool {
        self.rare.inflow().is_some_and(|inflow| {
            let takes = !inflow.held_up && self.outbox.len() < self.room_max();
            inflow.feed.has_news() && (takes || inflow.feed.closes())
        })
    }

    /// Takes what groups have published, as far as the outbox has room.
    #[inline]
    pub(super) fn take_published(&mut self, clock: &impl Fn() -> Duration) {
        if self.has_published() {
            self.take_all_published(clock);
        }
    }

    fn take_all_published(&mut self, clock: &impl Fn() -> Duration) {
        if self.connection.state() != State::Open || self.is_write_lost() {
            self.rare.drop_inflow();
            return;
        }
        let room_max = self.room_max();
        let Self { connection, outbox, rare, .. } = self;
        let Some(Inflow { feed, held_up }) = rare.inflow_mut() else { return };
        let close = feed.take(|message| match connection.send_prepared(message, outbox) {
            Ok(()) if outbox.len() < room_max => Taken::Laid,
            Ok(()) => Taken::LaidLast,
            Err(SendError::OutboxFull) if outbox.is_empty() => Taken::Never,
            Err(SendError::MessageUnfinished | SendError::OutboxFull) => {
                *held_up = true;
                Taken::Later
            }
            Err(_) => Taken::Never,
        });
        self.answered = true;
        let Some(code) = close else { return };
        let code = if code.may_be_sent() { code } else { CloseCode::TRY_AGAIN_LATER };
        // An error says that the connection closes already.
        let _ = self.connection.close(clock(), code, "too far behind", &mut self.outbox);
        self.rare.drop_inflow();
    }

    /// The reason that held up the next message may be over.
    #[inline]
    pub(super) fn retry_published(&mut self) {
        if let Some(inflow) = self.rare.inflow_mut() {
            inflow.held_up = false;
        }
    }

    /// How much may wait before more is taken.
    fn room_max(&self) -> usize {
        CORK_LEN_MAX.min(self.flow().queue_len_max.max(1))
    }
}
