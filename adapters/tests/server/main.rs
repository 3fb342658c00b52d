//! Servers on all adapters, over loopback TCP: who comes in, who does not, and how all leave.
#![cfg(all(feature = "blocking", feature = "smol"))]
#![expect(clippy::unwrap_used, reason = "what fails here is what the test is about")]

#[path = "../common/watchdog.rs"]
mod watchdog;

mod answers;
mod fixture;
mod hostile;
mod limits;
#[path = "../common/runtimes.rs"]
mod runtimes;
mod shutdown;
mod threads;
