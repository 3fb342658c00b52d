//! The adapter for blocking streams of the standard library.
//!
//! - [`connect()`] and [`accept`] return a [`WebSocket`] for one thread. [Split](WebSocket::split) it
//!   to use it from several.
//! - [`Server`] accepts many clients, and closes every connection when it shuts down.
//! - [`websocketfactory::create`] returns a [`facade::WebSocket`](crate::facade::WebSocket) with
//!   callbacks, which run on a thread.
//!
//! Use it in programs with threads. Each call waits until it is done. For
//! [tens of thousands of connections](crate#which-adapter), use `smol` or `tokio`.
//!
//! ```
//! use bluewire::{CloseCode, blocking};
//! use std::net::TcpListener;
//! use std::thread;
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let url = format!("ws://{}/", listener.local_addr()?);
//! let server = thread::spawn(move || -> Result<(), bluewire::Error> {
//!     let mut socket = blocking::accept(listener.accept()?.0)?;
//!     socket.send("welcome")?;
//!     while socket.recv()?.is_some() {}
//!     Ok(())
//! });
//!
//! // Both directions at the same time: one thread receives, others send.
//! let (mut reader, writer) = blocking::connect(url)?.split();
//! let sending = thread::spawn(move || -> Result<(), bluewire::Error> {
//!     writer.send("Hello")?;
//!     writer.close(CloseCode::NORMAL, "")
//! });
//! assert_eq!(reader.recv()?, Some("welcome".into()));
//! assert_eq!(reader.recv()?, None);
//! assert!(reader.closure().is_some_and(|closure| closure.clean));
//! # sending.join().expect("it is well")?;
//! # server.join().expect("it is well")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Any stream works that implements [`Transport`]. The streams of the standard library do. For every
//! other `Read + Write`, wrap the stream in [`Untimed`].

mod adopt;
mod backlog;
mod byte_stream;
mod computing;
mod connect;
mod dial;
mod exchange;
mod facade;
mod group;
mod handshakes;
mod incoming;
mod net_stream;
mod newcomer;
mod poller;
mod reader;
mod reconnecting;
mod sender;
mod server;
mod shared;
#[cfg(test)]
mod tests;
#[cfg(feature = "_tls")]
mod tls;
mod transport;
mod wake;
mod websocket;
mod writer;

pub use byte_stream::ByteStream;
pub use connect::{accept, accept_with, connect, connect_over};
pub use incoming::{Incoming, Plain, Upgrade};
pub use net_stream::NetStream;
pub use reader::Reader;
pub use reconnecting::Reconnecting;
pub use sender::Sender;
pub use server::{Server, ServerHandle};
#[cfg(feature = "_tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use tls::TlsStream;
pub use transport::{Readiness, SplitTransport, Transport, Untimed};
pub use websocket::WebSocket;
pub use writer::Writer;

pub use crate::open::options::AcceptOptions;

/// Connections with callbacks, each on a thread of its own.
pub mod websocketfactory {
    pub use super::facade::create;
}
