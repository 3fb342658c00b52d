//! When to try again.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, SystemTime};

use super::ending::Ending;
use super::retry_after;
use super::settings::{Jitter, Reconnect};

/// The retries of one client. Report how things ended, and it says when to try again. It does no IO
/// and has no clock, so that any program can wait as it likes.
///
/// ```
/// use bluewire::{ConnectError, Reconnect};
/// use bluewire::reconnect::{Ending, Retries};
/// use std::time::{Duration, SystemTime};
///
/// let mut retries = Retries::new(Reconnect::default());
/// let refused = ConnectError::Io(std::io::ErrorKind::ConnectionRefused.into());
/// let delay = retries.ended(Ending::Unopened(&refused), Duration::ZERO, SystemTime::now());
/// assert!(delay.is_some_and(|delay| delay <= Duration::from_secs(5)));
/// ```
pub struct Retries {
    settings: Reconnect,
    random: Box<dyn FnMut() -> u64 + Send>,
    /// So many in a row, since the beginning or since a stable connection.
    count: u32,
    /// Since when there is a connection.
    open_since: Option<Duration>,
}

impl Retries {
    /// Retries by these settings, spread at random.
    #[must_use]
    pub fn new(settings: Reconnect) -> Self {
        // Each has keys of its own, from the entropy of the system: enough to spread delays by.
        Self::with_random(settings, || RandomState::new().hash_one(()))
    }

    /// The same, spread by numbers of yours, which should be spread evenly over all of `u64`.
    #[must_use]
    pub fn with_random(settings: Reconnect, random: impl FnMut() -> u64 + Send + 'static) -> Self {
        Self { settings, random: Box::new(random), count: 0, open_since: None }
    }

    /// Notes that there is a connection, at this time on a clock of yours that does not go back.
    pub fn opened(&mut self, now: Duration) {
        self.open_since = Some(now);
    }

    /// The step after an attempt failed or a connection ended, at this time on the same clock and
    /// at that time of day, which `Retry-After` may need: try again after so long, or `None`, give
    /// up.
    pub fn ended(
        &mut self,
        ending: Ending<'_>,
        now: Duration,
        time_of_day: SystemTime,
    ) -> Option<Duration> {
        self.settle(now);
        if !self.settings.wants(ending) {
            return None;
        }
        let asked = ending
            .response()
            .and_then(|head| head.headers().first("Retry-After"))
            .and_then(|value| retry_after::parse(value, time_of_day))
            .map_or(Duration::ZERO, |asked| asked.min(self.settings.retry_after_max));
        // Never before, and not all at once after.
        self.next().map(|delay| delay.saturating_add(asked))
    }

    /// The same for an unknown end, if another connection is wanted.
    pub(super) fn let_go(&mut self, now: Duration) -> Option<Duration> {
        self.settle(now);
        self.next()
    }

    /// How many retries there were in a row, with the one that was decided on last, since the
    /// beginning or since a stable connection.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Begins to count anew if there was a stable connection.
    fn settle(&mut self, now: Duration) {
        let stable_after = self.settings.stable_after;
        let is_stable = |since| now.saturating_sub(since) >= stable_after;
        if self.open_since.take().is_some_and(is_stable) {
            self.count = 0;
        }
    }

    fn next(&mut self) -> Option<Duration> {
        if self.settings.retries_max.is_some_and(|max| self.count >= max) {
            return None;
        }
        let whole = self.settings.delay(self.count);
        self.count = self.count.saturating_add(1);
        Some(match self.settings.jitter {
            Jitter::None => whole,
            Jitter::Equal => whole / 2 + part(whole - whole / 2, (self.random)()),
            Jitter::Full => part(whole, (self.random)()),
        })
    }
}

/// As much of a time as the number is of all numbers.
fn part(time: Duration, number: u64) -> Duration {
    let nanos = time.as_nanos() * u128::from(number >> 32) / u128::from(u32::MAX);
    // 64 bits of seconds and 30 of nanoseconds leave room for 32: nothing above was cut off.
    let second = u128::from(1_000_000_000_u32);
    let secs = u64::try_from(nanos / second).unwrap_or(u64::MAX);
    Duration::new(secs, u32::try_from(nanos % second).unwrap_or(0))
}

impl fmt::Debug for Retries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retries")
            .field("settings", &self.settings)
            .field("count", &self.count)
            .field("open_since", &self.open_since)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "retries_tests.rs"]
mod tests;
