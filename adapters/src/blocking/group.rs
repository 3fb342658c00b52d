//! Blocking connections as members of groups.

use bluewire_core::SendError;

use super::exchange::owned;
use super::transport::SplitTransport;
use super::websocket::WebSocket;
use super::writer::Writer;
use crate::group::{JoinSealed, Joining, MemberKey};

impl<S: SplitTransport> JoinSealed for &mut WebSocket<S> {
    fn join(self, group: &Joining<'_>) -> Result<MemberKey, SendError> {
        let key = self.shared.join(owned(&mut self.driver), group)?;
        // Its deadlines are kept by others while its thread sleeps.
        self.shared.share(&mut self.shared.lock());
        Ok(key)
    }
}

impl<S: SplitTransport> JoinSealed for &Writer<S> {
    fn join(self, group: &Joining<'_>) -> Result<MemberKey, SendError> {
        self.shared.join(self.shared.lock().parts().0, group)
    }
}
