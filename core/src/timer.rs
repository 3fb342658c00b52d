//! Deadlines. The table of timers is derived from what was noted, so that the way of a message
//! only notes the time; nothing is kept that could disagree.

use core::time::Duration;

use crate::clock;
use crate::close_code::CloseCode;
use crate::config::{Delivery, Keepalive};
use crate::connection::{Connection, State};
use crate::error::{Fault, Timeout};
use crate::frame::{FIN, Opcode};
use crate::outbox::Outbox;

/// How long a compressed message may take that is held until it is whole, where the settings do not
/// say it: 16 MiB at 280 KB a second, and what compresses comes in a fraction of that.
const COMPRESSED_MESSAGE_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
enum Timer {
    /// When the closing handshake, or the end of the transport after a failure, is overdue.
    Close,
    /// When nothing came after a keepalive ping.
    Pong,
    /// When nothing came for long enough to ask by a ping.
    Keepalive,
    /// When nothing came for too long.
    Idle,
    /// When the message under way should have been complete.
    Message,
    /// When the extension has kept memory for long enough that it does not use.
    Codec,
}

impl Timer {
    const ALL: [Self; 6] =
        [Self::Close, Self::Pong, Self::Keepalive, Self::Idle, Self::Message, Self::Codec];
}

impl Connection {
    /// Handles the deadlines that are due at `now`, if any. Pass the received bytes to the
    /// connection first, so that a Pong that has arrived counts before its deadline.
    ///
    /// A `now` before the last one, from a clock that was set back, starts the waits over: none
    /// takes longer than its setting says.
    pub fn handle_timeout(&mut self, now: Duration, outbox: &mut Outbox) {
        self.clock.step_back_to(now);
        for timer in Timer::ALL {
            if self.deadline(timer).is_some_and(|deadline| deadline <= now) {
                self.expire(timer, now, outbox);
            }
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next; `None` if there is nothing to
    /// wait for, or only what a setting of [`Duration::MAX`] puts off forever. It may change with
    /// every other call, and may be in the past.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        // One by one, since it is asked before each wait: most of them are known not to be set then.
        let mut first = None;
        let mut note = |deadline: Option<Duration>| {
            if let Some(deadline) = deadline {
                first = Some(first.map_or(deadline, |first: Duration| first.min(deadline)));
            }
        };
        note(self.deadline(Timer::Close));
        note(self.deadline(Timer::Pong));
        note(self.deadline(Timer::Keepalive));
        note(self.deadline(Timer::Idle));
        note(self.deadline(Timer::Message));
        note(self.deadline(Timer::Codec));
        first
    }

    #[inline(always)]
    fn deadline(&self, timer: Timer) -> Option<Duration> {
        let clock = &self.clock;
        let config = &self.config;
        let (since, timeout) = match (self.state, timer) {
            (State::Closing, Timer::Close) => (clock.began, config.close_timeout),
            (State::Open, Timer::Pong) if clock.pong_due => {
                (clock.ping_laid, config.keepalive?.timeout)
            }
            (State::Open, Timer::Keepalive) if !clock.pong_due => {
                (clock.last_received, config.keepalive?.interval.max(Keepalive::INTERVAL_MIN))
            }
            (State::Open, Timer::Idle) => (clock.last_received, config.idle_timeout?),
            (State::Open, Timer::Message) if self.receiving.message_is_under_way() => {
                (clock.began, self.message_timeout()?)
            }
            (State::Open, Timer::Codec) => self.codec.as_ref()?.idle()?,
            _ => return None,
        };
        clock::deadline(since, timeout)
    }

    /// See [`Config::message_timeout`](crate::Config::message_timeout).
    fn message_timeout(&self) -> Option<Duration> {
        let is_held = self.receiving.coded && self.config.delivery == Delivery::Whole;
        self.config.message_timeout.or_else(|| is_held.then_some(COMPRESSED_MESSAGE_TIMEOUT))
    }

    fn expire(&mut self, timer: Timer, now: Duration, outbox: &mut Outbox) {
        match timer {
            Timer::Close => {
                // 7.1.1: "In abnormal cases (such as not having received a TCP Close from the
                // server after a reasonable amount of time) a client MAY initiate the TCP Close."
                if !(self.close_sent && self.close_received) {
                    self.closure_mut().fault.get_or_insert(Fault::Timeout(Timeout::Close));
                }
                self.conclude();
            }
            Timer::Keepalive => self.lay_keepalive(now, outbox),
            // The peer is not expected to answer a Close frame: it is queued, and not waited for.
            Timer::Pong => {
                self.time_out(now, Timeout::Pong, CloseCode::INTERNAL_ERROR, outbox);
                self.conclude();
            }
            Timer::Idle => {
                self.time_out(now, Timeout::Idle, CloseCode::GOING_AWAY, outbox);
                self.conclude();
            }
            Timer::Message => {
                self.time_out(now, Timeout::Message, CloseCode::POLICY_VIOLATION, outbox);
            }
            Timer::Codec => {
                if let Some(codec) = &mut self.codec {
                    codec.expire(now);
                }
            }
        }
    }

    fn time_out(&mut self, now: Duration, timeout: Timeout, code: CloseCode, outbox: &mut Outbox) {
        let reason = match timeout {
            Timeout::Pong => "no answer to ping",
            Timeout::Idle => "idle for too long",
            Timeout::Message => "message unfinished for too long",
            Timeout::Close => "",
        };
        self.fail_with(now, Fault::Timeout(timeout), code, reason, outbox);
    }

    fn lay_keepalive(&mut self, now: Duration, outbox: &mut Outbox) {
        self.clock.ping_serial = self.clock.ping_serial.wrapping_add(1);
        self.clock.ping_laid = now;
        self.clock.ping_outstanding = true;
        self.clock.pong_due = true;
        // Where the application has queued pings without end, one of those asks as well.
        if outbox.has_control_room() {
            let key = self.next_key();
            let payload = self.clock.ping_serial.to_be_bytes();
            outbox.lay_control(FIN | Opcode::Ping as u8, &payload, key);
        }
    }
}
