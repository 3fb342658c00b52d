//! What the kernel has told about a socket.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Direction {
    Read,
    Write,
}

/// How often each direction was told to be ready, and who waits for the next time.
///
/// A count and no flag: what is told while a task finds the socket empty is not lost when it notes
/// that it has.
#[derive(Debug, Default)]
pub(super) struct Readiness {
    counts: [AtomicU32; 2],
    wakers: Mutex<[Option<Waker>; 2]>,
}

/// The count at which a socket was found to have nothing for a direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Seen(u32);

/// In a count, that the peer has ended, or that there is something that cuts a read short: from
/// then on, only a read that would block says that there is no more.
const SHORT_READS: u32 = 1;
const ONCE: u32 = 2;

impl Seen {
    /// Of a socket that has not been tried.
    pub(in super::super) const NEVER: Self = Self(0);

    /// Whether a read that did not fill its buffer has taken all there was.
    pub(in super::super) const fn trusts_short_reads(self) -> bool {
        self.0 & SHORT_READS == 0
    }
}

impl Readiness {
    pub(super) fn new() -> Self {
        // A socket may be tried at once.
        Self { counts: [const { AtomicU32::new(ONCE) }; 2], wakers: Mutex::default() }
    }

    /// Ready when something was told since. The task is woken then; the last one counts.
    pub(super) fn poll(&self, direction: Direction, seen: Seen, cx: &Context<'_>) -> Poll<Seen> {
        let count = &self.counts[direction as usize];
        let told = Seen(count.load(Ordering::Acquire));
        if told != seen {
            return Poll::Ready(told);
        }
        let mut wakers = self.lock();
        // Whoever tells counts first and then takes the waker.
        let told = Seen(count.load(Ordering::Acquire));
        if told != seen {
            return Poll::Ready(told);
        }
        match &mut wakers[direction as usize] {
            Some(waker) => waker.clone_from(cx.waker()),
            waker => *waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Notes that a direction is ready. Who is to be woken, if somebody waits for it.
    pub(super) fn tell(&self, direction: Direction, short_reads: bool) -> Option<Waker> {
        let told = &self.counts[direction as usize];
        told.fetch_add(ONCE, Ordering::AcqRel);
        if short_reads {
            told.fetch_or(SHORT_READS, Ordering::AcqRel);
        }
        self.lock()[direction as usize].take()
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Waker>; 2]> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
