//! The direct API over one blocking stream.

mod output;

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{Closure, Message, OwnedMessage, RequestHead, ResponseHead};

use super::exchange::{Found, Intake, Whole, go_on, owned};
use super::net_stream::NetStream;
use super::reader::Reader;
use super::sender::Sender;
use super::shared::{Shared, Side};
use super::transport::{SplitTransport, Transport};
use super::writer::Writer;
use crate::drive::{Driver, Flow, Purpose};
use crate::error::Error;
use crate::facade;
use crate::open::request::{Established, Opened};
use crate::server::Slot;

/// An open connection over a blocking stream.
///
/// One thread uses it at a time; [`split`](Self::split) it for two. [`close`](Self::close) ends it.
///
/// # When a message leaves
///
/// [`send`](Self::send) writes at once, unless another whole frame has arrived already: then the
/// message waits for the answer to that frame, so that one write carries both. It leaves when
/// `recv` next waits, when 64 KiB wait, on [`flush`](Self::flush) and on [`close`](Self::close).
/// With [`Flow::cork`] off it never waits.
///
/// # What happens when
///
/// While any method waits, pings are sent and answered, deadlines are kept, and a Close frame of
/// the peer is answered. A program that only sends does the same at least every 100 ms. Messages
/// that arrive while it sends are held for the next `recv`, up to [`Flow::held_len_max`]; then
/// nothing more is read until they are received. Nothing happens while the program calls no method.
///
/// A write fails when the peer takes too little for [`Flow::write_timeout`]. Two such sockets that
/// send to each other without receiving do not block each other below the bound on held messages.
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

    /// The next message, lent until the next call; `None` at the end of the connection, about
    /// which [`closure`](Self::closure) tells more.
    ///
    /// With [`Delivery::Chunks`](bluewire_core::Delivery::Chunks), use
    /// [`recv_chunk`](Self::recv_chunk): here each part would look like a message.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::Fault`] once, if the stream fails or the connection does not end
    /// in order. After that there are no messages.
    pub fn recv(&mut self) -> Result<Option<Message<'_>>, Error> {
        Ok(self.receive(None)?.map(|(message, ..)| message))
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
    /// A timeout loses nothing: a later call receives a message of which a part has come.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<Message<'_>>, Error> {
        let until = self.shared.now().saturating_add(timeout);
        Ok(self.receive(Some(until))?.map(|(message, ..)| message))
    }

    /// The next message, if it has arrived already; `None` as in
    /// [`recv_timeout`](Self::recv_timeout). It writes queued bytes as far as that is possible
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

    /// The next part of a message, and whether it is the last one.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_chunk(&mut self) -> Result<Option<(Message<'_>, bool)>, Error> {
        Ok(self.receive(None)?.map(|(message, fin, _)| (message, fin)))
    }

    /// The next message, and a [`Sender`] that answers it without a copy.
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
        Ok(self.receive(None)?.map(|(message, _, sender)| (message, sender)))
    }

    /// Waits for this long, or until the connection ends, without receiving: pings are answered,
    /// a Close is seen, deadlines are kept, queued bytes are written, and messages are held for the
    /// next `recv`, up to [`Flow::held_len_max`]. Once as much is held, nothing more is read, and
    /// no ping is sent.
    ///
    /// For a program that does not want messages just now and does not want to lose its peer.
    ///
    /// # Errors
    ///
    /// None: the next [`recv`](Self::recv) reports how the connection ended.
    pub fn attend(&mut self, time: Duration) -> Result<(), Error> {
        let until = self.shared.now().saturating_add(time);
        go_on(&mut self.whole(), Purpose::Attend, Some(until), None);
        Ok(())
    }

    /// How the connection ended; `None` until [`recv`](Self::recv) has returned `None` or an
    /// error, or [`close`](Self::close) has returned.
    #[must_use]
    pub fn closure(&self) -> Option<&Closure> {
        self.driver().closure()
    }

    /// The subprotocol that the server chose.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.established.protocol.as_deref()
    }

    /// The parameters of compression (RFC 7692) that both ends agreed on; `None` without it.
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

    /// Takes the head of the client's request out of the socket, for a server that has read in it
    /// what it wants: a browser's head is the largest part of what an idle connection costs.
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

    /// How bytes and messages flow.
    #[must_use]
    pub fn flow(&self) -> Flow {
        self.driver().flow
    }

    /// Changes how bytes and messages flow, from here on.
    pub fn set_flow(&mut self, flow: Flow) {
        owned(&mut self.driver).flow = flow;
    }

    /// A reader, and a writer that can be cloned, for as many threads: each works while the
    /// others wait.
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
    ) -> Result<Option<(Message<'_>, bool, Sender<'_, S>)>, Error> {
        let found = go_on(&mut self.whole(), Purpose::Receive, until, None);
        let Self { shared, driver, side, .. } = self;
        let ready = match found {
            Found::Message(ready) => ready,
            Found::End => return owned(driver).tell_end(&mut side.arrivals).map(|()| None),
            Found::Nothing | Found::Goal(_) => return Ok(None),
        };
        let lent = shared.lend(owned(driver), ready, side, Shutdown::Write)?;
        let sender = Sender { shared, driver, aside: lent.aside, corked: lent.corked };
        Ok(Some((lent.message, lent.fin, sender)))
    }

    fn whole(&mut self) -> Whole<'_, '_, S> {
        let Self { shared, driver, side, .. } = self;
        Whole { shared, driver, intake: Intake::Side(side) }
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
    /// A client's connection, which its canceller can reach.
    pub(super) fn of_client(stream: S, opened: Opened, slot: Option<Slot>) -> Self {
        match slot {
            Some(slot) => Self::of_server(stream, opened, slot),
            None => Self::new(stream, opened),
        }
    }

    /// A connection that belongs to a server, or that gets orders from elsewhere.
    pub(super) fn of_server(stream: S, opened: Opened, slot: Slot) -> Self {
        let socket = Self::with_slot(stream, opened, Some(slot));
        socket.shared.share(&mut socket.shared.lock());
        if let Some(slot) = socket.driver().slot() {
            slot.listen(&socket.shared.waker());
        }
        socket
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
        let Self { shared, driver, side, established } = self;
        let clock = shared.clock;
        // It is away only while its thread waits.
        let driver = driver.ok_or(io::ErrorKind::NotConnected)?;
        let (opened, slot) = driver.into_opened(side.arrivals, established, clock);
        super::facade::adopt(shared.into_stream().into(), opened, slot)
    }
}

impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("state", &self.driver.as_ref().map(|driver| driver.state()))
            .finish_non_exhaustive()
    }
}
