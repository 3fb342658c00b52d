//! The state of a connection, behind one lock: its stage, and the events that are due. Nothing here
//! calls a callback, and nothing here drops one: both can run any code.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem;
use std::sync::Weak;

use bluewire_core::{CloseCode, Connection, Message, OwnedMessage, SendError};

use super::options::{
    CloseEvent, CloseOptions, Data, ErrorEvent, FailCode, Outcome, ReconnectEvent,
};
use crate::clock::Clock;
use crate::drive::{Driver, Lay, Ticket};
use crate::error::Error;
use crate::open::error::ConnectError;
use crate::open::reconnect::Retry;
use crate::open::request::Established;

/// Messages that wait for an `on_message` take at most this many bytes, and one message more.
const HELD_LEN_MAX: usize = 1024 * 1024;

/// The connection, once it is open.
pub(crate) struct Link {
    pub(crate) clock: Clock,
    pub(crate) driver: Driver,
    /// The stream, for those who write in place of the loop. The loop owns it.
    pub(super) stream: Option<Weak<dyn Writable>>,
}

/// A stream to which others than its loop can write.
pub(crate) trait Writable: Send + Sync {
    /// Lets `act` write what the stream takes without waiting, and say whether that was all. Returns
    /// whether the loop has nothing to do for it, or the error of bytes that the stream held back.
    fn write_aside(&self, act: &mut dyn FnMut(&mut WriteSlices<'_>) -> bool) -> io::Result<bool>;

    /// Whether it would write something now. False also where that cannot be seen without waiting.
    fn may_write_aside(&self) -> bool {
        true
    }
}

/// Writes what a stream takes without waiting; `WouldBlock` if it takes nothing.
pub(crate) type WriteSlices<'a> = dyn FnMut(&[IoSlice<'_>]) -> io::Result<usize> + 'a;

impl Link {
    /// Starts the closing handshake, behind all that was sent before.
    fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let clock = self.clock;
        self.driver.lay(Lay::Close(code, reason), || clock.now()).map(drop)
    }
}

#[expect(clippy::large_enum_variant, reason = "there is one for each connection, in its place")]
pub(crate) enum Stage {
    /// Or waiting to connect again.
    Connecting,
    Open(Link),
    Ended,
}

/// A message that is not handed over yet.
struct Unsent {
    ticket: Ticket,
    outcome: Outcome,
}

/// The outcome of a call.
pub(super) struct Verdict {
    outcome: Outcome,
    failed: Option<(Cow<'static, str>, FailCode)>,
}

impl Verdict {
    pub(super) fn tell(self) {
        let Outcome { success, fail } = self.outcome;
        match self.failed {
            None => success.into_iter().for_each(|success| success()),
            Some((data, code)) => fail.into_iter().for_each(|fail| fail(&data, code)),
        }
    }
}

pub(crate) struct State {
    pub(crate) stage: Stage,
    pub(super) established: Established,
    unsent: VecDeque<Unsent>,
    /// The close call whose handshake is under way.
    closing: Option<Outcome>,
    /// Whether a close was asked for, or every handle is gone: messages hold nothing up any more.
    pub(super) leaving: bool,
    pub(super) verdicts: VecDeque<Verdict>,
    pub(super) open_due: bool,
    pub(super) held: VecDeque<OwnedMessage>,
    held_len: usize,
    /// Whether the end waits for messages no longer.
    grace_ended: bool,
    error_due: Option<ErrorEvent>,
    error_seen: bool,
    /// Whether a callback panicked: the connection must not stay open.
    panicked: bool,
    /// Whether it is not the first connection, or attempt, that is under way.
    retrying: bool,
    /// The last decision on a reconnection, if it was not reported yet.
    pub(super) reconnect_due: Option<ReconnectEvent>,
    pub(super) close_due: Option<CloseEvent>,
    /// Whether someone is calling callbacks.
    pub(super) running: bool,
    /// Whether the loop goes round, and so sees by itself what is due.
    pub(super) looping: bool,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::Connecting,
            established: Established::default(),
            unsent: VecDeque::new(),
            closing: None,
            leaving: false,
            verdicts: VecDeque::new(),
            open_due: false,
            held: VecDeque::new(),
            held_len: 0,
            grace_ended: false,
            error_due: None,
            error_seen: false,
            panicked: false,
            retrying: false,
            reconnect_due: None,
            close_due: None,
            running: false,
            looping: false,
        }
    }

    pub(super) fn send(&mut self, data: &Data, outcome: Outcome) {
        let Stage::Open(Link { clock, driver, .. }) = &mut self.stage else {
            let data = match self.stage {
                Stage::Connecting => "the connection is not open yet",
                _ => "the connection is closed",
            };
            return self.fail(outcome, data, FailCode::State);
        };
        let what = match data {
            Data::Owned(message) => Lay::Message(message.borrow()),
            Data::Prepared(message) => Lay::Prepared(message),
        };
        match driver.lay(what, || clock.now()) {
            Ok(_) if outcome.is_unwatched() => {}
            Ok(ticket) => self.unsent.push_back(Unsent { ticket, outcome }),
            Err(error) => {
                let code = match error {
                    Error::Send(SendError::OutboxFull) => FailCode::Busy,
                    Error::Send(SendError::MessageTooLong { .. }) => FailCode::Argument,
                    Error::Send(_) => FailCode::State,
                    _ => FailCode::Io,
                };
                self.fail(outcome, error.to_string(), code);
            }
        }
    }

    pub(super) fn close(&mut self, options: CloseOptions) {
        let CloseOptions { code, reason, outcome } = options;
        if code.is_none() && reason.is_some() {
            return self.fail(outcome, "a close reason needs a close code", FailCode::Argument);
        }
        let code = CloseCode::new(code.unwrap_or(1000));
        let reason = reason.unwrap_or_default();
        if let Err(error) = Connection::check_close(code, &reason) {
            return self.fail(outcome, error.to_string(), FailCode::Argument);
        }
        match &mut self.stage {
            Stage::Connecting => {
                let data = "the connection was given up before it was open";
                self.fail(outcome, data, FailCode::State);
                self.give_up();
            }
            Stage::Open(link) => match link.close(code, &reason) {
                Ok(()) => {
                    self.closing = Some(outcome);
                    self.leaving = true;
                }
                Err(_) => self.fail(outcome, "the connection is closing already", FailCode::Busy),
            },
            Stage::Ended => self.fail(outcome, "the connection is closed", FailCode::State),
        }
    }

    /// Ends what no handle is left to use.
    pub(super) fn abandon(&mut self) {
        self.leaving = true;
        match &mut self.stage {
            Stage::Connecting => self.give_up(),
            Stage::Open(link) => {
                // An error says that it is closing already.
                let _ = link.close(CloseCode::GOING_AWAY, "");
            }
            Stage::Ended => {}
        }
    }

    /// Gives up what is not open yet.
    fn give_up(&mut self) {
        let error = Error::Connect(ConnectError::Abandoned);
        self.end(CloseEvent::unopened(), Some(error), FailCode::State, None);
    }

    pub(super) fn open(&mut self, link: Link, established: Established) {
        self.stage = Stage::Open(link);
        self.established = established;
        self.grace_ended = false;
        self.open_due = true;
        self.looping = true;
        self.close_if_panicked();
    }

    /// Ends it, or this connection of it if there is to be another one. Sends that wait fail with
    /// this code, and so does a close without its handshake.
    pub(super) fn end(
        &mut self,
        close: CloseEvent,
        error: Option<Error>,
        code: FailCode,
        retry: Option<Retry>,
    ) {
        for Unsent { outcome, .. } in mem::take(&mut self.unsent) {
            let data = "the connection ended before the message was handed over";
            self.fail(outcome, data, code);
        }
        if let Some(closing) = self.closing.take() {
            if close.was_clean {
                self.succeed(closing);
            } else {
                self.fail(closing, "the closing handshake was not completed", code);
            }
        }
        if let Some(retry) = retry
            && self.may_retry()
        {
            self.stage = Stage::Connecting;
            self.established = Established::default();
            self.retrying = true;
            self.reconnect_due = Some(ReconnectEvent::new(retry, close, error));
            return;
        }
        self.stage = Stage::Ended;
        self.reconnect_due = None;
        if let Some(error) = error {
            self.tell_error(error);
        }
        self.close_due = Some(close);
    }

    /// Whether no caller has asked for the end.
    pub(super) fn may_retry(&self) -> bool {
        !self.leaving && !self.panicked
    }

    /// Whether the connection that is being made is no longer wanted.
    pub(super) fn is_given_up(&self) -> bool {
        let panicked = self.panicked && self.retrying && matches!(self.stage, Stage::Connecting);
        panicked || matches!(self.stage, Stage::Ended)
    }

    /// Reports outcomes after bytes were written, or a Close frame has arrived.
    pub(super) fn settle(&mut self) {
        let Stage::Open(Link { driver, .. }) = &self.stage else { return };
        let sent = self.unsent.iter().take_while(|unsent| driver.is_sent(unsent.ticket)).count();
        let closed = driver.is_closing_complete();
        for _ in 0..sent {
            if let Some(Unsent { outcome, .. }) = self.unsent.pop_front() {
                self.succeed(outcome);
            }
        }
        if closed && let Some(closing) = self.closing.take() {
            self.succeed(closing);
        }
    }

    /// Keeps a message until somebody wants it.
    pub(super) fn hold(&mut self, message: Message<'_>) {
        // A closing connection is read on; messages that nothing takes are not kept without end.
        if self.held_len < HELD_LEN_MAX {
            self.held_len += held_len(message);
            self.held.push_back(message.into_owned());
        }
    }

    pub(super) fn next_held(&mut self) -> Option<OwnedMessage> {
        let message = self.held.pop_front()?;
        self.held_len -= held_len(message.borrow());
        Some(message)
    }

    /// Whether messages that no handler has taken hold the rest up: the socket is not read.
    pub(crate) fn is_held_up(&self) -> bool {
        let Stage::Open(link) = &self.stage else { return false };
        let open = link.driver.state() == bluewire_core::State::Open;
        self.held_len >= HELD_LEN_MAX && open
    }

    /// Whether nothing keeps the loop from reading.
    pub(super) fn can_go_on(&self) -> bool {
        let open = matches!(self.stage, Stage::Open(_));
        open && !self.running && !self.is_held_up() && !self.is_waited_for()
    }

    /// Whether messages that no handler has taken yet delay the following events, and the end.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.held.is_empty() && !self.leaving
    }

    /// Lets the end be reported before messages that no handler has taken. They go on waiting.
    pub(super) fn end_grace(&mut self) {
        self.grace_ended = true;
    }

    /// Whether the loop has outcomes to report, which only the loop can do.
    pub(crate) fn has_verdicts(&self) -> bool {
        !self.verdicts.is_empty() && !self.running
    }

    /// Whether it has ended, and no message must be reported before the end.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Ended) && (self.held.is_empty() || self.grace_ended)
    }

    /// Whether the next attempt must be reported before anything else: it was waiting for a
    /// connection that is now open.
    pub(super) fn reconnect_is_late(&self) -> bool {
        self.reconnect_due.is_some() && matches!(self.stage, Stage::Open(_))
    }

    /// Whether it is due as the last event: behind all messages of the connection before.
    pub(super) fn reconnect_is_due(&self) -> bool {
        self.reconnect_due.is_some() && (self.held.is_empty() || self.grace_ended)
    }

    /// Whether an error is due: all messages have been taken.
    pub(super) fn error_is_due(&self) -> bool {
        self.is_over() && self.error_due.is_some()
    }

    pub(super) fn take_error(&mut self) -> Option<ErrorEvent> {
        self.error_due.take()
    }

    /// Records that a callback panicked. The connection closes; after its end no event is reported.
    pub(super) fn note_panic(&mut self, error: Error) {
        if matches!(self.stage, Stage::Ended) && self.close_due.is_none() {
            return;
        }
        self.tell_error(error);
        self.panicked = true;
        self.close_if_panicked();
    }

    /// Closes by the closing handshake, so that bytes under way in both directions still arrive.
    fn close_if_panicked(&mut self) {
        if self.panicked
            && let Stage::Open(link) = &mut self.stage
        {
            // An error says that it is closing already.
            let _ = link.close(CloseCode::INTERNAL_ERROR, "a callback panicked");
        }
    }

    fn succeed(&mut self, outcome: Outcome) {
        if !outcome.is_unwatched() {
            self.verdicts.push_back(Verdict { outcome, failed: None });
        }
    }

    fn fail(&mut self, outcome: Outcome, data: impl Into<Cow<'static, str>>, code: FailCode) {
        if !outcome.is_unwatched() {
            self.verdicts.push_back(Verdict { outcome, failed: Some((data.into(), code)) });
        }
    }

    /// Reports at most one error.
    fn tell_error(&mut self, error: Error) {
        if !mem::replace(&mut self.error_seen, true) {
            self.error_due = Some(ErrorEvent::new(error));
        }
    }
}

fn held_len(message: Message<'_>) -> usize {
    message.len() + size_of::<OwnedMessage>()
}
