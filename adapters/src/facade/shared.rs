//! The state that the handles of a connection and its loop share, and the one place from which
//! callbacks are called.
//!
//! Callbacks of one connection run one at a time, never under a lock, and never on the stack of
//! a caller: on the connection's loop while it goes round, otherwise (before it is open, and
//! after it has ended) wherever the adapter puts a task. `running` says that someone is at it.

mod calls;

use std::sync::Arc;
use std::task::Wake;
use std::time::Duration;

use bluewire_core::{Fault, RequestHead};

use super::callbacks::{
    Callback, Callbacks, OnClose, OnError, OnMessage, OnOpen, OnReconnect, Slot,
};
use super::options::{CloseEvent, CloseOptions, FailCode, ReadyState, SendOptions};
use super::state::{Link, Stage, State};
use crate::clock::Clock;
use crate::open::error::ConnectError;
use crate::open::reconnect::{Course, Ending, Retry};
use crate::open::request::{Established, Request};
use crate::sync::{Mutex, MutexGuard, lock, try_lock};

/// How an adapter brings a connection's loop, or a task, to run.
pub(crate) trait Runner: Send + Sync {
    /// Lets the loop go round once more.
    fn wake(&self);
    /// Runs a task soon, on another stack than the caller's. `false` if that is impossible now.
    fn spawn(&self, task: Box<dyn FnOnce() + Send>) -> bool;
}

pub(crate) struct Shared {
    pub(crate) url: String,
    state: Mutex<State>,
    runner: Box<dyn Runner>,
    callbacks: Callbacks,
    /// Where it connects again. Only its loop locks this, and calls the rule of a user's under it.
    course: Option<Mutex<Course>>,
}

/// Lets the loop go round when the server has something to say.
impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.runner.wake();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.runner.wake();
    }
}

impl Shared {
    pub(crate) fn new(url: String, runner: Box<dyn Runner>) -> Self {
        let (state, callbacks) = (Mutex::new(State::new()), Callbacks::none());
        Self { url, state, runner, callbacks, course: None }
    }

    /// Lets it connect again by this clock, if that is asked for.
    pub(crate) fn reconnecting(self, request: &Request, clock: Clock) -> Self {
        let course = |settings| Mutex::new(Course::new(settings, request.id, clock));
        let course = request.reconnect.clone().map(course);
        Self { course, ..self }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn try_lock(&self) -> Option<MutexGuard<'_, State>> {
        try_lock(&self.state)
    }

    // Requests of a handle.

    pub(crate) fn set_on_open(self: &Arc<Self>, callback: Callback<OnOpen>) {
        self.set(&self.callbacks.open, callback);
    }

    pub(crate) fn set_on_message(self: &Arc<Self>, callback: Callback<OnMessage>) {
        self.set(&self.callbacks.message, callback);
    }

    pub(crate) fn set_on_close(self: &Arc<Self>, callback: Callback<OnClose>) {
        self.set(&self.callbacks.close, callback);
    }

    pub(crate) fn set_on_error(self: &Arc<Self>, callback: Callback<OnError>) {
        self.set(&self.callbacks.error, callback);
    }

    pub(crate) fn set_on_reconnect(self: &Arc<Self>, callback: Callback<OnReconnect>) {
        self.set(&self.callbacks.reconnect, callback);
    }

    pub(super) fn callbacks(&self) -> &Callbacks {
        &self.callbacks
    }

    fn set<F: ?Sized>(self: &Arc<Self>, slot: &Slot<F>, callback: Callback<F>) {
        // Under the lock, so that who looks for the next one to call sees callbacks in the order in
        // which they were set.
        let state = self.lock();
        let replaced = slot.set(callback);
        if self.is_due(&state) {
            self.attend(state);
        } else if state.is_over() && !state.running {
            // No more events will arrive: drop the callback and all that it captured.
            let spent = self.callbacks.take();
            drop(state);
            drop(spent);
        } else {
            drop(state);
        }
        drop(replaced);
    }

    pub(crate) fn send(self: &Arc<Self>, options: SendOptions) {
        let SendOptions { data, outcome } = options;
        let mut state = self.lock();
        state.send(&data, outcome);
        self.attend(state);
    }

    pub(crate) fn close(self: &Arc<Self>, options: CloseOptions) {
        let mut state = self.lock();
        let connecting = matches!(state.stage, Stage::Connecting);
        state.close(options);
        self.attend_given_up(state, connecting);
    }

    /// Ends what no handle is left to use, with 1001.
    pub(crate) fn abandon(self: &Arc<Self>) {
        let mut state = self.lock();
        let connecting = matches!(state.stage, Stage::Connecting);
        state.abandon();
        self.attend_given_up(state, connecting);
    }

    pub(crate) fn ready_state(&self) -> ReadyState {
        match &self.lock().stage {
            Stage::Connecting => ReadyState::Connecting,
            Stage::Open(link) => match link.driver.state() {
                bluewire_core::State::Open => ReadyState::Open,
                _ => ReadyState::Closing,
            },
            Stage::Ended => ReadyState::Closed,
        }
    }

    pub(crate) fn buffered_amount(&self) -> usize {
        match &self.lock().stage {
            Stage::Open(link) => link.driver.queued_data_len(),
            _ => 0,
        }
    }

    pub(crate) fn established<T>(&self, read: impl FnOnce(&Established) -> T) -> T {
        read(&self.lock().established)
    }

    pub(crate) fn take_request(&self) -> Option<RequestHead> {
        self.lock().established.request.take()
    }

    /// The same as [`attend`](Self::attend); an attempt to connect that was given up now ends.
    fn attend_given_up(self: &Arc<Self>, state: MutexGuard<'_, State>, connecting: bool) {
        let given_up = connecting && matches!(state.stage, Stage::Ended);
        self.attend(state);
        if given_up {
            self.runner.wake();
        }
    }

    /// Makes sure that due events are handled: by the thread that runs callbacks now, by the loop,
    /// or by a task.
    fn attend(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        if state.running {
            return;
        }
        if state.looping {
            drop(state);
            self.runner.wake();
            return;
        }
        // After the end, what callbacks captured is let go where they would have been called.
        let spent = state.is_over() && self.callbacks.is_any_set();
        if !spent && !self.is_due(&state) {
            return;
        }
        state.running = true;
        drop(state);
        let shared = Arc::clone(self);
        let spawned = self.runner.spawn(Box::new(move || {
            // A panic while it waits to connect again ends that wait.
            if shared.run_and_rest() || shared.is_given_up() {
                shared.runner.wake();
            }
        }));
        if !spawned {
            // Due events wait for the next call.
            self.lock().running = false;
        }
    }

    /// Lets the loop go round once more.
    pub(super) fn wake(&self) {
        self.runner.wake();
    }

    // Requests of the loop.

    /// Opens: the loop goes round from now on. `false` if the attempt was given up.
    pub(crate) fn open(&self, link: Link, established: Established) -> bool {
        let mut state = self.lock();
        let connecting = matches!(state.stage, Stage::Connecting);
        if connecting {
            if !self.callbacks.reconnect.is_set() {
                // The event has no handler any more.
                state.reconnect_due = None;
            }
            state.open(link, established);
            self.course.as_ref().inspect(|course| lock(course).opened());
        }
        connecting
    }

    /// Whether the connection that is being made is no longer wanted.
    pub(crate) fn is_given_up(&self) -> bool {
        self.lock().is_given_up()
    }

    /// How long it is until the next attempt to connect; `None` if there will be none.
    pub(crate) fn time_to_attempt(&self) -> Option<Duration> {
        let course = self.course.as_ref()?;
        let connecting = matches!(self.lock().stage, Stage::Connecting);
        if connecting { lock(course).time_left() } else { None }
    }

    /// Ends what could not be opened, and says so, unless that was said already, or there is to be
    /// another attempt.
    pub(crate) fn fail_to_open(&self, error: ConnectError) {
        let retry = self.retry(Ending::Unopened(&error));
        let mut state = self.lock();
        if matches!(state.stage, Stage::Connecting) {
            state.end(CloseEvent::unopened(), Some(error.into()), FailCode::Io, retry);
        }
        drop(state);
        if self.begin() {
            self.run_and_rest();
        }
    }

    /// Whether there is to be another attempt after this.
    fn retry(&self, ending: Ending<'_>) -> Option<Retry> {
        let course = self.course.as_ref()?;
        if !self.lock().may_retry() {
            return None;
        }
        let mut retry = None;
        self.contain(|| retry = lock(course).ended(ending));
        retry
    }

    /// Ends what was open.
    pub(crate) fn end(&self) {
        let closure = match &self.lock().stage {
            Stage::Open(link) => link.driver.closure().cloned(),
            _ => None,
        };
        let Some(closure) = closure else { return };
        let retry = self.retry(Ending::Closed(&closure));
        let mut state = self.lock();
        let Stage::Open(link) = &mut state.stage else { return };
        let error = link.driver.end_error();
        let code = match closure.fault {
            Some(Fault::Timeout(_)) => FailCode::TimedOut,
            _ => FailCode::Io,
        };
        state.end(CloseEvent::new(&closure), error, code, retry);
    }
}
