//! The connection that comes of a request, once its response has been written.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::upgrade::OnUpgrade;

use super::{UpgradedStream, WebSocket};
use crate::asynch::wait::either;
use crate::open::error::AcceptError;
use crate::open::request::Opened;
use crate::server::Slot;

/// Waits until the response has been written, and gives the connection.
///
/// Await it in a task of its own: hyper writes the response after the handler has returned it.
/// Dropped before, it ends the connection.
#[must_use = "the connection ends when this is dropped"]
pub struct Upgrading {
    on_upgrade: OnUpgrade,
    /// Until the connection is there.
    opened: Option<(Opened, Option<Slot>)>,
}

impl Upgrading {
    pub(super) fn new(on_upgrade: OnUpgrade, opened: Opened, slot: Option<Slot>) -> Self {
        Self { on_upgrade, opened: Some((opened, slot)) }
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
        let upgraded = ready!(Pin::new(&mut self.on_upgrade).poll(cx));
        let (mut opened, slot) = self.opened.take().expect("it is not polled after the end");
        Poll::Ready(match upgraded {
            Ok(upgraded) => {
                let (stream, leftover) = UpgradedStream::take(upgraded);
                opened.inbox.extend(&leftover);
                Ok(WebSocket::open(stream, opened, slot))
            }
            Err(error) => Err(AcceptError::of_stream(io::Error::other(error))),
        })
    }
}

impl fmt::Debug for Upgrading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrading").field("protocol", &self.protocol()).finish_non_exhaustive()
    }
}
