//! Threads that compute the steps of TLS handshakes, so that no other client waits for them.

use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Wake;

use super::newcomer::Client;
use super::wake::{WakeHandle, spawn};
use crate::server::{Turns, computed_at_a_time};
use crate::sync::{Mutex, lock};

/// The clients whose next step must be computed, and the threads that do so. These run only while
/// there is something to compute.
pub(super) struct Computing(Arc<Shared>);

/// A client whose step was computed, and what its stream gave.
pub(super) type Computed = (Client, io::Result<usize>);

struct Shared {
    state: Mutex<State>,
    /// Tells whoever waits for clients.
    wakes: Arc<WakeHandle>,
}

struct State {
    turns: Turns,
    /// Those whose turn has not come.
    waiting: HashMap<u64, Client>,
    /// `None` once the server shuts down.
    computed: Option<Vec<Computed>>,
    threads: usize,
}

impl Computing {
    pub(super) fn new(wakes: Arc<WakeHandle>) -> Self {
        let state = State {
            turns: Turns::new(computed_at_a_time()),
            waiting: HashMap::new(),
            computed: Some(Vec::new()),
            threads: 0,
        };
        Self(Arc::new(Shared { state: Mutex::new(state), wakes }))
    }

    /// Lets a client wait for its turn, which threads begin when they are [started](Self::start).
    pub(super) fn wait(&self, client: Client) {
        let mut state = lock(&self.0.state);
        state.turns.wait(client.slot.id(), client.address);
        state.waiting.insert(client.slot.id(), client);
    }

    /// Takes a client whose turn has not come, if there is one of this number.
    pub(super) fn take(&self, id: u64) -> Option<Client> {
        let mut state = lock(&self.0.state);
        state.turns.give_up(id);
        state.waiting.remove(&id)
    }

    /// Starts as many threads as can compute now.
    pub(super) fn start(&self) {
        while self.0.wants_thread() {
            let shared = Arc::clone(&self.0);
            if spawn(move || shared.work()).is_err() {
                // The system has no thread, so this one has to.
                self.0.work();
            }
        }
    }

    /// The clients that threads are done with.
    pub(super) fn take_computed(&self) -> Vec<Computed> {
        lock(&self.0.state).computed.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Drops all clients, and lets the threads end.
    pub(super) fn shut(&self) {
        let left = {
            let mut state = lock(&self.0.state);
            (std::mem::take(&mut state.waiting), state.computed.take())
        };
        drop(left);
    }
}

impl Drop for Computing {
    fn drop(&mut self) {
        self.shut();
    }
}

impl Shared {
    /// Counts one more thread, if there is something to compute for it.
    fn wants_thread(&self) -> bool {
        let mut state = lock(&self.state);
        let wants = state.threads < state.turns.computable();
        state.threads += usize::from(wants);
        wants
    }

    /// The work of a thread: client after client, as long as there are any.
    fn work(&self) {
        while let Some(client) = self.next() {
            self.compute(client);
        }
    }

    /// The next client of a thread, which ends without one.
    fn next(&self) -> Option<Client> {
        let mut state = lock(&self.state);
        let State { turns, waiting, .. } = &mut *state;
        let next = turns.begin().and_then(|id| waiting.remove(&id));
        state.threads -= usize::from(next.is_none());
        next
    }

    fn compute(&self, mut client: Client) {
        // A provider of certificates may panic. That is this client's end, and not the thread's.
        let read = catch_unwind(AssertUnwindSafe(|| client.read()));
        let read = read.unwrap_or_else(|_| Err(io::Error::other("the TLS handshake panicked")));
        let unwanted = {
            let mut state = lock(&self.state);
            state.turns.end();
            match &mut state.computed {
                Some(computed) if !client.slot.is_given_up() => {
                    computed.push((client, read));
                    None
                }
                _ => Some(client),
            }
        };
        drop(unwanted);
        self.wakes.wake_by_ref();
    }
}
