//! The result of publishing a message, and waiting for slow members.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use bluewire_core::CloseCode;

use super::members::{Entry, Members};
use super::waiting::{Posted, Pushed};
use crate::sync::{Mutex, lock};
use crate::timekeeper::{self, Expire, Watch};

/// The result of publishing a message.
///
/// In a group with [`SlowMember::Wait`](super::SlowMember::Wait) it lets the publisher wait for
/// members that have no room: by [`wait`](Self::wait) on a thread, by `.await` in a task. If it is
/// dropped before, members that still have no room do not get the message. In other groups there
/// is nothing to wait for.
#[derive(Debug)]
#[non_exhaustive]
pub struct Published {
    /// For how many members the message was queued.
    pub queued: usize,
    /// How many messages members did not get by this publication: this one where it was skipped,
    /// or older ones that it has replaced or that were dropped with their connection.
    pub skipped: u64,
    /// How many members were too far behind and are closed.
    pub closed: usize,
    waits: Option<Box<Waits>>,
}

/// The members that have no room for a message.
struct Waits {
    members: Vec<(Entry, u64)>,
    posted: Arc<Posted>,
    group: Arc<Members>,
    until: Option<Instant>,
    signal: Arc<Signal>,
}

/// Wakes a publisher.
#[derive(Default)]
struct Signal(Mutex<Option<Waker>>);

impl Published {
    pub(super) const fn new() -> Self {
        Self { queued: 0, skipped: 0, closed: 0, waits: None }
    }

    /// Notes what became of the message for one member.
    pub(super) fn note(&mut self, pushed: Pushed) {
        match pushed {
            Pushed::Queued { .. } => self.queued += 1,
            Pushed::Replaced(dropped) => {
                self.queued += 1;
                self.skipped += dropped;
            }
            Pushed::Skipped => self.skipped += 1,
            Pushed::Closed(dropped) => {
                self.closed += 1;
                self.skipped += dropped;
            }
            Pushed::Full | Pushed::Gone => {}
        }
    }

    /// Waits for a member that has no room.
    pub(super) fn wait_for(
        &mut self,
        entry: &Entry,
        posted: &Arc<Posted>,
        group: &Arc<Members>,
        until: Option<Instant>,
    ) {
        let waits = self.waits.get_or_insert_with(|| {
            let (posted, group) = (Arc::clone(posted), Arc::clone(group));
            let signal = Arc::default();
            Box::new(Waits { members: Vec::new(), posted, group, until, signal })
        });
        let waker = Waker::from(Arc::clone(&waits.signal));
        if let Some(ticket) = entry.queue.block(entry.slot, &waits.posted, &waker) {
            waits.members.push((entry.clone(), ticket));
        }
    }

    /// How many members have no room for the message now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waits.as_ref().map_or(0, |waits| waits.members.len())
    }

    /// Waits on this thread until every member has room or has left, for as long as the group
    /// allows at most. Members that are late are closed then.
    pub fn wait(mut self) {
        while let Some(left) = self.settle(Instant::now()) {
            let Some(waits) = &self.waits else { return };
            waits.signal.listen(&Waker::from(Arc::new(Unpark(thread::current()))));
            // Room that was made before somebody listened would be missed otherwise.
            let Some(left) = self.settle(Instant::now()).map(|again| left.min(again)) else {
                return;
            };
            match left {
                Duration::MAX => thread::park(),
                left => thread::park_timeout(left),
            }
        }
    }

    /// Forgets members that have room or have left, and closes those that are late. Returns how long
    /// to wait for the other members, or `None` if no other is left.
    pub(super) fn settle(&mut self, now: Instant) -> Option<Duration> {
        let waits = self.waits.as_mut()?;
        waits.members.retain(|(entry, ticket)| entry.queue.is_blocked(entry.slot, *ticket));
        let left = waits.until.map_or(Duration::MAX, |until| until.saturating_duration_since(now));
        if left.is_zero() {
            for (entry, ticket) in std::mem::take(&mut waits.members) {
                if entry.queue.unblock(entry.slot, ticket) {
                    let dropped = entry.queue.close(entry.slot, CloseCode::TRY_AGAIN_LATER);
                    waits.group.count_skipped(dropped + 1);
                    waits.group.remove(entry.key);
                }
            }
        }
        if waits.members.is_empty() {
            self.waits = None;
            return None;
        }
        Some(left)
    }
}

impl IntoFuture for Published {
    type Output = ();
    type IntoFuture = WaitForRoom;

    fn into_future(self) -> WaitForRoom {
        WaitForRoom { published: self, watch: None }
    }
}

/// Waits until every member has room for a message; see [`Published`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct WaitForRoom {
    published: Published,
    /// The timekeeper ends the wait, since a group belongs to no runtime.
    watch: Option<Watch>,
}

impl Future for WaitForRoom {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { published, watch } = &mut *self;
        if let Some(waits) = &published.waits {
            waits.signal.listen(cx.waker());
            if let (Some(until), None) = (waits.until, &watch) {
                let signal: Weak<dyn Expire> =
                    Arc::downgrade(&(Arc::clone(&waits.signal) as Arc<dyn Expire>));
                *watch = Some(timekeeper::watch(until, signal));
            }
        }
        match published.settle(Instant::now()) {
            None => Poll::Ready(()),
            Some(_) => Poll::Pending,
        }
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        for (entry, ticket) in &self.members {
            if entry.queue.unblock(entry.slot, *ticket) {
                self.group.count_skipped(1);
            }
        }
    }
}

impl fmt::Debug for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waits").field("members", &self.members.len()).finish_non_exhaustive()
    }
}

impl Signal {
    fn listen(&self, waker: &Waker) {
        match &mut *lock(&self.0) {
            Some(registered) => registered.clone_from(waker),
            empty => *empty = Some(waker.clone()),
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let waker = lock(&self.0).clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Expire for Signal {
    fn expire(self: Arc<Self>) {
        self.wake();
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
