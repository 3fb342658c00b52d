//! How an [`Exchange`] sends.

use std::io::IoSlice;
use std::task::{Poll, ready};

use bluewire_core::{CloseCode, Message, SendError};

use super::Exchange;
use crate::asynch::caller::Caller;
use crate::asynch::runtime::Runtime;
use crate::asynch::spare;
use crate::asynch::transport::AsyncTransport;
use crate::drive::{GATHER_LEN_MIN, Goal, Intake, Lay, Next, Ticket};
use crate::error::Error;

impl<R: Runtime, S: AsyncTransport<R>> Exchange<R, S> {
    /// Queues what the program wants to send. A long message is written from where it lies, as far
    /// as the stream takes it at once.
    ///
    /// # Errors
    ///
    /// As [`Driver::lay`](crate::drive::Driver::lay).
    #[inline]
    pub(in crate::asynch) fn lay(
        &mut self,
        what: Lay<'_>,
        caller: &Caller<'_>,
    ) -> Result<Ticket, Error> {
        let Self { io, driver } = self;
        let clock = io.clock();
        io.pay(what.len());
        spare::lend(None, Some(driver.outbox_mut()));
        match what {
            // On other streams the header would leave in a write of its own.
            Lay::Message(message) if message.len() >= GATHER_LEN_MIN && io.stream.is_vectored() => {
                let write = |slices: &[IoSlice<'_>]| io.write(slices, caller);
                driver.send_from(message, || caller.now(clock), write)
            }
            what => driver.lay(what, || caller.now(clock)),
        }
    }

    /// Ready when the goal is reached, or cannot be any more. Arrivals were
    /// [looked at](Self::poll_look) then.
    ///
    /// # Errors
    ///
    /// As [`Driver::is_reached`](crate::drive::Driver::is_reached).
    pub(in crate::asynch) fn poll_reach(
        &mut self,
        goal: Goal,
        intake: &mut Intake<'_>,
        caller: &mut Caller<'_>,
    ) -> Poll<Result<(), Error>> {
        ready!(self.io.poll_turn(caller));
        self.write_now(caller);
        let clock = self.io.clock();
        while !self.driver.is_reached(goal)? {
            match self.driver.next_for(intake, None, || caller.now(clock)) {
                Next::Wait(want) => {
                    ready!(self.poll_wait(intake, want, caller));
                    ready!(self.io.poll_budget(caller));
                }
                // Nothing is delivered to a task that sends: the goal cannot be reached any more.
                Next::Deliver(_) | Next::Over | Next::End => self.end(),
            }
        }
        self.poll_look(intake, caller).map(Ok)
    }

    /// Queues a message as soon as there is room for it.
    ///
    /// # Errors
    ///
    /// As [`lay`](Self::lay) and [`poll_reach`](Self::poll_reach).
    pub(in crate::asynch) fn poll_feed(
        &mut self,
        message: Message<'_>,
        intake: &mut Intake<'_>,
        caller: &mut Caller<'_>,
    ) -> Poll<Result<(), Error>> {
        ready!(self.poll_room(intake, caller))?;
        Poll::Ready(self.try_feed(Lay::Message(message), caller))
    }

    /// Ready when there is room for one more message, or it will be refused for another reason.
    /// Much that waits is written first.
    ///
    /// # Errors
    ///
    /// As [`poll_reach`](Self::poll_reach).
    pub(in crate::asynch) fn poll_room(
        &mut self,
        intake: &mut Intake<'_>,
        caller: &mut Caller<'_>,
    ) -> Poll<Result<(), Error>> {
        ready!(self.io.poll_turn(caller));
        if self.driver.should_write_first() {
            self.write_now(caller);
            ready!(self.poll_look(intake, caller));
        }
        match self.driver.check_queue() {
            Ok(()) => Poll::Ready(Ok(())),
            Err(_) => self.poll_reach(self.driver.room_goal(), intake, caller),
        }
    }

    /// Queues a message if there is room for it.
    ///
    /// # Errors
    ///
    /// [`SendError::OutboxFull`] if there is not, and as [`Driver::lay`](crate::drive::Driver::lay).
    pub(in crate::asynch) fn try_feed(
        &mut self,
        message: Lay<'_>,
        caller: &Caller<'_>,
    ) -> Result<(), Error> {
        if self.driver.should_write_first() {
            self.write_now(caller);
        }
        let Self { io, driver } = self;
        driver.check_queue()?;
        let clock = io.clock();
        io.pay(message.len());
        spare::lend(None, Some(driver.outbox_mut()));
        driver.lay(message, || caller.now(clock)).map(drop)
    }

    /// The same, and writes what the stream takes at once, unless another frame has arrived whose
    /// answer can leave by the same write.
    ///
    /// # Errors
    ///
    /// As [`try_feed`](Self::try_feed).
    pub(in crate::asynch) fn try_send(
        &mut self,
        message: Lay<'_>,
        intake: &Intake<'_>,
        caller: &Caller<'_>,
    ) -> Result<(), Error> {
        self.try_feed(message, caller)?;
        if self.driver.should_write(intake) {
            self.write_now(caller);
        }
        Ok(())
    }

    /// Ends the connection without waiting for the peer.
    ///
    /// # Errors
    ///
    /// If the code or the reason is invalid, which changes nothing.
    pub(in crate::asynch) fn close_now(
        &mut self,
        code: CloseCode,
        reason: &str,
        caller: &Caller<'_>,
    ) -> Result<(), SendError> {
        self.driver.begin_close_now(code, reason, self.now())?;
        self.cut(caller);
        Ok(())
    }
}
