//! How to come back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::ending::Ending;

/// How the time before a retry is spread, so that the clients that a server lost at once do not
/// come back at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Jitter {
    /// Not at all: each delay is the one that the settings say.
    None,
    /// From half of that delay to the whole of it.
    Equal,
    /// From nothing to the whole of it.
    Full,
}

type Rule = dyn Fn(Ending<'_>) -> bool + Send + Sync;

/// Whether and how to connect again when there is no connection, or none any more; see
/// [`reconnect`](super).
///
/// ```
/// use bluewire::{ConnectOptions, Reconnect};
/// use std::time::Duration;
///
/// let options = ConnectOptions::new("ws://localhost:8088")
///     .reconnect(Reconnect::default().delay_max(Duration::from_secs(20)).retries_max(10));
/// ```
#[derive(Clone)]
pub struct Reconnect {
    pub(super) first_delay: Duration,
    pub(super) factor: f64,
    pub(super) delay_max: Duration,
    pub(super) jitter: Jitter,
    pub(super) retries_max: Option<u32>,
    pub(super) stable_after: Duration,
    pub(super) retry_after_max: Duration,
    pub(super) rule: Option<Arc<Rule>>,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            // 7.2.3: "The first reconnect attempt SHOULD be delayed by a random amount of time. The
            // parameters by which this random delay is chosen are left to the client to decide; a
            // value chosen randomly between 0 and 5 seconds is a reasonable initial delay".
            first_delay: Duration::from_secs(5),
            // 7.2.3: "subsequent reconnect attempts SHOULD be delayed by increasingly longer
            // amounts of time, using a method such as truncated binary exponential backoff."
            factor: 2.0,
            delay_max: Duration::from_secs(60),
            jitter: Jitter::Full,
            retries_max: None,
            stable_after: Duration::from_secs(10),
            retry_after_max: Duration::from_secs(600),
            rule: None,
        }
    }
}

impl Reconnect {
    /// Sets the delay before the first retry, which the jitter then spreads. 5 seconds by default.
    #[must_use]
    pub fn first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// Sets what each delay is multiplied by for the next. 2 by default; what is below 1, or not a
    /// number, counts as 1.
    #[must_use]
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor.max(1.0);
        self
    }

    /// Sets what no delay exceeds, but for what `Retry-After` adds. 60 seconds by default.
    #[must_use]
    pub fn delay_max(mut self, delay: Duration) -> Self {
        self.delay_max = delay;
        self
    }

    /// Sets how delays are spread. [`Jitter::Full`] by default.
    #[must_use]
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Gives up after so many retries in a row of which none led to a
    /// [stable](Self::stable_after) connection. There is no limit by default.
    #[must_use]
    pub fn retries_max(mut self, retries: u32) -> Self {
        self.retries_max = Some(retries);
        self
    }

    /// Sets how long a connection must have been open for its end to count as the first: the delay
    /// is then [`first_delay`](Self::first_delay) again. 10 seconds by default, so that a server
    /// that accepts and then closes at once is not asked again and again.
    #[must_use]
    pub fn stable_after(mut self, time: Duration) -> Self {
        self.stable_after = time;
        self
    }

    /// Sets what no `Retry-After` of a server's exceeds: a longer one counts as this. 10 minutes by
    /// default.
    #[must_use]
    pub fn retry_after_max(mut self, time: Duration) -> Self {
        self.retry_after_max = time;
        self
    }

    /// Decides what is worth a retry, in place of [the table](Ending::is_worth_retrying).
    ///
    /// An attempt that was given up ([`ConnectError::Abandoned`](crate::ConnectError::Abandoned)) is
    /// never asked about, and never retried.
    ///
    /// ```
    /// use bluewire::Reconnect;
    /// use bluewire::reconnect::Ending;
    ///
    /// // Our server says 4001 when it moves.
    /// let reconnect = Reconnect::default().when(|ending| match ending {
    ///     Ending::Closed(closure) if closure.code.value() == 4001 => true,
    ///     _ => ending.is_worth_retrying(),
    /// });
    /// ```
    #[must_use]
    pub fn when(mut self, rule: impl Fn(Ending<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.rule = Some(Arc::new(rule));
        self
    }

    /// Whether to go on after this.
    pub(super) fn wants(&self, ending: Ending<'_>) -> bool {
        if ending.was_wanted() {
            return false;
        }
        self.rule.as_ref().map_or_else(|| ending.is_worth_retrying(), |rule| rule(ending))
    }

    /// The delay before a retry that follows so many others, before it is spread.
    pub(super) fn delay(&self, retries: u32) -> Duration {
        // No time at all stays none, however often it is multiplied.
        if self.first_delay.is_zero() {
            return Duration::ZERO;
        }
        let factor = self.factor.powf(f64::from(retries));
        // What is too long for a duration is too long in any case.
        Duration::try_from_secs_f64(self.first_delay.as_secs_f64() * factor)
            .unwrap_or(self.delay_max)
            .min(self.delay_max)
    }
}

impl fmt::Debug for Reconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnect")
            .field("first_delay", &self.first_delay)
            .field("factor", &self.factor)
            .field("delay_max", &self.delay_max)
            .field("jitter", &self.jitter)
            .field("retries_max", &self.retries_max)
            .field("stable_after", &self.stable_after)
            .field("retry_after_max", &self.retry_after_max)
            .finish_non_exhaustive()
    }
}
