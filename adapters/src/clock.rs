//! The time that a connection gets.

use std::time::{Duration, Instant};

/// A monotonic clock that starts when it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
    /// The time source: the system's, or that of a runtime whose time tests can stop.
    source: fn() -> Instant,
}

impl Clock {
    /// A clock by the system's time.
    #[cfg(any(feature = "blocking", feature = "testkit", test))]
    pub(crate) fn start() -> Self {
        Self::by(crate::sync::now)
    }

    /// A clock by this time source.
    pub(crate) fn by(source: fn() -> Instant) -> Self {
        Self { start: source(), source }
    }

    /// A clock by this time source that started then.
    #[cfg(feature = "_asynch")]
    pub(crate) const fn since(start: Instant, source: fn() -> Instant) -> Self {
        Self { start, source }
    }

    /// When it started.
    #[cfg(feature = "_asynch")]
    pub(crate) const fn beginning(self) -> Instant {
        self.start
    }

    #[inline]
    pub(crate) fn now(self) -> Duration {
        (self.source)().saturating_duration_since(self.start)
    }

    /// The instant at which `now` will be `time`; `None` if no instant is so late, which is never.
    #[cfg(any(feature = "blocking", feature = "_asynch"))]
    pub(crate) fn instant(self, time: Duration) -> Option<Instant> {
        self.start.checked_add(time)
    }
}

/// A time in eight bytes: whole nanoseconds, for 584 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nanos(u64);

impl Nanos {
    pub(crate) const ZERO: Self = Self(0);
    /// So late that it never comes.
    pub(crate) const MAX: Self = Self(u64::MAX);
}

impl From<Duration> for Nanos {
    #[inline]
    fn from(time: Duration) -> Self {
        let seconds = time.as_secs().saturating_mul(1_000_000_000);
        Self(seconds.saturating_add(time.subsec_nanos().into()))
    }
}

impl From<Nanos> for Duration {
    #[inline]
    fn from(Nanos(nanos): Nanos) -> Self {
        Self::from_nanos(nanos)
    }
}
