//! The direct API over one asynchronous stream.

mod output;

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bluewire_core::{Closure, Message, OwnedMessage, Ready, RequestHead, ResponseHead};

use super::caller::Caller;
use super::exchange::Received;
use super::io::Io;
use super::net_stream::NetStream;
use super::reader::Reader;
use super::runtime::{AsyncTransport, Runtime};
use super::sender::Sender;
use super::shared;
use super::writer::Writer;
use crate::drive::{Arrivals, Budget, Driver, Flow, Lent, Purpose};
use crate::error::Error;
use crate::facade;
use crate::open::request::{Established, Opened};
use crate::server::Slot;

/// An open connection over an asynchronous stream.
///
/// One task uses it at a time. [`split`](Self::split) it for several tasks. It is also a `Stream` of
/// messages and a `Sink` for them. [`close`](Self::close) ends it.
///
/// # When a message leaves
///
/// [`send`](Self::send) writes at once, with one exception: if another whole frame has already
/// arrived, the message waits for your answer to that frame, so that one write carries both. It
/// leaves when `recv` next waits, when 64 KiB wait, on [`flush`](Self::flush) and on
/// [`close`](Self::close). So call `flush` if you wait for something other than `recv` after a
/// `send`. With [`Flow::cork`] off, a message never waits.
///
/// # When pings and deadlines are handled
///
/// While you await any future of this type, the socket sends and answers pings, keeps deadlines, and
/// answers the peer's Close frame. If your program only sends, the socket does this at least every
/// 100 ms. It holds messages that arrive in the meantime for the next `recv`, up to
/// [`Flow::held_len_max`]; then it reads no more until you receive them. Nothing happens while your
/// program awaits no future of this type.
///
/// A write fails when the peer reads too slowly for [`Flow::write_timeout`]. Two programs that both
/// only send do not block each other, up to the limit on held messages.
///
/// # Fairness
///
/// With a fast peer, `recv` and `send` could be ready at every poll. After 256 messages or 256 KiB
/// without a wait, they are pending once, so that other tasks can run.
///
/// # Cancel safety
///
/// Futures hold no state of the protocol. You can drop any future of this type at any time. Received
/// bytes stay available to the next `recv`, and queued bytes leave with the next write. A `send` that
/// was polled once has queued its message.
pub struct WebSocket<R: Runtime, S = NetStream<R>> {
    /// In a box, since a future is as large as everything that it may hold, twice.
    pub(super) inner: Box<Inner<R, S>>,
}

pub(super) struct Inner<R: Runtime, S> {
    pub(super) io: Io<R, S>,
    pub(super) driver: Driver,
    pub(super) arrivals: Arrivals,
    established: Established,
}

impl<R: Runtime, S: AsyncTransport<R>> WebSocket<R, S> {
    /// The socket of a connection that is open, perhaps one of a server's.
    pub(crate) fn open(stream: S, opened: Opened, slot: Option<Slot>) -> Self {
        let (driver, arrivals, established, clock) = Driver::open(opened, slot);
        let io = Io::new(stream, clock);
        Self { inner: Box::new(Inner { io, driver, arrivals, established }) }
    }

    /// Receives the next message, and lends it until the next call. It returns `None` when the
    /// connection has been closed; [`closure`](Self::closure) then has the code and the reason.
    ///
    /// With [`Delivery::Chunks`](bluewire_core::Delivery::Chunks), use
    /// [`recv_chunk`](Self::recv_chunk). Here, each part would look like a message.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::Fault`], once, if the stream fails or the connection ends without a
    /// closing handshake. After that, it returns `None`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn recv(&mut self) -> Result<Option<Message<'_>>, Error> {
        Ok(self.receive().await?.map(|(message, ..)| message))
    }

    /// Receives the next message as an owned one.
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

    /// Receives the next part of a message, and whether it is the last one.
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

    /// Receives the next message, with a [`Sender`] that can answer it without a copy:
    ///
    /// ```text
    /// while let Some((message, mut sender)) = socket.recv_with_sender().await? {
    ///     sender.send(message).await?;
    /// }
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
    ) -> Result<Option<(Message<'_>, Sender<'_, R, S>)>, Error> {
        Ok(self.receive().await?.map(|(message, _, sender)| (message, sender)))
    }

    /// Keeps the connection alive without receiving, for this long or until the connection ends. It
    /// answers pings and a Close frame, keeps deadlines, and writes queued bytes. It holds messages for
    /// the next `recv`, up to [`Flow::held_len_max`]; then it reads no more, and sends no pings.
    ///
    /// Call it when your program is busy with something else and must not lose its peer.
    ///
    /// # Errors
    ///
    /// None: the next [`recv`](Self::recv) reports how the connection ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn attend(&mut self, time: Duration) -> Result<(), Error> {
        let mut budget = Budget::of(time, self.inner.io.clock().now());
        poll_fn(|cx| self.poll_receive(Purpose::Attend, Some(&mut budget), cx)).await;
        Ok(())
    }

    /// How the connection ended. It is `None` until [`recv`](Self::recv) has returned `None` or an
    /// error, or [`close`](Self::close) has returned.
    #[must_use]
    pub fn closure(&self) -> Option<&Closure> {
        self.inner.driver.closure()
    }

    /// The subprotocol that the server chose.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.inner.established.protocol()
    }

    /// The negotiated parameters of compression (RFC 7692); `None` without compression.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(&self) -> Option<crate::DeflateParams> {
        self.inner.driver.connection().deflate()
    }

    /// The head of the server's response; `None` on the server's side.
    #[must_use]
    pub const fn response(&self) -> Option<&ResponseHead> {
        self.inner.established.response.as_ref()
    }

    /// The head of the client's request; `None` on the client's side.
    #[must_use]
    pub const fn request(&self) -> Option<&RequestHead> {
        self.inner.established.request.as_ref()
    }

    /// Takes the head of the client's request out of the socket. A server that no longer needs it saves
    /// memory: a browser's head is the largest part of an idle connection.
    #[must_use]
    pub const fn take_request(&mut self) -> Option<RequestHead> {
        self.inner.established.request.take()
    }

    /// The round-trip time that the last answered keepalive ping measured.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.inner.driver.connection().round_trip()
    }

    /// The stream.
    #[must_use]
    pub const fn stream(&self) -> &S {
        &self.inner.io.stream
    }

    /// The settings of queues, corking and write timeouts.
    #[must_use]
    pub fn flow(&self) -> Flow {
        *self.inner.driver.flow()
    }

    /// Changes the settings of queues, corking and write timeouts, from now on.
    pub fn set_flow(&mut self, flow: Flow) {
        self.inner.driver.set_flow(flow);
    }

    /// Splits the connection into a reader, and a writer that you can clone. Each works in its own task,
    /// also while the others wait.
    pub fn split(self) -> (Reader<R, S>, Writer<R, S>) {
        let Inner { io, driver, arrivals, established } = *self.inner;
        shared::split(io, driver, arrivals, established)
    }

    /// Turns the connection into a [`facade::WebSocket`] with callbacks, which run in a task of the
    /// runtime. Messages are whole from then on. [Held](Flow::held_len_max) messages are dropped, so
    /// receive them first.
    ///
    /// # Panics
    ///
    /// If no task can be spawned, for example outside of a tokio runtime.
    #[must_use = "the connection is closed when the socket is dropped"]
    pub fn into_facade(self) -> facade::WebSocket
    where
        S: Send + 'static,
    {
        let Inner { io, driver, arrivals, established } = *self.inner;
        let (opened, slot) = driver.into_opened(arrivals, established, io.clock());
        super::facade::adopt::<R, S>(io.stream, opened, slot)
    }

    /// The same connection with another driver, before it is used.
    #[cfg(feature = "deflate")]
    pub(super) fn map_driver(self, map: impl FnOnce(Driver) -> Driver) -> Self {
        let Inner { io, driver, arrivals, established } = *self.inner;
        Self { inner: Box::new(Inner { io, driver: map(driver), arrivals, established }) }
    }

    async fn receive(&mut self) -> Result<Option<(Message<'_>, bool, Sender<'_, R, S>)>, Error> {
        match poll_fn(|cx| self.poll_message(cx)).await? {
            Some(ready) => self.lend(ready).map(Some),
            None => Ok(None),
        }
    }

    /// Ready when there is a message, which is then to be [lent](Self::lend); `None` at the end.
    ///
    /// # Errors
    ///
    /// Once, if the connection ended without a closing handshake.
    #[inline]
    pub(super) fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Option<Ready>>, Error>> {
        Poll::Ready(match ready!(self.poll_receive(Purpose::Receive, None, cx)) {
            Received::Message(ready) => Ok(Some(ready)),
            Received::Over | Received::End => self.inner.driver.tell_end().map(|()| None),
        })
    }

    #[inline]
    fn poll_receive(
        &mut self,
        purpose: Purpose,
        budget: Option<&mut Budget>,
        cx: &mut Context<'_>,
    ) -> Poll<Received> {
        let Inner { io, driver, arrivals, .. } = &mut *self.inner;
        io.poll_receive(driver, arrivals, purpose, budget, &mut Caller::alone(cx.waker()))
    }

    /// Lends a message, with what can answer it.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] if it turned out to be invalid, with which the connection has ended.
    #[inline]
    pub(super) fn lend(
        &mut self,
        ready: Option<Ready>,
    ) -> Result<(Message<'_>, bool, Sender<'_, R, S>), Error> {
        let Inner { io, driver, arrivals, .. } = &mut *self.inner;
        match driver.lend(ready, arrivals) {
            Ok(Lent { message, fin, aside, corked }) => {
                io.pay(message.len());
                Ok((message, fin, Sender { io, driver, aside, corked }))
            }
            Err(error) => {
                io.fail(driver, &Caller::alone(std::task::Waker::noop()));
                Err(error)
            }
        }
    }
}

impl<R: Runtime, S> fmt::Debug for WebSocket<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("state", &self.inner.driver.state())
            .finish_non_exhaustive()
    }
}
