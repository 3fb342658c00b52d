//! Errors, by who caused them: the peer ([`ProtocolError`]) or the caller ([`SendError`]). Errors of
//! the opening handshake are in `handshake`.

use core::fmt;

use crate::close_code::CloseCode;

/// A rule of the protocol, or a limit of this endpoint, that the peer broke on an open connection. It
/// fails the connection (7.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A reserved bit is set that no negotiated extension defines.
    ReservedBits,
    /// A reserved opcode: 0x3 to 0x7 or 0xB to 0xF.
    ReservedOpcode(u8),
    /// A control frame without FIN.
    FragmentedControlFrame,
    /// A control frame whose payload is longer than 125 bytes.
    ControlFrameTooLong,
    /// A frame to a server that is not masked.
    UnmaskedFrame,
    /// A frame to a client that is masked.
    MaskedFrame,
    /// A payload length that is not encoded in the fewest bytes.
    LengthNotMinimal,
    /// A 64-bit payload length with its most significant bit set.
    LengthOutOfRange,
    /// A continuation frame without a message to continue.
    UnexpectedContinuation,
    /// A text or binary frame in the middle of a fragmented message.
    InterleavedMessage,
    /// A frame longer than [`Limits::frame_len_max`](crate::Limits::frame_len_max).
    FrameTooLong {
        /// That limit, in bytes.
        limit: u64,
    },
    /// A message longer than [`Limits::message_len_max`](crate::Limits::message_len_max).
    MessageTooLong {
        /// That limit, in bytes.
        limit: u64,
    },
    /// A message of more frames than [`Limits::fragments_max`](crate::Limits::fragments_max).
    TooManyFragments {
        /// That limit.
        limit: u32,
    },
    /// A compressed message that is not valid DEFLATE.
    InvalidDeflate,
    /// A text message that is not valid UTF-8.
    InvalidUtf8,
    /// A Close frame whose body is a single byte.
    CloseBodyTooShort,
    /// A Close frame with a code that must not be sent.
    InvalidCloseCode(CloseCode),
    /// A Close frame whose reason is not valid UTF-8.
    InvalidCloseReason,
}

impl ProtocolError {
    /// The code of the Close frame that this endpoint answers with (7.4.1).
    #[must_use]
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::ReservedBits
            | Self::ReservedOpcode(_)
            | Self::FragmentedControlFrame
            | Self::ControlFrameTooLong
            | Self::UnmaskedFrame
            | Self::MaskedFrame
            | Self::LengthNotMinimal
            | Self::LengthOutOfRange
            | Self::UnexpectedContinuation
            | Self::InterleavedMessage
            | Self::CloseBodyTooShort
            | Self::InvalidCloseCode(_) => CloseCode::PROTOCOL_ERROR,
            // 7.4.1: 1007 is for "data within a message that was not consistent with the type of
            // the message"; RFC 7692 names no code.
            Self::InvalidDeflate | Self::InvalidUtf8 | Self::InvalidCloseReason => {
                CloseCode::INVALID_PAYLOAD_DATA
            }
            Self::TooManyFragments { .. } => CloseCode::POLICY_VIOLATION,
            Self::FrameTooLong { .. } | Self::MessageTooLong { .. } => CloseCode::MESSAGE_TOO_BIG,
        }
    }

    /// The section of RFC 6455 that holds the broken rule, such as `"5.5"`; of RFC 7692 for
    /// [`InvalidDeflate`](Self::InvalidDeflate).
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Self::InvalidDeflate => "7.2.2",
            Self::UnmaskedFrame | Self::MaskedFrame => "5.1",
            Self::ReservedBits
            | Self::ReservedOpcode(_)
            | Self::LengthNotMinimal
            | Self::LengthOutOfRange => "5.2",
            Self::UnexpectedContinuation | Self::InterleavedMessage => "5.4",
            Self::FragmentedControlFrame | Self::ControlFrameTooLong => "5.5",
            Self::CloseBodyTooShort => "5.5.1",
            Self::InvalidCloseCode(_) => "7.4",
            Self::InvalidUtf8 | Self::InvalidCloseReason => "8.1",
            Self::FrameTooLong { .. }
            | Self::MessageTooLong { .. }
            | Self::TooManyFragments { .. } => "10.4",
        }
    }

    /// The rule in a few words: the reason in the Close frame that answers it.
    pub(crate) const fn rule(self) -> &'static str {
        match self {
            Self::ReservedBits => "reserved bit set without an extension that defines it",
            Self::ReservedOpcode(_) => "reserved opcode",
            Self::FragmentedControlFrame => "fragmented control frame",
            Self::ControlFrameTooLong => "control frame longer than 125 bytes",
            Self::UnmaskedFrame => "frame from a client is not masked",
            Self::MaskedFrame => "frame from a server is masked",
            Self::LengthNotMinimal => "payload length not in its shortest form",
            Self::LengthOutOfRange => "payload length with its most significant bit set",
            Self::UnexpectedContinuation => "continuation frame without a message to continue",
            Self::InterleavedMessage => "new message before the last one was finished",
            Self::FrameTooLong { .. } => "frame too long",
            Self::MessageTooLong { .. } => "message too long",
            Self::TooManyFragments { .. } => "message in too many fragments",
            Self::InvalidDeflate => "compressed message is not valid DEFLATE",
            Self::InvalidUtf8 => "text message is not valid UTF-8",
            Self::CloseBodyTooShort => "Close frame with a body of one byte",
            Self::InvalidCloseCode(_) => "Close frame with a code that must not be sent",
            Self::InvalidCloseReason => "reason of a Close frame is not valid UTF-8",
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedBits => {
                f.write_str("the peer set a reserved bit without an extension that defines it")?;
            }
            Self::ReservedOpcode(opcode) => {
                write!(f, "the peer sent a frame with the reserved opcode 0x{opcode:x}")?;
            }
            Self::FragmentedControlFrame => {
                f.write_str("the peer sent a fragmented control frame")?;
            }
            Self::ControlFrameTooLong => {
                f.write_str("the peer sent a control frame longer than 125 bytes")?;
            }
            Self::UnmaskedFrame => f.write_str("the client sent a frame without masking it")?,
            Self::MaskedFrame => f.write_str("the server sent a masked frame")?,
            Self::LengthNotMinimal => {
                f.write_str("the peer did not encode a payload length in the fewest bytes")?;
            }
            Self::LengthOutOfRange => {
                f.write_str("the peer sent a payload length of 2^63 bytes or more")?;
            }
            Self::UnexpectedContinuation => {
                f.write_str("the peer sent a continuation frame without a message to continue")?;
            }
            Self::InterleavedMessage => {
                f.write_str("the peer began a message before it finished the previous one")?;
            }
            Self::FrameTooLong { limit } => write!(
                f,
                "the peer sent a frame longer than {limit} bytes (Limits::frame_len_max); \
                 raise that limit to receive it"
            )?,
            Self::MessageTooLong { limit } => write!(
                f,
                "the peer sent a message longer than {limit} bytes (Limits::message_len_max); \
                 raise that limit to receive it"
            )?,
            Self::TooManyFragments { limit } => write!(
                f,
                "the peer sent a message in more than {limit} fragments (Limits::fragments_max); \
                 raise that limit to receive it"
            )?,
            Self::InvalidDeflate => {
                f.write_str("the peer sent a compressed message that is not valid DEFLATE")?;
            }
            Self::InvalidUtf8 => f.write_str(
                "the peer sent a text message that is not valid UTF-8; \
                 such data belongs in a binary message",
            )?,
            Self::CloseBodyTooShort => {
                f.write_str("the peer sent a Close frame with a body of one byte")?;
            }
            Self::InvalidCloseCode(code) => {
                write!(
                    f,
                    "the peer sent a Close frame with the code {code}, which is not allowed"
                )?;
            }
            Self::InvalidCloseReason => {
                f.write_str("the peer sent a Close frame whose reason is not valid UTF-8")?;
            }
        }
        let rfc = if *self == Self::InvalidDeflate { 7692 } else { 6455 };
        write!(f, " (RFC {rfc}, section {})", self.section())
    }
}

impl core::error::Error for ProtocolError {}

/// Why the connection refused a call. The call has changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The connection is closing or closed: this endpoint has sent its Close frame, the peer
    /// has, or the connection failed.
    NotOpen,
    /// A fragmented message has begun. It must end before the next message begins.
    MessageUnfinished,
    /// The fragment is text and its message is binary, or the reverse.
    TypeChanged,
    /// The outbox would exceed [`Limits::outbox_len_max`](crate::Limits::outbox_len_max), or too many
    /// control frames wait. There is room again after the peer has read.
    OutboxFull,
    /// The message or fragment does not fit an empty outbox. With its headers, and with the bytes
    /// that compression may add, it exceeds
    /// [`Limits::outbox_len_max`](crate::Limits::outbox_len_max). Waiting does not help.
    MessageTooLong {
        /// That limit, in bytes.
        limit: usize,
    },
    /// The payload of a Ping or Pong is longer than 125 bytes.
    ControlPayloadTooLong,
    /// The close code must not be sent.
    InvalidCloseCode(CloseCode),
    /// The close reason is longer than 123 bytes.
    CloseReasonTooLong,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::NotOpen => "the connection is closing or closed; open another one to send more",
            Self::MessageUnfinished => {
                "the previous message is not finished; send its last fragment first"
            }
            Self::TypeChanged => {
                "the fragment is not of its message's type; continue text by text, binary by binary"
            }
            Self::OutboxFull => {
                "the outbox is full (Limits::outbox_len_max); wait until the peer has read some of it"
            }
            Self::MessageTooLong { limit } => {
                return write!(
                    f,
                    "the message does not fit an outbox of {limit} bytes (Limits::outbox_len_max); \
                     raise that limit, or send the message in chunks"
                );
            }
            Self::ControlPayloadTooLong => {
                "the payload of the Ping or Pong is longer than 125 bytes; send a shorter one"
            }
            Self::InvalidCloseCode(code) => {
                return write!(
                    f,
                    "the close code {code} must not be sent; use 1000-1003, 1007-1014 or 3000-4999"
                );
            }
            Self::CloseReasonTooLong => {
                "the close reason is longer than 123 bytes of UTF-8; send a shorter one"
            }
        };
        f.write_str(text)
    }
}

impl core::error::Error for SendError {}

/// Why a connection ended with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The peer broke a rule.
    Protocol(ProtocolError),
    /// The application failed the connection with this code.
    Application(CloseCode),
    /// A deadline passed.
    Timeout(Timeout),
    /// The transport ended without a closing handshake.
    ConnectionLost,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error) => error.fmt(f),
            Self::Application(code) => {
                write!(f, "the application failed the connection with close code {code}")
            }
            Self::Timeout(timeout) => timeout.fmt(f),
            Self::ConnectionLost => {
                f.write_str("the peer or the network ended the connection without a Close frame")
            }
        }
    }
}

impl core::error::Error for Fault {}

/// The deadline that passed. Each variant names its setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Timeout {
    /// [`Config::idle_timeout`](crate::Config::idle_timeout): nothing came.
    Idle,
    /// [`Keepalive::timeout`](crate::Keepalive::timeout): nothing came after a ping.
    Pong,
    /// [`Config::message_timeout`](crate::Config::message_timeout): a message stayed unfinished.
    Message,
    /// [`Config::close_timeout`](crate::Config::close_timeout): the closing handshake did.
    Close,
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "the peer sent nothing within Config::idle_timeout",
            Self::Pong => "the peer did not answer a keepalive ping within Keepalive::timeout",
            Self::Message => "the peer did not finish a message within Config::message_timeout",
            Self::Close => {
                "the peer did not finish the closing handshake within Config::close_timeout"
            }
        })
    }
}

/// Errors are returned from every call: they stay within two registers.
const _: () = assert!(size_of::<ProtocolError>() <= 16 && size_of::<SendError>() <= 16);
const _: () = assert!(size_of::<Fault>() <= 24);
