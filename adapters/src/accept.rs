//! What it takes to accept a connection, without the IO: options, the opening handshake from the
//! server's side, and what can go wrong.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{
    Config, HandshakeError, HeadError, HttpAnswer, Inbox, Offer, Outbox, Request, RequestHead,
    ServerHandshake,
};

use crate::clock::Clock;
use crate::connect::{Established, Opened};
use crate::progress::Progress;

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
    handshake: ServerHandshake,
    options: AcceptOptions,
    pub(crate) inbox: Inbox,
    outbox: Outbox,
}

impl Accepting {
    pub(crate) fn start(options: AcceptOptions) -> Self {
        let clock = Clock::start();
        let config = Arc::clone(&options.config);
        let inbox = Inbox::with_read_len(config.limits.read_len);
        let handshake = ServerHandshake::new(config, clock.now());
        Self { clock, handshake, options, inbox, outbox: Outbox::new() }
    }

    /// Goes on with what has arrived, then with what the clock says. An error comes with the
    /// answer to write.
    pub(crate) fn advance(mut self) -> Result<Progress<Self>, (AcceptError, Outbox)> {
        let mut asked = self.handshake.next_request(&mut self.inbox, &mut self.outbox);
        if let Ok(None) = asked {
            self.handshake.handle_timeout(self.clock.now(), &mut self.outbox);
            asked = self.handshake.next_request(&mut self.inbox, &mut self.outbox);
        }
        match asked {
            Ok(None) => Ok(Progress::More(self)),
            Ok(Some(Request::Upgrade(offer))) => self.answer(offer),
            Ok(Some(Request::Plain(head))) => {
                answer(426).lay(&head, &mut self.outbox);
                Err((AcceptError::NotWebSocket(head), self.outbox))
            }
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

    fn answer(mut self, mut offer: Offer) -> Result<Progress<Self>, (AcceptError, Outbox)> {
        let head = offer.head().clone();
        if !self.options.origins.allows(&offer) {
            offer.reject(&answer(403), &mut self.outbox);
            return Err((AcceptError::OriginRefused(head), self.outbox));
        }
        let protocol = offer
            .subprotocols()
            .find(|offered| self.options.protocols.iter().any(|spoken| spoken == offered))
            .map(str::to_owned);
        if let Err(error) = prepare(&mut offer, protocol.as_deref(), &self.options.headers) {
            offer.reject(&answer(500), &mut self.outbox);
            return Err((AcceptError::Header(error), self.outbox));
        }
        let Self { clock, inbox, mut outbox, .. } = self;
        let connection = offer.accept(clock.now(), &mut outbox);
        let established = Established { protocol, response: None, request: Some(head) };
        Ok(Progress::Done(Opened { clock, connection, inbox, outbox, established }))
    }
}

fn answer(status: u16) -> HttpAnswer {
    HttpAnswer::new(status).expect("it is a status")
}

fn prepare(
    offer: &mut Offer,
    protocol: Option<&str>,
    headers: &[(String, String)],
) -> Result<(), HeadError> {
    if let Some(protocol) = protocol {
        offer.select_subprotocol(protocol)?;
    }
    headers.iter().try_for_each(|(name, value)| offer.add_header(name, value))
}

/// Why a connection was not accepted. The client has been answered, as far as it could be.
#[derive(Debug)]
#[non_exhaustive]
pub enum AcceptError {
    /// The stream failed.
    Io(io::Error),
    /// The request breaks a rule, or did not come in time.
    Handshake(HandshakeError),
    /// A page of another origin asked. It was answered by 403.
    OriginRefused(RequestHead),
    /// The request did not ask for a WebSocket. It was answered by 426.
    NotWebSocket(RequestHead),
    /// A header of the options may not be set. The client was answered by 500.
    Header(HeadError),
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => {
                write!(f, "the connection failed during the opening handshake: {error}")
            }
            Self::Handshake(error) => error.fmt(f),
            Self::OriginRefused(head) => {
                let origin = head.headers().first_str("Origin").unwrap_or_default();
                write!(f, "a page of another origin asked for a connection: {origin:?}")
            }
            Self::NotWebSocket(head) => {
                let (method, target) = (head.method(), head.target());
                write!(f, "the request did not ask for a WebSocket: {method} {target}")
            }
            Self::Header(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AcceptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Handshake(error) => Some(error),
            Self::Header(error) => Some(error),
            Self::OriginRefused(_) | Self::NotWebSocket(_) => None,
        }
    }
}
