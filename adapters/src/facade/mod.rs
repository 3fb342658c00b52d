//! The callback API: `create`, `send`, `close`, `on_open`, `on_message`, `on_close`, `on_error`.
//!
//! The same on every adapter. A connection is made by the adapter's `websocketfactory::create`,
//! which returns at once; everything that happens after is told by callbacks.
//!
//! ```no_run
//! use bluewire::blocking::websocketfactory;
//!
//! let socket = websocketfactory::create("ws://localhost:8088")?;
//! let sender = socket.clone();
//! socket.on_open(move || sender.send("Hello"));
//! socket.on_message(|message| println!("{message:?}"));
//! socket.on_error(|error| eprintln!("{}", error.data));
//! socket.on_close(|close| println!("{} {}", close.code, close.was_clean));
//! # Ok::<(), bluewire::ConnectError>(())
//! ```
//!
//! # What is promised
//!
//! - **No event is lost to timing.** A callback set after its event still gets it. Messages wait
//!   for an `on_message`, up to 1 MiB of them; past that the socket is not read, until it is set.
//!   When a connection has ended, messages that wait hold the end back for
//!   [`Config::close_timeout`](bluewire_core::Config::close_timeout), then they are let go.
//! - **Order.** Open, then messages as they came, then at most one error, then exactly one close,
//!   then nothing. A connection that cannot be made is an error, then a close with 1006.
//! - **One at a time.** Callbacks of one connection never run at the same time, and never inside
//!   a call that you make: every call may be made from any thread, and from inside callbacks, and
//!   never waits for one.
//! - **Panics are contained.** The connection closes with 1011, after `on_error`.
//! - **Every `send` and `close` has one outcome**, told once.
//! - **Dropping the last handle** closes with 1001 in the background.

mod callbacks;
mod options;
mod session;
mod shared;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex};

use bluewire_core::{Message, RequestHead, ResponseHead};

pub use options::{CloseEvent, CloseOptions, ErrorEvent, FailCode, ReadyState, SendOptions};
pub(crate) use session::Session;
pub(crate) use shared::{Runner, Shared};

/// A handle to a connection. Clones are handles to the same connection; the last one that is
/// dropped closes it.
#[derive(Clone)]
pub struct WebSocket {
    handle: Arc<Handle>,
}

/// What all clones share: its drop is the last handle's.
struct Handle {
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.abandon();
    }
}

impl WebSocket {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { handle: Arc::new(Handle { shared }) }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    /// Calls `callback` once the connection is open.
    pub fn on_open(&self, callback: impl FnMut() + Send + 'static) {
        self.shared().set_on_open(Arc::new(Mutex::new(callback)));
    }

    /// Calls `callback` with each message, text or binary as it was sent. The message is lent:
    /// [`into_owned`](Message::into_owned) keeps it.
    pub fn on_message(&self, callback: impl FnMut(Message<'_>) + Send + 'static) {
        self.shared().set_on_message(Arc::new(Mutex::new(callback)));
    }

    /// Calls `callback` once the connection is closed, or could not be opened.
    pub fn on_close(&self, callback: impl FnMut(&CloseEvent) + Send + 'static) {
        self.shared().set_on_close(Arc::new(Mutex::new(callback)));
    }

    /// Calls `callback` if the connection fails.
    pub fn on_error(&self, callback: impl FnMut(&ErrorEvent) + Send + 'static) {
        self.shared().set_on_error(Arc::new(Mutex::new(callback)));
    }

    /// Sends a message. It never waits: the bytes are queued, and leave in order.
    ///
    /// Before the connection is open, and once it closes, the send fails with 200. When more than
    /// [`Limits::outbox_len_max`](bluewire_core::Limits::outbox_len_max) would wait, it fails with
    /// 205.
    pub fn send(&self, message: impl Into<SendOptions>) {
        self.shared().send(message.into());
    }

    /// Closes the connection: what was sent before goes out first, then the closing handshake
    /// begins. While the connection is not open yet, it is given up.
    pub fn close(&self, options: impl Into<CloseOptions>) {
        self.shared().close(options.into());
    }

    /// How far the connection has come.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.shared().ready_state()
    }

    /// The URL it was made with; empty on the server's side.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared().url
    }

    /// The subprotocol that the server chose; `None` before the connection is open, and if it
    /// chose none.
    #[must_use]
    pub fn protocol(&self) -> Option<String> {
        self.shared().established(|established| established.protocol.clone())
    }

    /// The extensions in use, as the server's header lists them. None is negotiated yet, so it is
    /// empty.
    #[must_use]
    pub fn extensions(&self) -> String {
        let response = self.response();
        let header = response.as_ref().and_then(|head| {
            head.headers().first_str("Sec-WebSocket-Extensions").map(str::to_owned)
        });
        header.unwrap_or_default()
    }

    /// The head of the server's response; `None` before the connection is open, and on the
    /// server's side.
    #[must_use]
    pub fn response(&self) -> Option<ResponseHead> {
        self.shared().established(|established| established.response.clone())
    }

    /// The head of the client's request, on the server's side.
    #[must_use]
    pub fn request(&self) -> Option<RequestHead> {
        self.shared().established(|established| established.request.clone())
    }

    /// Bytes of messages that were sent and not yet handed to the operating system, with their
    /// frames' headers.
    #[must_use]
    pub fn buffered_amount(&self) -> usize {
        self.shared().buffered_amount()
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("url", &self.url())
            .field("ready_state", &self.ready_state())
            .finish()
    }
}
