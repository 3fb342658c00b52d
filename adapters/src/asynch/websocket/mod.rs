//! The direct API over one asynchronous stream.

mod output;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bluewire_core::{Closure, Message, OwnedMessage, Ready, RequestHead, ResponseHead};

use super::caller::Caller;
use super::exchange::Exchange;
use super::net_stream::NetStream;
use super::reader::Reader;
use super::runtime::Runtime;
use super::sender::Sender;
use super::shared::Shared;
use super::transport::AsyncTransport;
use super::writer::Writer;
use crate::drive::{Arrivals, Budget, Driver, Flow, Intake, Lent, Purpose};
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
/// With a fast peer, `recv` and `send` could be ready at every poll. After 256 messages or 64 KiB
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
    pub(super) exchange: Exchange<R, S>,
    pub(super) arrivals: Arrivals,
    established: Established,
}

impl<R: Runtime, S: AsyncTransport<R>> WebSocket<R, S> {
    /// The socket of a connection that is open, perhaps one of a server's.
    pub(crate) fn open(stream: S, opened: Opened, slot: Option<Slot>) -> Self {
        let (driver, arrivals, established, clock) = Driver::open(opened, slot);
        let exchange = Exchange::new(stream, driver, clock);
        Self { inner: Box::new(Inner { exchange, arrivals, established }) }
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
        Ok(self.receive().await?.map(|(message, _)| message))
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
        let received = self.receive().await?;
        Ok(received.map(|(message, sender)| (message, sender.exchange.driver.lent_fin)))
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
        self.receive().await
    }

    /// Keeps the connection alive without receiving, for this long or until the connection ends. It
    /// answers pings and a Close frame, keeps deadlines, and writes queued bytes. It holds messages
    /// for the next `recv`, up to [`Flow::held_len_max`]; then it reads no more, and sends no
    /// pings.
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
        let mut budget = Budget::of(time, self.inner.exchange.now());
        poll_fn(|cx| {
            let (exchange, mut intake) = self.inner.parts(Purpose::Attend);
            exchange.poll_receive(&mut intake, Some(&mut budget), &mut Caller::alone(cx.waker()))
        })
        .await;
        Ok(())
    }

    /// How the connection ended. It is `None` until [`recv`](Self::recv) has returned `None` or an
    /// error, or [`close`](Self::close) has returned.
    #[must_use]
    pub fn closure(&self) -> Option<&Closure> {
        self.inner.exchange.driver.closure()
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
        self.inner.exchange.driver.connection().deflate()
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

    /// Takes the head of the client's request out of the socket. A server that no longer needs it
    /// saves memory: a browser's head is the largest part of an idle connection.
    #[must_use]
    pub const fn take_request(&mut self) -> Option<RequestHead> {
        self.inner.established.request.take()
    }

    /// The round-trip time that the last answered keepalive ping measured.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.inner.exchange.driver.connection().round_trip()
    }

    /// The stream.
    #[must_use]
    pub const fn stream(&self) -> &S {
        &self.inner.exchange.io.stream
    }

    /// The settings of queues, corking and write timeouts.
    #[must_use]
    pub fn flow(&self) -> Flow {
        *self.inner.exchange.driver.flow()
    }

    /// Changes the settings of queues, corking and write timeouts, from now on.
    pub fn set_flow(&mut self, flow: Flow) {
        self.inner.exchange.driver.set_flow(flow);
    }

    /// Splits the connection into a reader, and a writer that you can clone. Each works in its own
    /// task, also while the others wait.
    pub fn split(self) -> (Reader<R, S>, Writer<R, S>) {
        let Inner { exchange, arrivals, established } = *self.inner;
        let shared = Arc::new(Shared::new(exchange, established));
        (Reader::new(Arc::clone(&shared), Box::new(arrivals)), Writer::new(shared))
    }

    /// Turns the connection into a [`facade::WebSocket`] with callbacks, which run in a task of the
    /// runtime. Messages are whole from then on. [Held](Flow::held_len_max) messages are dropped,
    /// so receive them first. The settings of [`set_flow`](Self::set_flow) stay, such as the write
    /// timeout.
    ///
    /// # Panics
    ///
    /// If no task can be spawned, for example outside of a tokio runtime.
    #[must_use = "the connection is closed when the socket is dropped"]
    pub fn into_facade(self) -> facade::WebSocket
    where
        S: Send + 'static,
    {
        let Inner { exchange: Exchange { io, driver }, arrivals, established } = *self.inner;
        let (opened, slot) = driver.into_opened(arrivals, established, io.clock());
        super::facade::adopt::<R, S>(io.stream, opened, slot)
    }

    /// The same connection with another driver, before it is used.
    #[cfg(feature = "deflate")]
    pub(super) fn map_driver(self, map: impl FnOnce(Driver) -> Driver) -> Self {
        let Inner { exchange: Exchange { io, driver }, arrivals, established } = *self.inner;
        let exchange = Exchange { io, driver: map(driver) };
        Self { inner: Box::new(Inner { exchange, arrivals, established }) }
    }

    const fn receive(&mut self) -> Receive<'_, R, S> {
        Receive(Some(self))
    }

    /// As [`Exchange::poll_message`].
    #[inline]
    pub(super) fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Option<Ready>>, Error>> {
        let Inner { exchange, arrivals, .. } = &mut *self.inner;
        exchange.poll_message(arrivals, &mut Caller::alone(cx.waker()))
    }

    /// As [`Exchange::lend`], with what can answer the message.
    #[inline]
    pub(super) fn lend(
        &mut self,
        ready: Option<Ready>,
    ) -> Result<(Message<'_>, Sender<'_, R, S>), Error> {
        let Inner { exchange, arrivals, .. } = &mut *self.inner;
        let Lent { message, aside } = exchange.lend(ready, arrivals, &Caller::brief())?;
        Ok((message, Sender { exchange, intake: Intake::Aside(aside) }))
    }
}

/// Receives a message. By hand, since the future of an `async fn` would move what it lends about.
struct Receive<'a, R: Runtime, S>(Option<&'a mut WebSocket<R, S>>);

impl<'a, R: Runtime, S: AsyncTransport<R>> Future for Receive<'a, R, S> {
    type Output = Result<Option<(Message<'a>, Sender<'a, R, S>)>, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(socket) = self.0.take() else { return Poll::Pending };
        match socket.poll_message(cx) {
            Poll::Pending => {
                self.0 = Some(socket);
                Poll::Pending
            }
            Poll::Ready(Ok(Some(ready))) => Poll::Ready(socket.lend(ready).map(Some)),
            Poll::Ready(Ok(None)) => Poll::Ready(Ok(None)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        }
    }
}

impl<R: Runtime, S> fmt::Debug for WebSocket<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("state", &self.inner.exchange.driver.state())
            .finish_non_exhaustive()
    }
}
