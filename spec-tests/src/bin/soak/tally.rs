//! The counts so far.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::faults::Fault;

/// A number that only grows.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, number: usize) {
        self.0.fetch_add(number as u64, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
pub(crate) struct Tally {
    /// Messages that came back as they were sent, and their payload bytes.
    pub(crate) messages: Count,
    pub(crate) bytes: Count,
    /// Connections that a client or a fault has opened, and those that it has closed cleanly.
    pub(crate) opened: Count,
    pub(crate) closed: Count,
    /// The same as the servers have it, and the ends of all others.
    pub(crate) served: Count,
    pub(crate) served_clean: Count,
    pub(crate) served_unclean: Count,
    /// Faults that were survived, by kind.
    faults: [Count; Fault::ALL.len()],
    clients: Mutex<Vec<Client>>,
    violations: Mutex<Vec<String>>,
    has_violations: AtomicBool,
}

/// A client, its echoes when somebody last looked, and when that had changed.
struct Client {
    name: String,
    echoes: std::sync::Arc<Count>,
    seen: u64,
    since: Instant,
}

impl Tally {
    /// Something that must not be.
    pub(crate) fn violation(&self, what: String) {
        lock(&self.violations).push(what);
        self.has_violations.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_violations(&self) -> bool {
        self.has_violations.load(Ordering::Relaxed)
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        lock(&self.violations).clone()
    }

    pub(crate) fn survived(&self, fault: Fault) {
        self.faults[fault as usize].add(1);
    }

    pub(crate) fn faults(&self) -> [(Fault, u64); Fault::ALL.len()] {
        Fault::ALL.map(|fault| (fault, self.faults[fault as usize].read()))
    }

    /// A client from whom echoes are expected; it counts them in what this returns.
    pub(crate) fn expect(&self, name: String) -> std::sync::Arc<Count> {
        let echoes = std::sync::Arc::default();
        let client =
            Client { name, echoes: std::sync::Arc::clone(&echoes), seen: 0, since: Instant::now() };
        lock(&self.clients).push(client);
        echoes
    }

    /// A client that is ready.
    pub(crate) fn done(&self, name: &str) {
        lock(&self.clients).retain(|client| client.name != name);
    }

    /// It is a violation if a client has had no echo for so long.
    pub(crate) fn look_for_progress(&self, patience: Duration) {
        for client in lock(&self.clients).iter_mut() {
            let echoes = client.echoes.read();
            if echoes != client.seen {
                (client.seen, client.since) = (echoes, Instant::now());
            } else if client.since.elapsed() > patience {
                client.since = Instant::now();
                self.violation(format!("{}: no echo for {patience:?}", client.name));
            }
        }
    }

    /// The counts of the servers must be those of the other side.
    pub(crate) fn compare_sides(&self) {
        let (opened, closed) = (self.opened.read(), self.closed.read());
        let (served, clean) = (self.served.read(), self.served_clean.read());
        if (opened, closed) != (served, clean) {
            self.violation(format!(
                "{opened} connections were opened and {closed} of them closed in order, but the \
                 servers had {served} and {clean}"
            ));
        }
        let ends = clean + self.served_unclean.read();
        if ends != served {
            self.violation(format!("the servers had {served} connections and {ends} ends"));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
