//! Peers and systems that fail, on real sockets: crowds and floods of bad clients, bad servers, peers
//! that do not read or answer, and no file descriptors left.
#![cfg(all(feature = "blocking", feature = "smol", target_os = "linux"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "../common/watchdog.rs"]
mod watchdog;

#[allow(dead_code, reason = "the tests of signals use all of it")]
#[path = "../common/child.rs"]
mod child;
mod crowd;
mod deadlines;
mod files;
#[allow(dead_code, reason = "the tests of the servers use all of it")]
#[path = "../server/fixture.rs"]
mod fixture;
mod flood;
#[path = "../common/runtimes.rs"]
mod runtimes;
mod servers;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static TURN: RwLock<()> = RwLock::new(());

/// For a test that looks at all that the process has, or at the time that something takes.
fn alone() -> RwLockWriteGuard<'static, ()> {
    TURN.write().unwrap_or_else(PoisonError::into_inner)
}

/// For any other.
fn beside_others() -> RwLockReadGuard<'static, ()> {
    TURN.read().unwrap_or_else(PoisonError::into_inner)
}
