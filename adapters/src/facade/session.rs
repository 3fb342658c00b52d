//! The loop's half of a connection: what to do between two waits, still without any IO.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{Event, Inbox, Message, OwnedMessage, State};

use super::shared::Shared;
use super::state::{Link, Stage};
use crate::clock::Clock;
use crate::connect::Opened;
use crate::server::{Ties, heed};

/// For so long, once, what follows a message waits for an `on_message` that was about to be set:
/// what follows may end the connection, and the message could not be answered then. For as long
/// again, the end waits, so that messages are told before it. A program that wants no messages has
/// its `on_close` later by as much.
const GRACE: Duration = Duration::from_secs(1);

/// One connection as its loop sees it. The loop is: [`step`](Self::step),
/// [`write`](Self::write), [`wait`](Self::wait), read, and again.
pub(crate) struct Session {
    shared: Arc<Shared>,
    clock: Clock,
    inbox: Inbox,
    /// When the socket was last seen without a byte that had been left unread. Deadlines are
    /// judged by this time: what came while a callback ran late cannot lose to them.
    looked: Duration,
    /// The parts so far of a message that comes in parts, on a connection that was made so.
    parts: Option<OwnedMessage>,
    /// When bytes last came, which is the time of all that is in the inbox.
    arrived: Duration,
    io_error: Option<io::Error>,
    write_failed: bool,
    /// Whether what was laid last was given a chance to leave.
    last_written: bool,
    /// When the connection goes on although messages wait.
    patience_end: Option<Duration>,
    /// Whether events were left because messages wait.
    paused: bool,
    /// When the end is told although messages wait.
    grace_end: Option<Duration>,
    ties: Ties,
    /// Whether the place was asked to tell of news.
    listening: bool,
}

/// What a loop has to do next.
#[derive(Debug)]
pub(crate) struct Wait {
    /// Not at all: step again.
    pub(crate) skip: bool,
    /// Shut down the socket's writing side first.
    pub(crate) shut_down: bool,
    /// Whether reading makes sense now.
    pub(crate) read: bool,
    /// Whether bytes wait to be written.
    #[cfg_attr(
        not(feature = "blocking"),
        expect(dead_code, reason = "an asynchronous write waits by itself")
    )]
    pub(crate) write: bool,
    /// When to step again at the latest.
    pub(crate) until: Option<Duration>,
}

impl Session {
    /// The session of a connection that is open now; `None` if it was given up meanwhile.
    pub(crate) fn open(shared: &Arc<Shared>, opened: Opened) -> Option<Self> {
        let Opened { clock, connection, inbox, outbox, established, ties } = opened;
        let link = Link { clock, connection, outbox };
        shared.open(link, established).then(|| Self {
            shared: Arc::clone(shared),
            clock,
            inbox,
            looked: Duration::ZERO,
            arrived: clock.now(),
            parts: None,
            io_error: None,
            write_failed: false,
            last_written: false,
            patience_end: None,
            paused: false,
            grace_end: None,
            ties,
            listening: false,
        })
    }

    /// Tells events, calls what is due, sees to deadlines. `false` once all is over.
    pub(crate) fn step(&mut self) -> bool {
        if !self.shared.begin() {
            // Callbacks that were due before the loop began are still called elsewhere. Who does
            // so wakes the loop when it is through.
            return true;
        }
        self.heed();
        self.shared.run_due();
        self.take_events();
        self.see_to_deadlines();
        let over = self.is_over();
        if over {
            self.shared.leave_loop();
        }
        self.shared.run_and_rest();
        !over
    }

    /// Does what the server says, if the connection is one's, and asks to be told more.
    fn heed(&mut self) {
        match &self.ties.place {
            Some(place) if !self.listening || place.has_news() => {}
            _ => return,
        }
        let mut state = self.shared.lock();
        if let Stage::Open(link) = &mut state.stage {
            heed(&mut self.ties, self.clock, &mut link.connection, &mut link.outbox);
        }
        if let Some(place) = &self.ties.place {
            // Messages that nobody took do not hold up the end then.
            state.leaving |= place.is_leaving();
            drop(state);
            self.listening = true;
            place.listen(&Arc::clone(&self.shared).into());
        }
    }

    /// Notes that all there was to read has been read, or at least a part of it just now.
    pub(crate) fn looked(&mut self) {
        self.looked = self.clock.now();
    }

    /// Room for bytes read.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        self.inbox.space()
    }

    /// Notes that bytes were read into the space.
    pub(crate) fn received(&mut self, len: usize) {
        self.inbox.filled(len);
        self.arrived = self.clock.now();
    }

    /// Notes that reading is over.
    pub(crate) fn received_end(&mut self, error: Option<io::Error>) {
        self.io_error = self.io_error.take().or(error);
        if let Stage::Open(link) = &mut self.shared.lock().stage {
            link.connection.receive_eof();
        }
    }

    /// Writes what waits by `write`, which must not block: its `WouldBlock` ends the turn.
    pub(crate) fn write(&mut self, mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>) {
        loop {
            let mut state = self.shared.lock();
            let Stage::Open(link) = &state.stage else { return };
            if link.outbox.is_empty() || self.write_failed {
                return;
            }
            match write(&link.outbox.slices().map(IoSlice::new)) {
                Ok(0) => self.write_failed = true,
                Ok(len) => state.sent(len),
                // Which the outbox wants to know, too.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return state.sent(0),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // What has arrived can still be read; the end of that ends the connection.
                    self.io_error = Some(error);
                    self.write_failed = true;
                }
            }
        }
    }

    #[cfg(feature = "smol")]
    pub(crate) const fn clock(&self) -> Clock {
        self.clock
    }

    /// How long it is until then; `None` for ever.
    #[cfg(feature = "blocking")]
    pub(crate) fn time_to(&self, until: Option<Duration>) -> Option<Duration> {
        until.map(|until| until.saturating_sub(self.clock.now()))
    }

    /// What to wait for.
    pub(crate) fn wait(&self) -> Wait {
        let state = self.shared.lock();
        let mut skip = state.has_verdicts();
        let Stage::Open(Link { connection, outbox, .. }) = &state.stage else {
            let until = self.grace_end;
            return Wait { skip, shut_down: true, read: false, write: false, until };
        };
        skip |= connection.state() == State::Closed && !state.running;
        let write = !outbox.is_empty() && !self.write_failed;
        // Who calls callbacks elsewhere, since before the loop began, wakes the loop after.
        let held_up = state.is_held_up();
        let patient = self.paused && !held_up && state.is_waited_for();
        // Somebody has taken the messages meanwhile.
        skip |= self.paused && !held_up && !patient && !state.running;
        let read = !held_up && !patient && !state.running;
        Wait {
            skip,
            shut_down: connection.should_shut_down() && !write,
            read,
            write,
            until: match read {
                true => connection.poll_timeout(),
                // Whether the peer is silent is not known while nobody listens.
                false => self.patience_end.filter(|_| patient),
            },
        }
    }

    fn take_events(&mut self) {
        self.paused = false;
        loop {
            let event = {
                let mut state = self.shared.lock();
                self.paused = state.is_held_up();
                if state.is_waited_for() {
                    let now = self.clock.now();
                    let end = self.patience_end.get_or_insert_with(|| now.saturating_add(GRACE));
                    self.paused |= now < *end;
                }
                if self.paused {
                    return;
                }
                let Stage::Open(Link { connection, outbox, .. }) = &mut state.stage else { return };
                let Some(ready) = connection.poll_event(self.arrived, &mut self.inbox) else {
                    return;
                };
                let now = match ready.is_data() {
                    true => self.arrived,
                    // A Close frame that was left in the inbox for long begins the closing now.
                    false => self.clock.now(),
                };
                let event = connection.take_event(ready, now, &mut self.inbox, outbox);
                match event {
                    Event::Ping(payload) if !connection.config().auto_pong => {
                        // There is no other way to answer here. An error says that it closes.
                        let _ = connection.pong(payload, outbox);
                    }
                    Event::Close(_) => state.received_close(),
                    _ => {}
                }
                event
            };
            match event {
                Event::Message(message) => self.shared.deliver(message),
                Event::Chunk { part, fin } => {
                    gather(&mut self.parts, part);
                    if fin && let Some(message) = self.parts.take() {
                        self.shared.deliver(message.borrow());
                    }
                }
                _ => {}
            }
        }
    }

    fn see_to_deadlines(&mut self) {
        let mut state = self.shared.lock();
        let Stage::Open(Link { connection, outbox, .. }) = &mut state.stage else { return };
        connection.handle_timeout(self.looked, outbox);
        if connection.state() != State::Closed {
            return;
        }
        if !outbox.is_empty() && !self.last_written && !self.write_failed {
            // A Close frame that says why: once round the loop, to let it leave.
            self.last_written = true;
            return;
        }
        self.ties.settle(connection);
        drop(state);
        self.shared.end(self.io_error.take());
    }

    /// Whether the connection has ended and nothing holds the end back. Messages that nobody took
    /// do, for a while.
    fn is_over(&mut self) -> bool {
        let mut state = self.shared.lock();
        if matches!(state.stage, Stage::Open(_)) {
            return false;
        }
        if state.is_waited_for() {
            let now = self.clock.now();
            let end = *self.grace_end.get_or_insert_with(|| now.saturating_add(GRACE));
            if now < end {
                return false;
            }
        }
        state.end_grace();
        true
    }
}

/// Puts a message together. Its length is bounded by the engine.
fn gather(parts: &mut Option<OwnedMessage>, part: Message<'_>) {
    match (parts, part) {
        (Some(OwnedMessage::Text(text)), Message::Text(part)) => text.push_str(part),
        (Some(OwnedMessage::Binary(bytes)), Message::Binary(part)) => bytes.extend(part),
        (parts, part) => *parts = Some(part.into_owned()),
    }
}
