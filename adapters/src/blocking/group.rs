//! Blocking connections as members of groups.

use std::io::IoSlice;
use std::sync::Arc;

use bluewire_core::{PreparedMessage, SendError};

use super::exchange::owned;
use super::shared::Shared;
use super::transport::SplitTransport;
use super::websocket::WebSocket;
use super::writer::Writer;
use crate::group::{JoinSealed, Joining, MemberKey, Reach};
use crate::sync::try_lock;

impl<S: SplitTransport> JoinSealed for &mut WebSocket<S> {
    fn join(self, group: &Joining<'_>) -> Result<MemberKey, SendError> {
        let key = owned(&mut self.driver).join_reached(group, &self.shared)?;
        // Its deadlines are kept by others while its thread sleeps.
        self.shared.share(&mut self.shared.lock());
        Ok(key)
    }
}

impl<S: SplitTransport> JoinSealed for &Writer<S> {
    fn join(self, group: &Joining<'_>) -> Result<MemberKey, SendError> {
        self.shared.lock().parts().0.join_reached(group, &self.shared)
    }
}

// While the connection's thread is at work, messages wait for it: it looks for them before it waits.
impl<S: SplitTransport> Reach for Shared<S> {
    fn write_published(self: Arc<Self>, message: Option<&PreparedMessage>) -> bool {
        let taken = self.act_aside(|driver| {
            let write = |slices: &[IoSlice<'_>]| self.stream.try_write(slices);
            let written = driver.write_published(message, self.clock(), write);
            (written.is_some(), written != Some(false))
        });
        taken.unwrap_or(false)
    }

    fn may_write_published(&self) -> bool {
        try_lock(&self.state).is_some_and(|state| {
            let driver = state.driver.as_ref().filter(|_| !state.backlogged);
            driver.is_some_and(|driver| driver.may_send_published())
        })
    }
}
