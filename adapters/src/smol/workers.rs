//! The threads of a server that has some of its own, and where tasks are spawned.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Weak};
use std::thread;

use smol::Executor;
use smol::channel::{Receiver, Sender, bounded};

#[cfg(target_os = "linux")]
use super::reactor::ThreadReactor;

thread_local! {
    /// The executor of this thread, if it is a worker of a server.
    static OF_THIS_THREAD: RefCell<Option<Weak<Executor<'static>>>> = const { RefCell::new(None) };
}

/// Where tasks are spawned.
#[expect(unnameable_types, reason = "a type of a sealed trait")]
#[derive(Clone, Debug)]
pub enum Spawner {
    /// smol's global executor.
    Global,
    /// Another one. The reference is weak, since the tasks that the executor keeps hold it in turn.
    On(Weak<Executor<'static>>),
}

impl Spawner {
    /// Where tasks of this thread are spawned.
    pub(super) fn of_this_thread() -> Self {
        let own = OF_THIS_THREAD.try_with(|executor| executor.borrow().clone()).ok().flatten();
        own.map_or(Self::Global, Self::On)
    }

    /// Spawns a task. `false` if its executor is gone.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        match self {
            Self::Global => smol::spawn(task).detach(),
            Self::On(executor) => match executor.upgrade() {
                Some(executor) => executor.spawn(task).detach(),
                None => return false,
            },
        }
        true
    }
}

/// Dropped, it lets each thread end when the last task and the last socket on it have.
#[expect(unnameable_types, reason = "a type of a sealed trait")]
#[derive(Debug)]
pub struct Workers {
    executors: Vec<Arc<Executor<'static>>>,
    /// Closed with it.
    _stop: Sender<()>,
}

impl Workers {
    /// Starts so many threads, which wait in a set of their own or by async-io.
    pub(super) fn start(threads: usize, own_reactor: bool) -> io::Result<Self> {
        let (stop, stopped) = bounded(1);
        let mut executors = Vec::new();
        for number in 1..=threads {
            let executor = Arc::new(Executor::new());
            let (stopped, own) = (stopped.clone(), Arc::clone(&executor));
            thread::Builder::new()
                .name(format!("bluewire-{number}"))
                .spawn(move || work(&own, &stopped, own_reactor))?;
            executors.push(executor);
        }
        Ok(Self { executors, _stop: stop })
    }

    pub(super) fn spawners(&self) -> Vec<Spawner> {
        self.executors.iter().map(|executor| Spawner::On(Arc::downgrade(executor))).collect()
    }
}

/// The work of a thread.
#[cfg_attr(not(target_os = "linux"), expect(unused_variables, reason = "there is one way to wait"))]
fn work(executor: &Arc<Executor<'static>>, stopped: &Receiver<()>, own_reactor: bool) {
    OF_THIS_THREAD.set(Some(Arc::downgrade(executor)));
    let all = async || {
        // Nothing is ever sent: it ends when the workers are dropped.
        let _ = executor.run(stopped.recv()).await;
        while !executor.is_empty() {
            executor.tick().await;
        }
    };
    #[cfg(target_os = "linux")]
    if own_reactor && let Ok(reactor) = ThreadReactor::for_this_thread() {
        loop {
            survive(|| reactor.block_on(all()));
            // Tasks on other threads may still use some sockets.
            if reactor.is_empty() {
                return;
            }
            reactor.wait();
        }
    }
    survive(|| smol::block_on(all()));
}

/// Goes on when a task panics: that is the end of this task, and no other's.
fn survive(work: impl Fn()) {
    while panic::catch_unwind(AssertUnwindSafe(&work)).is_err() {}
}
