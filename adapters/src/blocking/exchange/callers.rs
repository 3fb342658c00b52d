//! Who calls: the one thread of a whole connection, or an end of a split one.

use std::net::Shutdown;
use std::time::Duration;

use bluewire_core::Closure;

use super::{Caller, Reading};
use crate::blocking::shared::{Guarded, Phase, ReadTimeout, Shared, Side};
use crate::blocking::transport::Transport;
use crate::drive::{Driver, Intake, Purpose};
use crate::server::Slot;
use crate::sync::MutexGuard;

/// A socket that one thread uses, which owns the driver.
pub(in crate::blocking) struct Whole<'s, 'i, S> {
    pub(in crate::blocking) shared: &'s Shared<S>,
    pub(in crate::blocking) driver: &'i mut Option<Box<Driver>>,
    pub(in crate::blocking) intake: Intake<'i>,
    /// Of the reads that wait, which are those into the inbox.
    pub(in crate::blocking) read_timeout: Option<&'i mut ReadTimeout>,
}

/// The driver of such a socket.
#[inline]
pub(in crate::blocking) fn owned(driver: &mut Option<Box<Driver>>) -> &mut Driver {
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

    fn closure(&mut self) -> Option<Closure> {
        let driver = owned(self.driver);
        // The caller learns from the closure how it ended.
        let _ = driver.tell_end();
        driver.closure().cloned()
    }
}

/// An end of a socket that was split.
pub(in crate::blocking) struct Split<'s, 'i, S> {
    shared: &'s Shared<S>,
    /// The reader's. A writer finds it behind the lock, once there is no reader.
    side: Option<&'i mut Side>,
    purpose: Purpose,
    /// How far the connection had come when it was last looked at.
    seen: Phase,
}

impl<'s, 'i, S> Split<'s, 'i, S> {
    /// The end of the reader, which has the side.
    pub(in crate::blocking) fn reader(shared: &'s Shared<S>, side: &'i mut Side) -> Self {
        let purpose = Purpose::Receive;
        Self { shared, side: Some(side), purpose, seen: Phase::default() }
    }

    /// That of a writer.
    pub(in crate::blocking) fn writer(shared: &'s Shared<S>) -> Self {
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

    fn closure(&mut self) -> Option<Closure> {
        self.with(|driver, _| driver.closure().cloned())
    }
}
