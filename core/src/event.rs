//! What a connection reports: messages, control frames, failure (sections 5.4 to 5.6).

use crate::close::CloseFrame;
use crate::error::ProtocolError;
use crate::message::Message;

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
