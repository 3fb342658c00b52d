//! One task's turn: how much it does before others have theirs.
//!
//! A peer that floods, or one that takes all that is sent, makes every poll ready: a task that
//! loops over `recv` or `send` would never come back to its executor, and the other tasks of the
//! thread, timers included, would wait for it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

/// What a turn is worth, in bytes of messages.
const WORTH: u32 = 256 * 1024;

/// What the shortest message costs: so a turn has at most 256 of them.
const COST_MIN: usize = 1024;

/// What is left of a turn. It is a budget and no lock: tasks that share it may spend too much.
#[derive(Debug)]
pub(super) struct Turn(AtomicU32);

impl Turn {
    /// Pays for a message.
    pub(super) fn pay(&self, len: usize) {
        let cost = u32::try_from(len.max(COST_MIN)).unwrap_or(u32::MAX);
        self.0.store(self.0.load(Ordering::Relaxed).saturating_sub(cost), Ordering::Relaxed);
    }

    /// Pending once when the turn is over, and the next begins.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        if self.0.load(Ordering::Relaxed) > 0 {
            return Poll::Ready(());
        }
        self.renew();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Begins a new turn: the task waits.
    pub(super) fn renew(&self) {
        self.0.store(WORTH, Ordering::Relaxed);
    }
}

impl Default for Turn {
    fn default() -> Self {
        Self(AtomicU32::new(WORTH))
    }
}
