//! Asynchronous connections as members of groups.

use std::sync::{Arc, Weak};
use std::task::Wake;

use bluewire_core::SendError;

use super::runtime::{AsyncTransport, Runtime};
use super::shared::Shared;
use super::websocket::WebSocket;
use super::writer::Writer;
use crate::group::{JoinSealed, Joining, MemberKey};

/// Its task is woken by what is published.
impl<R: Runtime, S: AsyncTransport<R>> JoinSealed for &mut WebSocket<R, S> {
    fn join(self, group: &Joining<'_>) -> Result<MemberKey, SendError> {
        self.inner.exchange.driver.join(group)
    }
}

/// The publisher writes.
impl<R, S> JoinSealed for &Writer<R, S>
where
    R: Runtime,
    S: AsyncTransport<R> + Send + 'static,
{
    fn join(self, group: &Joining<'_>) -> Result<MemberKey, SendError> {
        let shared = &self.shared;
        shared.call(|state, _| {
            let driver = &mut state.exchange.driver;
            let key = driver.join(group)?;
            driver.set_publish_waker(|| Arc::new(Publish(Arc::downgrade(shared))).into());
            Ok(key)
        })
    }
}

/// Writes what was published, as far as the stream takes it. Tasks of the connection do the rest.
struct Publish<R: Runtime, S>(Weak<Shared<R, S>>);

impl<R, S> Wake for Publish<R, S>
where
    R: Runtime,
    S: AsyncTransport<R> + Send + 'static,
{
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(shared) = self.0.upgrade() {
            // A task that publishes to thousands of members must not spend its budget on that.
            R::unconstrained(|| shared.write_published());
        }
    }
}
