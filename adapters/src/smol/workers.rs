//! The threads of a server that has some of its own, and where tasks are spawned.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::thread;

use smol::channel::{Receiver, Sender, bounded};
use smol::{Executor, future};

#[cfg(target_os = "linux")]
use super::reactor::ThreadReactor;

thread_local! {
    /// The executor of this thread, if it is a worker of a server.
    static OF_THIS_THREAD: RefCell<Option<Weak<Executor<'static>>>> = const { RefCell::new(None) };

    /// Whether a task of this thread has yielded since the thread looked at its sockets.
    static YIELDED: Cell<bool> = const { Cell::new(false) };
}

/// How many tasks a worker runs before it looks at its sockets, if none yields.
const TURNS_MAX: u32 = 200;

/// Wakes a task that yields to others, also to those whose sockets become ready meanwhile.
pub(super) fn wake_later(waker: &Waker) {
    waker.wake_by_ref();
    // A thread that ends looks at no socket any more.
    let _ = YIELDED.try_with(|yielded| yielded.set(true));
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
    let all = async || loop {
        run_ready(executor).await;
        match stopped.is_closed() {
            // Nothing is ever sent: it ends when the workers are dropped.
            false => future::or(executor.tick(), async { _ = stopped.recv().await }).await,
            true if executor.is_empty() => return,
            true => executor.tick().await,
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

/// Runs the tasks that are ready until none is. The thread looks at its sockets in between.
async fn run_ready(executor: &Executor<'static>) {
    let mut turns = 0_u32;
    while executor.try_tick() {
        turns = turns.wrapping_add(1);
        if YIELDED.replace(false) || turns.is_multiple_of(TURNS_MAX) {
            future::yield_now().await;
        }
    }
}

/// Goes on when a task panics: that is the end of this task, and no other's.
fn survive(work: impl Fn()) {
    while panic::catch_unwind(AssertUnwindSafe(&work)).is_err() {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::future::poll_fn;
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream};
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Poll;
    use std::time::Duration;

    use super::*;
    use crate::smol::tcp_socket::TcpSocket;

    #[test]
    fn a_task_that_yields_lets_its_thread_look_at_sockets() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let mut near = TcpStream::connect(address).expect("it listens");
        let (far, _) = listener.accept().expect("a client");
        let workers = Workers::start(1, true).expect("a thread");
        let spawner = &workers.spawners()[0];
        let turns = Arc::new(AtomicU32::new(0));
        let (found, turns_found) = bounded(1);
        let waiting_turns = Arc::clone(&turns);
        spawner.spawn(async move {
            let mut far = TcpSocket::new(far).expect("a socket");
            poll_fn(|cx| far.poll_peek(cx, &mut [0])).await.expect("a byte");
            let _ = found.send(waiting_turns.load(Ordering::SeqCst)).await;
        });
        spawner.spawn(async move {
            near.write_all(&[0]).expect("room for it");
            poll_fn(|cx| match turns.fetch_add(1, Ordering::SeqCst) {
                100_000 => Poll::Ready(()),
                _ => {
                    wake_later(cx.waker());
                    Poll::Pending
                }
            })
            .await;
        });
        let waited = async {
            smol::Timer::after(Duration::from_secs(60)).await;
            None
        };
        let found = async { turns_found.recv().await.ok() };
        let turns = smol::block_on(future::or(found, waited)).expect("it is found in time");
        assert!(turns < TURNS_MAX / 4, "{turns} turns");
    }
}
