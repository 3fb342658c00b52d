//! Where callbacks are kept, and how one is called.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bluewire_core::Message;

use super::options::{CloseEvent, ErrorEvent, ReconnectEvent};
use crate::error::Error;
use crate::sync::{Mutex, lock};

pub(super) type OnOpen = dyn FnMut() + Send;
pub(super) type OnMessage = dyn FnMut(Message<'_>) + Send;
pub(super) type OnClose = dyn FnMut(&CloseEvent) + Send;
pub(super) type OnError = dyn FnMut(&ErrorEvent) + Send;
pub(super) type OnReconnect = dyn FnMut(&ReconnectEvent) + Send;

pub(super) type Callback<F> = Arc<Mutex<F>>;

/// A place for one callback. A clone of the pointer is called, so that a callback can be replaced
/// from inside itself; the inner lock is never waited for, as no two callbacks run at a time.
pub(super) struct Slot<F: ?Sized>(Mutex<Option<Callback<F>>>);

impl<F: ?Sized> Slot<F> {
    const fn empty() -> Self {
        Self(Mutex::new(None))
    }

    /// Gives what it replaces, for the caller to drop where it holds no lock: dropping can run
    /// anything.
    #[must_use]
    pub(super) fn set(&self, callback: Callback<F>) -> Option<Callback<F>> {
        lock(&self.0).replace(callback)
    }

    pub(super) fn load(&self) -> Option<Callback<F>> {
        lock(&self.0).clone()
    }

    pub(super) fn is_set(&self) -> bool {
        lock(&self.0).is_some()
    }

    /// Takes it out, for the caller to drop where it holds no lock.
    pub(super) fn take(&self) -> Option<Callback<F>> {
        lock(&self.0).take()
    }
}

/// Those of a connection.
pub(super) struct Callbacks {
    pub(super) open: Slot<OnOpen>,
    pub(super) message: Slot<OnMessage>,
    pub(super) close: Slot<OnClose>,
    pub(super) error: Slot<OnError>,
    pub(super) reconnect: Slot<OnReconnect>,
}

impl Callbacks {
    pub(super) const fn none() -> Self {
        Self {
            open: Slot::empty(),
            message: Slot::empty(),
            close: Slot::empty(),
            error: Slot::empty(),
            reconnect: Slot::empty(),
        }
    }

    pub(super) fn is_any_set(&self) -> bool {
        self.open.is_set()
            || self.message.is_set()
            || self.close.is_set()
            || self.error.is_set()
            || self.reconnect.is_set()
    }

    /// Takes all out, for the caller to drop where it holds no lock: what they captured, such as
    /// handles, goes with them.
    pub(super) fn take(&self) -> impl Sized + use<> {
        let told = (self.open.take(), self.message.take(), self.close.take(), self.error.take());
        (told, self.reconnect.take())
    }
}

/// Calls a callback, or drops what can panic when dropped; a panic ends here.
pub(super) fn contain(callback: impl FnOnce()) -> Result<(), Error> {
    let Err(payload) = catch_unwind(AssertUnwindSafe(callback)) else { return Ok(()) };
    let error = Error::callback_panicked(&*payload);
    // The payload's own drop may panic as well. The payload of that second panic is not dropped.
    catch_unwind(AssertUnwindSafe(|| drop(payload))).unwrap_or_else(mem::forget);
    Err(error)
}
