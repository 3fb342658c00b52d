//! The shared parts of the tests of the facade: a scripted peer, the four sides that the facade
//! has, and a log of its events.
#![allow(dead_code, unused_macros, reason = "not every suite uses all")]

pub(crate) mod log;
pub(crate) mod peer;
pub(crate) mod side;
#[cfg(feature = "_tls")]
pub(crate) mod tls;

use std::thread;
use std::time::{Duration, Instant};

/// No wait in these tests is longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for a condition that no event reports.
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    crate::watchdog::waits_for(what);
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited for too long: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
