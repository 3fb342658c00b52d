//! The direct API over one asynchronous stream.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bluewire_core::{
    CloseCode, Closure, Connection, Event, Fault, Inbox, Message, Outbox, PreparedMessage,
    RequestHead, ResponseHead, State,
};
use smol::Timer;
use smol::io::{AsyncRead, AsyncWrite};

use super::sender::{Sender, poll_write_out, write_out};
use super::shut_down::poll_shut_down;
use crate::clock::Clock;
use crate::connect::{Established, Opened};
use crate::error::Error;
use crate::facade;

/// An open connection over an asynchronous stream.
///
/// One task uses it at a time. Answers to pings and to the peer's Close frame leave while
/// [`recv`](Self::recv) runs.
///
/// # When a message leaves
///
/// [`send`](Self::send) writes at once, unless another whole frame has arrived already: then what
/// is sent waits for what that frame will cause, so that one write carries the answers to one
/// read. It leaves when `recv` next waits, when 64 KiB wait, on [`flush`](Self::flush) and on
/// [`close`](Self::close).
///
/// # Cancel safety
///
/// No state of the protocol lives in a future. Any future of this type may be dropped at any
/// point: what was received is still there for the next `recv`, and what was queued still leaves
/// with the next write. A `send` that was polled once has queued its message.
pub struct WebSocket<S> {
    stream: S,
    clock: Clock,
    connection: Connection,
    inbox: Inbox,
    outbox: Outbox,
    established: Established,
    timer: Timer,
    /// What the timer was last set to.
    timer_set: Option<Duration>,
    shut_down: bool,
    end_told: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> WebSocket<S> {
    pub(crate) fn new(stream: S, opened: Opened) -> Self {
        let Opened { clock, connection, inbox, outbox, established } = opened;
        Self {
            stream,
            clock,
            connection,
            inbox,
            outbox,
            established,
            timer: Timer::never(),
            timer_set: None,
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
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn recv(&mut self) -> Result<Option<Message<'_>>, Error> {
        Ok(self.receive().await?.map(|(message, _, _)| message))
    }

    /// The next part of a message, and whether it is the last one.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn recv_chunk(&mut self) -> Result<Option<(Message<'_>, bool)>, Error> {
        Ok(self.receive().await?.map(|(message, fin, _)| (message, fin)))
    }

    /// The next message, and what answers it without a copy.
    ///
    /// ```no_run
    /// # smol::block_on(async {
    /// # let mut socket = bluewire::smol::connect("ws://localhost:8088").await?;
    /// while let Some((message, mut sender)) = socket.recv_with_sender().await? {
    ///     sender.send(message).await?;
    /// }
    /// # Ok::<(), bluewire::Error>(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn recv_with_sender(
        &mut self,
    ) -> Result<Option<(Message<'_>, Sender<'_, S>)>, Error> {
        Ok(self.receive().await?.map(|(message, _, sender)| (message, sender)))
    }

    /// Sends a whole message.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection refuses it, and [`Error::Io`] if the stream fails.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the message is queued, and leaves with the next write.
    pub async fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.sender().send(message).await
    }

    /// Sends a part of a message, the last one if `fin`: for what is larger than memory.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn send_chunk<'m>(
        &mut self,
        part: impl Into<Message<'m>>,
        fin: bool,
    ) -> Result<(), Error> {
        self.sender().send_chunk(part, fin).await
    }

    /// Sends a message that was laid out before.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.sender().send_prepared(message).await
    }

    /// Queues a message without writing, unless 64 KiB wait: it leaves with the next that is
    /// written.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn feed<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        self.sender().feed(message).await
    }

    /// Writes all that waits.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the stream fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.sender().flush().await
    }

    /// Sends a Ping with at most 125 bytes.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.sender().ping(payload).await
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
    ///
    /// # Cancel safety
    ///
    /// Once polled, the closing handshake has begun; call it again to wait for its end.
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<Closure, Error> {
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
                self.exchange().await?;
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

    /// Goes on with callbacks: the same connection as a
    /// [`facade::WebSocket`], in a task on smol's global executor.
    /// Messages come whole from here on.
    pub fn into_facade(self) -> facade::WebSocket
    where
        S: Send + 'static,
    {
        let Self { stream, clock, connection, inbox, outbox, established, .. } = self;
        super::facade::adopt(stream, Opened { clock, connection, inbox, outbox, established })
    }

    async fn receive(&mut self) -> Result<Option<(Message<'_>, bool, Sender<'_, S>)>, Error> {
        let ready = loop {
            let now = self.clock.now();
            match self.connection.poll_event(now, &mut self.inbox) {
                Some(ready) if ready.is_data() => break ready,
                Some(ready) => {
                    let (inbox, outbox) = (&mut self.inbox, &mut self.outbox);
                    self.connection.take_event(ready, now, inbox, outbox);
                }
                None if self.connection.state() == State::Closed => return self.tell_end().await,
                None => self.exchange().await?,
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
                self.end_told = true;
                write_out(stream, outbox).await?;
                Err(Error::Fault(connection.fault().unwrap_or(Fault::ConnectionLost)))
            }
        }
    }

    /// What the end of the connection is told as: once an error, if it was not in order.
    async fn tell_end<T>(&mut self) -> Result<Option<T>, Error> {
        // What is left is worth one try: a Close frame to a peer that may be gone.
        poll_fn(|cx| {
            let _ = poll_write_out(&mut self.stream, &mut self.outbox, cx);
            Poll::Ready(())
        })
        .await;
        let told = std::mem::replace(&mut self.end_told, true);
        match self.connection.fault() {
            Some(fault) if !told => Err(Error::Fault(fault)),
            _ => Ok(None),
        }
    }

    fn sender(&mut self) -> Sender<'_, S> {
        let corked = self.connection.has_frame(&self.inbox);
        let Self { stream, connection, outbox, .. } = self;
        Sender { stream, connection, outbox, corked }
    }

    /// Writes what waits and waits until something was read or a deadline has passed. Reading
    /// does not wait for a peer that does not read.
    async fn exchange(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_exchange(cx)).await
    }

    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.see_to_deadlines();
        if self.connection.state() == State::Closed {
            return Poll::Ready(Ok(()));
        }
        match poll_write_out(&mut self.stream, &mut self.outbox, cx) {
            Poll::Ready(Ok(())) => self.poll_shut_down(cx),
            // What has arrived comes first, and what cannot be written is moot.
            Poll::Ready(Err(error)) => {
                self.outbox = Outbox::new();
                return match Pin::new(&mut self.stream).poll_read(cx, self.inbox.space()) {
                    Poll::Ready(Ok(len)) if len > 0 => {
                        self.inbox.filled(len);
                        Poll::Ready(Ok(()))
                    }
                    _ => Poll::Ready(self.lose(error)),
                };
            }
            Poll::Pending => {}
        }
        match Pin::new(&mut self.stream).poll_read(cx, self.inbox.space()) {
            Poll::Ready(Ok(0)) => self.connection.receive_eof(),
            Poll::Ready(Ok(len)) => self.inbox.filled(len),
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Poll::Ready(Err(error)) => return Poll::Ready(self.lose(error)),
            Poll::Pending => {
                ready!(self.poll_deadline(cx));
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shut_down(&mut self, cx: &mut Context<'_>) {
        if self.connection.should_shut_down() && !self.shut_down {
            // If that fails, the end of the stream comes all the sooner.
            self.shut_down = poll_shut_down(&mut self.stream, cx).is_ready();
        }
    }

    fn see_to_deadlines(&mut self) {
        let now = self.clock.now();
        if self.connection.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.connection.handle_timeout(now, &mut self.outbox);
        }
    }

    /// Ready when the next deadline has come. The timer moves only if the deadline came nearer,
    /// or when it has rung: a connection that is busy does not set a timer for each message.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.connection.poll_timeout() else { return Poll::Pending };
        loop {
            if self.timer_set.is_none_or(|set| deadline < set)
                && let Some(instant) = self.clock.instant(deadline)
            {
                self.timer.set_at(instant);
                self.timer_set = Some(deadline);
            }
            ready!(Pin::new(&mut self.timer).poll(cx));
            self.timer_set = None;
            if deadline <= self.clock.now() {
                return Poll::Ready(());
            }
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
}

impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("state", &self.connection.state()).finish_non_exhaustive()
    }
}
