//! Waits until somebody wants the server to stop: Ctrl-C, or the system's signal.

use std::io;
#[cfg(not(unix))]
use std::sync::Arc;
#[cfg(not(unix))]
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
#[cfg(unix)]
use signal_hook::iterator::Signals;

/// From the time it exists, the signals no longer end the process.
#[cfg(unix)]
pub(crate) struct Stop(Signals);

/// From the time it exists, the signals no longer end the process.
#[cfg(not(unix))]
pub(crate) struct Stop(Arc<AtomicBool>);

#[cfg(unix)]
impl Stop {
    pub(crate) fn new() -> io::Result<Self> {
        Signals::new([SIGINT, SIGTERM]).map(Self)
    }

    pub(crate) fn wait(mut self) {
        self.0.forever().next();
    }
}

/// Where a signal cannot wake a thread by a pipe, the thread looks for it now and then.
#[cfg(not(unix))]
impl Stop {
    pub(crate) fn new() -> io::Result<Self> {
        let raised = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&raised))?;
        }
        Ok(Self(raised))
    }

    pub(crate) fn wait(self) {
        while !self.0.load(Ordering::SeqCst) {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
}
