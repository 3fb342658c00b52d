//! The set, and a socket's place in it.

use std::io;
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use rustix::event::{Timespec, epoll};
use smol::Async;

use super::readiness::{Direction, Readiness, Seen};

/// How many events are taken at a time, of 12 bytes each. If there are more, async-io tells again.
const EVENTS_MAX: usize = 512;

struct Set {
    epoll: Async<OwnedFd>,
    /// By file descriptor, which is one socket's as long as it is in here.
    sockets: Mutex<Vec<Option<Arc<Readiness>>>>,
}

/// A socket's place in the set, until it is dropped, which is to come before the socket's end.
#[derive(Debug)]
pub(in super::super) struct Registration {
    readiness: Arc<Readiness>,
}

impl Registration {
    /// Enters a socket that does not block, and that nobody else waits for. `None` if the system
    /// has no place for it, or no set.
    pub(in super::super) fn enter(socket: &TcpStream) -> Option<Self> {
        let set = Set::get()?;
        let readiness = Arc::new(Readiness::new());
        let place = place(socket)?;
        let mut sockets = set.sockets();
        let flags = epoll::EventFlags::IN
            | epoll::EventFlags::OUT
            | epoll::EventFlags::RDHUP
            | epoll::EventFlags::PRI
            | epoll::EventFlags::ET;
        let data = epoll::EventData::new_u64(place as u64);
        epoll::add(set.epoll.get_ref(), socket, data, flags).ok()?;
        if sockets.len() <= place {
            sockets.resize(place + 1, None);
        }
        sockets[place] = Some(Arc::clone(&readiness));
        Some(Self { readiness })
    }

    /// Takes it out again.
    pub(in super::super) fn leave(&self, socket: &TcpStream) {
        let (Some(set), Some(place)) = (Set::get(), place(socket)) else { return };
        let mut sockets = set.sockets();
        // Under the lock: so no event of this socket is told to the next one in its place. It
        // fails if the socket is gone, and then so is its registration.
        let _ = epoll::delete(set.epoll.get_ref(), socket);
        sockets[place] = None;
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

impl Set {
    /// That of the process; `None` if the system refuses it.
    fn get() -> Option<&'static Arc<Self>> {
        static SET: OnceLock<Option<Arc<Set>>> = OnceLock::new();
        SET.get_or_init(|| Self::create().ok()).as_ref()
    }

    fn create() -> io::Result<Arc<Self>> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let epoll = Async::new_nonblocking(epoll)?;
        let set = Arc::new(Self { epoll, sockets: Mutex::default() });
        set.listen()?;
        Ok(set)
    }

    /// Lets async-io tell once when there is something in the set.
    fn listen(self: &Arc<Self>) -> io::Result<()> {
        let waker = Waker::from(Arc::clone(self));
        let cx = &mut Context::from_waker(&waker);
        loop {
            match self.epoll.poll_readable(cx) {
                // Told already, which is why this is called.
                Poll::Ready(told) => told?,
                Poll::Pending => return Ok(()),
            }
        }
    }

    /// Takes events out of the set. The tasks that they are for.
    fn take_events(&self) -> Vec<Waker> {
        const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut events = [const { MaybeUninit::uninit() }; EVENTS_MAX];
        let sockets = self.sockets();
        // If it fails, async-io tells again.
        let told = epoll::wait(self.epoll.get_ref(), events.as_mut_slice(), Some(&NOW));
        let events = told.map_or_else(|_| Default::default(), |(events, _)| events);
        let mut wakers = Vec::with_capacity(events.len());
        for event in events {
            let place = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            let Some(Some(readiness)) = sockets.get(place) else { continue };
            let flags = event.flags;
            let ended = flags.intersects(epoll::EventFlags::HUP | epoll::EventFlags::ERR);
            // Urgent data and the end are told once, but a read stops before them.
            let short = flags.intersects(epoll::EventFlags::RDHUP | epoll::EventFlags::PRI);
            if ended || short || flags.contains(epoll::EventFlags::IN) {
                wakers.extend(readiness.tell(Direction::Read, ended || short));
            }
            if ended || flags.contains(epoll::EventFlags::OUT) {
                wakers.extend(readiness.tell(Direction::Write, false));
            }
        }
        wakers
    }

    fn sockets(&self) -> MutexGuard<'_, Vec<Option<Arc<Readiness>>>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What async-io calls when there is something in the set.
impl Wake for Set {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let wakers = self.take_events();
        // Before the wakers, which are others' code. It changes an interest that is there, which
        // the kernel does not refuse.
        let _ = self.listen();
        for waker in wakers {
            // One that panics takes no other task with it.
            let _ = panic::catch_unwind(|| waker.wake());
        }
    }
}
