//! The direct API over one blocking stream.

use std::fmt;
use std::io;
use std::net::TcpStream;
use std::time::Duration;

use bluewire_core::{
    CloseCode, Closure, Connection, Event, Fault, Inbox, Message, Outbox, PreparedMessage,
    RequestHead, ResponseHead, State,
};

use super::sender::{Sender, write_out};
use super::stream::Transport;
use crate::clock::Clock;
use crate::connect::{Established, Opened};
use crate::error::Error;
use crate::facade;

/// An open connection over a blocking stream.
///
/// One thread uses it at a time. Answers to pings and to the peer's Close frame leave while
/// [`recv`](Self::recv) runs.
///
/// # When a message leaves
///
/// [`send`](Self::send) writes at once, unless another whole frame has arrived already: then what
/// is sent waits for what that frame will cause, so that one write carries the answers to one
/// read. It leaves when `recv` next waits, when 64 KiB wait, on [`flush`](Self::flush) and on
/// [`close`](Self::close).
pub struct WebSocket<S> {
    stream: S,
    clock: Clock,
    connection: Connection,
    inbox: Inbox,
    outbox: Outbox,
    established: Established,
    /// What the stream's read timeout was last set to.
    read_timeout: Option<Duration>,
    shut_down: bool,
    end_told: bool,
}

impl<S: Transport> WebSocket<S> {
    pub(crate) fn new(stream: S, opened: Opened) -> Self {
        let Opened { clock, connection, inbox, outbox, established } = opened;
        Self {
            stream,
            clock,
            connection,
            inbox,
            outbox,
            established,
            read_timeout: None,
            shut_down: false,
            end_told: false,
        }
    }

    /// The next message, lent until the next call; `None` at the end of the connection, about
    /// which [`closure`](Self::closure) tells more.
    ///
    /// With [`Delivery::Chunks`](bluewire_core::Delivery::Chunks), use
    /// [`recv_chunk`](Self::recv_chunk): here each part would look like a message.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] once, if the connection does not end in order, and [`Error::Io`] if the
    /// stream fails. After either there are no messages.
    pub fn recv(&mut self) -> Result<Option<Message<'_>>, Error> {
        Ok(self.recv_chunk()?.map(|(message, _)| message))
    }

    /// The next part of a message, and whether it is the last one.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_chunk(&mut self) -> Result<Option<(Message<'_>, bool)>, Error> {
        Ok(self.receive()?.map(|(message, fin, _)| (message, fin)))
    }

    /// The next message, and what answers it without a copy.
    ///
    /// ```no_run
    /// # let mut socket = bluewire::blocking::connect("ws://localhost:8088")?;
    /// while let Some((message, mut sender)) = socket.recv_with_sender()? {
    ///     sender.send(message)?;
    /// }
    /// # Ok::<(), bluewire::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_with_sender(&mut self) -> Result<Option<(Message<'_>, Sender<'_, S>)>, Error> {
        Ok(self.receive()?.map(|(message, _, sender)| (message, sender)))
    }

    /// Sends a whole message.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection refuses it, and [`Error::Io`] if the stream fails.
    pub fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.sender().send(message)
    }

    /// Sends a part of a message, the last one if `fin`: for what is larger than memory.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_chunk<'m>(&mut self, part: impl Into<Message<'m>>, fin: bool) -> Result<(), Error> {
        self.sender().send_chunk(part, fin)
    }

    /// Sends a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.sender().send_prepared(message)
    }

    /// Queues a message without writing: it leaves with the next that is written.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn feed<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.sender().feed(message)
    }

    /// Writes all that waits.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the stream fails.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.sender().flush()
    }

    /// Sends a Ping with at most 125 bytes.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.sender().ping(payload)
    }

    /// Closes the connection in order: sends what waits, then a Close frame, and reads until the
    /// peer has done the same, for at most
    /// [`Config::close_timeout`](bluewire_core::Config::close_timeout). Messages that still come
    /// are dropped. On a connection that is closing already it waits for the end of that.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the code or the reason is not lawful, which changes nothing, and
    /// [`Error::Io`] if the stream fails. A peer that does not answer is no error: the closure
    /// says so.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<Closure, Error> {
        if self.connection.state() == State::Open {
            self.connection.close(self.clock.now(), code, reason, &mut self.outbox)?;
        } else {
            Connection::check_close(code, reason)?;
        }
        loop {
            if let Some(closure) = self.connection.closure() {
                self.end_told = true;
                return Ok(closure.clone());
            }
            let now = self.clock.now();
            if self.connection.next_event(now, &mut self.inbox, &mut self.outbox).is_none()
                && self.connection.state() != State::Closed
            {
                self.exchange()?;
            }
        }
    }

    /// How the connection ended; `None` until [`recv`](Self::recv) has returned `None` or an
    /// error, or [`close`](Self::close) has returned.
    #[must_use]
    pub fn closure(&self) -> Option<&Closure> {
        self.connection.closure()
    }

    /// The subprotocol that the server chose.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.established.protocol.as_deref()
    }

    /// The head of the server's response; `None` on the server's side.
    #[must_use]
    pub const fn response(&self) -> Option<&ResponseHead> {
        self.established.response.as_ref()
    }

    /// The head of the client's request; `None` on the client's side.
    #[must_use]
    pub const fn request(&self) -> Option<&RequestHead> {
        self.established.request.as_ref()
    }

    /// The round-trip time that the last answered keepalive ping measured.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.connection.round_trip()
    }

    /// The stream.
    #[must_use]
    pub const fn stream(&self) -> &S {
        &self.stream
    }

    /// What the end of the connection is told as: once an error, if it was not in order.
    fn tell_end<T>(&mut self) -> Result<Option<T>, Error> {
        // What is left is worth a try: the answer to the peer's Close frame.
        let _ = write_out(&mut self.stream, &mut self.outbox);
        let told = std::mem::replace(&mut self.end_told, true);
        match self.connection.fault() {
            Some(fault) if !told => Err(Error::Fault(fault)),
            _ => Ok(None),
        }
    }

    fn receive(&mut self) -> Result<Option<(Message<'_>, bool, Sender<'_, S>)>, Error> {
        let ready = loop {
            let now = self.clock.now();
            match self.connection.poll_event(now, &mut self.inbox) {
                Some(ready) if ready.is_data() => break ready,
                Some(ready) => {
                    let (inbox, outbox) = (&mut self.inbox, &mut self.outbox);
                    self.connection.take_event(ready, now, inbox, outbox);
                }
                None if self.connection.state() == State::Closed => return self.tell_end(),
                None => self.exchange()?,
            }
        };
        let now = self.clock.now();
        let Self { stream, connection, outbox, inbox, .. } = self;
        let corked = connection.has_frame(inbox);
        match connection.take_event(ready, now, inbox, outbox) {
            Event::Message(message) => {
                Ok(Some((message, true, Sender { stream, connection, outbox, corked })))
            }
            Event::Chunk { part, fin } => {
                Ok(Some((part, fin, Sender { stream, connection, outbox, corked })))
            }
            _ => {
                // The last bytes of a text were none: the connection has failed.
                write_out(stream, outbox)?;
                self.end_told = true;
                Err(Error::Fault(connection.fault().unwrap_or(Fault::ConnectionLost)))
            }
        }
    }

    fn sender(&mut self) -> Sender<'_, S> {
        let corked = self.connection.has_frame(&self.inbox);
        let Self { stream, connection, outbox, .. } = self;
        Sender { stream, connection, outbox, corked }
    }

    /// Writes what waits, reads once, sees to deadlines.
    fn exchange(&mut self) -> Result<(), Error> {
        let now = self.clock.now();
        if self.connection.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.connection.handle_timeout(now, &mut self.outbox);
        }
        let written = write_out(&mut self.stream, &mut self.outbox);
        if let Err(error) = written {
            // What has arrived comes first, and what cannot be written is moot.
            return self.read_after(error);
        }
        if self.connection.should_shut_down() && !self.shut_down {
            self.shut_down = true;
            // If that fails, the end of the stream comes all the sooner.
            let _ = self.stream.shut_down_writing();
        }
        self.set_read_timeout()?;
        match self.stream.read(self.inbox.space()) {
            Ok(0) => self.connection.receive_eof(),
            Ok(len) => self.inbox.filled(len),
            Err(error) if is_timeout(&error) => {
                self.connection.handle_timeout(self.clock.now(), &mut self.outbox);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return self.lose(error),
        }
        Ok(())
    }

    /// Reads on after a write has failed: a peer that has gone may have said why.
    fn read_after(&mut self, error: io::Error) -> Result<(), Error> {
        self.outbox = Outbox::new();
        match self.stream.read(self.inbox.space()) {
            Ok(len) if len > 0 => {
                self.inbox.filled(len);
                Ok(())
            }
            _ => self.lose(error),
        }
    }

    /// Ends the connection for a failure of the stream. Once both Close frames have crossed, how
    /// the stream ends does not matter.
    fn lose(&mut self, error: io::Error) -> Result<(), Error> {
        let was_open = self.connection.state() == State::Open;
        self.connection.receive_eof();
        if was_open {
            self.end_told = true;
            return Err(error.into());
        }
        Ok(())
    }

    /// Lets the next read come back in time for the next deadline, give or take a quarter: most
    /// reads need no call for it.
    fn set_read_timeout(&mut self) -> Result<(), Error> {
        let now = self.clock.now();
        let needed = self.connection.poll_timeout().map(|deadline| deadline.saturating_sub(now));
        let fits = match (self.read_timeout, needed) {
            (None, None) => true,
            (Some(set), Some(needed)) => set <= needed + needed / 4 && set >= needed / 4,
            _ => false,
        };
        if !fits {
            let timeout = needed.map(|needed| needed.max(Duration::from_millis(1)));
            self.stream.set_read_timeout(timeout)?;
            self.read_timeout = timeout;
        }
        Ok(())
    }
}

impl WebSocket<TcpStream> {
    /// Goes on with callbacks: the same connection as a
    /// [`facade::WebSocket`], on a thread of its own.
    ///
    /// # Errors
    ///
    /// If the system has no thread or pipe to give.
    pub fn into_facade(self) -> io::Result<facade::WebSocket> {
        let Self { stream, clock, connection, inbox, outbox, established, .. } = self;
        super::facade::adopt(stream, Opened { clock, connection, inbox, outbox, established })
    }
}

impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("state", &self.connection.state()).finish_non_exhaustive()
    }
}

pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
