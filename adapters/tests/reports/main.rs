//! Bugs that users reported in other WebSocket libraries, tried on all adapters over real sockets.
//! `docs/bug-reports.md` lists the reports and names the tests, here and elsewhere.
#![cfg(all(feature = "blocking", feature = "smol", target_os = "linux"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "../common/watchdog.rs"]
mod watchdog;

mod children;
mod durations;
mod endings;
mod floods;
mod half_close;
#[cfg(feature = "_tls")]
mod key_updates;
mod peer;
mod process;
mod refusals;
#[path = "../common/runtimes.rs"]
mod runtimes;
mod sending_only;
mod signals;
mod suspended;
#[cfg(feature = "_tls")]
#[path = "../common/tls.rs"]
mod tls;
mod urls;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Each adapter, for a process of its own.
const ADAPTERS: &[&str] = &[
    "blocking",
    "smol",
    #[cfg(feature = "tokio")]
    "tokio",
];

/// No wait in these tests is longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The result of `play`. It has a thread of its own, which is left alone if it takes too long.
fn within<T: Send + 'static>(what: &str, play: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = mpsc::channel();
    thread::spawn(move || {
        // If the receiver is gone, the test has failed already.
        let _ = done.send(play());
    });
    match wait.recv_timeout(PATIENCE) {
        Ok(outcome) => outcome,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what}: not within {PATIENCE:?}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => panic!("{what}: panicked"),
    }
}
