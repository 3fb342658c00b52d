//! How long each part of an attempt may take.

use std::time::Duration;

use crate::open::error::{ConnectError, Phase};

/// How long each phase may take, and all of them together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) resolve: Duration,
    pub(crate) tcp: Duration,
    pub(crate) proxy: Duration,
    pub(crate) tls: Duration,
    pub(crate) handshake: Duration,
    pub(crate) whole: Duration,
}

impl Timeouts {
    /// The budget of an opening handshake over a stream that somebody else has connected, by a clock
    /// that begins with it.
    pub(crate) fn of_handshake_alone(&self) -> Budget {
        let (timeout, whole) = (self.handshake.min(self.whole), self.whole < self.handshake);
        Budget { phase: Phase::Handshake, until: timeout, timeout, whole }
    }
}

/// Until when a phase may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) phase: Phase,
    pub(crate) until: Duration,
    /// How long that was in the beginning.
    pub(crate) timeout: Duration,
    /// Whether it is the rest of the time for all phases.
    pub(crate) whole: bool,
}

impl Budget {
    pub(crate) const fn error(self) -> ConnectError {
        ConnectError::TimedOut { phase: self.phase, timeout: self.timeout, whole: self.whole }
    }
}
