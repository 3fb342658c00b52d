//! One connection's slot in its server: how the server tells it to leave, and how it reports that
//! it has ended.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;

use super::admission::Admission;
use crate::open::request::Request;
use crate::orders::{Order, Orders};

/// A connection's slot in its server, which is free again when this is dropped. A client's
/// connection has one, without a server, if it can be cancelled.
pub(crate) struct Slot {
    admission: Option<Arc<Admission>>,
    orders: Arc<Orders>,
    id: u32,
    /// The last order that was taken.
    taken: Order,
    settled: bool,
}

impl Slot {
    pub(super) const fn new(admission: Arc<Admission>, orders: Arc<Orders>, id: u32) -> Self {
        Self { admission: Some(admission), orders, id, taken: Order::Stay, settled: false }
    }

    /// That of a client's connection, if it has a canceller.
    pub(crate) fn of_client(request: &Request) -> Option<Self> {
        let taken = Order::Stay;
        let of = |orders| Self { admission: None, orders, id: 0, taken, settled: false };
        request.orders().map(of)
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
        self.orders.differs_from(self.taken)
    }

    /// The order to follow, if there is a new one.
    pub(crate) fn take_order(&mut self) -> Option<Order> {
        if !self.has_order() {
            return None;
        }
        self.taken = self.orders.order();
        Some(self.taken)
    }

    /// Whether the server has ordered the connection to end.
    pub(crate) fn is_leaving(&self) -> bool {
        self.taken != Order::Stay
    }

    /// A watch that reports when the connection must be cut.
    #[cfg(feature = "_asynch")]
    pub(crate) fn watch(&self) -> Watch {
        Watch::new(Arc::clone(&self.orders))
    }

    /// Reports that the connection has ended; the slot stays taken until it is dropped.
    pub(crate) fn settle(&mut self, clean: bool) {
        if !std::mem::replace(&mut self.settled, true)
            && let Some(admission) = &self.admission
        {
            admission.settle(self.id, clean);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.settle(false);
        if let Some(admission) = &self.admission {
            admission.leave(self.id);
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A future that waits until a connection, or an opening handshake, must be cut.
#[cfg(feature = "_asynch")]
pub(crate) struct Watch(Arc<Orders>);

#[cfg(feature = "_asynch")]
impl Watch {
    pub(super) const fn new(orders: Arc<Orders>) -> Self {
        Self(orders)
    }

    /// Waits until it is to be cut.
    pub(crate) async fn cut(&self) {
        // Looked at whenever the task is polled: most often, its waker is registered already.
        let mut registered: Option<Waker> = None;
        std::future::poll_fn(|cx| {
            if !registered.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                registered = Some(cx.waker().clone());
                self.0.register(1, cx.waker());
            }
            match self.0.order() {
                Order::Cut => std::task::Poll::Ready(()),
                _ => std::task::Poll::Pending,
            }
        })
        .await;
    }
}
