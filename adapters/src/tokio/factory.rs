//! Connections with callbacks.

use tokio::runtime::Handle;

use super::Tokio;
use crate::asynch::{self, Platform};
use crate::facade::WebSocket;
use crate::open::error::ConnectError;
use crate::open::options::ConnectOptions;

/// Makes a connection in the background, in a task on the current runtime; see
/// [`facade`](crate::facade).
///
/// # Errors
///
/// If an argument is invalid. Nothing has been started then. `on_error` and `on_close` report what
/// happens on the network.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub fn create(options: impl Into<ConnectOptions>) -> Result<WebSocket, ConnectError> {
    let runtime = Tokio::spawner().unwrap_or_else(|error| panic!("{error}"));
    asynch::create::<Tokio>(runtime, options.into())
}

/// The same on another runtime, whose threads call the callbacks. When that is dropped, so are its
/// connections, and no callback is called.
///
/// ```
/// use bluewire::tokio::websocketfactory;
/// use std::sync::mpsc::channel;
/// # use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("ws://{}/", listener.local_addr()?);
/// # drop(listener);
/// let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
/// let socket = websocketfactory::create_on(runtime.handle(), url)?;
/// let (sender, closed) = channel();
/// socket.on_close(move |event| sender.send(event.was_clean).unwrap());
/// assert!(!closed.recv_timeout(Duration::from_secs(30))?);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`create`].
pub fn create_on(
    runtime: &Handle,
    options: impl Into<ConnectOptions>,
) -> Result<WebSocket, ConnectError> {
    asynch::create::<Tokio>(runtime.clone(), options.into())
}
