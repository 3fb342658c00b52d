//! What a server is told before it begins.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bluewire_core::{HttpAnswer, Offer, RequestHead};

use crate::open::error::AcceptError;

use crate::open::options::{AcceptOptions, Reach};
#[cfg(feature = "_tls")]
use crate::tls::ServerTls;

pub(crate) type OnOffer = dyn Fn(&mut Offer) -> Result<(), HttpAnswer> + Send + Sync;
pub(crate) type OnRequest = dyn Fn(&RequestHead) -> HttpAnswer + Send + Sync;
pub(crate) type OnRefused = dyn Fn(&AcceptError) + Send + Sync;
pub(crate) type OnListenerError = dyn Fn(&io::Error) + Send + Sync;

/// How a server accepts connections, answers other requests, and how many it has at a time.
///
/// ```
/// use bluewire::{AcceptOptions, HttpAnswer, ServerOptions};
///
/// let not_found = HttpAnswer::new(404)?.text("the chat is at /chat\n");
/// let page = HttpAnswer::new(200)?.header("Content-Type", "text/html")?.body("<h1>Hello</h1>");
/// let options = ServerOptions::default()
///     .accept(AcceptOptions::default().protocol("chat"))
///     .connections_max(1_000)
///     .on_offer(move |offer| match offer.path() {
///         "/chat" => Ok(()),
///         _ => Err(not_found.clone()),
///     })
///     .on_request(move |_| page.clone());
/// # Ok::<(), bluewire::HeadError>(())
/// ```
#[derive(Clone)]
pub struct ServerOptions {
    pub(crate) accept: AcceptOptions,
    pub(crate) connections_max: usize,
    pub(crate) handshakes_max: usize,
    pub(crate) connections_per_address_max: usize,
    pub(crate) handshakes_per_address_max: usize,
    #[cfg(feature = "smol")]
    pub(crate) own_reactor: bool,
    #[cfg(feature = "smol")]
    pub(crate) threads: usize,
    pub(crate) on_offer: Option<Arc<OnOffer>>,
    pub(crate) on_request: Option<Arc<OnRequest>>,
    pub(crate) on_refused: Option<Arc<OnRefused>>,
    pub(crate) on_listener_error: Option<Arc<OnListenerError>>,
    #[cfg(feature = "_tls")]
    pub(crate) tls: Option<ServerTls>,
}

impl ServerOptions {
    /// Sets what each connection is accepted with: subprotocols, origins, headers, limits and
    /// timeouts. [`Config::handshake_timeout`](crate::Config::handshake_timeout) is the deadline
    /// of each opening handshake.
    #[must_use]
    pub fn accept(mut self, accept: AcceptOptions) -> Self {
        self.accept = accept;
        self
    }

    /// Sets how many connections the server has at most, including requests that it is answering.
    /// Further clients get a 503 response with `Retry-After`. 10,000 by default. Raise the
    /// system's limit on file descriptors to match.
    #[must_use]
    pub fn connections_max(mut self, connections: usize) -> Self {
        self.connections_max = connections;
        self
    }

    /// Sets how many opening handshakes may be under way at a time: connections whose request
    /// has not come yet. For one more client, one of the handshakes is given up without an answer:
    /// a random one of the address that has the most, so that clients that stall cannot keep others
    /// out. 2,048 by default, at least 1, and at most half of the file descriptors that the system
    /// allows the process when the server starts.
    ///
    /// An opening handshake takes up to 32 KiB of memory with the default limits (mostly
    /// [`Limits::head_len_max`](crate::Limits::head_len_max)), and up to 128 KiB with TLS. Count them
    /// beside the connections: [`Config::max_bytes_per_connection`](crate::Config::max_bytes_per_connection)
    /// is about open ones.
    #[must_use]
    pub fn handshakes_max(mut self, handshakes: usize) -> Self {
        self.handshakes_max = handshakes;
        self
    }

    /// Sets how many connections one address may have at a time; IPv6 addresses count by their
    /// first 64 bits. Further clients from there get a 503 response. Not bounded by default. Do not
    /// bound it behind a reverse proxy: all clients have the proxy's address there.
    #[must_use]
    pub fn connections_per_address_max(mut self, connections: usize) -> Self {
        self.connections_per_address_max = connections;
        self
    }

    /// Sets how many opening handshakes one address may have under way at a time, counted as in
    /// [`connections_per_address_max`](Self::connections_per_address_max). For one more client from
    /// there, a random one of them is given up. Not bounded by default, at least 1.
    #[must_use]
    pub fn handshakes_per_address_max(mut self, handshakes: usize) -> Self {
        self.handshakes_per_address_max = handshakes;
        self
    }

    /// Sets whether the connections of a server on smol wait in a set of Bluewire's own, which
    /// takes a system call less for each message (Linux; see
    /// [`TcpSocket`](crate::smol::TcpSocket)). They do by default; otherwise each is a source of
    /// its own in async-io's reactor. A server on tokio waits as its runtime does.
    #[cfg(feature = "smol")]
    #[must_use]
    pub fn own_reactor(mut self, own_reactor: bool) -> Self {
        self.own_reactor = own_reactor;
        self
    }

    /// Sets how many threads of its own a server on smol has: each accepts clients and runs their
    /// opening handshakes and what `Server::serve` and its kin do with the connections. A
    /// connection stays on the thread that has accepted it. None by default: all that is done in
    /// tasks on smol's global executor, whose threads the environment variable `SMOL_THREADS`
    /// counts.
    ///
    /// With several, `Server::bind` gives each a listener of its own at the same address
    /// (`SO_REUSEPORT`), and the kernel spreads the clients over them (Linux; elsewhere they share
    /// one). One thread is worth having as well: on Linux it waits for its connections in an epoll
    /// set of its own and in nothing else, which is the least that a wait can take. A task that
    /// blocks, or computes for long, holds up all that are on its thread.
    ///
    /// The threads end when the server is gone, and all that ran on them, too. A server on tokio has
    /// none: it runs on its runtime.
    #[cfg(feature = "smol")]
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Decides about each request for a WebSocket that is lawful and whose origin is allowed:
    /// `Ok` accepts it, with the subprotocol and the headers that were put into the offer; an
    /// answer refuses it. It runs after the subprotocol was chosen by the options, which it may
    /// replace.
    ///
    /// It may block for a while on the blocking adapter, where it runs on the connection's own
    /// thread. On smol and tokio it may not: take the requests themselves there, by
    /// `Server::serve_requests`, to decide in an `async` block.
    #[must_use]
    pub fn on_offer(
        mut self,
        decide: impl Fn(&mut Offer) -> Result<(), HttpAnswer> + Send + Sync + 'static,
    ) -> Self {
        self.on_offer = Some(Arc::new(decide));
        self
    }

    /// Answers each request that does not ask for a WebSocket, such as one for a page. Without
    /// it they are answered by 426. It runs where `on_offer` does. The request's body, if any, is
    /// not read; to read it, take the requests themselves.
    #[must_use]
    pub fn on_request(
        mut self,
        answer: impl Fn(&RequestHead) -> HttpAnswer + Send + Sync + 'static,
    ) -> Self {
        self.on_request = Some(Arc::new(answer));
        self
    }

    /// Speaks TLS to every client, so that they connect by `wss`. The TLS handshake counts towards
    /// the deadline of the opening handshake. If it fails, [`on_refused`](Self::on_refused) is called.
    #[cfg(feature = "_tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    #[must_use]
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Is told why a connection was not accepted, for a log. It runs where the server accepts,
    /// so it must not take long. Of the opening handshakes that are given up for other clients
    /// ([`AcceptError::GivenUp`]) it is told once a second at most: `ServerHandle::handshakes_given_up`
    /// counts them.
    #[must_use]
    pub fn on_refused(mut self, tell: impl Fn(&AcceptError) + Send + Sync + 'static) -> Self {
        self.on_refused = Some(Arc::new(tell));
        self
    }

    /// Is told when the listener fails to give a connection, for a log. The server survives it:
    /// it goes on after a pause of 10 ms to 1 s, longer with each failure in a row, if the error
    /// does not concern the one connection only.
    ///
    /// When the system has no file descriptors left, a client that comes gets the place of an
    /// opening handshake that is given up. If there is none, the server accepts the client by a
    /// descriptor that it keeps in reserve, sends a 503 response and reports the error here, once a
    /// second at most.
    #[must_use]
    pub fn on_listener_error(mut self, tell: impl Fn(&io::Error) + Send + Sync + 'static) -> Self {
        self.on_listener_error = Some(Arc::new(tell));
        self
    }

    /// Notes how clients reach the server: by the listener's address, and whether it speaks TLS.
    pub(crate) fn listening_at(mut self, local_addr: SocketAddr) -> Self {
        #[cfg(feature = "_tls")]
        let tls = self.tls.is_some();
        #[cfg(not(feature = "_tls"))]
        let tls = false;
        self.accept.reach = Reach { tls, loopback: local_addr.ip().to_canonical().is_loopback() };
        self
    }

    pub(crate) fn tell_refused(&self, error: &AcceptError) {
        if let Some(tell) = &self.on_refused {
            tell(error);
        }
    }

    pub(crate) fn tell_listener_error(&self, error: &io::Error) {
        if let Some(tell) = &self.on_listener_error {
            tell(error);
        }
    }
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            accept: AcceptOptions::default(),
            connections_max: 10_000,
            handshakes_max: 2_048,
            connections_per_address_max: usize::MAX,
            handshakes_per_address_max: usize::MAX,
            #[cfg(feature = "smol")]
            own_reactor: true,
            #[cfg(feature = "smol")]
            threads: 0,
            on_offer: None,
            on_request: None,
            on_refused: None,
            on_listener_error: None,
            #[cfg(feature = "_tls")]
            tls: None,
        }
    }
}

impl fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerOptions")
            .field("accept", &self.accept)
            .field("connections_max", &self.connections_max)
            .field("handshakes_max", &self.handshakes_max)
            .finish_non_exhaustive()
    }
}
