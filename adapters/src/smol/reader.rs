//! The reading end of an asynchronous connection that was split.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, ready};

use bluewire_core::{
    Closure, Fault, Message, OwnedMessage, Ready, RequestHead, ResponseHead, State,
};
use smol::io::{AsyncRead, AsyncWrite};

use super::net_stream::NetStream;
use super::shared::{ReadSide, Shared};
use crate::direct::deliver;
use crate::error::Error;

/// The end of a split connection that receives.
///
/// Pings and the peer's Close frame are answered, and deadlines kept, while a future of it runs,
/// also while a writer waits for a peer that does not read. A reader that is not polled reads
/// nothing, so that a peer that sends comes to a halt.
///
/// Dropped, it leaves the connection to the writers: what arrives is dropped, and pings and a Close
/// are answered, while one of them sends (at least every 100 ms, and as long as it waits) or
/// [waits for the end](super::Writer::closed). It is also a `Stream` of messages.
///
/// # Cancel safety
///
/// Dropping any of its futures loses nothing.
pub struct Reader<S = NetStream> {
    shared: Arc<Shared<S>>,
    /// Always there until this is dropped.
    side: Option<ReadSide>,
}

impl<S> Reader<S> {
    pub(super) const fn new(shared: Arc<Shared<S>>, side: ReadSide) -> Self {
        Self { shared, side: Some(side) }
    }

    /// How the connection ended; `None` until it has.
    #[must_use]
    pub fn closure(&self) -> Option<Closure> {
        self.shared.closure()
    }

    /// The subprotocol that the server chose.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.shared.established.protocol.as_deref()
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

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Reader<S> {
    /// The next message, lent until the next call; `None` at the end of the connection, about
    /// which [`closure`](Self::closure) tells more.
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
        let side = self.side.as_mut().expect("it is there until the reader is dropped");
        if !side.held.is_empty() {
            return Poll::Ready(Ok(Some(None)));
        }
        if let Some(ready) = ready!(side.poll_event(&self.shared, cx))? {
            return Poll::Ready(Ok(Some(Some(ready))));
        }
        let told = std::mem::replace(&mut side.end_told, true);
        Poll::Ready(match self.shared.link().connection.fault() {
            Some(fault) if !told => Err(Error::Fault(fault)),
            _ => Ok(None),
        })
    }

    pub(super) fn lend(&mut self, ready: Option<Ready>) -> Result<(Message<'_>, bool), Error> {
        let side = self.side.as_mut().expect("it is there until the reader is dropped");
        let mut link = self.shared.link();
        let (connection, outbox) = link.parts();
        match deliver(ready, side.arrived, &mut side.held, connection, &mut side.inbox, outbox) {
            Some((message, fin)) => {
                side.turn.pay(message.len());
                Ok((message, fin))
            }
            None => {
                // The last bytes of a text were none: the connection has failed.
                side.end_told = true;
                let fault = connection.fault();
                drop(link);
                let cx = &Context::from_waker(std::task::Waker::noop());
                let _ = self.shared.poll_write_out(cx);
                Err(Error::Fault(fault.unwrap_or(Fault::ConnectionLost)))
            }
        }
    }
}

impl<S> Drop for Reader<S> {
    fn drop(&mut self) {
        *self.shared.parked.lock().unwrap_or_else(PoisonError::into_inner) = self.side.take();
        self.shared.changed();
    }
}

impl<S> fmt::Debug for Reader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl ReadSide {
    /// Ready when there is a message, or with `None` at the end.
    fn poll_event<S: AsyncRead + AsyncWrite + Unpin + 'static>(
        &mut self,
        shared: &Shared<S>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Ready>, Error>> {
        let mut answered = false;
        loop {
            ready!(self.turn.poll(cx));
            let mut link = shared.link();
            link.heed();
            let (connection, outbox) = link.parts();
            match connection.poll_event(self.arrived, &mut self.inbox) {
                Some(ready) if ready.is_data() => {
                    drop(link);
                    if answered {
                        // The program may take its time: the answer leaves now, if it can.
                        let _ = shared.poll_write_out(cx);
                    }
                    return Poll::Ready(Ok(Some(ready)));
                }
                Some(ready) => {
                    // A Close frame that was left in the inbox for long begins the closing now.
                    connection.take_event(ready, self.clock.now(), &mut self.inbox, outbox);
                    answered = true;
                    continue;
                }
                None if connection.state() == State::Closed => {
                    link.heed();
                    drop(link);
                    let _ = shared.poll_write_out(cx);
                    shared.changed();
                    return Poll::Ready(Ok(None));
                }
                None => {}
            }
            let due = link.is_due();
            drop(link);
            shared.register(cx);
            let _ = shared.poll_write_out(cx);
            // What has arrived comes before a deadline.
            match shared.poll_read(&mut self.inbox) {
                Poll::Ready(read) => self.take_read(shared, read)?,
                Poll::Pending if due => shared.link().expire(),
                Poll::Pending => {
                    self.turn.renew();
                    let (clock, deadline) = {
                        let link = shared.link();
                        link.listen(cx.waker());
                        (link.clock, link.connection.poll_timeout())
                    };
                    ready!(self.deadline.poll(clock, deadline, cx));
                }
            }
        }
    }

    fn take_read<S>(&mut self, shared: &Shared<S>, read: io::Result<usize>) -> Result<(), Error> {
        match read {
            Ok(0) => shared.link().connection.receive_eof(),
            Ok(len) => {
                self.turn.pay(len);
                self.inbox.filled(len);
                self.arrived = self.clock.now();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                // Once both Close frames have crossed, how the stream ends does not matter.
                let mut link = shared.link();
                let was_open = link.connection.state() == State::Open;
                link.connection.receive_eof();
                drop(link);
                if was_open {
                    self.end_told = true;
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    /// Drops what arrives; ready at the end.
    pub(super) fn poll_discard<S: AsyncRead + AsyncWrite + Unpin + 'static>(
        &mut self,
        shared: &Shared<S>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        while let Some(ready) = ready!(self.poll_event(shared, cx))? {
            let mut link = shared.link();
            let (connection, outbox) = link.parts();
            connection.take_event(ready, self.arrived, &mut self.inbox, outbox);
        }
        Poll::Ready(Ok(()))
    }
}
