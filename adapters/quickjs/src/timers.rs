//! When which timer of a script is due.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// Timers by their numbers. The script decides what they call.
#[derive(Default)]
pub(crate) struct Timers {
    /// By time, and those of the same time in the order in which they were set.
    queue: RefCell<BTreeMap<(Instant, u64), u32>>,
    places: RefCell<HashMap<u32, (Instant, u64)>>,
    set: Cell<u64>,
}

impl Timers {
    /// Sets a timer that is not set.
    pub(crate) fn set(&self, id: u32, delay: Duration) {
        let place = (Instant::now() + delay, self.set.get());
        self.set.set(place.1 + 1);
        self.queue.borrow_mut().insert(place, id);
        self.places.borrow_mut().insert(id, place);
    }

    pub(crate) fn clear(&self, id: u32) {
        if let Some(place) = self.places.borrow_mut().remove(&id) {
            self.queue.borrow_mut().remove(&place);
        }
    }

    /// When the next is due; `None` if there is none.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.borrow().first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the next out if it is due at this time.
    pub(crate) fn take_due(&self, now: Instant) -> Option<u32> {
        let mut queue = self.queue.borrow_mut();
        let first = queue.first_entry().filter(|first| first.key().0 <= now)?;
        let id = first.remove();
        self.places.borrow_mut().remove(&id);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_are_due_by_time_then_by_order() {
        let timers = Timers::default();
        assert_eq!(timers.next(), None);
        let second = Duration::from_secs(1);
        for (id, delay) in [(1, 3 * second), (2, second), (3, second), (4, 2 * second)] {
            timers.set(id, delay);
        }
        timers.clear(4);
        timers.clear(5);
        assert_eq!(timers.take_due(Instant::now()), None);
        let later = Instant::now() + 10 * second;
        let due: Vec<_> = std::iter::from_fn(|| timers.take_due(later)).collect();
        assert_eq!(due, [2, 3, 1]);
        assert_eq!(timers.next(), None);
    }
}
