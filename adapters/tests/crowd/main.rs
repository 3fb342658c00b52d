//! Crowds of attackers beside a hundred good clients: the server is a process of its own, whose
//! memory and file descriptors are bounded and measured.
#![cfg(all(feature = "blocking", feature = "smol", target_os = "linux"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "../common/watchdog.rs"]
mod watchdog;

mod attackers;
mod child;
mod files;
#[allow(dead_code, reason = "the tests of the servers use all of it")]
#[path = "../server/fixture.rs"]
mod fixture;
mod good;
mod guests;
mod handshakes;
#[cfg(feature = "tls")]
#[path = "../common/tls.rs"]
mod tls;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// One test at a time: all of them measure.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
