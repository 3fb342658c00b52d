//! Events that outlive the inbox.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{CloseCode, Event, Message, OwnedMessage, ProtocolError};

/// An [`Event`] with memory of its own, to keep and to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnedEvent {
    /// The opening handshake is done, here. The engine has no event for it; an
    /// [`End`](super::End) that was open from the start does not tell it.
    Open,
    /// A whole message.
    Message(OwnedMessage),
    /// A part of a message, with [`Delivery::Chunks`](crate::Delivery::Chunks).
    Chunk {
        /// The part.
        part: OwnedMessage,
        /// Whether the message ends with it.
        fin: bool,
    },
    /// A Ping.
    Ping(Vec<u8>),
    /// A Pong.
    Pong(Vec<u8>),
    /// The peer's Close frame.
    Close {
        /// Its code, if it has one.
        code: Option<CloseCode>,
        /// Its reason.
        reason: String,
    },
    /// The peer broke a rule.
    Failed(ProtocolError),
}

impl OwnedEvent {
    /// The event of a whole text message.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Message(OwnedMessage::Text(text.to_owned()))
    }

    /// The event of a whole binary message.
    #[must_use]
    pub fn binary(bytes: impl AsRef<[u8]>) -> Self {
        Self::Message(OwnedMessage::Binary(bytes.as_ref().to_vec()))
    }

    /// The event of a Ping.
    #[must_use]
    pub fn ping(payload: impl AsRef<[u8]>) -> Self {
        Self::Ping(payload.as_ref().to_vec())
    }

    /// The event of a Pong.
    #[must_use]
    pub fn pong(payload: impl AsRef<[u8]>) -> Self {
        Self::Pong(payload.as_ref().to_vec())
    }

    /// The event of a Close frame with a code.
    #[must_use]
    pub fn close(code: CloseCode, reason: &str) -> Self {
        Self::Close { code: Some(code), reason: reason.to_owned() }
    }
}

impl From<Event<'_>> for OwnedEvent {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Message(message) => Self::Message(message.into_owned()),
            Event::Chunk { part, fin } => Self::Chunk { part: part.into_owned(), fin },
            Event::Ping(payload) => Self::Ping(payload.to_owned()),
            Event::Pong(payload) => Self::Pong(payload.to_owned()),
            Event::Close(close) => {
                Self::Close { code: close.code, reason: close.reason.to_owned() }
            }
            Event::Failed(error) => Self::Failed(error),
        }
    }
}

/// Appends an event. A chunk goes to the chunk before it, if that is of the same message and no
/// other event stands between: where one ends and the next begins depends on the reads, and has
/// no meaning.
pub(super) fn push(events: &mut Vec<OwnedEvent>, event: Event<'_>) {
    if let Event::Chunk { part, fin } = event
        && let Some(OwnedEvent::Chunk { part: last, fin: ended @ false }) = events.last_mut()
    {
        match (last, part) {
            (OwnedMessage::Text(text), Message::Text(part)) => text.push_str(part),
            (OwnedMessage::Binary(bytes), Message::Binary(part)) => bytes.extend(part),
            _ => unreachable!("all parts of a message have its type"),
        }
        *ended = fin;
    } else {
        events.push(event.into());
    }
}
