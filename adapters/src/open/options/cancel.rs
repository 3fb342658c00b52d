//! Giving up, from another thread or task.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

use crate::orders::{Order, Orders};

/// Ends what was begun with it, from any thread or task: attempts to connect, waits before another
/// attempt, and connections that are open.
///
/// One call ends a client, whatever it does at the time:
///
/// - An attempt, or a wait before one, is given up: the call that waits for it returns
///   [`ConnectError::Abandoned`](crate::ConnectError::Abandoned).
/// - An open connection is closed with 1001 (going away). Messages that were queued before leave
///   first. `recv` returns `None` at the end, once the peer has answered, or an error after
///   [`Config::close_timeout`](crate::Config::close_timeout).
/// - Nothing connects again: `Reconnecting` and the callback facade end.
///
/// It reaches clients that were made with
/// [`ConnectOptions::canceller`](crate::ConnectOptions::canceller) by `connect`, `Reconnecting` and
/// `websocketfactory::create`; not those of `connect_over`, whose stream is the program's own. An
/// asynchronous connection closes when its program next awaits something of it. Connections of a
/// server are closed by its handle.
///
/// Clones share one state. A used canceller stays used: it cancels later attempts at once.
///
/// ```
/// use bluewire::{Canceller, ConnectError, ConnectOptions, blocking};
///
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?; // which never answers
/// let url = format!("ws://{}/", listener.local_addr()?);
/// let canceller = Canceller::new();
/// let options = ConnectOptions::new(url).canceller(&canceller);
/// let attempt = std::thread::spawn(move || blocking::connect(options).map(drop));
/// canceller.cancel();
/// assert!(matches!(attempt.join(), Ok(Err(ConnectError::Abandoned))));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// The same ends a thread that receives:
///
/// ```
/// use bluewire::{Canceller, CloseCode, ConnectOptions, blocking};
///
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("ws://{}/", listener.local_addr()?);
/// # let server = std::thread::spawn(move || {
/// #     let mut socket = blocking::accept(listener.accept().unwrap().0).unwrap();
/// #     assert_eq!(socket.recv().unwrap(), None);
/// # });
/// let canceller = Canceller::new();
/// let mut socket = blocking::connect(ConnectOptions::new(url).canceller(&canceller))?;
/// let receiving = std::thread::spawn(move || {
///     while let Ok(Some(message)) = socket.recv() {
///         println!("{message:?}");
///     }
///     socket.closure().and_then(|closure| closure.sent)
/// });
/// canceller.cancel();
/// assert_eq!(receiving.join().unwrap(), Some(CloseCode::GOING_AWAY));
/// # server.join().unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Canceller(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    cancelled: bool,
    watches: Vec<Weak<WakerSlot>>,
    /// Of the connections that are open.
    orders: Vec<Weak<Orders>>,
}

type WakerSlot = Mutex<Option<Waker>>;

impl Canceller {
    /// Makes an unused canceller.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives up the attempts that were made with this, and closes the connections. It does not wait
    /// for their ends.
    pub fn cancel(&self) {
        let mut state = self.lock();
        state.cancelled = true;
        let watches = std::mem::take(&mut state.watches);
        let orders = std::mem::take(&mut state.orders);
        drop(state);
        for orders in orders.iter().filter_map(Weak::upgrade) {
            orders.give(Order::Leave);
        }
        for slot in watches.iter().filter_map(Weak::upgrade) {
            let waker = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// Whether `cancel` was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    /// One attempt's view of it.
    pub(crate) fn watch(&self) -> Watch {
        let slot = Arc::default();
        let mut state = self.lock();
        state.watches.retain(|watch| watch.strong_count() > 0);
        state.watches.push(Arc::downgrade(&slot));
        drop(state);
        Watch { canceller: self.clone(), slot }
    }

    /// By which an open connection gets the order to close.
    pub(crate) fn orders(&self) -> Arc<Orders> {
        let orders = Orders::new();
        let mut state = self.lock();
        if state.cancelled {
            orders.give(Order::Leave);
        } else {
            if state.orders.len() == state.orders.capacity() {
                state.orders.retain(|orders| orders.strong_count() > 0);
            }
            state.orders.push(Arc::downgrade(&orders));
        }
        drop(state);
        orders
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller").field("is_cancelled", &self.is_cancelled()).finish()
    }
}

/// A future that waits for a canceller.
pub(crate) struct Watch {
    canceller: Canceller,
    slot: Arc<WakerSlot>,
}

impl Watch {
    /// Whether it was used; if not, the waker is woken when it is.
    pub(crate) fn is_cancelled(&self, waker: &Waker) -> bool {
        // The waker comes first: a use in between is then seen by one of the two.
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker.clone());
        self.canceller.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn it_wakes_each_that_still_watches_once() {
        let canceller = Canceller::new();
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let (watch, gone) = (canceller.watch(), canceller.watch());
        assert!(!watch.is_cancelled(&waker) && !gone.is_cancelled(&waker));
        drop(gone);
        canceller.clone().cancel();
        canceller.cancel();
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(watch.is_cancelled(&waker) && canceller.watch().is_cancelled(&waker));
    }

    #[test]
    fn those_that_are_gone_are_forgotten() {
        let canceller = Canceller::new();
        for _ in 0..100 {
            drop(canceller.watch());
        }
        assert!(canceller.lock().watches.len() <= 1);
    }
}
