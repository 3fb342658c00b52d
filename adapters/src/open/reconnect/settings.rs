//! The settings of reconnection.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::ending::Ending;

/// How the delay before a retry is randomized, so that clients that lost a server at the same time do
/// not return at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Jitter {
    /// No randomness: the delay is exactly as set.
    None,
    /// A random time between half of the delay and the delay.
    Equal,
    /// A random time between zero and the delay.
    Full,
}

type Rule = dyn Fn(Ending<'_>) -> bool + Send + Sync;

/// When to connect again, after which failures and how often; see [`reconnect`](super).
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
    /// Sets the delay before the first retry, without jitter. 5 seconds by default.
    #[must_use]
    pub fn first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// Sets the factor between one delay and the next. 2 by default. A value below 1, or NaN,
    /// counts as 1.
    #[must_use]
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor.max(1.0);
        self
    }

    /// Sets the longest delay, without the time that `Retry-After` adds. 60 seconds by default.
    #[must_use]
    pub fn delay_max(mut self, delay: Duration) -> Self {
        self.delay_max = delay;
        self
    }

    /// Sets the jitter of delays. [`Jitter::Full`] by default.
    #[must_use]
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Sets the number of retries in a row without a [stable](Self::stable_after) connection, after
    /// which the client gives up. There is no limit by default.
    #[must_use]
    pub fn retries_max(mut self, retries: u32) -> Self {
        self.retries_max = Some(retries);
        self
    }

    /// Sets how long a connection must have been open to be stable. After a stable connection, the
    /// delay is [`first_delay`](Self::first_delay) again. 10 seconds by default, so that a server
    /// that accepts and closes at once is not asked again and again.
    #[must_use]
    pub fn stable_after(mut self, time: Duration) -> Self {
        self.stable_after = time;
        self
    }

    /// Sets the longest time that a `Retry-After` of a server adds. 10 minutes by default.
    #[must_use]
    pub fn retry_after_max(mut self, time: Duration) -> Self {
        self.retry_after_max = time;
        self
    }

    /// Sets a rule for what is worth a retry. It replaces [the table](Ending::is_worth_retrying).
    ///
    /// A cancelled attempt ([`ConnectError::Abandoned`](crate::ConnectError::Abandoned)) is never
    /// retried, and the rule is not called for it.
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
        // A time that does not fit a duration is too long in any case.
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
