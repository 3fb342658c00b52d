//! The opening handshake from the client's side, whose HTTP another library speaks.

use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{HandshakeError, HttpHandshake, MaskingKeys, Refusal, ResponseHead};

use super::{Opened, Request};
use crate::clock::Clock;
use crate::open::error::ConnectError;
use crate::open::plan::Budget;
use crate::trace::Id;

/// The opening handshake from the client's side, whose request and response an HTTP library
/// carries.
#[derive(Debug)]
pub(crate) struct Carried {
    clock: Clock,
    pub(crate) id: Id,
    pub(crate) handshake: HttpHandshake,
    keys: MaskingKeys,
    /// By this clock.
    pub(crate) budget: Budget,
    pub(crate) body_len_max: usize,
}

impl Carried {
    pub(crate) fn start(request: &Request, is_http2: bool, clock: Clock) -> Self {
        let mut keys = MaskingKeys::from_system();
        let config = Arc::clone(&request.config);
        let body_len_max = config.limits.body_len_max;
        let asked = &request.client_request;
        let handshake = match is_http2 {
            true => HttpHandshake::http2(asked, config),
            false => HttpHandshake::http1(asked, keys.nonce(), config),
        };
        let budget = request.timeouts.of_handshake_alone();
        Self { clock, id: request.id, handshake, keys, budget, body_len_max }
    }

    /// How long the rest may take; `None` if there is no limit.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let until = self.budget.until;
        (until != Duration::MAX).then(|| until.saturating_sub(self.clock.now()))
    }

    /// The connection, if the response agrees.
    ///
    /// # Errors
    ///
    /// If not; with the head if there is a body to read.
    pub(crate) fn open(self, head: ResponseHead) -> Result<Opened, (ConnectError, ResponseHead)> {
        let Self { clock, id, handshake, keys, .. } = self;
        match handshake.judge(head.clone()) {
            Ok(response) => Ok(Opened::by(response, keys, clock, id)),
            Err(error) => Err((ConnectError::Handshake(error), head)),
        }
    }

    /// The error that a refusal with this body is.
    pub(crate) fn refused(
        error: ConnectError,
        head: ResponseHead,
        body: &[u8],
        is_complete: bool,
    ) -> ConnectError {
        match error {
            ConnectError::Handshake(HandshakeError::Refused { .. }) => {
                ConnectError::Refused(Box::new(Refusal::of_parts(head, body, is_complete)))
            }
            error => error,
        }
    }
}
