//! How bytes and messages flow: the settings of the direct API.

use std::time::Duration;

/// When what is sent leaves, how much may wait in either direction, and for how long.
///
/// ```
/// use bluewire::Flow;
/// use std::time::Duration;
///
/// let flow = Flow { cork: false, write_timeout: Duration::from_secs(5), ..Flow::default() };
/// # assert!(flow != Flow::default());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "built by functional update, as its page says")]
pub struct Flow {
    /// Whether a message sent waits for the answer to another frame that has arrived already, so
    /// that one write carries both. On by default: it is worth much under load and costs nothing
    /// otherwise. Off for a program that is slow between a `send` and the next `recv`.
    pub cork: bool,
    /// Bytes that wait to be written. `feed` lays a message while fewer wait and waits otherwise;
    /// `try_feed` refuses. So at most this and one message wait. 1 MiB by default: some
    /// milliseconds of a fast network.
    pub queue_len_max: usize,
    /// Bytes of messages that have arrived and are held for the next `recv`, while the program
    /// sends or attends. Once as many are held, nothing more is read, which in turn keeps the
    /// peer from sending. The message that reaches it is still held whole. 1 MiB by default.
    pub held_len_max: usize,
    /// How long a write may wait without the peer taking a single byte, before it fails with
    /// [`TimedOut`](std::io::ErrorKind::TimedOut). 30 seconds by default: a peer that reads
    /// nothing for so long will not.
    pub write_timeout: Duration,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            cork: true,
            queue_len_max: 1024 * 1024,
            held_len_max: 1024 * 1024,
            write_timeout: Duration::from_secs(30),
        }
    }
}
