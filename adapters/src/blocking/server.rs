//! A server on blocking streams.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::thread;
use std::time::Duration;

use super::facade::{Cord, bell};
use super::gate::{Gate, Next};
use super::incoming::Incoming;
use super::net_stream::NetStream;
use super::websocket::WebSocket;
use crate::accept::AcceptError;
use crate::facade::{self, Runner};
use crate::server::{Farewell, Hall, ServerOptions, lengthen_queue};

/// A server: a listener, the opening handshakes of its clients, and the connections that came of
/// them.
///
/// The thread that calls [`serve`](Self::serve) or [`accept`](Self::accept) waits for new clients
/// and for the requests of all of them at once; a client that stalls holds nobody up, and is gone
/// after [`Config::handshake_timeout`](crate::Config::handshake_timeout). Each connection then has
/// a thread of its own. An error of the listener, such as no file descriptors being left, ends
/// nothing: the server goes on after a pause.
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
/// let farewell = handle.shutdown(Duration::from_secs(5));
/// assert_eq!((farewell.closed, farewell.cut), (1, 0));
/// # client.join().unwrap()?;
/// # assert_eq!(serving.join().unwrap(), farewell);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    /// Connections that other threads have accepted for [`accept`](Self::accept).
    opened: Arc<Mutex<VecDeque<WebSocket<NetStream>>>>,
    cord: Arc<GateCord>,
    handle: ServerHandle,
    options: Arc<ServerOptions>,
    local_addr: SocketAddr,
}

impl Server {
    /// Listens at this address, with the default options. Port 0 lets the system choose one.
    ///
    /// # Errors
    ///
    /// If the address is not free, or not one of this machine.
    pub fn bind(addr: impl ToSocketAddrs) -> io::Result<Self> {
        Self::bind_with(addr, ServerOptions::default())
    }

    /// The same with options.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub fn bind_with(addr: impl ToSocketAddrs, options: ServerOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(addr)?;
        lengthen_queue(&listener);
        Self::from_listener(listener, options)
    }

    /// Takes a listener that is there already.
    ///
    /// # Errors
    ///
    /// If the system refuses what the server needs to wait for it.
    pub fn from_listener(listener: TcpListener, options: ServerOptions) -> io::Result<Self> {
        let local_addr = listener.local_addr()?;
        let options = Arc::new(options);
        let hall = Hall::new(options.connections_max, options.handshakes_max);
        let (cord, bell) = bell()?;
        let cord = Arc::new(GateCord(cord));
        // Rings once, when the server shuts down.
        hall.register(&Arc::clone(&cord).into());
        let gate = Gate::new(listener, bell, Arc::clone(&options), Arc::clone(&hall))?;
        Ok(Self {
            opened: Arc::default(),
            cord,
            handle: ServerHandle { hall, gate: Arc::new(Mutex::new(gate)) },
            options,
            local_addr,
        })
    }

    /// The address at which it listens.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What shuts the server down, from any thread.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Calls `serve` with each connection, on a thread of its own. Returns once the server was
    /// [shut down](ServerHandle::shutdown), and tells how that went.
    ///
    /// When the server shuts down, each connection is closed with 1001 while its thread receives,
    /// and its `recv` returns `None` at the end.
    pub fn serve(&self, serve: impl Fn(WebSocket<NetStream>) + Send + Sync + 'static) -> Farewell {
        let options = Arc::clone(&self.options);
        self.serve_requests(move |incoming| match incoming.respond() {
            Ok(socket) => serve(socket),
            Err(error) => options.tell_refused(&error),
        })
    }

    /// The same with the callback facade: set the callbacks, and return.
    pub fn serve_facade(
        &self,
        serve: impl Fn(facade::WebSocket) + Send + Sync + 'static,
    ) -> Farewell {
        let options = Arc::clone(&self.options);
        self.serve_requests(move |incoming| {
            let opened = incoming.respond();
            match opened.and_then(|socket| socket.into_facade().map_err(AcceptError::Io)) {
                Ok(socket) => serve(socket),
                Err(error) => options.tell_refused(&error),
            }
        })
    }

    /// The same with each request, before it is answered: to decide by more than the options can
    /// say, or to take streams over.
    pub fn serve_requests(&self, serve: impl Fn(Incoming) + Send + Sync + 'static) -> Farewell {
        let serve = Arc::new(serve);
        while let Some(incoming) = self.accept_request() {
            let serve = Arc::clone(&serve);
            // If the system has no thread, the client is let go.
            if let Err(error) = spawn(move || serve(incoming)) {
                self.options.tell_refused(&AcceptError::Io(error));
            }
        }
        self.handle.hall.wait_until_over()
    }

    /// The next connection; `None` once the server shuts down. Several threads may call it at a
    /// time, and while none does, new clients wait, up to what the system lets wait.
    ///
    /// If the options have something to decide or to answer, that is done by other threads.
    pub fn accept(&self) -> Option<WebSocket<NetStream>> {
        loop {
            if let Some(socket) = lock(&self.opened).pop_front() {
                return Some(socket);
            }
            let next = lock(&self.handle.gate).next(|| !lock(&self.opened).is_empty());
            match next {
                Next::Incoming(incoming) => {
                    let at_once = matches!(incoming, Incoming::Upgrade(_));
                    if !at_once || self.options.on_offer.is_some() {
                        self.respond_elsewhere(incoming);
                        continue;
                    }
                    match incoming.respond() {
                        Ok(socket) => return Some(socket),
                        Err(error) => self.options.tell_refused(&error),
                    }
                }
                Next::Interrupted => {}
                Next::Over => return None,
            }
        }
    }

    /// The next request, before it is answered; `None` once the server shuts down.
    pub fn accept_request(&self) -> Option<Incoming> {
        match lock(&self.handle.gate).next(|| false) {
            Next::Incoming(incoming) => Some(incoming),
            Next::Interrupted | Next::Over => None,
        }
    }

    /// Shuts the server down; see [`ServerHandle::shutdown`].
    pub fn shutdown(&self, budget: Duration) -> Farewell {
        self.handle.shutdown(budget)
    }

    fn respond_elsewhere(&self, incoming: Incoming) {
        let (opened, cord) = (Arc::clone(&self.opened), Arc::clone(&self.cord));
        let options = Arc::clone(&self.options);
        let spawned = spawn(move || match incoming.respond() {
            Ok(socket) => {
                lock(&opened).push_back(socket);
                Wake::wake(cord);
            }
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
        lock(&self.handle.gate).shut();
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
    gate: Arc<Mutex<Gate>>,
}

impl ServerHandle {
    /// Shuts the server down in order, from any thread: it stops listening and gives up the
    /// opening handshakes under way, closes every connection with 1001, waits until they have
    /// ended, for at most `budget`, and then cuts those that are left. Tells what became of all.
    ///
    /// A connection learns of it while its thread waits, within half a second; a split one within
    /// a second. One whose thread does something else is counted as cut at the end of the budget,
    /// and its peer sees the end when the thread next uses the socket, or drops it.
    ///
    /// Called again meanwhile, it does the same: the shorter budget counts.
    pub fn shutdown(&self, budget: Duration) -> Farewell {
        self.hall.begin_farewell();
        // Who waits there has been woken, and makes way.
        lock(&self.gate).shut();
        self.hall.wait_until_left(budget);
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

/// Wakes who waits at the gate.
struct GateCord(Cord);

impl Wake for GateCord {
    fn wake(self: Arc<Self>) {
        Runner::wake(&self.0);
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("bluewire".to_owned()).spawn(work).map(drop)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
