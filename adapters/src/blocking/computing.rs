//! Threads that compute the steps of TLS handshakes, so that no other client waits for them.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Wake;

use super::newcomer::Client;
use super::wake::{WakeHandle, spawn};
use crate::server::{Turns, computed_at_a_time};
use crate::sync::{Condvar, Mutex, lock, wait};

/// The clients whose next step must be computed, and the threads that do so. They start when they are
/// needed first.
pub(super) struct Computing {
    pub(super) turns: Turns,
    shared: Arc<Shared>,
    threads: usize,
}

/// A client whose step was computed, and what its stream gave.
pub(super) type Computed = (Client, io::Result<usize>);

struct Shared {
    state: Mutex<State>,
    /// Tells the threads.
    changed: Condvar,
    /// Tells whoever waits for clients.
    wakes: Arc<WakeHandle>,
}

#[derive(Default)]
struct State {
    to_compute: VecDeque<Client>,
    computed: Vec<Computed>,
    idle: usize,
    over: bool,
}

impl Computing {
    pub(super) fn new(wakes: Arc<WakeHandle>) -> Self {
        let shared = Shared { state: Mutex::default(), changed: Condvar::new(), wakes };
        Self { turns: Turns::new(computed_at_a_time()), shared: Arc::new(shared), threads: 0 }
    }

    /// Hands a client to a thread, whose turn it is.
    pub(super) fn compute(&mut self, client: Client) {
        let idle = {
            let mut state = lock(&self.shared.state);
            state.to_compute.push_back(client);
            state.idle >= state.to_compute.len()
        };
        if idle || self.threads >= self.turns.at_a_time() {
            return self.shared.changed.notify_one();
        }
        let shared = Arc::clone(&self.shared);
        match spawn(move || shared.work()) {
            Ok(()) => self.threads += 1,
            // Another thread comes to it, or this one has to.
            Err(_) if self.threads > 0 => self.shared.changed.notify_one(),
            Err(_) => self.shared.compute_one(),
        }
    }

    /// The clients that threads are done with, but for those that were given up.
    pub(super) fn take_computed(&mut self) -> Vec<Computed> {
        let computed = std::mem::take(&mut lock(&self.shared.state).computed);
        computed.into_iter().filter(|(client, _)| self.turns.end(client.slot.id())).collect()
    }

    /// Drops all clients, and lets the threads end.
    pub(super) fn shut(&self) {
        let left = {
            let mut state = lock(&self.shared.state);
            std::mem::replace(&mut *state, State { over: true, ..State::default() })
        };
        drop(left);
        self.shared.changed.notify_all();
    }
}

impl Drop for Computing {
    fn drop(&mut self) {
        self.shut();
    }
}

impl Shared {
    /// The work of a thread: client after client, until the server shuts down.
    fn work(&self) {
        loop {
            let client = {
                let mut state = lock(&self.state);
                state.idle += 1;
                while !state.over && state.to_compute.is_empty() {
                    state = wait(&self.changed, state);
                }
                state.idle = state.idle.saturating_sub(1);
                if state.over {
                    return;
                }
                state.to_compute.pop_front()
            };
            client.into_iter().for_each(|client| self.compute(client));
        }
    }

    fn compute_one(&self) {
        let client = lock(&self.state).to_compute.pop_front();
        client.into_iter().for_each(|client| self.compute(client));
    }

    fn compute(&self, mut client: Client) {
        // A provider of certificates may panic. That is this client's end, and not the thread's.
        let read = catch_unwind(AssertUnwindSafe(|| client.read()));
        let read = read.unwrap_or_else(|_| Err(io::Error::other("the TLS handshake panicked")));
        let late = {
            let mut state = lock(&self.state);
            if state.over {
                Some(client)
            } else {
                state.computed.push((client, read));
                None
            }
        };
        drop(late);
        self.wakes.wake_by_ref();
    }
}
