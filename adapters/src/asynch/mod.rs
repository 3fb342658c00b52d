//! The asynchronous adapter, once for every runtime.
//!
//! Its types are generic over a [`Runtime`]. Programs use them by the names that the module of
//! their runtime gives them, where the runtime is filled in: `bluewire::smol::WebSocket`,
//! `bluewire::tokio::WebSocket`.

mod adopt;
mod byte_stream;
mod caller;
#[cfg(feature = "_tls")]
mod computing;
mod connect;
mod dial;
mod exchange;
mod facade;
mod group;
mod incoming;
mod io;
mod listening;
mod net_stream;
mod platform;
mod reader;
mod reconnecting;
mod runtime;
mod sender;
mod server;
mod shared;
mod spare;
mod streams;
#[cfg(test)]
mod tests;
#[cfg(feature = "_tls")]
mod tls;
mod transport;
pub(crate) mod wait;
mod websocket;
mod writer;

pub use byte_stream::ByteStream;
pub(crate) use connect::{accept, connect, connect_over};
pub(crate) use facade::create;
pub use incoming::{Incoming, Plain, Upgrade};
pub(crate) use io::or_pending;
#[cfg(feature = "smol")]
pub(crate) use io::would_block;
pub use net_stream::NetStream;
pub(crate) use platform::Platform;
pub use reader::Reader;
pub use reconnecting::Reconnecting;
pub use runtime::{Runtime, Timer};
pub use sender::Sender;
pub use server::{Server, ServerHandle};
#[cfg(feature = "_tls")]
pub use tls::TlsStream;
pub use transport::AsyncTransport;
pub(crate) use transport::{known, known_mut};
pub use websocket::WebSocket;
pub use writer::Writer;
