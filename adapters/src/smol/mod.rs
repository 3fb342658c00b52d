//! The adapter on asynchronous streams, with smol.
//!
//! [`connect()`] and [`accept`] give a [`WebSocket`] that one task reads and writes;
//! [`websocketfactory::create`] gives a [`facade::WebSocket`](crate::facade::WebSocket) whose
//! callbacks run in a task of its own.
//!
//! Any stream works that is `AsyncRead + AsyncWrite`, the traits of `futures`.

mod connect;
mod facade;
mod sender;
mod shut_down;
mod websocket;

pub use connect::{accept, accept_with, connect, connect_over};
pub use sender::Sender;
pub use websocket::WebSocket;

pub use crate::accept::AcceptOptions;

/// Connections with callbacks, each in a task of its own.
pub mod websocketfactory {
    pub use super::facade::create;
}
