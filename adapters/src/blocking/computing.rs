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
    computed: Vec<Computed>,
    threads: usize,
    over: bool,
}

impl Computing {
    pub(super) fn new(wakes: Arc<WakeHandle>) -> Self {
        let state = State {
            turns: Turns::new(computed_at_a_time()),
            waiting: HashMap::new(),
            computed: Vec::new(),
            threads: 0,
            over: false,
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
                return self.0.work_without_thread();
            }
        }
    }

    /// The clients that threads are done with.
    pub(super) fn take_computed(&self) -> Vec<Computed> {
        std::mem::take(&mut lock(&self.0.state).computed)
    }

    /// Drops all clients, and lets the threads end.
    pub(super) fn shut(&self) {
        let left = {
            let mut state = lock(&self.0.state);
            state.over = true;
            (std::mem::take(&mut state.waiting), std::mem::take(&mut state.computed))
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
        let next = state.begin();
        state.threads -= usize::from(next.is_none());
        next
    }

    /// The system has no thread. Another one comes to the next client, or this one has to.
    fn work_without_thread(&self) {
        let next = {
            let mut state = lock(&self.state);
            state.threads -= 1;
            if state.threads == 0 { state.begin() } else { None }
        };
        next.into_iter().for_each(|client| self.compute(client));
    }

    fn compute(&self, mut client: Client) {
        // A provider of certificates may panic. That is this client's end, and not the thread's.
        let read = catch_unwind(AssertUnwindSafe(|| client.read()));
        let read = read.unwrap_or_else(|_| Err(io::Error::other("the TLS handshake panicked")));
        let unwanted = {
            let mut state = lock(&self.state);
            state.turns.end();
            if state.over || client.slot.is_given_up() {
                Some(client)
            } else {
                state.computed.push((client, read));
                None
            }
        };
        drop(unwanted);
        self.wakes.wake_by_ref();
    }
}

impl State {
    /// Begins the turn of a client.
    fn begin(&mut self) -> Option<Client> {
        if self.over {
            return None;
        }
        let id = self.turns.begin()?;
        self.waiting.remove(&id)
    }
}
