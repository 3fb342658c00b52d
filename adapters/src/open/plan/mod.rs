//! The steps from a URL to a stream on which the request can be sent.

mod budget;
mod lookup;
mod race;
mod resolving;
mod target;

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use self::budget::{Budget, Timeouts};
use self::race::Race;
pub(crate) use self::resolving::Resolving;
pub(crate) use self::target::Target;
use crate::open::error::{ConnectError, Phase, ProxyError};
use crate::open::proxy::Tunnel;
use crate::trace::Id;
#[cfg(unix)]
use crate::wording::Period;

/// How long to wait for room in the queue of a Unix socket's server, of which the system does not
/// tell.
#[cfg(unix)]
const CALL_AGAIN: Duration = Duration::from_millis(10);

/// The next step. It is given once; ask again when it is done or begun.
#[derive(Debug)]
pub(crate) enum Step {
    /// Begin to look up the addresses of this host, for this port.
    Resolve(String, u16),
    /// Begin to connect to this address.
    Attempt(SocketAddr),
    /// Connect to this Unix socket, which takes no time, and say what
    /// [came](Came::Called) of it.
    #[cfg(unix)]
    Call(PathBuf),
    /// Drop this attempt, and the socket with it.
    GiveUp(SocketAddr),
    /// Go on with the [tunnel](Plan::tunnel), over the one connection that is left: write what is
    /// unsent, or let it receive what comes, or wait for either until this time. It is said again
    /// until the proxy has connected.
    SpeakToProxy(Duration),
    /// Shake hands by TLS, over the one connection that is left.
    StartTls,
    /// Send the request over the present stream: the opening handshake keeps to its budget by
    /// itself, so that a refusal whose body is late is still reported.
    SendRequest(Budget),
    /// Wait until something comes, or until this time.
    Wait(Duration),
    /// There will be no connection.
    Fail(ConnectError),
}

/// The result of the step.
#[derive(Debug)]
pub(crate) enum Came {
    Addresses(io::Result<Vec<SocketAddr>>),
    Connected(SocketAddr),
    Failed(SocketAddr, io::Error),
    /// Of the call to a Unix socket. [`WouldBlock`](io::ErrorKind::WouldBlock) is a server's queue
    /// that is full.
    #[cfg(unix)]
    Called(io::Result<()>),
    #[cfg_attr(
        all(any(feature = "blocking", feature = "_asynch"), not(any(feature = "_tls", test))),
        expect(dead_code, reason = "there is no TLS")
    )]
    TlsStarted,
    #[cfg_attr(
        all(feature = "_asynch", not(any(feature = "blocking", test))),
        expect(dead_code, reason = "a future is cancelled by dropping it")
    )]
    Cancelled,
}

/// The plan of one attempt to reach a server. It gets the time from the caller: any clock will do
/// that does not go back.
///
/// Ask for the [`next`](Self::next) step until it is to wait. Then wait, report the result with
/// [`came`](Self::came), and go on. Results that arrive too late are ignored.
#[derive(Debug)]
pub(crate) struct Plan {
    target: Target,
    timeouts: Timeouts,
    whole_until: Duration,
    budget: Budget,
    /// Attempts that are still to be dropped.
    given_up: Vec<SocketAddr>,
    stage: Stage,
    id: Id,
}

#[derive(Debug)]
enum Stage {
    Start,
    Resolving,
    Racing(Race),
    /// Call a Unix socket at this time.
    #[cfg(unix)]
    Calling(Duration),
    Connected,
    Tunnelling(Box<Tunnel>),
    Tunnelled,
    Securing,
    Secured,
    Requesting,
    Failed(Option<ConnectError>),
}

impl Plan {
    pub(crate) fn new(target: Target, timeouts: Timeouts, now: Duration) -> Self {
        let whole_until = now.saturating_add(timeouts.whole);
        let (phase, timeout) = (Phase::Resolve, timeouts.whole);
        let budget = Budget { phase, until: whole_until, timeout, whole: true };
        let given_up = Vec::new();
        Self {
            target,
            timeouts,
            whole_until,
            budget,
            given_up,
            stage: Stage::Start,
            id: Id::default(),
        }
    }

    /// Tells in the name of this one what comes of it.
    pub(crate) fn traced(self, id: Id) -> Self {
        Self { id, ..self }
    }

    pub(crate) fn next(&mut self, now: Duration) -> Step {
        self.advance(now);
        if self.budget.until <= now {
            self.time_out();
        }
        if let Some(address) = self.given_up.pop() {
            return Step::GiveUp(address);
        }
        match &mut self.stage {
            Stage::Start => {
                self.enter(Stage::Resolving, Phase::Resolve, self.timeouts.resolve, now);
                let (host, port) = self.target.sought();
                Step::Resolve(host, port)
            }
            Stage::Racing(race) => match race.next(now) {
                Some(address) => Step::Attempt(address),
                None => {
                    Step::Wait(race.next_turn().unwrap_or(Duration::MAX).min(self.budget.until))
                }
            },
            #[cfg(unix)]
            Stage::Calling(again) => match &self.target.socket {
                Some(path) if *again <= now => {
                    *again = Duration::MAX;
                    Step::Call(path.clone())
                }
                _ => Step::Wait((*again).min(self.budget.until)),
            },
            Stage::Tunnelling(_) => Step::SpeakToProxy(self.budget.until),
            Stage::Connected | Stage::Tunnelled if self.target.secure => {
                self.enter(Stage::Securing, Phase::Tls, self.timeouts.tls, now);
                Step::StartTls
            }
            Stage::Connected | Stage::Tunnelled | Stage::Secured => {
                let timeout = self.timeouts.handshake;
                self.enter(Stage::Requesting, Phase::Handshake, timeout, now);
                Step::SendRequest(self.budget)
            }
            Stage::Resolving | Stage::Securing => Step::Wait(self.budget.until),
            Stage::Failed(error) => error.take().map_or(Step::Wait(Duration::MAX), Step::Fail),
            Stage::Requesting => Step::Wait(Duration::MAX),
        }
    }

    /// The conversation with the proxy, while it goes on.
    pub(crate) fn tunnel(&mut self) -> Option<&mut Tunnel> {
        match &mut self.stage {
            Stage::Tunnelling(tunnel) => Some(tunnel),
            _ => None,
        }
    }

    pub(crate) fn came(&mut self, what: Came, now: Duration) {
        self.tell(&what);
        match (what, &mut self.stage) {
            (_, Stage::Failed(_)) => {}
            (Came::Cancelled, _) => self.fail(ConnectError::Abandoned),
            (Came::Addresses(found), Stage::Resolving) => self.found(found, now),
            (Came::Connected(address), Stage::Racing(race)) if race.is_open(address) => {
                self.reached(address, now);
            }
            (Came::Failed(address, error), Stage::Racing(race)) => {
                race.fail(address, error, now);
                if race.is_lost() {
                    self.unreachable();
                }
            }
            #[cfg(unix)]
            (Came::Called(called), Stage::Calling(again)) => match called {
                Ok(()) => self.enter(Stage::Connected, Phase::Handshake, Duration::MAX, now),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    *again = now.saturating_add(CALL_AGAIN);
                }
                Err(error) => self.uncalled(error),
            },
            (Came::TlsStarted, Stage::Securing) => self.stage = Stage::Secured,
            _ => {}
        }
    }

    fn tell(&self, what: &Came) {
        match what {
            Came::Addresses(Ok(addresses)) => self.id.is_resolved(addresses.len()),
            Came::Failed(address, error) => self.id.fails_at(*address, error),
            Came::Connected(address) => self.id.is_connected(Some(*address)),
            #[cfg(unix)]
            Came::Called(Ok(())) => self.id.is_connected(None),
            // It is tried again, or the attempt fails.
            #[cfg(unix)]
            Came::Called(Err(_)) => {}
            Came::TlsStarted => self.id.is_secured(),
            // A failure ends the attempt, and is reported.
            Came::Addresses(Err(_)) | Came::Cancelled => {}
        }
    }

    fn enter(&mut self, stage: Stage, phase: Phase, timeout: Duration, now: Duration) {
        let until = now.saturating_add(timeout);
        self.budget = if until <= self.whole_until {
            Budget { phase, until, timeout, whole: false }
        } else {
            let (until, timeout) = (self.whole_until, self.timeouts.whole);
            Budget { phase, until, timeout, whole: true }
        };
        self.stage = stage;
    }

    /// Goes on with what can be done here.
    fn advance(&mut self, now: Duration) {
        match &mut self.stage {
            #[cfg(unix)]
            Stage::Start if self.target.socket.is_some() => {
                self.enter(Stage::Calling(now), Phase::Tcp, self.timeouts.tcp, now);
            }
            Stage::Start => {
                if self.target.known().is_some_and(|addresses| addresses.is_empty()) {
                    let host = self.target.host.clone();
                    self.fail(ConnectError::Unreachable { host, failures: Vec::new() });
                } else if let Some(addresses) = self.target.known_to_race() {
                    self.race(addresses, now);
                }
            }
            Stage::Tunnelling(tunnel) => match tunnel.outcome() {
                Ok(true) => {
                    self.id.is_tunnelled();
                    self.stage = Stage::Tunnelled;
                }
                Ok(false) => {}
                Err(error) => self.fail(ConnectError::Proxy(error)),
            },
            _ => {}
        }
    }

    /// The names that are sought come one after the other.
    fn found(&mut self, found: io::Result<Vec<SocketAddr>>, now: Duration) {
        let of_proxy = self.target.first().is_some();
        match found {
            Ok(addresses) if of_proxy || self.target.proxy.is_none() => self.race(addresses, now),
            Ok(addresses) => {
                self.target.addresses = Some(addresses);
                self.stage = Stage::Start;
            }
            Err(error) => {
                let (host, _) = self.target.sought();
                self.fail(match of_proxy {
                    true => ConnectError::Proxy(ProxyError::Resolve { host, error }),
                    false => ConnectError::Resolve { host, error },
                });
            }
        }
    }

    fn race(&mut self, addresses: Vec<SocketAddr>, now: Duration) {
        let race = Race::new(addresses, now);
        let lost = race.is_lost();
        self.enter(Stage::Racing(race), Phase::Tcp, self.timeouts.tcp, now);
        if lost {
            self.unreachable();
        }
    }

    /// A connection is there: the proxy comes first.
    fn reached(&mut self, address: SocketAddr, now: Duration) {
        let before = std::mem::replace(&mut self.stage, Stage::Start);
        if let Stage::Racing(race) = before {
            self.given_up = race.into_open();
            self.given_up.retain(|other| *other != address);
        }
        if let Some(proxy) = &self.target.proxy {
            let tunnel = Box::new(proxy.tunnel(self.target.destination()));
            self.enter(Stage::Tunnelling(tunnel), Phase::Proxy, self.timeouts.proxy, now);
        } else {
            // The time of the phase that comes begins with its step.
            self.enter(Stage::Connected, Phase::Handshake, Duration::MAX, now);
        }
    }

    fn unreachable(&mut self) {
        if let Stage::Racing(race) = &mut self.stage {
            let failures = race.failures(self.budget.timeout);
            self.fail(self.target.unreachable(failures));
        }
    }

    #[cfg(unix)]
    fn uncalled(&mut self, error: io::Error) {
        let path = self.target.socket.clone().unwrap_or_default();
        self.fail(ConnectError::UnixSocket { path, error });
    }

    fn time_out(&mut self) {
        match &mut self.stage {
            Stage::Failed(_) | Stage::Requesting => {}
            Stage::Racing(_) => self.unreachable(),
            #[cfg(unix)]
            Stage::Calling(_) => {
                let text = format!("no answer within {}", Period(self.budget.timeout));
                self.uncalled(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            Stage::Tunnelling(tunnel) => {
                let known = tunnel.give_up().map(ConnectError::Proxy);
                let error = known.unwrap_or_else(|| self.budget.error());
                self.fail(error);
            }
            _ => self.fail(self.budget.error()),
        }
    }

    fn fail(&mut self, error: ConnectError) {
        let stage = std::mem::replace(&mut self.stage, Stage::Failed(Some(error)));
        if let Stage::Racing(race) = stage {
            self.given_up = race.into_open();
        }
    }
}

#[cfg(test)]
mod tests;
