//! A server whose WebSockets over HTTP/2 do not stop each other.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::future::{Future, IntoFuture, pending, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::serve::Listener;
use axum_core::body::Body;
use axum_core::extract::Request;
use axum_core::response::Response;
use bluewire::hyper::{CONNECTION_WINDOW, STREAM_WINDOW};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tower_service::Service;

/// How many streams one HTTP/2 connection may have. The window of the connection has room for all of
/// them, and one more.
const STREAMS_MAX: u32 = CONNECTION_WINDOW / STREAM_WINDOW - 1;

/// How long the head of a request over HTTP/1 may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves a router, as `axum::serve` does, with windows for HTTP/2 that suit WebSockets.
///
/// A WebSocket whose handler does not receive holds what its peer sends. Under `axum::serve` the
/// windows of a stream and of its whole connection are equally long, so that one such WebSocket stops
/// all others on the connection. Here up to 100 streams may be on a connection, and its window has
/// room for all of them: whichever are paused, the others go on. A connection holds at most
/// [`CONNECTION_WINDOW`] bytes that no handler has received.
///
/// Other differences from `axum::serve`:
///
/// - The head of a request over HTTP/1 may take 30 seconds, so that silent clients do not stay.
/// - `TCP_NODELAY` is set on a `TcpStream`, so that small messages over HTTP/2 leave at once.
/// - Every request has the client's address as `ConnectInfo<L::Addr>`, without
///   `into_make_service_with_connect_info`.
///
/// The future never ends with an error, and without
/// [`with_graceful_shutdown`](Serve::with_graceful_shutdown) never ends. If you drop it, the
/// connections finish the requests that are under way; WebSockets go on.
///
/// ```
/// use axum::{Router, response::Response, routing::any};
/// use bluewire_axum::WebSocketUpgrade;
///
/// async fn hello(upgrade: WebSocketUpgrade) -> Response {
///     upgrade.on_upgrade(async |mut socket| {
///         let _ = socket.send("hello").await;
///     })
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let app = Router::new().route("/ws", any(hello));
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let url = format!("ws://{}/ws", listener.local_addr()?);
/// # let serving = tokio::spawn(async move {
/// bluewire_axum::serve(listener, app).await?;
/// # Ok::<(), std::io::Error>(())
/// # });
/// # let mut socket = bluewire::tokio::connect(url).await?;
/// # assert_eq!(socket.recv().await?, Some("hello".into()));
/// # serving.abort();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const fn serve<L, S>(listener: L, app: S) -> Serve<L, S>
where
    L: Listener,
    L::Addr: Clone + Sync + 'static,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    Serve { listener, app }
}

/// A server that [`serve`] has made. Await it.
#[must_use = "it serves while it is awaited"]
pub struct Serve<L, S> {
    listener: L,
    app: S,
}

impl<L, S> Serve<L, S>
where
    L: Listener,
    L::Addr: Clone + Sync + 'static,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    /// Ends once `signal` has: it accepts nothing more, lets the connections finish their requests,
    /// and waits until they have ended. Over HTTP/2 that includes the WebSockets. Close those by
    /// [`Connections::shutdown_on`](crate::Connections::shutdown_on).
    ///
    /// # Errors
    ///
    /// It does not fail; the type is that of `axum::serve`.
    ///
    /// # Cancel safety
    ///
    /// If you drop the future, the connections finish the requests that are under way.
    pub async fn with_graceful_shutdown<F>(self, signal: F) -> io::Result<()>
    where
        F: Future<Output = ()> + Send,
    {
        let Self { mut listener, app } = self;
        let (leave, leaving) = watch::channel(());
        let mut signal = pin!(signal);
        loop {
            let (stream, address) = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut signal => break,
            };
            tokio::spawn(connection(stream, address, app.clone(), leaving.clone()));
        }
        drop((listener, leaving));
        leave.send_replace(());
        leave.closed().await;
        Ok(())
    }
}

impl<L, S> IntoFuture for Serve<L, S>
where
    L: Listener,
    L::Addr: Clone + Sync + 'static,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Output = io::Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.with_graceful_shutdown(pending()))
    }
}

impl<L: fmt::Debug, S> fmt::Debug for Serve<L, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve").field("listener", &self.listener).finish_non_exhaustive()
    }
}

/// Serves one connection until it ends, or has finished its requests after the server leaves.
async fn connection<T, A, S>(stream: T, address: A, app: S, mut leaving: watch::Receiver<()>)
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    A: Clone + Send + Sync + 'static,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    if let Some(socket) = (&stream as &dyn Any).downcast_ref::<TcpStream>() {
        // Where the system refuses, messages are only later.
        let _ = socket.set_nodelay(true);
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(address.clone()));
        let mut app = app.clone();
        async move {
            poll_fn(|cx| app.poll_ready(cx)).await?;
            app.call(request).await
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder
        .http2()
        .enable_connect_protocol()
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    let mut connection =
        pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    tokio::select! {
        // How it ended concerns the peer alone.
        _ = connection.as_mut() => return,
        // The server leaves, or its future was dropped.
        _ = leaving.changed() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
