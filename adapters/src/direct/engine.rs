//! A connection that one thread or task uses, without its stream.

use std::io;
use std::time::Duration;

use bluewire_core::{CloseCode, Closure, Connection, Inbox, Outbox, Ready, SendError, State};

use super::flow::Flow;
use super::held::{Held, deliver};
use super::{CORK_LEN_MAX, LOOK_INTERVAL};
use crate::clock::Clock;
use crate::connect::{Established, Opened};
use crate::error::Error;
use crate::server::{Ties, heed};

/// A thread that waits in a server looks this often whether the server shuts down. Half a second
/// is soon enough for that, and costs a thousand idle threads about a hundredth of a core.
#[cfg(feature = "blocking")]
const HEED_INTERVAL: Duration = Duration::from_millis(500);

/// The state behind a `WebSocket`.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) clock: Clock,
    pub(crate) connection: Connection,
    pub(crate) inbox: Inbox,
    /// When bytes last came, which is the time of all that is in the inbox.
    pub(crate) arrived: Duration,
    pub(crate) outbox: Outbox,
    pub(crate) held: Held,
    pub(crate) flow: Flow,
    pub(crate) established: Established,
    pub(crate) ties: Ties,
    pub(crate) shut_down: bool,
    pub(crate) end_told: bool,
    /// When arrivals were last looked at, in milliseconds that begin anew after 49 days.
    looked: u32,
}

/// What there is to do for a program that wants a message.
#[derive(Debug)]
pub(crate) enum Next {
    /// [`deliver`] it: a held message, or an event.
    Deliver(Option<Ready>),
    /// Ask again, and write what was laid in answer, as far as that is possible at once, before
    /// a message is delivered.
    Answer,
    /// Nothing more will come.
    End,
    /// Read.
    Wait,
}

impl Engine {
    pub(crate) fn new(opened: Opened) -> Self {
        let Opened { clock, connection, inbox, outbox, established, ties } = opened;
        Self {
            clock,
            connection,
            inbox,
            arrived: clock.now(),
            outbox,
            held: Held::default(),
            flow: Flow::default(),
            established,
            ties,
            shut_down: false,
            end_told: false,
            looked: 0,
        }
    }

    /// What it was made of, without what it held.
    pub(crate) fn into_opened(self) -> Opened {
        let Self { clock, connection, inbox, outbox, established, ties, .. } = self;
        Opened { clock, connection, inbox, outbox, established, ties }
    }

    /// Notes that bytes were read into the inbox's space.
    pub(crate) fn received(&mut self, len: usize) {
        self.inbox.filled(len);
        self.arrived = self.clock.now();
    }

    pub(crate) fn next(&mut self) -> Next {
        if !self.held.is_empty() {
            return Next::Deliver(None);
        }
        match self.connection.poll_event(self.arrived, &mut self.inbox) {
            Some(ready) if ready.is_data() => Next::Deliver(Some(ready)),
            Some(ready) => {
                // A Close frame that was left in the inbox for long begins the closing now.
                let now = self.clock.now();
                self.connection.take_event(ready, now, &mut self.inbox, &mut self.outbox);
                Next::Answer
            }
            None if self.connection.state() == State::Closed => {
                self.heed();
                Next::End
            }
            None => Next::Wait,
        }
    }

    /// Takes what has arrived without a program that receives it: answers, and holds messages as
    /// far as the bound goes. Whether more may be read.
    pub(crate) fn hold(&mut self) -> bool {
        self.looked = self.milliseconds();
        while self.held.len() < self.flow.held_len_max {
            let now = self.clock.now();
            let Some(ready) = self.connection.poll_event(now, &mut self.inbox) else {
                return self.connection.state() != State::Closed;
            };
            let Self { connection, inbox, outbox, held, .. } = self;
            if !ready.is_data() {
                connection.take_event(ready, now, inbox, outbox);
            } else if let Some((message, fin)) =
                deliver(Some(ready), now, &mut Held::default(), connection, inbox, outbox)
            {
                held.push(message, fin);
            }
        }
        false
    }

    /// Whether a program that only sends should look at what has arrived.
    pub(crate) fn should_look(&self) -> bool {
        let since = self.milliseconds().wrapping_sub(self.looked);
        u128::from(since) >= LOOK_INTERVAL.as_millis()
    }

    #[expect(clippy::cast_possible_truncation, reason = "only differences count")]
    fn milliseconds(&self) -> u32 {
        self.clock.now().as_millis() as u32
    }

    /// Whether what is sent now waits for the answer to another frame that is there already.
    pub(crate) fn is_corked(&self) -> bool {
        self.flow.cork && (!self.held.is_empty() || self.connection.has_frame(&self.inbox))
    }

    /// Whether what waits should be written.
    pub(crate) fn should_write(&self) -> bool {
        self.outbox.len() >= CORK_LEN_MAX || !self.is_corked()
    }

    /// Refuses what would queue past the bound.
    pub(crate) const fn check_queue(&self) -> Result<(), SendError> {
        if self.outbox.len() >= self.flow.queue_len_max {
            return Err(SendError::OutboxFull);
        }
        Ok(())
    }

    /// Begins the closing handshake, unless it has begun.
    pub(crate) fn begin_close(&mut self, code: CloseCode, reason: &str) -> Result<(), SendError> {
        match self.connection.state() {
            State::Open => self.connection.close(self.clock.now(), code, reason, &mut self.outbox),
            _ => Connection::check_close(code, reason),
        }
    }

    /// The same at the next border between frames.
    pub(crate) fn begin_close_now(
        &mut self,
        code: CloseCode,
        reason: &str,
    ) -> Result<(), SendError> {
        match self.connection.state() {
            State::Open => {
                self.connection.close_now(self.clock.now(), code, reason, &mut self.outbox)
            }
            _ => Connection::check_close(code, reason),
        }
    }

    /// Drops what has arrived, up to the end. The closure, if that is reached.
    pub(crate) fn discard(&mut self) -> Option<Closure> {
        self.held = Held::default();
        loop {
            if let Some(closure) = self.connection.closure().cloned() {
                self.end_told = true;
                self.heed();
                return Some(closure);
            }
            let now = self.clock.now();
            if self.connection.next_event(now, &mut self.inbox, &mut self.outbox).is_none()
                && self.connection.state() != State::Closed
            {
                return None;
            }
        }
    }

    /// Ends it as if the transport had, for a caller who has waited long enough.
    pub(crate) fn give_up(&mut self) {
        self.outbox = Outbox::new();
        self.connection.receive_eof();
    }

    /// How the end is told: once an error, if it was not in order.
    pub(crate) fn tell_end(&mut self) -> Result<(), Error> {
        let told = std::mem::replace(&mut self.end_told, true);
        match self.connection.fault() {
            Some(fault) if !told => Err(Error::Fault(fault)),
            _ => Ok(()),
        }
    }

    /// Ends the connection for a failure of the stream. Once both Close frames have crossed, how
    /// the stream ends does not matter.
    pub(crate) fn lose(&mut self, error: io::Error) -> Result<(), Error> {
        let was_open = self.connection.state() == State::Open;
        self.connection.receive_eof();
        if was_open {
            self.end_told = true;
            return Err(error.into());
        }
        Ok(())
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

    /// How long a wait of this length may be without a look at what the server says.
    #[cfg(feature = "blocking")]
    pub(crate) fn cap(&self, left: Option<Duration>) -> Option<Duration> {
        match &self.ties.place {
            None => left,
            Some(_) => Some(left.map_or(HEED_INTERVAL, |left| left.min(HEED_INTERVAL))),
        }
    }

    pub(crate) fn is_due(&self) -> bool {
        self.connection.poll_timeout().is_some_and(|deadline| deadline <= self.clock.now())
    }

    pub(crate) fn expire(&mut self) {
        self.connection.handle_timeout(self.clock.now(), &mut self.outbox);
    }
}
