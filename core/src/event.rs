//! The reports of a connection: messages, control frames, failure (sections 5.4 to 5.6).

use crate::close::CloseFrame;
use crate::error::ProtocolError;
use crate::message::Message;

/// Something that the peer sent. It borrows the inbox, not the connection, so you can send while you
/// hold an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A whole message, in [`Delivery::Whole`](crate::Delivery::Whole).
    Message(Message<'a>),
    /// A part of a message, in [`Delivery::Chunks`](crate::Delivery::Chunks).
    Chunk {
        /// The bytes that arrived: at least one, unless `fin`. Text is cut between characters.
        part: Message<'a>,
        /// Whether the message ends with this part. The next part begins another.
        fin: bool,
    },
    /// A Ping (5.5.2). The engine has already answered it, unless
    /// [`Config::auto_pong`](crate::Config::auto_pong) is off.
    Ping(&'a [u8]),
    /// A Pong (5.5.3), also one that answers a keepalive ping.
    Pong(&'a [u8]),
    /// The peer's Close frame (5.5.1). The engine has already answered it. No event follows.
    Close(CloseFrame<'a>),
    /// The peer broke a rule, and the connection has failed. The Close frame for the peer is in the
    /// outbox. No event follows.
    Failed(ProtocolError),
}
