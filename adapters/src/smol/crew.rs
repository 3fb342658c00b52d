//! The threads of a server that has some of its own.

use std::future::Future;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;

use smol::channel::{Receiver, Sender, bounded};
use smol::{Executor, Task};

use super::home::Home;
#[cfg(target_os = "linux")]
use super::reactor::Station;

/// Dropped, it lets each thread end when the last task and the last socket on it have.
#[derive(Debug)]
pub(super) struct Crew {
    executors: Vec<Arc<Executor<'static>>>,
    /// Closed with it.
    _stay: Sender<()>,
}

impl Crew {
    /// Starts so many threads, which wait in a set of their own or by async-io.
    pub(super) fn start(threads: usize, own_reactor: bool) -> io::Result<Self> {
        let (stay, stop) = bounded(1);
        let mut executors = Vec::new();
        for number in 1..=threads {
            let executor = Arc::new(Executor::new());
            let (stop, its_own) = (stop.clone(), Arc::clone(&executor));
            thread::Builder::new()
                .name(format!("bluewire-{number}"))
                .spawn(move || work(&its_own, &stop, own_reactor))?;
            executors.push(executor);
        }
        Ok(Self { executors, _stay: stay })
    }

    /// Spawns a task on each thread, which ends when what is returned is dropped.
    pub(super) fn spawn_each<F>(&self, mut task: impl FnMut(usize) -> F) -> Vec<Task<()>>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let numbered = self.executors.iter().enumerate();
        numbered.map(|(number, executor)| executor.spawn(task(number))).collect()
    }
}

/// What a thread does.
#[cfg_attr(not(target_os = "linux"), expect(unused_variables, reason = "there is one way to wait"))]
fn work(executor: &Arc<Executor<'static>>, stop: &Receiver<()>, own_reactor: bool) {
    Home::settle(executor);
    let all = async || {
        // It is never sent to: this is the end of the crew.
        let _ = executor.run(stop.recv()).await;
        while !executor.is_empty() {
            executor.tick().await;
        }
    };
    #[cfg(target_os = "linux")]
    if own_reactor && let Ok(station) = Station::settle() {
        loop {
            survive(|| station.block_on(all()));
            // Some sockets may be in the hands of other threads' tasks.
            if station.is_empty() {
                return;
            }
            station.wait();
        }
    }
    survive(|| smol::block_on(all()));
}

/// Goes on when a task panics: that is the end of this task, and no other's.
fn survive(work: impl Fn()) {
    while panic::catch_unwind(AssertUnwindSafe(&work)).is_err() {}
}
