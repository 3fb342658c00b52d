//! The locks that threads and tasks share, and the ways in which threads wait.
//!
//! It is the standard library's. In tests that are built with `--cfg shuttle`, a model checker
//! stands in, which runs threads in orders of its own choice, and time moves when a test
//! moves it.

#[cfg(all(test, shuttle))]
pub(crate) mod model;

use std::sync::{PoisonError, TryLockError};
use std::time::Instant;

#[cfg(all(test, shuttle))]
pub(crate) use self::model::Condvar;
#[cfg(all(test, shuttle))]
pub(crate) use shuttle::sync::{Mutex, MutexGuard, atomic};
#[cfg(all(test, shuttle))]
pub(crate) use shuttle::thread;
#[cfg(not(all(test, shuttle)))]
pub(crate) use std::sync::Condvar;
#[cfg(not(all(test, shuttle)))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic};
#[cfg(not(all(test, shuttle)))]
pub(crate) use std::thread;

/// Locks. The state behind the locks of this crate stays whole when a thread panics.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks, unless that takes a wait.
pub(crate) fn try_lock<T: ?Sized>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Waits for a notification.
#[cfg(feature = "blocking")]
pub(crate) fn wait<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a notification, for at most this long.
pub(crate) fn wait_for<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    time: std::time::Duration,
) -> MutexGuard<'a, T> {
    condvar.wait_timeout(guard, time).unwrap_or_else(PoisonError::into_inner).0
}

/// The clock that threads wait by.
pub(crate) fn now() -> Instant {
    #[cfg(all(test, shuttle))]
    return model::now();
    #[cfg(not(all(test, shuttle)))]
    Instant::now()
}

/// A static of which each run of a model has its own.
macro_rules! global {
    (static $name:ident: $type:ty = $value:expr;) => {
        #[cfg(not(all(test, shuttle)))]
        static $name: $type = $value;
        #[cfg(all(test, shuttle))]
        shuttle::lazy_static! { static ref $name: $type = $value; }
    };
}
pub(crate) use global;
