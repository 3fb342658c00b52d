//! The retries of an adapter's client, by the clocks that adapters have.

use std::fmt;
use std::time::{Duration, SystemTime};

use bluewire_core::Closure;

use super::ending::{Ending, RetryEvent};
use super::retries::Retries;
use super::settings::Reconnect;
use crate::clock::Clock;
use crate::open::error::ConnectError;
use crate::trace::Id;

/// The next step of a client: an attempt at some time, the end of its connection, or nothing.
#[derive(Debug)]
pub(crate) struct Course {
    id: Id,
    clock: Clock,
    retries: Retries,
    next: Next,
    on_retry: OnRetry,
}

/// Whom to tell of retries.
#[derive(Default)]
struct OnRetry(Option<Tell>);

type Tell = Box<dyn FnMut(&RetryEvent<'_>) + Send>;

impl fmt::Debug for OnRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnRetry").field(&self.0.is_some()).finish()
    }
}

#[derive(Debug)]
enum Next {
    AttemptAt(Duration),
    End,
    Nothing,
}

/// A retry that will come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retry {
    /// So many in a row with this one.
    pub(crate) count: u32,
    pub(crate) delay: Duration,
}

impl Course {
    /// That of a client whose first attempt has its time now, by this clock.
    pub(crate) fn new(settings: Reconnect, id: Id, clock: Clock) -> Self {
        let retries = Retries::new(settings);
        let next = Next::AttemptAt(clock.now());
        Self { id, clock, retries, next, on_retry: OnRetry::default() }
    }

    /// How long it is until the next attempt; `None` if there will be none.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        match self.next {
            Next::AttemptAt(time) => Some(time.saturating_sub(self.clock.now())),
            Next::End | Next::Nothing => None,
        }
    }

    pub(crate) fn opened(&mut self) {
        self.retries.opened(self.clock.now());
        self.next = Next::End;
    }

    pub(crate) fn ended(&mut self, ending: Ending<'_>) -> Option<Retry> {
        let now = self.clock.now();
        let delay = self.retries.ended(ending, now, SystemTime::now());
        if delay.is_none() && !ending.was_wanted() {
            self.id.is_over(self.retries.count());
        }
        self.follow(delay, now, Some(ending))
    }

    fn follow(
        &mut self,
        delay: Option<Duration>,
        now: Duration,
        ending: Option<Ending<'_>>,
    ) -> Option<Retry> {
        self.next = delay.map_or(Next::Nothing, |delay| Next::AttemptAt(now.saturating_add(delay)));
        delay.map(|delay| {
            let count = self.retries.count();
            self.id.waits(count, delay);
            if let Some(tell) = &mut self.on_retry.0 {
                tell(&RetryEvent { retry: count, delay, ending });
            }
            Retry { count, delay }
        })
    }

    // Reports of the direct API besides.

    pub(crate) fn on_retry(&mut self, tell: impl FnMut(&RetryEvent<'_>) + Send + 'static) {
        self.on_retry.0 = Some(Box::new(tell));
    }

    /// For a connection that was handed out and whose end was not reported: another one is wanted.
    pub(crate) fn let_go(&mut self) {
        if let Next::End = self.next {
            let now = self.clock.now();
            let delay = self.retries.let_go(now);
            self.follow(delay, now, None);
        }
    }

    /// How the connection that was handed out last ended; without a closure it was lost.
    pub(crate) fn closed(&mut self, closure: Option<&Closure>) {
        match (closure, &self.next) {
            (Some(closure), Next::End) => drop(self.ended(Ending::Closed(closure))),
            (Some(_), _) => {}
            (None, _) => self.let_go(),
        }
    }

    /// The attempt failed. It is an error only if no other one follows.
    pub(crate) fn failed(&mut self, error: ConnectError) -> Result<(), ConnectError> {
        self.ended(Ending::Unopened(&error)).map(drop).ok_or(error)
    }
}
