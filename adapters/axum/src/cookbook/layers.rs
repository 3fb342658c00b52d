//! Put the layers of tower-http around a router with a WebSocket.
//!
//! Compression, timeouts and traces concern the response, which is complete once the WebSocket is
//! open. They leave the 101 alone: it has no body to compress, and a timeout ends with the response.
//! So no route needs an exception:
//!
//! ```
//! use std::time::Duration;
//! use axum::{Router, http::StatusCode, response::Response, routing::{any, get}};
//! use bluewire_axum::WebSocketUpgrade;
//! use tower_http::{compression::CompressionLayer, timeout::TimeoutLayer, trace::TraceLayer};
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
//! # const TIMEOUT: Duration = Duration::from_millis(100);
//! # let _ = "
//! const TIMEOUT: Duration = Duration::from_secs(10);
//! # ";
//! let app = Router::new()
//!     .route("/ws", any(echo))
//!     .route("/page", get(async || "a page ".repeat(1000)))
//!     .layer(CompressionLayer::new())
//!     .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, TIMEOUT))
//!     .layer(TraceLayer::new_for_http());
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let url = format!("ws://{}/ws", listener.local_addr()?);
//! # tokio::spawn(async move { axum::serve(listener, app).await });
//! # let options = bluewire::ConnectOptions::new(url).header("Accept-Encoding", "gzip");
//! # let mut socket = bluewire::tokio::connect(options).await?;
//! # assert!(socket.response().unwrap().headers().first("Content-Encoding").is_none());
//! # // Longer than the timeout of requests.
//! # tokio::time::sleep(3 * TIMEOUT).await;
//! # socket.send("still here").await?;
//! # assert_eq!(socket.recv().await?, Some("still here".into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A timeout for the WebSocket itself is [`Config::idle_timeout`](crate::Config), and its
//! compression is `WebSocketUpgrade::deflate`.
