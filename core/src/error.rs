//! What can go wrong, in enums by blame: [`ProtocolError`] is the peer's, [`SendError`] the
//! caller's; those of the opening handshake are beside it.

use core::fmt;

use crate::close_code::CloseCode;

/// A rule of the protocol, or a limit of this endpoint, that the peer broke once the connection
/// was open. It fails the connection (7.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A reserved bit is set that no negotiated extension defines.
    ReservedBits,
    /// An opcode that the protocol keeps for later: 0x3 to 0x7 or 0xB to 0xF.
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
    /// A continuation frame while no message is under way.
    UnexpectedContinuation,
    /// A text or binary frame while a fragmented message is under way.
    InterleavedMessage,
    /// A frame longer than [`Limits::frame_len_max`](crate::Limits::frame_len_max).
    FrameTooLong,
    /// A message longer than [`Limits::message_len_max`](crate::Limits::message_len_max).
    MessageTooLong,
    /// A message of more frames than [`Limits::fragments_max`](crate::Limits::fragments_max).
    TooManyFragments,
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
            Self::TooManyFragments => CloseCode::POLICY_VIOLATION,
            Self::FrameTooLong | Self::MessageTooLong => CloseCode::MESSAGE_TOO_BIG,
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
            Self::FrameTooLong | Self::MessageTooLong | Self::TooManyFragments => "10.4",
        }
    }

    /// The limit that was passed, if that is what is wrong.
    const fn limit(self) -> Option<&'static str> {
        match self {
            Self::FrameTooLong => Some("frame_len_max"),
            Self::MessageTooLong => Some("message_len_max"),
            Self::TooManyFragments => Some("fragments_max"),
            _ => None,
        }
    }

    /// The rule in a few words; also the reason in the Close frame that answers it.
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
            Self::FrameTooLong => "frame too long",
            Self::MessageTooLong => "message too long",
            Self::TooManyFragments => "message in too many fragments",
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
        match self.limit() {
            Some(_) => write!(f, "the peer went past a limit: {}", self.rule())?,
            None => write!(f, "the peer broke the protocol: {}", self.rule())?,
        }
        match self {
            Self::ReservedOpcode(opcode) => write!(f, " 0x{opcode:x}")?,
            Self::InvalidCloseCode(code) => write!(f, " ({code})")?,
            Self::InvalidUtf8 => f.write_str("; what is no text belongs in a binary message")?,
            _ => {}
        }
        if let Some(limit) = self.limit() {
            write!(f, "; raise Limits::{limit} if it shall be received")?;
        }
        let rfc = if *self == Self::InvalidDeflate { 7692 } else { 6455 };
        write!(f, " (RFC {rfc}, section {})", self.section())
    }
}

impl core::error::Error for ProtocolError {}

/// A call that the connection refuses; it changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The connection is closing or closed: this endpoint has sent its Close frame, the peer
    /// has, or the connection failed.
    NotOpen,
    /// A fragmented message is under way, which must end before another message begins.
    MessageUnfinished,
    /// The fragment is text and the message under way is binary, or the reverse.
    TypeChanged,
    /// The outbox would grow past [`Limits::outbox_len_max`](crate::Limits::outbox_len_max);
    /// it will have room again once the peer has read.
    OutboxFull,
    /// The payload of a Ping or Pong is longer than 125 bytes.
    ControlPayloadTooLong,
    /// The close code is not one that may be sent.
    InvalidCloseCode(CloseCode),
    /// The close reason is longer than 123 bytes.
    CloseReasonTooLong,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::NotOpen => "the connection is closing or closed; open another one to send more",
            Self::MessageUnfinished => {
                "the message under way is not finished; send its last fragment first"
            }
            Self::TypeChanged => {
                "the fragment is not of its message's type; send text to text, binary to binary"
            }
            Self::OutboxFull => {
                "the outbox is full (Limits::outbox_len_max); wait until the peer has read some"
            }
            Self::ControlPayloadTooLong => {
                "the payload of a Ping or Pong is too long; 125 bytes fit"
            }
            Self::InvalidCloseCode(code) => {
                return write!(
                    f,
                    "the close code {code} must not be sent; 1000-1003, 1007-1014 and 3000-4999 may"
                );
            }
            Self::CloseReasonTooLong => "the close reason is too long; 123 bytes of UTF-8 fit",
        };
        f.write_str(text)
    }
}

impl core::error::Error for SendError {}

/// Why a connection did not end in order.
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
                write!(f, "the application here failed the connection with code {code}")
            }
            Self::Timeout(timeout) => timeout.fmt(f),
            Self::ConnectionLost => {
                f.write_str("the peer or the network ended the connection without a Close frame")
            }
        }
    }
}

impl core::error::Error for Fault {}

/// The deadline that passed, each named for the setting that sets it.
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
