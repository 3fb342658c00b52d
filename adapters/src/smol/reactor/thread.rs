//! A thread that waits in an epoll set of its own, and in nothing else.

use std::fs::File;
use std::future::Future;
use std::io::{self, Write};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use rustix::event::{EventfdFlags, eventfd};

use super::set::Set;

/// Drives a future on the thread that made it, and wakes the tasks that wait for its sockets.
#[derive(Debug)]
pub(in super::super) struct ThreadReactor {
    set: Arc<Set>,
    waker: Arc<ThreadWaker>,
}

/// Wakes the thread.
#[derive(Debug)]
struct ThreadWaker {
    state: AtomicU8,
    /// An eventfd in the set, which ends a wait.
    event: File,
}

/// The thread runs.
const RUNNING: u8 = 0;
/// The thread must run once more before it waits.
const WOKEN: u8 = 1;
/// The thread waits for the kernel.
const WAITING: u8 = 2;

impl ThreadReactor {
    /// Gives this thread a set: the sockets that it makes from here on belong to it.
    pub(in super::super) fn for_this_thread() -> io::Result<Self> {
        let event = File::from(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let waker = Arc::new(ThreadWaker { state: AtomicU8::new(RUNNING), event });
        let set = Arc::new(Set::create(Some(Arc::clone(&waker).into()))?);
        set.add_event(&waker.event)?;
        set.use_on_this_thread();
        Ok(Self { set, waker })
    }

    /// Runs a future to its end.
    pub(in super::super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let waker = Waker::from(Arc::clone(&self.waker));
        let cx = &mut Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            // This poll is for all who have woken the thread before.
            self.waker.state.store(RUNNING, Ordering::SeqCst);
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return output;
            }
            self.wait();
        }
    }

    /// Whether no socket is in the set. If one is, [`wait`](Self::wait) ends when the last leaves.
    pub(in super::super) fn is_empty(&self) -> bool {
        self.waker.state.store(RUNNING, Ordering::SeqCst);
        self.set.is_empty()
    }

    /// Waits for the kernel, unless the thread was woken meanwhile, and wakes tasks.
    pub(in super::super) fn wait(&self) {
        let state = &self.waker.state;
        let waits =
            state.compare_exchange(RUNNING, WAITING, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        // The set is looked at even if there is more to run: tasks that are always ready must not
        // keep others from their events.
        self.set.dispatch(waits, || state.store(RUNNING, Ordering::SeqCst));
    }
}

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(WOKEN, Ordering::SeqCst) == WAITING {
            // It cannot overflow: the thread resets nothing, but waits edge-triggered, and the
            // counter has room for more than will ever be added.
            let _ = (&self.event).write(&1_u64.to_ne_bytes());
        }
    }
}
