//! A set, and a socket's place in it.

use std::cell::RefCell;
use std::io;
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::panic;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use rustix::event::{Timespec, epoll};

use super::readiness::{Direction, Readiness, Seen};
use super::source;

/// How many events are taken at a time, of 12 bytes each.
const EVENTS_MAX: usize = 512;
/// What is told with the bell's events, which are no socket's.
const BELL: u64 = u64::MAX;

#[derive(Debug)]
pub(super) struct Set {
    pub(super) epoll: Arc<OwnedFd>,
    sockets: Mutex<Sockets>,
    /// Who is told when the last socket leaves.
    on_empty: Option<Waker>,
}

#[derive(Debug, Default)]
struct Sockets {
    /// By file descriptor, which is one socket's as long as it is in here.
    places: Vec<Option<Arc<Readiness>>>,
    count: usize,
}

thread_local! {
    /// That of the thread, if it has one.
    static HERE: RefCell<Option<Arc<Set>>> = const { RefCell::new(None) };
}

impl Set {
    pub(super) fn create(on_empty: Option<Waker>) -> io::Result<Self> {
        let epoll = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        Ok(Self { epoll, sockets: Mutex::default(), on_empty })
    }

    /// Makes it that of this thread.
    pub(super) fn settle(self: &Arc<Self>) {
        HERE.set(Some(Arc::clone(self)));
    }

    /// Lets something that is no socket end a wait, each time when it becomes readable.
    pub(super) fn add_bell(&self, bell: impl AsFd) -> io::Result<()> {
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        Ok(epoll::add(&self.epoll, bell, epoll::EventData::new_u64(BELL), flags)?)
    }

    /// Takes what the kernel has to tell, or waits for it, and wakes the tasks that it is for, once
    /// `waited` was called.
    pub(super) fn tell(&self, wait: bool, waited: impl FnOnce()) {
        const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut events = [const { MaybeUninit::uninit() }; EVENTS_MAX];
        let timeout = if wait { None } else { Some(&NOW) };
        // What fails, by a signal, is done again by the caller.
        let told = epoll::wait(&self.epoll, events.as_mut_slice(), timeout);
        waited();
        for waker in told.map_or_else(|_| Vec::new(), |(events, _)| self.note(events)) {
            // One that panics takes no other task with it.
            let _ = panic::catch_unwind(|| waker.wake());
        }
    }

    /// Notes what is ready. The tasks that wait for it.
    fn note(&self, events: &[epoll::Event]) -> Vec<Waker> {
        let mut wakers = Vec::with_capacity(events.len());
        let sockets = self.sockets();
        for event in events {
            let place = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            // A socket may have left meanwhile, and another be in its place: for that one, what is
            // told is not so, which it finds out.
            let Some(Some(readiness)) = sockets.places.get(place) else { continue };
            let flags = event.flags;
            let ended = flags.intersects(epoll::EventFlags::HUP | epoll::EventFlags::ERR);
            // The end and urgent data are told once, but a read stops before them.
            let cut = flags.intersects(epoll::EventFlags::RDHUP | epoll::EventFlags::PRI);
            if ended || cut || flags.contains(epoll::EventFlags::IN) {
                wakers.extend(readiness.tell(Direction::Read, ended || cut));
            }
            if ended || flags.contains(epoll::EventFlags::OUT) {
                wakers.extend(readiness.tell(Direction::Write, false));
            }
        }
        wakers
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sockets().count == 0
    }

    fn sockets(&self) -> MutexGuard<'_, Sockets> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket's place in a set, until it [leaves](Self::leave).
#[derive(Debug)]
pub(in super::super) struct Registration {
    set: Arc<Set>,
    readiness: Arc<Readiness>,
}

impl Registration {
    /// Enters a socket that does not block into the set of this thread, or of the process. `None`
    /// if the system has no place for it, or no set.
    pub(in super::super) fn enter(socket: &TcpStream) -> Option<Self> {
        let here = HERE.try_with(|here| here.borrow().clone()).ok().flatten();
        let set = here.or_else(source::of_the_process)?;
        let place = place(socket)?;
        let readiness = Arc::new(Readiness::new());
        let flags = epoll::EventFlags::IN
            | epoll::EventFlags::OUT
            | epoll::EventFlags::RDHUP
            | epoll::EventFlags::PRI
            | epoll::EventFlags::ET;
        {
            // Under the lock: so nothing is told before there is a place to note it.
            let mut sockets = set.sockets();
            epoll::add(&set.epoll, socket, epoll::EventData::new_u64(place as u64), flags).ok()?;
            if sockets.places.len() <= place {
                sockets.places.resize(place + 1, None);
            }
            sockets.places[place] = Some(Arc::clone(&readiness));
            sockets.count += 1;
        }
        Some(Self { set, readiness })
    }

    /// Takes it out again, which must come before its end.
    pub(in super::super) fn leave(&self, socket: &TcpStream) {
        let Some(place) = place(socket) else { return };
        let mut sockets = self.set.sockets();
        // It fails if the kernel has let go of it, which is as well.
        let _ = epoll::delete(&self.set.epoll, socket);
        sockets.places[place] = None;
        sockets.count -= 1;
        let empty = sockets.count == 0;
        drop(sockets);
        if empty && let Some(waker) = &self.set.on_empty {
            waker.wake_by_ref();
        }
    }

    /// Ready when the kernel has told something about this direction since.
    pub(in super::super) fn poll(
        &self,
        direction: Direction,
        seen: Seen,
        cx: &Context<'_>,
    ) -> Poll<Seen> {
        self.readiness.poll(direction, seen, cx)
    }
}

fn place(socket: &TcpStream) -> Option<usize> {
    usize::try_from(socket.as_raw_fd()).ok()
}
