//! What a connection tells: messages, control frames, failure (sections 5.4 to 5.6).

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use crate::close::CloseFrame;
use crate::error::ProtocolError;

/// What came from the peer. It borrows the inbox, not the connection: sending on the connection
/// is possible while an event is in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A whole message, in [`Delivery::Whole`](crate::Delivery::Whole).
    Message(Message<'a>),
    /// A part of a message, in [`Delivery::Chunks`](crate::Delivery::Chunks).
    Chunk {
        /// The bytes that came, at least one unless `fin`; text is cut between characters.
        part: Message<'a>,
        /// Whether the message ends with this part. The next part begins another.
        fin: bool,
    },
    /// A Ping (5.5.2), which has been answered already unless
    /// [`Config::auto_pong`](crate::Config::auto_pong) is off.
    Ping(&'a [u8]),
    /// A Pong (5.5.3), also one that answers a keepalive ping.
    Pong(&'a [u8]),
    /// The peer's Close frame (5.5.1), which has been answered already if it needed an answer.
    /// No event comes after it.
    Close(CloseFrame<'a>),
    /// The peer broke a rule: the connection has failed, and the Close frame that says so is in
    /// the outbox. No event comes after it.
    Failed(ProtocolError),
}

/// A message, or a part of one: text or binary (5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these two")]
pub enum Message<'a> {
    /// Text, which is UTF-8 on the wire.
    Text(&'a str),
    /// Bytes whose meaning is the application's.
    Binary(&'a [u8]),
}

impl<'a> Message<'a> {
    /// The payload.
    #[must_use]
    #[inline]
    pub const fn as_bytes(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The text, if it is a text message.
    #[must_use]
    pub const fn as_text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// Whether it is a text message.
    #[must_use]
    #[inline]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// The length of the payload in bytes.
    #[must_use]
    #[inline]
    pub const fn len(self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the payload is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The same message with memory of its own.
    #[must_use]
    pub fn into_owned(self) -> OwnedMessage {
        match self {
            Self::Text(text) => OwnedMessage::Text(text.to_owned()),
            Self::Binary(bytes) => OwnedMessage::Binary(bytes.to_owned()),
        }
    }
}

impl<'a> From<&'a str> for Message<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Message<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Message<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Binary(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Message<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Binary(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Message<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

impl<'a> From<&'a OwnedMessage> for Message<'a> {
    fn from(message: &'a OwnedMessage) -> Self {
        message.borrow()
    }
}

/// A message with memory of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these two")]
pub enum OwnedMessage {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

impl OwnedMessage {
    /// The message, lent.
    #[must_use]
    pub fn borrow(&self) -> Message<'_> {
        match self {
            Self::Text(text) => Message::Text(text),
            Self::Binary(bytes) => Message::Binary(bytes),
        }
    }
}
