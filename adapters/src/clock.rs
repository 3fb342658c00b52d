//! The time that the engine is told.

use std::time::{Duration, Instant};

/// A monotonic clock that starts when it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Duration {
        self.0.elapsed()
    }

    /// The instant at which `now` will be `time`.
    #[cfg(feature = "smol")]
    pub(crate) fn instant(self, time: Duration) -> Option<Instant> {
        self.0.checked_add(time)
    }
}
