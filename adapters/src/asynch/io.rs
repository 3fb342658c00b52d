//! What it takes to read, to write and to wait, beside the driver that says what to do.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use super::caller::{Caller, Event};
use super::runtime::{AsyncTransport, Runtime, Timer};
use super::spare;
use crate::clock::{Clock, Nanos};
use crate::drive::{Arrivals, Aside, Driver, Want};

/// How much a task does before others have their time, in bytes of messages. A peer that floods,
/// or takes everything that is sent, makes every poll ready: a task that loops over `recv` or
/// `send` would never return to its executor.
const BUDGET: u32 = 256 * 1024;

/// The least that a message costs: so 256 messages at most.
const COST_MIN: usize = 1024;

/// The length of a read aside.
const PIECE_LEN: usize = 4 * 1024;

/// A stream, its clock and its timer.
pub(super) struct Io<R: Runtime, S> {
    pub(super) stream: S,
    /// When its clock started.
    start: Instant,
    timer: R::Timer,
    /// The time that the timer was last set to; a time that never comes if it is not set.
    timer_set: Nanos,
    /// The rest of the task's budget.
    budget: u32,
    /// Whether the stream was shut down at the end.
    is_over: bool,
    news: News,
}

/// What other tasks that share the connection have to know.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct News {
    /// Bytes have left.
    pub(super) wrote: bool,
    /// The timer is not set any more.
    pub(super) rang: bool,
}

/// Where bytes go that are read.
pub(super) enum Target<'a> {
    Arrivals(&'a mut Arrivals),
    /// While a message lies where they would go.
    Aside(&'a mut Aside),
    /// Somebody else reads.
    Nowhere,
}

impl<R: Runtime, S> Io<R, S> {
    pub(super) fn new(stream: S, clock: Clock) -> Self {
        Self {
            stream,
            start: clock.beginning(),
            timer: R::Timer::never(),
            timer_set: Nanos::MAX,
            budget: BUDGET,
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

    /// The task waits, so that others run.
    pub(super) const fn renew_budget(&mut self) {
        self.budget = BUDGET;
    }

    /// Pending when the task is to let others run; it has been woken then.
    #[inline]
    pub(super) fn poll_budget(&mut self, caller: &Caller<'_>) -> Poll<()> {
        ready!(R::poll_budget(&mut Context::from_waker(caller.own())));
        if self.budget > 0 {
            return Poll::Ready(());
        }
        self.budget = BUDGET;
        caller.own().wake_by_ref();
        Poll::Pending
    }

    /// Ready once this time is reached or past.
    pub(super) fn poll_until(&mut self, until: Duration, caller: &mut Caller<'_>) -> Poll<()> {
        if until <= self.clock().now() {
            return Poll::Ready(());
        }
        caller.register(Event::Time);
        let cx = &mut Context::from_waker(caller.waker(Event::Time));
        let time = Nanos::from(until);
        loop {
            // A busy connection does not set a timer for each message.
            if time < self.timer_set {
                // A time that no instant can express never comes.
                let Some(at) = self.clock().instant(until) else { return Poll::Pending };
                self.timer.set(at);
                self.timer_set = time;
            } else if time == Nanos::MAX {
                // Nor does one so late. The timer may have rung before.
                return Poll::Pending;
            }
            ready!(self.timer.poll(cx));
            self.timer_set = Nanos::MAX;
            self.news.rang = true;
            if until <= self.clock().now() {
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

    /// Writes what waits, as far as the stream takes it at once. Whether nothing is left.
    #[inline]
    pub(super) fn write_now(&mut self, driver: &mut Driver, caller: &Caller<'_>) -> bool {
        let clock = self.clock();
        if !driver.write_out(|| clock.now(), |slices| self.write(slices, caller)) {
            return false;
        }
        if driver.is_write_lost() {
            return true;
        }
        let flushed = self.flush(caller);
        let all = !flushed.as_ref().is_err_and(would_block);
        driver.report_flush(flushed, || clock.now());
        all
    }

    /// The same; the task is woken when there is more to do.
    pub(super) fn poll_write(&mut self, driver: &mut Driver, caller: &mut Caller<'_>) -> Poll<()> {
        // One who does not have to wait need not register. The stream may have become ready in
        // between, so it is asked again.
        let written = self.write_now(driver, caller)
            || (caller.register(Event::Write) && self.write_now(driver, caller));
        if written { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Reads once, to where it is wanted. Whether something came. Pending if that is not known at
    /// the time `until`, at which it must be: the task has been woken then.
    fn poll_read(
        &mut self,
        driver: &mut Driver,
        target: &mut Target<'_>,
        until: Option<Duration>,
        caller: &Caller<'_>,
    ) -> Poll<bool> {
        let clock = self.clock();
        Poll::Ready(match target {
            Target::Arrivals(arrivals) => {
                spare::lend(&mut arrivals.inbox);
                let read = self.read(arrivals.space(), caller);
                if self.is_unknown(&read, until) {
                    caller.own().wake_by_ref();
                    return Poll::Pending;
                }
                if read.is_ok() {
                    // What it says may want an answer.
                    spare::lend_outbox(driver.outbox_mut());
                }
                driver.report_read(read, arrivals, || clock.now())
            }
            Target::Aside(aside) => {
                let mut piece = [0; PIECE_LEN];
                let read = self.read(&mut piece, caller);
                if self.is_unknown(&read, until) {
                    caller.own().wake_by_ref();
                    return Poll::Pending;
                }
                driver.report_read_aside(read, &piece, aside, || clock.now())
            }
            Target::Nowhere => false,
        })
    }

    /// Whether there may be something although a read gave nothing, which matters once the time is
    /// over: what has arrived must not lose to a deadline.
    pub(super) fn is_unknown(&self, read: &io::Result<usize>, until: Option<Duration>) -> bool {
        read.as_ref().is_err_and(would_block)
            && until.is_some_and(|until| until <= self.clock().now())
            && self.stream.has_unreported_input()
    }

    /// Does what is wanted, and waits. Ready when it is time to ask the driver again.
    pub(super) fn poll_wait(
        &mut self,
        driver: &mut Driver,
        mut target: Target<'_>,
        want: Want,
        caller: &mut Caller<'_>,
    ) -> Poll<()> {
        // A task that waits to write, and does not read, need not be woken by what arrives.
        if !want.write || !matches!(target, Target::Nowhere) {
            caller.register(Event::Read);
        }
        if want.write && self.poll_write(driver, caller).is_ready() {
            return Poll::Ready(());
        }
        if want.shut_down && self.poll_shut_down(caller).is_ready() {
            driver.was_shut_down();
            return Poll::Ready(());
        }
        if want.read && ready!(self.poll_read(driver, &mut target, want.until, caller)) {
            return Poll::Ready(());
        }
        self.rest(driver, target);
        if let Some(slot) = driver.slot() {
            slot.listen(caller.news_waker());
        }
        driver.listen_for_published(caller.news_waker());
        want.until.map_or(Poll::Pending, |until| self.poll_until(until, caller))
    }

    /// Frees what only a busy connection needs.
    fn rest(&mut self, driver: &mut Driver, target: Target<'_>) {
        self.renew_budget();
        spare::take_back_outbox(driver.outbox_mut());
        if let Target::Arrivals(arrivals) = target {
            arrivals.release();
            spare::take_back(&mut arrivals.inbox);
        }
    }

    /// Shuts the stream down once the connection has ended.
    pub(super) fn end(&mut self, driver: &mut Driver) {
        spare::take_back_outbox(driver.outbox_mut());
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let cx = &mut Context::from_waker(Waker::noop());
        if driver.is_cut() || self.stream.poll_shut_down(cx).is_pending() {
            self.stream.shut_down_now();
        }
    }

    /// Leaves the stream here and now, once what waits had its last chance to leave.
    pub(super) fn cut(&mut self, driver: &mut Driver, caller: &Caller<'_>) {
        self.write_now(driver, caller);
        driver.cut();
        self.is_over = true;
        self.stream.shut_down_now();
    }

    /// Ends a connection whose lent message proved invalid. Its Close frame leaves as far as that
    /// is possible at once.
    pub(super) fn fail(&mut self, driver: &mut Driver, caller: &Caller<'_>) {
        self.write_now(driver, caller);
        driver.conclude();
        self.end(driver);
    }
}

fn or_would_block<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

pub(super) fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
