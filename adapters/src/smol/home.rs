//! Where the tasks of a connection run.

use std::cell::RefCell;
use std::future::Future;
use std::sync::{Arc, Weak};

use smol::Executor;

thread_local! {
    /// The executor of this thread, if it is one of a server's.
    static HERE: RefCell<Option<Weak<Executor<'static>>>> = const { RefCell::new(None) };
}

#[derive(Clone, Debug)]
pub(super) enum Home {
    /// smol's global executor.
    Global,
    /// Weak, as the tasks that the executor keeps hold it in turn.
    On(Weak<Executor<'static>>),
}

impl Home {
    /// That of the tasks of this thread.
    pub(super) fn here() -> Self {
        let here = HERE.try_with(|here| here.borrow().clone()).ok().flatten();
        here.map_or(Self::Global, Self::On)
    }

    /// Makes the executor that of this thread.
    pub(super) fn settle(executor: &Arc<Executor<'static>>) {
        HERE.set(Some(Arc::downgrade(executor)));
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
