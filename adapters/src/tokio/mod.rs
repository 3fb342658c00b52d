//! The adapter for tokio.
//!
//! - [`connect()`] and [`accept`] return a [`WebSocket`] for one task. [Split](WebSocket::split) it
//!   to use it from several.
//! - [`Server`] accepts many clients, and closes every connection when it shuts down.
//! - [`websocketfactory::create`] returns a [`facade::WebSocket`](crate::facade::WebSocket) with
//!   callbacks, which run in a task.
//!
//! Call it inside a tokio runtime with IO and time enabled.
//!
//! ```
//! use bluewire::CloseCode;
//! use bluewire::tokio::{accept, connect};
//! use tokio::net::TcpListener;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let url = format!("ws://{}/", listener.local_addr()?);
//! let server = tokio::spawn(async move {
//!     let mut socket = accept(listener.accept().await?.0).await?;
//!     while let Some((message, mut sender)) = socket.recv_with_sender().await? {
//!         sender.send(message).await?;
//!     }
//!     Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! });
//!
//! // Both directions at the same time: one task receives, others send.
//! let (mut reader, writer) = connect(url).await?.split();
//! let sending = tokio::spawn(async move { writer.send("Hello").await.map(|()| writer) });
//! assert_eq!(reader.recv().await?, Some("Hello".into()));
//! let writer = sending.await??;
//! let (closed, ended) = tokio::join!(writer.close(CloseCode::NORMAL, ""), reader.recv());
//! closed?;
//! assert_eq!(ended?, None);
//! assert!(reader.closure().is_some_and(|closure| closure.clean));
//! # server.await?.map_err(|error| error.to_string())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`connect_over`] and [`accept`] take any stream that implements `AsyncRead` and `AsyncWrite` of
//! tokio. Deadlines use tokio's clock, so a test can pause it.
//!
//! # Which runtime
//!
//! Any runtime of tokio, of one thread or several, and a `LocalSet`; it needs IO and time enabled
//! ([`enable_all`](tokio::runtime::Builder::enable_all)). [`Server`] and [`websocketfactory`] spawn
//! tasks on it. The other types spawn nothing, and streams that are not `Send` work too. The crate
//! turns on tokio's feature `rt`: without it, tokio's timers and sockets panic.
//!
//! Outside of tokio, in a future that another runtime polls, this adapter cannot work. Whatever
//! needs a runtime panics with a sentence that says so, and a server's `bind` returns it as an
//! error. With another runtime, take its own adapter; `bluewire::smol` has a reactor of its own and
//! works within tokio too.

mod factory;
mod net_stream;
mod runtime;
mod server;
mod stream_traits;
mod transport;
#[cfg(feature = "hyper")]
mod upgraded;

use tokio::io::{AsyncRead, AsyncWrite};

pub use self::runtime::Tokio;
#[cfg(feature = "hyper")]
pub use self::upgraded::UpgradedStream;
use crate::asynch;
#[cfg(feature = "_tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use crate::asynch::TlsStream;
use crate::open::error::{AcceptError, ConnectError};
pub use crate::open::options::AcceptOptions;
use crate::open::options::ConnectOptions;

/// TCP, with TLS or without, or a Unix socket.
pub type NetStream = asynch::NetStream<Tokio>;
/// An open connection; see [`asynch::WebSocket`].
pub type WebSocket<S = NetStream> = asynch::WebSocket<Tokio, S>;
/// The receiving half of a connection; see [`asynch::Reader`].
pub type Reader<S = NetStream> = asynch::Reader<Tokio, S>;
/// The sending half of a connection; see [`asynch::Writer`].
pub type Writer<S = NetStream> = asynch::Writer<Tokio, S>;
/// Sends while a received message is borrowed; see [`asynch::Sender`].
pub type Sender<'a, S = NetStream> = asynch::Sender<'a, Tokio, S>;
/// A connection as a stream of bytes; see [`asynch::ByteStream`].
pub type ByteStream<S = NetStream> = asynch::ByteStream<Tokio, S>;
/// A client's request, before it is answered; see [`asynch::Incoming`].
pub type Incoming = asynch::Incoming<Tokio>;
/// A request for a WebSocket; see [`asynch::Upgrade`].
pub type Upgrade = asynch::Upgrade<Tokio>;
/// A request for something else; see [`asynch::Plain`].
pub type Plain = asynch::Plain<Tokio>;
/// Shuts a server down; see [`asynch::ServerHandle`].
pub type ServerHandle = asynch::ServerHandle<Tokio>;

/// A server; see [`asynch::Server`].
///
/// Opening handshakes and connections are tasks on the runtime in which it was made.
///
/// ```
/// use bluewire::tokio::{Server, connect};
/// use std::time::Duration;
///
/// # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let server = Server::bind("127.0.0.1:0").await?;
/// let url = format!("ws://{}/", server.local_addr());
/// let handle = server.handle();
/// let serving = tokio::spawn(async move {
///     server
///         .serve(async |mut socket| {
///             while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
///                 if sender.send(message).await.is_err() {
///                     break;
///                 }
///             }
///         })
///         .await
/// });
///
/// let mut socket = connect(url).await?;
/// socket.send("Hello").await?;
/// assert_eq!(socket.recv().await?, Some("Hello".into()));
/// let client = tokio::spawn(async move { socket.recv().await.map(|message| message.is_none()) });
/// let report = handle.shutdown(Duration::from_secs(5)).await;
/// assert_eq!((report.closed, report.cut), (1, 0));
/// # client.await??;
/// # assert_eq!(serving.await?, report);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Server = asynch::Server<Tokio>;

/// One connection after the other; see [`asynch::Reconnecting`].
///
/// ```no_run
/// use bluewire::{ConnectOptions, Reconnect, tokio};
/// use std::time::Duration;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let reconnect = Reconnect::default().first_delay(Duration::from_millis(100));
/// let options = ConnectOptions::new("wss://chat.example/").reconnect(reconnect);
/// let mut connections = tokio::Reconnecting::new(options)?;
/// while let Some(mut socket) = connections.next_connection().await? {
///     // Say here who you are and what you want: the server has forgotten.
///     while let Ok(Some(message)) = socket.recv().await {
///         println!("{message:?}");
///     }
///     connections.ended(socket.closure());
/// }
/// # Ok(())
/// # }
/// ```
pub type Reconnecting = asynch::Reconnecting<Tokio>;

/// Connections with callbacks, each in a task of its own.
pub mod websocketfactory {
    pub use super::factory::{create, create_on};
}

/// Connects to a URL and waits until the connection is open.
///
/// That takes no longer than the [options](ConnectOptions) allow. The system's resolver cannot be
/// interrupted: it runs on a thread of its own, which ends when the resolver returns. At most 32
/// lookups run at a time; others wait for their turn.
///
/// ```no_run
/// # async fn run() -> Result<(), bluewire::Error> {
/// let mut socket = bluewire::tokio::connect("ws://localhost:8088").await?;
/// socket.send("Hello").await?;
/// println!("{:?}", socket.recv().await?);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If an option is invalid, the network fails, or the server refuses.
///
/// # Panics
///
/// Outside of a tokio runtime.
///
/// # Cancel safety
///
/// Dropping the future gives the attempt up.
pub async fn connect(options: impl Into<ConnectOptions>) -> Result<WebSocket, ConnectError> {
    asynch::connect(options.into()).await
}

/// Performs the client's part of the opening handshake over a stream that is connected already.
///
/// The URL says what to ask for. No connection is made to it, and no redirect is followed: it is
/// [`ConnectError::Refused`].
///
/// A stream may not borrow from elsewhere (`'static`): the adapter looks at its type, since a socket
/// can do more than its traits say, and Rust tells only such types apart.
///
/// # Errors
///
/// If an option is invalid, the stream fails, or the server refuses.
///
/// # Cancel safety
///
/// Dropping the future drops the stream.
pub async fn connect_over<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    stream: S,
    options: impl Into<ConnectOptions>,
) -> Result<WebSocket<S>, ConnectError> {
    asynch::connect_over(stream, options.into()).await
}

/// Performs the server's part of the opening handshake over an accepted stream, with the default
/// options. As for [`connect_over`], the stream may not borrow.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8088").await?;
/// let mut socket = bluewire::tokio::accept(listener.accept().await?.0).await?;
/// println!("{:?}", socket.recv().await?);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If the stream fails, or the client's request is invalid or not allowed by the options. A
/// request that is refused has been answered.
///
/// # Cancel safety
///
/// Dropping the future drops the stream.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    stream: S,
) -> Result<WebSocket<S>, AcceptError> {
    asynch::accept(stream, AcceptOptions::default()).await
}

/// The same with options: subprotocols, origins, headers, settings. The stream may not borrow.
///
/// # Errors
///
/// As [`accept`].
///
/// # Cancel safety
///
/// Dropping the future drops the stream.
pub async fn accept_with<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    stream: S,
    options: AcceptOptions,
) -> Result<WebSocket<S>, AcceptError> {
    asynch::accept(stream, options).await
}
