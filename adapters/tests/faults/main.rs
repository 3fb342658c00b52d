//! Peers and systems that fail, on real sockets: crowds and floods of bad clients, bad servers, peers
//! that do not read or answer, and no file descriptors left.
#![cfg(all(feature = "blocking", feature = "smol", target_os = "linux"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

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
mod servers;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Each test takes much of the machine, and some look at all that the process has.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
