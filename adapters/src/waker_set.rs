//! The tasks that wait for the same thing.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::sync::{Mutex, lock};

/// The wakers of all tasks that wait for one thing. As a waker itself, it stands in for all of them
/// where a stream or a timer keeps only the last waker that it was given.
///
/// It holds one waker for each [`Key`] at most, and none for a key that was removed.
#[derive(Debug, Default)]
pub(crate) struct WakerSet(Mutex<Wakers>);

#[derive(Debug, Default)]
struct Wakers {
    last_key: u64,
    /// Most often, one task waits. It costs no allocation.
    one: Option<(u64, Waker)>,
    others: BTreeMap<u64, Waker>,
}

impl Wakers {
    fn is_empty(&self) -> bool {
        self.one.is_none() && self.others.is_empty()
    }

    fn get_mut(&mut self, key: u64) -> Option<&mut Waker> {
        match &mut self.one {
            Some((one, waker)) if *one == key => Some(waker),
            _ => self.others.get_mut(&key),
        }
    }

    /// Adds a key that is not there.
    fn insert(&mut self, key: u64, waker: Waker) {
        match &self.one {
            None => self.one = Some((key, waker)),
            Some(_) => drop(self.others.insert(key, waker)),
        }
    }

    fn remove(&mut self, key: u64) -> Option<Waker> {
        match self.one.take_if(|(one, _)| *one == key) {
            Some((_, waker)) => Some(waker),
            None => self.others.remove(&key),
        }
    }

    fn take(&mut self) -> Taken {
        let others = (!self.others.is_empty()).then(|| mem::take(&mut self.others));
        Taken { one: self.one.take().map(|(_, waker)| waker), others }
    }
}

/// Wakers that are to be woken where no lock is held: that can run anything.
struct Taken {
    one: Option<Waker>,
    others: Option<BTreeMap<u64, Waker>>,
}

impl Taken {
    /// Whether there were any.
    fn wake(self) -> bool {
        let Self { one, others } = self;
        let any = one.is_some() || others.is_some();
        if let Some(waker) = one {
            waker.wake();
        }
        others.into_iter().flatten().for_each(|(_, waker)| waker.wake());
        any
    }
}

/// One waiting task's place in a [`WakerSet`]. Its owner removes it when the task stops waiting.
#[derive(Debug, Default)]
pub(crate) struct Key(u64);

impl Key {
    /// Whether its task has ever registered.
    pub(crate) const fn was_registered(&self) -> bool {
        self.0 != 0
    }
}

impl WakerSet {
    /// Lets the next wake-up reach this task. Register before looking at what is waited for.
    pub(crate) fn register(&self, key: &mut Key, waker: &Waker) {
        let mut wakers = lock(&self.0);
        if key.0 == 0 {
            wakers.last_key += 1;
            key.0 = wakers.last_key;
        }
        match wakers.get_mut(key.0) {
            Some(registered) => registered.clone_from(waker),
            None => wakers.insert(key.0, waker.clone()),
        }
    }

    /// How many tasks are registered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let wakers = lock(&self.0);
        usize::from(wakers.one.is_some()) + wakers.others.len()
    }

    /// Forgets the task.
    #[inline]
    pub(crate) fn remove(&self, key: &Key) {
        if key.was_registered() {
            // Dropped where no lock is held: that can run anything.
            let removed = lock(&self.0).remove(key.0);
            drop(removed);
        }
    }

    /// Wakes all. They register again if they go on waiting. Whether there were any.
    pub(crate) fn wake_all(&self) -> bool {
        let wakers = lock(&self.0).take();
        wakers.wake()
    }

    /// Wakes all but the task that has brought the change about, which stays registered.
    pub(crate) fn wake_others(&self, key: &Key) {
        let mut wakers = lock(&self.0);
        if wakers.is_empty() {
            return;
        }
        let own = wakers.remove(key.0);
        let others = wakers.take();
        if let Some(own) = own {
            wakers.insert(key.0, own);
        }
        drop(wakers);
        others.wake();
    }
}

impl Wake for WakerSet {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_all();
    }
}

/// A place in a set for as long as this lives.
#[derive(Debug)]
pub(crate) struct Registration<'a> {
    set: &'a WakerSet,
    key: Key,
}

impl<'a> Registration<'a> {
    pub(crate) fn new(set: &'a WakerSet) -> Self {
        Self { set, key: Key::default() }
    }

    pub(crate) fn register(&mut self, waker: &Waker) {
        self.set.register(&mut self.key, waker);
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.set.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_task_is_woken_once_for_each_registration() {
        let (set, count) = (WakerSet::default(), Arc::new(Count::default()));
        let waker = Waker::from(Arc::clone(&count));
        let (mut one, mut other) = (Key::default(), Key::default());
        set.register(&mut one, &waker);
        set.register(&mut one, &waker);
        set.register(&mut other, &waker);
        set.wake_others(&other);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        set.wake_all();
        set.wake_all();
        assert_eq!(count.0.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn tasks_that_come_and_go_leave_nothing_behind() {
        let set = WakerSet::default();
        for _ in 0..1000 {
            Registration::new(&set).register(Waker::noop());
        }
        assert!(lock(&set.0).is_empty());
    }
}
