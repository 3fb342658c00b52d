//! Two ends joined in memory, on one virtual clock.

use crate::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::end::End;
use crate::{ClientRequest, Config, Role};

/// So many deadlines in a stretch of time are more than any lawful settings give.
const DEADLINES_MAX: usize = 1_000_000;

/// A client and a server joined in memory, on one virtual clock: an hour of keepalive passes in no
/// time, and every run is the same.
///
/// Bytes wait on their way until they are [delivered](Self::deliver), as few at a time as you
/// like; [`exchange`](Self::exchange) delivers all that there are, and what they cause.
///
/// ```
/// use bluewire_core::testkit::{OwnedEvent, Pair};
/// use bluewire_core::{ClientRequest, CloseCode, Config};
///
/// let request = ClientRequest::new("example.com", "/chat")?;
/// let mut pair = Pair::connecting(&request, Config::default(), Config::default());
/// pair.exchange();
/// assert_eq!(pair.client.take_events(), [OwnedEvent::Open]);
/// pair.client.send("Hello")?;
/// pair.exchange();
/// assert_eq!(pair.server.take_events(), [OwnedEvent::Open, OwnedEvent::text("Hello")]);
///
/// pair.server.close(CloseCode::GOING_AWAY, "done")?;
/// pair.exchange();
/// assert!(pair.client.closure().is_some_and(|closure| closure.clean));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// Without a peer that answers, a client gives up after its timeout:
///
/// ```
/// use bluewire_core::testkit::Pair;
/// use bluewire_core::{Config, Fault, Role, Timeout};
/// use core::time::Duration;
///
/// let mut pair = Pair::open(Config::default(), Config::default());
/// // Somebody has pulled the plug: nothing arrives any more, and nobody is told.
/// pair.block(Role::Client);
/// pair.block(Role::Server);
/// while pair.client.closure().is_none() {
///     assert!(pair.pass_to_next_deadline());
/// }
/// let fault = pair.client.closure().and_then(|closure| closure.fault);
/// assert_eq!(fault, Some(Fault::Timeout(Timeout::Pong)));
/// assert_eq!(pair.now(), Duration::from_secs(40)); // of quiet, and of waiting for a Pong
/// ```
#[derive(Debug)]
pub struct Pair {
    /// The client's end. Its bytes are on their way from the next call on.
    pub client: End,
    /// The server's end.
    pub server: End,
    to_client: Wire,
    to_server: Wire,
    now: Duration,
}

/// One direction.
#[derive(Debug, Default)]
struct Wire {
    bytes: Vec<u8>,
    /// Whether the writer has ended its stream.
    ended: bool,
    /// Whether the reader knows.
    end_told: bool,
    blocked: bool,
}

impl Pair {
    /// Two ends whose opening handshake is done.
    #[must_use]
    pub fn open(client: impl Into<Arc<Config>>, server: impl Into<Arc<Config>>) -> Self {
        Self::of(End::open(Role::Client, client), End::open(Role::Server, server))
    }

    /// Two ends that begin with the opening handshake; the server accepts.
    #[must_use]
    pub fn connecting(
        request: &ClientRequest,
        client: impl Into<Arc<Config>>,
        server: impl Into<Arc<Config>>,
    ) -> Self {
        Self::of(End::connecting(request, client), End::accepting(server))
    }

    /// Two ends that you have made, such as one with a server that [judges](End::judging).
    #[must_use]
    pub fn of(client: End, server: End) -> Self {
        let now = client.now().max(server.now());
        let (to_client, to_server) = (Wire::default(), Wire::default());
        Self { client, server, to_client, to_server, now }
    }

    /// The time at both ends.
    #[must_use]
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// How many bytes are on their way to this end.
    #[must_use]
    pub fn in_flight(&self, to: Role) -> usize {
        match to {
            Role::Client => self.to_client.bytes.len() + self.server.outbox().len(),
            Role::Server => self.to_server.bytes.len() + self.client.outbox().len(),
        }
    }

    /// Delivers the next bytes to this end, at most so many; if there are none and the other end
    /// has ended its stream, delivers that. Tells how many bytes were delivered.
    pub fn deliver(&mut self, to: Role, len_max: usize) -> usize {
        let (from, wire, to) = match to {
            Role::Client => (&mut self.server, &mut self.to_client, &mut self.client),
            Role::Server => (&mut self.client, &mut self.to_server, &mut self.server),
        };
        wire.take(from);
        if wire.blocked {
            return 0;
        }
        let len = wire.bytes.len().min(len_max);
        let bytes: Vec<u8> = wire.bytes.drain(..len).collect();
        to.receive(&bytes);
        if wire.ended && wire.bytes.is_empty() && !wire.end_told {
            wire.end_told = true;
            to.receive_eof();
        }
        len
    }

    /// Delivers everything, in both directions, until nothing is on its way. No time passes.
    pub fn exchange(&mut self) {
        loop {
            let ends = [self.to_client.end_told, self.to_server.end_told];
            let delivered = self.deliver(Role::Server, usize::MAX);
            let delivered = delivered + self.deliver(Role::Client, usize::MAX);
            if delivered == 0 && ends == [self.to_client.end_told, self.to_server.end_told] {
                return;
            }
        }
    }

    /// Keeps all bytes from this end, without notice: they wait until you [let them
    /// through](Self::unblock).
    pub const fn block(&mut self, to: Role) {
        self.wire(to).blocked = true;
    }

    /// Lets through what was blocked.
    pub const fn unblock(&mut self, to: Role) {
        self.wire(to).blocked = false;
    }

    /// Loses what is on its way and ends the stream to this end, which does not know why.
    pub fn cut(&mut self, to: Role) {
        let (from, wire) = match to {
            Role::Client => (&mut self.server, &mut self.to_client),
            Role::Server => (&mut self.client, &mut self.to_server),
        };
        wire.take(from);
        wire.bytes.clear();
        wire.ended = true;
    }

    const fn wire(&mut self, to: Role) -> &mut Wire {
        match to {
            Role::Client => &mut self.to_client,
            Role::Server => &mut self.to_server,
        }
    }

    /// Lets time pass to the next deadline of either end, and delivers what it causes. `false` if
    /// there is none: both ends are closed.
    pub fn pass_to_next_deadline(&mut self) -> bool {
        let deadlines = [self.client.deadline(), self.server.deadline()];
        let Some(next) = deadlines.into_iter().flatten().min() else { return false };
        self.set_time(next);
        true
    }

    /// Lets so much time pass, with a stop at every deadline on the way, and delivers what each
    /// causes.
    ///
    /// # Panics
    ///
    /// If there is no end of deadlines in that time: the settings are not sane.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now.saturating_add(time);
        for _ in 0..DEADLINES_MAX {
            let deadlines = [self.client.deadline(), self.server.deadline()];
            match deadlines.into_iter().flatten().min() {
                Some(next) if next <= until => self.set_time(next),
                _ => return self.set_time(until),
            }
        }
        panic!("{DEADLINES_MAX} deadlines have passed before {until:?}, and it is {:?}", self.now);
    }

    fn set_time(&mut self, now: Duration) {
        // Bytes that have arrived count before the clock.
        self.exchange();
        self.now = self.now.max(now);
        self.client.set_time(self.now);
        self.server.set_time(self.now);
        self.exchange();
    }
}

impl Wire {
    /// Takes what the writer has written.
    fn take(&mut self, from: &mut End) {
        let bytes = from.take_output();
        if !self.ended {
            self.bytes.extend(bytes);
            self.ended = from.has_ended();
        }
    }
}
