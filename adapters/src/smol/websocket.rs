//! The direct API over one asynchronous stream.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bluewire_core::{
    Closure, Fault, Message, Outbox, OwnedMessage, Ready, RequestHead, ResponseHead, State,
};
use smol::Timer;
use smol::io::{AsyncRead, AsyncWrite};

use super::deadline::Deadline;
use super::net_stream::NetStream;
use super::pump::poll_write_out;
use super::reader::Reader;
use super::sender::Sender;
use super::shared;
use super::shut_down::poll_shut_down;
use super::spare;
use super::turn::Turn;
use super::writer::Writer;
use crate::connect::Opened;
use crate::direct::{Engine, Flow, Next, deliver};
use crate::error::Error;
use crate::facade;

/// An open connection over an asynchronous stream.
///
/// One task uses it at a time; [`split`](Self::split) it for two. It is also a `Stream` of
/// messages and a `Sink` for them.
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
/// Pings and the peer's Close frame are answered while a future runs that receives or
/// [attends](Self::attend), and while the program sends: at least every 100 ms, and as long as a
/// write waits for the peer. Messages that arrive while it sends are held for the next `recv`, as
/// far as [`Flow::held_len_max`] goes; then nothing more is read until they are received. A
/// program that awaits nothing is not seen to.
///
/// A write fails when the peer takes nothing for [`Flow::write_timeout`]. Two such sockets that
/// send to each other without receiving do not block each other below the bound.
///
/// # Fairness
///
/// A peer that is quick makes `recv` and `send` ready whenever they are polled. After 256 messages
/// or 256 KiB in one go they are pending once, so that a task that loops over them leaves others
/// their turn.
///
/// # Cancel safety
///
/// No state of the protocol lives in a future. Any future of this type may be dropped at any
/// point: what was received is still there for the next `recv`, and what was queued still leaves
/// with the next write. A `send` that was polled once has queued its message.
pub struct WebSocket<S = NetStream> {
    /// In a box, since a future is as large as all that it may hold, twice.
    pub(super) inner: Box<Inner<S>>,
}

pub(super) struct Inner<S> {
    pub(super) pipe: Pipe<S>,
    pub(super) engine: Engine,
    deadline: Deadline,
}

/// What it takes to write.
pub(super) struct Pipe<S> {
    pub(super) stream: S,
    /// When a write that waits has waited for too long. In a box, since few ever wait.
    pub(super) stall: Option<Box<Timer>>,
    /// Whether another whole frame had arrived behind the message that was lent last: its answer
    /// can leave by the same write.
    pub(super) corked: bool,
    pub(super) turn: Turn,
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> WebSocket<S> {
    pub(crate) fn new(stream: S, opened: Opened) -> Self {
        let engine = Engine::new(opened);
        let deadline = Deadline::default();
        let pipe = Pipe { stream, stall: None, corked: false, turn: Turn::default() };
        Self { inner: Box::new(Inner { pipe, engine, deadline }) }
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

    /// The next message with memory of its own.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn recv_owned(&mut self) -> Result<Option<OwnedMessage>, Error> {
        Ok(self.recv().await?.map(Message::into_owned))
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
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn attend(&mut self, time: Duration) -> Result<(), Error> {
        let mut until = Timer::after(time);
        poll_fn(|cx| {
            loop {
                if !self.inner.engine.hold() {
                    if self.inner.engine.connection.state() == State::Closed {
                        return Poll::Ready(Ok(()));
                    }
                    if let Poll::Ready(Err(error)) = self.poll_write_out(cx) {
                        return Poll::Ready(Err(error.into()));
                    }
                    break;
                }
                match self.poll_exchange(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => break,
                }
            }
            Pin::new(&mut until).poll(cx).map(|_| Ok(()))
        })
        .await
    }

    /// How the connection ended; `None` until [`recv`](Self::recv) has returned `None` or an
    /// error, or [`close`](Self::close) has returned.
    #[must_use]
    pub fn closure(&self) -> Option<&Closure> {
        self.inner.engine.connection.closure()
    }

    /// The subprotocol that the server chose.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.inner.engine.established.protocol.as_deref()
    }

    /// What was agreed on for compression (RFC 7692); `None` if nothing.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(&self) -> Option<crate::DeflateParams> {
        self.inner.engine.connection.deflate()
    }

    /// The head of the server's response; `None` on the server's side.
    #[must_use]
    pub const fn response(&self) -> Option<&ResponseHead> {
        self.inner.engine.established.response.as_ref()
    }

    /// The head of the client's request; `None` on the client's side.
    #[must_use]
    pub const fn request(&self) -> Option<&RequestHead> {
        self.inner.engine.established.request.as_ref()
    }

    /// Takes the head of the client's request out of the socket, for a server that has read in it
    /// what it wants: of what an idle connection costs, a browser's head is the largest part.
    #[must_use]
    pub const fn take_request(&mut self) -> Option<RequestHead> {
        self.inner.engine.established.request.take()
    }

    /// The round-trip time that the last answered keepalive ping measured.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.inner.engine.connection.round_trip()
    }

    /// The stream.
    #[must_use]
    pub const fn stream(&self) -> &S {
        &self.inner.pipe.stream
    }

    /// How bytes and messages flow.
    #[must_use]
    pub const fn flow(&self) -> Flow {
        self.inner.engine.flow
    }

    /// Changes how bytes and messages flow, from here on.
    pub const fn set_flow(&mut self, flow: Flow) {
        self.inner.engine.flow = flow;
    }

    /// A reader, and a writer that can be cloned, for as many tasks: each works while the others
    /// wait.
    pub fn split(self) -> (Reader<S>, Writer<S>) {
        shared::split(self.inner.pipe.stream, self.inner.engine)
    }

    /// Goes on with callbacks: the same connection as a
    /// [`facade::WebSocket`], in a task on smol's global executor.
    /// Messages come whole from here on. Those that are [held](Flow::held_len_max) are dropped:
    /// receive them before.
    pub fn into_facade(self) -> facade::WebSocket
    where
        S: Send + 'static,
    {
        let Inner { pipe, engine, .. } = *self.inner;
        super::facade::adopt(pipe.stream, engine.into_opened())
    }

    async fn receive(&mut self) -> Result<Option<(Message<'_>, bool, Sender<'_, S>)>, Error> {
        match poll_fn(|cx| self.poll_receive(cx)).await? {
            Some(ready) => self.lend(ready).map(Some),
            None => Ok(None),
        }
    }

    /// Ready when there is a message, which is then to be lent; `None` at the end.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Option<Ready>>, Error>> {
        ready!(self.inner.pipe.turn.poll(cx));
        let mut answered = false;
        loop {
            match self.inner.engine.next() {
                Next::Deliver(ready) => {
                    if answered {
                        // The program may take its time. An error shows again when it is waited.
                        let _ = self.poll_write_out(cx);
                    }
                    return Poll::Ready(Ok(Some(ready)));
                }
                Next::Answer => answered = true,
                Next::End => {
                    // What is left is worth one try: a Close frame to a peer that may be gone.
                    let _ = self.poll_write_out(cx);
                    self.poll_shut_down(cx);
                    return Poll::Ready(self.inner.engine.tell_end().map(|()| None));
                }
                Next::Wait => ready!(self.poll_exchange(cx))?,
            }
        }
    }

    pub(super) fn lend(
        &mut self,
        ready: Option<Ready>,
    ) -> Result<(Message<'_>, bool, Sender<'_, S>), Error> {
        let corked = self.inner.engine.flow.cork
            && self.inner.engine.connection.has_frame(&self.inner.engine.inbox);
        let Inner { pipe, engine, .. } = &mut *self.inner;
        pipe.corked = corked;
        let Engine { connection, inbox, outbox, held, end_told, flow, arrived, .. } = engine;
        match deliver(ready, *arrived, held, connection, inbox, outbox) {
            Some((message, fin)) => {
                pipe.turn.pay(message.len());
                Ok((message, fin, Sender { pipe, connection, outbox, flow }))
            }
            None => {
                // The last bytes of a text were none: the connection has failed. Its Close frame
                // leaves as far as that is possible at once.
                *end_told = true;
                let _ = poll_write_out(
                    &mut pipe.stream,
                    outbox,
                    &mut Context::from_waker(Waker::noop()),
                );
                Err(Error::Fault(connection.fault().unwrap_or(Fault::ConnectionLost)))
            }
        }
    }

    pub(super) fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_write_out(&mut self.inner.pipe.stream, &mut self.inner.engine.outbox, cx)
    }

    /// Writes what waits and waits until something was read or a deadline has passed. What has
    /// arrived comes before a deadline, and reading does not wait for a peer that does not read.
    pub(super) fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.inner.pipe.turn.poll(cx));
        if self.inner.engine.heed() {
            return Poll::Ready(Ok(()));
        }
        if self.inner.engine.is_due() {
            if let Poll::Ready(read) = self.poll_read(cx) {
                return Poll::Ready(read);
            }
            self.inner.engine.expire();
            if self.inner.engine.connection.state() == State::Closed {
                return Poll::Ready(Ok(()));
            }
        }
        match self.poll_write_out(cx) {
            Poll::Ready(Ok(())) => self.poll_shut_down(cx),
            // What has arrived comes first, and what cannot be written is moot.
            Poll::Ready(Err(error)) => {
                self.inner.engine.outbox = Outbox::new();
                return match Pin::new(&mut self.inner.pipe.stream)
                    .poll_read(cx, self.inner.engine.inbox.space())
                {
                    Poll::Ready(Ok(len)) if len > 0 => {
                        self.inner.engine.received(len);
                        Poll::Ready(Ok(()))
                    }
                    _ => Poll::Ready(self.inner.engine.lose(error)),
                };
            }
            Poll::Pending => {}
        }
        match self.poll_read(cx) {
            Poll::Ready(read) => Poll::Ready(read),
            Poll::Pending => {
                self.inner.pipe.turn.renew();
                self.inner.engine.held.release();
                spare::take_back(&mut self.inner.engine.inbox, &mut self.inner.engine.outbox);
                self.inner.engine.listen(cx.waker());
                self.poll_deadline(cx).map(Ok)
            }
        }
    }

    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Inner { pipe, engine, .. } = &mut *self.inner;
        spare::lend(&mut engine.inbox);
        match ready!(Pin::new(&mut pipe.stream).poll_read(cx, engine.inbox.space())) {
            Ok(0) => engine.connection.receive_eof(),
            Ok(len) => {
                pipe.turn.pay(len);
                engine.received(len);
                // What it says may want an answer.
                spare::lend_outbox(&mut engine.outbox);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Poll::Ready(engine.lose(error)),
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn poll_shut_down(&mut self, cx: &mut Context<'_>) {
        if self.inner.engine.connection.should_shut_down() && !self.inner.engine.shut_down {
            // If that fails, the end of the stream comes all the sooner.
            self.inner.engine.shut_down =
                poll_shut_down(&mut self.inner.pipe.stream, cx).is_ready();
        }
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.inner.engine.connection.poll_timeout();
        self.inner.deadline.poll(self.inner.engine.clock, deadline, cx)
    }
}

impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("state", &self.inner.engine.connection.state())
            .finish_non_exhaustive()
    }
}
