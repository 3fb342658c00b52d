//! Take over a connection that hyper has upgraded.
//!
//! Use this in an HTTP server with many pages and one WebSocket. The handler answers the WebSocket
//! request itself, with [`accept_value`](bluewire_core::accept_value) of the client's key, and passes
//! the upgraded stream to `adopt_server`.
//!
//! ```
//! use std::convert::Infallible;
//! use bluewire::smol::{WebSocket, connect};
//! use bluewire::Config;
//! use http_body_util::Empty;
//! use hyper::body::{Bytes, Incoming};
//! use hyper::{Request, Response, StatusCode, header, service::service_fn};
//! use smol::net::{TcpListener, TcpStream};
//! use smol_hyper::rt::FuturesIo;
//!
//! async fn handle(mut request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
//!     let headers = request.headers();
//!     let wanted = headers.get(header::UPGRADE).is_some_and(|to| to == "websocket")
//!         && headers.get(header::SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
//!     let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| wanted);
//!     let Some(accept) = key.and_then(bluewire_core::accept_value) else {
//!         let mut refusal = Response::new(Empty::new());
//!         *refusal.status_mut() = StatusCode::UPGRADE_REQUIRED;
//!         return Ok(refusal);
//!     };
//!     // The upgrade completes once the answer has been written.
//!     smol::spawn(async move {
//!         let upgraded = hyper::upgrade::on(&mut request).await?;
//!         // The stream beneath, and what hyper has read beyond the request.
//!         let parts = upgraded.downcast::<FuturesIo<TcpStream>>().expect("it is of this server");
//!         let (stream, leftover) = (parts.io.into_inner(), parts.read_buf);
//!         let mut socket = WebSocket::adopt_server(stream, &leftover, Config::default());
//!         while let Some((message, mut sender)) = socket.recv_with_sender().await? {
//!             sender.send(message).await?;
//!         }
//!         Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//!     })
//!     .detach();
//!     let answer = Response::builder()
//!         .status(StatusCode::SWITCHING_PROTOCOLS)
//!         .header(header::UPGRADE, "websocket")
//!         .header(header::CONNECTION, "Upgrade")
//!         .header(header::SEC_WEBSOCKET_ACCEPT, accept);
//!     Ok(answer.body(Empty::new()).expect("its headers are lawful"))
//! }
//!
//! # smol::block_on(async {
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! # let url = format!("ws://{}/", listener.local_addr()?);
//! # let serving = smol::spawn(async move {
//! let (stream, _) = listener.accept().await?;
//! hyper::server::conn::http1::Builder::new()
//!     .serve_connection(FuturesIo::new(stream), service_fn(handle))
//!     .with_upgrades()
//!     .await?;
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! # });
//! # let mut socket = connect(url).await?;
//! # socket.send("through hyper").await?;
//! # assert_eq!(socket.recv().await?, Some("through hyper".into()));
//! # serving.await.unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A page in a browser sends its `Origin`: check it here, as Bluewire's own servers do, unless
//! the page has nothing of its visitor's to give away.
