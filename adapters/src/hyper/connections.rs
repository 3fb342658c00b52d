//! The connections of an HTTP server, and their shutdown.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::asynch::wait::within;
use crate::server::{Admission, ServerOptions, ShutdownReport, Slot};
use crate::tokio::Tokio;

/// The WebSocket connections of an HTTP server: how many there may be, and how they end cleanly
/// when the server does. An HTTP server forgets a connection that it has handed over.
///
/// Clones are for the same connections.
///
/// ```
/// use bluewire::hyper::Connections;
/// use std::time::Duration;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let connections = Connections::with_limit(10_000);
/// // ... requests are answered by `UpgradeRequest::accept_among(&options, &connections)`.
/// let report = connections.shutdown(Duration::from_secs(5)).await;
/// println!("{} closed, {} cut", report.closed, report.cut);
/// # });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Connections(Arc<Admission>);

impl Connections {
    /// As many as [`ServerOptions::connections_max`] says by default.
    #[must_use]
    pub fn new() -> Self {
        Self(Admission::new(&ServerOptions::default()))
    }

    /// At most so many at a time. Further requests are rejected by 503.
    #[must_use]
    pub fn with_limit(connections_max: usize) -> Self {
        Self(Admission::new(&ServerOptions::default().connections_max(connections_max)))
    }

    /// How many are open, those included whose response is on its way.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.connections()
    }

    /// Whether they are being shut down, or have been. New requests are rejected by 503 then.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.0.is_leaving()
    }

    /// Closes every connection with 1001, waits until they have ended, for at most `budget`, and
    /// then cuts those that are left. Returns a report of that.
    ///
    /// A connection learns of it at once while its task receives. One whose task does something
    /// else is cut at the end of the budget: the task of [`Upgrading::run`](super::Upgrading::run)
    /// is dropped then.
    ///
    /// Called again meanwhile, it does the same: the shorter budget counts.
    ///
    /// # Cancel safety
    ///
    /// Once polled, no new connection comes in and those that are there leave; call it again to wait
    /// for the end and to cut what is left.
    pub async fn shutdown(&self, budget: Duration) -> ShutdownReport {
        self.0.begin_shutdown();
        within::<Tokio, _>(Some(budget), self.0.left()).await;
        self.0.end_shutdown()
    }

    /// Waits for `signal`, begins the shutdown and returns; the rest is done by a task on the current
    /// runtime. For servers whose own graceful shutdown begins with a future, and which wait for
    /// their connections then: over HTTP/2 those last as long as the WebSockets on them.
    ///
    /// [`report`](Self::report) waits for the end.
    ///
    /// # Panics
    ///
    /// The future does outside of a tokio runtime.
    pub fn shutdown_on<F>(
        &self,
        signal: F,
        budget: Duration,
    ) -> impl Future<Output = ()> + Send + use<F>
    where
        F: Future<Output = ()> + Send,
    {
        let connections = self.clone();
        async move {
            signal.await;
            connections.0.begin_shutdown();
            tokio::spawn(async move { connections.shutdown(budget).await });
        }
    }

    /// Waits until a shutdown is complete.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn report(&self) -> ShutdownReport {
        self.0.over().await
    }

    pub(super) fn enter(&self) -> Option<Slot> {
        self.0.enter(None)
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("count", &self.count()).finish()
    }
}
