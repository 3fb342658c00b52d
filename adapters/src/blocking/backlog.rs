//! Writes on for connections whose thread does not: a publisher has written to a connection in
//! place of its thread, which sleeps in a read, and the socket did not take all of it.
//!
//! One thread of the process waits for all such sockets. It runs only while there are any.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::task::Wake;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fd::BorrowedFd;

use super::poller::Poller;
use super::transport::Readiness;
use super::wake::{WakeHandle, WakePipe};
use crate::sync::{Mutex, lock};

/// A connection on which bytes wait.
pub(super) trait Backlogged: Send + Sync {
    /// The descriptor to wait for; `None` if that is impossible.
    fn fd(&self) -> Option<BorrowedFd<'_>>;
    /// Writes what the socket takes. When to look again at the latest; `None` if the connection
    /// needs this no longer.
    fn write_on(&self) -> Option<Instant>;
}

struct Backlog {
    added: Vec<Weak<dyn Backlogged>>,
    /// Wakes the thread, if it runs.
    wakes: Option<Arc<WakeHandle>>,
}

static BACKLOG: Mutex<Backlog> = Mutex::new(Backlog { added: Vec::new(), wakes: None });

/// The id of the pipe's events.
const PIPE: u64 = 0;
/// How often to look at sockets that cannot be waited for.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// How long a wait is at most: then connections that are gone are forgotten.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// Calls [`Backlogged::write_on`] as often as it takes. Whether that is possible: the system may
/// have no thread now.
pub(super) fn watch(connection: Weak<dyn Backlogged>) -> bool {
    let mut backlog = lock(&BACKLOG);
    if let Some(wakes) = &backlog.wakes {
        wakes.wake_by_ref();
    } else {
        let started = WakePipe::new().and_then(|pipe| {
            let handle = Arc::clone(pipe.handle());
            let work = Work::new(pipe)?;
            thread::Builder::new().name("bluewire-backlog".to_owned()).spawn(|| work.run())?;
            Ok(handle)
        });
        let Ok(handle) = started else { return false };
        backlog.wakes = Some(handle);
    }
    backlog.added.push(connection);
    true
}

struct Work {
    poller: Poller,
    pipe: WakePipe,
    last_id: u64,
    connections: BTreeMap<u64, Connection>,
}

struct Connection {
    connection: Weak<dyn Backlogged>,
    /// When to look at it, whether its socket is ready or not.
    until: Instant,
    polled: bool,
}

impl Work {
    fn new(pipe: WakePipe) -> io::Result<Self> {
        let poller = Poller::new()?;
        poller.change(pipe.source(), PIPE, Readiness::NONE, Readiness::READ)?;
        Ok(Self { poller, pipe, last_id: PIPE, connections: BTreeMap::new() })
    }

    fn run(mut self) {
        while self.take_added() {
            let ready = self.wait();
            if ready.contains(&PIPE) {
                self.pipe.clear();
            }
            let now = Instant::now();
            let due =
                self.connections.iter().filter(|(_, one)| one.until <= now).map(|(id, _)| *id);
            let due: Vec<u64> = due.chain(ready).filter(|id| *id != PIPE).collect();
            due.into_iter().for_each(|id| self.write_on(id));
        }
    }

    /// Takes in what was added. `false` if there is nothing left to do.
    fn take_added(&mut self) -> bool {
        let added = {
            let mut backlog = lock(&BACKLOG);
            if backlog.added.is_empty() && self.connections.is_empty() {
                backlog.wakes = None;
                return false;
            }
            std::mem::take(&mut backlog.added)
        };
        for connection in added {
            let Some(strong) = connection.upgrade() else { continue };
            self.last_id += 1;
            let (none, write) = (Readiness::NONE, Readiness::WRITE);
            let add = |fd| self.poller.change(fd, self.last_id, none, write).is_ok();
            let polled = strong.fd().is_some_and(add);
            let until = Instant::now();
            self.connections.insert(self.last_id, Connection { connection, until, polled });
        }
        true
    }

    fn wait(&self) -> Vec<u64> {
        let first = self.connections.values().map(|one| one.until).min();
        let left = first.map(|first| first.saturating_duration_since(Instant::now()));
        let mut left = left.unwrap_or(WAIT_MAX).min(WAIT_MAX);
        // Where sockets are handed over for each wait, they stay open during it.
        let held: Vec<_> = match cfg!(target_os = "linux") {
            true => Vec::new(),
            false => self.connections.iter().filter_map(upgrade).collect(),
        };
        if !held.is_empty() {
            left = left.min(LOOK_INTERVAL);
        }
        let fds = held.iter().filter_map(|(id, one)| Some((one.fd()?, *id, Readiness::WRITE)));
        let pipe = (self.pipe.source(), PIPE, Readiness::READ);
        self.poller.wait(fds.chain([pipe]), Some(left)).unwrap_or_else(|_| {
            // The system has no memory for it, which must not make the wait a busy one.
            thread::sleep(LOOK_INTERVAL);
            Vec::new()
        })
    }

    fn write_on(&mut self, id: u64) {
        let Some(one) = self.connections.get_mut(&id) else { return };
        if let Some(connection) = one.connection.upgrade() {
            // A stream whose code panics takes no other connection with it.
            let written = catch_unwind(AssertUnwindSafe(|| connection.write_on()));
            if let Ok(Some(until)) = written {
                let latest = if one.polled { WAIT_MAX } else { LOOK_INTERVAL };
                one.until = until.min(Instant::now() + latest);
                return;
            }
            if let Some(fd) = connection.fd().filter(|_| one.polled) {
                self.poller.remove(fd);
            }
        }
        self.connections.remove(&id);
    }
}

type Held = (u64, Arc<dyn Backlogged>);

fn upgrade((id, one): (&u64, &Connection)) -> Option<Held> {
    Some((*id, one.connection.upgrade().filter(|_| one.polled)?))
}
