//! The state that the threads of one connection share.
//!
//! A socket that one thread uses owns its [`Driver`] without a lock, since a lock costs as much as
//! the rest of a message. If it belongs to a server, it parks the driver here for as long as it
//! waits, so that the server's orders can be followed meanwhile. Once it is split, the driver stays
//! here. The lock is held to compute and to write what leaves at once, never for a wait.

use std::io;
use std::net::Shutdown;
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use bluewire_core::{Ready, State};
use rustix::fd::BorrowedFd;

use super::backlog::{self, Backlogged};
use super::transport::{SplitTransport, TIMEOUT_MAX, Transport, read_timeout};
use crate::clock::Clock;
use crate::drive::{Arrivals, Driver, Intake, Lay, Lent, Ticket, Want};
use crate::error::Error;
use crate::sync::{Condvar, Mutex, MutexGuard, lock, thread, wait, wait_for};
use crate::timekeeper::{self, Expire};

pub(super) struct Shared<S> {
    pub(super) state: Mutex<Guarded>,
    /// Wakes threads that wait for nothing of the stream.
    changed: Condvar,
    pub(super) stream: S,
    pub(super) clock: Clock,
}

#[derive(Default)]
pub(super) struct Guarded {
    /// Always here once the socket is split, and before that while its thread waits.
    pub(super) driver: Option<Box<Driver>>,
    /// The state that a dropped reader has left.
    pub(super) left: Option<Side>,
    /// The phase that waiting threads know, and the number of those threads.
    known: Phase,
    waiting: usize,
    /// Whether another thread writes what this connection's does not.
    pub(super) backlogged: bool,
    /// The deadline that the timekeeper has.
    watched: Option<timekeeper::Watch>,
    /// This connection, for the timekeeper, if several threads can use it.
    itself: Option<Weak<dyn Expire>>,
}

/// The state of a connection, as far as threads wait for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Phase {
    closes: bool,
    /// Whether nothing can be written any more.
    lost: bool,
    ended: bool,
    reader_left: bool,
}

/// The reader's own state.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) arrivals: Arrivals,
    pub(super) read_timeout: ReadTimeout,
}

/// The last read timeout set on the stream, if it is known.
#[derive(Debug, Default)]
pub(super) struct ReadTimeout(Option<Option<Duration>>);

impl<S> Shared<S> {
    pub(super) fn lock(&self) -> MutexGuard<'_, Guarded> {
        lock(&self.state)
    }

    /// Keeps what a reader leaves that is dropped.
    pub(super) fn take_over(&self, side: Option<Side>) {
        self.lock().left = side;
        self.changed.notify_all();
    }

    /// The stream alone, when the socket is gone.
    pub(super) fn into_stream(mut self: Arc<Self>) -> S {
        loop {
            match Arc::try_unwrap(self) {
                Ok(shared) => return shared.stream,
                Err(shared) => self = shared,
            }
            // An order, or a deadline, finds just now that there is nothing to do.
            thread::yield_now();
        }
    }
}

impl<S: Transport> Shared<S> {
    pub(super) fn new(stream: S, clock: Clock) -> Arc<Self> {
        let (state, changed) = (Mutex::default(), Condvar::new());
        Arc::new(Self { state, changed, stream, clock })
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.now()
    }

    /// The clock, for those who may not need it.
    pub(super) fn clock(&self) -> impl Fn() -> Duration + Copy + use<S> {
        let clock = self.clock;
        move || clock.now()
    }

    /// Queues what the program wants to send. A long message is written from where it lies, if
    /// nothing waits before it.
    pub(super) fn lay(&self, driver: &mut Driver, what: Lay<'_>) -> Result<Ticket, Error> {
        match what {
            Lay::Message(message) if self.stream.is_vectored() => {
                driver.send_from(message, self.clock(), |slices| self.stream.try_write(slices))
            }
            what => driver.lay(what, self.clock()),
        }
    }

    /// Reads without waiting.
    pub(super) fn read(&self, driver: &mut Driver, intake: &mut Intake<'_>) {
        driver.read_into(intake, |space| self.stream.try_read(space), self.clock());
    }

    /// Writes what leaves at once. Whether nothing is left.
    pub(super) fn write(&self, driver: &mut Driver) -> bool {
        driver.write_out(self.clock(), |slices| self.stream.try_write(slices))
    }

    /// Writes and shuts down as wanted. Whether to ask again before waiting.
    pub(super) fn carry_out(&self, driver: &mut Driver, want: Want) -> bool {
        let written = want.write && self.write(driver);
        if want.shut_down {
            driver.was_shut_down();
            // If that fails, the stream has ended already.
            let _ = self.stream.shut_down(Shutdown::Write);
        }
        written || want.shut_down
    }

    /// Queues a message if there is room for it.
    ///
    /// # Errors
    ///
    /// [`SendError::OutboxFull`](bluewire_core::SendError::OutboxFull) if there is not, and as
    /// [`Driver::lay`].
    pub(super) fn try_feed(&self, driver: &mut Driver, message: Lay<'_>) -> Result<(), Error> {
        if driver.should_write_first() {
            self.write(driver);
        }
        driver.check_queue()?;
        driver.lay(message, self.clock()).map(drop)
    }

    /// Lends a message. If it turns out to be invalid, the peer learns why, as far as that is
    /// possible without waiting.
    #[inline]
    pub(super) fn lend<'a>(
        &self,
        driver: &mut Driver,
        ready: Option<Ready>,
        arrivals: &'a mut Arrivals,
        end: Shutdown,
    ) -> Result<Lent<'a>, Error> {
        driver.lend(ready, arrivals).inspect_err(|_| {
            self.write(driver);
            driver.conclude();
            self.end(driver, end);
        })
    }

    /// Leaves the stream now, in both directions.
    pub(super) fn cut(&self, driver: &mut Driver) {
        driver.cut();
        self.end(driver, Shutdown::Both);
    }

    /// Lets the peer, and a thread that waits for the stream, see the end.
    pub(super) fn end(&self, driver: &Driver, how: Shutdown) {
        let how = if driver.is_cut() { Shutdown::Both } else { how };
        let _ = self.stream.shut_down(how);
    }

    /// Unlocks after the connection may have changed, and lets those know who wait for that: a
    /// reader that blocks returns once nothing can be written any more. If this thread may have
    /// begun to close, the timekeeper waits for the end, since no other thread may do so.
    pub(super) fn unlock(&self, mut state: MutexGuard<'_, Guarded>, may_close: bool) -> Phase {
        let phase = state.phase();
        let known = std::mem::replace(&mut state.known, phase);
        if phase.ended {
            state.watched = None;
        } else if may_close {
            self.watch(&mut state);
        }
        let waiting = state.waiting > 0;
        drop(state);
        if phase.lost && !known.lost {
            let _ = self.stream.shut_down(Shutdown::Both);
        }
        if waiting && phase != known {
            self.changed.notify_all();
        }
        phase
    }

    fn watch(&self, state: &mut Guarded) {
        if let (Some(driver), Some(itself), None) = (&state.driver, &state.itself, &state.watched)
            && driver.state() == State::Closing
            && let Some(deadline) = driver.connection().poll_timeout()
            && let Some(deadline) = self.clock.instant(deadline)
        {
            state.watched = Some(timekeeper::watch(deadline, Weak::clone(itself)));
        }
    }

    /// Waits until something has changed, for at most this long.
    pub(super) fn wait<'a>(
        &'a self,
        mut state: MutexGuard<'a, Guarded>,
        left: Option<Duration>,
    ) -> MutexGuard<'a, Guarded> {
        state.waiting += 1;
        let mut state = match left.filter(|left| *left < TIMEOUT_MAX) {
            None => wait(&self.changed, state),
            Some(left) => wait_for(&self.changed, state, left),
        };
        state.waiting -= 1;
        state
    }
}

impl<S: SplitTransport> Shared<S> {
    /// Lets the timekeeper reach the connection.
    pub(super) fn share(self: &Arc<Self>, state: &mut Guarded) {
        let itself: Weak<dyn Expire> = Arc::downgrade(&(Arc::clone(self) as Arc<dyn Expire>));
        state.itself = Some(itself);
    }

    /// The waker that the server's orders wake.
    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        Arc::new(Orders(Arc::downgrade(self))).into()
    }

    /// Follows an order, unless the connection's thread is at work: it looks for orders before it
    /// waits.
    pub(super) fn follow_order(self: &Arc<Self>) {
        self.act_aside(|driver| {
            driver.follow_order(&self.clock());
            // Messages that groups have published leave as well.
            ((), self.write(driver))
        });
    }

    /// Acts in place of the connection's thread, unless that is at work. `act` says whether there is
    /// nothing left to write; if there is, another thread writes what groups have published.
    pub(super) fn act_aside<T>(
        self: &Arc<Self>,
        act: impl FnOnce(&mut Driver) -> (T, bool),
    ) -> Option<T> {
        let mut state = self.lock();
        let Guarded { driver, backlogged, .. } = &mut *state;
        let driver = driver.as_mut()?;
        let (result, written) = act(driver);
        if !written && driver.has_feed() && !*backlogged {
            let itself: Weak<dyn Backlogged> =
                Arc::downgrade(&(Arc::clone(self) as Arc<dyn Backlogged>));
            *backlogged = backlog::watch(itself);
        }
        self.unlock(state, true);
        Some(result)
    }

    /// Does the due work while the connection's thread does not. Returns what to wait for; `None`
    /// if the connection has ended, or its thread does the work.
    fn advance(&self, state: &mut Guarded) -> Option<Want> {
        loop {
            let driver = state.driver.as_mut()?;
            let Some(want) = driver.next_without(false, false, self.clock()) else {
                self.end(driver, Shutdown::Both);
                return None;
            };
            let again = self.carry_out(driver, want);
            if !again && want.until > self.now().into() {
                return Some(want);
            }
        }
    }
}

impl<S: SplitTransport> Backlogged for Shared<S> {
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.stream.fd()
    }

    fn write_on(&self) -> Option<Instant> {
        let mut state = self.lock();
        let want = self.advance(&mut state).filter(|want| want.write);
        state.backlogged = want.is_some();
        let until = want.map(|want| want.deadline().and_then(|until| self.clock.instant(until)));
        self.unlock(state, true);
        // A time that no instant can express never comes.
        until.map(|until| until.unwrap_or_else(|| crate::sync::now() + Duration::from_secs(3600)))
    }
}

impl<S: SplitTransport> Expire for Shared<S> {
    fn expire(self: Arc<Self>) {
        let mut state = self.lock();
        state.watched = None;
        self.advance(&mut state);
        self.unlock(state, true);
    }
}

/// Lets the server's orders reach a connection for as long as that exists.
struct Orders<S>(Weak<Shared<S>>);

impl<S: SplitTransport> Wake for Orders<S> {
    fn wake(self: Arc<Self>) {
        if let Some(shared) = self.0.upgrade() {
            shared.follow_order();
        }
    }
}

impl Guarded {
    /// The driver of a connection that was split, and what its reader has left.
    pub(super) fn parts(&mut self) -> (&mut Driver, Option<&mut Side>) {
        let driver = self.driver.as_mut().expect("it stays here once the socket is split");
        (driver, self.left.as_mut())
    }

    pub(super) fn phase(&self) -> Phase {
        let Some(driver) = &self.driver else { return self.known };
        Phase {
            closes: driver.state() != State::Open,
            lost: driver.is_write_lost() || driver.is_cut(),
            ended: driver.closure().is_some(),
            reader_left: self.left.is_some(),
        }
    }
}

impl Side {
    pub(super) fn new(arrivals: Arrivals) -> Self {
        Self { arrivals, read_timeout: ReadTimeout::default() }
    }

    pub(super) const fn parts(&mut self) -> (&mut Arrivals, &mut ReadTimeout) {
        (&mut self.arrivals, &mut self.read_timeout)
    }
}

impl ReadTimeout {
    /// Lets the next read wait this long: exactly, or give or take a quarter, so that most reads
    /// need no system call for it.
    pub(super) fn set(
        &mut self,
        stream: &impl Transport,
        left: Option<Duration>,
        exact: bool,
    ) -> io::Result<()> {
        let left = read_timeout(left);
        let fits = match (self.0, left) {
            (Some(None), None) => true,
            (Some(Some(set)), Some(left)) if exact => set == left,
            (Some(Some(set)), Some(left)) => set <= left + left / 4 && set >= left / 4,
            _ => false,
        };
        if !fits {
            stream.set_read_timeout(left)?;
            self.0 = Some(left);
        }
        Ok(())
    }
}
