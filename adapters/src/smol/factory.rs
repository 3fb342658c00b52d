//! Connections with callbacks.

use std::sync::Arc;

use smol::Executor;

use super::Smol;
use super::workers::Spawner;
use crate::asynch;
use crate::facade::WebSocket;
use crate::open::error::ConnectError;
use crate::open::options::ConnectOptions;

/// Makes a connection in the background, in a task on smol's global executor; see
/// [`facade`](crate::facade).
///
/// # Errors
///
/// If an argument is invalid. Nothing has been started then. `on_error` and `on_close` report what
/// happens on the network.
pub fn create(options: impl Into<ConnectOptions>) -> Result<WebSocket, ConnectError> {
    asynch::create::<Smol>(Spawner::Global, options.into())
}

/// The same in tasks on an executor of yours: whoever runs it calls the callbacks.
///
/// So a program whose callbacks belong to one thread has them there, without a queue between. The
/// executor [is empty](Executor::is_empty) when every connection on it has ended and every callback
/// that was due has been called. When it is dropped, so are the connections, and no callback is
/// called.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use bluewire::smol::websocketfactory;
///
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("ws://{}/", listener.local_addr()?);
/// # drop(listener);
/// let executor = Arc::new(smol::Executor::new());
/// let socket = websocketfactory::create_on(&executor, url)?;
/// let here = std::thread::current().id();
/// socket.on_close(move |_| assert_eq!(std::thread::current().id(), here));
/// smol::block_on(async {
///     while !executor.is_empty() {
///         executor.tick().await;
///     }
/// });
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`create`].
pub fn create_on(
    executor: &Arc<Executor<'static>>,
    options: impl Into<ConnectOptions>,
) -> Result<WebSocket, ConnectError> {
    asynch::create::<Smol>(Spawner::On(Arc::downgrade(executor)), options.into())
}
