//! One connection's place in its server: how it is told to leave, and how it says that it has.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bluewire_core::{CloseCode, Connection, Outbox};

use super::hall::Hall;
use crate::clock::Clock;
use crate::trace::Witness;

/// What the server wants of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Order {
    /// To stay.
    Stay,
    /// To close in order, since the server goes away.
    Leave,
    /// To end now.
    Cut,
}

impl Order {
    const fn of(value: u8) -> Self {
        match value {
            0 => Self::Stay,
            1 => Self::Leave,
            _ => Self::Cut,
        }
    }
}

/// What the server and one connection share.
pub(crate) struct Seat {
    order: AtomicU8,
    /// Who uses the connection, and who watches over its task.
    wakers: Mutex<[Option<Waker>; 2]>,
}

impl Seat {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { order: AtomicU8::new(0), wakers: Mutex::default() })
    }

    /// Tells an order, which replaces a milder one.
    pub(super) fn tell(&self, order: Order) {
        self.order.fetch_max(order as u8, Ordering::SeqCst);
        let wakers = std::mem::take(&mut *self.lock());
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    fn order(&self) -> Order {
        Order::of(self.order.load(Ordering::SeqCst))
    }

    fn register(&self, slot: usize, waker: &Waker) {
        match &mut self.lock()[slot] {
            Some(registered) => registered.clone_from(waker),
            slot => *slot = Some(waker.clone()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Waker>; 2]> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place in its server, which is free again when this is dropped.
pub(crate) struct Place {
    hall: Arc<Hall>,
    seat: Arc<Seat>,
    id: u32,
    /// The last order that was followed.
    heeded: Order,
    settled: bool,
}

impl Place {
    pub(super) const fn new(hall: Arc<Hall>, seat: Arc<Seat>, id: u32) -> Self {
        Self { hall, seat, id, heeded: Order::Stay, settled: false }
    }

    /// Wakes this task when there is a new order; at once, if there is one already.
    pub(crate) fn listen(&self, waker: &Waker) {
        self.seat.register(0, waker);
        if self.has_news() {
            waker.wake_by_ref();
        }
    }

    /// Whether there is an order that was not followed yet.
    pub(crate) fn has_news(&self) -> bool {
        self.seat.order() != self.heeded
    }

    /// Whether the connection was told to end.
    pub(crate) fn is_leaving(&self) -> bool {
        self.heeded != Order::Stay
    }

    /// What tells when the connection is to be cut, whoever uses it.
    #[cfg(feature = "smol")]
    pub(crate) fn watch(&self) -> Watch {
        Watch::new(Arc::clone(&self.seat))
    }

    /// Says that the connection has ended; the place stays taken until it is dropped.
    pub(crate) fn settle(&mut self, clean: bool) {
        if !std::mem::replace(&mut self.settled, true) {
            self.hall.settle(self.id, clean);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.settle(false);
        self.hall.leave(self.id);
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What waits for a connection to be cut.
#[cfg(feature = "smol")]
pub(crate) struct Watch(Arc<Seat>);

#[cfg(feature = "smol")]
impl Watch {
    pub(super) const fn new(seat: Arc<Seat>) -> Self {
        Self(seat)
    }

    /// Ready when it is to be cut.
    pub(crate) fn poll_cut(&self, cx: &std::task::Context<'_>) -> std::task::Poll<()> {
        self.0.register(1, cx.waker());
        match self.0.order() {
            Order::Cut => std::task::Poll::Ready(()),
            _ => std::task::Poll::Pending,
        }
    }
}

/// Those who are told of a connection's end.
#[derive(Debug, Default)]
pub(crate) struct Ties {
    /// In a server.
    pub(crate) place: Option<Place>,
    pub(crate) witness: Witness,
}

impl Ties {
    /// Tells them, if it has ended.
    pub(crate) fn settle(&mut self, connection: &Connection) {
        self.witness.look(connection);
        if let (Some(place), Some(closure)) = (&mut self.place, connection.closure()) {
            place.settle(closure.clean);
        }
    }
}

/// Follows the server's order, if there is a new one, and tells of the end. Whether
/// the connection was cut just now: the transport is to be left then.
pub(crate) fn heed(
    ties: &mut Ties,
    clock: Clock,
    connection: &mut Connection,
    outbox: &mut Outbox,
) -> bool {
    ties.witness.look(connection);
    let Some(place) = &mut ties.place else { return false };
    let order = place.seat.order();
    let new = order != place.heeded;
    if new {
        place.heeded = order;
        match order {
            Order::Stay => {}
            // An error says that it is closing already.
            Order::Leave => {
                let _ = connection.close(clock.now(), CloseCode::GOING_AWAY, "", outbox);
            }
            Order::Cut => {
                *outbox = Outbox::new();
                connection.receive_eof();
            }
        }
    }
    ties.settle(connection);
    new && order == Order::Cut
}
