//! A client in its opening handshake, which reads and writes what it can without waiting.

use std::io;
use std::net::{IpAddr, Shutdown};
use std::sync::Arc;
use std::time::Instant;

use bluewire_core::Outbox;

use super::incoming::{Incoming, Plain, Upgrade};
use super::net_stream::{NetStream, WaitWithPipe};
use super::transport::{Readiness, Transport, write_some};
use crate::error::is_passing;
use crate::open::request::Accepting;
use crate::server::{HandshakeSlot, LINGER, Progress, ServerOptions, hear};

/// A client whose request has not come yet.
pub(super) struct Client {
    pub(super) stream: NetStream,
    pub(super) address: Option<IpAddr>,
    pub(super) slot: HandshakeSlot,
    pub(super) stage: Stage,
    pub(super) deadline: Option<Instant>,
    /// The readiness that the poller waits for; none if it does not know the client.
    pub(super) interest: Readiness,
}

pub(super) enum Stage {
    /// The request is on its way.
    Reading(Accepting),
    /// It was refused, and the client is to read why.
    Refused { outbox: Outbox, shut_down: bool },
}

/// The result of one look at a client.
#[expect(clippy::large_enum_variant, reason = "most clients stay, and go back to where they were")]
pub(super) enum Look {
    Stays(Client),
    Asks(Incoming),
    Gone,
}

impl Client {
    pub(super) fn interest(&self) -> Readiness {
        let writes = match &self.stage {
            Stage::Refused { outbox, .. } if !outbox.is_empty() => true,
            _ => self.stream.has_unsent(),
        };
        if writes { Readiness::WRITE } else { Readiness::READ }
    }

    /// Reads and goes on, without a step of a TLS handshake.
    pub(super) fn look(mut self, options: &Arc<ServerOptions>) -> Look {
        let read = match self.is_securing() {
            true => Err(io::ErrorKind::WouldBlock.into()),
            false => self.read(),
        };
        self.judge(read, options)
    }

    /// Whether the next step is one of a TLS handshake, which costs processor time.
    pub(super) fn is_securing(&self) -> bool {
        matches!(self.stage, Stage::Reading(_)) && self.stream.is_handshaking()
    }

    /// Whether its time is over.
    pub(super) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    /// Reads what is there. Within a TLS handshake this computes its next step.
    pub(super) fn read(&mut self) -> io::Result<usize> {
        match &mut self.stage {
            Stage::Reading(accepting) => self.stream.try_read(accepting.inbox.space()),
            Stage::Refused { .. } => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Goes on with the result of a read, and with bytes that were deciphered before: no event
    /// reports those.
    pub(super) fn judge(
        mut self,
        mut read: io::Result<usize>,
        options: &Arc<ServerOptions>,
    ) -> Look {
        loop {
            self = match self.judge_once(read, options) {
                Look::Stays(client) if client.stream.has_incoming() && !client.is_securing() => {
                    client
                }
                look => return look,
            };
            read = self.read();
        }
    }

    fn judge_once(self, read: io::Result<usize>, options: &Arc<ServerOptions>) -> Look {
        let mut accepting = match self.stage {
            Stage::Reading(accepting) => accepting,
            stage @ Stage::Refused { .. } => return Self { stage, ..self }.linger(),
        };
        if let Err(error) = accepting.received(read) {
            options.tell_refused(&error);
            return Look::Gone;
        }
        match hear(accepting, options, &self.slot, self.address) {
            Ok(Progress::More(accepting)) => {
                Look::Stays(Self { stage: Stage::Reading(accepting), ..self })
            }
            Ok(Progress::Upgrade(pending)) => {
                Look::Asks(Incoming::Upgrade(Upgrade::new(self.stream, pending)))
            }
            Ok(Progress::Plain(pending)) => {
                Look::Asks(Incoming::Plain(Plain::new(self.stream, pending)))
            }
            Err((error, outbox)) => {
                options.tell_refused(&error);
                self.slot.heard();
                let deadline = Instant::now().checked_add(LINGER);
                let stage = Stage::Refused { outbox, shut_down: false };
                Self { stage, deadline, ..self }.linger()
            }
        }
    }

    /// Writes the answer that refuses a request, and reads what the client still sends: a stream
    /// that is dropped with unread input may take the answer with it.
    fn linger(mut self) -> Look {
        let late = self.is_late();
        let Stage::Refused { outbox, shut_down } = &mut self.stage else { return Look::Gone };
        if late {
            return Look::Gone;
        }
        let written = match write_some(&self.stream, outbox) {
            Ok(true) if !std::mem::replace(shut_down, true) => {
                self.stream.shut_down(Shutdown::Write)
            }
            written => written.map(drop),
        };
        match written.and_then(|()| self.stream.try_read(&mut [0; 4096])) {
            Ok(0) => Look::Gone,
            Err(error) if !is_passing(&error) => Look::Gone,
            _ => Look::Stays(self),
        }
    }
}
