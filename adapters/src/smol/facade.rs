//! The callback facade on the smol adapter: a task for each connection.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use smol::Executor;
use smol::future::{FutureExt as _, yield_now};
use smol::io::{AsyncRead, AsyncWrite};

use super::deadline::Deadline;
use super::dial::{dial, pause};
use super::home::Home;
use super::shut_down::poll_shut_down;
use crate::connect::{ConnectOptions, Opened, Request};
use crate::connect_error::ConnectError;
use crate::facade::{Runner, Session, Shared, WebSocket};

/// Makes a connection in the background, in a task on smol's global executor; see
/// [`facade`](crate::facade).
///
/// # Errors
///
/// If an argument is invalid. Nothing has been started then. What the network does is told by
/// `on_error` and `on_close`.
pub fn create(options: impl Into<ConnectOptions>) -> Result<WebSocket, ConnectError> {
    start(Home::Global, options.into())
}

/// The same in tasks on an executor of yours: whoever runs it calls the callbacks.
///
/// So a program whose callbacks belong to one thread has them there, without a queue between. The
/// executor [is empty](Executor::is_empty) when every connection on it has ended and every callback
/// that was due has been called. When it is dropped, so are the connections, without a word.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use bluewire::smol::websocketfactory;
///
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("ws://{}/", listener.local_addr()?);
/// # drop(listener);
/// let executor = Arc::new(smol::Executor::new());
/// let socket = websocketfactory::create_on(&executor, url)?;
/// let here = std::thread::current().id();
/// socket.on_close(move |_| assert_eq!(std::thread::current().id(), here));
/// smol::block_on(async {
///     while !executor.is_empty() {
///         executor.tick().await;
///     }
/// });
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`create`].
pub fn create_on(
    executor: &Arc<Executor<'static>>,
    options: impl Into<ConnectOptions>,
) -> Result<WebSocket, ConnectError> {
    start(Home::On(Arc::downgrade(executor)), options.into())
}

fn start(home: Home, options: ConnectOptions) -> Result<WebSocket, ConnectError> {
    let request = Request::for_facade(options)?;
    let (shared, bell) = prepare(request.url.to_string(), home.clone());
    let shared = Arc::new(shared.reconnecting(&request));
    let task = Arc::clone(&shared);
    home.spawn(async move {
        connect(&task, &request, &bell).await;
        while let Some(time) = task.time_to_attempt() {
            match pause(time, &request).or(bell.given_up(&task)).await {
                Ok(()) => connect(&task, &request, &bell).await,
                Err(error) => task.fail_to_open(error),
            }
        }
    });
    Ok(WebSocket::new(shared))
}

/// One attempt, and the connection that comes of it.
async fn connect(shared: &Arc<Shared>, request: &Request, bell: &Bell) {
    match dial(request, bell.given_up(shared)).await {
        Ok((stream, opened)) => match Session::open(shared, opened) {
            Some(session) => run(session, stream, bell).await,
            None => shared.fail_to_open(ConnectError::Abandoned),
        },
        Err(error) => shared.fail_to_open(error),
    }
}

/// The same object for a connection that is open already, here or on the server's side.
pub(super) fn adopt<S>(stream: S, opened: Opened) -> WebSocket
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let home = Home::here();
    let (shared, bell) = prepare(String::new(), home.clone());
    let shared = Arc::new(shared);
    // At once, so that it can be sent on at once.
    if let Some(session) = Session::open(&shared, opened) {
        home.spawn(async move { run(session, stream, &bell).await });
    }
    WebSocket::new(shared)
}

fn prepare(url: String, home: Home) -> (Shared, Arc<Bell>) {
    let bell = Arc::new(Bell::default());
    let cord = Cord { bell: Arc::clone(&bell), home };
    (Shared::new(url, Box::new(cord)), bell)
}

/// After so many turns with something to read in each, other tasks have theirs.
const BUSY_TURNS_MAX: u32 = 16;

/// The loop of one connection.
async fn run<S>(mut session: Session, mut stream: S, bell: &Bell)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let mut deadline = Deadline::default();
    let mut shut_down = false;
    let mut busy_turns = 0;
    while session.step() {
        if busy_turns == BUSY_TURNS_MAX {
            busy_turns = 0;
            yield_now().await;
        }
        poll_fn(|cx| {
            bell.listen(cx);
            session.write(|slices| unpend(Pin::new(&mut stream).poll_write_vectored(cx, slices)));
            // For streams that keep what is written; if it fails, so does the read.
            let _ = Pin::new(&mut stream).poll_flush(cx);
            let wait = session.wait();
            if wait.shut_down && !shut_down {
                // If that fails, the end of the stream comes all the sooner.
                shut_down = poll_shut_down(&mut stream, cx).is_ready();
            }
            if wait.skip {
                return Poll::Ready(());
            }
            // Before the bell, which others can ring without end.
            if wait.read {
                let read = Pin::new(&mut stream).poll_read(cx, session.space());
                busy_turns = if read.is_ready() { busy_turns + 1 } else { 0 };
                match unpend(read) {
                    Ok(0) => session.received_end(None),
                    Ok(len) => session.received(len),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => session.received_end(Some(error)),
                }
                session.looked();
            } else {
                busy_turns = 0;
            }
            if busy_turns > 0 || bell.has_rung() {
                return Poll::Ready(());
            }
            deadline.poll(session.clock(), wait.until, cx)
        })
        .await;
    }
}

/// What a non-blocking call would have said.
fn unpend(polled: Poll<io::Result<usize>>) -> io::Result<usize> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

/// What the loop waits for beside its stream.
#[derive(Default)]
struct Bell(Mutex<Ring>);

#[derive(Default)]
struct Ring {
    rung: bool,
    waker: Option<Waker>,
}

impl Bell {
    fn listen(&self, cx: &Context<'_>) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut ring.waker {
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

    fn has_rung(&self) -> bool {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut ring.rung)
    }
}

/// What a handle pulls to wake the loop.
struct Cord {
    bell: Arc<Bell>,
    home: Home,
}

impl Runner for Cord {
    fn wake(&self) {
        let mut ring = self.bell.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.rung = true;
        let waker = ring.waker.take();
        drop(ring);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn spawn(&self, task: Box<dyn FnOnce() + Send>) -> bool {
        self.home.spawn(async move { task() })
    }
}
