//! Groups on every adapter, with whole sockets, split ones and callbacks, over loopback TCP.
#![cfg(all(feature = "blocking", feature = "smol"))]
#![expect(clippy::unwrap_used, reason = "what fails here is what the test is about")]

#[path = "../common/watchdog.rs"]
mod watchdog;

mod crowd;
mod delivery;
mod fixture;
mod slow;
mod threads;
