//! The loop's half of a connection: what to do between two waits, still without any IO.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{Event, Inbox, State};

use super::shared::{Link, Shared, Stage};
use crate::clock::Clock;
use crate::connect::Opened;

/// One connection as its loop sees it. The loop is: [`step`](Self::step),
/// [`write`](Self::write), [`wait`](Self::wait), read, and again.
pub(crate) struct Session {
    shared: Arc<Shared>,
    clock: Clock,
    inbox: Inbox,
    io_error: Option<io::Error>,
    write_failed: bool,
    /// When messages that nobody took are let go, once the connection has ended.
    grace_end: Option<Duration>,
    close_timeout: Duration,
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
    pub(crate) write: bool,
    /// When to step again at the latest.
    pub(crate) until: Option<Duration>,
}

impl Session {
    /// The session of a connection that is open now; `None` if it was given up meanwhile.
    pub(crate) fn open(shared: &Arc<Shared>, opened: Opened) -> Option<Self> {
        let Opened { clock, connection, inbox, outbox, established, place } = opened;
        let close_timeout = connection.config().close_timeout;
        let link = Link { clock, connection, outbox };
        shared.open(link, established).then(|| Self {
            shared: Arc::clone(shared),
            clock,
            inbox,
            io_error: None,
            write_failed: false,
            grace_end: None,
            close_timeout,
        })
    }

    /// Tells events, calls what is due, sees to deadlines. `false` once all is over.
    pub(crate) fn step(&mut self) -> bool {
        if !self.shared.begin() {
            // Another thread calls the callbacks that were due before the loop began. It wakes
            // the loop when it is through.
            return true;
        }
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

    /// Room for bytes read.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        self.inbox.space()
    }

    /// Notes that bytes were read into the space.
    pub(crate) fn received(&mut self, len: usize) {
        self.inbox.filled(len);
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

    /// How long it is until then; `None` for ever.
    pub(crate) fn time_to(&self, until: Option<Duration>) -> Option<Duration> {
        until.map(|until| until.saturating_sub(self.clock.now()))
    }

    /// What to wait for.
    pub(crate) fn wait(&self) -> Wait {
        let held_up = self.shared.is_held_up();
        let state = self.shared.lock();
        let skip = state.has_outcomes();
        let Stage::Open(Link { connection, outbox, .. }) = &state.stage else {
            return Wait {
                skip,
                shut_down: true,
                read: false,
                write: false,
                until: self.grace_end,
            };
        };
        let write = !outbox.is_empty() && !self.write_failed;
        Wait {
            skip,
            shut_down: connection.should_shut_down() && !write,
            read: !held_up,
            write,
            until: connection.poll_timeout(),
        }
    }

    fn take_events(&mut self) {
        while !self.shared.is_held_up() {
            let event = {
                let mut state = self.shared.lock();
                let Stage::Open(link) = &mut state.stage else { return };
                let now = self.clock.now();
                link.connection.next_event(now, &mut self.inbox, &mut link.outbox)
            };
            match event {
                Some(Event::Message(message)) => self.shared.deliver(message),
                Some(_) => {}
                None => return,
            }
        }
    }

    fn see_to_deadlines(&mut self) {
        let mut state = self.shared.lock();
        let Stage::Open(Link { connection, outbox, .. }) = &mut state.stage else { return };
        connection.handle_timeout(self.clock.now(), outbox);
        if connection.state() == State::Closed {
            drop(state);
            self.shared.end(self.io_error.take());
        }
    }

    /// Whether the connection has ended and nothing holds the end back. Messages that nobody took
    /// do, for a while.
    fn is_over(&mut self) -> bool {
        if !matches!(self.shared.lock().stage, Stage::Ended) {
            return false;
        }
        if !self.shared.holds_messages() {
            self.shared.drop_held();
            return true;
        }
        let now = self.clock.now();
        let end = self.grace_end.unwrap_or_else(|| now.saturating_add(self.close_timeout));
        self.grace_end = Some(end);
        if now < end {
            return false;
        }
        self.shared.drop_held();
        true
    }
}
