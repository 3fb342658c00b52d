//! The loop around the [`Driver`]: how a connection is read, written and waited for, by whoever
//! calls.

use std::net::Shutdown;
use std::time::Duration;

use bluewire_core::{Ready, SendError, State};

use super::shared::{Guarded, Phase, Shared, Side};
use super::transport::{Readiness, Transport};
use crate::drive::{Aside, Budget, Driver, Goal, Next, Purpose, Want};
use crate::error::Error;
use crate::server::Slot;
use crate::sync::MutexGuard;

/// Where a caller puts what it reads.
pub(super) enum Intake<'a> {
    Side(&'a mut Side),
    /// Aside, since a message that lies in the inbox is lent.
    Aside(&'a mut Aside),
    /// Nowhere, since another thread reads.
    Nowhere,
}

/// One read while a message is lent.
const PIECE_LEN: usize = 4 * 1024;

impl Intake<'_> {
    fn next(
        &mut self,
        driver: &mut Driver,
        purpose: Purpose,
        limit: &mut Limit,
        clock: impl Fn() -> Duration,
    ) -> Next {
        let (may_read, unseen) = match self {
            Self::Side(side) => {
                return driver.next(&mut side.arrivals, purpose, limit.budget.as_mut(), clock);
            }
            Self::Aside(aside) => (aside.has_room(driver.flow().held_len_max), !aside.is_empty()),
            Self::Nowhere => (false, false),
        };
        match (driver.next_without(may_read, unseen, &clock), limit.until) {
            (None, _) => Next::End,
            (_, Some(until)) if until <= clock() => Next::Over,
            (Some(want), until) => {
                Next::Wait(Want { until: until.into_iter().chain(want.until).min(), ..want })
            }
        }
    }

    /// Reads without waiting.
    fn read(&mut self, stream: &impl Transport, driver: &mut Driver, clock: impl Fn() -> Duration) {
        match self {
            Self::Side(side) => {
                let read = stream.try_read(side.arrivals.space());
                driver.report_read(read, &mut side.arrivals, clock);
            }
            Self::Aside(aside) => {
                let mut piece = [0; PIECE_LEN];
                let read = stream.try_read(&mut piece);
                driver.report_read_aside(read, &piece, aside, clock);
            }
            Self::Nowhere => {}
        }
    }
}

/// How the caller reaches the driver.
pub(super) trait Caller<'s, S: 's> {
    /// How the stream is shut down at the end.
    const END: Shutdown;

    fn shared(&self) -> &'s Shared<S>;
    fn with<T>(&mut self, act: impl FnOnce(&mut Driver, &mut Intake<'_>) -> T) -> T;
    /// Waits by `wait` while others can reach the driver, and what the caller has to itself of what
    /// it reads. `None` if there is an order to follow first.
    fn aside<T>(&mut self, wait: impl FnOnce(&S, Option<&mut Side>) -> T) -> Option<T>;
    /// Waits for nothing of the stream.
    fn rest(&mut self, left: Option<Duration>);
}

/// A socket that one thread uses, which owns the driver.
pub(super) struct Whole<'s, 'i, S> {
    pub(super) shared: &'s Shared<S>,
    pub(super) driver: &'i mut Option<Box<Driver>>,
    pub(super) intake: Intake<'i>,
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

    fn aside<T>(&mut self, wait: impl FnOnce(&S, Option<&mut Side>) -> T) -> Option<T> {
        let side = match &mut self.intake {
            Intake::Side(side) => Some(&mut **side),
            _ => None,
        };
        let driver = owned(self.driver);
        if driver.slot().is_none() && !driver.has_feed() {
            return Some(wait(&self.shared.stream, side));
        }
        let (_parked, state) = Parked::park(self.shared, self.driver)?;
        drop(state);
        Some(wait(&self.shared.stream, side))
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
    /// How far the connection had come when it was last looked at.
    seen: Phase,
}

impl<'s, 'i, S> Split<'s, 'i, S> {
    pub(super) fn new(shared: &'s Shared<S>, side: Option<&'i mut Side>) -> Self {
        Self { shared, side, seen: Phase::default() }
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
            (Some(side), _) | (None, Some(side)) => Intake::Side(side),
            (None, None) => Intake::Nowhere,
        };
        let result = act(driver, &mut intake);
        self.seen = self.shared.unlock(state, self.side.is_none());
        result
    }

    fn aside<T>(&mut self, wait: impl FnOnce(&S, Option<&mut Side>) -> T) -> Option<T> {
        Some(wait(&self.shared.stream, self.side.as_deref_mut()))
    }

    fn rest(&mut self, left: Option<Duration>) {
        let state = self.shared.lock();
        if state.phase() == self.seen {
            drop(self.shared.wait(state, left));
        }
    }
}

/// How long a call may take.
struct Limit {
    until: Option<Duration>,
    budget: Option<Budget>,
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

/// What there is to do after a look at the driver.
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
    purpose: Purpose,
    until: Option<Duration>,
    goal: Option<Goal>,
) -> Found {
    let shared = caller.shared();
    let mut limit = Limit { until, budget: until.map(Budget::until) };
    loop {
        let step = caller.with(|driver, intake| {
            if goal.is_some() {
                shared.write(driver);
            }
            if let Some(reached) = reached(driver, goal) {
                return Step::Return(Found::Goal(reached));
            }
            let want = match intake.next(driver, purpose, &mut limit, shared.clock()) {
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
    purpose: Purpose,
    goal: Goal,
) -> Result<(), Error> {
    match go_on(caller, purpose, None, Some(goal)) {
        Found::Goal(reached) => reached.map_err(|error| *error)?,
        // The connection has ended.
        _ => return Err(Error::Send(SendError::NotOpen)),
    }
    look(caller, purpose);
    Ok(())
}

/// Takes what has arrived, for a program that only sends, if it did not do so just now.
pub(super) fn look<'s, S: Transport + 's>(caller: &mut impl Caller<'s, S>, purpose: Purpose) {
    let shared = caller.shared();
    let due = caller.with(|driver, intake| match intake {
        Intake::Side(side) => driver.should_look(&side.arrivals, shared.clock()),
        _ => false,
    });
    if due && shared.stream.is_timed() {
        let now = shared.now();
        caller.with(|driver, intake| intake.read(&shared.stream, driver, shared.clock()));
        go_on(caller, purpose, Some(now), None);
    }
}

/// A writer that waits for the peer looks this often whether it is to read.
const READER_INTERVAL: Duration = Duration::from_millis(500);

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
    let mut read = None;
    if left != Some(Duration::ZERO) {
        let waited = caller.aside(|stream, side| match side {
            Some(side) if want.read && !want.write => {
                side.set_read_timeout(stream, left, exact)?;
                stream.read(side.arrivals.space()).map(Some)
            }
            _ => stream.wait(Readiness::new(want.read, want.write), left).map(|_| None),
        });
        read = match waited {
            None => return,
            Some(waited) => waited.transpose(),
        };
    }
    caller.with(|driver, intake| match (read, intake) {
        (None, intake) if want.read => intake.read(&shared.stream, driver, shared.clock()),
        (None, _) => {}
        (Some(read), Intake::Side(side)) => {
            driver.report_read(read, &mut side.arrivals, shared.clock());
        }
        // The stream cannot be waited for.
        (Some(read), _) => driver.received_end(read.err()),
    });
}
