//! The settings of a connection: limits, delivery, timeouts. Each default has its reason beside it.

use core::num::NonZeroUsize;
use core::time::Duration;

/// The settings of a connection. Connections can share them through an `Arc`.
///
/// Start with the default, and change a setting with the method of its name. Every duration is valid:
/// [`Duration::MAX`] means never, and each setting says what zero means. Minor releases may add
/// settings.
///
/// ```
/// use bluewire_core::{Config, Keepalive, Limits};
/// use core::time::Duration;
///
/// let config = Config::default()
///     .limits(Limits::default().message_len_max(64 * 1024))
///     .keepalive(Keepalive::default().interval(Duration::from_secs(50)))
///     .idle_timeout(None);
/// assert_eq!(config.limits.message_len_max, 65_536);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The limits on sizes and counts; see [`Limits`].
    pub limits: Limits,
    /// Whether messages are delivered whole, or in parts as they arrive. Whole by default.
    pub delivery: Delivery,
    /// The longest fragment to send, in bytes. Longer messages are cut, so that control frames can go
    /// between the fragments (5.4). By default, a message is one frame, which peers handle fastest.
    pub fragment_len: Option<NonZeroUsize>,
    /// Whether the engine answers each Ping (5.5.2). On by default. If several Pongs wait for a slow
    /// transport, only the latest is kept. If this is off, the application must answer with
    /// [`Connection::pong`](crate::Connection::pong).
    pub auto_pong: bool,
    /// Pings that detect a dead peer, and keep routers and proxies from dropping a quiet
    /// connection. On by default.
    pub keepalive: Option<Keepalive>,
    /// Ends the connection when no byte has arrived for this long. Off by default, because
    /// `keepalive` does the same and asks the peer first. Zero ends the connection at the first
    /// deadline check.
    pub idle_timeout: Option<Duration>,
    /// Ends the connection with 1008 when a message is not complete this long after its first frame
    /// header. With zero, each message must arrive in one read.
    ///
    /// `None`, the default, sets no deadline, because the time for a large message depends on the
    /// network. There is one exception: a compressed message in [`Delivery::Whole`] has 60 seconds,
    /// because a few compressed bytes can occupy as much memory as a whole message.
    /// [`Duration::MAX`] removes this deadline as well.
    pub message_timeout: Option<Duration>,
    /// The time for the closing handshake, from the first Close frame to the end of the transport.
    /// 10 seconds by default. Zero sends the Close frame and does not wait for the answer.
    pub close_timeout: Duration,
    /// The time for the whole opening handshake. Bytes from the peer do not extend it. 10 seconds by
    /// default: several round trips on a slow network. With zero, the handshake succeeds only if the
    /// peer's head arrives before the first deadline check.
    pub handshake_timeout: Duration,
    /// Compression of messages: a client offers it, a server agrees to it. Off by default.
    /// [`Deflate`](crate::Deflate) says what it costs.
    #[cfg(feature = "deflate")]
    pub deflate: Option<crate::Deflate>,
}

impl Config {
    /// Sets [`limits`](field@Self::limits).
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets [`delivery`](field@Self::delivery).
    #[must_use]
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Sets [`fragment_len`](field@Self::fragment_len). `None` sends each message as one frame.
    #[must_use]
    pub fn fragment_len(mut self, fragment_len: impl Into<Option<NonZeroUsize>>) -> Self {
        self.fragment_len = fragment_len.into();
        self
    }

    /// Sets [`auto_pong`](field@Self::auto_pong).
    #[must_use]
    pub fn auto_pong(mut self, auto_pong: bool) -> Self {
        self.auto_pong = auto_pong;
        self
    }

    /// Sets [`keepalive`](field@Self::keepalive). `None` turns it off.
    #[must_use]
    pub fn keepalive(mut self, keepalive: impl Into<Option<Keepalive>>) -> Self {
        self.keepalive = keepalive.into();
        self
    }

    /// Sets [`idle_timeout`](field@Self::idle_timeout). `None` turns it off.
    #[must_use]
    pub fn idle_timeout(mut self, idle_timeout: impl Into<Option<Duration>>) -> Self {
        self.idle_timeout = idle_timeout.into();
        self
    }

    /// Sets [`message_timeout`](field@Self::message_timeout). `None` leaves it to the default.
    #[must_use]
    pub fn message_timeout(mut self, message_timeout: impl Into<Option<Duration>>) -> Self {
        self.message_timeout = message_timeout.into();
        self
    }

    /// Sets [`close_timeout`](field@Self::close_timeout).
    #[must_use]
    pub fn close_timeout(mut self, close_timeout: Duration) -> Self {
        self.close_timeout = close_timeout;
        self
    }

    /// Sets [`handshake_timeout`](field@Self::handshake_timeout).
    #[must_use]
    pub fn handshake_timeout(mut self, handshake_timeout: Duration) -> Self {
        self.handshake_timeout = handshake_timeout;
        self
    }

    #[cfg(feature = "deflate")]
    /// Sets [`deflate`](field@Self::deflate). `None` turns it off.
    #[must_use]
    pub fn deflate(mut self, deflate: impl Into<Option<crate::Deflate>>) -> Self {
        self.deflate = deflate.into();
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            delivery: Delivery::Whole,
            fragment_len: None,
            auto_pong: true,
            keepalive: Some(Keepalive::default()),
            idle_timeout: None,
            message_timeout: None,
            close_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            #[cfg(feature = "deflate")]
            deflate: None,
        }
    }
}

/// Limits on everything that a peer, or the application, can make grow (10.4).
///
/// There is no value for "unlimited". Use a large number.
///
/// ```
/// use bluewire_core::Limits;
///
/// let limits = Limits::default().frame_len_max(1 << 20).message_len_max(1 << 20);
/// assert_eq!(limits.head_lines_max, 100);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of an HTTP head in the opening handshake, its empty line included. 16 KiB: twice
    /// what most servers take, since cookies and tokens travel here.
    pub head_len_max: usize,
    /// Header lines in such a head. 100, as most servers have it.
    pub head_lines_max: usize,
    /// Bytes kept of the body of a response that refuses the handshake. 64 KiB: an error page.
    pub body_len_max: usize,
    /// Payload bytes of one frame. 16 MiB, as `message_len_max`.
    pub frame_len_max: u64,
    /// Payload bytes of one message, over all its fragments; of a compressed one, what it inflates
    /// to. Its compressed bytes may be an eighth and 64 KiB more, which is more than any compressor
    /// adds to data that does not compress. 16 MiB. In [`Delivery::Chunks`] it costs no memory and
    /// can be as large as you like.
    pub message_len_max: u64,
    /// Frames of one message. 131,072: a fragment costs time, not memory, and 4 MiB in fragments
    /// of 64 bytes is still within it.
    pub fragments_max: u32,
    /// Bytes that wait in an outbox. A message that does not fit is refused, by
    /// [`SendError::OutboxFull`](crate::SendError::OutboxFull) if it fits later and by
    /// [`SendError::MessageTooLong`](crate::SendError::MessageTooLong) if it never does. 32 MiB:
    /// the answer to the largest message that can be received, and nearly as much again.
    pub outbox_len_max: usize,
    /// Bytes of room that an inbox offers to one read. 16 KiB: more gains little for messages
    /// below it, and for a longer one the room grows with what arrives.
    pub read_len: usize,
}

impl Limits {
    /// Sets [`head_len_max`](field@Self::head_len_max).
    #[must_use]
    pub const fn head_len_max(mut self, head_len_max: usize) -> Self {
        self.head_len_max = head_len_max;
        self
    }

    /// Sets [`head_lines_max`](field@Self::head_lines_max).
    #[must_use]
    pub const fn head_lines_max(mut self, head_lines_max: usize) -> Self {
        self.head_lines_max = head_lines_max;
        self
    }

    /// Sets [`body_len_max`](field@Self::body_len_max).
    #[must_use]
    pub const fn body_len_max(mut self, body_len_max: usize) -> Self {
        self.body_len_max = body_len_max;
        self
    }

    /// Sets [`frame_len_max`](field@Self::frame_len_max).
    #[must_use]
    pub const fn frame_len_max(mut self, frame_len_max: u64) -> Self {
        self.frame_len_max = frame_len_max;
        self
    }

    /// Sets [`message_len_max`](field@Self::message_len_max).
    #[must_use]
    pub const fn message_len_max(mut self, message_len_max: u64) -> Self {
        self.message_len_max = message_len_max;
        self
    }

    /// Sets [`fragments_max`](field@Self::fragments_max).
    #[must_use]
    pub const fn fragments_max(mut self, fragments_max: u32) -> Self {
        self.fragments_max = fragments_max;
        self
    }

    /// Sets [`outbox_len_max`](field@Self::outbox_len_max).
    #[must_use]
    pub const fn outbox_len_max(mut self, outbox_len_max: usize) -> Self {
        self.outbox_len_max = outbox_len_max;
        self
    }

    /// Sets [`read_len`](field@Self::read_len).
    #[must_use]
    pub const fn read_len(mut self, read_len: usize) -> Self {
        self.read_len = read_len;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_len_max: 16 * 1024,
            head_lines_max: 100,
            body_len_max: 64 * 1024,
            frame_len_max: 16 * 1024 * 1024,
            message_len_max: 16 * 1024 * 1024,
            fragments_max: 128 * 1024,
            outbox_len_max: 32 * 1024 * 1024,
            read_len: 16 * 1024,
        }
    }
}

/// How messages are handed to the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "a message comes whole or it does not")]
pub enum Delivery {
    /// Each message once it is complete, as [`Event::Message`](crate::Event::Message).
    #[default]
    Whole,
    /// Each part as it arrives, as [`Event::Chunk`](crate::Event::Chunk): for messages larger
    /// than memory. Where one part ends has no meaning.
    Chunks,
}

/// Pings on a quiet connection (5.5.2).
///
/// ```
/// use bluewire_core::Keepalive;
/// use core::time::Duration;
///
/// let keepalive = Keepalive::default().interval(Duration::from_secs(50));
/// assert_eq!(keepalive.timeout, Duration::from_secs(20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keepalive {
    /// After this long without a byte from the peer, a Ping goes out. 20 seconds by default:
    /// below the 30 seconds after which the most hurried middle boxes forget.
    ///
    /// At least [`INTERVAL_MIN`](Self::INTERVAL_MIN): a shorter one, zero too, counts as that.
    pub interval: Duration,
    /// After this long without a byte following the Ping, the connection ends. 20 seconds by
    /// default. With zero no answer can come in time: the first quiet interval is the end.
    pub timeout: Duration,
}

impl Keepalive {
    /// The shortest interval that counts: 10 milliseconds.
    ///
    /// Each answer starts the next interval. Without a minimum, an interval of zero would ping as
    /// fast as both ends can, some 20,000 times a second. 100 pings a second are more than any
    /// measurement of the round trip needs, and cost next to nothing.
    pub const INTERVAL_MIN: Duration = Duration::from_millis(10);

    /// Sets [`interval`](field@Self::interval).
    #[must_use]
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets [`timeout`](field@Self::timeout).
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl Default for Keepalive {
    fn default() -> Self {
        Self { interval: Duration::from_secs(20), timeout: Duration::from_secs(20) }
    }
}
