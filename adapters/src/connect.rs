//! What it takes to connect, without the IO: options and their check, the opening handshake from
//! the client's side, and what can go wrong.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{
    ClientHandshake, ClientRequest, Config, Connection, HandshakeError, HeadError, Inbox,
    MaskingKeys, Outbox, Refusal, RequestHead, ResponseHead, Role,
};

use crate::clock::Clock;
use crate::progress::Progress;
use crate::server::Place;
#[cfg(feature = "tls")]
use crate::tls::{Tls, TlsError};
use crate::url::{Url, UrlError};

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
    url: String,
    headers: Vec<(String, String)>,
    protocols: Vec<String>,
    config: Arc<Config>,
    connect_timeout: Duration,
    #[cfg(feature = "tls")]
    tls: Tls,
}

impl ConnectOptions {
    /// A connection to this URL, whose scheme is `ws`, or `wss` for one over TLS.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            headers: Vec::new(),
            protocols: Vec::new(),
            config: Arc::default(),
            connect_timeout: Duration::from_secs(10),
            #[cfg(feature = "tls")]
            tls: Tls::default(),
        }
    }

    /// Adds a header to the request, after those that the handshake owns, in this order and
    /// spelling. Those (`Host`, `Upgrade`, `Connection`, `Sec-WebSocket-*`...) may not be set.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
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

    /// Sets how long TCP may take to connect, over all addresses of the host. 10 seconds by
    /// default.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets what is trusted where the URL is `wss`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
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
    pub(crate) connect_timeout: Duration,
    #[cfg(feature = "tls")]
    pub(crate) tls: Tls,
    client_request: ClientRequest,
    config: Arc<Config>,
}

impl Request {
    pub(crate) fn check(options: ConnectOptions) -> Result<Self, ConnectError> {
        let url: Url = options.url.parse().map_err(ConnectError::Url)?;
        let client_request = client_request(&url, &options.headers, &options.protocols)?;
        Ok(Self {
            url,
            connect_timeout: options.connect_timeout,
            #[cfg(feature = "tls")]
            tls: options.tls,
            client_request,
            config: options.config,
        })
    }

    /// The same for a connection that is made here: TLS, if it is asked for, must be there.
    pub(crate) fn to_connect(options: ConnectOptions) -> Result<Self, ConnectError> {
        let request = Self::check(options)?;
        match request.url.is_secure() && cfg!(not(feature = "tls")) {
            true => Err(ConnectError::TlsUnavailable),
            false => Ok(request),
        }
    }

    /// The facade's rules: `Referer` may not be set, and messages come whole.
    pub(crate) fn for_facade(options: ConnectOptions) -> Result<Self, ConnectError> {
        if options.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("referer")) {
            return Err(ConnectError::Header(HeadError::ReservedHeader));
        }
        let mut request = Self::to_connect(options)?;
        if request.config.delivery != bluewire_core::Delivery::Whole {
            Arc::make_mut(&mut request.config).delivery = bluewire_core::Delivery::Whole;
        }
        Ok(request)
    }
}

fn client_request(
    url: &Url,
    headers: &[(String, String)],
    protocols: &[String],
) -> Result<ClientRequest, ConnectError> {
    let mut request = ClientRequest::new(url.host(), url.resource_name())
        .map_err(ConnectError::Header)?
        .secure(url.is_secure())
        .port(url.port());
    for protocol in protocols {
        request = request.subprotocol(protocol).map_err(ConnectError::Header)?;
    }
    for (name, value) in headers {
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
    /// In a server.
    pub(crate) place: Option<Place>,
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
        Self { clock, connection, inbox, outbox: Outbox::new(), established, place: None }
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
    handshake: ClientHandshake,
    keys: MaskingKeys,
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Outbox,
}

impl Opening {
    pub(crate) fn start(request: &Request) -> Self {
        let clock = Clock::start();
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
        Self { clock, handshake, keys, inbox, outbox }
    }

    /// Goes on with what has arrived, then with what the clock says.
    pub(crate) fn advance(mut self) -> Result<Progress<Self>, ConnectError> {
        let mut answered = self.handshake.next_response(&mut self.inbox);
        if let Ok(None) = answered {
            self.handshake.handle_timeout(self.clock.now());
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
                let Self { clock, keys, inbox, outbox, .. } = self;
                let connection = response.into_connection(keys, clock.now());
                Ok(Progress::Done(Opened {
                    clock,
                    connection,
                    inbox,
                    outbox,
                    established,
                    place: None,
                }))
            }
            Err(error) => Err(match self.handshake.into_refusal() {
                Some(refusal) => ConnectError::Refused(Box::new(refusal)),
                None => ConnectError::Handshake(error),
            }),
        }
    }

    /// How long the next read may take.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let deadline = self.handshake.poll_timeout()?;
        Some(deadline.saturating_sub(self.clock.now()))
    }

    pub(crate) fn receive_eof(&mut self) {
        self.handshake.receive_eof();
    }
}

impl ConnectError {
    /// An error of the stream on which the opening handshake is under way.
    #[cfg(any(feature = "blocking", feature = "smol"))]
    pub(crate) fn of_stream(error: io::Error) -> Self {
        #[cfg(feature = "tls")]
        let error = match TlsError::take(error) {
            Ok(error) => return Self::Tls(error),
            Err(error) => error,
        };
        Self::Io(error)
    }
}

/// Why there is no connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is not one of a WebSocket. Nothing has been tried.
    Url(UrlError),
    /// A header or subprotocol is not one that may be set. Nothing has been tried.
    Header(HeadError),
    /// The URL is `wss`, and this was built without the feature `tls`.
    TlsUnavailable,
    /// TLS failed, so that nothing was sent.
    #[cfg(feature = "tls")]
    Tls(TlsError),
    /// The host's name was not found.
    Resolve(io::Error),
    /// No address of the host could be reached: each with its own reason.
    Unreachable(Vec<(SocketAddr, io::Error)>),
    /// The connection failed while the opening handshake was under way.
    Io(io::Error),
    /// The server's response breaks a rule, or did not come in time.
    Handshake(HandshakeError),
    /// The server answered, but refuses: with a status, headers and a body.
    Refused(Box<Refusal>),
    /// The attempt was given up by a `close`, or by dropping the last handle.
    Abandoned,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::Header(error) => error.fmt(f),
            Self::TlsUnavailable => f.write_str("the URL asks for TLS, which is not built in"),
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.fmt(f),
            Self::Resolve(error) => write!(f, "the host was not found: {error}"),
            Self::Unreachable(failures) if failures.is_empty() => {
                f.write_str("the host has no address")
            }
            Self::Unreachable(failures) => {
                f.write_str("no address of the host could be reached")?;
                for (index, (address, error)) in failures.iter().enumerate() {
                    let before = if index == 0 { ": " } else { "; " };
                    write!(f, "{before}{address}: {error}")?;
                }
                Ok(())
            }
            Self::Io(error) => {
                write!(f, "the connection failed during the opening handshake: {error}")
            }
            Self::Handshake(error) => error.fmt(f),
            Self::Refused(refusal) => {
                let (status, reason) = (refusal.head().status(), refusal.head().reason());
                write!(f, "the server refused the opening handshake: {status} {reason}")
            }
            Self::Abandoned => f.write_str("the attempt to connect was given up"),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Url(error) => Some(error),
            Self::Header(error) => Some(error),
            Self::Resolve(error) | Self::Io(error) => Some(error),
            Self::Unreachable(failures) => failures.first().map(|(_, error)| error as _),
            Self::Handshake(error) => Some(error),
            #[cfg(feature = "tls")]
            Self::Tls(error) => Some(error),
            Self::TlsUnavailable | Self::Refused(_) | Self::Abandoned => None,
        }
    }
}
