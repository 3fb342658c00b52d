//! What it takes to accept a connection, without the IO: options, the opening handshake from the
//! server's side, and what can go wrong.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{
    Config, HandshakeError, HeadError, HttpAnswer, Inbox, Offer, Outbox, Request, RequestHead,
    Role, ServerHandshake,
};

use crate::clock::Clock;
use crate::connect::{Established, Opened};
use crate::progress::Progress;
use crate::server::{Place, Ties};
#[cfg(feature = "tls")]
use crate::tls::TlsError;
use crate::trace::{self, Id};

/// How to accept connections.
///
/// ```
/// use bluewire::{AcceptOptions, OriginPolicy};
///
/// let options = AcceptOptions::default()
///     .protocol("chat.v2")
///     .protocol("chat.v1")
///     .origins(OriginPolicy::Listed(vec!["https://example.com".to_owned()]));
/// ```
#[derive(Clone, Debug, Default)]
pub struct AcceptOptions {
    protocols: Vec<String>,
    headers: Vec<(String, String)>,
    origins: OriginPolicy,
    config: Arc<Config>,
}

impl AcceptOptions {
    /// Adds a subprotocol that this server speaks. The first one that the client offers, in the
    /// client's order, is chosen; if there is none, the response names none.
    #[must_use]
    pub fn protocol(mut self, protocol: impl Into<String>) -> Self {
        self.protocols.push(protocol.into());
        self
    }

    /// Adds a header to the response.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Says from which web pages connections are accepted.
    #[must_use]
    pub fn origins(mut self, origins: OriginPolicy) -> Self {
        self.origins = origins;
        self
    }

    /// Sets limits and timeouts, the handshake's among them.
    #[must_use]
    pub fn config(mut self, config: impl Into<Arc<Config>>) -> Self {
        self.config = config.into();
        self
    }

    /// Agrees to compression of messages (RFC 7692) with clients that offer it. A later
    /// [`config`](Self::config) takes it back, unless that has it.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, deflate: crate::Deflate) -> Self {
        Arc::make_mut(&mut self.config).deflate = Some(deflate);
        self
    }
}

/// From which web pages a server accepts connections (10.2).
///
/// A browser lets any page connect to any server, with the cookies that the server gave it, and
/// says in `Origin` which page it was. Programs that are not browsers send no `Origin`, and are
/// accepted by every policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginPolicy {
    /// Pages whose host and port are those that the client connects to, as the request says.
    #[default]
    SameOrigin,
    /// Pages of these origins, such as `https://example.com`, compared without regard to case.
    Listed(Vec<String>),
    /// All pages: for servers that know nobody by cookies or by their network.
    Any,
}

impl OriginPolicy {
    fn allows(&self, offer: &Offer) -> bool {
        match (self, offer.origin()) {
            (Self::SameOrigin, _) => !offer.is_cross_origin(),
            (Self::Listed(origins), Some(origin)) => {
                origins.iter().any(|listed| listed.eq_ignore_ascii_case(origin))
            }
            (Self::Listed(_), None) | (Self::Any, _) => true,
        }
    }
}

/// The opening handshake from the server's side: the adapter reads into its inbox, lets it
/// advance, and writes the outbox of what comes out.
#[derive(Debug)]
pub(crate) struct Accepting {
    clock: Clock,
    id: Id,
    handshake: ServerHandshake,
    pub(crate) inbox: Inbox,
    outbox: Outbox,
}

/// How far a client's request has come.
pub(crate) enum Heard {
    /// It takes another read.
    More(Accepting),
    /// It asks for a WebSocket, as it must, and the options have nothing against it.
    Upgrade(Asked),
    /// It asks for something else.
    Plain(RequestHead, Inbox),
}

/// A request for a WebSocket that waits for its answer.
#[derive(Debug)]
pub(crate) struct Asked {
    clock: Clock,
    id: Id,
    pub(crate) offer: Offer,
    pub(crate) inbox: Inbox,
}

impl Accepting {
    pub(crate) fn start(options: &AcceptOptions) -> Self {
        let clock = Clock::start();
        let config = Arc::clone(&options.config);
        let inbox = Inbox::with_read_len(config.limits.read_len);
        let handshake = ServerHandshake::new(config, clock.now());
        Self { clock, id: Id::next(), handshake, inbox, outbox: Outbox::new() }
    }

    /// Goes on with what has arrived, then with what the clock says, and answers. An error comes
    /// with the answer to write.
    pub(crate) fn advance(
        self,
        options: &AcceptOptions,
    ) -> Result<Progress<Self>, (AcceptError, Outbox)> {
        match self.hear(options)? {
            Heard::More(accepting) => Ok(Progress::More(accepting)),
            Heard::Upgrade(asked) => Ok(Progress::Done(asked.open(None))),
            Heard::Plain(head, _) => Err(decline(head)),
        }
    }

    /// The same without an answer to a request that there is nothing against.
    pub(crate) fn hear(self, options: &AcceptOptions) -> Result<Heard, (AcceptError, Outbox)> {
        let id = self.id;
        self.listen(options).inspect_err(|(error, _)| id.fails(error))
    }

    fn listen(mut self, options: &AcceptOptions) -> Result<Heard, (AcceptError, Outbox)> {
        let mut asked = self.handshake.next_request(&mut self.inbox, &mut self.outbox);
        if let Ok(None) = asked {
            self.handshake.handle_timeout(self.clock.now(), &mut self.outbox);
            asked = self.handshake.next_request(&mut self.inbox, &mut self.outbox);
        }
        match asked {
            Ok(None) => Ok(Heard::More(self)),
            Ok(Some(Request::Upgrade(mut offer))) => {
                if let Err((error, answer)) = options.judge(&mut offer) {
                    offer.reject(&answer, &mut self.outbox);
                    return Err((error, self.outbox));
                }
                self.id.was_asked(offer.head());
                let Self { clock, id, inbox, .. } = self;
                Ok(Heard::Upgrade(Asked { clock, id, offer, inbox }))
            }
            Ok(Some(Request::Plain(head))) => Ok(Heard::Plain(head, self.inbox)),
            Err(error) => Err((AcceptError::Handshake(error), self.outbox)),
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

impl Asked {
    /// Accepts.
    pub(crate) fn open(self, place: Option<Place>) -> Opened {
        let Self { clock, id, offer, inbox } = self;
        let mut outbox = Outbox::new();
        let protocol = offer.subprotocol().map(str::to_owned);
        let request = Some(offer.head().clone());
        let connection = offer.accept(clock.now(), &mut outbox);
        let established = Established { protocol, response: None, request };
        let witness = id.opens(Role::Server, &established, &connection);
        let ties = Ties { place, witness };
        Opened { clock, connection, inbox, outbox, established, ties }
    }

    /// Refuses.
    pub(crate) fn reject(self, answer: &HttpAnswer) -> Outbox {
        self.id.refuses(answer.status(), "the application refused it");
        let mut outbox = Outbox::new();
        self.offer.reject(answer, &mut outbox);
        outbox
    }
}

impl AcceptOptions {
    /// What the options have against an offer; otherwise puts into it what they say.
    fn judge(&self, offer: &mut Offer) -> Result<(), (AcceptError, HttpAnswer)> {
        if !self.origins.allows(offer) {
            return Err((AcceptError::OriginRefused(offer.head().clone()), answer(403)));
        }
        let protocols: Vec<&str> = self.protocols.iter().map(String::as_str).collect();
        let _ = offer.select_subprotocol_among(&protocols);
        let mut headers = self.headers.iter();
        headers
            .try_for_each(|(name, value)| offer.add_header(name, value))
            .map_err(|error| (AcceptError::Header(error), answer(500)))
    }
}

/// Says that there is nothing but WebSockets here.
pub(crate) fn decline(head: RequestHead) -> (AcceptError, Outbox) {
    trace::refuses(426, "the request did not ask for a WebSocket");
    let mut outbox = Outbox::new();
    answer(426).lay(&head, &mut outbox);
    (AcceptError::NotWebSocket(head), outbox)
}

/// Says that too many are there.
#[cfg(any(feature = "blocking", feature = "smol"))]
pub(crate) fn turn_away(head: RequestHead) -> (AcceptError, Outbox) {
    trace::refuses(503, "the server has as many connections as it may");
    let mut outbox = Outbox::new();
    let full = answer(503).header("Retry-After", "5").expect("it is lawful");
    full.text("too many connections\n").lay(&head, &mut outbox);
    (AcceptError::Full(head), outbox)
}

fn answer(status: u16) -> HttpAnswer {
    HttpAnswer::new(status).expect("it is a status")
}

impl AcceptError {
    /// An error of the stream on which the opening handshake is under way.
    #[cfg(any(feature = "blocking", feature = "smol"))]
    pub(crate) fn of_stream(error: io::Error) -> Self {
        #[cfg(feature = "tls")]
        let error = match TlsError::take(error) {
            Ok(error) => {
                let error = Self::Tls(Box::new(error));
                trace::loses(&error);
                return error;
            }
            Err(error) => error,
        };
        let error = Self::Io(error);
        trace::loses(&error);
        error
    }
}

/// Why a connection was not accepted. The client has been answered, as far as it could be.
#[derive(Debug)]
#[non_exhaustive]
pub enum AcceptError {
    /// The stream failed.
    Io(io::Error),
    /// TLS failed.
    #[cfg(feature = "tls")]
    Tls(Box<TlsError>),
    /// The request breaks a rule, or did not come in time.
    Handshake(HandshakeError),
    /// A page of another origin asked. It was answered by 403.
    OriginRefused(RequestHead),
    /// The request did not ask for a WebSocket. It was answered by 426.
    NotWebSocket(RequestHead),
    /// A header of the options may not be set. The client was answered by 500.
    Header(HeadError),
    /// The application refused it, by this status.
    Refused(RequestHead, u16),
    /// The server has as many connections as it may. It was answered by 503.
    Full(RequestHead),
    /// The handshake was given up for a newer one, since as many as may be were under way, or
    /// because the server shut down.
    GivenUp,
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => {
                write!(f, "the connection failed during the opening handshake: {error}")
            }
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.fmt(f),
            Self::Handshake(error) => error.fmt(f),
            Self::OriginRefused(head) => {
                let origin = head.headers().first_str("Origin").unwrap_or_default();
                write!(f, "a page of another origin asked for a connection: {origin:?}")
            }
            Self::NotWebSocket(head) => {
                let (method, path) = (head.method(), head.path().unwrap_or("?"));
                write!(f, "the request did not ask for a WebSocket: {method} {path}")
            }
            Self::Header(error) => error.fmt(f),
            Self::Refused(head, status) => {
                let path = head.path().unwrap_or("?");
                write!(f, "the application refused {path} by {status}")
            }
            Self::Full(_) => f.write_str(
                "the server has as many connections as it may: see ServerOptions::connections_max",
            ),
            Self::GivenUp => f.write_str(
                "the server gave the opening handshake up, for a newer one or to shut down",
            ),
        }
    }
}

impl std::error::Error for AcceptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            #[cfg(feature = "tls")]
            Self::Tls(error) => Some(error),
            Self::Handshake(error) => Some(error),
            Self::Header(error) => Some(error),
            Self::OriginRefused(_)
            | Self::NotWebSocket(_)
            | Self::Refused(..)
            | Self::Full(_)
            | Self::GivenUp => None,
        }
    }
}
