//! The Bluewire engine.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod close;
mod config;
mod connection;
mod error;
mod event;
mod extension;
mod frame;
mod gather;
mod handshake;
mod inbox;
mod mask;
mod outbox;
mod prepared;
mod receive;
mod send;
mod timer;
mod utf8;

pub use close::{CloseCode, CloseFrame, ClosedBy, Closure};
pub use config::{Config, Delivery, Keepalive, Limits};
pub use connection::{Connection, Role, State};
pub use error::{Fault, ProtocolError, SendError, Timeout};
pub use event::{Event, Message, OwnedMessage};
pub use extension::ExtensionItem;
pub use gather::Gather;
pub use handshake::{
    ClientHandshake, ClientRequest, HandshakeError, HeadError, Headers, HttpAnswer, Offer, Refusal,
    Request, RequestHead, Response, ResponseHead, ServerHandshake,
};
pub use inbox::Inbox;
pub use mask::MaskingKeys;
pub use outbox::Outbox;
pub use prepared::PreparedMessage;
pub use receive::Ready;
