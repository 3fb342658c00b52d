//! One connection after the other.

use std::fmt;
use std::future::pending;
use std::marker::PhantomData;
use std::time::Duration;

use bluewire_core::Closure;

use super::dial::{dial, pause};
use super::runtime::Runtime;
use super::websocket::WebSocket;
use crate::clock::Clock;
use crate::open::error::ConnectError;
use crate::open::options::ConnectOptions;
use crate::open::reconnect::{Course, RetryEvent};
use crate::open::request::Request;
use crate::server::Slot;

/// Connects to a URL again and again, by the rules and delays of [`reconnect`](crate::reconnect).
pub struct Reconnecting<R> {
    request: Request,
    course: Course,
    runtime: PhantomData<fn() -> R>,
}

impl<R: Runtime> Reconnecting<R> {
    /// Checks the options, and connects to nothing yet. Without
    /// [settings](ConnectOptions::reconnect) for it, the defaults apply.
    ///
    /// # Errors
    ///
    /// If an option is invalid.
    pub fn new(options: impl Into<ConnectOptions>) -> Result<Self, ConnectError> {
        let request = Request::to_connect(options.into())?;
        let settings = request.reconnect.clone().unwrap_or_default();
        let course = Course::new(settings, request.id, Clock::by(R::now));
        Ok(Self { request, course, runtime: PhantomData })
    }

    /// Waits as long as it must, connects, and goes on until there is a connection. The first
    /// attempt is made at once. `None` if the last connection ended in a way that is not worth a
    /// retry, or when an earlier call has given up.
    ///
    /// # Errors
    ///
    /// The error of the last attempt, if it is not worth a retry or there were too many in a row.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: a wait goes on in the next call, to the same end, and an
    /// attempt that was under way is made anew.
    pub async fn next_connection(
        &mut self,
    ) -> Result<Option<WebSocket<R, R::NetStream>>, ConnectError> {
        self.course.let_go();
        while let Some(time) = self.course.time_left() {
            match self.attempt_in(time).await {
                Ok(socket) => {
                    self.course.opened();
                    return Ok(Some(socket));
                }
                Err(error) => self.course.failed(error)?,
            }
        }
        Ok(None)
    }

    async fn attempt_in(&self, time: Duration) -> Result<WebSocket<R, R::NetStream>, ConnectError> {
        pause::<R>(time, &self.request).await?;
        let (stream, opened) = dial::<R>(&self.request, pending()).await?;
        Ok(WebSocket::open(stream, opened, Slot::of_client(&self.request)))
    }

    /// Calls this each time that an attempt has failed or a connection has ended, and another attempt
    /// will come. The last failure is not among them: [`next_connection`](Self::next_connection)
    /// returns it. A later call replaces the callback.
    ///
    /// It is called within [`next_connection`](Self::next_connection), before the wait, and within
    /// [`ended`](Self::ended).
    ///
    /// See the same method of `bluewire::blocking::Reconnecting` for an example.
    pub fn on_retry(&mut self, tell: impl FnMut(&RetryEvent<'_>) + Send + 'static) {
        self.course.on_retry(tell);
    }

    /// Reports how the last connection ended, which decides whether there is another one. Without
    /// this call, or with `None`, the connection counts as lost, and there is.
    pub fn ended(&mut self, closure: Option<&Closure>) {
        self.course.closed(closure);
    }
}

impl<R> fmt::Debug for Reconnecting<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnecting").field("course", &self.course).finish_non_exhaustive()
    }
}
