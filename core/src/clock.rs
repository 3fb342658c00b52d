//! What a connection notes of time. `timer` derives the deadlines from it.

use core::time::Duration;

/// What was noted of time.
#[derive(Debug)]
pub(crate) struct Clock {
    /// When the last bytes came.
    pub(crate) last_received: Duration,
    /// When the first frame of the message under way came.
    pub(crate) message_began: Duration,
    /// When the closing handshake or the failure came.
    pub(crate) closing_began: Duration,
    pub(crate) round_trip: Option<Duration>,
    /// When the last keepalive ping was laid.
    pub(crate) ping_laid: Duration,
    /// The number of that ping, which is its payload.
    pub(crate) ping_serial: u32,
    /// Whether its Pong, by which the round trip is measured, is outstanding.
    pub(crate) ping_outstanding: bool,
    /// Whether nothing at all has come since.
    pub(crate) pong_due: bool,
}

impl Clock {
    pub(crate) const fn new(now: Duration) -> Self {
        Self {
            last_received: now,
            message_began: now,
            closing_began: now,
            round_trip: None,
            ping_laid: now,
            ping_serial: 0,
            ping_outstanding: false,
            pong_due: false,
        }
    }

    /// 5.5.3: a Pong carries the payload of the Ping that it answers.
    pub(crate) fn receive_pong(&mut self, now: Duration, payload: &[u8]) {
        if self.ping_outstanding && payload == self.ping_serial.to_be_bytes() {
            self.ping_outstanding = false;
            self.round_trip = Some(now.saturating_sub(self.ping_laid));
        }
    }
}
