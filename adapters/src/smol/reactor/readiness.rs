//! The kernel's reports about a socket.

use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use crate::sync::{Mutex, lock};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Direction {
    Read,
    Write,
}

/// How often each direction was reported to be ready, and who waits for the next time.
///
/// It is a count and not a flag, so that a report is not lost that comes while a task finds the
/// socket empty and notes that.
#[derive(Debug, Default)]
pub(super) struct Readiness {
    counts: [AtomicU32; 2],
    wakers: Mutex<[Option<Waker>; 2]>,
}

/// The count at which a socket was found to have nothing for a direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Seen(u32);

/// A bit of a count: the peer has ended, or something cuts reads short. From then on, only a read
/// that would block says that there is no more.
const SHORT_READS: u32 = 1;
const ONCE: u32 = 2;

impl Seen {
    /// The value for a socket that was not tried yet.
    pub(in super::super) const NEVER: Self = Self(0);

    /// Whether a read that did not fill its buffer has taken everything.
    pub(in super::super) const fn trusts_short_reads(self) -> bool {
        self.0 & SHORT_READS == 0
    }
}

impl Readiness {
    pub(super) fn new() -> Self {
        // A socket may be tried at once.
        Self { counts: [const { AtomicU32::new(ONCE) }; 2], wakers: Mutex::default() }
    }

    /// Ready when something was reported since. Otherwise the task is woken then; the last one
    /// counts.
    pub(super) fn poll(&self, direction: Direction, seen: Seen, cx: &Context<'_>) -> Poll<Seen> {
        let count = &self.counts[direction as usize];
        let reported = Seen(count.load(Ordering::Acquire));
        if reported != seen {
            return Poll::Ready(reported);
        }
        let mut wakers = lock(&self.wakers);
        // `notify` counts first and then takes the waker.
        let reported = Seen(count.load(Ordering::Acquire));
        if reported != seen {
            return Poll::Ready(reported);
        }
        match &mut wakers[direction as usize] {
            Some(waker) => waker.clone_from(cx.waker()),
            waker => *waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Notes that a direction is ready. The task to wake, if one waits for it.
    pub(super) fn notify(&self, direction: Direction, short_reads: bool) -> Option<Waker> {
        let count = &self.counts[direction as usize];
        count.fetch_add(ONCE, Ordering::AcqRel);
        if short_reads {
            count.fetch_or(SHORT_READS, Ordering::AcqRel);
        }
        lock(&self.wakers)[direction as usize].take()
    }
}
