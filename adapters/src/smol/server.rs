//! A server on smol.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use smol::Async;
use smol::channel::{self, Receiver, Sender};
use smol::future::FutureExt as _;
use smol::net::{AsyncToSocketAddrs, resolve};

use super::connect::within;
use super::crew::Crew;
use super::entrance::{Entrance, bind_for_threads};
use super::gate::Gate;
use super::incoming::Incoming;
use super::net_stream::NetStream;
use super::websocket::WebSocket;
use crate::facade;
use crate::server::{Farewell, Hall, ServerOptions, lengthen_queue};

/// A server: a listener, the opening handshakes of its clients, and the connections that came of
/// them.
///
/// Each opening handshake is a task of its own, on smol's global executor or on one of the server's
/// own [threads](ServerOptions::threads): a client that stalls holds nobody up, and is gone after
/// [`Config::handshake_timeout`](crate::Config::handshake_timeout). So is each connection with
/// [`serve`](Self::serve). An error of the listener, such as no file descriptors being left, ends
/// nothing: the server goes on after a pause.
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
/// let farewell = handle.shutdown(Duration::from_secs(5)).await;
/// assert_eq!((farewell.closed, farewell.cut), (1, 0));
/// # client.await?;
/// # assert_eq!(serving.await, farewell);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub struct Server {
    /// Where requests that have come are put.
    asked: Sender<Incoming>,
    /// Connections that other tasks have accepted for [`accept`](Self::accept).
    opened: Receiver<WebSocket<NetStream>>,
    /// Where those are put.
    opener: Sender<WebSocket<NetStream>>,
    handle: ServerHandle,
    options: Arc<ServerOptions>,
    /// Threads of its own, if it is to have some.
    crew: Option<Crew>,
    local_addr: SocketAddr,
}

impl Server {
    /// Listens at this address, with the default options. Port 0 lets the system choose one.
    ///
    /// # Errors
    ///
    /// If the address is not free, or not one of this machine.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn bind(addr: impl AsyncToSocketAddrs) -> io::Result<Self> {
        Self::bind_with(addr, ServerOptions::default()).await
    }

    /// The same with options.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    ///
    /// # Cancel safety
    ///
    /// As [`bind`](Self::bind).
    pub async fn bind_with(
        addr: impl AsyncToSocketAddrs,
        options: ServerOptions,
    ) -> io::Result<Self> {
        let addrs = resolve(addr).await?;
        let listeners = match options.threads {
            0 | 1 => vec![TcpListener::bind(&*addrs)?],
            threads => bind_for_threads(&addrs, threads)?,
        };
        listeners.iter().for_each(lengthen_queue);
        Self::from_listeners(listeners, options)
    }

    /// Takes a listener that is there already. Threads, if the server is to have several, share it.
    ///
    /// # Errors
    ///
    /// If the system refuses what the server needs to wait for it.
    pub fn from_listener(listener: TcpListener, options: ServerOptions) -> io::Result<Self> {
        let mut listeners = Vec::new();
        for _ in 1..options.threads {
            listeners.push(listener.try_clone()?);
        }
        listeners.push(listener);
        Self::from_listeners(listeners, options)
    }

    fn from_listeners(listeners: Vec<TcpListener>, options: ServerOptions) -> io::Result<Self> {
        let local_addr = listeners[0].local_addr()?;
        let listeners = listeners.into_iter().map(|listener| Async::new(listener).map(Arc::new));
        let listeners = Mutex::new(listeners.collect::<io::Result<_>>()?);
        let crew = match options.threads {
            0 => None,
            threads => Some(Crew::start(threads, options.own_reactor)?),
        };
        let hall = Hall::new(options.connections_max, options.handshakes_max);
        let (asked, requests) = channel::unbounded();
        let (opener, opened) = channel::unbounded();
        let gate = Gate { listeners, requests };
        Ok(Self {
            asked,
            opened,
            opener,
            handle: ServerHandle { hall, gate: Arc::new(gate) },
            options: Arc::new(options),
            crew,
            local_addr,
        })
    }

    /// The address at which it listens.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What shuts the server down, from any task or thread.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Runs `serve` with each connection, in a task of its own. Returns once the server was
    /// [shut down](ServerHandle::shutdown), and tells how that went.
    ///
    /// When the server shuts down, each connection is closed with 1001 while its task receives,
    /// and its `recv` returns `None` at the end. A task that is still there when the budget is
    /// over is dropped.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting, and drops no connection; call it again to go on.
    pub async fn serve<F>(
        &self,
        serve: impl Fn(WebSocket<NetStream>) -> F + Send + Sync + 'static,
    ) -> Farewell
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (options, serve) = (Arc::clone(&self.options), Arc::new(serve));
        self.serve_requests(move |incoming| {
            let (options, serve) = (Arc::clone(&options), Arc::clone(&serve));
            // In a box of its own: what the handshake takes is not held by the open connection.
            let responded = Box::pin(async move {
                let responded = incoming.respond().await;
                responded.map_err(|error| options.tell_refused(&error)).ok()
            });
            async move {
                if let Some(socket) = responded.await {
                    serve(socket).await;
                }
            }
        })
        .await
    }

    /// The same with the callback facade: set the callbacks, and return.
    ///
    /// # Cancel safety
    ///
    /// As [`serve`](Self::serve).
    pub async fn serve_facade(
        &self,
        serve: impl Fn(facade::WebSocket) + Send + Sync + 'static,
    ) -> Farewell {
        let (options, serve) = (Arc::clone(&self.options), Arc::new(serve));
        self.serve_requests(move |incoming| {
            let (options, serve) = (Arc::clone(&options), Arc::clone(&serve));
            async move {
                // In a box of its own: what the handshake takes is not held by the open connection.
                match Box::pin(incoming.respond()).await {
                    Ok(socket) => serve(socket.into_facade()),
                    Err(error) => options.tell_refused(&error),
                }
            }
        })
        .await
    }

    /// The same with each request, before it is answered: to decide by more than the options can
    /// say, or to take streams over.
    ///
    /// # Cancel safety
    ///
    /// As [`serve`](Self::serve).
    pub async fn serve_requests<F>(
        &self,
        serve: impl Fn(Incoming) -> F + Send + Sync + 'static,
    ) -> Farewell
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let served = async {
            while let Some(incoming) = self.next_request().await {
                let (watch, home) = (incoming.watch(), incoming.home());
                let served = serve(incoming);
                let cut = poll_fn(move |cx| watch.poll_cut(cx));
                home.spawn(served.or(cut));
            }
        };
        self.listen_until(served).await;
        poll_fn(|cx| self.handle.hall.poll_over(cx)).await
    }

    /// The next connection; `None` once the server shuts down. Several tasks may call it at a
    /// time, and while none does, new clients wait, up to what the system lets wait.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn accept(&self) -> Option<WebSocket<NetStream>> {
        let opened = async { self.opened.recv().await.ok() };
        let driven = async {
            while let Some(incoming) = self.next_request().await {
                let (opener, options) = (self.opener.clone(), Arc::clone(&self.options));
                let (watch, home) = (incoming.watch(), incoming.home());
                let respond = async move {
                    // In a box of its own: what the handshake takes is not held by the open connection.
                    match Box::pin(incoming.respond()).await {
                        // The channel has no bound: each connection has a place in the hall.
                        Ok(socket) => drop(opener.try_send(socket)),
                        Err(error) => options.tell_refused(&error),
                    }
                };
                let cut = poll_fn(move |cx| watch.poll_cut(cx));
                home.spawn(respond.or(cut));
            }
            None
        };
        opened.or(self.listen_until(driven)).await
    }

    /// The next request, before it is answered; `None` once the server shuts down.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn accept_request(&self) -> Option<Incoming> {
        self.listen_until(self.next_request()).await
    }

    /// The next request of a client that was let in; `None` once the server shuts down.
    async fn next_request(&self) -> Option<Incoming> {
        let leaving = async {
            poll_fn(|cx| self.handle.hall.poll_leaving(cx)).await;
            None
        };
        let asked = async { self.handle.gate.requests.recv().await.ok() };
        let next = leaving.or(asked).await;
        if next.is_none() {
            self.handle.gate.shut();
        }
        next
    }

    /// Shuts the server down; see [`ServerHandle::shutdown`].
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn shutdown(&self, budget: Duration) -> Farewell {
        self.handle.shutdown(budget).await
    }

    /// Lets clients in until something else is done.
    async fn listen_until<T>(&self, done: impl Future<Output = T>) -> T {
        let entrance = |number| Entrance {
            number,
            gate: Arc::clone(&self.handle.gate),
            hall: Arc::clone(&self.handle.hall),
            asked: self.asked.clone(),
            options: Arc::clone(&self.options),
        };
        let Some(crew) = &self.crew else { return done.or(entrance(0).keep()).await };
        let keepers = crew.spawn_each(|number| entrance(number).keep());
        let done = done.await;
        // Once the server has shut down, nobody listens any more.
        for keeper in keepers {
            keeper.cancel().await;
        }
        done
    }
}

impl Drop for Server {
    /// Stops listening, and gives up the opening handshakes under way. Connections go on.
    fn drop(&mut self) {
        self.handle.gate.shut();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("local_addr", &self.local_addr)
            .field("connections", &self.handle.connections())
            .finish_non_exhaustive()
    }
}

/// What shuts a [`Server`] down. Clones are of the same server.
#[derive(Clone)]
pub struct ServerHandle {
    hall: Arc<Hall>,
    gate: Arc<Gate>,
}

impl ServerHandle {
    /// Shuts the server down in order, from any task or thread: it stops listening and gives up
    /// the opening handshakes under way, closes every connection with 1001, waits until they have
    /// ended, for at most `budget`, and then cuts those that are left. Tells what became of all.
    ///
    /// A connection learns of it at once while its task receives. One whose task does something
    /// else is cut at the end of the budget: with [`Server::serve`] its task is dropped, with
    /// [`Server::accept`] its peer sees the end when the task next uses the socket, or drops it.
    ///
    /// Called again meanwhile, it does the same: the shorter budget counts.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the server shuts down; call it again to wait for the end and to cut what is
    /// left.
    pub async fn shutdown(&self, budget: Duration) -> Farewell {
        self.hall.begin_farewell();
        self.gate.shut();
        within(budget, poll_fn(|cx| self.hall.poll_left(cx))).await;
        self.hall.end_farewell()
    }

    /// How many connections are open, requests that are being answered included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.hall.connections()
    }

    /// Whether the server shuts down, or has.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.hall.is_leaving()
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").field("connections", &self.connections()).finish()
    }
}
