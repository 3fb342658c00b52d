//! Keeps deadlines that no thread and no runtime waits for: of closing handshakes, since a blocking
//! reader without a timeout does not notice that a writer, or the server, has begun to close
//! (`SO_RCVTIMEO` does not change a read that is in progress), and of publishers that wait for slow
//! members of a group, which belongs to no runtime.
//!
//! One thread of the process waits for all of these deadlines. It runs only while there are any.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::sync::{Condvar, Mutex, global, lock, now, thread, wait_for};

/// Something with a deadline.
pub(crate) trait Expire: Send + Sync {
    /// The deadline has passed.
    fn expire(self: Arc<Self>);
}

/// A deadline, and a number that makes it unique.
type Key = (Instant, u64);

/// A deadline that is kept for as long as this lives.
#[derive(Debug)]
pub(crate) struct Watch(Key);

struct Deadlines {
    by_time: BTreeMap<Key, Weak<dyn Expire>>,
    last_number: u64,
    running: bool,
}

global! {
    static DEADLINES: Mutex<Deadlines> =
        Mutex::new(Deadlines { by_time: BTreeMap::new(), last_number: 0, running: false });
}
global! {
    static CHANGED: Condvar = Condvar::new();
}

/// Calls [`Expire::expire`] at this time, unless that is gone by then.
pub(crate) fn watch(deadline: Instant, expiring: Weak<dyn Expire>) -> Watch {
    let mut deadlines = lock(&DEADLINES);
    deadlines.last_number += 1;
    let key = (deadline, deadlines.last_number);
    deadlines.by_time.insert(key, expiring);
    if !deadlines.running {
        let spawned = thread::Builder::new().name("bluewire-timekeeper".to_owned()).spawn(run);
        // If the system has no thread now, the next deadline tries again.
        deadlines.running = spawned.is_ok();
    } else if deadlines.by_time.first_key_value().is_some_and(|(first, _)| *first == key) {
        CHANGED.notify_one();
    }
    Watch(key)
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut deadlines = lock(&DEADLINES);
        deadlines.by_time.remove(&self.0);
        if deadlines.by_time.is_empty() {
            CHANGED.notify_one();
        }
    }
}

fn run() {
    let mut deadlines = lock(&DEADLINES);
    while let Some((&(deadline, _), _)) = deadlines.by_time.first_key_value() {
        let left = deadline.saturating_duration_since(now());
        if !left.is_zero() {
            deadlines = wait_for(&CHANGED, deadlines, left);
            continue;
        }
        let due = deadlines.by_time.pop_first().and_then(|(_, expiring)| expiring.upgrade());
        drop(deadlines);
        if let Some(due) = due {
            // A stream whose code panics takes no other connection with it.
            let _ = catch_unwind(AssertUnwindSafe(|| due.expire()));
        }
        deadlines = lock(&DEADLINES);
    }
    deadlines.running = false;
}

/// Whether there are deadlines to wait for.
#[cfg(all(test, feature = "blocking"))]
pub(crate) fn is_running() -> bool {
    lock(&DEADLINES).running
}
