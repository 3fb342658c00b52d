//! WebSocket (RFC 6455) for programs that choose their own IO.
//!
//! Each adapter, [`blocking`], [`smol`] and `tokio` (a feature), offers the same under the same names:
//!
//! - the **direct API**: `connect` and `accept` give a `WebSocket` on which to `recv` and `send`;
//!   a `Server` does so for many, with limits, and shuts them down in order;
//! - the **callback facade**: `websocketfactory::create` gives a [`facade::WebSocket`] with
//!   `on_open`, `on_message`, `on_close` and `on_error`.
//!
//! ```
//! use std::net::TcpListener;
//! use bluewire::{CloseCode, blocking};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let url = format!("ws://{}/", listener.local_addr()?);
//! let server = std::thread::spawn(move || -> Result<(), bluewire::Error> {
//!     let mut socket = blocking::accept(listener.accept()?.0)?;
//!     while let Some((message, mut sender)) = socket.recv_with_sender()? {
//!         sender.send(message)?;
//!     }
//!     Ok(())
//! });
//!
//! let mut socket = blocking::connect(url)?;
//! socket.send("Hello")?;
//! assert_eq!(socket.recv()?, Some("Hello".into()));
//! assert!(socket.close(CloseCode::NORMAL, "")?.clean);
//! server.join().expect("the server is well")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which adapter
//!
//! | you have | take |
//! | --- | --- |
//! | a few connections, threads, no runtime | [`blocking`]: calls wait, two threads for both directions |
//! | many connections, or smol already | [`smol`]: a task for each, no buffers while idle |
//! | tokio already | the feature `tokio`: what [`smol`] has, under the same names, in the module `tokio` |
//! | another runtime, an event loop of your own, no operating system | [`bluewire_core`]: its front page has the loop |
//! | callbacks, as in a browser | `websocketfactory::create` on each adapter, see [`facade`] |
//!
//! # Features
//!
//! - `blocking` and `smol`, both by default, and `tokio`: the adapters.
//! - `tls`, by default: `wss` on each, and servers with TLS; see the module `tls`. `tls-ring`,
//!   `tls-aws-lc-rs` and `tls-no-provider` choose its cryptography. `platform-verifier` lets the
//!   operating system verify certificates, `platform-roots` lets clients trust whom the operating
//!   system trusts, and `async-tls` lets them connect by the crate of that name.
//! - `idna`: host names beyond ASCII in URLs.
//! - `tracing`: events for the crate of that name; see the module `trace`.
//! - `deflate`: compression of messages (RFC 7692). Ask for it by [`ConnectOptions`] and
//!   [`AcceptOptions`]; `Deflate` says what it costs, and when it must not be used.
//! - `testkit`: for your tests; see the module `testkit`.
//!
//! The engine beneath is [`bluewire_core`], which does no IO and can be used alone.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(any(feature = "blocking", feature = "_asynch")),
    expect(dead_code, unused_imports, reason = "what the adapters share waits for one")
)]

#[cfg(feature = "_asynch")]
pub mod asynch;
#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(all(doctest, feature = "blocking", feature = "smol", feature = "tls", feature = "testkit"))]
mod book;
mod clock;
#[cfg(all(any(doc, doctest), feature = "blocking", feature = "smol", feature = "_tls"))]
pub mod cookbook;
mod drive;
mod error;
#[cfg(all(test, feature = "_tls"))]
mod error_messages;
pub mod facade;
mod open;
#[cfg(test)]
#[path = "../../core/src/plain_english.rs"]
mod plain_english;
mod server;
#[cfg(feature = "smol")]
pub mod smol;
#[cfg(any(feature = "blocking", feature = "_asynch"))]
mod socket;
mod sync;
#[cfg(feature = "testkit")]
pub mod testkit;
#[cfg(feature = "_tls")]
pub mod tls;
#[cfg(feature = "tokio")]
pub mod tokio;
#[cfg(feature = "tracing")]
pub mod trace;
#[cfg(not(feature = "tracing"))]
mod trace;
#[cfg(all(unix, any(feature = "blocking", feature = "_asynch")))]
mod unix_socket;
#[cfg(feature = "_asynch")]
mod waker_set;
mod wording;

pub use bluewire_core::{
    CloseCode, ClosedBy, Closure, Config, Delivery, Fault, HandshakeError, HeadError, Headers,
    HttpAnswer, Keepalive, Limits, Message, Offer, OwnedMessage, PreparedMessage, ProtocolError,
    Refusal, RequestHead, ResponseHead, SendError, Timeout,
};
#[cfg(feature = "deflate")]
pub use bluewire_core::{Deflate, DeflateParams};

pub use drive::Flow;
pub use error::Error;
pub use open::error::{
    AcceptError, ConnectError, Phase, ProxyError, ProxyUrlError, RedirectError, RedirectReason,
    SocksReply, UrlError,
};
pub use open::options::{AcceptOptions, Canceller, ConnectOptions, OriginPolicy};
pub use open::proxy::Proxy;
pub use open::reconnect::{self, Reconnect};
pub use open::url::Url;
pub use server::{ServerOptions, ShutdownReport};

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
