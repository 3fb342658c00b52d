//! A server.

use std::fmt;
use std::future::{Future, pending};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use super::incoming::Incoming;
use super::listening::{Listening, Requests};
use super::runtime::Runtime;
use super::wait::{either, within};
use super::websocket::WebSocket;
use crate::facade;
use crate::server::{Admission, ServerOptions, ShutdownReport, lengthen_queue};

/// A server: a listener, the opening handshakes of its clients, and their connections.
///
/// Each opening handshake is a task. A stalled client delays no other client, and is dropped after
/// [`Config::handshake_timeout`](crate::Config::handshake_timeout). With [`serve`](Self::serve), each
/// connection is a task, too. An error of the listener, such as a lack of file descriptors, does not
/// end the server; it continues after a pause.
///
/// The server accepts clients while you await one of its methods.
pub struct Server<R: Runtime> {
    shared: Arc<Shared<R>>,
    options: Arc<ServerOptions>,
    /// Threads of its own, if it has some. They accept clients in place of those who wait here.
    workers: Option<R::Workers>,
    local_addr: SocketAddr,
}

/// The state that a server, its handles and its tasks share. The options are not part of it: their
/// callbacks may hold a handle.
pub(super) struct Shared<R: Runtime> {
    pub(super) admission: Arc<Admission>,
    pub(super) requests: Requests<R>,
    /// One, or one for each worker.
    listening: Vec<Listening<R>>,
}

impl<R: Runtime> Shared<R> {
    /// Lets the listeners go on that have failed, since a client has left.
    pub(super) fn go_on(&self) {
        self.listening.iter().for_each(Listening::go_on);
    }

    /// Closes the listeners, and drops the requests that were not answered.
    fn stop(&self) {
        self.listening.iter().for_each(Listening::close);
        self.requests.close();
    }
}

impl<R: Runtime> Server<R> {
    /// Takes a listener that is there already. Threads, if the server is to have several, share it.
    ///
    /// # Errors
    ///
    /// If the system refuses what the server needs to wait for it, or where this is called outside
    /// of the runtime.
    pub fn from_listener(listener: TcpListener, options: ServerOptions) -> io::Result<Self> {
        let mut listeners = Vec::new();
        for _ in 1..R::threads(&options) {
            listeners.push(listener.try_clone()?);
        }
        listeners.push(listener);
        Self::from_listeners(listeners, options)
    }

    pub(crate) fn from_listeners(
        listeners: Vec<TcpListener>,
        options: ServerOptions,
    ) -> io::Result<Self> {
        listeners.iter().for_each(lengthen_queue);
        let local_addr = listeners[0].local_addr()?;
        let listening = listeners.into_iter().map(|listener| Listening::new(listener, &options));
        let listening = listening.collect::<io::Result<_>>()?;
        let workers = R::start_workers(&options)?;
        let shared = Arc::new(Shared {
            admission: Admission::new(&options),
            requests: Requests::default(),
            listening,
        });
        Ok(Self {
            shared,
            options: Arc::new(options.listening_at(local_addr)),
            workers,
            local_addr,
        })
    }

    /// The address of the listener.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// A handle to shut the server down, from any task or thread.
    #[must_use]
    pub fn handle(&self) -> ServerHandle<R> {
        ServerHandle { shared: Arc::clone(&self.shared) }
    }

    /// Runs `serve` with each connection, in a new task. It returns after a
    /// [shutdown](ServerHandle::shutdown), with a report.
    ///
    /// When the server shuts down, each connection is closed with 1001 while its task receives, and
    /// its `recv` then returns `None`. A task that still runs at the end of the budget is dropped.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting, and drops no connection. Call it again to continue.
    pub async fn serve<F>(
        &self,
        serve: impl Fn(WebSocket<R, R::NetStream>) -> F + Send + Sync + 'static,
    ) -> ShutdownReport
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

    /// Serves connections with callbacks. Set the callbacks in `serve`, and return.
    ///
    /// # Cancel safety
    ///
    /// As [`serve`](Self::serve).
    pub async fn serve_facade(
        &self,
        serve: impl Fn(facade::WebSocket) + Send + Sync + 'static,
    ) -> ShutdownReport {
        let (options, serve) = (Arc::clone(&self.options), Arc::new(serve));
        self.serve_requests(move |incoming| {
            let (options, serve) = (Arc::clone(&options), Arc::clone(&serve));
            async move {
                match Box::pin(incoming.respond()).await {
                    Ok(socket) => serve(socket.into_facade()),
                    Err(error) => options.tell_refused(&error),
                }
            }
        })
        .await
    }

    /// Serves requests before they are answered. Use it to decide in ways that the options do not
    /// offer, or to take over streams.
    ///
    /// # Cancel safety
    ///
    /// As [`serve`](Self::serve).
    pub async fn serve_requests<F>(
        &self,
        serve: impl Fn(Incoming<R>) -> F + Send + Sync + 'static,
    ) -> ShutdownReport
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let served = async {
            while let Some(incoming) = self.next_request().await {
                let (spawner, watch) = incoming.task();
                let served = serve(incoming);
                R::spawn(&spawner, either(served, async move { watch.cut().await }));
            }
        };
        self.listen_until(served).await;
        self.shared.admission.over().await
    }

    /// Waits for the next connection; `None` once the server shuts down. Several tasks can call it at
    /// the same time. While no task calls it, new clients wait in the system's queue.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn accept(&self) -> Option<WebSocket<R, R::NetStream>> {
        let accepted = async {
            // A client gets its response only here, where the connection is taken: one that waited
            // in a queue would answer no Ping.
            loop {
                let incoming = self.next_request().await?;
                let (spawner, watch) = incoming.task();
                let options = Arc::clone(&self.options);
                match incoming.decide() {
                    Ok(upgrade) => match upgrade.accept_now() {
                        Ok(socket) => return Some(socket),
                        Err(error) => options.tell_refused(&error),
                    },
                    Err(refused) => {
                        let refused = async move { options.tell_refused(&refused.finish().await) };
                        let cut = async move { watch.cut().await };
                        R::spawn(&spawner, either(refused, cut));
                    }
                }
            }
        };
        self.listen_until(accepted).await
    }

    /// Waits for the next request, and does not answer it; `None` once the server shuts down.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn accept_request(&self) -> Option<Incoming<R>> {
        self.listen_until(self.next_request()).await
    }

    /// The next request of a client that was let in; `None` once the server shuts down.
    async fn next_request(&self) -> Option<Incoming<R>> {
        let leaving = async {
            self.shared.admission.leaving().await;
            None
        };
        let next = either(leaving, self.shared.requests.next()).await;
        if next.is_none() {
            self.shared.stop();
        }
        next
    }

    /// Shuts the server down; see [`ServerHandle::shutdown`].
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn shutdown(&self, budget: Duration) -> ShutdownReport {
        self.handle().shutdown(budget).await
    }

    /// Accepts clients until something else is done.
    async fn listen_until<T>(&self, done: impl Future<Output = T>) -> T {
        let listening = &self.shared.listening;
        let Some(workers) = &self.workers else {
            let accepting = listening[0].accept(&self.shared, &self.options);
            let accepted = async {
                accepting.await;
                pending().await
            };
            return either(done, accepted).await;
        };
        let _waiting: Vec<_> = listening.iter().map(Listening::wait).collect();
        for (number, spawner) in R::spawners(workers).iter().enumerate() {
            if listening[number].begin() {
                let (shared, options) = (Arc::clone(&self.shared), Arc::clone(&self.options));
                R::spawn(spawner, async move {
                    shared.listening[number].accept(&shared, &options).await;
                });
            }
        }
        done.await
    }
}

impl<R: Runtime> Drop for Server<R> {
    /// Stops listening, and gives up the requests that were not answered. Connections go on.
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl<R: Runtime> fmt::Debug for Server<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("local_addr", &self.local_addr)
            .field("connections", &self.shared.admission.connections())
            .finish_non_exhaustive()
    }
}

/// Shuts a [`Server`] down. Clones belong to the same server.
pub struct ServerHandle<R: Runtime> {
    shared: Arc<Shared<R>>,
}

impl<R: Runtime> ServerHandle<R> {
    /// Shuts the server down, from any task or thread. The server stops listening, drops unfinished
    /// opening handshakes, and closes every connection with 1001. It waits until the connections have
    /// ended, for at most `budget`, and then cuts off the others. The report has the numbers.
    ///
    /// A connection closes at once while its task receives. If its task does something else until
    /// the end of the budget, the connection is cut off: with [`Server::serve`], its task is
    /// dropped; with [`Server::accept`], the peer sees the end when the task next uses or drops the
    /// socket.
    ///
    /// A second call does the same; the shorter budget counts.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the server shuts down. Call it again to wait for the end, and to cut off the
    /// remaining connections.
    pub async fn shutdown(&self, budget: Duration) -> ShutdownReport {
        let admission = &self.shared.admission;
        admission.begin_shutdown();
        self.shared.stop();
        within::<R, _>(Some(budget), admission.left()).await;
        admission.end_shutdown()
    }

    /// The number of open connections, including requests that are being answered.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.admission.connections()
    }

    /// The number of opening handshakes that were dropped for other clients: because of
    /// [`ServerOptions::handshakes_max`] or [`ServerOptions::handshakes_per_address_max`], or
    /// because the system had no file descriptors left. A fast growth is the sign of a flood.
    #[must_use]
    pub fn handshakes_given_up(&self) -> u64 {
        self.shared.admission.given_up()
    }

    /// Whether a shutdown has begun.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.shared.admission.is_leaving()
    }
}

impl<R: Runtime> Clone for ServerHandle<R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<R: Runtime> fmt::Debug for ServerHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").field("connections", &self.connections()).finish()
    }
}
