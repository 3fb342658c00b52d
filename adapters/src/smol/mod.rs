//! The adapter on asynchronous streams, with smol.
//!
//! [`connect()`] and [`accept`] give a [`WebSocket`] that one task reads and writes, and that can be
//! [split](WebSocket::split) for several;
//! [`Server`] accepts many connections and shuts them down in order;
//! [`websocketfactory::create`] gives a [`facade::WebSocket`](crate::facade::WebSocket) whose
//! callbacks run in a task of its own.
//!
//! It is the one for many connections: each costs a task and no buffers while it is idle. For
//! [a few of them](crate#which-adapter) and no runtime, take `blocking`.
//!
//! ```
//! use bluewire::{CloseCode, smol::connect};
//! use smol::future::zip;
//! # use bluewire::smol::accept;
//! # use std::net::TcpListener;
//!
//! # smol::block_on(async {
//! # let listener = smol::Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
//! # let url = format!("ws://{}/", listener.get_ref().local_addr()?);
//! # let server = smol::spawn(async move {
//! #     let mut socket = accept(listener.accept().await?.0).await?;
//! #     socket.send("welcome").await?;
//! #     while socket.recv().await?.is_some() {}
//! #     Ok::<(), bluewire::Error>(())
//! # });
//! // Both directions at a time: one task receives, others send.
//! let (mut reader, writer) = connect(url).await?.split();
//! let sending = async {
//!     writer.send("Hello").await?;
//!     writer.close(CloseCode::NORMAL, "").await
//! };
//! let receiving = async {
//!     assert_eq!(reader.recv().await?, Some("welcome".into()));
//!     assert_eq!(reader.recv().await?, None);
//!     Ok::<(), bluewire::Error>(())
//! };
//! let (sent, received) = zip(sending, receiving).await;
//! # server.await?;
//! # sent.and(received)?;
//! assert!(reader.closure().is_some_and(|closure| closure.clean));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Any stream works that is `AsyncRead + AsyncWrite`, the traits of `futures`.

mod adopt;
mod byte_stream;
mod connect;
mod crew;
mod deadline;
mod dial;
mod entrance;
mod facade;
mod fan;
mod gate;
mod home;
mod incoming;
mod net_stream;
mod pump;
#[cfg(target_os = "linux")]
mod reactor;
mod reader;
mod reconnecting;
mod sender;
mod sending;
mod server;
mod shared;
mod shut_down;
mod spare;
mod streams;
mod tcp_socket;
#[cfg(feature = "tls")]
mod tls;
mod turn;
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
pub use tcp_socket::TcpSocket;
#[cfg(feature = "tls")]
pub use tls::TlsStream;
pub use websocket::WebSocket;
pub use writer::Writer;

pub use crate::accept::AcceptOptions;

/// Connections with callbacks, each in a task of its own.
pub mod websocketfactory {
    pub use super::facade::{create, create_on};
}
