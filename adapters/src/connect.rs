//! What it takes to connect, without the IO: options and their check, the opening handshake from
//! the client's side, and what can go wrong.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{
    ClientHandshake, ClientRequest, Config, Connection, HandshakeError, HeadError, Inbox,
    MaskingKeys, Outbox, RequestHead, ResponseHead, Role,
};

use crate::clock::Clock;
use crate::connect_error::{ConnectError, Phase};
use crate::dial::{Budget, Canceller, Plan, Target, Timeouts};
use crate::progress::Progress;
use crate::proxy::{Proxies, Proxy, ProxyError};
use crate::reconnect::Reconnect;
use crate::redirect::Trail;
use crate::secret::{HeaderList, UrlText};
use crate::server::Ties;
#[cfg(feature = "tls")]
use crate::tls::Tls;
use crate::trace::Id;
use crate::url::Url;

/// Where to connect and how: a URL, headers, subprotocols, settings.
///
/// A URL alone turns into it by itself.
///
/// ```
/// use bluewire::ConnectOptions;
///
/// let options = ConnectOptions::new("ws://test:8088")
///     .header("content-type", "application/json")
///     .protocol("protocol");
/// ```
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    url: UrlText,
    pub(crate) headers: HeaderList,
    protocols: Vec<String>,
    config: Arc<Config>,
    pub(crate) addresses: Option<Vec<SocketAddr>>,
    resolve_timeout: Duration,
    connect_timeout: Duration,
    pub(crate) proxies: Proxies,
    pub(crate) proxy_timeout: Duration,
    tls_timeout: Duration,
    timeout: Duration,
    pub(crate) redirects_max: u32,
    canceller: Option<Canceller>,
    reconnect: Option<Reconnect>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Tls,
}

impl ConnectOptions {
    /// A connection to this URL, whose scheme is `ws`, or `wss` for one over TLS, or `ws+unix` for one
    /// through a Unix socket, where no address is looked up and no proxy taken (see [`Url`]). A user name and a
    /// password in it, percent-encoded, make the header `Authorization` (Basic), unless that is
    /// [set](Self::header).
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: UrlText(url.into()),
            headers: HeaderList::default(),
            protocols: Vec::new(),
            config: Arc::default(),
            addresses: None,
            resolve_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(10),
            proxies: Proxies::default(),
            proxy_timeout: Duration::from_secs(10),
            tls_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            redirects_max: 0,
            canceller: None,
            reconnect: None,
            #[cfg(feature = "tls")]
            tls: Tls::default(),
        }
    }

    /// Adds a header to the request, after those that the handshake owns, in this order and
    /// spelling. Those (`Host`, `Upgrade`, `Connection`, `Sec-WebSocket-*`...) may not be set.
    /// `Debug` shows the names only.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.0.push((name.into(), value.into()));
        self
    }

    /// Offers a subprotocol; the first offered is the most wanted.
    #[must_use]
    pub fn protocol(mut self, protocol: impl Into<String>) -> Self {
        self.protocols.push(protocol.into());
        self
    }

    /// Offers several subprotocols, the most wanted first.
    #[must_use]
    pub fn protocols<P: Into<String>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.protocols.extend(protocols.into_iter().map(Into::into));
        self
    }

    /// Sets limits and timeouts, the handshake's among them.
    #[must_use]
    pub fn config(mut self, config: impl Into<Arc<Config>>) -> Self {
        self.config = config.into();
        self
    }

    /// Offers the server compression of messages (RFC 7692), which it may decline. A later
    /// [`config`](Self::config) takes it back, unless that has it.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, deflate: crate::Deflate) -> Self {
        Arc::make_mut(&mut self.config).deflate = Some(deflate);
        self
    }

    /// Connects to these addresses, the most wanted first, in place of those that the host's name
    /// stands for. The name is what the request asks for all the same. A [proxy](Self::proxy) is told
    /// the first of them.
    #[must_use]
    pub fn addresses(mut self, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.addresses = Some(addresses.into_iter().collect());
        self
    }

    /// Sets how long the lookup of the host's name may take. 5 seconds by default.
    #[must_use]
    pub fn resolve_timeout(mut self, timeout: Duration) -> Self {
        self.resolve_timeout = timeout;
        self
    }

    /// Sets how long TCP may take to connect, over all addresses of the host. 10 seconds by
    /// default.
    ///
    /// The addresses are raced (RFC 8305): the families in turn, the next one after 250 ms or as
    /// soon as one has failed. The first that answers is taken.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long the handshake of TLS may take. 10 seconds by default.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_timeout(mut self, timeout: Duration) -> Self {
        self.tls_timeout = timeout;
        self
    }

    /// Sets how long all may take together, from the call until the connection is open. 30 seconds
    /// by default. The opening handshake alone may take
    /// [`Config::handshake_timeout`](bluewire_core::Config::handshake_timeout).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets this give the attempt up, from any thread.
    #[must_use]
    pub fn canceller(mut self, canceller: &Canceller) -> Self {
        self.canceller = Some(canceller.clone());
        self
    }

    /// Connects again after attempts that failed and connections that were lost; see
    /// [`reconnect`](crate::reconnect).
    ///
    /// For the callback facade, and for `Reconnecting` of either adapter. A `connect` makes one
    /// attempt all the same.
    #[must_use]
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = Some(reconnect);
        self
    }

    /// Sets what is trusted where the URL is `wss`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    fn url(&self) -> Result<Url, ConnectError> {
        self.url.0.parse().map_err(ConnectError::Url)
    }
}

impl From<&str> for ConnectOptions {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for ConnectOptions {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

/// Options that are known to be valid.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) url: Url,
    pub(crate) addresses: Option<Vec<SocketAddr>>,
    pub(crate) timeouts: Timeouts,
    pub(crate) canceller: Option<Canceller>,
    pub(crate) reconnect: Option<Reconnect>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Tls,
    proxy: Option<Proxy>,
    /// If redirects are followed.
    pub(crate) trail: Option<Box<Trail>>,
    /// In events.
    pub(crate) id: Id,
    client_request: ClientRequest,
    config: Arc<Config>,
}

impl Request {
    pub(crate) fn check(options: ConnectOptions) -> Result<Self, ConnectError> {
        Self::of(options.url()?, options, Id::next())
    }

    fn of(url: Url, options: ConnectOptions, id: Id) -> Result<Self, ConnectError> {
        let client_request = client_request(&url, &options.headers, &options.protocols)?;
        let timeouts = Timeouts {
            resolve: options.resolve_timeout,
            tcp: options.connect_timeout,
            proxy: options.proxy_timeout,
            tls: options.tls_timeout,
            handshake: options.config.handshake_timeout,
            whole: options.timeout,
        };
        Ok(Self {
            url,
            addresses: options.addresses,
            timeouts,
            canceller: options.canceller,
            reconnect: options.reconnect,
            #[cfg(feature = "tls")]
            tls: options.tls,
            proxy: None,
            trail: None,
            id,
            client_request,
            config: options.config,
        })
    }

    /// The same for a connection that is made here, perhaps through a proxy: TLS, if it is asked
    /// for, must be there.
    pub(crate) fn to_connect(options: ConnectOptions) -> Result<Self, ConnectError> {
        Self::to(options.url()?, options, Vec::new(), Id::next())
    }

    /// The same, after redirects perhaps: to this URL, which is another one than in the options
    /// then.
    pub(crate) fn to(
        url: Url,
        mut options: ConnectOptions,
        visited: Vec<Url>,
        id: Id,
    ) -> Result<Self, ConnectError> {
        let trail = Trail::start(&options, visited);
        let proxies = std::mem::take(&mut options.proxies);
        let mut request = Self::of(url, options, id)?;
        request.trail = trail;
        if request.url.is_local() {
            return Ok(request);
        }
        let Target { secure, host, port, .. } = request.target();
        let proxy = proxies.choose(secure, &host, port);
        request.proxy = proxy.map_err(|error| ConnectError::Proxy(ProxyError::Url(error)))?;
        match request.url.is_secure() && cfg!(not(feature = "tls")) {
            true => Err(ConnectError::TlsUnavailable),
            false => Ok(request),
        }
    }

    /// The way to the server, by a clock that began with the attempt: the time that a redirect took
    /// is gone.
    pub(crate) fn plan(&self) -> Plan {
        self.id.dials(&self.url, self.proxy.as_ref());
        Plan::new(self.target(), self.timeouts, Duration::ZERO).traced(self.id)
    }

    pub(crate) fn target(&self) -> Target {
        Target {
            host: self.url.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: self.url.port(),
            addresses: self.addresses.clone(),
            secure: self.url.is_secure(),
            proxy: self.proxy.clone(),
            #[cfg(unix)]
            socket: self.url.socket_path(),
        }
    }

    /// The facade's rules: `Referer` may not be set, and messages come whole.
    pub(crate) fn for_facade(mut options: ConnectOptions) -> Result<Self, ConnectError> {
        if options.headers.contains("referer") {
            return Err(ConnectError::Header(HeadError::ReservedHeader));
        }
        if options.config.delivery != bluewire_core::Delivery::Whole {
            Arc::make_mut(&mut options.config).delivery = bluewire_core::Delivery::Whole;
        }
        Self::to_connect(options)
    }
}

fn client_request(
    url: &Url,
    headers: &HeaderList,
    protocols: &[String],
) -> Result<ClientRequest, ConnectError> {
    let mut request = ClientRequest::new(url.host(), url.resource_name())
        .map_err(ConnectError::Header)?
        .secure(url.is_secure())
        .port(url.port());
    for protocol in protocols {
        request = request.subprotocol(protocol).map_err(ConnectError::Header)?;
    }
    if let Some(authorization) = url.authorization()
        && !headers.contains("Authorization")
    {
        request = request.header("Authorization", authorization).map_err(ConnectError::Header)?;
    }
    for (name, value) in &headers.0 {
        request = request.header(name, value).map_err(ConnectError::Header)?;
    }
    Ok(request)
}

/// A connection that is open, and what its opening handshake brought.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) clock: Clock,
    pub(crate) connection: Connection,
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Outbox,
    pub(crate) established: Established,
    pub(crate) ties: Ties,
}

impl Opened {
    /// A connection whose opening handshake another library did, and what it read beyond that.
    pub(crate) fn adopted(role: Role, leftover: &[u8], config: Arc<Config>) -> Self {
        let clock = Clock::start();
        let mut inbox = Inbox::with_read_len(config.limits.read_len);
        inbox.extend(leftover);
        let connection = match role {
            Role::Client => Connection::client(config, MaskingKeys::from_system(), clock.now()),
            Role::Server => Connection::server(config, clock.now()),
        };
        let established = Established::default();
        let witness = Id::next().opens(role, &established, &connection);
        let ties = Ties { place: None, witness };
        Self { clock, connection, inbox, outbox: Outbox::new(), established, ties }
    }
}

/// What the opening handshake settled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Established {
    pub(crate) protocol: Option<String>,
    /// At a client.
    pub(crate) response: Option<ResponseHead>,
    /// At a server.
    pub(crate) request: Option<RequestHead>,
}

/// The opening handshake from the client's side: the adapter writes its outbox, reads into its
/// inbox, and lets it advance.
#[derive(Debug)]
pub(crate) struct Opening {
    clock: Clock,
    id: Id,
    handshake: ClientHandshake,
    keys: MaskingKeys,
    /// By this clock.
    budget: Budget,
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Outbox,
}

impl Opening {
    /// Over a stream that somebody else has connected.
    pub(crate) fn start(request: &Request) -> Self {
        let timeout = request.timeouts.handshake;
        let phase = Phase::Handshake;
        let budget = Budget { phase, until: timeout, timeout, whole: false };
        Self::within(request, budget, Duration::ZERO)
    }

    /// As a step of a plan, whose budget it has, by whose clock it is `now`.
    pub(crate) fn within(request: &Request, budget: Budget, now: Duration) -> Self {
        let clock = Clock::start();
        let budget = Budget { until: budget.until.saturating_sub(now), ..budget };
        let mut keys = MaskingKeys::from_system();
        let mut outbox = Outbox::new();
        let config = Arc::clone(&request.config);
        let inbox = Inbox::with_read_len(config.limits.read_len);
        let handshake = ClientHandshake::start(
            &request.client_request,
            keys.nonce(),
            config,
            clock.now(),
            &mut outbox,
        );
        Self { clock, id: request.id, handshake, keys, budget, inbox, outbox }
    }

    /// Goes on with what has arrived, then with what the clock says.
    pub(crate) fn advance(mut self) -> Result<Progress<Self>, ConnectError> {
        let mut answered = self.handshake.next_response(&mut self.inbox);
        if let Ok(None) = answered {
            let now = self.clock.now();
            let over = self.budget.until <= now;
            self.handshake.handle_timeout(if over { Duration::MAX } else { now });
            answered = self.handshake.next_response(&mut self.inbox);
        }
        match answered {
            Ok(None) => Ok(Progress::More(self)),
            Ok(Some(response)) => {
                let established = Established {
                    protocol: response.subprotocol().map(str::to_owned),
                    response: Some(response.head().clone()),
                    request: None,
                };
                let Self { clock, id, keys, inbox, outbox, .. } = self;
                let connection = response.into_connection(keys, clock.now());
                let witness = id.opens(Role::Client, &established, &connection);
                let ties = Ties { place: None, witness };
                Ok(Progress::Done(Opened { clock, connection, inbox, outbox, established, ties }))
            }
            Err(error) => Err(match self.handshake.into_refusal() {
                Some(refusal) => ConnectError::Refused(Box::new(refusal)),
                None if error == HandshakeError::TimedOut => self.budget.error(),
                None => ConnectError::Handshake(error),
            }),
        }
    }

    /// How long the next read may take.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let deadline =
            self.handshake.poll_timeout().unwrap_or(Duration::MAX).min(self.budget.until);
        Some(deadline.saturating_sub(self.clock.now()))
    }

    pub(crate) fn receive_eof(&mut self) {
        self.handshake.receive_eof();
    }
}
