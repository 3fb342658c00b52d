//! The reading end of a blocking connection that was split.

use std::fmt;
use std::io;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use bluewire_core::{Closure, Message, OwnedMessage, Ready, RequestHead, ResponseHead, State};

use super::net_stream::NetStream;
use super::pump::is_timeout;
use super::shared::{Guarded, ReadSide, Shared};
use super::stream::{Readiness, SplitTransport, Transport};
use crate::direct::deliver;
use crate::error::Error;

/// The longest read without a look at the clock: a writer may have begun to close meanwhile.
const READ_TIMEOUT_MAX: Duration = Duration::from_secs(1);

/// The end of a split connection that receives.
///
/// Pings and the peer's Close frame are answered while a method runs, also while a writer waits
/// for a peer that does not read. Deadlines are kept at the latest a second late, in the same
/// methods. A reader that is not called reads nothing, so that a peer that sends comes to a halt.
///
/// Dropped, it leaves the connection to the writers: what arrives is dropped, and pings and a Close
/// are answered, while one of them sends (at least every 100 ms) or
/// [waits for the end](super::Writer::closed).
pub struct Reader<S: SplitTransport = NetStream> {
    shared: Arc<Shared<S::Half>>,
    /// Always there until this is dropped.
    side: Option<ReadSide<S::Half>>,
}

impl<S: SplitTransport> Reader<S> {
    pub(super) const fn new(shared: Arc<Shared<S::Half>>, side: ReadSide<S::Half>) -> Self {
        Self { shared, side: Some(side) }
    }

    /// The next message, lent until the next call; `None` at the end of the connection, about
    /// which [`closure`](Self::closure) tells more.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] once, if the connection does not end in order, and [`Error::Io`] if the
    /// stream fails. After either there are no messages.
    pub fn recv(&mut self) -> Result<Option<Message<'_>>, Error> {
        Ok(self.recv_chunk()?.map(|(message, _)| message))
    }

    /// The next message with memory of its own.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_owned(&mut self) -> Result<Option<OwnedMessage>, Error> {
        Ok(self.recv()?.map(Message::into_owned))
    }

    /// The next message, if it comes within this time; see
    /// [`WebSocket::recv_timeout`](super::WebSocket::recv_timeout).
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<Message<'_>>, Error> {
        let until = Instant::now().checked_add(timeout);
        Ok(self.receive(until)?.map(|(message, _)| message))
    }

    /// The next message, if it is there already; see
    /// [`WebSocket::try_recv`](super::WebSocket::try_recv).
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn try_recv(&mut self) -> Result<Option<Message<'_>>, Error> {
        self.recv_timeout(Duration::ZERO)
    }

    /// The next part of a message, and whether it is the last one.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_chunk(&mut self) -> Result<Option<(Message<'_>, bool)>, Error> {
        self.receive(None)
    }

    /// How the connection ended; `None` until it has.
    #[must_use]
    pub fn closure(&self) -> Option<Closure> {
        self.shared.lock().closure()
    }

    /// The subprotocol that the server chose.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.shared.established.protocol.as_deref()
    }

    /// The head of the server's response; `None` on the server's side.
    #[must_use]
    pub fn response(&self) -> Option<&ResponseHead> {
        self.shared.established.response.as_ref()
    }

    /// The head of the client's request; `None` on the client's side.
    #[must_use]
    pub fn request(&self) -> Option<&RequestHead> {
        self.shared.established.request.as_ref()
    }

    fn receive(&mut self, until: Option<Instant>) -> Result<Option<(Message<'_>, bool)>, Error> {
        let shared = &*self.shared;
        let side = self.side.as_mut().expect("it is there until the reader is dropped");
        let mut state = shared.lock();
        let ready = if side.held.is_empty() {
            let found;
            (state, found) = side.wait_for_message(shared, state, until)?;
            match found {
                Found::Message(ready) => Some(ready),
                Found::End => {
                    let fault = state.link.connection.fault();
                    let told = std::mem::replace(&mut side.end_told, true);
                    return match fault {
                        Some(fault) if !told => Err(Error::Fault(fault)),
                        _ => Ok(None),
                    };
                }
                Found::Nothing => return Ok(None),
            }
        } else {
            None
        };
        let (connection, outbox) = state.link.parts();
        let (held, inbox) = (&mut side.held, &mut side.inbox);
        match deliver(ready, side.arrived, held, connection, inbox, outbox) {
            Some(part) => Ok(Some(part)),
            None => {
                // The last bytes of a text were none: the connection has failed.
                side.end_told = true;
                let fault = connection.fault();
                drop(shared.try_write_out(state));
                Err(Error::Fault(fault.unwrap_or(bluewire_core::Fault::ConnectionLost)))
            }
        }
    }
}

impl<S: SplitTransport> Drop for Reader<S> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.parked = self.side.take();
        drop(state);
        self.shared.tell_end();
    }
}

impl<S: SplitTransport> fmt::Debug for Reader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

enum Found {
    Message(Ready),
    End,
    Nothing,
}

type Locked<'a, H> = MutexGuard<'a, Guarded<H>>;

impl<H: Transport> ReadSide<H> {
    /// Goes on until there is a message, the end is reached, or the time is over.
    fn wait_for_message<'a>(
        &mut self,
        shared: &'a Shared<H>,
        mut state: Locked<'a, H>,
        until: Option<Instant>,
    ) -> Result<(Locked<'a, H>, Found), Error> {
        let mut answered = false;
        loop {
            let (connection, outbox) = state.link.parts();
            match connection.poll_event(self.arrived, &mut self.inbox) {
                Some(ready) if ready.is_data() => {
                    if answered {
                        // The program may take its time: the answer leaves now, if nobody writes
                        // and it can.
                        state = shared.try_write_out(state).0;
                    }
                    return Ok((state, Found::Message(ready)));
                }
                Some(ready) => {
                    // A Close frame that was left in the inbox for long begins the closing now.
                    connection.take_event(ready, self.clock.now(), &mut self.inbox, outbox);
                    answered = true;
                }
                None if connection.state() == State::Closed => {
                    state.link.heed();
                    state = shared.try_write_out(state).0;
                    // A writer that waits for the peer returns.
                    let _ = self.half.shut_down();
                    shared.tell_end();
                    return Ok((state, Found::End));
                }
                None => {
                    let waited = self.exchange(shared, state, until)?;
                    state = shared.lock();
                    // Out of time, but what came with the last read is taken first.
                    if !waited {
                        return Ok((state, Found::Nothing));
                    }
                }
            }
        }
    }

    /// Drops what arrives, until the end is reached or the time is over.
    pub(super) fn discard(
        &mut self,
        shared: &Shared<H>,
        until: Option<Instant>,
    ) -> Result<Option<Closure>, Error> {
        loop {
            let state = shared.lock();
            let (mut state, found) = self.wait_for_message(shared, state, until)?;
            match found {
                Found::Message(ready) => {
                    let (connection, outbox) = state.link.parts();
                    connection.take_event(ready, self.arrived, &mut self.inbox, outbox);
                }
                Found::End => return Ok(state.closure()),
                Found::Nothing => return Ok(None),
            }
        }
    }

    /// Writes what nobody writes, reads once, sees to deadlines; `false` if the time is over.
    fn exchange<'a>(
        &mut self,
        shared: &'a Shared<H>,
        mut state: Locked<'a, H>,
        until: Option<Instant>,
    ) -> Result<bool, Error> {
        if state.link.heed() {
            let _ = self.half.shut_down();
            return Ok(true);
        }
        let due = state.link.is_due();
        let written;
        (state, written) = shared.try_write_out(state);
        let now = state.link.clock.now();
        let deadline = state.link.connection.poll_timeout();
        drop(state);

        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let over = left == Some(Duration::ZERO);
        if due || over {
            // What has arrived comes before a deadline.
            if self.half.wait(Readiness::READ, Some(Duration::ZERO))?.readable {
                self.read(shared)?;
                return Ok(true);
            }
            if !due {
                return Ok(false);
            }
            let mut state = shared.lock();
            state.link.expire();
            (state, _) = shared.try_write_out(state);
            let closed = state.link.connection.state() == State::Closed;
            return Ok(closed || !over);
        }
        let mut timeout = deadline
            .map_or(READ_TIMEOUT_MAX, |deadline| deadline.saturating_sub(now))
            .min(READ_TIMEOUT_MAX);
        if let Some(left) = left {
            timeout = timeout.min(left);
        }
        if written {
            self.set_read_timeout(timeout, left.is_some())?;
            self.read(shared)?;
        } else if self.half.wait(Readiness::BOTH, Some(timeout))?.readable {
            self.read(shared)?;
        }
        Ok(true)
    }

    fn read(&mut self, shared: &Shared<H>) -> Result<(), Error> {
        match self.half.read(self.inbox.space()) {
            Ok(0) => shared.lock().link.connection.receive_eof(),
            Ok(len) => {
                self.inbox.filled(len);
                self.arrived = self.clock.now();
            }
            Err(error) if is_timeout(&error) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return self.lose(shared, error),
        }
        Ok(())
    }

    /// Ends the connection for a failure of the stream. Once both Close frames have crossed, how
    /// the stream ends does not matter.
    fn lose(&mut self, shared: &Shared<H>, error: io::Error) -> Result<(), Error> {
        let mut state = shared.lock();
        let was_open = state.link.connection.state() == State::Open;
        state.link.connection.receive_eof();
        drop(state);
        shared.tell_end();
        if was_open {
            self.end_told = true;
            return Err(error.into());
        }
        Ok(())
    }

    fn set_read_timeout(&mut self, needed: Duration, exact: bool) -> Result<(), Error> {
        let fits = self.read_timeout.is_some_and(|set| {
            if exact { set == needed } else { set <= needed + needed / 4 && set >= needed / 4 }
        });
        if !fits {
            let timeout = Some(needed.max(Duration::from_millis(1)));
            self.half.set_read_timeout(timeout)?;
            self.read_timeout = timeout;
        }
        Ok(())
    }
}
