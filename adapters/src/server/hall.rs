//! Who is there: the counts of a server, its limits, and how it shuts down.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
#[cfg(feature = "blocking")]
use std::time::{Duration, Instant};

use super::place::{Order, Place, Seat};
use super::seats::Seats;
use crate::trace;

/// What became of those who were there when a server shut down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Farewell {
    /// Connections that ended in order: both Close frames crossed, within the budget.
    pub closed: usize,
    /// Connections that did not: their peer answered too late or not at all, or went away.
    pub cut: usize,
    /// Opening handshakes that were given up.
    pub handshakes: usize,
}

/// What a server, its connections and those who shut it down share.
pub(crate) struct Hall {
    state: Mutex<State>,
    /// Tells threads what `State::wakers` tell tasks: that the server shuts down, that a
    /// connection has ended meanwhile, and that all is over.
    changed: Condvar,
    connections_max: usize,
    handshakes_max: usize,
}

#[derive(Default)]
struct State {
    seats: Seats,
    /// Handshakes that run in tasks of their own, the oldest first.
    handshakes: BTreeMap<u64, Occupied>,
    #[cfg(feature = "smol")]
    handshakes_ever: u64,
    /// Connections that have not ended.
    open: usize,
    stage: Stage,
    farewell: Farewell,
    wakers: Vec<Waker>,
}

pub(super) struct Occupied {
    pub(super) seat: Arc<Seat>,
    pub(super) settled: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    #[default]
    Open,
    /// All who are there have been told to leave.
    Leaving,
    Over,
}

impl Hall {
    pub(crate) fn new(connections_max: usize, handshakes_max: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            connections_max,
            handshakes_max: handshakes_max.max(1),
        })
    }

    #[cfg(feature = "blocking")]
    pub(crate) const fn handshakes_max(&self) -> usize {
        self.handshakes_max
    }

    /// A place for one more connection; `None` if all are taken, or the server shuts down.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Place> {
        let mut state = self.lock();
        if state.stage != Stage::Open || state.seats.len() >= self.connections_max {
            return None;
        }
        let seat = Seat::new();
        let id = state.seats.take(Occupied { seat: Arc::clone(&seat), settled: false })?;
        state.open += 1;
        drop(state);
        Some(Place::new(Arc::clone(self), seat, id))
    }

    pub(super) fn settle(&self, id: u32, clean: bool) {
        let mut state = self.lock();
        let Some(occupied) = state.seats.get_mut(id) else { return };
        occupied.settled = true;
        state.open -= 1;
        if state.stage == Stage::Leaving {
            match clean {
                true => state.farewell.closed += 1,
                false => state.farewell.cut += 1,
            }
            self.tell(state);
        }
    }

    pub(super) fn leave(&self, id: u32) {
        self.lock().seats.vacate(id);
    }

    /// How many connections are open.
    pub(crate) fn connections(&self) -> usize {
        self.lock().open
    }

    /// Whether the server shuts down, or has.
    pub(crate) fn is_leaving(&self) -> bool {
        self.lock().stage != Stage::Open
    }

    /// Stops the server: nobody comes in any more, and those who are there are told to leave.
    /// Whether this call did it.
    pub(crate) fn begin_farewell(&self) -> bool {
        let mut state = self.lock();
        if state.stage != Stage::Open {
            return false;
        }
        state.stage = Stage::Leaving;
        let handshakes = unsettled(state.handshakes.values());
        state.farewell.handshakes += handshakes.len();
        let seats = unsettled(state.seats.iter());
        trace::shutting_down(state.open, handshakes.len());
        self.tell(state);
        handshakes.iter().for_each(|seat| seat.tell(Order::Cut));
        seats.iter().for_each(|seat| seat.tell(Order::Leave));
        true
    }

    /// Counts handshakes that were given up.
    #[cfg(feature = "blocking")]
    pub(crate) fn abandoned(&self, handshakes: usize) {
        self.lock().farewell.handshakes += handshakes;
    }

    /// Cuts those who are still there.
    pub(crate) fn end_farewell(&self) -> Farewell {
        let mut state = self.lock();
        if state.stage == Stage::Leaving {
            // Those who are cut now count as such, however their end looks to themselves.
            state.farewell.cut += state.open;
            state.stage = Stage::Over;
            trace::shut_down(state.farewell);
        }
        let farewell = state.farewell;
        let seats = unsettled(state.seats.iter());
        self.tell(state);
        seats.iter().for_each(|seat| seat.tell(Order::Cut));
        farewell
    }

    /// Waits until the last one has left, or the time is over.
    #[cfg(feature = "blocking")]
    pub(crate) fn wait_until_left(&self, budget: Duration) {
        let start = Instant::now();
        let mut state = self.lock();
        while state.stage == Stage::Leaving && state.open > 0 {
            let Some(left) = budget.checked_sub(start.elapsed()) else { return };
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until a shutdown is complete.
    #[cfg(feature = "blocking")]
    pub(crate) fn wait_until_over(&self) -> Farewell {
        let mut state = self.lock();
        while state.stage != Stage::Over {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.farewell
    }

    /// Wakes this one when something changes.
    pub(crate) fn register(&self, waker: &Waker) {
        let mut state = self.lock();
        if !state.wakers.iter().any(|registered| registered.will_wake(waker)) {
            state.wakers.push(waker.clone());
        }
    }

    /// Lets all look again who wait for a change; never under the lock.
    fn tell(&self, mut state: MutexGuard<'_, State>) {
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unsettled<'a>(seats: impl Iterator<Item = &'a Occupied>) -> Vec<Arc<Seat>> {
    let present = seats.filter(|occupied| !occupied.settled);
    present.map(|occupied| Arc::clone(&occupied.seat)).collect()
}

#[cfg(feature = "smol")]
mod tasks {
    use std::sync::Arc;
    use std::task::{Context, Poll};

    use super::super::place::{Order, Seat, Watch};
    use super::{Farewell, Hall, Occupied, Stage};

    /// A handshake's place, which is free again when this is dropped.
    pub(crate) struct Knock {
        hall: Arc<Hall>,
        id: u64,
    }

    impl Hall {
        /// A place for a handshake, at the cost of the oldest one's if all are taken; `None` if
        /// the server shuts down. The watch tells when it is to be given up.
        pub(crate) fn knock(self: &Arc<Self>) -> Option<(Knock, Watch)> {
            let mut state = self.lock();
            if state.stage != Stage::Open {
                return None;
            }
            let mut oldest = None;
            if state.handshakes.len() >= self.handshakes_max {
                oldest = state.handshakes.pop_first();
            }
            state.handshakes_ever += 1;
            let (id, seat) = (state.handshakes_ever, Seat::new());
            let occupied = Occupied { seat: Arc::clone(&seat), settled: false };
            state.handshakes.insert(id, occupied);
            drop(state);
            if let Some((_, oldest)) = oldest {
                oldest.seat.tell(Order::Cut);
            }
            Some((Knock { hall: Arc::clone(self), id }, Watch::new(seat)))
        }

        /// Ready when the server shuts down.
        pub(crate) fn poll_leaving(&self, cx: &Context<'_>) -> Poll<()> {
            self.register(cx.waker());
            if self.is_leaving() { Poll::Ready(()) } else { Poll::Pending }
        }

        /// Ready when the last one has left.
        pub(crate) fn poll_left(&self, cx: &Context<'_>) -> Poll<()> {
            self.register(cx.waker());
            let state = self.lock();
            match state.stage == Stage::Over || state.open == 0 {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        }

        /// Ready when a shutdown is complete.
        pub(crate) fn poll_over(&self, cx: &Context<'_>) -> Poll<Farewell> {
            self.register(cx.waker());
            let state = self.lock();
            match state.stage {
                Stage::Over => Poll::Ready(state.farewell),
                _ => Poll::Pending,
            }
        }
    }

    impl Knock {
        /// Says that the request has come, or will not.
        pub(crate) fn heard(&self) {
            if let Some(occupied) = self.hall.lock().handshakes.get_mut(&self.id) {
                occupied.settled = true;
            }
        }
    }

    impl Drop for Knock {
        fn drop(&mut self) {
            self.hall.lock().handshakes.remove(&self.id);
        }
    }
}
