//! One connection's slot in its server: how the server tells it to leave, and how it reports that
//! it has ended.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Waker;

use super::admission::Admission;
use super::handshakes::Origin;
use crate::sync::{Mutex, MutexGuard, lock};

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
pub(crate) struct Orders {
    order: AtomicU8,
    /// Of whoever uses the connection, and of whoever watches over its task.
    wakers: Mutex<[Option<Waker>; 2]>,
}

impl Orders {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { order: AtomicU8::new(0), wakers: Mutex::default() })
    }

    /// Gives an order, which replaces a milder one.
    pub(super) fn give(&self, order: Order) {
        self.order.fetch_max(order as u8, Ordering::SeqCst);
        // They stay registered: a thread that is told to leave may be cut later.
        let wakers = self.wakers().clone();
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    pub(super) fn order(&self) -> Order {
        Order::of(self.order.load(Ordering::SeqCst))
    }

    fn register(&self, which: usize, waker: &Waker) {
        match &mut self.wakers()[which] {
            Some(registered) => registered.clone_from(waker),
            empty => *empty = Some(waker.clone()),
        }
    }

    fn wakers(&self) -> MutexGuard<'_, [Option<Waker>; 2]> {
        lock(&self.wakers)
    }
}

/// A connection's slot in its server, which is free again when this is dropped.
pub(crate) struct Slot {
    admission: Arc<Admission>,
    orders: Arc<Orders>,
    id: u32,
    /// Where the client comes from, if that is counted.
    origin: Option<Origin>,
    /// The last order that was taken.
    taken: Order,
    settled: bool,
}

impl Slot {
    pub(super) const fn new(
        admission: Arc<Admission>,
        orders: Arc<Orders>,
        id: u32,
        origin: Option<Origin>,
    ) -> Self {
        Self { admission, orders, id, origin, taken: Order::Stay, settled: false }
    }

    /// Wakes this task when there is a new order; at once if there is one already.
    pub(crate) fn listen(&self, waker: &Waker) {
        self.orders.register(0, waker);
        if self.has_order() {
            waker.wake_by_ref();
        }
    }

    /// Whether there is an order that was not taken yet.
    #[inline]
    pub(crate) fn has_order(&self) -> bool {
        self.orders.order() != self.taken
    }

    /// The order to follow, if there is a new one.
    pub(crate) fn take_order(&mut self) -> Option<Order> {
        let order = self.orders.order();
        (std::mem::replace(&mut self.taken, order) != order).then_some(order)
    }

    /// Whether the connection was told to end.
    pub(crate) fn is_leaving(&self) -> bool {
        self.taken != Order::Stay
    }

    /// What tells when the connection is to be cut, whoever uses it.
    #[cfg(feature = "_asynch")]
    pub(crate) fn watch(&self) -> Watch {
        Watch::new(Arc::clone(&self.orders))
    }

    /// Reports that the connection has ended; the slot stays taken until it is dropped.
    pub(crate) fn settle(&mut self, clean: bool) {
        if !std::mem::replace(&mut self.settled, true) {
            self.admission.settle(self.id, clean);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.settle(false);
        self.admission.leave(self.id, self.origin);
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What waits for a connection, or an opening handshake, to be cut.
#[cfg(feature = "_asynch")]
pub(crate) struct Watch(Arc<Orders>);

#[cfg(feature = "_asynch")]
impl Watch {
    pub(super) const fn new(orders: Arc<Orders>) -> Self {
        Self(orders)
    }

    /// Waits until it is to be cut.
    pub(crate) async fn cut(&self) {
        std::future::poll_fn(|cx| {
            self.0.register(1, cx.waker());
            match self.0.order() {
                Order::Cut => std::task::Poll::Ready(()),
                _ => std::task::Poll::Pending,
            }
        })
        .await;
    }
}
