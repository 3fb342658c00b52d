//! Giving up, from another thread.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

/// Gives attempts to connect up that are under way, from any thread.
///
/// Clones are the same canceller. It stays as it is once it was used: an attempt that begins later
/// with it is given up at once.
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
#[derive(Clone, Default)]
pub struct Canceller(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    cancelled: bool,
    watches: Vec<Weak<Slot>>,
}

type Slot = Mutex<Option<Waker>>;

impl Canceller {
    /// One that has not been used.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives up the attempts that were made with this; what is open already stays.
    pub fn cancel(&self) {
        let mut state = self.lock();
        state.cancelled = true;
        let watches = std::mem::take(&mut state.watches);
        drop(state);
        for slot in watches.iter().filter_map(Weak::upgrade) {
            let waker = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// Whether it was used.
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

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller").field("is_cancelled", &self.is_cancelled()).finish()
    }
}

/// What waits for a canceller.
pub(crate) struct Watch {
    canceller: Canceller,
    slot: Arc<Slot>,
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
