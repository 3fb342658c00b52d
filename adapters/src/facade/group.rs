//! Connections with callbacks as members of groups.

use std::sync::{Arc, Weak};
use std::task::Wake;

use bluewire_core::SendError;

use super::WebSocket;
use super::shared::Shared;
use super::state::Stage;
use crate::group::{JoinSealed, Joining, MemberKey, Reach};

impl JoinSealed for &WebSocket {
    fn join(self, group: &Joining<'_>) -> Result<MemberKey, SendError> {
        let shared = self.shared();
        let mut state = shared.lock();
        let Stage::Open(link) = &mut state.stage else { return Err(SendError::NotOpen) };
        let key = link.driver.join(group)?;
        link.driver.set_reach(|| Box::new(Publish(Arc::downgrade(shared))));
        Ok(key)
    }
}

/// Lets the loop take what was published.
struct Publish(Weak<Shared>);

impl Reach for Publish {
    fn wake(&self) {
        if let Some(shared) = self.0.upgrade() {
            Wake::wake(shared);
        }
    }
}
