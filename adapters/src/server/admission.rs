//! Admission: how a server counts its connections, limits them, and shuts down.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
#[cfg(feature = "blocking")]
use std::time::Duration;

use super::handshakes::Handshakes;
use super::options::ServerOptions;
use super::origin::Origin;
use super::reserve::Reserve;
use super::slot::Slot;
use super::slots::{Occupied, Slots};
use super::tally::Tally;
use crate::orders::{Order, Orders};
#[cfg(feature = "blocking")]
use crate::sync::{Condvar, now, wait, wait_for};
use crate::sync::{Mutex, MutexGuard, lock};
use crate::trace;
#[cfg(feature = "_asynch")]
use crate::waker_set::WakerSet;

/// How the connections ended when a server shut down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Connections that ended cleanly: both Close frames crossed, within the budget.
    pub closed: usize,
    /// Connections that did not: their peer answered too late or not at all, or went away.
    pub cut: usize,
    /// Opening handshakes that were given up.
    pub handshakes: usize,
}

/// The state that a server shares with its connections and its shutdown handles.
pub(crate) struct Admission {
    pub(super) state: Mutex<State>,
    /// The reserve that lets a client in when the system has no file descriptors left.
    pub(super) reserve: Reserve,
    /// Tasks that wait for a change: that the server shuts down, that a connection has ended
    /// meanwhile, that all is over.
    #[cfg(feature = "_asynch")]
    tasks: WakerSet,
    /// Tells threads the same.
    #[cfg(feature = "blocking")]
    changed: Condvar,
    pub(super) limits: AdmissionLimits,
}

/// How many a server admits.
#[derive(Clone, Copy, Debug)]
pub(super) struct AdmissionLimits {
    connections: usize,
    pub(super) handshakes: usize,
    connections_per_address: usize,
    pub(super) handshakes_per_address: usize,
}

#[derive(Default)]
pub(super) struct State {
    slots: Slots,
    pub(super) handshakes: Handshakes,
    /// Opening handshakes that were given up for other clients.
    pub(super) given_up: Tally,
    /// Clients that were turned away because no file descriptor was left.
    pub(super) turned_away: Tally,
    /// How many connections each origin has, if that is bounded.
    by_origin: HashMap<Origin, usize>,
    /// Connections that have not ended.
    open: usize,
    pub(super) stage: Stage,
    report: ShutdownReport,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    #[default]
    Open,
    /// All connections have the order to leave.
    Leaving,
    Over,
}

impl Admission {
    pub(crate) fn new(options: &ServerOptions) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            reserve: Reserve::new(),
            #[cfg(feature = "_asynch")]
            tasks: WakerSet::default(),
            #[cfg(feature = "blocking")]
            changed: Condvar::new(),
            limits: AdmissionLimits {
                connections: options.connections_max,
                handshakes: options.handshakes_limit(),
                connections_per_address: options.connections_per_address_max,
                handshakes_per_address: options.handshakes_per_address_max.max(1),
            },
        })
    }

    /// A slot for one more connection of a client at this address; `None` if all are taken, or all
    /// that one address may have, or the server shuts down.
    #[cfg(any(test, feature = "hyper"))]
    pub(crate) fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Slot> {
        self.enter_after(None, address)
    }

    /// The same after an opening handshake, which ends with it: a shutdown counts the client once,
    /// whenever it comes.
    pub(super) fn enter_after(
        self: &Arc<Self>,
        handshake: Option<u64>,
        address: Option<IpAddr>,
    ) -> Option<Slot> {
        let mut state = self.lock();
        if state.stage != Stage::Open || state.slots.len() >= self.limits.connections {
            return None;
        }
        let bounded = self.limits.connections_per_address < self.limits.connections;
        let origin = bounded.then(|| Origin::of(address));
        if let Some(origin) = origin {
            let count = state.by_origin.entry(origin).or_default();
            if *count >= self.limits.connections_per_address {
                return None;
            }
            *count += 1;
        }
        let orders = Orders::new();
        let id = state.slots.take(Occupied::new(Arc::clone(&orders), origin))?;
        state.open += 1;
        if let Some(handshake) = handshake {
            state.handshakes.settle(handshake);
        }
        drop(state);
        Some(Slot::new(Arc::clone(self), orders, id))
    }

    pub(super) fn settle(&self, id: u32, clean: bool) {
        let mut state = self.lock();
        let Some(occupied) = state.slots.get_mut(id) else { return };
        occupied.settled = true;
        state.open -= 1;
        if state.stage == Stage::Leaving {
            match clean {
                true => state.report.closed += 1,
                false => state.report.cut += 1,
            }
            self.tell(state);
        }
    }

    pub(super) fn leave(&self, id: u32) {
        let mut state = self.lock();
        let left = state.slots.vacate(id);
        if let Some(origin) = left.as_ref().and_then(|left| left.origin)
            && let Some(count) = state.by_origin.get_mut(&origin)
        {
            *count -= 1;
            if *count == 0 {
                state.by_origin.remove(&origin);
            }
        }
        drop(state);
        drop(left);
    }

    /// How many connections are open.
    pub(crate) fn connections(&self) -> usize {
        self.lock().open
    }

    /// Whether the server shuts down, or has.
    pub(crate) fn is_leaving(&self) -> bool {
        self.lock().stage != Stage::Open
    }

    /// Stops the server: it admits no more clients, and all connections get the order to leave.
    /// Returns whether this call stopped it.
    pub(crate) fn begin_shutdown(&self) -> bool {
        let mut state = self.lock();
        if state.stage != Stage::Open {
            return false;
        }
        state.stage = Stage::Leaving;
        let handshakes = unsettled(state.handshakes.iter());
        state.report.handshakes += handshakes.len();
        let slots = unsettled(state.slots.iter());
        trace::shutting_down(state.open, handshakes.len());
        self.tell(state);
        handshakes.iter().for_each(|orders| orders.give(Order::Cut));
        slots.iter().for_each(|orders| orders.give(Order::Leave));
        true
    }

    /// Cuts those who are still there.
    pub(crate) fn end_shutdown(&self) -> ShutdownReport {
        let mut state = self.lock();
        if state.stage == Stage::Leaving {
            // Those who are cut now count as such, however their end looks to themselves.
            state.report.cut += state.open;
            state.stage = Stage::Over;
            let ShutdownReport { closed, cut, handshakes } = state.report;
            trace::shut_down(closed, cut, handshakes);
        }
        let report = state.report;
        let slots = unsettled(state.slots.iter());
        self.tell(state);
        slots.iter().for_each(|orders| orders.give(Order::Cut));
        report
    }

    /// Waits until the last one has left, or the time is over.
    #[cfg(feature = "blocking")]
    pub(crate) fn wait_until_left(&self, budget: Duration) {
        let start = now();
        let mut state = self.lock();
        while state.stage == Stage::Leaving && state.open > 0 {
            let Some(left) = budget.checked_sub(now().saturating_duration_since(start)) else {
                return;
            };
            state = wait_for(&self.changed, state, left);
        }
    }

    /// Waits until a shutdown is complete.
    #[cfg(feature = "blocking")]
    pub(crate) fn wait_until_over(&self) -> ShutdownReport {
        let mut state = self.lock();
        while state.stage != Stage::Over {
            state = wait(&self.changed, state);
        }
        state.report
    }

    /// Lets all look again who wait for a change; never under the lock.
    fn tell(&self, state: MutexGuard<'_, State>) {
        drop(state);
        #[cfg(feature = "blocking")]
        self.changed.notify_all();
        #[cfg(feature = "_asynch")]
        self.tasks.wake_all();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn unsettled<'a>(slots: impl Iterator<Item = &'a Occupied>) -> Vec<Arc<Orders>> {
    let present = slots.filter(|occupied| !occupied.settled);
    present.map(|occupied| Arc::clone(&occupied.orders)).collect()
}

#[cfg(feature = "_asynch")]
mod tasks {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::{Admission, ShutdownReport, Stage, State};
    use crate::waker_set::Registration;

    impl Admission {
        /// Waits until the server shuts down.
        pub(crate) async fn leaving(&self) {
            self.until(|state| (state.stage != Stage::Open).then_some(())).await;
        }

        /// Waits until the last connection has ended.
        pub(crate) async fn left(&self) {
            let left = |state: &State| state.stage == Stage::Over || state.open == 0;
            self.until(|state| left(state).then_some(())).await;
        }

        /// Waits until a shutdown is complete.
        pub(crate) async fn over(&self) -> ShutdownReport {
            self.until(|state| (state.stage == Stage::Over).then_some(state.report)).await
        }

        async fn until<T>(&self, mut look: impl FnMut(&State) -> Option<T>) -> T {
            let mut registration = Registration::new(&self.tasks);
            poll_fn(|cx| {
                registration.register(cx.waker());
                look(&self.lock()).map_or(Poll::Pending, Poll::Ready)
            })
            .await
        }
    }
}
