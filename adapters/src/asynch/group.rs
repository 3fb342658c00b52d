//! Asynchronous connections as members of groups.

use std::sync::Arc;

use bluewire_core::{PreparedMessage, SendError};

use super::exchange::Exchange;
use super::runtime::Runtime;
use super::shared::{Shared, State};
use super::spare;
use super::transport::AsyncTransport;
use super::websocket::WebSocket;
use super::writer::Writer;
use crate::group::{JoinSealed, Joining, MemberKey, Reach};

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
        shared.call(|state, _| state.exchange.driver.join_reached(group, shared))
    }
}

// A task that publishes to thousands of members must not spend its budget on that.
impl<R, S> Reach for Shared<R, S>
where
    R: Runtime,
    S: AsyncTransport<R> + Send + 'static,
{
    fn write_published(self: Arc<Self>, message: Option<&PreparedMessage>) -> bool {
        let (taken, written) = R::unconstrained(|| {
            self.call(|state, caller| {
                let exchange = &mut state.exchange;
                // Most often a message is written from where it lies.
                if message.is_none() || exchange.driver.masks() {
                    spare::lend(None, Some(exchange.driver.outbox_mut()));
                }
                let written = exchange.write_published(message, caller);
                spare::take_back(None, Some(exchange.driver.outbox_mut()));
                (written.is_some(), written != Some(false))
            })
        });
        if !written {
            // Waiting tasks do the rest: their deadlines have changed.
            self.wake_all();
        }
        taken
    }

    fn may_write_published(&self) -> bool {
        let look = self.try_look(|State { exchange: Exchange { driver, io }, .. }| {
            driver.may_send_published() && !io.is_over
        });
        look.unwrap_or(false)
    }
}
