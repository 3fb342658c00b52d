//! The adapter for smol.
//!
//! - [`connect()`] and [`accept`] return a [`WebSocket`] for one task. [Split](WebSocket::split) it
//!   to use it from several.
//! - [`Server`] accepts many clients, and closes every connection when it shuts down.
//! - [`websocketfactory::create`] returns a [`facade::WebSocket`](crate::facade::WebSocket) with
//!   callbacks, which run in a task.
//!
//! Use it for many connections. Each connection costs a task, and holds no buffers while it is idle.
//! You need no runtime for this; without smol elsewhere in the program, call `smol::block_on`. For
//! [a few connections on threads](crate#which-adapter), use `blocking`.
//!
//! ```
//! use bluewire::{CloseCode, smol::connect};
//! use smol::future::zip;
//! # use bluewire::smol::accept;
//! # use std::net::TcpListener;
//!
//! # smol::block_on(async {
//! # let listener = smol::Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
//! # let url = format!("ws://{}/", listener.get_ref().local_addr()?);
//! # let server = smol::spawn(async move {
//! #     let mut socket = accept(listener.accept().await?.0).await?;
//! #     socket.send("welcome").await?;
//! #     while socket.recv().await?.is_some() {}
//! #     Ok::<(), bluewire::Error>(())
//! # });
//! // Both directions at the same time: one task receives, others send.
//! let (mut reader, writer) = connect(url).await?.split();
//! let sending = async {
//!     writer.send("Hello").await?;
//!     writer.close(CloseCode::NORMAL, "").await
//! };
//! let receiving = async {
//!     assert_eq!(reader.recv().await?, Some("welcome".into()));
//!     assert_eq!(reader.recv().await?, None);
//!     Ok::<(), bluewire::Error>(())
//! };
//! let (sent, received) = zip(sending, receiving).await;
//! # server.await?;
//! # sent.and(received)?;
//! assert!(reader.closure().is_some_and(|closure| closure.clean));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`connect_over`] and [`accept`] take any stream that implements `AsyncRead` and `AsyncWrite` of
//! `futures`.

mod factory;
mod listen;
mod net_stream;
#[cfg(target_os = "linux")]
mod reactor;
mod runtime;
mod server;
mod stream_traits;
mod tcp_socket;
mod transport;
mod workers;

use futures_io::{AsyncRead, AsyncWrite};

pub use self::runtime::Smol;
pub use self::tcp_socket::TcpSocket;
use crate::asynch;
#[cfg(feature = "_tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use crate::asynch::TlsStream;
use crate::open::error::{AcceptError, ConnectError};
pub use crate::open::options::AcceptOptions;
use crate::open::options::ConnectOptions;

/// TCP, with TLS or without, or a Unix socket.
pub type NetStream = asynch::NetStream<Smol>;
/// An open connection; see [`asynch::WebSocket`].
pub type WebSocket<S = NetStream> = asynch::WebSocket<Smol, S>;
/// The receiving half of a connection; see [`asynch::Reader`].
pub type Reader<S = NetStream> = asynch::Reader<Smol, S>;
/// The sending half of a connection; see [`asynch::Writer`].
pub type Writer<S = NetStream> = asynch::Writer<Smol, S>;
/// Sends while a received message is borrowed; see [`asynch::Sender`].
pub type Sender<'a, S = NetStream> = asynch::Sender<'a, Smol, S>;
/// A connection as a stream of bytes; see [`asynch::ByteStream`].
pub type ByteStream<S = NetStream> = asynch::ByteStream<Smol, S>;
/// A client's request, before it is answered; see [`asynch::Incoming`].
pub type Incoming = asynch::Incoming<Smol>;
/// A request for a WebSocket; see [`asynch::Upgrade`].
pub type Upgrade = asynch::Upgrade<Smol>;
/// A request for something else; see [`asynch::Plain`].
pub type Plain = asynch::Plain<Smol>;
/// Shuts a server down; see [`asynch::ServerHandle`].
pub type ServerHandle = asynch::ServerHandle<Smol>;

/// A server; see [`asynch::Server`].
///
/// Opening handshakes and connections are tasks on smol's global executor, or on the server's own
/// [threads](crate::ServerOptions::threads).
///
/// ```
/// use bluewire::smol::{Server, connect};
/// use std::time::Duration;
///
/// # smol::block_on(async {
/// let server = Server::bind("127.0.0.1:0").await?;
/// let url = format!("ws://{}/", server.local_addr());
/// let handle = server.handle();
/// let serving = smol::spawn(async move {
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
/// let client = smol::spawn(async move { socket.recv().await.map(|message| message.is_none()) });
/// let report = handle.shutdown(Duration::from_secs(5)).await;
/// assert_eq!((report.closed, report.cut), (1, 0));
/// # client.await?;
/// # assert_eq!(serving.await, report);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub type Server = asynch::Server<Smol>;

/// One connection after the other; see [`asynch::Reconnecting`].
///
/// ```
/// use bluewire::{ConnectOptions, Reconnect, smol};
/// use std::time::Duration;
/// # use bluewire::CloseCode;
/// # ::smol::block_on(async {
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("ws://{}/", listener.local_addr()?);
/// # let listener = ::smol::Async::new(listener)?;
/// # let server = ::smol::spawn(async move {
/// #     for code in [CloseCode::SERVICE_RESTART, CloseCode::NORMAL] {
/// #         let mut socket = smol::accept(listener.accept().await.unwrap().0).await.unwrap();
/// #         socket.send("welcome").await.unwrap();
/// #         socket.close(code, "").await.unwrap();
/// #     }
/// # });
///
/// let reconnect = Reconnect::default().first_delay(Duration::from_millis(100));
/// let options = ConnectOptions::new(url).reconnect(reconnect);
/// let mut connections = smol::Reconnecting::new(options)?;
/// # let mut count = 0;
/// while let Some(mut socket) = connections.next_connection().await? {
///     // Say here who you are and what you want: the server has forgotten.
///     while let Ok(Some(message)) = socket.recv().await {
///         println!("{message:?}");
///     }
///     connections.ended(socket.closure());
/// #   count += 1;
/// }
/// # assert_eq!(count, 2);
/// # server.await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Reconnecting = asynch::Reconnecting<Smol>;

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
/// # smol::block_on(async {
/// let mut socket = bluewire::smol::connect("ws://localhost:8088").await?;
/// socket.send("Hello").await?;
/// println!("{:?}", socket.recv().await?);
/// # Ok::<(), bluewire::Error>(())
/// # });
/// ```
///
/// # Errors
///
/// If an option is invalid, the network fails, or the server refuses.
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
/// # smol::block_on(async {
/// let listener = smol::Async::<std::net::TcpListener>::bind(([127, 0, 0, 1], 8088))?;
/// let mut socket = bluewire::smol::accept(listener.accept().await?.0).await?;
/// println!("{:?}", socket.recv().await?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # });
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
