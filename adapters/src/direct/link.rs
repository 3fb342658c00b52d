//! What a reader and its writers share, without their stream.

use std::io;

use bluewire_core::{
    CloseCode, Closure, Connection, Inbox, Message, Outbox, PreparedMessage, SendError,
};

use super::CORK_LEN_MAX;
use super::flow::Flow;
use crate::clock::Clock;
use crate::error::Error;
use crate::server::{Ties, heed};

/// The state that is behind the lock of a connection that was split. It is locked to compute, not
/// while reading or writing: bytes to write are taken out of it by [`take_piece`](Self::take_piece)
/// and written without it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) clock: Clock,
    pub(crate) connection: Connection,
    outbox: Outbox,
    pub(crate) flow: Flow,
    pub(crate) ties: Ties,
    /// Bytes of data frames ever taken out of the outbox.
    taken: u64,
    /// Bytes of those that are written.
    written: u64,
    /// Why nothing can be written any more.
    failure: Option<io::ErrorKind>,
}

/// How far writing must have come for a message to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// What a writer wants to lay.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lay<'a> {
    Message(Message<'a>),
    Chunk(Message<'a>, bool),
    Prepared(&'a PreparedMessage),
    Ping(&'a [u8]),
    Close(CloseCode, &'a str),
    CloseNow(CloseCode, &'a str),
}

impl Link {
    pub(crate) const fn new(
        clock: Clock,
        connection: Connection,
        outbox: Outbox,
        flow: Flow,
        ties: Ties,
    ) -> Self {
        Self { clock, connection, outbox, flow, ties, taken: 0, written: 0, failure: None }
    }

    /// Lays it. The ticket tells when it is written.
    pub(crate) fn lay(&mut self, what: Lay<'_>) -> Result<Ticket, Error> {
        if let Some(kind) = self.failure {
            return Err(Error::Io(kind.into()));
        }
        let Self { clock, connection, outbox, .. } = self;
        match what {
            Lay::Message(message) => connection.send(message, outbox),
            Lay::Chunk(part, fin) => connection.send_fragment(part, fin, outbox),
            Lay::Prepared(message) => connection.send_prepared(message, outbox),
            Lay::Ping(payload) => connection.ping(payload, outbox),
            Lay::Close(code, reason) => connection.close(clock.now(), code, reason, outbox),
            Lay::CloseNow(code, reason) => connection.close_now(clock.now(), code, reason, outbox),
        }?;
        Ok(self.ticket())
    }

    /// The ticket of all that was laid so far.
    pub(crate) const fn ticket(&self) -> Ticket {
        Ticket(self.taken + self.outbox.data_len() as u64)
    }

    /// Refuses what would queue past the bound.
    pub(crate) const fn check_queue(&self) -> Result<(), SendError> {
        if self.outbox.len() >= self.flow.queue_len_max {
            return Err(SendError::OutboxFull);
        }
        Ok(())
    }

    pub(crate) const fn queue_len(&self) -> usize {
        self.outbox.len()
    }

    /// Whether all up to the ticket is written; an error once that cannot be any more.
    pub(crate) fn is_written(&self, ticket: Ticket) -> Result<bool, Error> {
        match self.failure {
            _ if self.written >= ticket.0 => Ok(true),
            Some(kind) => Err(Error::Io(kind.into())),
            None => Ok(false),
        }
    }

    /// Takes bytes to write next into `piece`, which is empty: whether there are any.
    pub(crate) fn take_piece(&mut self, piece: &mut Vec<u8>) -> bool {
        let data_len = self.outbox.data_len();
        for slice in self.outbox.slices() {
            let len = slice.len().min(CORK_LEN_MAX - piece.len());
            piece.extend_from_slice(&slice[..len]);
        }
        self.outbox.sent(piece.len());
        self.taken += (data_len - self.outbox.data_len()) as u64;
        !piece.is_empty()
    }

    /// Notes that the transport takes nothing of the piece taken last, nor of what waits behind
    /// it: an answer to a Ping that is left gives way to the next.
    pub(crate) fn piece_left(&mut self) {
        self.outbox.sent(0);
    }

    /// Notes that the piece taken last is written.
    pub(crate) const fn piece_written(&mut self) {
        self.written = self.taken;
    }

    /// Bytes written so far: how a wait for a peer that reads slowly shows progress.
    #[cfg(feature = "smol")]
    pub(crate) const fn progress(&self) -> u64 {
        self.written
    }

    /// Whether nothing is left to take.
    pub(crate) const fn is_empty(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Notes that writing has failed. What has arrived can still be read.
    pub(crate) fn fail_writing(&mut self, kind: io::ErrorKind) {
        self.failure = Some(kind);
        self.outbox = Outbox::new();
    }

    /// The connection and the outbox, to take events with.
    pub(crate) const fn parts(&mut self) -> (&mut Connection, &mut Outbox) {
        (&mut self.connection, &mut self.outbox)
    }

    /// Does what the server says, if the connection is one's and there is something new, and
    /// tells it of the end. Whether the connection was cut just now.
    pub(crate) fn heed(&mut self) -> bool {
        heed(&mut self.ties, self.clock, &mut self.connection, &mut self.outbox)
    }

    /// Lets the task be woken when the server has something new to say.
    #[cfg(feature = "smol")]
    pub(crate) fn listen(&self, waker: &std::task::Waker) {
        if let Some(place) = &self.ties.place {
            place.listen(waker);
        }
    }

    pub(crate) fn is_due(&self) -> bool {
        self.connection.poll_timeout().is_some_and(|deadline| deadline <= self.clock.now())
    }

    pub(crate) fn expire(&mut self) {
        self.connection.handle_timeout(self.clock.now(), &mut self.outbox);
        if self.failure.is_some() {
            self.outbox = Outbox::new();
        }
    }

    /// Ends the connection as if the transport had, whatever has arrived.
    pub(crate) fn conclude(&mut self) {
        self.connection.receive_eof();
        let now = self.clock.now();
        while self.connection.poll_event(now, &mut Inbox::default()).is_some() {}
    }

    pub(crate) fn closure(&self) -> Option<Closure> {
        self.connection.closure().cloned()
    }
}
