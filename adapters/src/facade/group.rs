//! Connections with callbacks as members of groups.

use std::sync::{Arc, Weak};

use bluewire_core::{PreparedMessage, SendError};

use super::WebSocket;
use super::shared::Shared;
use super::state::{Link, Stage};
use crate::group::{JoinSealed, Joining, MemberKey, Reach};

impl JoinSealed for &WebSocket {
    fn join(self, group: &Joining<'_>) -> Result<MemberKey, SendError> {
        let shared = self.shared();
        let mut state = shared.lock();
        let Stage::Open(link) = &mut state.stage else { return Err(SendError::NotOpen) };
        link.driver.join_reached(group, shared)
    }
}

impl Reach for Shared {
    fn write_published(self: Arc<Self>, message: Option<&PreparedMessage>) -> bool {
        let mut state = self.lock();
        let Stage::Open(Link { clock, driver, stream }) = &mut state.stage else { return false };
        let Some(stream) = stream.as_ref().and_then(Weak::upgrade) else {
            // The loop looks for messages when it begins.
            return false;
        };
        let stage = driver.stage();
        let clock = || clock.now();
        let mut taken = true;
        let idle = stream.write_aside(&mut |write| {
            let written = driver.write_published(message, clock, write);
            taken = written.is_some();
            written != Some(false)
        });
        let idle = idle.unwrap_or_else(|error| {
            driver.write_failed(error, clock());
            false
        });
        let mut due = !idle || stage != driver.stage();
        // A message that is published now is written only if nothing waited: no outcome is due then.
        if message.is_none() || due {
            state.settle();
            due |= state.has_verdicts();
        }
        drop(state);
        if due {
            self.wake();
        }
        taken
    }

    fn may_write_published(&self) -> bool {
        let Some(state) = self.try_lock() else { return false };
        let Stage::Open(Link { driver, stream, .. }) = &state.stage else { return false };
        let stream = stream.as_ref().and_then(Weak::upgrade);
        driver.may_send_published() && stream.is_some_and(|stream| stream.may_write_aside())
    }
}
