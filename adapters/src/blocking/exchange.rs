//! The loop around the [`Driver`]: how a connection is read, written and waited for, by whoever
//! calls.

use std::net::Shutdown;
use std::time::Duration;

use bluewire_core::{Ready, SendError, State};

use super::shared::{Guarded, Phase, ReadTimeout, Shared, Side};
use super::transport::{Readiness, Transport, is_passing};
use crate::drive::{Arrivals, Budget, Driver, Goal, Intake, Next, Purpose, Want};
use crate::error::Error;
use crate::server::Slot;
use crate::sync::MutexGuard;

/// How the caller reaches the driver.
pub(super) trait Caller<'s, S: 's> {
    /// How the stream is shut down at the end.
    const END: Shutdown;

    fn shared(&self) -> &'s Shared<S>;
    fn with<T>(&mut self, act: impl FnOnce(&mut Driver, &mut Intake<'_>) -> T) -> T;
    /// Waits by `wait` while others can reach the driver. `None` if there is an order to follow
    /// first.
    fn aside<T>(&mut self, wait: impl FnOnce(&S, Option<Reading<'_>>) -> T) -> Option<T>;
    /// Waits for nothing of the stream.
    fn rest(&mut self, left: Option<Duration>);
}

/// The state that a reading thread has to itself while others can reach the driver.
pub(super) type Reading<'a> = (&'a mut Arrivals, &'a mut ReadTimeout);

/// A socket that one thread uses, which owns the driver.
pub(super) struct Whole<'s, 'i, S> {
    pub(super) shared: &'s Shared<S>,
    pub(super) driver: &'i mut Option<Box<Driver>>,
    pub(super) intake: Intake<'i>,
    /// Of the reads that wait, which are those into the inbox.
    pub(super) read_timeout: Option<&'i mut ReadTimeout>,
}

/// The driver of such a socket.
#[inline]
pub(super) fn owned(driver: &mut Option<Box<Driver>>) -> &mut Driver {
    driver.as_mut().expect("it is away only while its thread waits")
}

/// The driver while its thread waits. It comes back even if the stream's code panics.
struct Parked<'a, S> {
    shared: &'a Shared<S>,
    home: &'a mut Option<Box<Driver>>,
}

impl<'a, S> Parked<'a, S> {
    /// Parks the driver, unless there is an order, or a group has published something.
    fn park(
        shared: &'a Shared<S>,
        home: &'a mut Option<Box<Driver>>,
    ) -> Option<(Self, MutexGuard<'a, Guarded>)> {
        let mut state = shared.lock();
        let driver = owned(home);
        if driver.slot().is_some_and(Slot::has_order) || driver.has_published() {
            return None;
        }
        state.driver = home.take();
        Some((Self { shared, home }, state))
    }
}

impl<S> Drop for Parked<'_, S> {
    fn drop(&mut self) {
        *self.home = self.shared.lock().driver.take();
    }
}

impl<'s, S: Transport> Caller<'s, S> for Whole<'s, '_, S> {
    const END: Shutdown = Shutdown::Write;

    fn shared(&self) -> &'s Shared<S> {
        self.shared
    }

    #[inline]
    fn with<T>(&mut self, act: impl FnOnce(&mut Driver, &mut Intake<'_>) -> T) -> T {
        act(owned(self.driver), &mut self.intake)
    }

    fn aside<T>(&mut self, wait: impl FnOnce(&S, Option<Reading<'_>>) -> T) -> Option<T> {
        let reading: Option<Reading<'_>> = match (&mut self.intake, &mut self.read_timeout) {
            (Intake::Arrivals(arrivals, _), Some(timeout)) => Some((arrivals, timeout)),
            _ => None,
        };
        let driver = owned(self.driver);
        if driver.slot().is_none() && !driver.has_feed() {
            return Some(wait(&self.shared.stream, reading));
        }
        let (_parked, state) = Parked::park(self.shared, self.driver)?;
        drop(state);
        Some(wait(&self.shared.stream, reading))
    }

    fn rest(&mut self, left: Option<Duration>) {
        if let Some((_parked, state)) = Parked::park(self.shared, self.driver) {
            drop(self.shared.wait(state, left));
        }
    }
}

/// An end of a socket that was split.
pub(super) struct Split<'s, 'i, S> {
    shared: &'s Shared<S>,
    /// The reader's. A writer finds it behind the lock, once there is no reader.
    side: Option<&'i mut Side>,
    purpose: Purpose,
    /// How far the connection had come when it was last looked at.
    seen: Phase,
}

impl<'s, 'i, S> Split<'s, 'i, S> {
    /// The end of the reader, which has the side.
    pub(super) fn reader(shared: &'s Shared<S>, side: &'i mut Side) -> Self {
        let purpose = Purpose::Receive;
        Self { shared, side: Some(side), purpose, seen: Phase::default() }
    }

    /// That of a writer.
    pub(super) fn writer(shared: &'s Shared<S>) -> Self {
        Self { shared, side: None, purpose: Purpose::Discard, seen: Phase::default() }
    }
}

impl<'s, S: Transport> Caller<'s, S> for Split<'s, '_, S> {
    const END: Shutdown = Shutdown::Both;

    fn shared(&self) -> &'s Shared<S> {
        self.shared
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut Driver, &mut Intake<'_>) -> T) -> T {
        let mut state = self.shared.lock();
        let (driver, left) = state.parts();
        let mut intake = match (self.side.as_deref_mut(), left) {
            (Some(side), _) | (None, Some(side)) => {
                Intake::Arrivals(&mut side.arrivals, self.purpose)
            }
            (None, None) => Intake::Nowhere,
        };
        let result = act(driver, &mut intake);
        self.seen = self.shared.unlock(state, self.side.is_none());
        result
    }

    fn aside<T>(&mut self, wait: impl FnOnce(&S, Option<Reading<'_>>) -> T) -> Option<T> {
        Some(wait(&self.shared.stream, self.side.as_deref_mut().map(Side::parts)))
    }

    fn rest(&mut self, left: Option<Duration>) {
        let state = self.shared.lock();
        if state.phase() == self.seen {
            drop(self.shared.wait(state, left));
        }
    }
}

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
            Step::Wait(want, want.until == until || driver.state() != State::Open)
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

/// Writes until the goal is reached, and handles messages that arrive meanwhile.
pub(super) fn write_until<'s, S: Transport + 's>(
    caller: &mut impl Caller<'s, S>,
    goal: Goal,
) -> Result<(), Error> {
    match go_on(caller, None, Some(goal)) {
        Found::Goal(reached) => reached.map_err(|error| *error)?,
        // The connection has ended.
        _ => return Err(Error::Send(SendError::NotOpen)),
    }
    look(caller);
    Ok(())
}

/// Takes what has arrived, for a program that only sends, if it did not do so just now.
pub(super) fn look<'s, S: Transport + 's>(caller: &mut impl Caller<'s, S>) {
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
    let mut left = want.until.map(|until| until.saturating_sub(shared.now()));
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
