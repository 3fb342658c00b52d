//! Who polls: a task that has the connection to itself, or one of several that share it.

use std::cell::Cell;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;

use crate::clock::Clock;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::waker_set::{Key, WakerSet};

/// The events that a task waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// Bytes to arrive, or news of the connection.
    Read,
    /// Bytes to leave.
    Write,
    /// A time.
    Time,
}

/// The task that polls.
pub(super) struct Caller<'a> {
    waker: &'a Waker,
    shared: Option<(&'a Wakers, Option<&'a mut Keys>)>,
    /// The time, if it is known.
    now: Cell<Option<Duration>>,
}

impl<'a> Caller<'a> {
    /// A task that has the connection to itself.
    pub(super) const fn alone(waker: &'a Waker) -> Self {
        Self { waker, shared: None, now: Cell::new(None) }
    }

    /// A call that does not wait, of a task that has the connection to itself.
    pub(super) const fn brief() -> Self {
        Self::alone(Waker::noop())
    }

    /// One of several.
    pub(super) const fn among(wakers: &'a Wakers, keys: &'a mut Keys, waker: &'a Waker) -> Self {
        Self { shared: Some((wakers, Some(keys))), ..Self::alone(waker) }
    }

    /// A call that does not wait, while others may.
    pub(super) const fn passing(wakers: &'a Wakers) -> Self {
        Self { shared: Some((wakers, None)), ..Self::brief() }
    }

    /// Its own waker.
    pub(super) const fn own(&self) -> &'a Waker {
        self.waker
    }

    /// The time by this clock, of the first call since the poll began or the time
    /// [passed](Self::pass_time). To read a clock takes longer than to handle a short message.
    #[inline]
    pub(super) fn now(&self, clock: Clock) -> Duration {
        let now = self.now.get().unwrap_or_else(|| clock.now());
        self.now.set(Some(now));
        now
    }

    /// Notes that what follows may take time, or has taken some.
    pub(super) fn pass_time(&self) {
        self.now.set(None);
    }

    /// The waker to wait with: of all that wait for the event, since the stream and the timer keep
    /// the last one only.
    pub(super) const fn waker(&self, event: Event) -> &'a Waker {
        match &self.shared {
            Some((wakers, _)) => &wakers.of(event).waker,
            None => self.waker,
        }
    }

    /// The waker for news of the connection: of all that wait for anything.
    pub(super) const fn news_waker(&self) -> &'a Waker {
        match &self.shared {
            Some((wakers, _)) => &wakers.news,
            None => self.waker,
        }
    }

    /// Lets the event wake this task. Call it before checking whether the event has happened.
    /// Returns whether that was necessary, since other tasks wait too.
    pub(super) fn register(&mut self, event: Event) -> bool {
        let Some((wakers, Some(keys))) = &mut self.shared else { return false };
        wakers.of(event).set.register(keys.of(event), self.waker);
        if matches!(event, Event::Write) {
            wakers.write_waits.store(true, Ordering::Relaxed);
        }
        true
    }

    /// Whether other tasks may wait to write. They are to be [woken](Wakers::wake_others) then.
    pub(super) fn take_write_waits(&self) -> bool {
        let Some((wakers, keys)) = &self.shared else { return false };
        // Not swapped: the lock keeps other tasks from changing it.
        let waits = wakers.write_waits.load(Ordering::Relaxed);
        // This task itself stays registered.
        if waits && !keys.as_ref().is_some_and(|keys| keys.write.was_registered()) {
            wakers.write_waits.store(false, Ordering::Relaxed);
        }
        waits
    }
}

/// The tasks that share a connection.
pub(super) struct Wakers {
    read: Group,
    write: Group,
    time: Group,
    /// Wakes all of them.
    news: Waker,
    /// Whether a task may wait to write. The lock of the connection guards it.
    write_waits: AtomicBool,
}

/// The tasks that wait for one event, and what wakes them all.
struct Group {
    set: Arc<WakerSet>,
    waker: Waker,
}

impl Wakers {
    const fn of(&self, event: Event) -> &Group {
        match event {
            Event::Read => &self.read,
            Event::Write => &self.write,
            Event::Time => &self.time,
        }
    }

    /// Wakes the tasks that wait for the event, except the one that has these keys.
    pub(super) fn wake_others(&self, event: Event, keys: &mut Keys) {
        self.of(event).set.wake_others(keys.of(event));
    }

    /// Wakes all tasks but the one that has these keys.
    pub(super) fn wake_all_others(&self, keys: &mut Keys) {
        for event in [Event::Read, Event::Write, Event::Time] {
            self.wake_others(event, keys);
        }
    }

    /// Forgets a task that may have left bytes to write. Those that wait to read take over.
    pub(super) fn leave(&self, keys: &Keys) {
        self.remove(keys);
        if keys.write.was_registered() {
            self.read.set.wake_all();
        }
    }

    /// How many wakers are registered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.read.set.len() + self.write.set.len() + self.time.set.len()
    }

    /// Forgets a task.
    pub(super) fn remove(&self, keys: &Keys) {
        self.read.set.remove(&keys.read);
        self.write.set.remove(&keys.write);
        self.time.set.remove(&keys.time);
    }
}

impl Default for Wakers {
    fn default() -> Self {
        let group = || {
            let set = Arc::new(WakerSet::default());
            Group { waker: Waker::from(Arc::clone(&set)), set }
        };
        let (read, time) = (group(), group());
        let set = Arc::new(WakerSet::default());
        let writable = Writable { write: Arc::clone(&set), read: Arc::clone(&read.set) };
        let write = Group { set, waker: Waker::from(Arc::new(writable)) };
        let write_waits = AtomicBool::new(false);
        let sets = [&read, &write, &time].map(|group| Arc::clone(&group.set));
        Self { read, write, time, news: Waker::from(Arc::new(News(sets))), write_waits }
    }
}

/// Wakes the tasks that wait to write. If none does any more, what they have left is written by
/// those that wait to read.
struct Writable {
    write: Arc<WakerSet>,
    read: Arc<WakerSet>,
}

impl Wake for Writable {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.write.wake_all() {
            self.read.wake_all();
        }
    }
}

/// Wakes the tasks of all sets.
struct News([Arc<WakerSet>; 3]);

impl Wake for News {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        for set in &self.0 {
            set.wake_all();
        }
    }
}

/// The registration of one task.
#[derive(Debug, Default)]
pub(super) struct Keys {
    read: Key,
    write: Key,
    time: Key,
}

impl Keys {
    const fn of(&mut self, event: Event) -> &mut Key {
        match event {
            Event::Read => &mut self.read,
            Event::Write => &mut self.write,
            Event::Time => &mut self.time,
        }
    }
}
