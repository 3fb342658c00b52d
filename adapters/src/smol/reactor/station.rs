//! A thread that waits in a set of its own.

use std::fs::File;
use std::future::Future;
use std::io::{self, Write};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use rustix::event::{EventfdFlags, eventfd};

use super::set::Set;

/// Drives a future on the thread that made it, and wakes whoever waits for a socket in its set.
#[derive(Debug)]
pub(in super::super) struct Station {
    set: Arc<Set>,
    alarm: Arc<Alarm>,
}

/// What wakes the thread.
#[derive(Debug)]
struct Alarm {
    state: AtomicU8,
    /// In the set: it ends a wait.
    bell: File,
}

/// Of the thread: it runs, is to run once more, waits.
const AWAKE: u8 = 0;
const RUNG: u8 = 1;
const ASLEEP: u8 = 2;

impl Station {
    /// Makes one of this thread: sockets that it makes from here on are in its set.
    pub(in super::super) fn settle() -> io::Result<Self> {
        let bell = File::from(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let alarm = Arc::new(Alarm { state: AtomicU8::new(AWAKE), bell });
        let set = Arc::new(Set::create(Some(Arc::clone(&alarm).into()))?);
        set.add_bell(&alarm.bell)?;
        set.settle();
        Ok(Self { set, alarm })
    }

    /// Runs a future to its end.
    pub(in super::super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let waker = Waker::from(Arc::clone(&self.alarm));
        let cx = &mut Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            // Whoever rang before has this poll.
            self.alarm.state.store(AWAKE, Ordering::SeqCst);
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return output;
            }
            self.wait();
        }
    }

    /// Whether no socket is in the set. If one is, [`wait`](Self::wait) ends when the last leaves.
    pub(in super::super) fn is_empty(&self) -> bool {
        self.alarm.state.store(AWAKE, Ordering::SeqCst);
        self.set.is_empty()
    }

    /// Waits for the kernel, unless somebody has rung meanwhile, and wakes tasks.
    pub(in super::super) fn wait(&self) {
        let state = &self.alarm.state;
        let asleep =
            state.compare_exchange(AWAKE, ASLEEP, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        // Also when there is more to run: tasks that are always ready do not keep others from what
        // the kernel tells.
        self.set.tell(asleep, || state.store(AWAKE, Ordering::SeqCst));
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(RUNG, Ordering::SeqCst) == ASLEEP {
            // It has room for more than will ever ring.
            let _ = (&self.bell).write(&1_u64.to_ne_bytes());
        }
    }
}
