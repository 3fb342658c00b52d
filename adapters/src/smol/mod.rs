//! The adapter on asynchronous streams, with smol.
//!
//! [`connect()`] and [`accept`] give a [`WebSocket`] that one task reads and writes, and that can be
//! [split](WebSocket::split) for several;
//! [`Server`] accepts many connections and shuts them down in order;
//! [`websocketfactory::create`] gives a [`facade::WebSocket`](crate::facade::WebSocket) whose
//! callbacks run in a task of its own.
//!
//! Any stream works that is `AsyncRead + AsyncWrite`, the traits of `futures`.

mod adopt;
mod byte_stream;
mod connect;
mod deadline;
mod facade;
mod fan;
mod gate;
mod incoming;
mod pump;
mod reader;
mod sender;
mod sending;
mod server;
mod shared;
mod shut_down;
mod spare;
mod streams;
mod turn;
mod websocket;
mod writer;

pub use byte_stream::ByteStream;
pub use connect::{accept, accept_with, connect, connect_over};
pub use incoming::{Incoming, Plain, Upgrade};
pub use reader::Reader;
pub use sender::Sender;
pub use server::{Server, ServerHandle};
pub use websocket::WebSocket;
pub use writer::Writer;

pub use crate::accept::AcceptOptions;

/// Connections with callbacks, each in a task of its own.
pub mod websocketfactory {
    pub use super::facade::create;
}
