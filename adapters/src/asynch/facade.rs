//! The callback facade: a task for each connection.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use super::caller::Caller;
use super::dial::{dial, pause};
use super::io::{Io, would_block};
use super::runtime::Runtime;
use super::spare;
use super::transport::AsyncTransport;
use super::wait::{either, within};
use crate::clock::Clock;
use crate::drive::Want;
use crate::facade::{Runner, Session, Shared, WebSocket, Writable, WriteSlices};
use crate::open::error::ConnectError;
use crate::open::options::ConnectOptions;
use crate::open::request::{Opened, Request};
use crate::server::{LINGER, Slot};
use crate::sync::{Mutex, lock, try_lock};

/// Makes a connection in the background, in a task of this spawner's.
pub(crate) fn create<R: Runtime>(
    spawner: R::Spawner,
    options: ConnectOptions,
) -> Result<WebSocket, ConnectError> {
    let request = Request::for_facade(options)?;
    let (shared, wake) = prepare::<R>(request.url.without_user_info(), spawner.clone());
    let shared = Arc::new(shared.reconnecting(&request, Clock::by(R::now)));
    let task = Arc::clone(&shared);
    R::spawn(&spawner, async move {
        connect::<R>(&task, &request, &wake).await;
        while let Some(time) = task.time_to_attempt() {
            match either(pause::<R>(time, &request), wake.given_up(&task)).await {
                Ok(()) => connect::<R>(&task, &request, &wake).await,
                Err(error) => task.fail_to_open(error),
            }
        }
    });
    Ok(WebSocket::new(shared))
}

/// One attempt, and the connection that comes of it.
async fn connect<R: Runtime>(shared: &Arc<Shared>, request: &Request, wake: &LoopWaker) {
    // In a box of its own: what the handshake takes is not held by the open connection.
    match Box::pin(dial::<R>(request, wake.given_up(shared))).await {
        Ok((stream, opened)) => match Session::open(shared, opened, Slot::of_client(request)) {
            Some(session) => run::<R, _>(session, stream, wake).await,
            None => shared.fail_to_open(ConnectError::Abandoned),
        },
        Err(error) => shared.fail_to_open(error),
    }
}

/// The facade's object for a connection that is open already, at either end.
///
/// # Panics
///
/// Outside of the runtime.
pub(crate) fn adopt<R: Runtime, S>(stream: S, opened: Opened, slot: Option<Slot>) -> WebSocket
where
    S: AsyncTransport<R> + Send + 'static,
{
    let spawner = R::spawner().unwrap_or_else(|error| panic!("{error}"));
    let (shared, wake) = prepare::<R>(String::new(), spawner.clone());
    let shared = Arc::new(shared);
    // At once, so that it can be sent on at once.
    if let Some(session) = Session::open(&shared, opened, slot) {
        R::spawn(&spawner, async move { run::<R, S>(session, stream, &wake).await });
    }
    WebSocket::new(shared)
}

fn prepare<R: Runtime>(url: String, spawner: R::Spawner) -> (Shared, Arc<LoopWaker>) {
    let wake = Arc::new(LoopWaker::default());
    let runner = TaskRunner::<R> { wake: Arc::clone(&wake), spawner };
    (Shared::new(url, Box::new(runner)), wake)
}

/// A stream to which publishers write while its loop does not use it.
struct SharedStream<R: Runtime, S>(Mutex<StreamState<R, S>>);

struct StreamState<R: Runtime, S> {
    io: Io<R, S>,
    /// Whether the stream may hold back bytes that it has taken.
    unflushed: bool,
}

impl<R: Runtime, S: AsyncTransport<R>> StreamState<R, S> {
    /// Lets bytes go that the stream may hold back. Whether none are left.
    fn flush(&mut self, caller: &Caller<'_>) -> io::Result<bool> {
        if self.unflushed {
            let flushed = self.io.flush(caller);
            self.unflushed = flushed.as_ref().is_err_and(would_block);
            if !self.unflushed {
                flushed?;
            }
        }
        Ok(!self.unflushed)
    }
}

// A task that publishes to thousands of members must not spend its budget on that.
impl<R, S> Writable for SharedStream<R, S>
where
    R: Runtime,
    S: AsyncTransport<R> + Send + 'static,
{
    fn write_aside(&self, act: &mut dyn FnMut(&mut WriteSlices<'_>) -> bool) -> io::Result<bool> {
        R::unconstrained(|| {
            // The loop holds this lock while it locks the connection, which is locked here.
            let Some(mut stream_state) = try_lock(&self.0) else {
                return Ok(act(&mut |_| Err(io::ErrorKind::WouldBlock.into())));
            };
            let caller = &Caller::brief();
            let written = act(&mut |slices| {
                stream_state.unflushed = true;
                stream_state.io.write(slices, caller)
            });
            Ok(written && stream_state.flush(caller)?)
        })
    }

    fn may_write_aside(&self) -> bool {
        try_lock(&self.0).is_some_and(|state| !state.io.is_over)
    }
}

/// The loop of one connection.
async fn run<R: Runtime, S>(mut session: Session, stream: S, wake: &LoopWaker)
where
    S: AsyncTransport<R> + Send + 'static,
{
    let io = Io::<R, S>::new(stream, session.clock());
    let shared_stream = Arc::new(SharedStream(Mutex::new(StreamState { io, unflushed: false })));
    session.lend_stream(&shared_stream);
    while let Some(want) = session.next() {
        poll_fn(|cx| poll(&mut session, &mut lock(&shared_stream.0), wake, want, cx)).await;
    }
    let shut_down = poll_fn(|cx| lock(&shared_stream.0).io.stream.poll_shut_down(cx));
    if within::<R, _>(Some(LINGER), shut_down).await.is_none() {
        lock(&shared_stream.0).io.stream.shut_down_now();
    }
}

/// Takes the step that the session wants, and waits. Ready when the session should be asked again.
fn poll<R: Runtime, S: AsyncTransport<R>>(
    session: &mut Session,
    stream_state: &mut StreamState<R, S>,
    wake: &LoopWaker,
    want: Want,
    cx: &mut Context<'_>,
) -> Poll<()> {
    // Before anything is looked at, so that no wake-up is lost.
    wake.listen(cx);
    let caller = &mut Caller::alone(cx.waker());
    ready!(stream_state.io.poll_turn(caller));
    let mut go_on = false;
    if want.write {
        session.write(|slices| {
            let written = stream_state.io.write(slices, caller);
            go_on |= !written.as_ref().is_err_and(would_block);
            written
        });
        stream_state.unflushed = true;
    }
    if let Err(error) = stream_state.flush(caller) {
        session.write_failed(error);
        go_on = true;
    }
    let io = &mut stream_state.io;
    if want.shut_down && io.poll_shut_down(caller).is_ready() {
        session.was_shut_down();
        go_on = true;
    }
    if want.read {
        spare::lend(Some(session.inbox_mut()), None);
        let mut unknown = false;
        go_on |= session.read(|space| {
            let read = io.read(space, caller);
            unknown = read.as_ref().is_err_and(would_block) && io.is_unknown(want.until, caller);
            if unknown { Err(io::ErrorKind::Interrupted.into()) } else { read }
        });
        if unknown {
            R::wake_later(cx.waker());
            return Poll::Pending;
        }
    }
    if go_on || wake.take() {
        return Poll::Ready(());
    }
    io.waits(caller);
    spare::take_back(Some(session.inbox_mut()), None);
    io.poll_until(want.until, caller)
}

/// Wakes the loop of a connection.
#[derive(Default)]
struct LoopWaker(Mutex<LoopWakerState>);

#[derive(Default)]
struct LoopWakerState {
    woken: bool,
    waker: Option<Waker>,
}

impl LoopWaker {
    fn listen(&self, cx: &Context<'_>) {
        match &mut lock(&self.0).waker {
            Some(waker) => waker.clone_from(cx.waker()),
            waker => *waker = Some(cx.waker().clone()),
        }
    }

    /// An error, once the attempt to connect is given up.
    async fn given_up<T>(&self, shared: &Shared) -> Result<T, ConnectError> {
        poll_fn(|cx| {
            self.listen(cx);
            match shared.is_given_up() {
                true => Poll::Ready(Err(ConnectError::Abandoned)),
                false => Poll::Pending,
            }
        })
        .await
    }

    /// Whether it was woken since the last call.
    fn take(&self) -> bool {
        std::mem::take(&mut lock(&self.0).woken)
    }

    fn wake(&self) {
        let mut state = lock(&self.0);
        state.woken = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// How the handles of a connection reach its task.
struct TaskRunner<R: Runtime> {
    wake: Arc<LoopWaker>,
    spawner: R::Spawner,
}

impl<R: Runtime> Runner for TaskRunner<R> {
    fn wake(&self) {
        self.wake.wake();
    }

    fn spawn(&self, task: Box<dyn FnOnce() + Send>) -> bool {
        R::spawn(&self.spawner, async move { task() })
    }
}
