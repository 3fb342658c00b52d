//! When a deadline counts, and a caller's budget: see the rule on time in the [module](super).

use std::io;
use std::time::Duration;

use bluewire_core::State;

use super::driver::{Driver, Want};
use crate::clock::Nanos;

/// The time that a caller gives a call. Like a deadline it grants one read after it has passed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(super) until: Duration,
    /// `Driver::reads` when the call began to wait.
    begun: Option<u16>,
    /// `Driver::reads` when the budget was first seen to be over.
    overdue: Option<u16>,
}

impl Budget {
    /// A budget that ends at this time.
    pub(crate) const fn until(until: Duration) -> Self {
        Self { until, begun: None, overdue: None }
    }

    /// A budget of this length from `now` on.
    #[cfg(any(test, feature = "_asynch"))]
    pub(crate) const fn of(length: Duration, now: Duration) -> Self {
        Self::until(now.saturating_add(length))
    }
}

/// Whether a deadline that is past counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    No,
    /// One more read first.
    AfterRead,
    Yes,
}

impl Driver {
    /// Handles deadlines. `None` if one is due: then everything is looked at again.
    pub(super) fn judge(&mut self, may_read: bool, listens: bool, now: Duration) -> Option<Want> {
        if Nanos::from(now) < self.drained {
            self.step_back_to(now);
            return None;
        }
        if let Some(since) = self.rare.loss().and_then(|loss| loss.write) {
            return self.judge_loss(since, may_read, now);
        }
        let write = !self.outbox.is_empty() || self.unflushed;
        let shut_down = !write && !self.shut_down && self.connection.should_shut_down();
        let mut want = Want { read: may_read, write, shut_down, until: Nanos::MAX };
        if write {
            let flow = *self.flow();
            match self.rare.stall().map(|stall| stall.judge(&flow, now)) {
                Some(Some(until)) => want.until = until.into(),
                Some(None) => {
                    self.write_failed(io::ErrorKind::TimedOut.into(), now);
                    return None;
                }
                // The stream may turn out to take nothing.
                None => want.until = now.saturating_add(flow.write_timeout).into(),
            }
        }
        // Without a reader the driver cannot know whether the peer is silent.
        let listens = listens || self.connection.state() == State::Closing;
        let deadline = self.connection.poll_timeout().filter(|_| listens);
        let Some(deadline) = deadline else { return Some(want) };
        match self.due(deadline, may_read, now) {
            Due::No => want.until = want.until.min(deadline.into()),
            Due::AfterRead => want.until = now.into(),
            Due::Yes => {
                let drained = Nanos::from(deadline) <= self.drained;
                let by = if drained { deadline.max(self.drained.into()) } else { now };
                self.connection.handle_timeout(by, &mut self.outbox);
                self.answered = true;
                return None;
            }
        }
        Some(want)
    }

    /// Moves every noted time to `now` or before: a clock that was set back by a year would delay
    /// every deadline by a year. Threads that race for the driver set it back by moments.
    #[cold]
    fn step_back_to(&mut self, now: Duration) {
        self.drained = now.into();
        self.grace_of = Nanos::MAX;
        if let Some(stall) = self.rare.stall() {
            stall.since = stall.since.min(now);
        }
        if let Some(since) = self.rare.loss_mut().and_then(|loss| loss.write.as_mut()) {
            *since = now.min(*since);
        }
        self.connection.handle_timeout(now, &mut self.outbox);
    }

    pub(super) fn due(&mut self, deadline: Duration, may_read: bool, now: Duration) -> Due {
        if now < deadline {
            return Due::No;
        }
        let deadline = Nanos::from(deadline);
        let granted = self.grace_of == deadline;
        let has_read = granted && self.grace_since != self.reads;
        if deadline <= self.drained || !may_read || has_read {
            self.grace_of = Nanos::MAX;
            return Due::Yes;
        }
        if !granted {
            (self.grace_of, self.grace_since) = (deadline, self.reads);
        }
        Due::AfterRead
    }

    pub(super) fn judge_budget(&self, budget: &mut Budget, may_read: bool, now: Duration) -> Due {
        let has_read = *budget.begun.get_or_insert(self.reads) != self.reads;
        if now < budget.until {
            return Due::No;
        }
        let read_since = budget.overdue.is_some_and(|reads| reads != self.reads);
        if !may_read || read_since || (has_read && Nanos::from(budget.until) <= self.drained) {
            return Due::Yes;
        }
        budget.overdue.get_or_insert(self.reads);
        Due::AfterRead
    }
}
