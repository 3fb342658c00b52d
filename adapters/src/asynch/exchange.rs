//! The loops around the driver: to receive, and to reach a goal of sending.

use std::io::IoSlice;
use std::task::{Poll, ready};

use bluewire_core::{Message, Ready};

use super::caller::Caller;
use super::io::{Io, Target};
use super::runtime::{AsyncTransport, Runtime};
use super::spare;
use crate::drive::{
    Arrivals, Aside, Budget, Driver, GATHER_LEN_MIN, Goal, Lay, Next, Purpose, Ticket, Want,
};
use crate::error::Error;

/// The result of a wait for a message.
#[derive(Debug)]
pub(super) enum Received {
    /// To be lent.
    Message(Option<Ready>),
    /// The budget is over.
    Over,
    End,
}

/// The task that handles arrivals while a task sends.
pub(super) enum Beside<'a> {
    /// The task itself.
    Arrivals(&'a mut Arrivals, Purpose),
    /// The task itself, which has a message lent.
    Lent(&'a mut Aside),
    /// The reader.
    Reader,
}

impl<R: Runtime, S: AsyncTransport<R>> Io<R, S> {
    /// Ready when there is a message, the connection has ended, or the budget is over.
    #[inline]
    pub(super) fn poll_receive(
        &mut self,
        driver: &mut Driver,
        arrivals: &mut Arrivals,
        purpose: Purpose,
        mut budget: Option<&mut Budget>,
        caller: &mut Caller<'_>,
    ) -> Poll<Received> {
        let clock = self.clock();
        loop {
            ready!(self.poll_budget(caller));
            let received =
                match driver.next(arrivals, purpose, budget.as_deref_mut(), || clock.now()) {
                    Next::Deliver(ready) => Received::Message(ready),
                    Next::Over => Received::Over,
                    Next::End => {
                        self.end(driver);
                        return Poll::Ready(Received::End);
                    }
                    Next::Wait(want) => {
                        let target = Target::Arrivals(arrivals);
                        ready!(self.poll_wait(driver, target, want, caller));
                        continue;
                    }
                };
            if driver.take_answered() {
                // The program may take its time.
                self.write_now(driver, caller);
            }
            return Poll::Ready(received);
        }
    }

    /// Queues what the program wants to send. A long message is written from where it lies, as far
    /// as the stream takes it at once.
    ///
    /// # Errors
    ///
    /// As [`Driver::lay`].
    #[inline]
    pub(super) fn lay(
        &mut self,
        driver: &mut Driver,
        what: Lay<'_>,
        caller: &Caller<'_>,
    ) -> Result<Ticket, Error> {
        let clock = self.clock();
        self.pay(what.len());
        spare::lend_outbox(driver.outbox_mut());
        match what {
            // On other streams the header would leave in a write of its own.
            Lay::Message(message)
                if message.len() >= GATHER_LEN_MIN && self.stream.is_vectored() =>
            {
                let write = |slices: &[IoSlice<'_>]| self.write(slices, caller);
                driver.send_from(message, || clock.now(), write)
            }
            what => driver.lay(what, || clock.now()),
        }
    }

    /// Ready when the goal is reached, or cannot be any more.
    ///
    /// # Errors
    ///
    /// As [`Driver::is_reached`].
    pub(super) fn poll_reach(
        &mut self,
        driver: &mut Driver,
        goal: Goal,
        mut beside: Beside<'_>,
        caller: &mut Caller<'_>,
    ) -> Poll<Result<(), Error>> {
        ready!(self.poll_budget(caller));
        self.write_now(driver, caller);
        while !driver.is_reached(goal)? {
            match self.ask(driver, &mut beside) {
                Some(want) => {
                    let target = match &mut beside {
                        Beside::Arrivals(arrivals, _) => Target::Arrivals(arrivals),
                        Beside::Lent(aside) => Target::Aside(aside),
                        Beside::Reader => Target::Nowhere,
                    };
                    ready!(self.poll_wait(driver, target, want, caller));
                    ready!(self.poll_budget(caller));
                }
                // The goal cannot be reached any more.
                None => self.end(driver),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// What to do for a task that sends; `None` once the connection has ended.
    fn ask(&self, driver: &mut Driver, beside: &mut Beside<'_>) -> Option<Want> {
        let now = || self.clock().now();
        match beside {
            Beside::Arrivals(arrivals, purpose) => {
                match driver.next(arrivals, *purpose, None, now) {
                    Next::Wait(want) => Some(want),
                    // Nothing is delivered to a task that sends.
                    Next::Deliver(_) | Next::Over | Next::End => None,
                }
            }
            Beside::Lent(aside) => {
                let may_read = aside.has_room(driver.flow().held_len_max);
                driver.next_without(may_read, !aside.is_empty(), now)
            }
            Beside::Reader => driver.next_without(false, false, now),
        }
    }

    /// Sees to what has arrived, for a program that only sends: reads once, answers, and judges
    /// deadlines, if it was not done just now.
    pub(super) fn poll_look(
        &mut self,
        driver: &mut Driver,
        arrivals: &mut Arrivals,
        purpose: Purpose,
        caller: &mut Caller<'_>,
    ) -> Poll<()> {
        let clock = self.clock();
        if !driver.should_look(arrivals, || clock.now()) {
            return Poll::Ready(());
        }
        let mut budget = Budget::until(clock.now());
        // How the connection ends is reported to the next call that asks.
        self.poll_receive(driver, arrivals, purpose, Some(&mut budget), caller).map(drop)
    }

    /// Queues a message as soon as there is room for it.
    ///
    /// # Errors
    ///
    /// As [`lay`](Self::lay) and [`poll_reach`](Self::poll_reach).
    pub(super) fn poll_feed(
        &mut self,
        driver: &mut Driver,
        message: Message<'_>,
        beside: Beside<'_>,
        caller: &mut Caller<'_>,
    ) -> Poll<Result<(), Error>> {
        ready!(self.poll_room(driver, beside, caller))?;
        Poll::Ready(self.try_feed(driver, Lay::Message(message), caller))
    }

    /// Ready when there is room for one more message, or it will be refused for another reason.
    /// Much that waits is written first.
    ///
    /// # Errors
    ///
    /// As [`poll_reach`](Self::poll_reach).
    pub(super) fn poll_room(
        &mut self,
        driver: &mut Driver,
        mut beside: Beside<'_>,
        caller: &mut Caller<'_>,
    ) -> Poll<Result<(), Error>> {
        ready!(self.poll_budget(caller));
        if driver.should_write_first() {
            self.write_now(driver, caller);
            if let Beside::Arrivals(arrivals, purpose) = &mut beside {
                ready!(self.poll_look(driver, arrivals, *purpose, caller));
            }
        }
        match driver.check_queue() {
            Ok(()) => Poll::Ready(Ok(())),
            Err(_) => self.poll_reach(driver, driver.room_goal(), beside, caller),
        }
    }

    /// Queues a message if there is room for it.
    ///
    /// # Errors
    ///
    /// [`SendError::OutboxFull`](bluewire_core::SendError::OutboxFull) if there is not, and as
    /// [`Driver::lay`].
    pub(super) fn try_feed(
        &mut self,
        driver: &mut Driver,
        message: Lay<'_>,
        caller: &Caller<'_>,
    ) -> Result<(), Error> {
        if driver.should_write_first() {
            self.write_now(driver, caller);
        }
        driver.check_queue()?;
        let clock = self.clock();
        self.pay(message.len());
        spare::lend_outbox(driver.outbox_mut());
        driver.lay(message, || clock.now()).map(drop)
    }

    /// The same, and writes what the stream takes at once, unless another frame has arrived whose
    /// answer can leave by the same write.
    ///
    /// # Errors
    ///
    /// As [`try_feed`](Self::try_feed).
    pub(super) fn try_send(
        &mut self,
        driver: &mut Driver,
        message: Lay<'_>,
        corked: bool,
        caller: &Caller<'_>,
    ) -> Result<(), Error> {
        self.try_feed(driver, message, caller)?;
        if driver.should_write_corked(corked) {
            self.write_now(driver, caller);
        }
        Ok(())
    }
}
