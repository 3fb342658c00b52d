//! A bound for every test: one that hangs says what it waited for, and ends the whole run.
#![allow(dead_code, reason = "not every suite waits by name")]

use std::cell::RefCell;
use std::io::Write;
use std::sync::{Arc, Mutex, Once, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// A test that takes longer hangs: on a machine with thirty times the usual load the slowest takes
/// two or three minutes.
const LIMIT: Duration = Duration::from_secs(600);

static RUNNING: Mutex<Vec<Weak<Test>>> = Mutex::new(Vec::new());
static WATCH: Once = Once::new();

thread_local! {
    static CURRENT: RefCell<Weak<Test>> = const { RefCell::new(Weak::new()) };
}

struct Test {
    name: String,
    start: Instant,
    waits_for: Mutex<String>,
}

/// A test that runs for as long as this lives.
pub(crate) struct Bound(#[expect(dead_code, reason = "its life is what counts")] Arc<Test>);

/// Bounds the test of this thread: to be kept until its end.
#[must_use]
pub(crate) fn bound() -> Bound {
    let name = thread::current().name().unwrap_or("?").to_owned();
    let waits_for = Mutex::new("its end".to_owned());
    let test = Arc::new(Test { name, start: Instant::now(), waits_for });
    CURRENT.set(Arc::downgrade(&test));
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&test));
    WATCH.call_once(|| drop(thread::spawn(watch)));
    Bound(test)
}

/// Notes what the test of this thread waits for.
pub(crate) fn waits_for(what: &str) {
    if let Some(test) = CURRENT.with_borrow(Weak::upgrade) {
        what.clone_into(&mut test.waits_for.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn watch() {
    loop {
        thread::sleep(Duration::from_secs(1));
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|test| test.strong_count() > 0);
        for test in running.iter().filter_map(Weak::upgrade) {
            if test.start.elapsed() > LIMIT {
                let waits_for = test.waits_for.lock().unwrap_or_else(PoisonError::into_inner);
                // Not by the macros, whose output is kept for a test that ends.
                let text = format!("\ntest {} hangs: it waits for {waits_for}\n", test.name);
                let _ = std::io::stderr().write_all(text.as_bytes());
                std::process::abort();
            }
        }
    }
}
