//! WebSockets over connections of hyper 1.x, for servers and for clients ([`Http2Client`]). They need
//! the runtime tokio.
//!
//! You can add a WebSocket to an existing hyper server and keep its routes. Call [`upgrade`] in a
//! handler. It checks the request by the rules of the opening handshake and by your
//! [`AcceptOptions`]: subprotocols, origins, compression and limits. It returns a response and a
//! future, or a rejection that you return as the response. Return the response from your handler,
//! and run the future in a task: it gives the WebSocket once hyper has sent the response.
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
//! If hyper's connection is a `TokioIo` (of hyper-util) around a `TcpStream` or `UnixStream` of
//! tokio, Bluewire takes the socket from hyper. The WebSocket is then as fast as one of Bluewire's
//! own server. If anything lies between, such as TLS, the bytes go through hyper's
//! [`Upgraded`](::hyper::upgrade::Upgraded). Bytes that came with the request are kept in both
//! cases.
//!
//! # HTTP/2
//!
//! [`upgrade`] also accepts extended CONNECT requests (RFC 8441). Call `enable_connect_protocol` on
//! hyper's builder to allow them. The end of the HTTP/2 stream (END_STREAM) takes the place of the
//! end of a TCP connection. hyper cannot send RST_STREAM immediately: if you drop a WebSocket
//! without a closing handshake, the peer receives END_STREAM first and RST_STREAM after it.
//!
//! If your program does not call `recv` on a WebSocket, the peer's data fills the window of its
//! stream. The same bytes count against the window of the whole HTTP/2 connection. With hyper's
//! defaults, one such WebSocket fills that window, and all other streams of the connection stop. So
//! make the window of the connection larger than that of a stream, by a factor that is the number
//! of WebSockets that may be paused at once. [`STREAM_WINDOW`] and [`CONNECTION_WINDOW`] are
//! suitable values.
//!
//! # Hosts
//!
//! [`upgrade`] does not know the address on which your server listens. If that is a loopback address,
//! set the names of the server with [`AcceptOptions::hosts`], against DNS rebinding: see
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

/// A window for an HTTP/2 connection, in bytes: that of 100 streams, all paused, and one that goes
/// on. A connection buffers no more than that.
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
