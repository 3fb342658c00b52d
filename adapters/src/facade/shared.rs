//! What the handles of a connection and the loop that drives it share, and the one place where
//! callbacks are called from.
//!
//! Callbacks of one connection run one at a time, never under a lock, and never on the stack of
//! a caller: on the connection's loop while it goes round, otherwise (before it is open, and
//! after it has ended) wherever the adapter puts a task. `running` says that someone is at it.

use std::collections::VecDeque;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bluewire_core::{CloseCode, Connection, Fault, Message, Outbox, OwnedMessage, Timeout};

use super::options::{
    CloseEvent, CloseOptions, Data, ErrorEvent, FailCode, Outcome, ReadyState, SendOptions,
};
use crate::clock::Clock;
use crate::connect::Established;
use crate::error::Error;

/// Messages that wait for an `on_message` take at most this many bytes, and one message more.
const HELD_LEN_MAX: usize = 1024 * 1024;

/// How an adapter brings a connection's loop, or a task, to run.
pub(crate) trait Runner: Send + Sync {
    /// Lets the loop go round once more.
    fn wake(&self);
    /// Runs a task soon, on another stack than the caller's. `false` if that is impossible now.
    fn spawn(&self, task: Box<dyn FnOnce() + Send>) -> bool;
}

type OnOpen = dyn FnMut() + Send;
type OnMessage = dyn FnMut(Message<'_>) + Send;
type OnClose = dyn FnMut(&CloseEvent) + Send;
type OnError = dyn FnMut(&ErrorEvent) + Send;

/// A place for one callback. A clone of the pointer is called, so that a callback can be replaced
/// from inside itself; the inner lock is never waited for, as no two callbacks run at a time.
struct Slot<F: ?Sized>(Mutex<Option<Arc<Mutex<F>>>>);

impl<F: ?Sized> Slot<F> {
    const fn empty() -> Self {
        Self(Mutex::new(None))
    }

    fn set(&self, callback: Option<Arc<Mutex<F>>>) {
        // What it replaces is dropped outside of the lock: dropping can run anything.
        let replaced = mem::replace(&mut *lock(&self.0), callback);
        drop(replaced);
    }

    fn load(&self) -> Option<Arc<Mutex<F>>> {
        lock(&self.0).clone()
    }
}

/// The connection, once it is open.
pub(crate) struct Link {
    pub(crate) clock: Clock,
    pub(crate) connection: Connection,
    pub(crate) outbox: Outbox,
}

#[expect(clippy::large_enum_variant, reason = "there is one for each connection, in its place")]
pub(crate) enum Stage {
    Connecting,
    Open(Link),
    Ended,
}

/// A message that is not handed over yet.
struct Unsent {
    /// How far `data_sent` must come for it.
    end: u64,
    outcome: Outcome,
}

pub(crate) struct State {
    pub(crate) stage: Stage,
    established: Established,
    /// Bytes of messages handed to the operating system so far.
    data_sent: u64,
    unsent: VecDeque<Unsent>,
    /// The close call whose handshake is under way.
    closing: Option<Outcome>,
    /// Whether a close was asked for, or every handle is gone: messages hold nothing up any more.
    pub(crate) leaving: bool,
    /// What is due, apart from messages, opening, error and closing.
    outcomes: VecDeque<Box<dyn FnOnce() + Send>>,
    open_due: bool,
    held: VecDeque<OwnedMessage>,
    held_len: usize,
    error_due: Option<ErrorEvent>,
    error_seen: bool,
    close_due: Option<CloseEvent>,
    /// Whether someone is calling callbacks.
    running: bool,
    /// Whether the loop goes round, and so sees by itself what is due.
    looping: bool,
}

pub(crate) struct Shared {
    pub(crate) url: String,
    state: Mutex<State>,
    runner: Box<dyn Runner>,
    on_open: Slot<OnOpen>,
    on_message: Slot<OnMessage>,
    on_close: Slot<OnClose>,
    on_error: Slot<OnError>,
}

enum Call {
    Open(Arc<Mutex<OnOpen>>),
    Message(Arc<Mutex<OnMessage>>, OwnedMessage),
    Outcome(Box<dyn FnOnce() + Send>),
    Error(Arc<Mutex<OnError>>, ErrorEvent),
    Close(Arc<Mutex<OnClose>>, CloseEvent),
}

impl Shared {
    pub(crate) fn new(url: String, runner: Box<dyn Runner>) -> Self {
        Self {
            url,
            state: Mutex::new(State {
                stage: Stage::Connecting,
                established: Established::default(),
                data_sent: 0,
                unsent: VecDeque::new(),
                closing: None,
                leaving: false,
                outcomes: VecDeque::new(),
                open_due: false,
                held: VecDeque::new(),
                held_len: 0,
                error_due: None,
                error_seen: false,
                close_due: None,
                running: false,
                looping: false,
            }),
            runner,
            on_open: Slot::empty(),
            on_message: Slot::empty(),
            on_close: Slot::empty(),
            on_error: Slot::empty(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    // What a handle asks for.

    pub(crate) fn set_on_open(self: &Arc<Self>, callback: Option<Arc<Mutex<OnOpen>>>) {
        self.on_open.set(callback);
        self.attend();
    }

    pub(crate) fn set_on_message(self: &Arc<Self>, callback: Option<Arc<Mutex<OnMessage>>>) {
        self.on_message.set(callback);
        self.attend();
    }

    pub(crate) fn set_on_close(self: &Arc<Self>, callback: Option<Arc<Mutex<OnClose>>>) {
        self.on_close.set(callback);
        self.attend();
    }

    pub(crate) fn set_on_error(self: &Arc<Self>, callback: Option<Arc<Mutex<OnError>>>) {
        self.on_error.set(callback);
        self.attend();
    }

    pub(crate) fn send(self: &Arc<Self>, options: SendOptions) {
        let SendOptions { data, outcome } = options;
        self.lock().send(&data, outcome);
        self.attend();
    }

    pub(crate) fn close(self: &Arc<Self>, options: CloseOptions) {
        self.lock().close(options);
        self.attend();
    }

    /// Ends what no handle is left to use, with 1001.
    pub(crate) fn abandon(self: &Arc<Self>) {
        let mut state = self.lock();
        state.leaving = true;
        if matches!(state.stage, Stage::Connecting) {
            state.abort();
        } else if let Stage::Open(link) = &mut state.stage {
            let (now, code) = (link.clock.now(), CloseCode::GOING_AWAY);
            // An error says that it is closing already.
            let _ = link.connection.close(now, code, "", &mut link.outbox);
        }
        drop(state);
        self.attend();
    }

    pub(crate) fn ready_state(&self) -> ReadyState {
        match &self.lock().stage {
            Stage::Connecting => ReadyState::Connecting,
            Stage::Open(link) => match link.connection.state() {
                bluewire_core::State::Open => ReadyState::Open,
                _ => ReadyState::Closing,
            },
            Stage::Ended => ReadyState::Closed,
        }
    }

    pub(crate) fn buffered_amount(&self) -> usize {
        match &self.lock().stage {
            Stage::Open(link) => link.outbox.data_len(),
            _ => 0,
        }
    }

    pub(crate) fn established<T>(&self, read: impl FnOnce(&Established) -> T) -> T {
        read(&self.lock().established)
    }

    /// Sees to it that what is due is seen to: by who is calling callbacks now, by the loop, or by
    /// a task.
    fn attend(self: &Arc<Self>) {
        let mut state = self.lock();
        if state.running {
            return;
        }
        if state.looping {
            drop(state);
            self.runner.wake();
            return;
        }
        state.running = true;
        drop(state);
        let shared = Arc::clone(self);
        let spawned = self.runner.spawn(Box::new(move || {
            if shared.run_and_rest() {
                shared.runner.wake();
            }
        }));
        if !spawned {
            // What is due stays due until the next call.
            self.lock().running = false;
        }
    }

    // What the loop asks for.

    /// Opens: the loop goes round from now on. `false` if the attempt was abandoned.
    pub(crate) fn open(&self, link: Link, established: Established) -> bool {
        let mut state = self.lock();
        if !matches!(state.stage, Stage::Connecting) {
            return false;
        }
        state.stage = Stage::Open(link);
        state.established = established;
        state.open_due = true;
        state.looping = true;
        true
    }

    /// Ends what could not be opened.
    pub(crate) fn fail_to_open(self: &Arc<Self>, error: Error) {
        let mut state = self.lock();
        if matches!(state.stage, Stage::Connecting) {
            state.end(CloseEvent::unopened(), Some(error), FailCode::Io);
        }
        drop(state);
        self.attend();
    }

    /// Ends what was open.
    pub(crate) fn end(&self, io_error: Option<std::io::Error>) {
        let mut state = self.lock();
        let Stage::Open(link) = &state.stage else { return };
        let Some(closure) = link.connection.closure() else { return };
        let event = CloseEvent::new(closure, link.outbox.is_empty());
        let error = match (closure.fault, io_error) {
            (Some(Fault::ConnectionLost), Some(error)) => Some(Error::Io(error)),
            (Some(fault), _) => Some(Error::Fault(fault)),
            (None, _) => None,
        };
        let code = match closure.fault {
            Some(Fault::Timeout(Timeout::Close)) => FailCode::TimedOut,
            _ => FailCode::Io,
        };
        state.end(event, error, code);
    }

    /// Takes the right to call callbacks; `false` if someone has it, who will wake the loop.
    pub(crate) fn begin(&self) -> bool {
        !mem::replace(&mut self.lock().running, true)
    }

    /// Leaves the loop: what becomes due from now on is spawned.
    pub(crate) fn leave_loop(&self) {
        self.lock().looping = false;
    }

    /// Calls what is due, until nothing is.
    pub(crate) fn run_due(&self) {
        loop {
            // A statement of its own, so that the lock is free when the callback runs.
            let call = self.due(&mut self.lock());
            let Some(call) = call else { return };
            self.call(call);
        }
    }

    /// The same, and gives the right to do so back. Whether the loop goes round.
    pub(crate) fn run_and_rest(&self) -> bool {
        loop {
            let mut state = self.lock();
            let Some(call) = self.due(&mut state) else {
                state.running = false;
                return state.looping;
            };
            drop(state);
            self.call(call);
        }
    }

    /// Hands over a message where it lies, or keeps it until somebody wants messages.
    pub(crate) fn deliver(&self, message: Message<'_>) {
        let mut state = self.lock();
        if state.held.is_empty() {
            if let Some(callback) = self.on_message.load() {
                drop(state);
                self.contain(|| lock(&callback)(message));
                return;
            }
            if state.leaving && state.held_len >= HELD_LEN_MAX {
                return;
            }
        }
        state.held_len += message.len() + size_of::<OwnedMessage>();
        state.held.push_back(message.into_owned());
    }

    /// Whether messages that nobody took hold the rest up.
    pub(crate) fn is_held_up(&self) -> bool {
        let state = self.lock();
        state.held_len >= HELD_LEN_MAX && !state.leaving
    }

    /// Whether messages that nobody took keep the end from being told.
    pub(crate) fn holds_messages(&self) -> bool {
        let state = self.lock();
        !state.held.is_empty() && !state.leaving
    }

    /// Lets go of messages that nobody took.
    pub(crate) fn drop_held(&self) {
        let mut state = self.lock();
        state.held_len = 0;
        let held = mem::take(&mut state.held);
        drop(state);
        drop(held);
    }

    /// The next callback due, in the order: opening, outcomes, messages, error, closing.
    fn due(&self, state: &mut State) -> Option<Call> {
        if state.open_due
            && let Some(callback) = self.on_open.load()
        {
            state.open_due = false;
            return Some(Call::Open(callback));
        }
        if let Some(outcome) = state.outcomes.pop_front() {
            return Some(Call::Outcome(outcome));
        }
        if !state.held.is_empty()
            && let Some(callback) = self.on_message.load()
            && let Some(message) = state.held.pop_front()
        {
            state.held_len -= message.borrow().len() + size_of::<OwnedMessage>();
            return Some(Call::Message(callback, message));
        }
        if !state.held.is_empty() {
            return None;
        }
        if state.error_due.is_some()
            && let Some(callback) = self.on_error.load()
            && let Some(error) = state.error_due.take()
        {
            return Some(Call::Error(callback, error));
        }
        if state.close_due.is_some()
            && let Some(callback) = self.on_close.load()
            && let Some(close) = state.close_due.take()
        {
            return Some(Call::Close(callback, close));
        }
        None
    }

    fn call(&self, call: Call) {
        match call {
            Call::Open(callback) => self.contain(|| lock(&callback)()),
            Call::Message(callback, message) => {
                self.contain(|| lock(&callback)(message.borrow()));
            }
            Call::Outcome(outcome) => self.contain(outcome),
            Call::Error(callback, error) => self.contain(|| lock(&callback)(&error)),
            Call::Close(callback, close) => {
                self.contain(|| lock(&callback)(&close));
                // After close, nothing: what the callbacks hold, such as handles, is let go.
                self.on_open.set(None);
                self.on_message.set(None);
                self.on_close.set(None);
                self.on_error.set(None);
            }
        }
    }

    /// Calls a callback. If it panics, the connection fails with 1011 and says so.
    fn contain(&self, callback: impl FnOnce()) {
        let Err(payload) = catch_unwind(AssertUnwindSafe(callback)) else { return };
        let error = Error::callback_panicked(&*payload);
        // The payload's own drop is not worth a second panic.
        mem::forget(payload);
        let mut state = self.lock();
        state.tell_error(error);
        if let Stage::Open(link) = &mut state.stage {
            let (now, code) = (link.clock.now(), CloseCode::INTERNAL_ERROR);
            link.connection.fail(now, code, "a callback panicked", &mut link.outbox);
        }
    }
}

impl State {
    fn send(&mut self, data: &Data, outcome: Outcome) {
        let Stage::Open(Link { connection, outbox, .. }) = &mut self.stage else {
            let data = match self.stage {
                Stage::Connecting => "the connection is not open yet",
                _ => "the connection is closed",
            };
            self.fail(outcome, data.to_owned(), FailCode::State);
            return;
        };
        let sent = match data {
            Data::Owned(message) => connection.send(message, outbox),
            Data::Prepared(message) => connection.send_prepared(message, outbox),
        };
        match sent {
            Ok(()) if outcome.is_unwatched() => {}
            Ok(()) => {
                let end = self.data_sent + outbox.data_len() as u64;
                self.unsent.push_back(Unsent { end, outcome });
            }
            Err(error) => {
                let code = match error {
                    bluewire_core::SendError::OutboxFull => FailCode::Busy,
                    _ => FailCode::State,
                };
                self.fail(outcome, error.to_string(), code);
            }
        }
    }

    fn close(&mut self, options: CloseOptions) {
        let CloseOptions { code, reason, outcome } = options;
        if code.is_none() && reason.is_some() {
            let data = "a close reason needs a close code".to_owned();
            return self.fail(outcome, data, FailCode::Argument);
        }
        let code = CloseCode::new(code.unwrap_or(1000));
        let reason = reason.unwrap_or_default();
        if let Err(error) = Connection::check_close(code, &reason) {
            return self.fail(outcome, error.to_string(), FailCode::Argument);
        }
        match &mut self.stage {
            Stage::Connecting => {
                let data = "the connection was given up before it was open".to_owned();
                self.fail(outcome, data, FailCode::State);
                self.abort();
            }
            Stage::Open(Link { clock, connection, outbox }) => {
                match connection.close(clock.now(), code, &reason, outbox) {
                    Ok(()) => {
                        self.closing = Some(outcome);
                        self.leaving = true;
                    }
                    Err(_) => {
                        let data = "the connection is closing already".to_owned();
                        self.fail(outcome, data, FailCode::Busy);
                    }
                }
            }
            Stage::Ended => {
                self.fail(outcome, "the connection is closed".to_owned(), FailCode::State);
            }
        }
    }

    /// Gives up what is not open yet.
    fn abort(&mut self) {
        let error = Error::Connect(crate::connect::ConnectError::Abandoned);
        self.end(CloseEvent::unopened(), Some(error), FailCode::State);
    }

    fn end(&mut self, close: CloseEvent, error: Option<Error>, code: FailCode) {
        self.stage = Stage::Ended;
        for Unsent { outcome, .. } in mem::take(&mut self.unsent) {
            let data = "the connection ended before the message was handed over".to_owned();
            self.fail(outcome, data, FailCode::Io);
        }
        if let Some(closing) = self.closing.take() {
            if close.was_clean {
                self.succeed(closing);
            } else {
                let data = "the closing handshake was not completed".to_owned();
                self.fail(closing, data, code);
            }
        }
        if let Some(error) = error {
            self.tell_error(error);
        }
        self.close_due = Some(close);
    }

    /// Notes that the next `len` bytes of the outbox were handed over.
    pub(crate) fn sent(&mut self, len: usize) {
        let Stage::Open(Link { outbox, .. }) = &mut self.stage else { return };
        let before = outbox.data_len();
        outbox.sent(len);
        self.data_sent += (before - outbox.data_len()) as u64;
        while let Some(first) = self.unsent.front()
            && first.end <= self.data_sent
            && let Some(Unsent { outcome, .. }) = self.unsent.pop_front()
        {
            self.succeed(outcome);
        }
    }

    /// Whether an outcome waits to be told.
    pub(crate) fn has_outcomes(&self) -> bool {
        !self.outcomes.is_empty()
    }

    fn succeed(&mut self, outcome: Outcome) {
        self.outcomes.extend(outcome.success);
    }

    fn fail(&mut self, outcome: Outcome, data: String, code: FailCode) {
        if let Some(fail) = outcome.fail {
            self.outcomes.push_back(Box::new(move || fail(&data, code)));
        }
    }

    /// At most one error is told.
    fn tell_error(&mut self, error: Error) {
        if !mem::replace(&mut self.error_seen, true) {
            self.error_due = Some(ErrorEvent::new(error));
        }
    }
}

/// Locks; what is inside stays whole when a callback panics, as none is called under a lock that
/// guards more than itself.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
