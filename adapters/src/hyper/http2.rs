//! WebSockets over one HTTP/2 connection, from the client's side.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Body;
use hyper::client::conn::http2::{Builder, Connection, SendRequest};
use hyper::rt::bounds::Http2ClientConnExec;
use hyper::rt::{Read, Write};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, watch};

use super::client::{ClientUpgrade, failed};
use super::{CONNECTION_WINDOW, NoBody, STREAM_WINDOW, WebSocket};
use crate::asynch::wait::{either, within};
use crate::open::error::ConnectError;
use crate::open::options::ConnectOptions;
use crate::tokio::Tokio;

/// How long the settings of the server may take that say whether it takes WebSockets. They are the
/// first thing that it sends.
const SETTINGS_TIMEOUT: Duration = Duration::from_secs(5);

/// An HTTP/2 connection of hyper's on which WebSockets are opened (RFC 8441). Any number of them may
/// be on one, up to what the server allows, beside other requests.
///
/// ```
/// # use bluewire::hyper::{Http2Client, upgrade};
/// # use hyper_util::rt::{TokioExecutor, TokioIo};
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let address = listener.local_addr()?;
/// # tokio::spawn(async move {
/// #     let service = hyper::service::service_fn(async |mut request| {
/// #         let (response, upgrading) = upgrade(&mut request, &Default::default()).unwrap();
/// #         tokio::spawn(upgrading.run(async |mut socket| {
/// #             while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
/// #                 sender.send(message).await.unwrap();
/// #             }
/// #         }));
/// #         Ok::<_, hyper::Error>(response.map(|()| http_body_util::Empty::<&[u8]>::new()))
/// #     });
/// #     hyper::server::conn::http2::Builder::new(TokioExecutor::new())
/// #         .enable_connect_protocol()
/// #         .serve_connection(TokioIo::new(listener.accept().await.unwrap().0), service)
/// #         .await
/// # });
/// let client = Http2Client::over(tokio::net::TcpStream::connect(address).await?).await?;
/// let mut chat = client.connect(format!("ws://{address}/chat")).await?;
/// let mut news = client.connect(format!("ws://{address}/news")).await?;
/// chat.send("Hello").await?;
/// news.send("world").await?;
/// assert_eq!(chat.recv().await?, Some("Hello".into()));
/// assert_eq!(news.recv().await?, Some("world".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Http2Client<B = NoBody> {
    sender: SendRequest<B>,
    settings: Settings,
}

/// The server's settings, as the task of the connection knows them. hyper does not report their
/// arrival, so the task that needs them asks.
#[derive(Clone)]
struct Settings {
    ask: Arc<Notify>,
    /// Whether the server takes WebSockets; closed once the connection has ended.
    allowed: watch::Receiver<bool>,
}

impl Settings {
    /// Waits until the server takes WebSockets, or the connection has ended.
    async fn allow(&self) {
        let mut allowed = self.allowed.clone();
        let mut pause = Duration::from_millis(1);
        while !*allowed.borrow_and_update() {
            self.ask.notify_one();
            match within::<Tokio, _>(Some(pause), allowed.changed()).await {
                Some(Err(_)) => return,
                Some(Ok(())) | None => pause = (pause * 2).min(Duration::from_millis(50)),
            }
        }
    }
}

impl Http2Client {
    /// Begins HTTP/2 over a stream that is connected: TCP, or TLS that has agreed on `h2` by ALPN.
    /// The connection is a task on the current runtime, and ends after its last user.
    ///
    /// # Errors
    ///
    /// If the stream fails.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream.
    pub async fn over<S>(stream: S) -> Result<Self, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = Builder::new(TokioExecutor::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(failed)?;
        Ok(Self::drive(sender, connection))
    }
}

impl<B> Http2Client<B>
where
    B: Body + Default + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Takes a connection that hyper has begun, and drives it in a task on the current runtime.
    /// Requests of clones of the sender go on beside it. See
    /// [the module](super) about the windows that it should have.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn drive<T, E>(sender: SendRequest<B>, mut connection: Connection<T, B, E>) -> Self
    where
        T: Read + Write + Unpin + Send + 'static,
        E: Http2ClientConnExec<B, T> + Unpin + Send + 'static,
        Connection<T, B, E>: Future<Output = hyper::Result<()>> + Send,
    {
        let (tell, allowed) = watch::channel(false);
        let settings = Settings { ask: Arc::default(), allowed };
        let ask = Arc::clone(&settings.ask);
        tokio::spawn(async move {
            let mut ended = false;
            while !ended {
                let driven = async {
                    // How it ended, who uses it learns from hyper.
                    let _ = (&mut connection).await;
                    true
                };
                let asked = async {
                    ask.notified().await;
                    false
                };
                ended = either(driven, asked).await;
                let allowed = !ended && connection.is_extended_connect_protocol_enabled();
                tell.send_if_modified(|known| std::mem::replace(known, allowed) != allowed);
            }
        });
        Self { sender, settings }
    }

    /// Opens a WebSocket. The URL's scheme says whether the connection has TLS; no other connection
    /// is made, and no redirect is followed.
    ///
    /// # Errors
    ///
    /// [`ConnectError::ExtendedConnectUnavailable`] if the server does not say, within 5 seconds and
    /// the time for the handshake, that it takes WebSockets; else if an option is invalid, the
    /// connection fails, or the server refuses.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future resets the stream.
    pub async fn connect(
        &self,
        options: impl Into<ConnectOptions>,
    ) -> Result<WebSocket, ConnectError> {
        let upgrade = ClientUpgrade::http2(options)?;
        let left = upgrade.carried.time_left().unwrap_or(Duration::MAX).min(SETTINGS_TIMEOUT);
        if within::<Tokio, _>(Some(left), self.settings.allow()).await.is_none() {
            return upgrade.carried.id.dialled(Err(ConnectError::ExtendedConnectUnavailable));
        }
        // If the connection has ended, hyper says why.
        let request = upgrade.request().map(|()| B::default());
        let mut sender = self.sender.clone();
        upgrade.finish(sender.send_request(request)).await
    }
}

impl<B> Clone for Http2Client<B> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), settings: self.settings.clone() }
    }
}

impl<B> fmt::Debug for Http2Client<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http2Client").field("allowed", &*self.settings.allowed.borrow()).finish()
    }
}
