//! The events of a connection, in their order.

use std::sync::{Arc, Condvar, Mutex};

use bluewire::OwnedMessage;
use bluewire::facade::{CloseOptions, SendOptions, WebSocket};

use super::{PATIENCE, until};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Open,
    Message(OwnedMessage),
    Error(String),
    /// So many retries in a row, and the code with which the connection or attempt ended.
    Reconnect(u32, u16),
    Close(u16, String, bool),
    /// The outcome of the send or close with this number: `None` for success.
    Outcome(usize, Option<u16>),
}

pub(crate) fn text(text: &str) -> Told {
    Told::Message(OwnedMessage::Text(text.to_owned()))
}

pub(crate) fn closed(code: u16, reason: &str, was_clean: bool) -> Told {
    Told::Close(code, reason.to_owned(), was_clean)
}

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<(Mutex<Vec<Told>>, Condvar)>);

impl Log {
    /// Sets all callbacks.
    pub(crate) fn of(socket: &WebSocket) -> Self {
        let log = Self::default();
        log.on_open(socket);
        log.on_message(socket);
        log.on_error(socket);
        log.on_close(socket);
        log.on_reconnect(socket);
        log
    }

    pub(crate) fn on_open(&self, socket: &WebSocket) {
        let log = self.clone();
        socket.on_open(move || log.push(Told::Open));
    }

    pub(crate) fn on_message(&self, socket: &WebSocket) {
        let log = self.clone();
        socket.on_message(move |message| log.push(Told::Message(message.into_owned())));
    }

    pub(crate) fn on_error(&self, socket: &WebSocket) {
        let log = self.clone();
        socket.on_error(move |error| log.push(Told::Error(error.data.clone())));
    }

    pub(crate) fn on_close(&self, socket: &WebSocket) {
        let log = self.clone();
        socket.on_close(move |close| {
            log.push(Told::Close(close.code, close.reason.clone(), close.was_clean));
        });
    }

    pub(crate) fn on_reconnect(&self, socket: &WebSocket) {
        let log = self.clone();
        socket.on_reconnect(move |event| {
            log.push(Told::Reconnect(event.retry, event.close.code));
        });
    }

    /// Watches a send, which gets this number.
    pub(crate) fn send(&self, number: usize, message: impl Into<SendOptions>) -> SendOptions {
        let (success, fail) = (self.clone(), self.clone());
        SendOptions::new(message).success(move || success.push(Told::Outcome(number, None))).fail(
            move |data, code| {
                assert!(!data.is_empty());
                fail.push(Told::Outcome(number, Some(code.value())));
            },
        )
    }

    /// Watches a close, which gets this number.
    pub(crate) fn close(&self, number: usize, options: impl Into<CloseOptions>) -> CloseOptions {
        let (success, fail) = (self.clone(), self.clone());
        options.into().success(move || success.push(Told::Outcome(number, None))).fail(
            move |data, code| {
                assert!(!data.is_empty());
                fail.push(Told::Outcome(number, Some(code.value())));
            },
        )
    }

    pub(crate) fn push(&self, told: Told) {
        self.0.0.lock().expect("nobody panics").push(told);
        self.0.1.notify_all();
    }

    pub(crate) fn now(&self) -> Vec<Told> {
        self.0.0.lock().expect("nobody panics").clone()
    }

    /// Waits for this event, and returns the events so far.
    pub(crate) fn wait(&self, told: &Told) -> Vec<Told> {
        self.wait_until(|all| all.contains(told))
    }

    pub(crate) fn wait_until(&self, condition: impl Fn(&[Told]) -> bool) -> Vec<Told> {
        let all = self.0.0.lock().expect("nobody panics");
        let (all, slow) = self
            .0
            .1
            .wait_timeout_while(all, PATIENCE, |all| !condition(all))
            .expect("nobody panics");
        assert!(!slow.timed_out(), "waited for too long, with {all:?}");
        all.clone()
    }

    /// Waits for the close, and returns all events. Nothing comes after: no callback is left.
    pub(crate) fn at_end(&self) -> Vec<Told> {
        self.wait_until(|all| all.iter().any(|told| matches!(told, Told::Close(..))));
        self.wait_for_silence()
    }

    /// Waits until no callback is left that could tell anything.
    pub(crate) fn wait_for_silence(&self) -> Vec<Told> {
        until("callbacks are let go", || Arc::strong_count(&self.0) == 1);
        self.now()
    }

    /// Waits for an outcome.
    pub(crate) fn outcome(&self, number: usize) -> Option<u16> {
        let of = |told: &Told| match told {
            Told::Outcome(of, outcome) if *of == number => Some(*outcome),
            _ => None,
        };
        let all = self.wait_until(|all| all.iter().any(|told| of(told).is_some()));
        all.iter().find_map(of).expect("it was waited for")
    }
}

/// Without the texts of errors, which are for people.
pub(crate) fn shape(all: &[Told]) -> Vec<Told> {
    let blank = |told: &Told| match told {
        Told::Error(data) => {
            assert!(!data.is_empty());
            Told::Error(String::new())
        }
        told => told.clone(),
    };
    all.iter().map(blank).collect()
}

pub(crate) fn error() -> Told {
    Told::Error(String::new())
}
