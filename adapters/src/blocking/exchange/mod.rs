//! The loop around the [`Driver`]: how a connection is read, written and waited for, by whoever
//! calls.

mod callers;

use std::net::Shutdown;
use std::time::Duration;

use bluewire_core::{CloseCode, Closure, Message, Ready, SendError, State};

pub(super) use self::callers::{Split, Whole, owned};
use super::shared::{ReadTimeout, Shared};
use super::transport::{Readiness, Transport};
use crate::drive::{Arrivals, Budget, Driver, Goal, Intake, Lay, Next, Ticket, Want};
use crate::error::Error;
use crate::error::is_passing;

/// Who calls, and how it reaches the driver; and what all callers do.
pub(super) trait Caller<'s, S: Transport + 's>: Sized {
    /// How the stream is shut down at the end.
    const END: Shutdown;

    fn shared(&self) -> &'s Shared<S>;
    fn with<T>(&mut self, act: impl FnOnce(&mut Driver, &mut Intake<'_>) -> T) -> T;
    /// Waits by `wait` while others can reach the driver. `None` if there is an order to follow
    /// first.
    fn aside<T>(&mut self, wait: impl FnOnce(&S, Option<Reading<'_>>) -> T) -> Option<T>;
    /// Waits for nothing of the stream.
    fn rest(&mut self, left: Option<Duration>);
    /// How the connection ended, once that was reported.
    fn closure(&mut self) -> Option<Closure>;

    /// Sends, and waits until that is written. It may wait in the queue for the answer to a frame
    /// that has arrived.
    fn send(&mut self, what: Lay<'_>) -> Result<(), Error> {
        let shared = self.shared();
        self.write(|driver| shared.lay(driver, what))
    }

    fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.send(Lay::Ping(payload))?;
        self.write_until(Goal::Control)
    }

    /// Writes what `lay` has queued.
    fn write(
        &mut self,
        lay: impl FnOnce(&mut Driver) -> Result<Ticket, Error>,
    ) -> Result<(), Error> {
        let shared = self.shared();
        let goal = self.with(|driver, intake| {
            let goal = Goal::Written(lay(driver)?);
            if !driver.should_write(intake) {
                return Ok::<_, Error>(None);
            }
            shared.write(driver);
            Ok(Some((goal, driver.is_reached(goal)?)))
        })?;
        match goal {
            None => {}
            Some((_, true)) => look(self),
            Some((goal, false)) => self.write_until(goal)?,
        }
        Ok(())
    }

    /// Writes until the goal is reached, and handles messages that arrive meanwhile.
    fn write_until(&mut self, goal: Goal) -> Result<(), Error> {
        match go_on(self, None, Some(goal)) {
            Found::Goal(reached) => reached.map_err(|error| *error)?,
            // The connection has ended.
            _ => return Err(Error::Send(SendError::NotOpen)),
        }
        look(self);
        Ok(())
    }

    /// Queues a message. While the queue is full, it waits.
    fn feed(&mut self, message: Message<'_>) -> Result<(), Error> {
        let shared = self.shared();
        loop {
            let fed = self.with(|driver, _| match driver.check_queue() {
                Ok(()) => Ok(shared.try_feed(driver, Lay::Message(message))),
                Err(_) => Err(driver.room_goal()),
            });
            match fed {
                Ok(fed) => return fed,
                Err(room) => self.write_until(room)?,
            }
        }
    }

    /// Queues a message if there is room for it.
    fn try_feed(&mut self, message: Lay<'_>) -> Result<(), Error> {
        let shared = self.shared();
        self.with(|driver, _| shared.try_feed(driver, message))
    }

    /// The same, and writes what the stream takes at once, or it waits as with
    /// [`send`](Self::send).
    fn try_send(&mut self, message: Lay<'_>) -> Result<(), Error> {
        let shared = self.shared();
        self.with(|driver, intake| {
            shared.try_feed(driver, message)?;
            if driver.should_write(intake) {
                shared.write(driver);
            }
            Ok(())
        })
    }

    /// Closes the connection, and waits for its end: for no longer than this, if there is a budget.
    fn close(
        &mut self,
        code: CloseCode,
        reason: &str,
        budget: Option<Duration>,
    ) -> Result<Closure, Error> {
        let now = self.shared().now();
        self.with(|driver, _| driver.begin_close(code, reason, now))?;
        Ok(self.end(budget.map(|budget| now.saturating_add(budget))))
    }

    /// Waits until the connection has ended, and cuts it at this time.
    fn end(&mut self, until: Option<Duration>) -> Closure {
        loop {
            if let Found::Nothing = go_on(self, until, None) {
                self.cut();
            }
            if let Some(closure) = self.closure() {
                return closure;
            }
        }
    }

    /// Ends the connection now.
    fn cut(&mut self) {
        let shared = self.shared();
        self.with(|driver, _| shared.cut(driver));
    }
}

/// The state that a reading thread has to itself while others can reach the driver.
pub(super) type Reading<'a> = (&'a mut Arrivals, &'a mut ReadTimeout);

/// The result of a call.
#[derive(Debug)]
pub(super) enum Found {
    /// The goal is reached, or cannot be reached any more. The error is in a box, since this is
    /// moved for each message.
    Goal(Result<(), Box<Error>>),
    /// A message, to be lent.
    Message(Option<Ready>),
    /// The time is over.
    Nothing,
    End,
}

/// The next step after a look at the driver.
enum Step {
    Return(Found),
    Again,
    /// Whether a deadline may not be late by some of its length.
    Wait(Want, bool),
}

/// Reads, writes and waits until there is a message, the goal is reached, the connection has ended,
/// or until this time.
#[inline]
pub(super) fn go_on<'s, S: Transport + 's, C: Caller<'s, S>>(
    caller: &mut C,
    until: Option<Duration>,
    goal: Option<Goal>,
) -> Found {
    let shared = caller.shared();
    let mut budget = until.map(Budget::until);
    loop {
        let step = caller.with(|driver, intake| {
            if goal.is_some() {
                shared.write(driver);
            }
            if let Some(reached) = reached(driver, goal) {
                return Step::Return(Found::Goal(reached));
            }
            let want = match driver.next_for(intake, budget.as_mut(), shared.clock()) {
                Next::Wait(want) => want,
                Next::Deliver(ready) => {
                    if driver.take_answered() {
                        // The program may take its time.
                        shared.write(driver);
                    }
                    return Step::Return(Found::Message(ready));
                }
                Next::Over => {
                    shared.write(driver);
                    return Step::Return(Found::Nothing);
                }
                Next::End => {
                    shared.end(driver, C::END);
                    return Step::Return(reached(driver, goal).map_or(Found::End, Found::Goal));
                }
            };
            if shared.carry_out(driver, want) {
                return Step::Again;
            }
            Step::Wait(want, want.deadline() == until || driver.state() != State::Open)
        });
        match step {
            Step::Return(found) => return found,
            Step::Again => {}
            Step::Wait(want, exact) => wait(caller, want, exact),
        }
    }
}

fn reached(driver: &mut Driver, goal: Option<Goal>) -> Option<Result<(), Box<Error>>> {
    match driver.is_reached(goal?) {
        Ok(false) => None,
        Ok(true) => Some(Ok(())),
        Err(error) => Some(Err(Box::new(error))),
    }
}

/// Takes what has arrived, for a program that only sends, if it did not do so just now.
fn look<'s, S: Transport + 's>(caller: &mut impl Caller<'s, S>) {
    let shared = caller.shared();
    let due = caller.with(|driver, intake| match intake {
        Intake::Arrivals(arrivals, _) => driver.should_look(arrivals, shared.clock()),
        _ => false,
    });
    if due && shared.stream.is_timed() {
        let now = shared.now();
        caller.with(|driver, intake| shared.read(driver, intake));
        go_on(caller, Some(now), None);
    }
}

/// A writer that waits for the peer looks this often whether it is to read.
const READER_INTERVAL: Duration = Duration::from_millis(500);

/// On Windows, a thread that waits for a socket does not see that another one shuts it down, so it
/// looks this often. And it waits without reading, since a read that times out there may lose bytes.
const SHUT_DOWN_INTERVAL: Option<Duration> =
    if cfg!(windows) { Some(Duration::from_millis(100)) } else { None };

/// Waits for what is wanted, and reads.
fn wait<'s, S: Transport + 's>(caller: &mut impl Caller<'s, S>, want: Want, exact: bool) {
    let shared = caller.shared();
    let mut left = want.deadline().map(|until| until.saturating_sub(shared.now()));
    if !want.read && !want.write && left != Some(Duration::ZERO) {
        return caller.rest(left);
    }
    if !want.read {
        left = Some(left.map_or(READER_INTERVAL, |left| left.min(READER_INTERVAL)));
    }
    if let Some(interval) = SHUT_DOWN_INTERVAL {
        left = Some(left.map_or(interval, |left| left.min(interval)));
    }
    let mut read = None;
    if left != Some(Duration::ZERO) {
        let waited = caller.aside(|stream, reading| match reading {
            Some((arrivals, timeout))
                if want.read && !want.write && !(cfg!(windows) && stream.is_timed()) =>
            {
                timeout.set(stream, left, exact)?;
                stream.read(arrivals.space()).map(Some)
            }
            _ => stream.wait(Readiness::new(want.read, want.write), left).map(|_| None),
        });
        read = match waited {
            None => return,
            Some(waited) => waited.transpose(),
        };
    }
    caller.with(|driver, intake| match (read, intake) {
        (None, intake) if want.read => shared.read(driver, intake),
        (None, _) => {}
        (Some(read), Intake::Arrivals(arrivals, _)) => {
            driver.report_read(read, arrivals, shared.clock());
        }
        (Some(Err(error)), _) if is_passing(&error) => {}
        // The stream cannot be waited for.
        (Some(read), _) => driver.received_end(read.err()),
    });
}
