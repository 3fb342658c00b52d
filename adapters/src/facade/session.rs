//! The loop's half of a connection with callbacks: what to do between two waits, without IO.

use std::io::{self, IoSlice};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bluewire_core::{Message, OwnedMessage, State};

use super::shared::Shared;
use super::state::{Link, Stage, Writable};
use crate::clock::{Clock, Nanos};
use crate::drive::{Arrivals, Driver, Next, Purpose, Want};
use crate::open::request::Opened;
use crate::server::Slot;

/// For so long the events behind a message wait, once, for an `on_message` that is about to be set:
/// they may end the connection, and then the message could not be answered. The end waits for the
/// same time again, so that messages are reported before it. A program without `on_message` gets
/// its `on_close` later by as much.
const GRACE: Duration = Duration::from_secs(1);

/// One connection as its loop sees it. The loop is: [`next`](Self::next), [`write`](Self::write),
/// wait, [`read`](Self::read), and again.
pub(crate) struct Session {
    shared: Arc<Shared>,
    clock: Clock,
    arrivals: Arrivals,
    /// The parts so far of a message that comes in parts, on a connection that was made so.
    parts: Option<OwnedMessage>,
    /// When the connection goes on although messages wait for an `on_message`.
    patience_end: Option<Duration>,
    /// When the end is reported although messages wait for an `on_message`.
    grace_end: Option<Duration>,
    /// Whether the server wakes the loop for its next order.
    listening: bool,
    /// Whether the stream's writing side was shut down.
    shut_down: bool,
    /// The connection's stage when the last wait was decided on.
    seen: Option<(State, bool, bool)>,
}

impl Session {
    /// The session of a connection that is open now; `None` if it was given up meanwhile.
    pub(crate) fn open(shared: &Arc<Shared>, opened: Opened, slot: Option<Slot>) -> Option<Self> {
        let (mut driver, arrivals, established, clock) = Driver::open(opened, slot);
        driver.answers_pings = true;
        shared.open(Link { clock, driver, stream: None }, established).then(|| Self {
            shared: Arc::clone(shared),
            clock,
            arrivals,
            parts: None,
            patience_end: None,
            grace_end: None,
            listening: false,
            shut_down: false,
            seen: None,
        })
    }

    pub(crate) const fn clock(&self) -> Clock {
        self.clock
    }

    /// Lets others write to the stream from now on.
    pub(crate) fn lend_stream<W: Writable + 'static>(&self, stream: &Arc<W>) {
        let stream: Weak<W> = Arc::downgrade(stream);
        if let Stage::Open(link) = &mut self.shared.lock().stage {
            link.stream = Some(stream);
        }
    }

    /// Reports events, calls due callbacks, and handles deadlines. Returns what to wait for; `None`
    /// once all is over.
    pub(crate) fn next(&mut self) -> Option<Want> {
        if !self.shared.begin() {
            // Callbacks that were due before the loop began still run elsewhere. The thread that
            // runs them wakes the loop afterwards.
            return Some(Want { read: false, write: false, shut_down: false, until: Nanos::MAX });
        }
        self.listen();
        self.shared.run_due();
        let want = self.advance();
        let over = self.is_over();
        if over {
            self.shared.leave_loop();
        }
        self.shared.run_and_rest();
        if over { None } else { Some(self.renewed(want)) }
    }

    /// Writes what waits by `write`, which must not block: its `WouldBlock` ends the turn. Whether
    /// nothing is left.
    pub(crate) fn write(&mut self, write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>) -> bool {
        let clock = self.clock;
        let mut state = self.shared.lock();
        let Stage::Open(link) = &mut state.stage else { return true };
        let written = link.driver.write_out(|| clock.now(), write);
        state.settle();
        written
    }

    /// Reports that the stream failed to write what it had taken.
    #[cfg(feature = "_asynch")]
    pub(crate) fn write_failed(&mut self, error: io::Error) {
        let now = self.clock.now();
        if let Stage::Open(link) = &mut self.shared.lock().stage {
            link.driver.write_failed(error, now);
        }
    }

    /// Reads once by `read`, which must not block: its `WouldBlock` says that nothing is there.
    /// Whether something came.
    pub(crate) fn read(&mut self, read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> bool {
        let clock = self.clock;
        let read = read(self.arrivals.space());
        match &mut self.shared.lock().stage {
            Stage::Open(link) => link.driver.report_read(read, &mut self.arrivals, || clock.now()),
            _ => false,
        }
    }

    /// The memory for what arrives, for pools of such memory.
    #[cfg(feature = "_asynch")]
    pub(crate) const fn inbox_mut(&mut self) -> &mut bluewire_core::Inbox {
        &mut self.arrivals.inbox
    }

    /// Reports that the stream's writing side was shut down.
    pub(crate) fn was_shut_down(&mut self) {
        self.shut_down = true;
        if let Stage::Open(link) = &mut self.shared.lock().stage {
            link.driver.was_shut_down();
        }
    }

    /// Asks the server to wake the loop for its next order.
    fn listen(&mut self) {
        let mut state = self.shared.lock();
        let Stage::Open(link) = &mut state.stage else { return };
        let Some(slot) = link.driver.slot() else { return };
        if self.listening && !slot.has_order() {
            return;
        }
        let clock = self.clock;
        link.driver.follow_order(&|| clock.now());
        let Some(slot) = link.driver.slot() else { return };
        // Messages that no handler has taken do not hold up the end then.
        let leaving = slot.is_leaving();
        slot.listen(&Arc::clone(&self.shared).into());
        self.listening = true;
        state.leaving |= leaving;
    }

    /// Delivers messages until there is something to wait for.
    fn advance(&mut self) -> Want {
        let clock = self.clock;
        let now = || clock.now();
        loop {
            let mut state = self.shared.lock();
            let held_up = state.is_held_up();
            let mut patience = None;
            if state.is_waited_for() {
                let end = *self.patience_end.get_or_insert_with(|| now().saturating_add(GRACE));
                patience = (now() < end).then_some(end);
            }
            let Stage::Open(link) = &mut state.stage else { return self.ended() };
            let next = match held_up || patience.is_some() {
                true => match link.driver.next_without(false, true, now) {
                    Some(want) => Next::Wait(until(want, patience)),
                    None => Next::End,
                },
                false => link.driver.next(&mut self.arrivals, Purpose::Receive, None, now),
            };
            state.settle();
            let Stage::Open(link) = &mut state.stage else { return self.ended() };
            match next {
                Next::Wait(want) => {
                    self.seen = Some(link.driver.stage());
                    return want;
                }
                Next::Deliver(ready) => {
                    // An error is the connection's fault, with which it ends.
                    let Ok(lent) = link.driver.lend(ready, &mut self.arrivals) else { continue };
                    let fin = link.driver.lent_fin;
                    drop(state);
                    deliver(&self.shared, &mut self.parts, lent.message, fin);
                }
                Next::Over | Next::End => {
                    drop(state);
                    self.shared.end();
                }
            }
        }
    }

    /// The wait after callbacks have run, which may have sent something or made room.
    fn renewed(&self, want: Want) -> Want {
        let state = self.shared.lock();
        let (want, changed) = match &state.stage {
            // A handle has closed it, say, and a publisher has written the Close frame: the wait has
            // other deadlines then.
            Stage::Open(link) => (
                link.driver.renewed(want, self.clock.now()),
                self.seen != Some(link.driver.stage()),
            ),
            _ => (self.ended(), false),
        };
        let at_once = changed || state.has_verdicts() || (!want.read && state.can_go_on());
        if at_once { until(want, Some(Duration::ZERO)) } else { want }
    }

    /// The remaining work once the connection has ended.
    fn ended(&self) -> Want {
        let shut_down = !self.shut_down;
        let want = Want { read: false, write: false, shut_down, until: Nanos::MAX };
        until(want, self.grace_end)
    }

    /// Whether the connection has ended and nothing delays the report. Messages that no handler has
    /// taken delay it for a while.
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

fn until(want: Want, time: Option<Duration>) -> Want {
    let time = time.map_or(Nanos::MAX, Nanos::from);
    Want { until: want.until.min(time), ..want }
}

/// Hands a message over; one that comes in parts, once it is whole. Its length is bounded by the
/// engine.
fn deliver(shared: &Shared, parts: &mut Option<OwnedMessage>, part: Message<'_>, fin: bool) {
    if fin && parts.is_none() {
        return shared.deliver(part);
    }
    match (&mut *parts, part) {
        (Some(OwnedMessage::Text(text)), Message::Text(part)) => text.push_str(part),
        (Some(OwnedMessage::Binary(bytes)), Message::Binary(part)) => bytes.extend(part),
        (parts, part) => *parts = Some(part.into_owned()),
    }
    if fin && let Some(message) = parts.take() {
        shared.deliver(message.borrow());
    }
}
