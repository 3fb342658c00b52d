//! The callback facade on the blocking adapter: a thread for each connection, which waits in
//! `poll(2)` for its socket and for its handles.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;

use super::dial::{dial, pause};
use super::net_stream::WaitWithPipe;
use super::transport::Readiness;
use super::wake::{WakePipe, spawn};
use crate::clock::Clock;
use crate::facade::{Session, Shared, WebSocket, Writable, WriteSlices};
use crate::open::error::ConnectError;
use crate::open::options::ConnectOptions;
use crate::open::request::{Opened, Request};
use crate::server::Slot;

/// Makes a connection in the background; see [`facade`](crate::facade).
///
/// # Errors
///
/// If an argument is invalid, or no thread can be started; nothing has been started then.
/// `on_error` and `on_close` report what happens on the network.
pub fn create(options: impl Into<ConnectOptions>) -> Result<WebSocket, ConnectError> {
    let request = Request::for_facade(options.into())?;
    let pipe = WakePipe::new().map_err(ConnectError::Io)?;
    let runner = Box::new(Arc::clone(pipe.handle()));
    let shared = Shared::new(request.url.without_user_info(), runner);
    let shared = Arc::new(shared.reconnecting(&request, Clock::start()));
    let thread = Arc::clone(&shared);
    spawn(move || {
        connect(&thread, &request, &pipe);
        while let Some(time) = thread.time_to_attempt() {
            match pause(time, &request, &pipe, || thread.is_given_up()) {
                Ok(()) => connect(&thread, &request, &pipe),
                Err(error) => thread.fail_to_open(error),
            }
        }
    })
    .map_err(ConnectError::Io)?;
    Ok(WebSocket::new(shared))
}

/// One attempt, and the connection that comes of it.
fn connect(shared: &Arc<Shared>, request: &Request, pipe: &WakePipe) {
    let dialled = dial(request, pipe, || shared.is_given_up());
    run_attempt(shared, request, dialled, pipe);
}

/// Runs the connection that an attempt has opened, or reports why it did not open.
pub(super) fn run_attempt<S: WaitWithPipe>(
    shared: &Arc<Shared>,
    request: &Request,
    dialled: Result<(S, Opened), ConnectError>,
    pipe: &WakePipe,
) {
    match dialled {
        Ok((stream, opened)) => match Session::open(shared, opened, Slot::of_client(request)) {
            Some(session) => run(session, &Arc::new(stream), pipe),
            None => shared.fail_to_open(ConnectError::Abandoned),
        },
        Err(error) => shared.fail_to_open(error),
    }
}

/// The same object for a connection that is open already, here or on the server's side.
pub(super) fn adopt<S: WaitWithPipe + Send + 'static>(
    stream: S,
    opened: Opened,
    slot: Option<Slot>,
) -> io::Result<WebSocket> {
    let pipe = WakePipe::new()?;
    let shared = Arc::new(Shared::new(String::new(), Box::new(Arc::clone(pipe.handle()))));
    // At once, so that it can be sent on at once.
    if let Some(session) = Session::open(&shared, opened, slot) {
        spawn(move || run(session, &Arc::new(stream), &pipe))?;
    }
    Ok(WebSocket::new(shared))
}

/// The loop of one connection.
fn run<S: WaitWithPipe>(mut session: Session, stream: &Arc<S>, pipe: &WakePipe) {
    session.lend_stream(stream);
    while let Some(want) = session.next() {
        let written = !want.write || session.write(|slices| stream.try_write(slices));
        if want.shut_down {
            // If that fails, the stream has ended already.
            let _ = stream.shut_down(Shutdown::Write);
            session.was_shut_down();
        }
        if want.shut_down || (want.write && written) {
            // There may be more to do before the next wait.
            continue;
        }
        let left = want.deadline().map(|until| until.saturating_sub(session.clock().now()));
        let interest = Readiness::new(want.read, want.write);
        let ready = stream.wait_with(pipe, interest, left);
        if let Err(error) = ready {
            session.read(|_| Err(error));
        } else if want.read {
            session.read(|buf| stream.try_read(buf));
        }
    }
    let _ = stream.shut_down(Shutdown::Write);
}

impl<S: WaitWithPipe> Writable for S {
    fn write_aside(&self, act: &mut dyn FnMut(&mut WriteSlices<'_>) -> bool) -> io::Result<bool> {
        Ok(act(&mut |slices| self.try_write(slices)) && !self.has_unsent())
    }
}
