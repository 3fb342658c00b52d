//! The direct API over one blocking stream.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use bluewire_core::{Closure, Message, OwnedMessage, Ready, RequestHead, ResponseHead, State};

use super::exchange::Waited;
use super::net_stream::NetStream;
use super::pump::try_write_out;
use super::reader::Reader;
use super::sender::Sender;
use super::shared;
use super::stream::{Readiness, SplitTransport, Transport};
use super::writer::Writer;
use crate::connect::Opened;
use crate::direct::{Engine, Flow, Next, deliver};
use crate::error::Error;
use crate::facade;

/// An open connection over a blocking stream.
///
/// One thread uses it at a time; [`split`](Self::split) it for two. How it ends is in
/// [`close`](Self::close).
///
/// # When a message leaves
///
/// [`send`](Self::send) writes at once, unless another whole frame has arrived already: then what
/// is sent waits for what that frame will cause, so that one write carries the answers to one
/// read. It leaves when `recv` next waits, when 64 KiB wait, on [`flush`](Self::flush) and on
/// [`close`](Self::close). With [`Flow::cork`] off it never waits.
///
/// # What is seen to, and when
///
/// Pings and the peer's Close frame are answered while a method runs that receives or
/// [attends](Self::attend), and while the program sends: at least every 100 ms, and as long as a
/// write waits for the peer. Messages that arrive while it sends are held for the next `recv`, as
/// far as [`Flow::held_len_max`] goes; then nothing more is read until they are received. A
/// program that calls nothing is not seen to.
///
/// A write fails when the peer takes nothing for [`Flow::write_timeout`]. Two such sockets that
/// send to each other without receiving do not block each other below the bound.
pub struct WebSocket<S = NetStream> {
    pub(super) stream: S,
    pub(super) engine: Engine,
    /// What the stream's read timeout was last set to.
    pub(super) read_timeout: Option<Duration>,
}

impl<S: Transport> WebSocket<S> {
    pub(crate) fn new(stream: S, opened: Opened) -> Self {
        Self { stream, engine: Engine::new(opened), read_timeout: None }
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

    /// The next message with memory of its own.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_owned(&mut self) -> Result<Option<OwnedMessage>, Error> {
        Ok(self.recv()?.map(Message::into_owned))
    }

    /// The next message, if it comes within this time. `None` means that it did not, or that
    /// there are no more, which [`closure`](Self::closure) tells apart.
    ///
    /// A time-out loses nothing: a message that has come in part is received by a later call.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<Message<'_>>, Error> {
        let until = Instant::now().checked_add(timeout);
        let Some(ready) = self.wait_for_message(until)? else { return Ok(None) };
        Ok(Some(self.lend(ready)?.0))
    }

    /// The next message, if it is there already; `None` as in
    /// [`recv_timeout`](Self::recv_timeout). It writes what waits as far as that is possible at
    /// once.
    ///
    /// On an [`Untimed`](super::Untimed) stream it reads nothing.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn try_recv(&mut self) -> Result<Option<Message<'_>>, Error> {
        let ready = loop {
            match self.engine.next() {
                Next::Deliver(ready) => break ready,
                Next::Answer => {}
                Next::End => return self.end(),
                Next::Wait => {
                    if !self.engine.connection.should_shut_down() {
                        let _ = try_write_out(&mut self.stream, &mut self.engine.outbox);
                    }
                    if !self.look()? {
                        if !self.engine.is_due() {
                            return Ok(None);
                        }
                        self.engine.expire();
                    }
                }
            }
        };
        Ok(Some(self.lend(ready)?.0))
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

    /// Waits for this long, or until the connection ends, without receiving: pings are answered,
    /// a Close is seen, deadlines are kept, what waits is written, and messages are held for the
    /// next `recv` as far as [`Flow::held_len_max`] goes. Once as much is held, nothing more is
    /// read, and no ping is sent.
    ///
    /// For a program that does not want messages just now and does not want to lose its peer.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the stream fails.
    pub fn attend(&mut self, time: Duration) -> Result<(), Error> {
        let until = Instant::now().checked_add(time);
        while self.engine.connection.state() != State::Closed {
            if self.engine.hold() {
                if self.exchange(until)? == Waited::TimedOut {
                    break;
                }
                continue;
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) || self.engine.connection.state() == State::Closed {
                break;
            }
            if try_write_out(&mut self.stream, &mut self.engine.outbox)? {
                std::thread::sleep(left.unwrap_or(Duration::MAX));
            } else {
                self.stream.wait(Readiness::WRITE, left)?;
            }
        }
        self.engine.hold();
        Ok(())
    }

    /// How the connection ended; `None` until [`recv`](Self::recv) has returned `None` or an
    /// error, or [`close`](Self::close) has returned.
    #[must_use]
    pub fn closure(&self) -> Option<&Closure> {
        self.engine.connection.closure()
    }

    /// The subprotocol that the server chose.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.engine.established.protocol.as_deref()
    }

    /// What was agreed on for compression (RFC 7692); `None` if nothing.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(&self) -> Option<crate::DeflateParams> {
        self.engine.connection.deflate()
    }

    /// The head of the server's response; `None` on the server's side.
    #[must_use]
    pub const fn response(&self) -> Option<&ResponseHead> {
        self.engine.established.response.as_ref()
    }

    /// The head of the client's request; `None` on the client's side.
    #[must_use]
    pub const fn request(&self) -> Option<&RequestHead> {
        self.engine.established.request.as_ref()
    }

    /// Takes the head of the client's request out of the socket, for a server that has read in it
    /// what it wants: of what an idle connection costs, a browser's head is the largest part.
    #[must_use]
    pub const fn take_request(&mut self) -> Option<RequestHead> {
        self.engine.established.request.take()
    }

    /// The round-trip time that the last answered keepalive ping measured.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.engine.connection.round_trip()
    }

    /// The stream.
    #[must_use]
    pub const fn stream(&self) -> &S {
        &self.stream
    }

    /// How bytes and messages flow.
    #[must_use]
    pub const fn flow(&self) -> Flow {
        self.engine.flow
    }

    /// Changes how bytes and messages flow, from here on.
    pub const fn set_flow(&mut self, flow: Flow) {
        self.engine.flow = flow;
    }

    /// A reader, and a writer that can be cloned, for as many threads: each works while the
    /// others wait.
    ///
    /// # Errors
    ///
    /// If the stream cannot be split.
    pub fn split(self) -> io::Result<(Reader<S>, Writer<S>)>
    where
        S: SplitTransport,
    {
        shared::split(self.stream, self.engine)
    }

    fn receive(&mut self) -> Result<Option<(Message<'_>, bool, Sender<'_, S>)>, Error> {
        match self.wait_for_message(None)? {
            Some(ready) => self.lend(ready).map(Some),
            None => Ok(None),
        }
    }

    /// Goes on until there is a message, which is then to be lent; `None` at the end, and when
    /// the time is over.
    fn wait_for_message(&mut self, until: Option<Instant>) -> Result<Option<Option<Ready>>, Error> {
        let mut answered = false;
        loop {
            match self.engine.next() {
                Next::Deliver(ready) => {
                    if answered {
                        // The program may take its time. An error shows again when it is waited.
                        let _ = try_write_out(&mut self.stream, &mut self.engine.outbox);
                    }
                    return Ok(Some(ready));
                }
                Next::Answer => answered = true,
                Next::End => return self.end(),
                Next::Wait => {
                    if self.exchange(until)? == Waited::TimedOut {
                        return Ok(None);
                    }
                }
            }
        }
    }

    fn lend(&mut self, ready: Option<Ready>) -> Result<(Message<'_>, bool, Sender<'_, S>), Error> {
        let corked = self.engine.flow.cork && self.engine.connection.has_frame(&self.engine.inbox);
        let flow = self.engine.flow;
        let Self { stream, engine, .. } = self;
        let Engine { connection, inbox, outbox, held, end_told, arrived, .. } = engine;
        match deliver(ready, *arrived, held, connection, inbox, outbox) {
            Some((message, fin)) => {
                Ok((message, fin, Sender { stream, connection, outbox, corked, flow }))
            }
            None => {
                // The last bytes of a text were none: the connection has failed.
                *end_told = true;
                let _ = try_write_out(stream, outbox);
                Err(Error::Fault(
                    connection.fault().unwrap_or(bluewire_core::Fault::ConnectionLost),
                ))
            }
        }
    }

    fn end<T>(&mut self) -> Result<Option<T>, Error> {
        self.end_stream();
        self.engine.tell_end()?;
        Ok(None)
    }

    /// Lets the peer see the end of a connection that is closed.
    pub(super) fn end_stream(&mut self) {
        // What is left is worth a try: the answer to the peer's Close frame.
        let _ = try_write_out(&mut self.stream, &mut self.engine.outbox);
        if !self.engine.shut_down {
            self.engine.shut_down = true;
            let _ = self.stream.shut_down_writing();
        }
    }
}

impl<S: Into<NetStream>> WebSocket<S> {
    /// Goes on with callbacks: the same connection as a
    /// [`facade::WebSocket`], on a thread of its own. Messages that are
    /// [held](Flow::held_len_max) are dropped: receive them before.
    ///
    /// # Errors
    ///
    /// If the system has no thread or pipe to give.
    pub fn into_facade(self) -> io::Result<facade::WebSocket> {
        let Self { stream, engine, .. } = self;
        super::facade::adopt(stream.into(), engine.into_opened())
    }
}

impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("state", &self.engine.connection.state())
            .finish_non_exhaustive()
    }
}
