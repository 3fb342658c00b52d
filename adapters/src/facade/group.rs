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
        let writes = stream.as_ref().is_some_and(|stream| stream.may_write_aside());
        let may = writes && driver.may_send_published();
        // Before the stream, which may have no other owner any more: to drop it can run any code.
        drop(state);
        may
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use bluewire_core::{Config, Role};

    use super::super::{Runner, Session, Writable, WriteSlices};
    use super::*;
    use crate::clock::Clock;
    use crate::open::request::Opened;
    use crate::sync::{Mutex, lock};

    struct NoLoop;

    impl Runner for NoLoop {
        fn wake(&self) {}

        fn spawn(&self, _: Box<dyn FnOnce() + Send>) -> bool {
            false
        }
    }

    /// A stream that its loop drops as soon as a publisher looks at it or writes to it. It notes
    /// whether the connection is locked when it ends.
    struct Short {
        owner: Mutex<Option<Arc<Self>>>,
        shared: Weak<Shared>,
        ends: Arc<Mutex<Vec<&'static str>>>,
    }

    impl Writable for Short {
        fn write_aside(
            &self,
            act: &mut dyn FnMut(&mut WriteSlices<'_>) -> bool,
        ) -> io::Result<bool> {
            drop(lock(&self.owner).take());
            Ok(act(&mut |_| Err(io::ErrorKind::WouldBlock.into())))
        }

        fn may_write_aside(&self) -> bool {
            drop(lock(&self.owner).take());
            true
        }
    }

    impl Drop for Short {
        fn drop(&mut self) {
            let Some(shared) = self.shared.upgrade() else { return };
            lock(&self.ends).push(if shared.try_lock().is_some() { "free" } else { "locked" });
        }
    }

    /// To drop a stream can run any code, such as a call of the connection.
    #[test]
    fn a_stream_that_ends_with_a_publisher_ends_without_the_lock() {
        let calls: [fn(&Arc<Shared>) -> bool; 2] = [
            |shared| shared.may_write_published(),
            |shared| Arc::clone(shared).write_published(None),
        ];
        for call in calls {
            let shared = Arc::new(Shared::new(String::new(), Box::new(NoLoop)));
            let config = Config::default().keepalive(None);
            let opened = Opened::adopted(Role::Server, &[], config.into(), Clock::start());
            let session = Session::open(&shared, opened, None).expect("nobody has given it up");
            let ends = Arc::default();
            let stream = Arc::new(Short {
                owner: Mutex::default(),
                shared: Arc::downgrade(&shared),
                ends: Arc::clone(&ends),
            });
            *lock(&stream.owner) = Some(Arc::clone(&stream));
            session.lend_stream(&stream);
            drop(stream);
            call(&shared);
            assert_eq!(*lock(&ends), ["free"]);
        }
    }
}
