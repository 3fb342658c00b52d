//! WebSockets for [axum](https://docs.rs/axum), by Bluewire: over HTTP/1 and HTTP/2.
//!
//! ```
//! use axum::{Router, response::Response, routing::any};
//! use bluewire_axum::WebSocketUpgrade;
//!
//! async fn echo(upgrade: WebSocketUpgrade) -> Response {
//!     upgrade.on_upgrade(async |mut socket| {
//!         while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
//!             if sender.send(message).await.is_err() {
//!                 return;
//!             }
//!         }
//!     })
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let app = Router::new().route("/ws", any(echo));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let url = format!("ws://{}/ws", listener.local_addr()?);
//! # let serving = tokio::spawn(async move {
//! axum::serve(listener, app).await?;
//! # Ok::<(), std::io::Error>(())
//! # });
//! # let mut socket = bluewire::tokio::connect(url).await?;
//! # socket.send("through axum").await?;
//! # assert_eq!(socket.recv().await?, Some("through axum".into()));
//! # serving.abort();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Use `any` for the route: the method is GET over HTTP/1 and CONNECT over HTTP/2.
//!
//! # Comparison with other crates
//!
//! The same handler with axum's own `WebSocketUpgrade` (feature `ws` of axum):
//!
//! ```
//! # use axum::{Router, extract::ws::{Message, WebSocketUpgrade}, response::Response, routing::any};
//! async fn echo(upgrade: WebSocketUpgrade) -> Response {
//!     upgrade.on_upgrade(async |mut socket| {
//!         while let Some(Ok(message)) = socket.recv().await {
//!             if matches!(message, Message::Text(_) | Message::Binary(_))
//!                 && socket.send(message).await.is_err()
//!             {
//!                 return;
//!             }
//!         }
//!     })
//! }
//! # let _: Router = Router::new().route("/ws", any(echo));
//! ```
//!
//! And with fastwebsockets (its features `upgrade` and `with_axum`):
//!
//! ```
//! # use axum::{Router, response::IntoResponse, routing::any};
//! # use fastwebsockets::{FragmentCollector, OpCode, upgrade::IncomingUpgrade};
//! async fn echo(upgrade: IncomingUpgrade) -> impl IntoResponse {
//!     let (response, upgraded) = upgrade.upgrade().unwrap();
//!     tokio::spawn(async move {
//!         let mut socket = FragmentCollector::new(upgraded.await.unwrap());
//!         while let Ok(frame) = socket.read_frame().await {
//!             match frame.opcode {
//!                 OpCode::Close => return,
//!                 OpCode::Text | OpCode::Binary => socket.write_frame(frame).await.unwrap(),
//!                 _ => {}
//!             }
//!         }
//!     });
//!     response
//! }
//! # let _: Router = Router::new().route("/ws", any(echo));
//! ```
//!
//! Neither of them checks the origin of a page; your application must do that. Bluewire checks it by
//! default: see [`WebSocketUpgrade::origins`].
//!
//! # Shutdown
//!
//! axum does not track a connection after the upgrade. Add [`Connections`] to the router as an
//! extension, and it tracks all WebSockets:
//!
//! ```no_run
//! use axum::{Extension, Router, routing::any};
//! use bluewire_axum::{Connections, WebSocketUpgrade};
//! use std::time::Duration;
//!
//! # async fn echo(upgrade: WebSocketUpgrade) -> axum::response::Response { upgrade.on_upgrade(async |_| {}) }
//! # async fn run(listener: tokio::net::TcpListener) -> std::io::Result<()> {
//! let connections = Connections::new();
//! let app = Router::new().route("/ws", any(echo)).layer(Extension(connections.clone()));
//! let signal = async { drop(tokio::signal::ctrl_c().await) };
//! axum::serve(listener, app)
//!     .with_graceful_shutdown(connections.shutdown_on(signal, Duration::from_secs(5)))
//!     .await?;
//! let report = connections.report().await;
//! println!("{} closed in order, {} cut", report.closed, report.cut);
//! # Ok(())
//! # }
//! ```
//!
//! At shutdown, each WebSocket is closed with code 1001. The peers have the given time, here 5
//! seconds, to answer. Then the rest is cut.
//!
//! # HTTP/2
//!
//! `axum::serve` takes WebSockets over HTTP/2 (RFC 8441), with one weakness: with hyper's default
//! windows, one WebSocket that does not receive can stop all others on the same HTTP/2 connection.
//! `bluewire_axum::serve` (feature `serve`, on by default) takes its place and sets windows that
//! avoid this. To serve by hyper's own builder, see [`bluewire::hyper`], which explains those
//! windows.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(any(doc, doctest))]
pub mod cookbook;
mod extract;
mod rejection;
#[cfg(feature = "serve")]
mod serve;

#[cfg(feature = "deflate")]
pub use bluewire::Deflate;
pub use bluewire::hyper::{Connections, UpgradedStream, WebSocket};
pub use bluewire::{AcceptError, AcceptOptions, Config, Limits, OriginPolicy, ShutdownReport};

pub use extract::WebSocketUpgrade;
pub use rejection::UpgradeRejection;
#[cfg(feature = "serve")]
pub use serve::{Serve, serve};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
