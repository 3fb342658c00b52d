//! Which callback is due next, and how it is called.

use std::mem;

use bluewire_core::{Message, OwnedMessage};

use super::Shared;
use crate::facade::callbacks::{
    Callback, OnClose, OnError, OnMessage, OnOpen, OnReconnect, contain,
};
use crate::facade::options::{CloseEvent, ErrorEvent, ReconnectEvent};
use crate::facade::state::{State, Verdict};
use crate::sync::lock;

enum Call {
    Open(Callback<OnOpen>),
    Message(Callback<OnMessage>, OwnedMessage),
    Outcome(Verdict),
    Reconnect(Callback<OnReconnect>, ReconnectEvent),
    Error(Callback<OnError>, ErrorEvent),
    Close(Callback<OnClose>, CloseEvent),
}

impl Shared {
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
            let call = self.next_due(&mut self.lock());
            let Some(call) = call else { return };
            self.call(call);
        }
    }

    /// The same, and gives the right to do so back. Whether the loop goes round.
    pub(crate) fn run_and_rest(&self) -> bool {
        loop {
            let mut state = self.lock();
            if let Some(call) = self.next_due(&mut state) {
                drop(state);
                self.call(call);
                continue;
            }
            state.running = false;
            let looping = state.looping;
            // After the end, callbacks have nothing to wait for: what they captured, such as
            // handles, is let go.
            let spent = state.is_over().then(|| self.callbacks.take());
            drop(state);
            // After the end there is no handler left that could learn of a panic.
            let _ = contain(|| drop(spent));
            return looping;
        }
    }

    /// Passes a message on without copying it, or keeps it until the program has set a handler and
    /// the events before it have been reported.
    pub(crate) fn deliver(&self, message: Message<'_>) {
        let mut state = self.lock();
        let first = state.held.is_empty() && !(state.open_due && self.callbacks.open.is_set());
        let callback = if first { self.callbacks.message.load() } else { None };
        match callback {
            Some(callback) => {
                drop(state);
                self.contain(move || lock(&callback)(message));
            }
            None => state.hold(message),
        }
    }

    /// Whether a callback has something to be called with.
    pub(super) fn is_due(&self, state: &State) -> bool {
        let callbacks = &self.callbacks;
        !state.verdicts.is_empty()
            || (state.open_due && callbacks.open.is_set())
            || ((state.reconnect_is_late() || state.reconnect_is_due())
                && callbacks.reconnect.is_set())
            || (!state.held.is_empty() && callbacks.message.is_set())
            || (state.error_is_due() && callbacks.error.is_set())
            || (state.is_over() && state.close_due.is_some() && callbacks.close.is_set())
    }

    /// The next callback due, in the order: opening, outcomes, messages, the next attempt, error,
    /// closing.
    fn next_due(&self, state: &mut State) -> Option<Call> {
        let callbacks = &self.callbacks;
        if state.reconnect_is_late()
            && let Some(callback) = callbacks.reconnect.load()
        {
            return state.reconnect_due.take().map(|event| Call::Reconnect(callback, event));
        }
        if state.open_due
            && let Some(callback) = callbacks.open.load()
        {
            state.open_due = false;
            return Some(Call::Open(callback));
        }
        if let Some(verdict) = state.verdicts.pop_front() {
            return Some(Call::Outcome(verdict));
        }
        if !state.held.is_empty()
            && let Some(callback) = callbacks.message.load()
        {
            return state.next_held().map(|message| Call::Message(callback, message));
        }
        if state.reconnect_is_due()
            && let Some(callback) = callbacks.reconnect.load()
        {
            return state.reconnect_due.take().map(|event| Call::Reconnect(callback, event));
        }
        if state.error_is_due()
            && let Some(callback) = callbacks.error.load()
        {
            return state.take_error().map(|error| Call::Error(callback, error));
        }
        if state.is_over()
            && state.close_due.is_some()
            && let Some(callback) = callbacks.close.load()
        {
            return state.close_due.take().map(|close| Call::Close(callback, close));
        }
        None
    }

    fn call(&self, call: Call) {
        // Moved in, so that a callback that was replaced meanwhile is dropped in there, too.
        self.contain(move || match call {
            Call::Open(callback) => lock(&callback)(),
            Call::Message(callback, message) => lock(&callback)(message.borrow()),
            Call::Outcome(verdict) => verdict.tell(),
            Call::Reconnect(callback, event) => lock(&callback)(&event),
            Call::Error(callback, error) => lock(&callback)(&error),
            Call::Close(callback, close) => lock(&callback)(&close),
        });
    }

    /// Calls a callback. If it panics, the connection closes with 1011 and says so.
    pub(super) fn contain(&self, callback: impl FnOnce()) {
        if let Err(error) = contain(callback) {
            self.lock().note_panic(error);
        }
    }
}
