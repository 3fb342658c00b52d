//! Connections that an HTTP server or client on hyper 1.x hands over, in the runtime tokio.
//!
//! A server that has many pages and one WebSocket keeps its routes: [`upgrade`] judges a request as
//! Bluewire's own servers do, by the rules of the opening handshake and by [`AcceptOptions`], which
//! say the subprotocols, the origins, compression and limits. What it returns is the response, and a
//! future that gives the connection once hyper has written that response.
//!
//! ```
//! use bluewire::AcceptOptions;
//! use bluewire::hyper::upgrade;
//! use http_body_util::Full;
//! use hyper::body::{Bytes, Incoming};
//! use hyper::{Request, Response, service::service_fn};
//! use hyper_util::rt::TokioIo;
//!
//! async fn handle(mut request: Request<Incoming>) -> hyper::Result<Response<Full<Bytes>>> {
//!     let (response, upgrading) = match upgrade(&mut request, &AcceptOptions::default()) {
//!         Ok(accepted) => accepted,
//!         Err(rejection) => return Ok(rejection.response()),
//!     };
//!     tokio::spawn(upgrading.run(async |mut socket| {
//!         while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
//!             let _ = sender.send(message).await;
//!         }
//!     }));
//!     Ok(response.map(|()| Full::default()))
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let url = format!("ws://{}/", listener.local_addr()?);
//! # let serving = tokio::spawn(async move {
//! let (stream, _) = listener.accept().await?;
//! hyper::server::conn::http1::Builder::new()
//!     .serve_connection(TokioIo::new(stream), service_fn(handle))
//!     .with_upgrades()
//!     .await?;
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! # });
//! # let mut socket = bluewire::tokio::connect(url).await?;
//! # socket.send("through hyper").await?;
//! # assert_eq!(socket.recv().await?, Some("through hyper".into()));
//! # serving.await?.map_err(|error| error.to_string())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The stream below
//!
//! Where hyper's connection is a plain TCP or Unix socket of tokio's, in the `TokioIo` of hyper-util,
//! the socket is taken out, and the connection is as fast as one of Bluewire's own servers. With
//! anything between, such as TLS, the bytes go through hyper's [`Upgraded`](::hyper::upgrade::Upgraded).
//! Bytes that came with the request are kept in both cases.
//!
//! # HTTP/2
//!
//! [`upgrade`] accepts an extended CONNECT (RFC 8441) too, if the server says that it takes such:
//! `enable_connect_protocol` of hyper's builder. The stream's end is END_STREAM. hyper has no way to
//! send RST_STREAM at once: a connection that is given up ends by END_STREAM, and by RST_STREAM
//! after that.
//!
//! What a peer sends to a connection that does not receive fills its stream's window, and takes as
//! much from the window of the HTTP/2 connection. By hyper's default one such connection takes all of it, and
//! stops its neighbours. So give the HTTP/2 connection a window that is larger than
//! that of a stream, by as many times as there may be paused connections:
//! [`STREAM_WINDOW`] and [`CONNECTION_WINDOW`] are such.
//!
//! # Hosts
//!
//! This does not know at which address the server listens. One that listens on a loopback address
//! should list its names by [`AcceptOptions::hosts`]: see
//! [`OriginPolicy::SameOrigin`](crate::OriginPolicy::SameOrigin).

mod asked;
mod client;
mod connections;
mod http2;
mod no_body;
mod rejection;
mod upgrading;

pub use self::asked::UpgradeRequest;
pub use self::client::{ClientUpgrade, connect_http1};
pub use self::connections::Connections;
pub use self::http2::Http2Client;
pub use self::no_body::NoBody;
pub use self::rejection::Rejection;
pub use self::upgrading::Upgrading;
pub use crate::open::options::AcceptOptions;
pub use crate::tokio::UpgradedStream;

/// A connection that hyper has handed over; see [`asynch::WebSocket`](crate::asynch::WebSocket).
pub type WebSocket = crate::tokio::WebSocket<UpgradedStream>;

/// A window for each stream of an HTTP/2 connection, in bytes: what a peer may send to a WebSocket
/// that does not receive. It bounds the speed of one WebSocket to this much in each round trip.
pub const STREAM_WINDOW: u32 = 256 * 1024;

/// A window for an HTTP/2 connection, in bytes: that of 100 streams, all paused, and one that goes on.
/// A connection buffers no more than that.
pub const CONNECTION_WINDOW: u32 = 101 * STREAM_WINDOW;

/// Judges a request, and accepts it if it asks for a WebSocket and the options allow it: GET with
/// `Upgrade`, or an extended CONNECT over HTTP/2. The body of the response is empty.
///
/// # Errors
///
/// The [`Rejection`] says why there is no WebSocket, and has the answer.
pub fn upgrade<B>(
    request: &mut http::Request<B>,
    options: &AcceptOptions,
) -> Result<(http::Response<()>, Upgrading), Rejection> {
    UpgradeRequest::from_request(request)?.accept(options)
}
