//! What the reader and the writers of one blocking connection share, and who writes when.
//!
//! The lock is held to compute. The half that writes lies behind it when nobody writes; who has
//! bytes to write takes it out, and writes without the lock, piece by piece, also what others have
//! laid meanwhile. A writer leaves once its own bytes are written, if another one waits, who goes
//! on; the last one leaves when nothing is left. So what was laid while somebody wrote is always
//! written by somebody.

use std::io::{self, IoSlice};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bluewire_core::{Closure, Inbox, State};

use super::pump::{try_write_some, write_some};
use super::reader::Reader;
use super::stream::{SplitTransport, Transport};
use super::writer::Writer;
use crate::clock::Clock;
use crate::connect::Established;
use crate::direct::{Engine, Held, Link, Ticket};
use crate::error::Error;

pub(super) struct Shared<H> {
    state: Mutex<Guarded<H>>,
    /// Tells that bytes were written, that the half that writes is back, or that all is over.
    changed: Condvar,
    pub(super) established: Established,
}

pub(super) struct Guarded<H> {
    pub(super) link: Link,
    /// Nobody writes if it is here.
    writing: Option<WriteSide<H>>,
    /// Threads that wait until their bytes are written.
    waiting: usize,
    /// What the reader left, for whoever waits for the end.
    pub(super) parked: Option<ReadSide<H>>,
}

/// What whoever reads has to itself.
#[derive(Debug)]
pub(super) struct ReadSide<H> {
    pub(super) half: H,
    pub(super) clock: Clock,
    pub(super) inbox: Inbox,
    /// When bytes last came, which is the time of all that is in the inbox.
    pub(super) arrived: Duration,
    pub(super) held: Held,
    /// What the half's read timeout was last set to.
    pub(super) read_timeout: Option<Duration>,
    pub(super) end_told: bool,
    /// When a writer last looked at arrivals in the reader's place.
    pub(super) looked: Instant,
}

struct WriteSide<H> {
    half: H,
    /// Bytes taken out of the link and not written yet, from `start` on.
    piece: Vec<u8>,
    start: usize,
    shut_down: bool,
}

pub(super) fn split<S: SplitTransport>(
    stream: S,
    engine: Engine,
) -> io::Result<(Reader<S>, Writer<S>)> {
    let (read_half, write_half) = stream.split()?;
    let Engine {
        clock,
        connection,
        inbox,
        arrived,
        outbox,
        held,
        flow,
        established,
        ties,
        end_told,
        ..
    } = engine;
    let state = Guarded {
        link: Link::new(clock, connection, outbox, flow, ties),
        writing: Some(WriteSide {
            half: write_half,
            piece: Vec::new(),
            start: 0,
            shut_down: engine.shut_down,
        }),
        waiting: 0,
        parked: None,
    };
    let shared =
        Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), established });
    let side = ReadSide {
        half: read_half,
        clock,
        inbox,
        arrived,
        held,
        read_timeout: None,
        end_told,
        looked: Instant::now(),
    };
    Ok((Reader::new(Arc::clone(&shared), side), Writer::new(shared)))
}

impl<H: Transport> Shared<H> {
    pub(super) fn lock(&self) -> MutexGuard<'_, Guarded<H>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what was laid up to the ticket, or waits until another thread has.
    pub(super) fn write_out<'a>(
        &'a self,
        mut state: MutexGuard<'a, Guarded<H>>,
        ticket: Ticket,
    ) -> Result<(), Error> {
        loop {
            let written = state.link.is_written(ticket)?;
            if let Some(side) = state.writing.take() {
                state = self.write_pieces(state, side, ticket);
            } else if written {
                return Ok(());
            } else {
                state = self.wait(state, None);
                continue;
            }
            if state.link.is_written(ticket)? {
                return Ok(());
            }
        }
    }

    /// Writes until nothing is left, or until the ticket is reached and others wait.
    fn write_pieces<'a>(
        &'a self,
        mut state: MutexGuard<'a, Guarded<H>>,
        mut side: WriteSide<H>,
        ticket: Ticket,
    ) -> MutexGuard<'a, Guarded<H>> {
        let timeout = state.link.flow.write_timeout;
        loop {
            if side.piece.is_empty() && !state.link.take_piece(&mut side.piece) {
                break;
            }
            drop(state);
            let result = side.write_piece(timeout);
            state = self.lock();
            match result {
                Ok(()) => state.link.piece_written(),
                Err(error) => {
                    state.link.fail_writing(error.kind());
                    side.forget_piece();
                    break;
                }
            }
            if state.waiting > 0 {
                self.changed.notify_all();
                if matches!(state.link.is_written(ticket), Ok(true)) {
                    break;
                }
            }
        }
        state.put_back(side);
        if state.waiting > 0 {
            self.changed.notify_all();
        }
        state
    }

    /// Writes what can be written without waiting, unless another thread writes. Whether nothing
    /// is left that this thread would have to wait for.
    pub(super) fn try_write_out<'a>(
        &'a self,
        mut state: MutexGuard<'a, Guarded<H>>,
    ) -> (MutexGuard<'a, Guarded<H>>, bool) {
        let Some(mut side) = state.writing.take() else { return (state, true) };
        let mut all = true;
        while !side.piece.is_empty() || state.link.take_piece(&mut side.piece) {
            drop(state);
            let result = side.try_write_piece();
            state = self.lock();
            match result {
                Ok(true) => state.link.piece_written(),
                Ok(false) => {
                    state.link.piece_left();
                    all = false;
                    break;
                }
                Err(error) => {
                    state.link.fail_writing(error.kind());
                    side.forget_piece();
                    break;
                }
            }
        }
        state.put_back(side);
        if state.waiting > 0 {
            self.changed.notify_all();
        }
        (state, all)
    }

    /// Waits until something has changed, for at most this long.
    pub(super) fn wait<'a>(
        &'a self,
        mut state: MutexGuard<'a, Guarded<H>>,
        timeout: Option<Duration>,
    ) -> MutexGuard<'a, Guarded<H>> {
        state.waiting += 1;
        let mut state = match timeout {
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => {
                let waited = self.changed.wait_timeout(state, timeout);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.waiting -= 1;
        state
    }

    /// Waits until the connection has changed, for one who waits for its end: for at most this
    /// long, and not beyond the deadline of closing, which is seen to.
    pub(super) fn await_change<'a>(
        &'a self,
        mut state: MutexGuard<'a, Guarded<H>>,
        left: Option<Duration>,
    ) -> MutexGuard<'a, Guarded<H>> {
        let closing = state.link.connection.state() == State::Closing;
        if closing && state.link.is_due() {
            state.link.expire();
            state.abandon();
            self.changed.notify_all();
            return state;
        }
        let now = state.link.clock.now();
        let deadline = state.link.connection.poll_timeout().filter(|_| closing);
        let mut timeout =
            deadline.map_or(Duration::from_secs(1), |deadline| deadline.saturating_sub(now));
        if let Some(left) = left {
            timeout = timeout.min(left);
        }
        let waited = self.changed.wait_timeout(state, timeout.min(Duration::from_secs(1)));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Tells those who wait for the end.
    pub(super) fn tell_end(&self) {
        self.changed.notify_all();
    }
}

impl<H: Transport> Guarded<H> {
    /// Lets others write. When it is this endpoint's turn to end the stream, that is done now.
    fn put_back(&mut self, mut side: WriteSide<H>) {
        let done = side.piece.is_empty() && self.link.is_empty();
        if done && self.link.connection.should_shut_down() && !side.shut_down {
            side.shut_down = true;
            // If that fails, the end of the stream comes all the sooner.
            let _ = side.half.shut_down_writing();
        }
        if self.link.connection.state() == State::Closed {
            // A read that still waits returns.
            let _ = side.half.shut_down();
        }
        self.writing = Some(side);
    }

    /// Ends the connection here and now.
    pub(super) fn abandon(&mut self) {
        self.link.fail_writing(io::ErrorKind::NotConnected);
        self.link.conclude();
        if let Some(side) = &mut self.writing {
            let _ = side.half.shut_down();
        }
    }

    pub(super) fn closure(&self) -> Option<Closure> {
        self.link.closure()
    }
}

impl<H: Transport> WriteSide<H> {
    fn write_piece(&mut self, timeout: Duration) -> io::Result<()> {
        while self.start < self.piece.len() {
            let rest = [IoSlice::new(&self.piece[self.start..])];
            self.start += write_some(&mut self.half, &rest, timeout)?;
        }
        self.forget_piece();
        Ok(())
    }

    /// Whether all of it is written.
    fn try_write_piece(&mut self) -> io::Result<bool> {
        while self.start < self.piece.len() {
            let rest = [IoSlice::new(&self.piece[self.start..])];
            let Some(len) = try_write_some(&mut self.half, &rest)? else { return Ok(false) };
            self.start += len;
        }
        self.forget_piece();
        Ok(true)
    }

    fn forget_piece(&mut self) {
        self.piece.clear();
        self.start = 0;
    }
}

#[cfg(test)]
mod tests {
    use bluewire_core::{Config, Connection, Outbox};

    use super::super::pump::tests::Full;
    use super::super::stream::Untimed;
    use super::*;
    use crate::clock::Clock;
    use crate::direct::{Flow, Lay};
    use crate::server::Ties;

    #[test]
    fn one_pong_waits_behind_what_a_peer_that_pings_does_not_read() {
        let connection = Connection::server(Config::default(), Duration::ZERO);
        let link =
            Link::new(Clock::start(), connection, Outbox::new(), Flow::default(), Ties::default());
        let side = WriteSide { half: Untimed(Full), piece: Vec::new(), start: 0, shut_down: false };
        let state = Guarded { link, writing: Some(side), waiting: 0, parked: None };
        let shared = Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
            established: Established::default(),
        };
        shared.lock().link.lay(Lay::Message("Hello".into())).expect("it is open");
        let mut inbox = Inbox::default();
        for _ in 0..100 {
            inbox.extend(b"\x89\x81\0\0\0\0?");
            let mut state = shared.lock();
            let (connection, outbox) = state.link.parts();
            assert!(connection.next_event(Duration::ZERO, &mut inbox, outbox).is_some());
            let (state, all) = shared.try_write_out(state);
            assert!(!all);
            // The first is on its way with the message, the last waits.
            assert!(state.link.queue_len() <= b"\x8a\x01?".len());
        }
    }
}
