//! The connection that comes of a request, once its response has been written.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bluewire_core::HandshakeError;
use hyper::upgrade::OnUpgrade;

use super::{UpgradedStream, WebSocket};
use crate::asynch::wait::{either, timer};
use crate::asynch::{Runtime, Timer as _};
use crate::open::error::AcceptError;
use crate::open::request::Opened;
use crate::server::Slot;
use crate::tokio::Tokio;
use crate::trace;

/// Waits until the response has been written, and gives the connection.
///
/// Await it in a task of its own: hyper writes the response after the handler has returned it.
/// Dropped before, it ends the connection.
///
/// There is no connection if the client goes away first, or resets its stream of HTTP/2: that is
/// [`AcceptError::Io`]. If the response has not been written within
/// [`Config::handshake_timeout`](crate::Config::handshake_timeout) of the acceptance, that is
/// [`AcceptError::Handshake`] with `TimedOut`. This happens if your program, or a layer around it,
/// sends another response instead.
#[must_use = "the connection ends when this is dropped"]
pub struct Upgrading {
    on_upgrade: OnUpgrade,
    /// hyper forgets a response that is never sent, and says so only when the connection ends.
    deadline: <Tokio as Runtime>::Timer,
    /// Until the connection is there.
    opened: Option<(Opened, Option<Slot>)>,
}

impl Upgrading {
    pub(super) fn new(
        on_upgrade: OnUpgrade,
        time: Duration,
        opened: Opened,
        slot: Option<Slot>,
    ) -> Self {
        let deadline = timer::<Tokio>(Tokio::now().checked_add(time));
        Self { on_upgrade, deadline, opened: Some((opened, slot)) }
    }

    /// The subprotocol that was chosen.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.opened.as_ref()?.0.established.protocol()
    }

    /// Waits for the connection and serves it until it ends, or until it is cut by the
    /// [`shutdown`](super::Connections::shutdown) of the connections to which it belongs: then what
    /// `serve` returned is dropped.
    ///
    /// # Errors
    ///
    /// If there was no connection.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the connection.
    pub async fn run<F: Future<Output = ()>>(
        self,
        serve: impl FnOnce(WebSocket) -> F,
    ) -> Result<(), AcceptError> {
        let watch = self.opened.as_ref().and_then(|(_, slot)| Some(slot.as_ref()?.watch()));
        let Some(watch) = watch else {
            serve(self.await?).await;
            return Ok(());
        };
        let cut = async {
            watch.cut().await;
            Err(AcceptError::GivenUp)
        };
        let socket = either(self, cut).await?;
        either(serve(socket), watch.cut()).await;
        Ok(())
    }
}

impl Future for Upgrading {
    type Output = Result<WebSocket, AcceptError>;

    /// # Panics
    ///
    /// If it is polled after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let upgraded = match Pin::new(&mut self.on_upgrade).poll(cx) {
            Poll::Ready(upgraded) => Some(upgraded),
            Poll::Pending if self.deadline.poll(cx).is_ready() => None,
            Poll::Pending => return Poll::Pending,
        };
        let (mut opened, slot) = self.opened.take().expect("it is not polled after the end");
        Poll::Ready(match upgraded {
            Some(Ok(upgraded)) => {
                let (stream, leftover) = UpgradedStream::take(upgraded);
                opened.inbox.extend(&leftover);
                Ok(WebSocket::open(stream, opened, slot))
            }
            Some(Err(error)) => Err(AcceptError::of_stream(io::Error::other(error))),
            None => {
                let error = AcceptError::Handshake(HandshakeError::TimedOut);
                trace::loses(&error);
                Err(error)
            }
        })
    }
}

impl fmt::Debug for Upgrading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrading").field("protocol", &self.protocol()).finish_non_exhaustive()
    }
}
