//! The state behind an open connection, and what there is to do next.

use std::time::Duration;

use bluewire_core::{CloseCode, Connection, Event, Outbox, Ready, State};

use super::LOOK_INTERVAL;
use super::arrivals::Arrivals;
use super::deadlines::{Budget, Due};
use super::flow::Flow;
use super::rare::Rare;
use crate::clock::{Clock, Nanos};
use crate::open::request::{Established, Opened};
use crate::orders::Order;
use crate::server::Slot;
use crate::trace::EndTrace;

/// Everything that an open connection decides, without IO and without a clock. See the
/// [module](super) for the loop around it.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(super) connection: Connection,
    pub(super) outbox: Outbox,
    pub(super) rare: Rare,
    /// When the socket was last seen with no byte left unread, and the inbox empty: deadlines are
    /// judged by this time.
    pub(super) drained: Nanos,
    /// Reads so far, and attempts to read: whether one was made since a deadline passed. Only
    /// differences count.
    pub(super) reads: u16,
    /// The value of `reads` when a deadline had passed: one more read is granted.
    pub(super) grace_since: u16,
    /// That deadline; `Nanos::MAX` if no deadline has passed.
    pub(super) grace_of: Nanos,
    /// Bytes of data frames written so far; only differences count.
    pub(super) written: u64,
    /// Whether what was last lent is the last part of its message.
    pub(crate) lent_fin: bool,
    /// Whether another whole frame had arrived with it, whose answer can leave by the same write.
    pub(crate) lent_corked: bool,
    /// Whether an answer was laid that should not wait for the program.
    pub(super) answered: bool,
    /// Whether Pings are answered here even if the engine leaves that to the program.
    pub(crate) answers_pings: bool,
    /// Whether the peer's Close frame has arrived.
    pub(super) close_received: bool,
    /// Whether messages that arrive are dropped, since one before them was.
    pub(super) drops_rest: bool,
    /// Whether the writing side was shut down.
    pub(super) shut_down: bool,
    /// Whether what a closed connection left was given a last chance to leave.
    pub(super) last_write_tried: bool,
    /// Whether the stream holds back bytes that it has taken.
    pub(super) unflushed: bool,
    /// Whether such bytes were lost.
    pub(super) flush_lost: bool,
    /// Whether data frames, or the Close frame, could not be written.
    pub(super) data_lost: bool,
    /// Whether the end was reported to the reader.
    pub(super) end_told: bool,
    /// Whether the fault with which the connection ended was reported.
    pub(super) fault_told: bool,
    /// Whether the stream is left at once, in both directions.
    pub(super) cut: bool,
    /// The connection's slot in its server.
    pub(super) slot: Option<Slot>,
    pub(super) trace: EndTrace,
}

/// How a caller wants to get the messages that arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// They are delivered.
    Receive,
    /// They are held, as far as [`Flow::held_len_max`] goes. On a connection that closes, the first
    /// message that exceeds that and all behind it are dropped, so that the closing handshake can be
    /// completed.
    Attend,
    /// They are dropped.
    Discard,
}

/// The next step of a caller.
#[derive(Debug)]
pub(crate) enum Next {
    /// [`lend`](Driver::lend) it: an event, or a message that was held.
    Deliver(Option<Ready>),
    /// Do this, then ask again.
    Wait(Want),
    /// The caller's budget is over.
    Over,
    /// Nothing more will come: shut the stream down, and report
    /// [`tell_end`](Driver::tell_end).
    End,
}

/// The steps to take before asking again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Want {
    /// Read once when there is something, or at once if `until` is past.
    pub(crate) read: bool,
    /// Write what waits, as far as the stream takes it.
    pub(crate) write: bool,
    /// Shut the writing side down.
    pub(crate) shut_down: bool,
    /// Wait no longer than this; [`Nanos::MAX`] is forever.
    pub(crate) until: Nanos,
}

impl Want {
    /// Nothing: a deadline has changed what the caller waits for, so it looks at that first.
    pub(super) const NOTHING: Self =
        Self { read: false, write: false, shut_down: false, until: Nanos::ZERO };

    /// When the wait ends; `None` if it need not.
    #[cfg(any(feature = "blocking", test))]
    pub(crate) fn deadline(&self) -> Option<Duration> {
        (self.until != Nanos::MAX).then(|| self.until.into())
    }
}

impl Driver {
    /// The driver of a connection that is open, with what has arrived on it already.
    pub(crate) fn open(opened: Opened, slot: Option<Slot>) -> (Self, Arrivals, Established, Clock) {
        let Opened { clock, connection, inbox, outbox, established, trace, flow } = opened;
        let now = clock.now();
        let mut driver = Self {
            connection,
            outbox,
            rare: Rare::default(),
            drained: now.into(),
            reads: 0,
            grace_since: 0,
            grace_of: Nanos::MAX,
            written: 0,
            lent_fin: false,
            lent_corked: false,
            answered: false,
            answers_pings: false,
            close_received: false,
            drops_rest: false,
            shut_down: false,
            last_write_tried: false,
            unflushed: false,
            flush_lost: false,
            data_lost: false,
            end_told: false,
            fault_told: false,
            cut: false,
            slot,
            trace,
        };
        if let Some(flow) = flow {
            driver.set_flow(*flow);
        }
        (driver, Arrivals::new(inbox, now), established, clock)
    }

    /// The parts it was made of, without messages that are held.
    pub(crate) fn into_opened(
        mut self,
        mut arrivals: Arrivals,
        established: Established,
        clock: Clock,
    ) -> (Opened, Option<Slot>) {
        self.merge_aside(&mut arrivals);
        let flow = self.rare.own_flow().map(|flow| Box::new(*flow));
        let Self { connection, outbox, slot, trace, .. } = self;
        let inbox = arrivals.inbox;
        (Opened { clock, connection, inbox, outbox, established, trace, flow }, slot)
    }

    /// The same with compression (RFC 7692), before anything was sent or received.
    #[cfg(feature = "deflate")]
    pub(crate) fn with_deflate(self, params: bluewire_core::DeflateParams) -> Self {
        let connection = self.connection.with_deflate(params);
        Self { connection, ..self }
    }

    /// The next step for a caller that may read. Ask again after each wait.
    ///
    /// The clock is a function, since most calls need no time.
    #[inline]
    pub(crate) fn next(
        &mut self,
        arrivals: &mut Arrivals,
        purpose: Purpose,
        budget: Option<&mut Budget>,
        clock: impl Fn() -> Duration,
    ) -> Next {
        let plain = !self.has_order()
            && !self.has_published()
            && !self.drops_rest
            && arrivals.aside.is_empty();
        let mut is_empty = false;
        if purpose == Purpose::Receive && plain {
            // The way of most messages.
            if arrivals.has_held() {
                return Next::Deliver(None);
            }
            match self.connection.poll_event(arrivals.arrived.into(), &mut arrivals.inbox) {
                Some(ready) if ready.is_data() => return Next::Deliver(Some(ready)),
                Some(ready) => self.take_control(ready, arrivals, clock()),
                None => is_empty = true,
            }
        }
        self.next_of_all(arrivals, purpose, is_empty, budget, clock)
    }

    /// `is_empty` says that the arrivals hold nothing to take, and that there is no order and
    /// nothing published.
    fn next_of_all(
        &mut self,
        arrivals: &mut Arrivals,
        purpose: Purpose,
        mut is_empty: bool,
        mut budget: Option<&mut Budget>,
        clock: impl Fn() -> Duration,
    ) -> Next {
        loop {
            // Otherwise all of this was just looked at.
            if !std::mem::take(&mut is_empty) {
                self.merge_aside(arrivals);
                self.follow_order(&clock);
                self.take_published(&clock);
                if let Some(delivered) = self.take_events(arrivals, purpose, &clock) {
                    return Next::Deliver(delivered);
                }
            }
            if self.connection.state() == State::Closed {
                return self.end();
            }
            let may_read = purpose != Purpose::Attend || !self.is_held_full(arrivals);
            let now = clock();
            arrivals.look(now);
            let Some(mut want) = self.judge(may_read, may_read, now) else {
                if purpose == Purpose::Receive {
                    continue;
                }
                return Next::Wait(Want::NOTHING);
            };
            if want.read && self.connection.has_unchecked_text() {
                // Available bytes are read at once, and no wait comes before the check of the text.
                want.until = now.into();
            }
            if let Some(budget) = budget.as_deref_mut() {
                match self.judge_budget(budget, may_read, now) {
                    Due::Yes => return Next::Over,
                    Due::AfterRead => want.until = now.into(),
                    Due::No => want.until = want.until.min(budget.until.into()),
                }
            }
            return Next::Wait(want);
        }
    }

    /// The same for a caller that may not read into the inbox: a message is lent, or somebody else
    /// reads. `may_read` says that it reads aside, and `unseen` that bytes lie there of which the
    /// connection does not know. `None` once the connection has ended.
    pub(crate) fn next_without(
        &mut self,
        may_read: bool,
        unseen: bool,
        clock: impl Fn() -> Duration,
    ) -> Option<Want> {
        self.follow_order(&clock);
        self.take_published(&clock);
        if self.connection.state() == State::Closed {
            return match self.end() {
                Next::Wait(want) => Some(want),
                _ => None,
            };
        }
        Some(self.judge(may_read, may_read && !unseen, clock()).unwrap_or(Want::NOTHING))
    }

    /// Takes what the inbox holds, by the purpose. Whether there is something to deliver, and
    /// what.
    fn take_events(
        &mut self,
        arrivals: &mut Arrivals,
        purpose: Purpose,
        clock: &impl Fn() -> Duration,
    ) -> Option<Option<Ready>> {
        if purpose == Purpose::Receive && arrivals.has_held() {
            return Some(None);
        }
        if purpose == Purpose::Discard {
            arrivals.held = super::arrivals::Held::default();
        }
        loop {
            if purpose == Purpose::Attend && self.is_held_full(arrivals) {
                return None;
            }
            let ready = self.connection.poll_event(arrivals.arrived.into(), &mut arrivals.inbox)?;
            if !ready.is_data() {
                self.take_control(ready, arrivals, clock());
                continue;
            }
            if purpose == Purpose::Receive && !self.drops_rest {
                return Some(Some(ready));
            }
            let full = arrivals.held.len() >= self.flow().held_len_max;
            self.drops_rest |= purpose == Purpose::Attend && full;
            let keep = purpose == Purpose::Attend && !self.drops_rest;
            let Arrivals { inbox, held, arrived, .. } = arrivals;
            match self.connection.take_event(ready, (*arrived).into(), inbox, &mut self.outbox) {
                Event::Message(message) if keep => held.push(message, true),
                Event::Chunk { part, fin } if keep => held.push(part, fin),
                _ => {}
            }
        }
    }

    /// Takes what is no message. A Close frame that was left in the inbox for long begins the
    /// closing handshake only now.
    fn take_control(&mut self, ready: Ready, arrivals: &mut Arrivals, now: Duration) {
        let Self { connection, outbox, .. } = self;
        match connection.take_event(ready, now, &mut arrivals.inbox, outbox) {
            Event::Ping(payload) if self.answers_pings && !connection.config().auto_pong => {
                // An error says that the connection closes.
                let _ = connection.pong(payload, outbox);
            }
            Event::Close(_) => self.close_received = true,
            _ => {}
        }
        self.answered = true;
    }

    /// Whether nothing more may be read before messages are received.
    fn is_held_full(&self, arrivals: &Arrivals) -> bool {
        arrivals.held.len() >= self.flow().held_len_max && self.connection.state() == State::Open
    }

    /// The unsent bytes of a closed connection have one more chance to leave; then it is the end.
    fn end(&mut self) -> Next {
        let waits = !self.outbox.is_empty() || self.unflushed;
        let left = waits && self.rare.loss().is_none() && !self.cut;
        if left && !std::mem::replace(&mut self.last_write_tried, true) {
            return Next::Wait(Want { write: true, ..Want::NOTHING });
        }
        self.settle_closure();
        Next::End
    }

    /// Reports that the writing side was shut down.
    pub(crate) const fn was_shut_down(&mut self) {
        self.shut_down = true;
    }

    #[inline]
    fn has_order(&self) -> bool {
        self.slot.as_ref().is_some_and(Slot::has_order)
    }

    /// Follows what the server orders, if there is something new.
    pub(crate) fn follow_order(&mut self, clock: &impl Fn() -> Duration) {
        let Some(order) = self.slot.as_mut().and_then(Slot::take_order) else { return };
        match order {
            Order::Stay => {}
            // An error says that the connection closes already.
            Order::Leave => {
                self.take_published(clock);
                let (code, outbox) = (CloseCode::GOING_AWAY, &mut self.outbox);
                let _ = self.connection.close(clock(), code, "", outbox);
                self.answered = true;
            }
            Order::Cut => self.cut(),
        }
    }

    /// Whether an answer was laid since the last call that should leave before the program is
    /// given a message: the program may take its time.
    #[inline]
    pub(crate) const fn take_answered(&mut self) -> bool {
        std::mem::replace(&mut self.answered, false)
    }

    /// Whether a program that only sends should look at what has arrived.
    #[inline]
    pub(crate) fn should_look(&self, arrivals: &Arrivals, clock: impl Fn() -> Duration) -> bool {
        arrivals.since_look(clock()) >= LOOK_INTERVAL
    }

    /// How bytes and messages flow.
    #[inline]
    pub(crate) fn flow(&self) -> &Flow {
        self.rare.flow()
    }

    pub(crate) fn set_flow(&mut self, flow: Flow) {
        self.rare.make().flow = Some(flow);
    }

    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) const fn state(&self) -> State {
        self.connection.state()
    }

    /// Whether both Close frames have crossed.
    pub(crate) const fn is_closing_complete(&self) -> bool {
        self.close_received && self.outbox.data_len() == 0
    }

    /// The same [`Want`], updated if more was queued since.
    pub(crate) fn renewed(&self, want: Want, now: Duration) -> Want {
        if want.write || (self.outbox.is_empty() && !self.has_published()) {
            return want;
        }
        let until = want.until.min(now.saturating_add(self.flow().write_timeout).into());
        Want { write: true, shut_down: false, until, ..want }
    }

    /// The outbox, for pools of memory.
    #[cfg(feature = "_asynch")]
    pub(crate) const fn outbox_mut(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    pub(crate) const fn slot(&self) -> Option<&Slot> {
        self.slot.as_ref()
    }
}
