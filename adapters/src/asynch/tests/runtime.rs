//! A runtime whose time stands still until a test moves it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use crate::asynch::runtime::Timer;

/// Each test has its own time, since each runs on a thread of its own.
pub(super) struct Manual;

thread_local! {
    static START: Instant = Instant::now();
    static TIME: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static TIMERS: RefCell<BTreeMap<u64, (Instant, Waker)>> = RefCell::default();
    static LAST_TIMER: Cell<u64> = const { Cell::new(0) };
    static LOOKS: Cell<usize> = const { Cell::new(0) };
}

/// The clock of connections.
pub(super) fn now() -> Instant {
    LOOKS.set(LOOKS.get() + 1);
    instant()
}

/// How often connections have looked at the clock.
pub(super) fn looks() -> usize {
    LOOKS.get()
}

fn instant() -> Instant {
    START.with(|start| *start) + TIME.get()
}

/// The time since the test began.
pub(super) fn time() -> Duration {
    TIME.get()
}

/// Moves the time on. The timers have yet to ring.
pub(super) fn advance_only(by: Duration) {
    TIME.set(TIME.get() + by);
}

/// Moves the time on, and wakes what waits for it.
pub(super) fn advance(by: Duration) {
    advance_only(by);
    let due: Vec<Waker> = TIMERS.with_borrow_mut(|timers| {
        let due = timers.extract_if(.., |_, (at, _)| *at <= instant());
        due.map(|(_, (_, waker))| waker).collect()
    });
    due.into_iter().for_each(Waker::wake);
}

/// A timer that keeps only the last waker.
pub(super) struct ManualTimer {
    id: u64,
    at: Option<Instant>,
}

impl Timer for ManualTimer {
    fn never() -> Self {
        let id = LAST_TIMER.get() + 1;
        LAST_TIMER.set(id);
        Self { id, at: None }
    }

    fn set(&mut self, at: Instant) {
        self.at = Some(at);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        TIMERS.with_borrow_mut(|timers| match at <= instant() {
            true => drop(timers.remove(&self.id)),
            false => drop(timers.insert(self.id, (at, cx.waker().clone()))),
        });
        if at <= instant() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for ManualTimer {
    fn drop(&mut self) {
        TIMERS.with_borrow_mut(|timers| timers.remove(&self.id));
    }
}

/// A future that a test polls when it was woken.
pub(super) struct Task<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    wakes: Arc<Wakes>,
}

/// Counts how often a task was woken.
#[derive(Default)]
pub(super) struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl<'a, T> Task<'a, T> {
    pub(super) fn new(future: impl Future<Output = T> + 'a) -> Self {
        let wakes = Arc::new(Wakes(AtomicUsize::new(1)));
        Self { future: Box::pin(future), wakes }
    }

    /// Polls as long as it is woken, like an executor. It must come to rest.
    pub(super) fn run(&mut self) -> Poll<T> {
        for _ in 0..10_000 {
            if self.wakes.0.swap(0, Ordering::SeqCst) == 0 {
                return Poll::Pending;
            }
            if let Poll::Ready(output) = self.poll() {
                return Poll::Ready(output);
            }
        }
        panic!("the task does not come to rest");
    }

    /// Polls once.
    pub(super) fn poll(&mut self) -> Poll<T> {
        let waker = Waker::from(Arc::clone(&self.wakes));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// Runs it while the time moves on in such steps.
    pub(super) fn run_for(&mut self, time: Duration, step: Duration) -> Poll<T> {
        let end = TIME.get() + time;
        loop {
            if let Poll::Ready(output) = self.run() {
                return Poll::Ready(output);
            }
            if TIME.get() >= end {
                return Poll::Pending;
            }
            advance(step);
        }
    }

    pub(super) fn was_woken(&self) -> bool {
        self.wakes.0.load(Ordering::SeqCst) > 0
    }
}
