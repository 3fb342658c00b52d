//! A server on blocking streams.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::task::Wake;
use std::time::Duration;

use super::handshakes::{Decided, Handshakes};
use super::incoming::{Incoming, Upgrade};
use super::net_stream::NetStream;
use super::wake::{WakeHandle, WakePipe, spawn};
use super::websocket::WebSocket;
use crate::facade;
use crate::open::error::AcceptError;
use crate::server::{Admission, ServerOptions, ShutdownReport, lengthen_queue};
use crate::sync::{Mutex, lock};

/// A server: a listener, the opening handshakes of its clients, and their connections.
///
/// The thread that calls [`serve`](Self::serve) or [`accept`](Self::accept) waits for new clients and
/// for all their requests at the same time. A stalled client delays no other client, and is dropped
/// after [`Config::handshake_timeout`](crate::Config::handshake_timeout). Each connection then has
/// its own thread. An error of the listener, such as a lack of file descriptors, does not end the
/// server; it continues after a pause.
///
/// ```
/// use bluewire::blocking::{Server, connect};
/// use std::time::Duration;
///
/// let server = Server::bind("127.0.0.1:0")?;
/// let url = format!("ws://{}/", server.local_addr());
/// let handle = server.handle();
/// let serving = std::thread::spawn(move || {
///     server.serve(|mut socket| {
///         while let Ok(Some((message, mut sender))) = socket.recv_with_sender() {
///             if sender.send(message).is_err() {
///                 break;
///             }
///         }
///     })
/// });
///
/// let mut socket = connect(url)?;
/// socket.send("Hello")?;
/// assert_eq!(socket.recv()?, Some("Hello".into()));
/// let client = std::thread::spawn(move || socket.recv().map(|message| message.is_none()));
/// let report = handle.shutdown(Duration::from_secs(5));
/// assert_eq!((report.closed, report.cut), (1, 0));
/// # client.join().unwrap()?;
/// # assert_eq!(serving.join().unwrap(), report);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    shared: Arc<Shared>,
    options: Arc<ServerOptions>,
    local_addr: SocketAddr,
}

impl Server {
    /// Listens at this address, with the default options. With port 0, the system chooses a port.
    ///
    /// # Errors
    ///
    /// If the address is in use, or does not belong to this machine.
    pub fn bind(addr: impl ToSocketAddrs) -> io::Result<Self> {
        Self::bind_with(addr, ServerOptions::default())
    }

    /// Listens at this address, with these options.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub fn bind_with(addr: impl ToSocketAddrs, options: ServerOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(addr)?;
        lengthen_queue(&listener);
        Self::from_listener(listener, options)
    }

    /// Makes a server from an existing listener.
    ///
    /// # Errors
    ///
    /// If the system refuses what the server needs to wait for it.
    pub fn from_listener(listener: TcpListener, options: ServerOptions) -> io::Result<Self> {
        let local_addr = listener.local_addr()?;
        let options = Arc::new(options.listening_at(local_addr));
        let admission = Admission::new(&options);
        let pipe = WakePipe::new()?;
        let wakes = Arc::clone(pipe.handle());
        let (of_server, of_admission) = (Arc::clone(&options), Arc::clone(&admission));
        let handshakes = Handshakes::new(listener, pipe, of_server, of_admission)?;
        let decided = Arc::clone(handshakes.decided());
        let shared = Shared { admission, handshakes: Mutex::new(handshakes), decided, wakes };
        Ok(Self { shared: Arc::new(shared), options, local_addr })
    }

    /// The address of the listener.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// A handle that can shut the server down, from any thread.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        ServerHandle { shared: Arc::clone(&self.shared) }
    }

    /// Calls `serve` with each connection, on a new thread. It returns after a
    /// [shutdown](ServerHandle::shutdown), with a report.
    ///
    /// When the server shuts down, each connection is closed with 1001 while its thread receives, and
    /// its `recv` then returns `None`.
    pub fn serve(
        &self,
        serve: impl Fn(WebSocket<NetStream>) + Send + Sync + 'static,
    ) -> ShutdownReport {
        let options = Arc::clone(&self.options);
        self.serve_requests(move |incoming| match incoming.respond() {
            Ok(socket) => serve(socket),
            Err(error) => options.tell_refused(&error),
        })
    }

    /// Serves connections with callbacks. Set the callbacks in `serve`, and return.
    pub fn serve_facade(
        &self,
        serve: impl Fn(facade::WebSocket) + Send + Sync + 'static,
    ) -> ShutdownReport {
        let options = Arc::clone(&self.options);
        self.serve_requests(move |incoming| {
            let opened = incoming.respond();
            match opened.and_then(|socket| socket.into_facade().map_err(AcceptError::Io)) {
                Ok(socket) => serve(socket),
                Err(error) => options.tell_refused(&error),
            }
        })
    }

    /// Serves requests before they are answered. Use it to decide in ways that the options do not
    /// offer, or to take over streams.
    pub fn serve_requests(
        &self,
        serve: impl Fn(Incoming) + Send + Sync + 'static,
    ) -> ShutdownReport {
        let serve = Arc::new(serve);
        while let Some(incoming) = self.accept_request() {
            let serve = Arc::clone(&serve);
            // If the system has no thread, the client is let go.
            if let Err(error) = spawn(move || serve(incoming)) {
                self.options.tell_refused(&AcceptError::Io(error));
            }
        }
        self.shared.admission.wait_until_over()
    }

    /// Waits for the next connection; `None` once the server shuts down. Several threads can call
    /// it at the same time. While no thread calls it, new clients wait in the system's queue.
    ///
    /// The callbacks of the options run on other threads.
    pub fn accept(&self) -> Option<WebSocket<NetStream>> {
        loop {
            match self.accept_request()? {
                Incoming::Upgrade(upgrade) if upgrade.is_decided() => match upgrade.accept() {
                    Ok(socket) => return Some(socket),
                    Err(error) => self.options.tell_refused(&error),
                },
                incoming => self.decide_elsewhere(incoming),
            }
        }
    }

    /// Waits for the next request, and does not answer it; `None` once the server shuts down.
    pub fn accept_request(&self) -> Option<Incoming> {
        lock(&self.shared.handshakes).next()
    }

    /// Shuts the server down; see [`ServerHandle::shutdown`].
    pub fn shutdown(&self, budget: Duration) -> ShutdownReport {
        self.handle().shutdown(budget)
    }

    /// Lets another thread decide, since that may take a while.
    fn decide_elsewhere(&self, incoming: Incoming) {
        let (shared, options) = (Arc::clone(&self.shared), Arc::clone(&self.options));
        let spawned = spawn(move || match incoming.decide() {
            Ok(upgrade) => shared.was_decided(upgrade),
            Err(error) => options.tell_refused(&error),
        });
        if let Err(error) = spawned {
            self.options.tell_refused(&AcceptError::Io(error));
        }
    }
}

impl Drop for Server {
    /// Stops listening, and gives up the opening handshakes under way. Connections go on.
    fn drop(&mut self) {
        self.shared.shut();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("local_addr", &self.local_addr)
            .field("connections", &self.shared.admission.connections())
            .finish_non_exhaustive()
    }
}

/// The state that the threads of a server share.
struct Shared {
    admission: Arc<Admission>,
    handshakes: Mutex<Handshakes>,
    /// Reached without the lock, which the thread that waits for clients holds.
    decided: Arc<Decided>,
    /// Wakes the thread that waits for clients.
    wakes: Arc<WakeHandle>,
}

impl Shared {
    /// Drops the listener and all whose request was not answered.
    fn shut(&self) {
        // The thread that waits there makes way.
        self.wakes.wake_by_ref();
        lock(&self.handshakes).shut();
    }

    /// Lets a request wait for [`Server::accept`], unless the server shuts down.
    fn was_decided(&self, upgrade: Upgrade) {
        let late = match &mut *lock(&self.decided) {
            Some(decided) => {
                decided.push(upgrade);
                None
            }
            None => Some(upgrade),
        };
        drop(late);
        self.wakes.wake_by_ref();
    }
}

/// Shuts a [`Server`] down. Clones belong to the same server.
#[derive(Clone)]
pub struct ServerHandle {
    shared: Arc<Shared>,
}

impl ServerHandle {
    /// Shuts the server down, from any thread. The server stops listening, drops unfinished opening
    /// handshakes, and closes every connection with 1001. It waits until the connections have
    /// ended, for at most `budget`, and then cuts off the others. The report has the numbers.
    ///
    /// A connection closes at once if its thread waits in it, or if it was split. Otherwise it
    /// closes when its thread next waits in it. If that is after the budget, it counts as cut, and
    /// the peer sees the end when the thread next uses or drops the socket.
    ///
    /// A second call does the same; the shorter budget counts.
    pub fn shutdown(&self, budget: Duration) -> ShutdownReport {
        let Shared { admission, .. } = &*self.shared;
        admission.begin_shutdown();
        self.shared.shut();
        admission.wait_until_left(budget);
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

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").field("connections", &self.connections()).finish()
    }
}
