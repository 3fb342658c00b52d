//! Lookups of names: a bounded number at a time in the process, and one for each name.
//!
//! The system's resolver cannot be interrupted, and one that gets no answer can keep a thread for
//! half a minute. So lookups run on threads of their own, of which there are few. A lookup that
//! finds all of them busy waits for its turn, within the budget of its attempt. Attempts that look
//! up the same name at the same time share one lookup.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::panic::{self, AssertUnwindSafe};
use std::thread;

use crate::open::error::{ConnectError, Phase};
use crate::sync::{Mutex, MutexGuard, lock};
use crate::wording::Period;

/// So many lookups run at a time in the process.
const LOOKUPS_MAX: usize = 32;

static LOOKUPS: Lookups = Lookups::new(LOOKUPS_MAX);

/// Asks the system's resolver, which may block.
pub(super) type Resolve = fn(&str) -> io::Result<Vec<SocketAddr>>;

type Tell = Box<dyn FnOnce(io::Result<Vec<SocketAddr>>) + Send>;

/// One attempt's interest in a lookup, until this is dropped.
pub(super) struct Lookup {
    lookups: &'static Lookups,
    host: String,
    id: u64,
}

impl Lookup {
    /// Begins to look up the addresses of a host, or waits until that may begin. The result is
    /// passed to `tell`, on another thread as a rule.
    pub(super) fn begin(
        host: String,
        port: u16,
        resolve: Resolve,
        tell: impl FnOnce(io::Result<Vec<SocketAddr>>) + Send + 'static,
    ) -> Self {
        LOOKUPS.begin(host, port, resolve, Box::new(tell))
    }

    /// The error with which the attempt ended, which says so if its lookup could not even begin.
    pub(super) fn explain(&self, error: ConnectError) -> ConnectError {
        let ConnectError::TimedOut { phase: Phase::Resolve, timeout, .. } = error else {
            return error;
        };
        if !self.lookups.is_queued(&self.host) {
            return error;
        }
        let max = self.lookups.max;
        let text = format!("{max} other lookups have not finished within {}", Period(timeout));
        let error = io::Error::new(io::ErrorKind::TimedOut, text);
        ConnectError::Resolve { host: self.host.clone(), error }
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        // Dropped where no lock is held: that can run anything.
        let tell = self.lookups.leave(&self.host, self.id);
        drop(tell);
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").field("host", &self.host).finish_non_exhaustive()
    }
}

struct Lookups {
    state: Mutex<Option<State>>,
    max: usize,
}

#[derive(Default)]
struct State {
    running: usize,
    last_id: u64,
    by_host: HashMap<String, Shared>,
    /// Hosts whose lookup has not begun.
    queue: VecDeque<String>,
}

/// A lookup, and the attempts that share it.
struct Shared {
    resolve: Resolve,
    waiting: Vec<Waiting>,
}

struct Waiting {
    id: u64,
    port: u16,
    tell: Tell,
}

impl Lookups {
    const fn new(max: usize) -> Self {
        Self { state: Mutex::new(None), max }
    }

    fn begin(&'static self, host: String, port: u16, resolve: Resolve, tell: Tell) -> Lookup {
        let mut guard = self.lock();
        let state = guard.get_or_insert_default();
        state.last_id += 1;
        let id = state.last_id;
        let waiting = Waiting { id, port, tell };
        match state.by_host.get_mut(&host) {
            Some(shared) => shared.waiting.push(waiting),
            None => {
                state.by_host.insert(host.clone(), Shared { resolve, waiting: vec![waiting] });
                if state.running < self.max {
                    state.running += 1;
                    drop(guard);
                    self.start(host.clone(), resolve);
                } else {
                    state.queue.push_back(host.clone());
                }
            }
        }
        Lookup { lookups: self, host, id }
    }

    fn start(&'static self, host: String, resolve: Resolve) {
        let own = host.clone();
        let thread = thread::Builder::new().name("bluewire-resolver".to_owned());
        let started = thread.spawn(move || self.run(own, resolve));
        let Err(error) = started else { return };
        let failed = Err(error);
        let mut next = self.finish(&host, &failed);
        // No other thread would begin those that have queued meanwhile.
        while let Some((host, _)) = next {
            next = self.finish(&host, &failed);
        }
    }

    /// The work of a thread: this lookup, and those that wait for a free thread.
    fn run(&self, host: String, resolve: Resolve) {
        let mut next = Some((host, resolve));
        while let Some((host, resolve)) = next {
            // The result of a resolver that panics is an error like others.
            let found = panic::catch_unwind(|| resolve(&host));
            let found = found.unwrap_or_else(|_| Err(io::Error::other("the resolver panicked")));
            next = self.finish(&host, &found);
        }
    }

    /// Passes a result on. Returns the lookup that this thread does next. Without one, the thread no
    /// longer counts.
    fn finish(&self, host: &str, found: &io::Result<Vec<SocketAddr>>) -> Option<(String, Resolve)> {
        let mut guard = self.lock();
        let state = guard.get_or_insert_default();
        let shared = state.by_host.remove(host);
        let next = state.queue.pop_front().and_then(|host| {
            let resolve = state.by_host.get(&host)?.resolve;
            Some((host, resolve))
        });
        if next.is_none() {
            state.running -= 1;
        }
        drop(guard);
        for Waiting { port, tell, .. } in shared.into_iter().flat_map(|shared| shared.waiting) {
            let found = copied(found, port);
            // It wakes a task, which runs foreign code. If that panics, the other tasks still get
            // the result.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| tell(found)));
        }
        next
    }

    fn leave(&self, host: &str, id: u64) -> Option<Waiting> {
        let mut guard = self.lock();
        let state = guard.as_mut()?;
        let shared = state.by_host.get_mut(host)?;
        let at = shared.waiting.iter().position(|waiting| waiting.id == id)?;
        let left = shared.waiting.swap_remove(at);
        if shared.waiting.is_empty()
            && let Some(at) = state.queue.iter().position(|queued| queued == host)
        {
            state.queue.remove(at);
            state.by_host.remove(host);
        }
        Some(left)
    }

    fn is_queued(&self, host: &str) -> bool {
        let guard = self.lock();
        guard.as_ref().is_some_and(|state| state.queue.iter().any(|queued| queued == host))
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        lock(&self.state)
    }
}

/// The result for one who wants this port. Errors cannot be cloned, but can be written again.
fn copied(found: &io::Result<Vec<SocketAddr>>, port: u16) -> io::Result<Vec<SocketAddr>> {
    match found {
        Ok(addresses) => {
            let mut addresses = addresses.clone();
            addresses.iter_mut().for_each(|address| address.set_port(port));
            Ok(addresses)
        }
        Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn lookups(max: usize) -> &'static Lookups {
        Box::leak(Box::new(Lookups::new(max)))
    }

    fn begin(
        lookups: &'static Lookups,
        host: &str,
        port: u16,
        resolve: Resolve,
    ) -> (Lookup, Receiver<io::Result<Vec<SocketAddr>>>) {
        let (tell, told) = channel();
        let tell = Box::new(move |found| drop(tell.send(found)));
        (lookups.begin(host.to_owned(), port, resolve, tell), told)
    }

    fn known(_: &str) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![SocketAddr::from(([192, 0, 2, 1], 0))])
    }

    #[test]
    fn a_lookup_that_finds_no_free_thread_waits_and_says_so() {
        static GATE: Mutex<()> = Mutex::new(());
        fn slow(host: &str) -> io::Result<Vec<SocketAddr>> {
            drop(lock(&GATE));
            known(host)
        }
        let gate = lock(&GATE);
        let lookups = lookups(2);
        let (_one, one) = begin(lookups, "one", 80, slow);
        let (_two, two) = begin(lookups, "two", 80, slow);
        let (given_up, _) = begin(lookups, "three", 80, slow);
        drop(given_up);
        let (four, told) = begin(lookups, "four", 443, known);
        assert!(told.recv_timeout(Duration::from_millis(50)).is_err(), "it waits for its turn");
        let timeout = Duration::from_secs(5);
        let late = || ConnectError::TimedOut { phase: Phase::Resolve, timeout, whole: false };
        let text = "the host four was not found: 2 other lookups have not finished within 5 s";
        assert_eq!(four.explain(late()).to_string(), text);
        drop(gate);
        for told in [one, two, told] {
            assert!(told.recv_timeout(LONG).expect("its turn comes").is_ok());
        }
        let text = "the lookup of the host's name took longer than 5 s";
        assert_eq!(four.explain(late()).to_string(), text);
    }

    #[test]
    fn attempts_that_want_the_same_name_share_one_lookup() {
        static GATE: Mutex<()> = Mutex::new(());
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        fn counted(host: &str) -> io::Result<Vec<SocketAddr>> {
            COUNT.fetch_add(1, Ordering::SeqCst);
            drop(lock(&GATE));
            known(host)
        }
        let gate = lock(&GATE);
        let lookups = lookups(4);
        let all: Vec<_> = (1..=8).map(|port| begin(lookups, "host", port, counted)).collect();
        drop(gate);
        for (port, (_lookup, told)) in (1..).zip(&all) {
            let found = told.recv_timeout(LONG).expect("it is told").expect("it is known");
            assert_eq!(found, [SocketAddr::from(([192, 0, 2, 1], port))]);
        }
        assert_eq!(COUNT.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn threads_come_back_after_errors_and_panics() {
        fn fails(host: &str) -> io::Result<Vec<SocketAddr>> {
            assert_ne!(host, "panic", "a planned panic");
            Err(io::Error::new(io::ErrorKind::NotFound, "nobody knows it"))
        }
        let lookups = lookups(1);
        let all: Vec<_> = ["a", "panic", "b"].map(|host| begin(lookups, host, 1, fails)).into();
        for (_lookup, told) in &all {
            assert!(told.recv_timeout(LONG).expect("it is told").is_err());
        }
        drop(all);
        for _ in 0..1000 {
            if lookups.lock().as_ref().is_none_or(|state| state.running == 0) {
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        let state = std::mem::take(&mut *lookups.lock()).expect("there were some");
        assert_eq!((state.running, state.by_host.len(), state.queue.len()), (0, 0, 0));
    }
}
