//! How bytes and messages flow on the direct API.

use std::time::Duration;

/// How bytes and messages flow: corking, bounds of queues, and how slow a peer may be.
///
/// ```
/// use bluewire::Flow;
/// use std::time::Duration;
///
/// let flow = Flow::default().queue_len_max(64 * 1024).write_timeout(Duration::from_secs(5));
/// assert!(flow.cork);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Flow {
    /// Whether a message sent waits for the answer to another frame that has arrived already, so
    /// that one write carries both. On by default: it is worth much under load and costs nothing
    /// otherwise. Nothing waits before the first `recv`. Turn it off for a program that is slow
    /// between a `send` and the next `recv`.
    pub cork: bool,
    /// The bytes that may wait to be written. `feed` queues a message while fewer bytes wait, or
    /// none, and waits otherwise; `try_feed` refuses. So at most this much and one message wait.
    /// 1 MiB by default: some milliseconds of a fast network.
    pub queue_len_max: usize,
    /// The bytes of messages that are held for the next `recv` while the program sends or attends.
    /// Once as many are held, nothing more is read, which in turn keeps the peer from sending. The
    /// message that reaches the bound is still held whole. 1 MiB by default.
    pub held_len_max: usize,
    /// How long bytes may wait for a peer that takes them too slowly, or not at all: see
    /// [`write_rate_min`](Self::write_rate_min). Then writing fails with
    /// [`TimedOut`](std::io::ErrorKind::TimedOut) and the connection ends. 30 seconds by default;
    /// zero fails every write that would have to wait, and [`Duration::MAX`] waits forever.
    pub write_timeout: Duration,
    /// The bytes a second that a peer must take while bytes wait, as a mean over
    /// [`write_timeout`](Self::write_timeout). 1,024 by default: a peer that takes a few bytes now
    /// and then cannot keep a full queue for long. With 0 a single byte is progress enough.
    pub write_rate_min: u32,
}

impl Flow {
    pub(super) const DEFAULT: Self = Self {
        cork: true,
        queue_len_max: 1024 * 1024,
        held_len_max: 1024 * 1024,
        write_timeout: Duration::from_secs(30),
        write_rate_min: 1024,
    };

    /// Sets [`cork`](Self::cork).
    #[must_use]
    pub const fn cork(mut self, cork: bool) -> Self {
        self.cork = cork;
        self
    }

    /// Sets [`queue_len_max`](Self::queue_len_max).
    #[must_use]
    pub const fn queue_len_max(mut self, len: usize) -> Self {
        self.queue_len_max = len;
        self
    }

    /// Sets [`held_len_max`](Self::held_len_max).
    #[must_use]
    pub const fn held_len_max(mut self, len: usize) -> Self {
        self.held_len_max = len;
        self
    }

    /// Sets [`write_timeout`](Self::write_timeout).
    #[must_use]
    pub const fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self
    }

    /// Sets [`write_rate_min`](Self::write_rate_min).
    #[must_use]
    pub const fn write_rate_min(mut self, bytes_per_second: u32) -> Self {
        self.write_rate_min = bytes_per_second;
        self
    }

    /// The bytes that the peer must take within one `write_timeout`.
    pub(super) fn progress_min(&self) -> u64 {
        let rate = u128::from(self.write_rate_min);
        let bytes = rate.saturating_mul(self.write_timeout.as_millis()) / 1000;
        u64::try_from(bytes).unwrap_or(u64::MAX).max(1)
    }
}

impl Default for Flow {
    fn default() -> Self {
        Self::DEFAULT
    }
}
