//! Tests that need a process of their own start this program again, for one test that is ignored
//! otherwise.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::PATIENCE;

/// The variable that holds the argument of a process.
pub(crate) const ARGUMENT: &str = "BLUEWIRE_REPORTS_ARGUMENT";

pub(crate) fn argument() -> String {
    std::env::var(ARGUMENT).expect("another test starts this one")
}

/// A process that runs one test. It ends with its owner.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn start(test: &str, argument: &str) -> Self {
        let program = std::env::current_exe().unwrap();
        let child = Command::new(program)
            .args(["--exact", test, "--ignored", "--nocapture", "--test-threads", "1"])
            .env(ARGUMENT, argument)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args([&format!("-{signal}"), &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end: whether it was satisfied.
    pub(crate) fn succeeds(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.success();
            }
            assert!(Instant::now() < until, "it does not end");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
