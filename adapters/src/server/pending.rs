//! A client's request that waits for its answer, without the stream that it came by.

use std::net::IpAddr;
use std::sync::Arc;

use bluewire_core::{HttpAnswer, Outbox, RequestHead};

use super::making_room::HandshakeSlot;
use super::options::ServerOptions;
use super::slot::Slot;
use crate::open::error::AcceptError;
use crate::open::request::{Accepting, Asked, Heard, Opened, decline, turn_away};

/// A request that waits for its answer, with its slot and the options that apply to it.
pub(crate) struct Pending<T> {
    pub(crate) request: T,
    slot: Slot,
    options: Arc<ServerOptions>,
    /// Whether the options have decided.
    decided: bool,
}

/// A request that does not ask for a WebSocket.
#[derive(Debug)]
pub(crate) struct PlainRequest {
    pub(crate) head: RequestHead,
    /// The bytes that followed the head.
    leftover: Vec<u8>,
}

/// The state of a client's request.
pub(crate) enum Progress {
    /// It takes another read.
    More(Accepting),
    Upgrade(Pending<Asked>),
    Plain(Pending<PlainRequest>),
}

/// An answer to write, after which the connection ends.
pub(crate) struct Answer {
    pub(crate) outbox: Outbox,
    slot: Slot,
}

impl Answer {
    /// Reports that the answer was written.
    pub(crate) fn was_written(&mut self) {
        self.slot.settle(true);
    }
}

/// Goes on with an opening handshake. Once the request has arrived, it gets a slot in place of the
/// handshake's.
///
/// # Errors
///
/// With the answer to write.
pub(crate) fn hear(
    accepting: Accepting,
    options: &Arc<ServerOptions>,
    handshake: &HandshakeSlot,
    address: Option<IpAddr>,
) -> Result<Progress, (AcceptError, Outbox)> {
    match accepting.hear(&options.accept)? {
        Heard::More(accepting) => Ok(Progress::More(accepting)),
        Heard::Upgrade(request) => match handshake.admit(address) {
            Some(slot) => Ok(Progress::Upgrade(Pending::new(request, slot, options))),
            None => Err(turn_away(request.offer.head().clone())),
        },
        Heard::Plain(head, inbox) => match handshake.admit(address) {
            Some(slot) => {
                let request = PlainRequest { head, leftover: inbox.unparsed().to_vec() };
                Ok(Progress::Plain(Pending::new(request, slot, options)))
            }
            None => Err(turn_away(head)),
        },
    }
}

impl<T> Pending<T> {
    fn new(request: T, slot: Slot, options: &Arc<ServerOptions>) -> Self {
        Self { request, slot, options: Arc::clone(options), decided: false }
    }

    #[cfg(feature = "_asynch")]
    pub(crate) const fn slot(&self) -> &Slot {
        &self.slot
    }
}

impl Pending<Asked> {
    /// Decides by [`ServerOptions::on_offer`], once.
    ///
    /// # Errors
    ///
    /// With the answer to write, if that refuses it.
    pub(crate) fn decide(mut self) -> Result<Self, (AcceptError, Answer)> {
        let decide = self.options.on_offer.clone().filter(|_| !self.decided);
        let Some(decide) = decide else { return Ok(self) };
        self.decided = true;
        match decide(&mut self.request.offer) {
            Ok(()) => Ok(self),
            Err(answer) => {
                let head = self.request.offer.head().clone();
                Err((AcceptError::Refused(head, answer.status()), self.reject(&answer)))
            }
        }
    }

    /// Whether there is nothing to decide, which could take a while.
    #[cfg(feature = "blocking")]
    pub(crate) fn is_decided(&self) -> bool {
        self.decided || self.options.on_offer.is_none()
    }

    pub(crate) fn accept(self) -> (Opened, Slot) {
        (self.request.open(), self.slot)
    }

    pub(crate) fn reject(self, answer: &HttpAnswer) -> Answer {
        Answer { outbox: self.request.reject(answer), slot: self.slot }
    }
}

impl Pending<PlainRequest> {
    /// Answers by [`ServerOptions::on_request`].
    pub(crate) fn respond(self) -> (AcceptError, Answer) {
        match self.options.on_request.clone() {
            Some(answer) => {
                let error = AcceptError::NotWebSocket(self.request.head.clone());
                let answer = answer(&self.request.head);
                (error, self.answer(&answer))
            }
            None => {
                let (error, outbox) = decline(self.request.head);
                (error, Answer { outbox, slot: self.slot })
            }
        }
    }

    pub(crate) fn answer(self, answer: &HttpAnswer) -> Answer {
        let mut outbox = Outbox::new();
        answer.lay(&self.request.head, &mut outbox);
        Answer { outbox, slot: self.slot }
    }

    /// The head and what followed it. The connection is not the server's any more.
    pub(crate) fn into_parts(mut self) -> (RequestHead, Vec<u8>) {
        self.slot.settle(true);
        (self.request.head, self.request.leftover)
    }
}
