//! The direct API over one blocking stream.

mod output;

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{Closure, Message, OwnedMessage, RequestHead, ResponseHead};

use super::exchange::{Found, Whole, go_on, owned};
use super::net_stream::NetStream;
use super::reader::Reader;
use super::sender::Sender;
use super::shared::{Shared, Side};
use super::transport::{SplitTransport, Transport};
use super::writer::Writer;
use crate::drive::{Driver, Flow, Intake, Purpose};
use crate::error::Error;
use crate::facade;
use crate::open::request::{Established, Opened};
use crate::server::Slot;

/// An open connection over a blocking stream.
///
/// One thread uses it at a time. [`split`](Self::split) it for several threads.
/// [`close`](Self::close) ends it.
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
/// While any method waits, the socket sends and answers pings, keeps deadlines, and answers the
/// peer's Close frame. If your program only sends, the socket does this at least every 100 ms. It
/// holds messages that arrive in the meantime for the next `recv`, up to [`Flow::held_len_max`]; then
/// it reads no more until you receive them. Nothing happens while your program calls no method.
///
/// A write fails when the peer reads too slowly for [`Flow::write_timeout`]. Two programs that both
/// only send do not block each other, up to the limit on held messages.
pub struct WebSocket<S = NetStream> {
    pub(super) shared: Arc<Shared<S>>,
    /// Always here between calls.
    pub(super) driver: Option<Box<Driver>>,
    pub(super) side: Side,
    established: Established,
}

impl<S: Transport> WebSocket<S> {
    pub(super) fn new(stream: S, opened: Opened) -> Self {
        Self::with_slot(stream, opened, None)
    }

    fn with_slot(stream: S, opened: Opened, slot: Option<Slot>) -> Self {
        let (driver, arrivals, established, clock) = Driver::open(opened, slot);
        let shared = Shared::new(stream, clock);
        Self { shared, driver: Some(Box::new(driver)), side: Side::new(arrivals), established }
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
    pub fn recv(&mut self) -> Result<Option<Message<'_>>, Error> {
        Ok(self.receive(None)?.map(|(message, _)| message))
    }

    /// Receives the next message as an owned one.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_owned(&mut self) -> Result<Option<OwnedMessage>, Error> {
        Ok(self.recv()?.map(Message::into_owned))
    }

    /// Receives the next message if it arrives within this time. `None` means that none arrived, or
    /// that the connection has ended; then [`closure`](Self::closure) is `Some`.
    ///
    /// A timeout loses nothing. If a part of a message has arrived, a later call receives the
    /// message.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<Message<'_>>, Error> {
        let until = self.shared.now().saturating_add(timeout);
        Ok(self.receive(Some(until))?.map(|(message, _)| message))
    }

    /// Receives the next message if it has already arrived. `None` means the same as in
    /// [`recv_timeout`](Self::recv_timeout). It also writes queued bytes, as far as that is possible
    /// without waiting.
    ///
    /// On an [`Untimed`](super::Untimed) stream it reads nothing.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn try_recv(&mut self) -> Result<Option<Message<'_>>, Error> {
        self.recv_timeout(Duration::ZERO)
    }

    /// Receives the next part of a message, and whether it is the last one.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_chunk(&mut self) -> Result<Option<(Message<'_>, bool)>, Error> {
        let received = self.receive(None)?;
        Ok(received.map(|(message, sender)| (message, owned(sender.whole.driver).lent_fin)))
    }

    /// Receives the next message, with a [`Sender`] that can answer it without a copy.
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
        self.receive(None)
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
    pub fn attend(&mut self, time: Duration) -> Result<(), Error> {
        let until = self.shared.now().saturating_add(time);
        go_on(&mut self.whole(Purpose::Attend), Some(until), None);
        Ok(())
    }

    /// How the connection ended. It is `None` until [`recv`](Self::recv) has returned `None` or an
    /// error, or [`close`](Self::close) has returned.
    #[must_use]
    pub fn closure(&self) -> Option<&Closure> {
        self.driver().closure()
    }

    /// The subprotocol that the server chose.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.established.protocol()
    }

    /// The negotiated parameters of compression (RFC 7692); `None` without compression.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(&self) -> Option<crate::DeflateParams> {
        self.driver().connection().deflate()
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

    /// Takes the head of the client's request out of the socket. A server that no longer needs it
    /// saves memory: a browser's head is the largest part of an idle connection.
    #[must_use]
    pub const fn take_request(&mut self) -> Option<RequestHead> {
        self.established.request.take()
    }

    /// The round-trip time that the last answered keepalive ping measured.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.driver().connection().round_trip()
    }

    /// The stream.
    #[must_use]
    pub fn stream(&self) -> &S {
        &self.shared.stream
    }

    /// The settings of queues, corking and write timeouts.
    #[must_use]
    pub fn flow(&self) -> Flow {
        *self.driver().flow()
    }

    /// Changes the settings of queues, corking and write timeouts, from now on.
    pub fn set_flow(&mut self, flow: Flow) {
        owned(&mut self.driver).set_flow(flow);
    }

    /// Splits the connection into a reader, and a writer that you can clone. Each works on its own
    /// thread, also while the others wait.
    pub fn split(self) -> (Reader<S>, Writer<S>)
    where
        S: SplitTransport,
    {
        let Self { shared, driver, side, established } = self;
        let mut state = shared.lock();
        state.driver = driver;
        shared.share(&mut state);
        drop(state);
        // One that was given meanwhile found no driver.
        shared.follow_order();
        (Reader::new(Arc::clone(&shared), side, established), Writer::new(shared))
    }

    fn receive(
        &mut self,
        until: Option<Duration>,
    ) -> Result<Option<(Message<'_>, Sender<'_, S>)>, Error> {
        let found = go_on(&mut self.whole(Purpose::Receive), until, None);
        let Self { shared, driver, side, .. } = self;
        let ready = match found {
            Found::Message(ready) => ready,
            Found::End => return owned(driver).tell_end().map(|()| None),
            Found::Nothing | Found::Goal(_) => return Ok(None),
        };
        let lent = shared.lend(owned(driver), ready, &mut side.arrivals, Shutdown::Write)?;
        let intake = Intake::Aside(lent.aside);
        let whole = Whole { shared, driver, intake, read_timeout: None };
        Ok(Some((lent.message, Sender { whole })))
    }

    fn whole(&mut self, purpose: Purpose) -> Whole<'_, '_, S> {
        let Self { shared, driver, side, .. } = self;
        let (arrivals, read_timeout) = side.parts();
        let intake = Intake::Arrivals(arrivals, purpose);
        Whole { shared, driver, intake, read_timeout: Some(read_timeout) }
    }

    fn driver(&self) -> &Driver {
        self.driver.as_ref().expect("it is away only while its thread waits")
    }

    /// Does something to the connection before it is used.
    #[cfg(feature = "deflate")]
    pub(super) fn map_driver(mut self, map: impl FnOnce(Driver) -> Driver) -> Self {
        self.driver = self.driver.map(|driver| Box::new(map(*driver)));
        self
    }
}

impl<S: SplitTransport> WebSocket<S> {
    /// A connection that orders can reach from elsewhere: from its server or its canceller.
    pub(super) fn open(stream: S, opened: Opened, slot: Option<Slot>) -> Self {
        let socket = Self::with_slot(stream, opened, slot);
        if let Some(slot) = socket.driver().slot() {
            socket.shared.share(&mut socket.shared.lock());
            slot.listen(&socket.shared.waker());
        }
        socket
    }
}

impl<S: Into<NetStream>> WebSocket<S> {
    /// Turns the connection into a [`facade::WebSocket`] with callbacks, which run on a new thread.
    /// [Held](Flow::held_len_max) messages are dropped, so receive them first. The settings of
    /// [`set_flow`](Self::set_flow) stay, such as the write timeout.
    ///
    /// # Errors
    ///
    /// If the system cannot make a thread or a pipe.
    pub fn into_facade(self) -> io::Result<facade::WebSocket> {
        let (stream, opened, slot) = self.into_opened()?;
        super::facade::adopt(stream.into(), opened, slot)
    }
}

impl<S> WebSocket<S> {
    /// The connection as it is, for a loop of another kind.
    pub(super) fn into_opened(self) -> io::Result<(S, Opened, Option<Slot>)> {
        let Self { shared, driver, side, established } = self;
        let clock = shared.clock;
        // It is away only while its thread waits.
        let driver = driver.ok_or(io::ErrorKind::NotConnected)?;
        let (opened, slot) = driver.into_opened(side.arrivals, established, clock);
        Ok((shared.into_stream(), opened, slot))
    }
}

impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("state", &self.driver.as_ref().map(|driver| driver.state()))
            .finish_non_exhaustive()
    }
}
