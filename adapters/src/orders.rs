//! Orders to a connection from elsewhere: from its server, or from its client's canceller.

use std::sync::Arc;
use std::task::Waker;

use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{Mutex, MutexGuard, lock};

/// The order of a server, or a canceller, to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Order {
    /// To stay.
    Stay,
    /// To close by the closing handshake, since this end goes away.
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

/// The state that a connection shares with its server, or with its canceller.
pub(crate) struct Orders {
    order: AtomicU8,
    /// The wakers of the thread or task that uses the connection, and of the one that watches over
    /// its task.
    wakers: Mutex<[Option<Waker>; 2]>,
}

impl Orders {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { order: AtomicU8::new(0), wakers: Mutex::default() })
    }

    /// Gives an order, which replaces a milder one.
    pub(crate) fn give(&self, order: Order) {
        self.order.fetch_max(order as u8, Ordering::SeqCst);
        // They stay registered: a thread that got the order to leave may be cut later.
        let wakers = self.wakers().clone();
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    pub(crate) fn order(&self) -> Order {
        Order::of(self.order.load(Ordering::SeqCst))
    }

    /// Whether the order is another one than this.
    #[inline]
    pub(crate) fn differs_from(&self, order: Order) -> bool {
        self.order.load(Ordering::SeqCst) != order as u8
    }

    pub(crate) fn register(&self, which: usize, waker: &Waker) {
        match &mut self.wakers()[which] {
            Some(registered) => registered.clone_from(waker),
            empty => *empty = Some(waker.clone()),
        }
    }

    fn wakers(&self) -> MutexGuard<'_, [Option<Waker>; 2]> {
        lock(&self.wakers)
    }
}
