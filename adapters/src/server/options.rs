//! The options of a server.

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

/// The memory of an opening handshake besides the head of its request and the room for a read: its
/// task, its stream, and its place in the server's tables.
const HANDSHAKE_LEN: u64 = 8 * 1024;

/// The memory that TLS takes besides during an opening handshake.
#[cfg(feature = "_tls")]
const TLS_HANDSHAKE_LEN: u64 = 88 * 1024;

/// The options of a server: how it accepts connections, answers other requests, and limits both.
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
    /// Sets the options of each connection: subprotocols, origins, headers, limits and timeouts.
    /// [`Config::handshake_timeout`](crate::Config::handshake_timeout) is the deadline of each
    /// opening handshake.
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
    /// An opening handshake takes up to 40 KiB of memory with the default limits (mostly
    /// [`Limits::head_len_max`](crate::Limits::head_len_max) and
    /// [`Limits::read_len`](field@crate::Limits::read_len)), and up to 128 KiB with TLS: 80 MiB or
    /// 256 MiB for all. [`max_bytes_of_handshakes`](Self::max_bytes_of_handshakes) is the bound of
    /// these options. Count it beside the connections:
    /// [`Config::max_bytes_per_connection`](crate::Config::max_bytes_per_connection) is about open
    /// ones.
    #[must_use]
    pub fn handshakes_max(mut self, handshakes: usize) -> Self {
        self.handshakes_max = handshakes;
        self
    }

    /// The most memory, in bytes, that the opening handshakes of a server with these options take
    /// together: [`handshakes_max`](Self::handshakes_max), or what the system allows now, times what
    /// each takes. It does not depend on what clients send.
    ///
    /// With open connections ([`connections_max`](Self::connections_max) times
    /// [`Config::max_bytes_per_connection`](crate::Config::max_bytes_per_connection), and TLS for
    /// each), it bounds the memory of a server.
    ///
    /// ```
    /// use bluewire::ServerOptions;
    ///
    /// let options = ServerOptions::default().handshakes_max(100);
    /// assert_eq!(options.max_bytes_of_handshakes(), 100 * 40 * 1024);
    /// ```
    #[must_use]
    pub fn max_bytes_of_handshakes(&self) -> u64 {
        let limits = &self.accept.config.limits;
        let head = limits.head_len_max.saturating_add(limits.read_len) as u64;
        let plain = head.saturating_add(HANDSHAKE_LEN);
        #[cfg(feature = "_tls")]
        let tls = if self.tls.is_some() { TLS_HANDSHAKE_LEN } else { 0 };
        #[cfg(not(feature = "_tls"))]
        let tls = 0;
        let handshakes = self.handshakes_limit();
        plain.saturating_add(tls).saturating_mul(handshakes as u64)
    }

    /// How many opening handshakes can be under way: as many as the options say, as far as the system
    /// has file descriptors for them.
    pub(super) fn handshakes_limit(&self) -> usize {
        self.handshakes_max.min(handshakes_of_system()).max(1)
    }

    /// Sets how many connections one address can have; IPv6 addresses count by their first 64 bits.
    /// Further clients from there get a 503 response. There is no limit by default. Do not set one
    /// behind a reverse proxy, because all clients have the proxy's address there.
    #[must_use]
    pub fn connections_per_address_max(mut self, connections: usize) -> Self {
        self.connections_per_address_max = connections;
        self
    }

    /// Sets how many unfinished opening handshakes one address can have, counted as in
    /// [`connections_per_address_max`](Self::connections_per_address_max). For one more client from
    /// there, the server drops a random one of them. There is no limit by default. At least 1.
    #[must_use]
    pub fn handshakes_per_address_max(mut self, handshakes: usize) -> Self {
        self.handshakes_per_address_max = handshakes;
        self
    }

    /// Sets whether a server on smol uses Bluewire's own reactor on Linux, which saves a system
    /// call for each message; see [`TcpSocket`](crate::smol::TcpSocket). On by default. If it is
    /// off, connections use the reactor of async-io. A server on tokio uses its runtime.
    #[cfg(feature = "smol")]
    #[must_use]
    pub fn own_reactor(mut self, own_reactor: bool) -> Self {
        self.own_reactor = own_reactor;
        self
    }

    /// Sets the number of threads of a server on smol. Each thread accepts clients, and runs their
    /// opening handshakes and the tasks of `Server::serve`. A connection stays on the thread that
    /// accepted it. 0 by default: the server then runs in tasks on smol's global executor, and the
    /// environment variable `SMOL_THREADS` sets the number of its threads.
    ///
    /// With several threads, `Server::bind` gives each its own listener at the same address
    /// (`SO_REUSEPORT`), and the kernel distributes the clients. This needs Linux; elsewhere, the
    /// threads share a listener. Even one thread is faster than none on Linux, because it waits for
    /// its connections in one epoll set. A task that blocks or computes for a long time delays all
    /// tasks on its thread.
    ///
    /// The threads, and the tasks on them, end when the server is dropped. A server on tokio has no
    /// such threads; it uses its runtime.
    #[cfg(feature = "smol")]
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Sets a callback that decides about each valid request for a WebSocket from an allowed
    /// origin. `Ok` accepts the request, with the subprotocol and headers in the offer. An answer
    /// refuses it. The options have already chosen a subprotocol; the callback can choose another
    /// one.
    ///
    /// On the blocking adapter, the callback can block, because it runs on the connection's own
    /// thread. On smol and tokio, it must not block. There, use `Server::serve_requests` to decide
    /// in an `async` block.
    #[must_use]
    pub fn on_offer(
        mut self,
        decide: impl Fn(&mut Offer) -> Result<(), HttpAnswer> + Send + Sync + 'static,
    ) -> Self {
        self.on_offer = Some(Arc::new(decide));
        self
    }

    /// Sets a callback that answers each request that does not ask for a WebSocket, such as one for
    /// a page. Without it, such a request gets a 426 response. It runs where `on_offer` runs. The
    /// body of the request is not read; use `Server::serve_requests` to read it.
    #[must_use]
    pub fn on_request(
        mut self,
        answer: impl Fn(&RequestHead) -> HttpAnswer + Send + Sync + 'static,
    ) -> Self {
        self.on_request = Some(Arc::new(answer));
        self
    }

    /// Turns on TLS, so that clients connect to a `wss` URL. The deadline of the opening handshake
    /// includes the TLS handshake. If that fails, [`on_refused`](Self::on_refused) is called.
    #[cfg(feature = "_tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    #[must_use]
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sets a callback for each connection that was not accepted, for a log. It runs where the server
    /// accepts, so it must be quick. For handshakes that are dropped for other clients
    /// ([`AcceptError::GivenUp`]), it is called once a second at most;
    /// `ServerHandle::handshakes_given_up` counts them.
    #[must_use]
    pub fn on_refused(mut self, tell: impl Fn(&AcceptError) + Send + Sync + 'static) -> Self {
        self.on_refused = Some(Arc::new(tell));
        self
    }

    /// Sets a callback for errors of the listener, for a log. The server continues. Unless the
    /// error concerns a single connection only, it pauses first, for 10 ms to 1 s, longer with each
    /// failure in a row.
    ///
    /// When the system has no file descriptors left, the server drops an opening handshake to make
    /// room for a new client. If it has no such handshake, it accepts the client with a reserved
    /// descriptor, sends a 503 response and reports the error here, once a second at most.
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

/// How many handshakes the limit on file descriptors leaves room for: half of them, as open
/// connections need the rest.
fn handshakes_of_system() -> usize {
    #[cfg(all(unix, any(feature = "blocking", feature = "_asynch")))]
    if let Some(limit) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        return usize::try_from(limit / 2).unwrap_or(usize::MAX);
    }
    usize::MAX
}
