//! What a user can choose: limits, delivery, timeouts. Each default has its reason beside it.

use core::num::NonZeroUsize;
use core::time::Duration;

/// The settings of a connection, shared by as many connections as like through an `Arc`.
///
/// Build it from its default; fields may be added in minor releases:
///
/// ```
/// use bluewire_core::{Config, Limits};
///
/// let config = Config {
///     limits: Limits { message_len_max: 64 * 1024, ..Limits::default() },
///     ..Config::default()
/// };
/// # assert_eq!(config.limits.message_len_max, 65_536);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "built by functional update, as its page says")]
pub struct Config {
    /// How much of everything. See [`Limits`].
    pub limits: Limits,
    /// Whether messages are delivered whole or as they come. Whole by default.
    pub delivery: Delivery,
    /// Cuts each message sent into fragments of at most this many bytes, so that a control frame
    /// can pass between them (5.4). By default a message is one frame, which is what peers
    /// handle fastest.
    pub fragment_len: Option<NonZeroUsize>,
    /// Whether each Ping is answered at once without the application (5.5.2). On by default. Of
    /// answers that the transport did not take, only the latest waits. Switched off, the application must answer with
    /// [`Connection::pong`](crate::Connection::pong).
    pub auto_pong: bool,
    /// Pings that find a dead peer and keep middle boxes from forgetting the connection. On by
    /// default.
    pub keepalive: Option<Keepalive>,
    /// Ends the connection when no byte at all came for this long. Off by default, since
    /// `keepalive` does the same and asks the peer before.
    pub idle_timeout: Option<Duration>,
    /// Ends the connection with 1008 when a message is not complete this long after its first
    /// frame's header. Off by default: how long a large message may take depends on the network.
    pub message_timeout: Option<Duration>,
    /// How long the closing handshake may take, from the first Close frame to the end of the
    /// transport. 10 seconds by default: a peer that has not answered by then will not.
    pub close_timeout: Duration,
    /// How long the opening handshake may take in all, however busily the peer sends.
    /// 10 seconds by default: some round trips of the slowest network.
    pub handshake_timeout: Duration,
    /// Compression of messages, which a client offers and a server agrees to. Off by default; see
    /// [`Deflate`](crate::Deflate) for what it costs.
    #[cfg(feature = "deflate")]
    pub deflate: Option<crate::Deflate>,
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

/// A bound on everything that a peer, or a hasty application, could make grow (10.4).
///
/// No value means "unlimited": a limit is the number that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "built by functional update, as its page says")]
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
    /// to. 16 MiB. In [`Delivery::Chunks`] it costs no memory and can be as large as you like.
    pub message_len_max: u64,
    /// Frames of one message. 131,072: a fragment costs time, not memory, and 4 MiB in fragments
    /// of 64 bytes is still within it.
    pub fragments_max: u32,
    /// Bytes that wait in an outbox. A message that does not fit is refused. 32 MiB: the answer to
    /// the largest message that can be received, and nearly as much again.
    pub outbox_len_max: usize,
    /// Bytes of room that an inbox offers to one read. 16 KiB: more gains little for messages
    /// below it, and for a longer one the room grows with what has come.
    pub read_len: usize,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "built by functional update, as its page says")]
pub struct Keepalive {
    /// After this long without a byte from the peer, a Ping goes out. 20 seconds by default:
    /// below the 30 seconds after which the most hurried middle boxes forget.
    pub interval: Duration,
    /// After this long without a byte following the Ping, the connection ends. 20 seconds by
    /// default.
    pub timeout: Duration,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self { interval: Duration::from_secs(20), timeout: Duration::from_secs(20) }
    }
}
