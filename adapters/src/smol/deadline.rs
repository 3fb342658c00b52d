//! Waiting for the engine's next deadline.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use smol::Timer;

use crate::clock::Clock;

/// A timer that moves only if the deadline came nearer, or when it has rung: a connection that is
/// busy does not set a timer for each message.
#[derive(Debug)]
pub(super) struct Deadline {
    timer: Timer,
    /// What the timer was last set to.
    set: Option<Duration>,
}

impl Deadline {
    /// Ready when the deadline has come.
    pub(super) fn poll(
        &mut self,
        clock: Clock,
        deadline: Option<Duration>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let Some(deadline) = deadline else { return Poll::Pending };
        loop {
            if self.set.is_none_or(|set| deadline < set)
                && let Some(instant) = clock.instant(deadline)
            {
                self.timer.set_at(instant);
                self.set = Some(deadline);
            }
            ready!(Pin::new(&mut self.timer).poll(cx));
            self.set = None;
            if deadline <= clock.now() {
                return Poll::Ready(());
            }
        }
    }
}

impl Default for Deadline {
    fn default() -> Self {
        Self { timer: Timer::never(), set: None }
    }
}
