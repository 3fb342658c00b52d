//! An epoll set, and how a socket is registered in it.

use std::cell::RefCell;
use std::io;
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::panic;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rustix::event::{Timespec, epoll};

use super::process;
use super::readiness::{Direction, Readiness, Seen};
use crate::sync::{Mutex, MutexGuard, lock};

/// How many events are taken at a time, of 12 bytes each.
const EVENTS_MAX: usize = 512;
/// The data of events that belong to no socket.
const NO_SOCKET: u64 = u64::MAX;

#[derive(Debug)]
pub(super) struct Set {
    pub(super) epoll: Arc<OwnedFd>,
    sockets: Mutex<Sockets>,
    /// Woken when the last socket leaves.
    on_empty: Option<Waker>,
}

#[derive(Debug, Default)]
struct Sockets {
    /// By file descriptor, which belongs to one socket as long as it is in here.
    by_fd: Vec<Option<Arc<Readiness>>>,
    count: usize,
}

thread_local! {
    /// The set of the thread, if it has one.
    static OF_THIS_THREAD: RefCell<Option<Arc<Set>>> = const { RefCell::new(None) };
}

impl Set {
    pub(super) fn create(on_empty: Option<Waker>) -> io::Result<Self> {
        let epoll = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        Ok(Self { epoll, sockets: Mutex::default(), on_empty })
    }

    /// Registers the sockets that this thread makes from here on in this set.
    pub(super) fn use_on_this_thread(self: &Arc<Self>) {
        OF_THIS_THREAD.set(Some(Arc::clone(self)));
    }

    /// Lets an eventfd end a wait, each time when it is written to.
    pub(super) fn add_event(&self, event: impl AsFd) -> io::Result<()> {
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        Ok(epoll::add(&self.epoll, event, epoll::EventData::new_u64(NO_SOCKET), flags)?)
    }

    /// Takes the kernel's events, or waits for some, calls `waited`, and wakes the tasks that wait
    /// for them.
    pub(super) fn dispatch(&self, wait: bool, waited: impl FnOnce()) {
        const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut events = [const { MaybeUninit::uninit() }; EVENTS_MAX];
        let timeout = if wait { None } else { Some(&NOW) };
        // The caller repeats a call that a signal has interrupted.
        let taken = epoll::wait(&self.epoll, events.as_mut_slice(), timeout);
        waited();
        for waker in taken.map_or_else(|_| Vec::new(), |(events, _)| self.note(events)) {
            // A waker that panics must not take other tasks with it.
            let _ = panic::catch_unwind(|| waker.wake());
        }
    }

    /// Notes which sockets are ready. The tasks that wait for them.
    fn note(&self, events: &[epoll::Event]) -> Vec<Waker> {
        let mut wakers = Vec::with_capacity(events.len());
        let sockets = self.sockets();
        for event in events {
            let fd = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            // A socket may have left meanwhile, and another one have its descriptor. That one is
            // tried in vain, which does no harm.
            let Some(Some(readiness)) = sockets.by_fd.get(fd) else { continue };
            let flags = event.flags;
            let ended = flags.intersects(epoll::EventFlags::HUP | epoll::EventFlags::ERR);
            // The end and urgent data are reported once, but a read stops before them.
            let cut = flags.intersects(epoll::EventFlags::RDHUP | epoll::EventFlags::PRI);
            if ended || cut || flags.contains(epoll::EventFlags::IN) {
                wakers.extend(readiness.notify(Direction::Read, ended || cut));
            }
            if ended || flags.contains(epoll::EventFlags::OUT) {
                wakers.extend(readiness.notify(Direction::Write, false));
            }
        }
        wakers
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sockets().count == 0
    }

    fn sockets(&self) -> MutexGuard<'_, Sockets> {
        lock(&self.sockets)
    }
}

/// A socket's registration in a set, until it is [taken out](Self::remove).
#[derive(Debug)]
pub(in super::super) struct Registration {
    set: Arc<Set>,
    readiness: Arc<Readiness>,
}

impl Registration {
    /// Registers a socket that does not block in the set of this thread, or of the process. `None`
    /// if the system has no room for it, or no set.
    pub(in super::super) fn add(socket: &TcpStream) -> Option<Self> {
        let own = OF_THIS_THREAD.try_with(|set| set.borrow().clone()).ok().flatten();
        let set = own.or_else(process::set)?;
        let fd = index(socket)?;
        let readiness = Arc::new(Readiness::new());
        let flags = epoll::EventFlags::IN
            | epoll::EventFlags::OUT
            | epoll::EventFlags::RDHUP
            | epoll::EventFlags::PRI
            | epoll::EventFlags::ET;
        {
            // Under the lock, so that no event comes before it can be noted.
            let mut sockets = set.sockets();
            epoll::add(&set.epoll, socket, epoll::EventData::new_u64(fd as u64), flags).ok()?;
            if sockets.by_fd.len() <= fd {
                sockets.by_fd.resize(fd + 1, None);
            }
            sockets.by_fd[fd] = Some(Arc::clone(&readiness));
            sockets.count += 1;
        }
        Some(Self { set, readiness })
    }

    /// Takes the socket out again, which must come before it is closed.
    pub(in super::super) fn remove(&self, socket: &TcpStream) {
        let Some(fd) = index(socket) else { return };
        let mut sockets = self.set.sockets();
        // It fails if the kernel has let go of it, which is as well.
        let _ = epoll::delete(&self.set.epoll, socket);
        sockets.by_fd[fd] = None;
        sockets.count -= 1;
        let empty = sockets.count == 0;
        drop(sockets);
        if empty && let Some(waker) = &self.set.on_empty {
            waker.wake_by_ref();
        }
    }

    /// Ready when the kernel has reported something about this direction since.
    pub(in super::super) fn poll(
        &self,
        direction: Direction,
        seen: Seen,
        cx: &Context<'_>,
    ) -> Poll<Seen> {
        self.readiness.poll(direction, seen, cx)
    }
}

fn index(socket: &TcpStream) -> Option<usize> {
    usize::try_from(socket.as_raw_fd()).ok()
}
