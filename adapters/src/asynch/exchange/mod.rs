//! A stream and its driver: the loops to receive, to send, and to wait.

mod output;

use std::io::{self, IoSlice};
use std::task::{Poll, ready};
use std::time::Duration;

use bluewire_core::{Closure, PreparedMessage, Ready};

use super::caller::{Caller, Event};
use super::io::{Io, would_block};
use super::runtime::Runtime;
use super::spare;
use super::transport::AsyncTransport;
use crate::clock::{Clock, Nanos};
use crate::drive::{Arrivals, Budget, Driver, Intake, Lent, Next, Purpose, Want};
use crate::error::Error;

/// A stream, and the driver that says what to do with it.
pub(super) struct Exchange<R: Runtime, S> {
    pub(super) io: Io<R, S>,
    pub(super) driver: Driver,
}

/// The result of a wait for a message.
#[derive(Debug)]
pub(super) enum Received {
    /// To be lent.
    Message(Option<Ready>),
    /// The budget is over.
    Over,
    End,
}

impl<R: Runtime, S> Exchange<R, S> {
    pub(super) fn new(stream: S, driver: Driver, clock: Clock) -> Self {
        Self { io: Io::new(stream, clock), driver }
    }

    pub(super) fn now(&self) -> Duration {
        self.io.clock().now()
    }
}

/// Receiving.
impl<R: Runtime, S: AsyncTransport<R>> Exchange<R, S> {
    /// Ready when there is a message, which is then to be [lent](Self::lend); `None` at the end.
    ///
    /// # Errors
    ///
    /// Once, if the connection ended without a closing handshake.
    #[inline]
    pub(super) fn poll_message(
        &mut self,
        arrivals: &mut Arrivals,
        caller: &mut Caller<'_>,
    ) -> Poll<Result<Option<Option<Ready>>, Error>> {
        let intake = &mut Intake::Arrivals(arrivals, Purpose::Receive);
        Poll::Ready(match ready!(self.poll_receive(intake, None, caller)) {
            Received::Message(ready) => Ok(Some(ready)),
            Received::Over | Received::End => self.driver.tell_end().map(|()| None),
        })
    }

    /// Lends a message. If it proves invalid, the connection ends: its Close frame leaves as far as
    /// that is possible at once.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] in that case.
    #[inline]
    pub(super) fn lend<'a>(
        &mut self,
        ready: Option<Ready>,
        arrivals: &'a mut Arrivals,
        caller: &Caller<'_>,
    ) -> Result<Lent<'a>, Error> {
        match self.driver.lend(ready, arrivals) {
            Ok(lent) => {
                self.io.pay(lent.message.len());
                Ok(lent)
            }
            Err(error) => {
                self.write_now(caller);
                self.driver.conclude();
                self.end();
                Err(error)
            }
        }
    }

    /// Ready when there is a message, the connection has ended, or the budget is over.
    #[inline]
    pub(super) fn poll_receive(
        &mut self,
        intake: &mut Intake<'_>,
        mut budget: Option<&mut Budget>,
        caller: &mut Caller<'_>,
    ) -> Poll<Received> {
        let clock = self.io.clock();
        ready!(self.io.poll_turn(caller));
        if self.io.take_waited() && self.driver.may_read_first(intake) {
            // In vain, it proves nothing: the runtime may still have to report bytes.
            self.read(intake, caller, |_, read| match read {
                Err(error) if would_block(&error) => Err(io::ErrorKind::Interrupted.into()),
                read => read,
            });
        }
        loop {
            let next = self.driver.next_for(intake, budget.as_deref_mut(), || caller.now(clock));
            let received = match next {
                Next::Deliver(ready) => Received::Message(ready),
                Next::Over => Received::Over,
                Next::End => {
                    self.end();
                    return Poll::Ready(Received::End);
                }
                Next::Wait(want) => {
                    ready!(self.poll_wait(intake, want, caller));
                    ready!(self.io.poll_budget(caller));
                    continue;
                }
            };
            if self.driver.take_answered() {
                // The program may take its time.
                self.write_now(caller);
            }
            return Poll::Ready(received);
        }
    }

    /// Ready when the connection has ended. It is cut when the budget ends before.
    pub(super) fn poll_end(
        &mut self,
        intake: &mut Intake<'_>,
        mut budget: Option<&mut Budget>,
        caller: &mut Caller<'_>,
    ) -> Poll<Closure> {
        loop {
            if let Received::Over = ready!(self.poll_receive(intake, budget.as_deref_mut(), caller))
            {
                self.cut(caller);
            }
            if let Some(closure) = self.driver.closure() {
                return Poll::Ready(closure.clone());
            }
        }
    }

    /// Sees to what has arrived, for a program that only sends: reads once, answers, and judges
    /// deadlines, if it was not done just now.
    pub(super) fn poll_look(
        &mut self,
        intake: &mut Intake<'_>,
        caller: &mut Caller<'_>,
    ) -> Poll<()> {
        let clock = self.io.clock();
        match intake {
            Intake::Arrivals(arrivals, _)
                if self.driver.should_look(arrivals, || caller.now(clock)) => {}
            _ => return Poll::Ready(()),
        }
        let mut budget = Budget::until(caller.now(clock));
        // How the connection ends is reported to the next call that asks.
        self.poll_receive(intake, Some(&mut budget), caller).map(drop)
    }
}

/// Reading, writing and waiting.
impl<R: Runtime, S: AsyncTransport<R>> Exchange<R, S> {
    /// Does what is wanted, and waits. Ready when it is time to ask the driver again.
    fn poll_wait(
        &mut self,
        intake: &mut Intake<'_>,
        want: Want,
        caller: &mut Caller<'_>,
    ) -> Poll<()> {
        // A task that waits to write, and does not read, need not be woken by what arrives.
        if !want.write || !matches!(intake, Intake::Nowhere) {
            caller.register(Event::Read);
        }
        if want.write && self.poll_write(caller).is_ready() {
            return Poll::Ready(());
        }
        if want.shut_down && self.io.poll_shut_down(caller).is_ready() {
            self.driver.was_shut_down();
            return Poll::Ready(());
        }
        if want.read && ready!(self.poll_read(intake, want.until, caller)) {
            return Poll::Ready(());
        }
        self.rest(intake);
        if self.io.waits(caller)
            && let Some(slot) = self.driver.slot()
        {
            slot.listen(caller.news_waker());
        }
        self.driver.listen_for_published(caller.news_waker());
        self.io.poll_until(want.until, caller)
    }

    /// Writes what waits, as far as the stream takes it at once. Whether nothing is left.
    #[inline]
    pub(super) fn write_now(&mut self, caller: &Caller<'_>) -> bool {
        self.write_published(None, caller) != Some(false)
    }

    /// The same, or writes a message that is published now. `None` if that has to go through the
    /// feed.
    #[inline]
    pub(super) fn write_published(
        &mut self,
        message: Option<&PreparedMessage>,
        caller: &Caller<'_>,
    ) -> Option<bool> {
        let Self { io, driver } = self;
        let clock = io.clock();
        let write = |slices: &[IoSlice<'_>]| io.write(slices, caller);
        let written = driver.write_published(message, || caller.now(clock), write)?;
        if !written || driver.is_write_lost() {
            return Some(written);
        }
        let flushed = io.flush(caller);
        let all = !flushed.as_ref().is_err_and(would_block);
        driver.report_flush(flushed, || caller.now(clock));
        Some(all)
    }

    /// Writes what waits; the task is woken when there is more to do.
    fn poll_write(&mut self, caller: &mut Caller<'_>) -> Poll<()> {
        // One who does not have to wait need not register. The stream may have become ready in
        // between, so it is asked again.
        let written =
            self.write_now(caller) || (caller.register(Event::Write) && self.write_now(caller));
        if written { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Reads once, to where it is wanted. Whether something came. Pending if that is not known at
    /// the time `until`, at which it must be: the task has been woken then.
    fn poll_read(
        &mut self,
        intake: &mut Intake<'_>,
        until: Nanos,
        caller: &Caller<'_>,
    ) -> Poll<bool> {
        let mut unknown = false;
        let came = if self.io.is_drained(caller) {
            unknown = self.io.is_unknown(until, caller);
            !unknown && self.driver.read_nothing(intake, caller.now(self.io.clock()))
        } else {
            self.read(intake, caller, |io, read| {
                unknown = read.as_ref().is_err_and(would_block) && io.is_unknown(until, caller);
                if unknown { Err(io::ErrorKind::Interrupted.into()) } else { read }
            })
        };
        if unknown {
            R::wake_later(caller.own());
            return Poll::Pending;
        }
        Poll::Ready(came)
    }

    /// Reads once, to where it is wanted, and reports the result as `judge` sees it. Whether there is
    /// something to look at.
    #[inline]
    fn read(
        &mut self,
        intake: &mut Intake<'_>,
        caller: &Caller<'_>,
        judge: impl FnOnce(&Io<R, S>, io::Result<usize>) -> io::Result<usize>,
    ) -> bool {
        let Self { io, driver } = self;
        // The bytes may want an answer.
        spare::lend(intake.inbox(), Some(driver.outbox_mut()));
        let clock = io.clock();
        let read = |space: &mut [u8]| {
            let read = io.read(space, caller);
            if read.is_ok() {
                // They have arrived now.
                caller.pass_time();
            }
            judge(io, read)
        };
        driver.read_into(intake, read, || caller.now(clock))
    }

    /// Frees what only a busy connection needs.
    fn rest(&mut self, intake: &mut Intake<'_>) {
        if let Intake::Arrivals(arrivals, _) = intake {
            arrivals.release();
        }
        spare::take_back(intake.inbox(), Some(self.driver.outbox_mut()));
    }

    /// Shuts the stream down once the connection has ended.
    fn end(&mut self) {
        spare::take_back(None, Some(self.driver.outbox_mut()));
        self.io.end(self.driver.is_cut());
    }

    /// Leaves the stream here and now, once what waits had its last chance to leave.
    fn cut(&mut self, caller: &Caller<'_>) {
        self.write_now(caller);
        self.driver.cut();
        self.io.cut();
    }
}
