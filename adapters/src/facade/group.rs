//! Connections with callbacks as members of groups.

use std::sync::{Arc, Weak};
use std::task::Wake;

use bluewire_core::SendError;

use super::WebSocket;
use super::shared::Shared;
use super::state::Stage;
use crate::group::{JoinSealed, Joining, MemberKey};

impl JoinSealed for &WebSocket {
    fn join(self, group: &Joining<'_>) -> Result<MemberKey, SendError> {
        let shared = self.shared();
        let mut state = shared.lock();
        let Stage::Open(link) = &mut state.stage else { return Err(SendError::NotOpen) };
        let key = link.driver.join(group)?;
        link.driver.set_publish_waker(|| Arc::new(Publish(Arc::downgrade(shared))).into());
        Ok(key)
    }
}

/// Lets the loop take what was published.
struct Publish(Weak<Shared>);

impl Wake for Publish {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(shared) = self.0.upgrade() {
            shared.wake();
        }
    }
}
