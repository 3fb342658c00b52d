//! The queue between groups and one connection: what publishers and the connection's owner share.

use std::fmt;
use std::hint::black_box;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock, Weak};
use std::task::Waker;

use bluewire_core::{CloseCode, PreparedMessage};

use super::members::Members;
use super::options::GroupOptions;
use super::waiting::{MemberStats, Posted, Pushed, Taken, Waiting};
use crate::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use crate::sync::{Mutex, lock};

/// Names a connection in all groups that it has joined. No two connections of a process have the
/// same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberKey(u64);

impl MemberKey {
    fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }

    #[cfg(test)]
    pub(super) const fn of(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for MemberKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The messages that groups have published to one connection. Groups and the connection's [`Feed`]
/// share it.
pub(crate) struct Queue {
    pub(super) key: MemberKey,
    state: Mutex<State>,
    /// The state of the queue, a [`News`], for looks without the lock.
    news: AtomicU8,
    /// Whether the connection must be closed, since it is too far behind.
    closes: AtomicBool,
    /// Whether the owner has left messages here, since the peer has to take others first.
    stalled: AtomicBool,
    /// Reaches the connection from any thread.
    direct: OnceLock<Weak<dyn Reach>>,
}

/// The messages for the owner of a connection, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum News {
    Nothing,
    /// Messages that wait for the end of a cork.
    Held,
    Ready,
}

/// Lets publishers reach a connection from any thread, whatever its owner does.
pub(crate) trait Reach: Send + Sync {
    /// Sends a message that is published now, if the connection can take it and nothing waits before
    /// it; without a message, lets the connection take what waits for it. Whether it took the
    /// message.
    fn write_published(self: Arc<Self>, message: Option<&PreparedMessage>) -> bool;

    /// Whether it would write a message that is published now. False also where that cannot be seen
    /// without waiting. Publishers ask before it is a connection's turn, so that what
    /// [`write_published`](Self::write_published) looks at is in the processor's cache then.
    fn may_write_published(&self) -> bool;
}

#[derive(Default)]
struct State {
    waiting: Waiting,
    /// Whether all that waits was published under a cork.
    held: bool,
    /// The groups that the connection has joined, with the number of its membership.
    groups: Vec<(Weak<Members>, u32)>,
    /// The task that uses the connection, while it waits.
    task: Option<Waker>,
}

impl Queue {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            key: MemberKey::next(),
            state: Mutex::default(),
            news: AtomicU8::new(News::Nothing as u8),
            closes: AtomicBool::new(false),
            stalled: AtomicBool::new(false),
            direct: OnceLock::new(),
        })
    }

    /// Reads what leads to the connection, into the processor's cache.
    pub(super) fn prefetch(&self) {
        black_box(self.is_idle());
        black_box(self.direct.get().map(Weak::strong_count));
    }

    /// Reads the state of the connection that a publication looks at, into the processor's cache.
    pub(super) fn prefetch_connection(&self) {
        if let Some(direct) = self.direct.get().and_then(Weak::upgrade) {
            black_box(direct.may_write_published());
        }
    }

    /// Takes in a message that was published, by the group's policy. While the group is `corked`,
    /// the owner of the connection does not see it yet.
    pub(super) fn push(&self, slot: u32, posted: &Arc<Posted>, corked: bool) -> Pushed {
        // Most members are not behind: their messages need not be queued.
        if !corked
            && self.is_idle()
            && let Some(direct) = self.direct.get().and_then(Weak::upgrade)
            && direct.write_published(Some(&posted.message))
        {
            return Pushed::Queued { first: false, half_full: false };
        }
        let (pushed, urgent) = self.try_push(slot, posted, corked);
        if urgent {
            self.notify();
        }
        pushed
    }

    /// Also returns whether to notify the owner of the connection.
    fn try_push(&self, slot: u32, posted: &Arc<Posted>, corked: bool) -> (Pushed, bool) {
        let mut state = lock(&self.state);
        // A member whose queue is full only because its owner has not looked at it yet gets another
        // chance.
        if !self.stalled.load(Ordering::Relaxed)
            && self.direct.get().is_some()
            && state.waiting.would_overflow(slot, posted)
        {
            state.held = false;
            self.note(&state);
            drop(state);
            self.notify();
            state = lock(&self.state);
        }
        let may_hold = state.held || state.waiting.is_idle();
        let pushed = state.waiting.push(slot, posted);
        let (holds, urgent) = match pushed {
            Pushed::Queued { half_full, .. } if corked => (!half_full, half_full),
            Pushed::Queued { first, .. } => (false, first),
            Pushed::Closed(_) => (false, true),
            _ => (false, false),
        };
        let held = std::mem::replace(&mut state.held, may_hold && holds);
        let released = held && !state.held;
        self.note(&state);
        (pushed, urgent || released)
    }

    /// Lets the owner of the connection see what was held by a cork.
    pub(super) fn release(&self) {
        if self.is_idle() {
            return;
        }
        let mut state = lock(&self.state);
        state.held = false;
        self.note(&state);
        drop(state);
        self.notify();
    }

    /// Tells the connection that something waits.
    pub(super) fn notify(&self) {
        if let Some(direct) = self.direct.get() {
            if let Some(direct) = direct.upgrade() {
                direct.write_published(None);
            }
            return;
        }
        let task = lock(&self.state).task.take();
        if let Some(task) = task {
            task.wake();
        }
    }

    /// Whether nothing waits, not even for the end of a cork.
    pub(super) fn is_idle(&self) -> bool {
        self.news.load(Ordering::Acquire) == News::Nothing as u8
    }

    fn has_news(&self) -> bool {
        self.news.load(Ordering::Acquire) == News::Ready as u8
    }

    /// Lets a publisher wait for room. Returns its ticket; `None` if there is nothing to wait for.
    pub(super) fn block(&self, slot: u32, posted: &Arc<Posted>, waker: &Waker) -> Option<u64> {
        lock(&self.state).waiting.block(slot, posted, waker)
    }

    pub(super) fn is_blocked(&self, slot: u32, ticket: u64) -> bool {
        lock(&self.state).waiting.is_blocked(slot, ticket)
    }

    /// Gives up waiting for room. Whether the message was still here.
    pub(super) fn unblock(&self, slot: u32, ticket: u64) -> bool {
        lock(&self.state).waiting.unblock(slot, ticket)
    }

    /// Drops all that waits, and closes the connection. How many messages of this membership were
    /// dropped.
    pub(super) fn close(&self, slot: u32, code: CloseCode) -> u64 {
        let mut state = lock(&self.state);
        let dropped = state.waiting.close(slot, code);
        state.held = false;
        self.note(&state);
        drop(state);
        self.notify();
        dropped
    }

    /// Drops a membership.
    pub(super) fn leave(&self, slot: u32) {
        let mut state = lock(&self.state);
        state.groups.retain(|(_, number)| *number != slot);
        let (wakers, _) = state.waiting.leave(slot);
        self.note(&state);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Shows the owner of the connection what there is.
    fn note(&self, state: &State) {
        self.closes.store(state.waiting.close_code().is_some(), Ordering::Release);
        let news = match (state.waiting.is_idle(), state.held) {
            (true, _) => News::Nothing,
            (false, true) => News::Held,
            (false, false) => News::Ready,
        };
        self.news.store(news as u8, Ordering::Release);
    }

    pub(super) fn stats(&self, slot: u32) -> Option<MemberStats> {
        lock(&self.state).waiting.stats(slot)
    }
}

/// The connection's end of its [`Queue`]. When it is dropped, the connection leaves its groups.
pub(crate) struct Feed(Arc<Queue>);

impl Feed {
    pub(crate) fn new() -> Self {
        Self(Queue::new())
    }

    pub(crate) fn key(&self) -> MemberKey {
        self.0.key
    }

    /// Joins a group, unless it has done so.
    pub(crate) fn join(&self, group: &Arc<Members>, options: &GroupOptions, compresses: bool) {
        let Self(queue) = self;
        if group.slot_of(queue.key).is_some() {
            return;
        }
        let mut state = lock(&queue.state);
        let slot = state.waiting.join(options);
        if state.groups.is_empty() {
            state.groups.reserve_exact(1);
        }
        state.groups.push((Arc::downgrade(group), slot));
        drop(state);
        group.add(queue.key, slot, Arc::clone(queue), compresses);
    }

    /// Lets publishers reach the connection from now on.
    pub(crate) fn set_direct(&self, reach: Weak<dyn Reach>) {
        self.0.direct.get_or_init(|| reach);
    }

    /// Lets the next message wake this task; at once if `now`.
    #[cfg(feature = "_asynch")]
    pub(crate) fn listen(&self, waker: &Waker, now: impl FnOnce() -> bool) {
        if self.0.direct.get().is_some() {
            return;
        }
        match &mut lock(&self.0.state).task {
            Some(task) => task.clone_from(waker),
            task => *task = Some(waker.clone()),
        }
        if now() {
            waker.wake_by_ref();
        }
    }

    /// Whether nothing waits, not even for the end of a cork.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.is_idle()
    }

    /// Whether there is something to take.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        self.0.has_news()
    }

    /// Whether the connection must be closed.
    #[inline]
    pub(crate) fn closes(&self) -> bool {
        self.0.closes.load(Ordering::Acquire)
    }

    /// Gives messages to `take` until it takes no more. The code to close the connection with, if
    /// it is behind too far.
    pub(crate) fn take(&self, take: impl FnMut(&PreparedMessage) -> Taken) -> Option<CloseCode> {
        let Self(queue) = self;
        let mut state = lock(&queue.state);
        let (wakers, never) = state.waiting.drain(take);
        state.held = false;
        let idle = state.waiting.is_idle();
        queue.note(&state);
        queue.stalled.store(!idle, Ordering::Relaxed);
        let close = state.waiting.close_code();
        for slot in &never {
            let group = state.groups.iter().find(|(_, number)| number == slot);
            if let Some(group) = group.and_then(|(group, _)| group.upgrade()) {
                group.count_skipped(1);
            }
        }
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        close
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        let groups = std::mem::take(&mut state.groups);
        let task = state.task.take();
        drop(state);
        drop(task);
        for (group, slot) in groups {
            if let Some(group) = group.upgrade() {
                group.remove(self.0.key);
            }
            self.0.leave(slot);
        }
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("key", &self.key()).finish_non_exhaustive()
    }
}
