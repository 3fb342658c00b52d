//! WebSocket clients and servers (RFC 6455) on blocking sockets, smol or tokio.
//!
//! There are three adapters: [`blocking`], [`smol`], and `tokio`, which needs the feature `tokio`.
//! Each has the same two APIs:
//!
//! - The **direct API**: `connect` and `accept` return a `WebSocket` with `recv` and `send`. A
//!   `Server` accepts many clients, with limits, and closes all connections when it shuts down.
//! - The **callback API**: `websocketfactory::create`, in the module of each adapter, returns a
//!   [`facade::WebSocket`]. You set its callbacks `on_open`, `on_message`, `on_close` and `on_error`.
//!
//! A [`group`] sends one message to many connections. It works with both APIs.
//!
//! # A first program
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
//! | you have | use |
//! | --- | --- |
//! | threads, and up to a few thousand connections | [`blocking`] |
//! | smol; or no runtime yet, and more connections than threads can serve | [`smol`] |
//! | tokio | the module `tokio`, with the feature `tokio`. It has the same names as [`smol`]. |
//! | another runtime, your own event loop, or no operating system | [`bluewire_core`]. Its front page shows the loop that you write. |
//!
//! # Where to go on
//!
//! - [`ConnectOptions`] and [`AcceptOptions`]: headers, subprotocols, TLS, proxies, timeouts.
//! - [`ServerOptions`]: limits, HTTP requests on the same port, authentication.
//! - [`Config`], [`Limits`] and [`Flow`]: settings of an open connection.
//! - [`Error`]: each error is a sentence that names the cause.
//! - The book in `docs/book`: a tutorial, how-to guides and explanations.
//! - The module `cookbook`: short recipes. The tests run each of them.
//!
//! # Features
//!
//! - `blocking`, `smol` (both on by default) and `tokio`: the adapters.
//! - `tls` (on by default): `wss`, and servers with TLS. `tls-ring`, `tls-aws-lc-rs` and
//!   `tls-no-provider` choose the cryptography. With `platform-verifier`, the operating system checks
//!   certificates; with `platform-roots`, rustls checks them against the roots of the operating
//!   system. With `async-tls`, clients on smol can use the connector of that crate.
//! - `idna`: URLs with host names beyond ASCII.
//! - `deflate`: compression of messages (RFC 7692). It is off until you set it in [`Config`].
//! - `bytes`: messages from and to `bytes::Bytes`, without a copy where that is possible. Every
//!   `send` takes a `&Bytes`, and an [`OwnedMessage`] becomes `Bytes`.
//! - `tracing`: events for the `tracing` crate.
//! - `hyper`: a hyper server can serve WebSockets beside its pages, over HTTP/1 and HTTP/2, and a
//!   client can open them over an HTTP/2 connection of hyper. The crate `bluewire-axum` is for
//!   servers on axum.
//! - `testkit`: peers in memory, a virtual clock and faults, for your tests.
//!
//! The engine is [`bluewire_core`]. You can use it alone.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Those are shown as the features that bring them.
#![cfg_attr(docsrs, doc(auto_cfg(hide(feature = "_asynch", feature = "_tls"))))]
#![cfg_attr(
    not(any(feature = "blocking", feature = "_asynch")),
    expect(dead_code, unused_imports, reason = "what the adapters share waits for one")
)]

#[cfg(feature = "_asynch")]
#[cfg_attr(docsrs, doc(cfg(any(feature = "smol", feature = "tokio"))))]
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
pub mod group;
#[cfg(feature = "hyper")]
pub mod hyper;
mod open;
mod orders;
#[cfg(all(test, feature = "_tls"))]
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
mod timekeeper;
#[cfg(feature = "_tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
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

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct PackageReadme;
