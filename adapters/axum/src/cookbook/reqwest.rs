//! Open a WebSocket with reqwest, which has your proxies, cookies and TLS settings.
//!
//! reqwest sends the request of a [`ClientUpgrade`](bluewire::hyper::ClientUpgrade), which then
//! judges the response and takes the connection: the subprotocol and compression are negotiated as
//! with Bluewire's own `connect`.
//!
//! ```
//! use bluewire::ConnectOptions;
//! use bluewire::hyper::ClientUpgrade;
//! # use axum::{Router, routing::any};
//! # use bluewire_axum::WebSocketUpgrade;
//!
//! # async fn echo(upgrade: WebSocketUpgrade) -> axum::response::Response {
//! #     upgrade.protocols(["chat"]).on_upgrade(async |mut socket| {
//! #         while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
//! #             let _ = sender.send(message).await;
//! #         }
//! #     })
//! # }
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let address = listener.local_addr()?;
//! # let app = Router::new().route("/ws", any(echo));
//! # tokio::spawn(async move { axum::serve(listener, app).await });
//! let client = reqwest::Client::builder().http1_only().build()?;
//! let options = ConnectOptions::new(format!("ws://{address}/ws")).protocol("chat");
//! let upgrade = ClientUpgrade::http1(options)?;
//! let headers = upgrade.request().headers().clone();
//! let response = client.get(format!("http://{address}/ws")).headers(headers).send().await?;
//! let mut socket = upgrade.open(http::Response::from(response)).await?;
//!
//! socket.send("through reqwest").await?;
//! assert_eq!(socket.recv().await?, Some("through reqwest".into()));
//! assert_eq!(socket.protocol(), Some("chat"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! If you have only the stream of another library's handshake, such as reqwest's `Upgraded`, use
//! [`WebSocket::adopt_client`](bluewire::tokio::WebSocket): that library has to check the response.
