//! The arguments of the facade's calls and callbacks.

use std::fmt;
use std::time::Duration;

use bluewire_core::{Closure, Message, OwnedMessage, PreparedMessage};

use crate::error::Error;
use crate::open::reconnect::Retry;

pub(crate) type Success = Box<dyn FnOnce() + Send>;
pub(crate) type Fail = Box<dyn FnOnce(&str, FailCode) + Send>;

/// The two callbacks of one call, of which exactly one is called, once.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) success: Option<Success>,
    pub(crate) fail: Option<Fail>,
}

impl Outcome {
    pub(crate) fn is_unwatched(&self) -> bool {
        self.success.is_none() && self.fail.is_none()
    }
}

/// The content of a message.
#[derive(Debug)]
pub(crate) enum Data {
    Owned(OwnedMessage),
    Prepared(PreparedMessage),
}

/// The argument of [`WebSocket::send`](super::WebSocket::send): a message, and callbacks for its
/// outcome. Text, bytes and a [`PreparedMessage`] convert into it.
///
/// ```
/// use bluewire::facade::SendOptions;
///
/// let options = SendOptions::new("send message")
///     .success(|| println!("handed over"))
///     .fail(|data, code| eprintln!("not sent: {data} ({code})"));
/// ```
pub struct SendOptions {
    pub(crate) data: Data,
    pub(crate) outcome: Outcome,
}

impl SendOptions {
    /// Sends this message.
    pub fn new(data: impl Into<Self>) -> Self {
        data.into()
    }

    /// Sets a callback for success: the operating system has taken all bytes of the message.
    #[must_use]
    pub fn success(mut self, success: impl FnOnce() + Send + 'static) -> Self {
        self.outcome.success = Some(Box::new(success));
        self
    }

    /// Sets a callback for failure. It gets the reason as a sentence and as a code.
    #[must_use]
    pub fn fail(mut self, fail: impl FnOnce(&str, FailCode) + Send + 'static) -> Self {
        self.outcome.fail = Some(Box::new(fail));
        self
    }

    fn of(data: Data) -> Self {
        Self { data, outcome: Outcome::default() }
    }
}

impl fmt::Debug for SendOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendOptions").field("data", &self.data).finish_non_exhaustive()
    }
}

impl From<OwnedMessage> for SendOptions {
    fn from(message: OwnedMessage) -> Self {
        Self::of(Data::Owned(message))
    }
}

impl From<Message<'_>> for SendOptions {
    fn from(message: Message<'_>) -> Self {
        message.into_owned().into()
    }
}

impl From<PreparedMessage> for SendOptions {
    fn from(message: PreparedMessage) -> Self {
        Self::of(Data::Prepared(message))
    }
}

impl From<String> for SendOptions {
    fn from(text: String) -> Self {
        OwnedMessage::Text(text).into()
    }
}

impl From<&str> for SendOptions {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Vec<u8>> for SendOptions {
    fn from(bytes: Vec<u8>) -> Self {
        OwnedMessage::Binary(bytes).into()
    }
}

impl From<&[u8]> for SendOptions {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_owned().into()
    }
}

/// The argument of [`WebSocket::close`](super::WebSocket::close): a code, a reason, and callbacks for
/// the outcome. The default closes with 1000 and no reason.
///
/// ```
/// use bluewire::facade::CloseOptions;
///
/// let options = CloseOptions::default()
///     .code(1000)
///     .reason("close as normal")
///     .success(|| println!("closed"))
///     .fail(|data, code| eprintln!("not closed: {data} ({code})"));
/// ```
#[derive(Default)]
pub struct CloseOptions {
    pub(crate) code: Option<u16>,
    pub(crate) reason: Option<String>,
    pub(crate) outcome: Outcome,
}

impl CloseOptions {
    /// The close code: 1000 to 1003, 1007 to 1014 or 3000 to 4999.
    #[must_use]
    pub fn code(mut self, code: u16) -> Self {
        self.code = Some(code);
        self
    }

    /// The reason: at most 123 bytes of UTF-8, and only together with a code.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Sets a callback for success: both ends have sent a Close frame.
    #[must_use]
    pub fn success(mut self, success: impl FnOnce() + Send + 'static) -> Self {
        self.outcome.success = Some(Box::new(success));
        self
    }

    /// Sets a callback for failure: the call was refused, or the peer did not answer in time.
    #[must_use]
    pub fn fail(mut self, fail: impl FnOnce(&str, FailCode) + Send + 'static) -> Self {
        self.outcome.fail = Some(Box::new(fail));
        self
    }
}

impl fmt::Debug for CloseOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloseOptions")
            .field("code", &self.code)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl From<u16> for CloseOptions {
    fn from(code: u16) -> Self {
        Self::default().code(code)
    }
}

impl From<(u16, &str)> for CloseOptions {
    fn from((code, reason): (u16, &str)) -> Self {
        Self::default().code(code).reason(reason)
    }
}

/// Why a call failed, as a number; the [module's page](super) has a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailCode {
    /// 200: the state of the connection does not allow the call: it is not open yet, closing (for a
    /// send) or closed.
    State,
    /// 202: an argument is invalid.
    Argument,
    /// 204: it timed out.
    TimedOut,
    /// 205: the connection is closing already, or too much is buffered.
    Busy,
    /// 300: an input or output failed.
    Io,
}

impl FailCode {
    /// The number.
    #[must_use]
    pub const fn value(self) -> u16 {
        match self {
            Self::State => 200,
            Self::Argument => 202,
            Self::TimedOut => 204,
            Self::Busy => 205,
            Self::Io => 300,
        }
    }
}

impl fmt::Display for FailCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

/// The argument of `on_close`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseEvent {
    /// The code in the peer's Close frame: 1005 if the frame has no code, 1006 if no frame arrived.
    pub code: u16,
    /// The reason in the peer's Close frame, or empty.
    pub reason: String,
    /// Whether both ends sent a Close frame and the connection then ended.
    pub was_clean: bool,
}

impl CloseEvent {
    pub(crate) fn new(closure: &Closure) -> Self {
        Self {
            code: closure.code.value(),
            reason: closure.reason.to_string(),
            was_clean: closure.clean,
        }
    }

    /// The end of a connection that never opened.
    pub(crate) fn unopened() -> Self {
        Self { code: 1006, reason: String::new(), was_clean: false }
    }
}

/// The argument of `on_error`.
#[derive(Debug)]
#[non_exhaustive]
pub struct ErrorEvent {
    /// The error in a sentence.
    pub data: String,
    /// The error as a value.
    pub error: Error,
}

impl ErrorEvent {
    pub(crate) fn new(error: Error) -> Self {
        Self { data: error.to_string(), error }
    }
}

/// The argument of `on_reconnect`: how the connection or the attempt ended, and when the next attempt
/// starts.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReconnectEvent {
    /// The number of this retry, counted from the beginning or from the last
    /// [stable](crate::Reconnect::stable_after) connection.
    pub retry: u32,
    /// The time until the next attempt, from now.
    pub delay: Duration,
    /// The event that `on_close` would get without reconnection.
    pub close: CloseEvent,
    /// The event that `on_error` would get without reconnection.
    pub error: Option<ErrorEvent>,
}

impl ReconnectEvent {
    pub(crate) fn new(retry: Retry, close: CloseEvent, error: Option<Error>) -> Self {
        let error = error.map(ErrorEvent::new);
        Self { retry: retry.count, delay: retry.delay, close, error }
    }
}

/// The state of a connection, as in a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the four of every such interface")]
pub enum ReadyState {
    /// The connection is not open yet, or not open again.
    Connecting,
    /// Messages can be sent.
    Open,
    /// The closing handshake has begun.
    Closing,
    /// The connection has ended, or could not be opened.
    Closed,
}
