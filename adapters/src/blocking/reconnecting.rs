//! One connection after the other.

use std::fmt;
use std::time::Duration;

use bluewire_core::Closure;

use super::dial::{dial, pause};
use super::net_stream::NetStream;
use super::wake::WakePipe;
use super::websocket::WebSocket;
use crate::clock::Clock;
use crate::open::error::ConnectError;
use crate::open::options::ConnectOptions;
use crate::open::reconnect::{Course, RetryEvent};
use crate::open::request::Request;
use crate::server::Slot;

/// Connects to a URL again and again, by the rules and delays of [`reconnect`](crate::reconnect).
///
/// ```
/// use bluewire::{CloseCode, ConnectOptions, Reconnect, blocking};
/// use std::time::Duration;
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("ws://{}/", listener.local_addr()?);
/// # let server = std::thread::spawn(move || {
/// #     for code in [CloseCode::SERVICE_RESTART, CloseCode::NORMAL] {
/// #         let mut socket = blocking::accept(listener.accept().unwrap().0).unwrap();
/// #         socket.send("welcome").unwrap();
/// #         socket.close(code, "").unwrap();
/// #     }
/// # });
///
/// let reconnect = Reconnect::default().first_delay(Duration::from_millis(100));
/// let options = ConnectOptions::new(url).reconnect(reconnect);
/// let mut connections = blocking::Reconnecting::new(options)?;
/// # let mut count = 0;
/// while let Some(mut socket) = connections.next_connection()? {
///     // Say here who you are and what you want: the server has forgotten.
///     while let Ok(Some(message)) = socket.recv() {
///         println!("{message:?}");
///     }
///     connections.ended(socket.closure());
/// #   count += 1;
/// }
/// # assert_eq!(count, 2);
/// # server.join().expect("it is well");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Reconnecting {
    request: Request,
    course: Course,
    pipe: WakePipe,
}

impl Reconnecting {
    /// Checks the options, and connects to nothing yet. Without
    /// [`ConnectOptions::reconnect`] the defaults apply.
    ///
    /// # Errors
    ///
    /// If an option is invalid, or the system has no pipe.
    pub fn new(options: impl Into<ConnectOptions>) -> Result<Self, ConnectError> {
        let request = Request::to_connect(options.into())?;
        let settings = request.reconnect.clone().unwrap_or_default();
        let course = Course::new(settings, request.id, Clock::start());
        let pipe = WakePipe::new().map_err(ConnectError::Io)?;
        Ok(Self { request, course, pipe })
    }

    /// Waits for the delay, connects, and goes on until there is a connection. The first attempt is
    /// made at once. `None` if the last connection ended in a way that is not worth a
    /// retry, or when an earlier call has given up.
    ///
    /// A [`Canceller`](crate::Canceller) ends the wait and the attempt from another thread.
    ///
    /// # Errors
    ///
    /// That of the last attempt, if it is not worth a retry or there were too many in a row.
    pub fn next_connection(&mut self) -> Result<Option<WebSocket<NetStream>>, ConnectError> {
        self.course.let_go();
        while let Some(time) = self.course.time_left() {
            match self.attempt_in(time) {
                Ok(socket) => {
                    self.course.opened();
                    return Ok(Some(socket));
                }
                Err(error) => self.course.failed(error)?,
            }
        }
        Ok(None)
    }

    fn attempt_in(&self, time: Duration) -> Result<WebSocket<NetStream>, ConnectError> {
        let Self { request, pipe, .. } = self;
        pause(time, request, pipe, || false)?;
        let (stream, opened) = dial(request, pipe, || false)?;
        Ok(WebSocket::open(stream, opened, Slot::of_client(request)))
    }

    /// Calls this each time that an attempt has failed or a connection has ended, and another attempt
    /// will come. The last failure is not among them: [`next_connection`](Self::next_connection)
    /// returns it. A later call replaces the callback.
    ///
    /// It is called within [`next_connection`](Self::next_connection), before the wait, and within
    /// [`ended`](Self::ended).
    ///
    /// ```no_run
    /// # fn main() -> Result<(), bluewire::ConnectError> {
    /// use bluewire::reconnect::Ending;
    ///
    /// let mut connections = bluewire::blocking::Reconnecting::new("wss://chat.example/")?;
    /// connections.on_retry(|event| {
    ///     if let Some(Ending::Unopened(error)) = event.ending {
    ///         eprintln!("{error}; attempt {} in {:?}", event.retry + 1, event.delay);
    ///     }
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_retry(&mut self, tell: impl FnMut(&RetryEvent<'_>) + Send + 'static) {
        self.course.on_retry(tell);
    }

    /// Reports how the last connection ended, which decides whether there is another one. Without
    /// this call, or with `None`, the connection counts as lost, and there is.
    pub fn ended(&mut self, closure: Option<&Closure>) {
        self.course.closed(closure);
    }
}

impl fmt::Debug for Reconnecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnecting").field("course", &self.course).finish_non_exhaustive()
    }
}
