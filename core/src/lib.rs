//! The Bluewire engine.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod close;
mod config;
mod error;
mod event;
mod frame;
mod inbox;
mod mask;
mod outbox;
mod utf8;

pub use close::{CloseCode, CloseFrame, ClosedBy, Closure};
pub use config::{Config, Delivery, Keepalive, Limits};
pub use error::{Fault, ProtocolError, SendError, Timeout};
pub use event::{Event, Message, OwnedMessage};
pub use inbox::Inbox;
pub use mask::MaskingKeys;
pub use outbox::Outbox;
