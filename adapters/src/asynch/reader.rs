//! The reading end of an asynchronous connection that was split.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bluewire_core::{Closure, Message, OwnedMessage, Ready, RequestHead, ResponseHead};

use super::caller::Keys;
use super::net_stream::NetStream;
use super::runtime::Runtime;
use super::shared::Shared;
use super::transport::AsyncTransport;
use crate::drive::Arrivals;
use crate::error::Error;

/// The end of a split connection that receives.
///
/// While any of its futures waits, pings and the peer's Close frame are answered and deadlines are
/// kept, also while a writer waits for a peer that does not read. A reader that is not polled reads
/// nothing, so that a peer that sends comes to a halt.
///
/// When it is dropped, the writers take over: they drop what arrives, and answer pings and a Close,
/// while one of them sends (at least every 100 ms, and as long as it waits) or
/// [waits for the end](super::Writer::closed). It is also a `Stream` of messages.
///
/// # Cancel safety
///
/// Dropping any of its futures loses nothing.
pub struct Reader<R: Runtime, S = NetStream<R>> {
    shared: Arc<Shared<R, S>>,
    /// Always there until this is dropped.
    arrivals: Option<Box<Arrivals>>,
    /// Of the task that polls this as a `Stream`.
    keys: Keys,
}

impl<R: Runtime, S> Reader<R, S> {
    pub(super) fn new(shared: Arc<Shared<R, S>>, arrivals: Box<Arrivals>) -> Self {
        Self { shared, arrivals: Some(arrivals), keys: Keys::default() }
    }

    /// How the connection ended; `None` until that was reported to the reader or to a writer.
    #[must_use]
    pub fn closure(&self) -> Option<Closure> {
        self.shared.closure()
    }

    /// How many wakers are registered.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.shared.waiting()
    }

    /// The subprotocol that the server chose.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.shared.established.protocol()
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
}

impl<R: Runtime, S: AsyncTransport<R>> Reader<R, S> {
    /// The next message, lent until the next call; `None` at the end of the connection, about
    /// which [`closure`](Self::closure) tells more.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::Fault`] once, if the stream fails or the connection does not end
    /// cleanly. After that there are no messages.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn recv(&mut self) -> Result<Option<Message<'_>>, Error> {
        Ok(self.recv_chunk().await?.map(|(message, _)| message))
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
        let arrivals = there(&mut self.arrivals);
        let received =
            self.shared.wait(|state, caller| state.exchange.poll_message(arrivals, caller));
        match received.await? {
            Some(ready) => self.lend(ready).map(Some),
            None => Ok(None),
        }
    }

    /// As [`Exchange::poll_message`](super::exchange::Exchange::poll_message).
    pub(super) fn poll_message(
        &mut self,
        cx: &Context<'_>,
    ) -> Poll<Result<Option<Option<Ready>>, Error>> {
        let Self { shared, arrivals, keys } = self;
        let arrivals = there(arrivals);
        shared.poll(keys, cx, |state, caller| state.exchange.poll_message(arrivals, caller))
    }

    /// As [`Exchange::lend`](super::exchange::Exchange::lend).
    pub(super) fn lend(&mut self, ready: Option<Ready>) -> Result<(Message<'_>, bool), Error> {
        let arrivals = there(&mut self.arrivals);
        self.shared.call(|state, caller| {
            let lent = state.exchange.lend(ready, arrivals, caller)?;
            Ok((lent.message, state.exchange.driver.lent_fin))
        })
    }
}

fn there(arrivals: &mut Option<Box<Arrivals>>) -> &mut Arrivals {
    arrivals.as_mut().expect("it is there until the reader is dropped")
}

impl<R: Runtime, S> Drop for Reader<R, S> {
    /// Leaves the rest to the writers.
    fn drop(&mut self) {
        self.shared.remove(&self.keys);
        self.shared.park(self.arrivals.take());
    }
}

impl<R: Runtime, S> fmt::Debug for Reader<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}
