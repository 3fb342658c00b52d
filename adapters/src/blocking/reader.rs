//! The reading end of a blocking connection that was split.

use std::fmt;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use bluewire_core::{Closure, Message, OwnedMessage, RequestHead, ResponseHead};

use super::exchange::{Found, Split, go_on};
use super::net_stream::NetStream;
use super::shared::{Shared, Side};
use super::transport::SplitTransport;
use crate::error::Error;
use crate::open::request::Established;

/// The end of a split connection that receives.
///
/// While any of its methods waits, pings and the peer's Close frame are answered and deadlines are
/// kept, also while a writer waits for a peer that does not read. A reader that is not called reads
/// nothing, so that a peer that sends comes to a halt.
///
/// When it is dropped, the writers take over: they drop what arrives, and answer pings and a Close,
/// while one of them sends (at least every 100 ms) or
/// [waits for the end](super::Writer::closed).
pub struct Reader<S = NetStream> {
    shared: Arc<Shared<S>>,
    /// Always there until this is dropped.
    side: Option<Side>,
    established: Established,
}

impl<S: SplitTransport> Reader<S> {
    pub(super) const fn new(shared: Arc<Shared<S>>, side: Side, established: Established) -> Self {
        Self { shared, side: Some(side), established }
    }

    /// The next message, lent until the next call; `None` at the end of the connection, about
    /// which [`closure`](Self::closure) tells more.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::Fault`] once, if the stream fails or the connection does not end
    /// cleanly. After that there are no messages.
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
        let until = self.shared.now().saturating_add(timeout);
        Ok(self.receive(Some(until))?.map(|(message, _)| message))
    }

    /// The next message, if it has arrived already; see
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

    /// How the connection ended; `None` until that was reported to the reader or to a writer.
    #[must_use]
    pub fn closure(&self) -> Option<Closure> {
        self.shared.lock().parts().0.closure().cloned()
    }

    /// The subprotocol that the server chose.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.established.protocol()
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

    fn receive(&mut self, until: Option<Duration>) -> Result<Option<(Message<'_>, bool)>, Error> {
        let shared = &*self.shared;
        let side = self.side.as_mut().expect("it is there until the reader is dropped");
        let found = go_on(&mut Split::reader(shared, side), until, None);
        let mut state = shared.lock();
        let driver = state.parts().0;
        let part = match found {
            Found::Message(ready) => {
                let lent = shared.lend(driver, ready, &mut side.arrivals, Shutdown::Both);
                lent.map(|lent| Some((lent.message, driver.lent_fin)))
            }
            Found::End => driver.tell_end().map(|()| None),
            Found::Nothing | Found::Goal(_) => Ok(None),
        };
        shared.unlock(state, false);
        part
    }
}

impl<S> Drop for Reader<S> {
    /// Leaves the rest to the writers.
    fn drop(&mut self) {
        self.shared.take_over(self.side.take());
    }
}

impl<S> fmt::Debug for Reader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}
