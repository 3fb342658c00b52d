//! Coming from tokio-tungstenite.
//!
//! | tokio-tungstenite | Bluewire |
//! | --- | --- |
//! | `connect_async(url)` | [`connect(url)`](crate::tokio::connect()), also through proxies and redirects |
//! | `connect_async_with_config`, `IntoClientRequest` | [`connect(ConnectOptions)`](crate::ConnectOptions): headers, subprotocols, limits, timeouts |
//! | `connect_async_tls_with_config(.., Connector)` | [`ConnectOptions::tls`](crate::ConnectOptions::tls) |
//! | `client_async(request, stream)` | [`connect_over(stream, options)`](crate::tokio::connect_over) |
//! | `accept_async(stream)` | [`accept(stream)`](crate::tokio::accept) |
//! | `accept_hdr_async(stream, callback)` | [`accept_with(stream, AcceptOptions)`](crate::tokio::accept_with), or [`ServerOptions::on_offer`](crate::ServerOptions::on_offer) |
//! | an accept loop with `tokio::spawn` | [`Server::serve`](crate::tokio::Server): limits, deadlines, shutdown in order |
//! | `WebSocketStream::from_raw_socket` | [`WebSocket::adopt_server`](crate::tokio::WebSocket::adopt_server) |
//! | `StreamExt::split` | [`WebSocket::split`](crate::tokio::WebSocket::split): the writer can be cloned |
//! | `stream.next()` | [`recv`](crate::tokio::WebSocket::recv), which lends; or the `Stream` |
//! | `sink.send(message)` | [`send`](crate::tokio::WebSocket::send), or the `Sink` |
//! | `sink.feed`, `sink.flush` | [`feed`](crate::tokio::WebSocket::feed), [`flush`](crate::tokio::WebSocket::flush) |
//! | `Message::Text(Utf8Bytes)`, `Message::Binary(Bytes)` | [`Message`](crate::Message), borrowed; [`OwnedMessage`](crate::OwnedMessage) |
//! | `WebSocketConfig` | [`Config`](crate::Config) and [`Limits`](crate::Limits) for what is received, [`Flow`](crate::Flow) for what is sent |
//!
//! # An echo server
//!
//! With tokio-tungstenite you accept in a loop, spawn a task for each socket, take messages from the
//! stream, leave out pings and the Close, and send each message back with its own allocation. Here
//! the server does the rest, and the message is sent from where it was received:
//!
//! ```
//! use bluewire::tokio::{Server, connect};
//! # use std::time::Duration;
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let server = Server::bind("127.0.0.1:0").await?;
//! # let url = format!("ws://{}/", server.local_addr());
//! # let handle = server.handle();
//! # let serving = tokio::spawn(async move {
//! server
//!     .serve(async |mut socket| {
//!         while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
//!             if sender.send(message).await.is_err() {
//!                 break;
//!             }
//!         }
//!     })
//!     .await;
//! # });
//! # let mut socket = connect(url).await?;
//! # socket.send("Hello").await?;
//! # assert_eq!(socket.recv().await?, Some("Hello".into()));
//! # drop(socket);
//! # handle.shutdown(Duration::from_secs(5)).await;
//! # serving.await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What behaves differently
//!
//! - **Messages are borrowed.** `recv` lends a message until the next call and copies nothing. Call
//!   [`into_owned`](crate::Message::into_owned), or `recv_owned`, to keep one.
//! - **Control frames are not messages.** Pings are answered, Pongs measured
//!   ([`round_trip`](crate::tokio::WebSocket::round_trip)) and the Close is answered before `recv`
//!   returns. Answers never wait for a flush of yours.
//! - **The end is not an error.** `recv` returns `None` after a closing handshake; an error means
//!   that the connection did not end in order. [`closure`](crate::tokio::WebSocket::closure) has the
//!   code and the reason. [`close`](crate::tokio::WebSocket::close) waits for the peer's answer, for
//!   at most [`Config::close_timeout`](crate::Config::close_timeout).
//! - **Keepalive is on.** A quiet peer is pinged every 20 s, and a silent one is gone 20 s later. Set
//!   [`Config::keepalive`](crate::Config::keepalive) to change that.
//! - **Deadlines exist** for connecting, the opening handshake, the closing handshake and slow
//!   writes. They use tokio's clock, so `tokio::time::pause` works in tests.
//! - **A limit closes the connection** with the code that the RFC names, before the memory is spent.
//! - **Text is checked as it comes**, so invalid UTF-8 fails at its first byte.
//! - **Compression** (permessage-deflate) exists: feature `deflate`.
//! - **No lock between halves is yours to manage**: `Writer` takes `&self`, and its clones may send
//!   from several tasks while the reader receives.
