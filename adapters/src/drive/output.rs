//! Sending: how messages are laid, when they are written, and how slow the peer may be.

use std::io::{self, IoSlice};
use std::time::Duration;

use bluewire_core::{
    CloseCode, Connection, Gather, Message, PreparedMessage, Role, SendError, State,
};

use super::arrivals::Arrivals;
use super::driver::{Driver, Purpose};
use super::ending::Loss;
use super::flow::Flow;
use super::intake::Intake;
use super::{CORK_LEN_MAX, GATHER_LEN_MIN};
use crate::error::Error;

/// A message that a program wants to send.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lay<'a> {
    Message(Message<'a>),
    Chunk(Message<'a>, bool),
    Prepared(&'a PreparedMessage),
    Ping(&'a [u8]),
    Close(CloseCode, &'a str),
}

#[cfg(feature = "_asynch")]
impl Lay<'_> {
    /// The bytes that it costs of a task's budget.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Message(message) | Self::Chunk(message, _) => message.len(),
            Self::Prepared(message) => message.payload().len(),
            Self::Ping(_) | Self::Close(..) => 0,
        }
    }
}

/// Whether a count of bytes has reached a mark. A count begins again at 0 after the largest number; a
/// mark is at most half of all numbers away.
const fn has_come(count: u64, mark: u64) -> bool {
    count.wrapping_sub(mark) <= u64::MAX / 2
}

/// How far writing must get for a message to count as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// The condition that a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// The message of the ticket is written.
    Written(Ticket),
    /// At most so many bytes wait.
    Queue(usize),
    /// No Ping or Pong waits: tickets do not count those, since they go ahead of messages.
    Control,
}

/// The bytes that `close_now` dropped: `len` of them, from `from` on. Tickets for them are void
/// forever, and later bytes are counted behind them.
#[derive(Debug)]
pub(super) struct Dropped {
    from: u64,
    len: u64,
}

/// A time in which bytes wait and the peer takes too few.
#[derive(Debug)]
pub(super) struct Stall {
    pub(super) since: Duration,
    /// Bytes taken since.
    taken: u64,
}

impl Stall {
    /// When to look again; `None` if the peer was too slow.
    pub(super) fn judge(&mut self, flow: &Flow, now: Duration) -> Option<Duration> {
        let until = self.since.saturating_add(flow.write_timeout);
        if now < until || flow.write_timeout == Duration::MAX {
            return Some(until);
        }
        if self.taken < flow.progress_min() {
            return None;
        }
        *self = Self { since: now, taken: 0 };
        Some(now.saturating_add(flow.write_timeout))
    }
}

/// Writes a gather as far as `write` takes it at once. The rest goes to the outbox.
pub(super) fn write_gather(
    mut gather: Gather<'_>,
    mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
) -> io::Result<()> {
    while !gather.is_empty() {
        match write(&gather.slices().map(IoSlice::new)) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(len) => gather.sent(len),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Driver {
    /// Queues what the program wants to send. The ticket says when it is written.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection refuses it, and [`Error::Io`] if nothing can be written
    /// any more.
    pub(crate) fn lay(
        &mut self,
        what: Lay<'_>,
        clock: impl Fn() -> Duration,
    ) -> Result<Ticket, Error> {
        self.check_stream()?;
        self.check_told()?;
        if matches!(what, Lay::Close(..)) {
            // Nothing can follow a Close frame.
            self.take_published(&clock);
        }
        let Self { connection, outbox, .. } = self;
        match what {
            Lay::Message(message) => connection.send(message, outbox),
            Lay::Chunk(part, fin) => connection.send_fragment(part, fin, outbox),
            Lay::Prepared(message) => connection.send_prepared(message, outbox),
            Lay::Ping(payload) => connection.ping(payload, outbox),
            Lay::Close(code, reason) => connection.close(clock(), code, reason, outbox),
        }?;
        self.retry_published();
        Ok(self.ticket())
    }

    /// Lays a message, or writes it from where it lies if it is long and nothing waits before it,
    /// as far as `write` takes it at once. `write` gives the bytes taken, and `WouldBlock` if the
    /// stream takes none.
    ///
    /// # Errors
    ///
    /// As [`lay`](Self::lay). A failure of `write` shows when the ticket is waited for.
    pub(crate) fn send_from(
        &mut self,
        message: Message<'_>,
        clock: impl Fn() -> Duration,
        write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> Result<Ticket, Error> {
        if message.len() < GATHER_LEN_MIN || !self.outbox.is_empty() {
            return self.lay(Lay::Message(message), clock);
        }
        self.check_stream()?;
        self.check_told()?;
        let gather = self.connection.send_vectored(message, &mut self.outbox)?;
        let written = write_gather(gather, write);
        let ticket = self.ticket();
        self.end_gather(written, clock);
        Ok(ticket)
    }

    /// Reports how far a gather was written. Whether there is nothing left to write.
    pub(super) fn end_gather(
        &mut self,
        written: io::Result<()>,
        clock: impl Fn() -> Duration,
    ) -> bool {
        match written {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.wrote(0, clock);
                false
            }
            Err(error) => {
                self.write_failed(error, clock());
                true
            }
        }
    }

    /// Refuses what would queue past the bound. One message is always taken.
    pub(crate) fn check_queue(&self) -> Result<(), SendError> {
        let waits = self.outbox.len();
        if waits > 0 && waits >= self.flow().queue_len_max {
            return Err(SendError::OutboxFull);
        }
        Ok(())
    }

    /// Whether so much waits that it is worth a write before more is queued.
    pub(crate) fn should_write_first(&self) -> bool {
        self.outbox.len() >= CORK_LEN_MAX.min(self.flow().queue_len_max.max(1))
    }

    /// The condition that a caller waits for before it queues more: half of the bound.
    pub(crate) fn room_goal(&self) -> Goal {
        Goal::Queue(self.flow().queue_len_max / 2)
    }

    /// The ticket of all that was laid so far.
    pub(crate) fn ticket(&self) -> Ticket {
        let dropped = self.rare.dropped().map_or(0, |dropped| dropped.len);
        Ticket(self.written.wrapping_add(dropped).wrapping_add(self.outbox.data_len() as u64))
    }

    /// Whether the condition that a call waits for is met.
    ///
    /// # Errors
    ///
    /// Once it cannot any more.
    pub(crate) fn is_reached(&mut self, goal: Goal) -> Result<bool, Error> {
        match goal {
            Goal::Written(ticket) if self.is_written(ticket)? && self.is_flushed() => {
                return Ok(true);
            }
            Goal::Queue(len)
                if !self.data_lost
                    && self.outbox.len() <= len
                    && (len > 0 || self.is_flushed()) =>
            {
                return Ok(true);
            }
            Goal::Control
                if !self.is_write_lost()
                    && self.is_flushed()
                    && self.outbox.len() == self.outbox.data_len() =>
            {
                return Ok(true);
            }
            _ => {}
        }
        self.check_stream()?;
        match self.connection.fault() {
            _ if self.rare.closure().is_none() => Ok(false),
            Some(fault) => Err(Error::Fault(fault)),
            None => Err(Error::Send(SendError::NotOpen)),
        }
    }

    fn is_written(&self, Ticket(mut ticket): Ticket) -> Result<bool, Error> {
        if let Some(Dropped { from, len }) = self.rare.dropped()
            && !has_come(*from, ticket)
        {
            if has_come(from.wrapping_add(*len), ticket) {
                return Err(Error::Io(io::ErrorKind::ConnectionAborted.into()));
            }
            ticket = ticket.wrapping_sub(*len);
        }
        Ok(has_come(self.written, ticket))
    }

    /// The bytes to write next. Slices can be empty.
    pub(crate) fn slices(&self) -> [IoSlice<'_>; 3] {
        self.outbox.slices().map(IoSlice::new)
    }

    /// Whether nothing waits to be written.
    #[cfg(test)]
    pub(crate) const fn is_written_out(&self) -> bool {
        self.outbox.is_empty()
    }

    /// The bytes that wait to be written.
    pub(crate) const fn queue_len(&self) -> usize {
        self.outbox.len()
    }

    /// The bytes that wait to be written, Pings and Pongs left out.
    pub(crate) const fn queued_data_len(&self) -> usize {
        self.outbox.data_len()
    }

    /// Writes what waits, as far as `write` takes it at once: it gives the bytes taken, and
    /// `WouldBlock` if the stream takes none. Whether nothing is left.
    pub(crate) fn write_out(
        &mut self,
        clock: impl Fn() -> Duration,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> bool {
        if self.is_write_lost() {
            // Frames queued since, such as the Close frame of a fault, would follow half a frame.
            self.drop_outbox();
        }
        loop {
            self.take_published(&clock);
            if self.outbox.is_empty() {
                return true;
            }
            match write(&self.slices()) {
                Ok(0) => self.write_failed(io::ErrorKind::WriteZero.into(), clock()),
                Ok(len) => {
                    self.wrote(len, &clock);
                    self.retry_published();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wrote(0, &clock);
                    return false;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.write_failed(error, clock()),
            }
        }
    }

    const fn is_flushed(&self) -> bool {
        !self.unflushed && !self.flush_lost
    }

    /// Reports what came of asking the stream to let go of the bytes that it has taken. While it
    /// would block, that counts as bytes that wait.
    #[cfg(feature = "_asynch")]
    pub(crate) fn report_flush(&mut self, result: io::Result<()>, clock: impl Fn() -> Duration) {
        self.unflushed = result.is_err();
        match result {
            Ok(()) if self.outbox.is_empty() => self.rare.end_stall(),
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let stall = &mut self.rare.make().stall;
                stall.get_or_insert_with(|| Stall { since: clock(), taken: 0 });
            }
            Err(error) => self.write_failed(error, clock()),
        }
    }

    /// Whether what the ticket is for is written.
    pub(crate) fn is_sent(&self, ticket: Ticket) -> bool {
        matches!(self.is_written(ticket), Ok(true))
    }

    /// Reports that so many bytes were written; 0 if the stream would block.
    #[inline]
    pub(crate) fn wrote(&mut self, len: usize, clock: impl Fn() -> Duration) {
        let data_len = self.outbox.data_len();
        self.outbox.sent(len);
        let written = data_len.saturating_sub(self.outbox.data_len()) as u64;
        self.written = self.written.wrapping_add(written);
        if self.outbox.is_empty() {
            self.rare.end_stall();
        } else if let Some(stall) = self.rare.stall() {
            stall.taken = stall.taken.saturating_add(len as u64);
        } else if len == 0 {
            self.rare.make().stall = Some(Stall { since: clock(), taken: 0 });
        }
    }

    /// Reports that writing has failed. Bytes that have arrived can still be read.
    pub(crate) fn write_failed(&mut self, error: io::Error, now: Duration) {
        Loss::of_write(&mut self.rare.make().loss, error, now);
        self.drop_outbox();
    }

    /// Whether what a caller with this intake has laid should leave now. Otherwise it leaves with the
    /// answer to a frame that has arrived already.
    #[inline]
    pub(crate) fn should_write(&self, intake: &Intake<'_>) -> bool {
        let corked = match intake {
            Intake::Aside(_) => self.lent_corked,
            // A caller that discards messages, or does not read, answers none.
            Intake::Arrivals(arrivals, Purpose::Attend) => self.is_corked(arrivals),
            _ => false,
        };
        !corked || self.outbox.len() >= CORK_LEN_MAX
    }

    /// A program that has received nothing yet answers nothing.
    fn is_corked(&self, arrivals: &Arrivals) -> bool {
        arrivals.has_lent
            && self.flow().cork
            && (arrivals.has_held() || self.connection.has_frame(&arrivals.inbox))
    }

    /// Starts the closing handshake behind all that was sent or published, unless it has begun.
    ///
    /// # Errors
    ///
    /// If the code or the reason is invalid, which changes nothing.
    pub(crate) fn begin_close(
        &mut self,
        code: CloseCode,
        reason: &str,
        now: Duration,
    ) -> Result<(), SendError> {
        match self.connection.state() {
            State::Open => {
                self.take_published(&|| now);
                self.connection.close(now, code, reason, &mut self.outbox)
            }
            _ => Connection::check_close(code, reason),
        }
    }

    /// The same at the next border between frames: what has not begun to leave is dropped.
    ///
    /// # Errors
    ///
    /// As [`begin_close`](Self::begin_close).
    pub(crate) fn begin_close_now(
        &mut self,
        code: CloseCode,
        reason: &str,
        now: Duration,
    ) -> Result<(), SendError> {
        if self.connection.state() != State::Open {
            return Connection::check_close(code, reason);
        }
        let end = self.written.wrapping_add(self.outbox.data_len() as u64);
        self.connection.close_now(now, code, reason, &mut self.outbox)?;
        // Only the frame that has begun to leave remains before the Close frame.
        let kept = self.outbox.data_len().saturating_sub(self.close_frame_len(reason));
        let from = self.written.wrapping_add(kept as u64);
        self.rare.make().dropped = Some(Dropped { from, len: end.wrapping_sub(from) });
        Ok(())
    }

    /// The length of the Close frame that was just laid behind everything else.
    const fn close_frame_len(&self, reason: &str) -> usize {
        // A header of two bytes, the masking key of a client, and a code of two bytes.
        let before_reason = match self.connection.role() {
            Role::Client => 8,
            Role::Server => 4,
        };
        reason.len().saturating_add(before_reason)
    }
}
