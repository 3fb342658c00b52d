//! The times that a connection records. `timer` derives the deadlines from them.

use core::time::Duration;

/// The recorded times.
#[derive(Debug)]
pub(crate) struct Clock {
    /// When the last bytes came.
    pub(crate) last_received: Duration,
    /// When the first frame of the message under way came; on a connection that closes, when the
    /// closing handshake or the failure came.
    pub(crate) began: Duration,
    pub(crate) round_trip: Option<Duration>,
    /// When the last keepalive ping was laid.
    pub(crate) ping_laid: Duration,
    /// The number of that ping, which is its payload.
    pub(crate) ping_serial: u32,
    /// Whether the Pong for it, which gives the round trip, is outstanding.
    pub(crate) ping_outstanding: bool,
    /// Whether nothing at all has arrived since.
    pub(crate) pong_due: bool,
}

impl Clock {
    pub(crate) const fn new(now: Duration) -> Self {
        Self {
            last_received: now,
            began: now,
            round_trip: None,
            ping_laid: now,
            ping_serial: 0,
            ping_outstanding: false,
            pong_due: false,
        }
    }

    /// Moves every noted time to `now` or before. Otherwise a clock that was set back by a year
    /// would delay every deadline by a year.
    pub(crate) fn step_back_to(&mut self, now: Duration) {
        self.last_received = self.last_received.min(now);
        self.began = self.began.min(now);
        self.ping_laid = self.ping_laid.min(now);
    }

    /// 5.5.3: a Pong carries the payload of the Ping that it answers.
    pub(crate) fn receive_pong(&mut self, now: Duration, payload: &[u8]) {
        if self.ping_outstanding && payload == self.ping_serial.to_be_bytes() {
            self.ping_outstanding = false;
            self.round_trip = Some(now.saturating_sub(self.ping_laid));
        }
    }
}

/// When a wait ends; `None` if it never does, which a timeout of [`Duration::MAX`] says.
pub(crate) const fn deadline(since: Duration, timeout: Duration) -> Option<Duration> {
    match timeout {
        Duration::MAX => None,
        _ => Some(since.saturating_add(timeout)),
    }
}
