//! The opening handshake from the client's side.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{ClientHandshake, HandshakeError, Inbox, MaskingKeys, Outbox};

use super::{Opened, Progress, Request};
use crate::clock::Clock;
use crate::error::is_passing;
use crate::open::error::ConnectError;
use crate::open::plan::Budget;
use crate::server::LINGER;
use crate::trace::Id;

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
    /// The error of a write that has failed.
    lost: Option<io::Error>,
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Outbox,
}

impl Opening {
    /// Over a stream that somebody else has connected.
    pub(crate) fn start(request: &Request, clock: Clock) -> Self {
        let budget = request.timeouts.of_handshake_alone();
        Self::within(request, budget, Duration::ZERO, clock)
    }

    /// As a step of a plan, whose budget it has, by whose clock it is `now`.
    pub(crate) fn within(request: &Request, budget: Budget, now: Duration, clock: Clock) -> Self {
        // A limit of unlimited time is the same by any clock.
        let until = match budget.until {
            Duration::MAX => Duration::MAX,
            until => until.saturating_sub(now),
        };
        let budget = Budget { until, ..budget };
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
        Self { clock, id: request.id, handshake, keys, budget, lost: None, inbox, outbox }
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
                let Self { clock, id, keys, inbox, outbox, .. } = self;
                let opened = Opened::by(response, keys, clock, id);
                Ok(Progress::Done(Opened { inbox, outbox, ..opened }))
            }
            Err(error) => Err(match self.handshake.into_refusal() {
                Some(refusal) => ConnectError::Refused(Box::new(refusal)),
                None => match self.lost {
                    Some(lost) => ConnectError::of_stream(lost),
                    None if error == HandshakeError::TimedOut => self.budget.error(),
                    None => ConnectError::Handshake(error),
                },
            }),
        }
    }

    /// How long the next wait may take, to read or to write; `None` if there is no limit.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let deadline =
            self.handshake.poll_timeout().unwrap_or(Duration::MAX).min(self.budget.until);
        (deadline != Duration::MAX).then(|| deadline.saturating_sub(self.clock.now()))
    }

    /// Takes what a read into the inbox gave. One that found nothing to do now changes nothing.
    ///
    /// # Errors
    ///
    /// If it failed: the first failure of the stream.
    pub(crate) fn received(mut self, read: io::Result<usize>) -> Result<Self, ConnectError> {
        match read {
            Ok(0) => self.handshake.receive_eof(),
            Ok(len) => self.inbox.filled(len),
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(ConnectError::of_stream(self.lost.unwrap_or(error))),
        }
        Ok(self)
    }

    /// Reports that the request cannot be written. A server that refuses a request need not read
    /// all of it, so its answer may still arrive, within [`LINGER`]: a server that does not even know
    /// of the request says nothing.
    pub(crate) fn write_failed(&mut self, error: io::Error) {
        self.outbox = Outbox::new();
        self.lost = Some(error);
        self.budget.until = self.budget.until.min(self.clock.now().saturating_add(LINGER));
    }
}
