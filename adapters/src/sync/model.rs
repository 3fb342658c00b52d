//! Runs tests in orders that a model checker chooses, in a time that a test moves.
//!
//! The checker runs all threads of a test on one thread of the system, so thread-locals are what
//! they share.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, LockResult, PoisonError};
use std::time::{Duration, Instant};

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::MutexGuard;
use shuttle::{Config, MaxSteps, Runner};

/// A run that takes more steps goes round in circles.
const STEPS_MAX: usize = 20_000;

/// How long all runs of a test may take. The checker cannot see a loop that touches nothing shared.
const TIME_MAX: Duration = Duration::from_secs(280);

/// How many moments of a run the second scheduler chooses to take a thread's turn away.
const DEPTH: usize = 3;

thread_local! {
    static START: Instant = Instant::now();
    static TIME: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    /// The waits that end by themselves: when, and by what they are ended.
    static WAITS: RefCell<BTreeMap<u64, (Instant, Arc<shuttle::sync::Condvar>)>> = RefCell::default();
    static LAST_WAIT: Cell<u64> = const { Cell::new(0) };
}

/// Runs the test in so many orders: half of them are drawn at random, and half of them let threads
/// run for long and take the turn away at few moments, which finds faults of other kinds.
///
/// It fails if a run panics, comes to a deadlock, or takes too long.
pub(crate) fn check(orders: usize, test: fn()) {
    let run = move || {
        TIME.set(Duration::ZERO);
        WAITS.with_borrow_mut(BTreeMap::clear);
        test();
    };
    let (done, wait) = channel();
    let checking = std::thread::spawn(move || {
        let mut config = Config::new();
        config.max_steps = MaxSteps::FailAfter(STEPS_MAX);
        config.stack_size = 512 * 1024;
        config.silence_warnings = true;
        let half = orders / 2;
        Runner::new(RandomScheduler::new(half), config.clone()).run(run);
        Runner::new(PctScheduler::new(DEPTH, half), config).run(run);
        // The other end is gone if that took too long.
        let _ = done.send(());
    });
    let waited = wait.recv_timeout(TIME_MAX);
    assert!(
        !matches!(waited, Err(std::sync::mpsc::RecvTimeoutError::Timeout)),
        "the runs take longer than {TIME_MAX:?}"
    );
    if let Err(panic) = checking.join() {
        std::panic::resume_unwind(panic);
    }
}

pub(super) fn now() -> Instant {
    START.with(|start| *start) + TIME.get()
}

/// Moves the time on, and ends the waits that are due.
pub(crate) fn advance(by: Duration) {
    TIME.set(TIME.get() + by);
    loop {
        let due: Vec<_> = WAITS.with_borrow(|waits| {
            let due = waits.values().filter(|(until, _)| *until <= now());
            due.map(|(_, condvar)| Arc::clone(condvar)).collect()
        });
        if due.is_empty() {
            return;
        }
        // One that is about to wait does not hear it, and is still there the next time.
        due.iter().for_each(|condvar| condvar.notify_all());
        shuttle::thread::yield_now();
    }
}

/// A thread that time ends, if nothing else does.
pub(crate) struct Timed<T> {
    thread: shuttle::thread::JoinHandle<T>,
    ended: Arc<AtomicBool>,
}

impl<T: Send + 'static> Timed<T> {
    pub(crate) fn spawn(act: impl FnOnce() -> T + Send + 'static) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        let thread = shuttle::thread::spawn(move || {
            let result = act();
            end.store(true, Ordering::SeqCst);
            result
        });
        Self { thread, ended }
    }

    /// Lets time pass until it has ended.
    pub(crate) fn join(self) -> T {
        pass_time_until(advance, || self.ended.load(Ordering::SeqCst));
        self.thread.join().expect("no panic")
    }
}

/// Lets seconds pass until this is so.
pub(crate) fn pass_time_until(advance: fn(Duration), is_so: impl Fn() -> bool) {
    for _ in 0..500 {
        if is_so() {
            return;
        }
        advance(Duration::from_secs(1));
        shuttle::thread::yield_now();
    }
    panic!("time does not end it");
}

/// A condition variable whose timeouts follow the time of the test.
#[derive(Debug, Default)]
pub(crate) struct Condvar(Arc<shuttle::sync::Condvar>);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait(guard)
    }

    pub(crate) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        time: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, bool)> {
        // A time that no instant can express never comes.
        let Some(until) = now().checked_add(time) else {
            return match self.0.wait(guard) {
                Ok(guard) => Ok((guard, false)),
                Err(error) => Err(PoisonError::new((error.into_inner(), false))),
            };
        };
        let id = LAST_WAIT.get() + 1;
        LAST_WAIT.set(id);
        WAITS.with_borrow_mut(|waits| waits.insert(id, (until, Arc::clone(&self.0))));
        let waited = self.0.wait(guard);
        WAITS.with_borrow_mut(|waits| waits.remove(&id));
        let over = until <= now();
        match waited {
            Ok(guard) => Ok((guard, over)),
            Err(error) => Err(PoisonError::new((error.into_inner(), over))),
        }
    }
}
