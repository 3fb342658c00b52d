//! A stream, its clock and its timer: the means to read, to write and to wait.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use super::caller::{Caller, Event};
use super::runtime::{Runtime, Timer};
use super::transport::AsyncTransport;
use crate::clock::{Clock, Nanos};

/// How much a task does before others have their time, in bytes of messages. A peer that floods,
/// or takes everything that is sent, makes every poll ready: a task that loops over `recv` or
/// `send` would never return to its executor. An executor runs many tasks, smol's 200, before it asks
/// the system what has arrived for others: with long turns, those wait for milliseconds.
const BUDGET: u32 = 64 * 1024;

/// The least that a message costs: so 256 messages at most.
const COST_MIN: usize = 256;

/// A stream, its clock and its timer.
pub(super) struct Io<R: Runtime, S> {
    pub(super) stream: S,
    /// When its clock started.
    start: Instant,
    timer: R::Timer,
    /// The time that the timer was last set to; a time that never comes if it is not set.
    timer_set: Nanos,
    /// The waker of the last wait. It is registered for news of the connection.
    waker: Option<Waker>,
    /// Whether the timer, if it is set, has the waker of the last wait.
    timer_registered: bool,
    /// The rest of the task's budget.
    budget: u32,
    /// Whether the task waits, or has waited.
    waited: bool,
    /// Whether the stream was shut down at the end.
    pub(super) is_over: bool,
    news: News,
}

/// The facts that other tasks of the connection must know.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct News {
    /// Bytes have left.
    pub(super) wrote: bool,
    /// The timer is not set any more.
    pub(super) rang: bool,
}

impl<R: Runtime, S> Io<R, S> {
    pub(super) fn new(stream: S, clock: Clock) -> Self {
        Self {
            stream,
            start: clock.beginning(),
            timer: R::Timer::never(),
            timer_set: Nanos::MAX,
            waker: None,
            timer_registered: false,
            budget: BUDGET,
            waited: false,
            is_over: false,
            news: News::default(),
        }
    }

    /// The clock.
    #[inline]
    pub(super) const fn clock(&self) -> Clock {
        Clock::since(self.start, R::now)
    }

    pub(super) const fn take_news(&mut self) -> News {
        std::mem::replace(&mut self.news, News { wrote: false, rang: false })
    }

    /// Pays for a message of this length.
    #[inline]
    pub(super) fn pay(&mut self, len: usize) {
        let cost = u32::try_from(len.max(COST_MIN)).unwrap_or(u32::MAX);
        self.budget = self.budget.saturating_sub(cost);
    }

    /// Notes that the task waits, so that others run. Whether its waker is another one than at the
    /// last wait: one that stays the same is registered already.
    pub(super) fn waits(&mut self, caller: &Caller<'_>) -> bool {
        self.budget = BUDGET;
        self.waited = true;
        let waker = caller.news_waker();
        let is_new = !self.waker.as_ref().is_some_and(|last| last.will_wake(waker));
        if is_new {
            self.waker = Some(waker.clone());
            self.timer_registered = false;
        }
        is_new
    }

    /// Whether the task has waited since the last call.
    pub(super) const fn take_waited(&mut self) -> bool {
        std::mem::replace(&mut self.waited, false)
    }

    /// Pending when the executor wants the task to let others run, or the task's own budget is used
    /// up; it has been woken then. Call it where a poll begins: after that, reads and writes of the
    /// runtime's streams take part in its budget themselves.
    #[inline]
    pub(super) fn poll_turn(&mut self, caller: &Caller<'_>) -> Poll<()> {
        ready!(R::poll_budget(&mut Context::from_waker(caller.own())));
        self.poll_budget(caller)
    }

    /// Pending when the task's own budget is used up; it has been woken then.
    #[inline]
    pub(super) fn poll_budget(&mut self, caller: &Caller<'_>) -> Poll<()> {
        if self.budget > 0 {
            return Poll::Ready(());
        }
        self.budget = BUDGET;
        R::wake_later(caller.own());
        Poll::Pending
    }

    /// Ready once this time is reached or past. Call it in a [wait](Self::waits).
    pub(super) fn poll_until(&mut self, until: Nanos, caller: &mut Caller<'_>) -> Poll<()> {
        if until == Nanos::MAX {
            return Poll::Pending;
        }
        let now = Nanos::from(caller.now(self.clock()));
        if until <= now {
            return Poll::Ready(());
        }
        caller.register(Event::Time);
        if self.timer_registered && self.timer_set <= until && now < self.timer_set {
            // It will ring in time.
            return Poll::Pending;
        }
        let cx = &mut Context::from_waker(caller.waker(Event::Time));
        loop {
            // A busy connection does not set a timer for each message.
            if until < self.timer_set {
                // A time that no instant can express never comes.
                let Some(at) = self.clock().instant(until.into()) else { return Poll::Pending };
                self.timer.set(at);
                self.timer_set = until;
            }
            self.timer_registered = true;
            ready!(self.timer.poll(cx));
            self.timer_set = Nanos::MAX;
            self.news.rang = true;
            caller.pass_time();
            if until <= caller.now(self.clock()).into() {
                return Poll::Ready(());
            }
        }
    }
}

impl<R: Runtime, S: AsyncTransport<R>> Io<R, S> {
    /// Reads once; `WouldBlock` if there is nothing.
    pub(super) fn read(&mut self, buf: &mut [u8], caller: &Caller<'_>) -> io::Result<usize> {
        let cx = &mut Context::from_waker(caller.waker(Event::Read));
        let len = or_would_block(self.stream.poll_read(cx, buf))?;
        self.pay(len);
        Ok(len)
    }

    /// Whether it is known, without a read, that there is nothing to read.
    pub(super) fn is_drained(&mut self, caller: &Caller<'_>) -> bool {
        let cx = &mut Context::from_waker(caller.waker(Event::Read));
        self.stream.poll_readable(cx).is_pending()
    }

    /// Writes once; `WouldBlock` if the stream takes nothing.
    pub(super) fn write(
        &mut self,
        slices: &[IoSlice<'_>],
        caller: &Caller<'_>,
    ) -> io::Result<usize> {
        let cx = &mut Context::from_waker(caller.waker(Event::Write));
        let written = or_would_block(self.stream.poll_write(cx, slices));
        self.news.wrote |= !written.as_ref().is_err_and(would_block);
        written
    }

    /// Lets bytes go that the stream holds back; `WouldBlock` if it cannot now.
    pub(super) fn flush(&mut self, caller: &Caller<'_>) -> io::Result<()> {
        or_would_block(self.stream.poll_flush(&mut Context::from_waker(caller.waker(Event::Write))))
    }

    /// Shuts the writing side down. If that fails, the end of the stream comes all the sooner.
    pub(super) fn poll_shut_down(&mut self, caller: &mut Caller<'_>) -> Poll<()> {
        caller.register(Event::Write);
        let cx = &mut Context::from_waker(caller.waker(Event::Write));
        self.stream.poll_shut_down(cx).map(drop)
    }

    /// Whether there may be something although a read gave nothing, which matters once the time is
    /// over: what has arrived must not lose to a deadline.
    #[inline]
    pub(super) fn is_unknown(&self, until: Nanos, caller: &Caller<'_>) -> bool {
        until <= caller.now(self.clock()).into() && self.stream.has_unreported_input()
    }

    /// Shuts the stream down once the connection has ended: the writing side, in order, if that is
    /// possible at once, and both sides otherwise.
    pub(super) fn end(&mut self, at_once: bool) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let cx = &mut Context::from_waker(Waker::noop());
        if at_once || self.stream.poll_shut_down(cx).is_pending() {
            self.stream.shut_down_now();
        }
    }

    /// Shuts both sides down here and now.
    pub(super) fn cut(&mut self) {
        self.is_over = true;
        self.stream.shut_down_now();
    }
}

/// A poll in the words of a stream that does not wait.
pub(super) fn or_would_block<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    let Poll::Ready(result) = polled else { return Err(io::ErrorKind::WouldBlock.into()) };
    result
}

/// The way back.
#[inline]
pub(crate) fn or_pending<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    if result.as_ref().is_err_and(would_block) { Poll::Pending } else { Poll::Ready(result) }
}

pub(crate) fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
