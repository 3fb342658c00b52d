//! The callback API: `create`, `send`, `close`, `on_open`, `on_message`, `on_close`, `on_error`.
//!
//! It is the same on every adapter. Make a connection with the adapter's `websocketfactory::create`.
//! The call returns at once, and callbacks report everything that follows. For a connection that you
//! accepted or made with the direct API, call `into_facade`.
//!
//! ```
//! # #[cfg(feature = "blocking")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::net::TcpListener;
//! use std::sync::mpsc;
//! use bluewire::ConnectOptions;
//! use bluewire::blocking::{self, websocketfactory};
//! use bluewire::facade::{CloseOptions, SendOptions};
//!
//! // A server that echoes, by callbacks as well.
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let url = format!("ws://{}/", listener.local_addr()?);
//! std::thread::spawn(move || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//!     let socket = blocking::accept(listener.accept()?.0)?.into_facade()?;
//!     let echo = socket.clone();
//!     socket.on_message(move |message| echo.send(message));
//!     Ok(())
//! });
//!
//! let options = ConnectOptions::new(url)
//!     .header("content-type", "application/json")
//!     .protocols(["protocol"]);
//! let socket = websocketfactory::create(options)?;
//!
//! let sender = socket.clone();
//! socket.on_open(move || {
//!     let message = SendOptions::new("send message")
//!         .success(|| println!("handed over"))
//!         .fail(|data, code| eprintln!("not sent: {data} ({code})"));
//!     sender.send(message);
//! });
//! let closer = socket.clone();
//! socket.on_message(move |message| {
//!     assert_eq!(message.as_text(), Some("send message"));
//!     let close = CloseOptions::default()
//!         .code(1000)
//!         .reason("close as normal")
//!         .success(|| println!("closed"))
//!         .fail(|data, code| eprintln!("not closed: {data} ({code})"));
//!     closer.close(close);
//! });
//! let (tell, end) = mpsc::channel();
//! socket.on_close(move |close| tell.send(close.clone()).expect("the end is waited for"));
//! socket.on_error(|error| eprintln!("{}", error.data));
//!
//! let close = end.recv()?;
//! assert_eq!((close.code, &*close.reason, close.was_clean), (1000, "close as normal", true));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "blocking"))]
//! # fn main() {}
//! ```
//!
//! # Guarantees
//!
//! - **`create` checks its arguments at once.** If they are invalid, it fails and starts nothing. It
//!   never waits. If the network fails, `on_error` is called, and then `on_close` with 1006.
//! - **No event is missed.** If you set a callback after its event, it is called once with that
//!   event. Messages wait for an `on_message`, up to 1 MiB and one more message; then the socket is
//!   not read until you set it. After the peer has ended the connection, waiting messages delay
//!   `on_close` by a second at most. They do not delay a close that you asked for.
//! - **Order.** `on_open`, then messages in the order of arrival, then at most one `on_error`, then
//!   exactly one `on_close`. Only an event that waited for its callback can come later.
//! - **One at a time.** Two callbacks of a connection never run at the same time, and never inside a
//!   call of yours. You can make every call from any thread, from inside callbacks, and while you
//!   hold a lock. No call waits for a callback.
//! - **Callbacks can change.** You can replace or clear a callback at any time, also from inside
//!   itself. Events for a cleared callback are kept for the next one.
//! - **Panics are contained.** If a callback panics, the connection closes with 1011, remaining
//!   messages are still delivered, and `on_error` reports the panic before `on_close`. This needs
//!   panics that unwind.
//! - **Every `send` and `close` has one outcome**, reported once: `success` or `fail`.
//! - **Dropping the last handle** closes the connection with 1001 in the background, within
//!   [`Config::close_timeout`](bluewire_core::Config::close_timeout). A callback that owns a handle
//!   keeps the connection open. All callbacks are dropped when the connection ends.
//!
//! # Reconnecting
//!
//! With [`ConnectOptions::reconnect`](crate::ConnectOptions::reconnect), a socket connects again
//! after failures that are [worth a retry](crate::reconnect#what-is-worth-a-retry). The guarantees
//! stay the same. `on_error` and `on_close` report the end of the last connection only; for earlier
//! ones, `on_reconnect` is called.
//!
//! ```
//! use bluewire::{ConnectOptions, Reconnect};
//! # #[cfg(feature = "blocking")]
//! # fn main() -> Result<(), bluewire::ConnectError> {
//! # use bluewire::blocking::websocketfactory;
//! # let url = "ws://host.invalid/";
//!
//! let options = ConnectOptions::new(url).reconnect(Reconnect::default());
//! let socket = websocketfactory::create(options)?;
//! socket.on_open(|| println!("open, or open again"));
//! socket.on_reconnect(|event| {
//!     println!("ended with {}, tries again in {:?}", event.close.code, event.delay);
//! });
//! socket.on_close(|close| println!("closed for good: {}", close.code));
//! # socket.close(1000);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "blocking"))]
//! # fn main() {}
//! ```
//!
//! - `on_open` is called for each connection. `on_reconnect` is called when a connection has ended or
//!   an attempt has failed, and another attempt follows. Messages that were not sent are not sent
//!   again: their `fail` is called.
//! - Until it is open again, the socket is [`Connecting`](ReadyState::Connecting), and `send` fails
//!   with 200, as before the first connection.
//! - `close` ends it for good, at any time. If it is waiting or connecting, `on_error` is called, and
//!   then `on_close` with 1006, as before the first connection. The same holds for a
//!   [`Canceller`](crate::Canceller), which closes an open connection with 1001.
//!   Dropping the last handle and a panic in a callback end it, too.
//! - If you set `on_reconnect` late, it gets only the latest event, and only while the socket is not
//!   open. Messages without an `on_message` delay the next attempt by a second at most, and are
//!   delivered before those of the next connection.
//!
//! # URLs of others
//!
//! `create` takes `ws+unix:` URLs too (see [`Url`](crate::Url)), and a server behind a Unix socket
//! often trusts all who reach it. A program that takes URLs from others, such as scripts, must
//! refuse them first: [`Url::socket_path`](crate::Url::socket_path) tells. The URL also decides which
//! hosts of a private network get a request from this program.
//!
//! # Why a call failed
//!
//! | code | [`FailCode`] | `send` | `close` |
//! | --- | --- | --- | --- |
//! | 200 | [`State`](FailCode::State) | it is not open yet, closes or is closed | it is closed; or it was not open yet, and is given up |
//! | 202 | [`Argument`](FailCode::Argument) | a message longer than the whole buffer | a code that may not be sent, a reason of more than 123 bytes, a reason without a code; it stays open |
//! | 204 | [`TimedOut`](FailCode::TimedOut) | the connection timed out before all was handed over | the peer did not answer in time |
//! | 205 | [`Busy`](FailCode::Busy) | too much is buffered | it is closing already |
//! | 300 | [`Io`](FailCode::Io) | the connection ended before all was handed over | the connection ended before the peer answered |
//!
//! # What runs where
//!
//! | | blocking | smol |
//! | --- | --- | --- |
//! | a connection | a thread of its own, which waits for its socket and its handles at once | a task on smol's global executor |
//! | its callbacks | on that thread | in that task |
//! | outcomes before it is open and after its end, events that were waited for with a late callback | a thread for the occasion | a task for the occasion |
//!
//! A callback that takes long holds up its own connection; on smol, all else on the executor, too:
//! there, move long work elsewhere, as by `smol::unblock`. A deadline never passes for what came
//! while a callback ran.
//!
//! A `send` inside a callback costs no system call: all that one read caused leaves by one write
//! after. From another thread it wakes the connection, once for all sends until it is awake.

mod callbacks;
#[cfg(any(feature = "blocking", feature = "_asynch"))]
mod group;
#[cfg(all(test, shuttle))]
mod models;
mod options;
mod session;
mod shared;
mod state;

use std::fmt;
use std::sync::Arc;

use bluewire_core::{Message, RequestHead, ResponseHead};

pub use options::{
    CloseEvent, CloseOptions, ErrorEvent, FailCode, ReadyState, ReconnectEvent, SendOptions,
};
pub(crate) use session::Session;
pub(crate) use shared::{Runner, Shared};

use crate::sync::Mutex;

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
    ///
    /// ```
    /// # #[cfg(feature = "blocking")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let url = format!("ws://{}/", listener.local_addr()?);
    /// # let server = std::thread::spawn(move || {
    /// #     let socket = bluewire::blocking::accept(listener.accept().unwrap().0).unwrap();
    /// #     let socket = socket.into_facade().unwrap();
    /// #     socket.send("Hello");
    /// #     let (tell, end) = std::sync::mpsc::channel();
    /// #     socket.on_close(move |close| drop(tell.send(close.code)));
    /// #     end.recv().unwrap()
    /// # });
    /// # let socket = bluewire::blocking::websocketfactory::create(url)?;
    /// let (tell, opened) = std::sync::mpsc::channel();
    /// socket.on_open(move || tell.send(()).expect("it is waited for"));
    /// opened.recv()?;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "blocking"))]
    /// # fn main() {}
    /// ```
    pub fn on_open(&self, callback: impl FnMut() + Send + 'static) {
        self.shared().set_on_open(Arc::new(Mutex::new(callback)));
    }

    /// Calls `callback` with each message, text or binary as it was sent. The message is lent:
    /// [`into_owned`](Message::into_owned) keeps it.
    ///
    /// ```
    /// # #[cfg(feature = "blocking")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let url = format!("ws://{}/", listener.local_addr()?);
    /// # let server = std::thread::spawn(move || {
    /// #     let socket = bluewire::blocking::accept(listener.accept().unwrap().0).unwrap();
    /// #     let socket = socket.into_facade().unwrap();
    /// #     socket.send("Hello");
    /// #     let (tell, end) = std::sync::mpsc::channel();
    /// #     socket.on_close(move |close| drop(tell.send(close.code)));
    /// #     end.recv().unwrap()
    /// # });
    /// # let socket = bluewire::blocking::websocketfactory::create(url)?;
    /// let (tell, came) = std::sync::mpsc::channel();
    /// socket.on_message(move |message| drop(tell.send(message.into_owned())));
    /// assert_eq!(came.recv()?.borrow().as_text(), Some("Hello"));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "blocking"))]
    /// # fn main() {}
    /// ```
    pub fn on_message(&self, callback: impl FnMut(Message<'_>) + Send + 'static) {
        self.shared().set_on_message(Arc::new(Mutex::new(callback)));
    }

    /// Calls `callback` once the connection is closed, or could not be opened.
    ///
    /// ```
    /// # #[cfg(feature = "blocking")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let url = format!("ws://{}/", listener.local_addr()?);
    /// # let server = std::thread::spawn(move || {
    /// #     let socket = bluewire::blocking::accept(listener.accept().unwrap().0).unwrap();
    /// #     let socket = socket.into_facade().unwrap();
    /// #     socket.send("Hello");
    /// #     let (tell, end) = std::sync::mpsc::channel();
    /// #     socket.on_close(move |close| drop(tell.send(close.code)));
    /// #     end.recv().unwrap()
    /// # });
    /// # let socket = bluewire::blocking::websocketfactory::create(url)?;
    /// let (tell, end) = std::sync::mpsc::channel();
    /// socket.on_close(move |close| drop(tell.send(close.clone())));
    /// socket.close(3000);
    /// # // While it connects, that gives the attempt up.
    /// assert!([3000, 1006].contains(&end.recv()?.code));
    /// # drop(server);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "blocking"))]
    /// # fn main() {}
    /// ```
    pub fn on_close(&self, callback: impl FnMut(&CloseEvent) + Send + 'static) {
        self.shared().set_on_close(Arc::new(Mutex::new(callback)));
    }

    /// Calls `callback` if the connection fails, just before `on_close`.
    ///
    /// ```
    /// # #[cfg(feature = "blocking")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let url = "ws://host.invalid/";
    /// # let socket = bluewire::blocking::websocketfactory::create(url)?;
    /// let (tell, failed) = std::sync::mpsc::channel();
    /// socket.on_error(move |error| drop(tell.send(error.data.clone())));
    /// # socket.close(1000);
    /// println!("{}", failed.recv()?);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "blocking"))]
    /// # fn main() {}
    /// ```
    pub fn on_error(&self, callback: impl FnMut(&ErrorEvent) + Send + 'static) {
        self.shared().set_on_error(Arc::new(Mutex::new(callback)));
    }

    /// Calls `callback` each time that a connection has ended, or an attempt has failed, and another
    /// attempt will come; see [Reconnecting](self#reconnecting).
    ///
    /// ```
    /// # #[cfg(feature = "blocking")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bluewire::{ConnectOptions, Reconnect, blocking::websocketfactory};
    ///
    /// # let url = "ws://host.invalid/";
    /// let options = ConnectOptions::new(url).reconnect(Reconnect::default());
    /// let socket = websocketfactory::create(options)?;
    /// let (tell, lost) = std::sync::mpsc::channel();
    /// socket.on_reconnect(move |event| drop(tell.send((event.retry, event.close.code))));
    /// assert_eq!(lost.recv()?, (1, 1006));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "blocking"))]
    /// # fn main() {}
    /// ```
    pub fn on_reconnect(&self, callback: impl FnMut(&ReconnectEvent) + Send + 'static) {
        self.shared().set_on_reconnect(Arc::new(Mutex::new(callback)));
    }

    /// Takes back what [`on_open`](Self::on_open) set: an opening from now on waits for the next.
    pub fn clear_on_open(&self) {
        drop(self.shared().callbacks().open.take());
    }

    /// Takes back what [`on_message`](Self::on_message) set: messages from now on wait for the
    /// next, and hold the reading up, as before one was set.
    pub fn clear_on_message(&self) {
        drop(self.shared().callbacks().message.take());
    }

    /// Takes back what [`on_close`](Self::on_close) set: a closing from now on waits for the next.
    pub fn clear_on_close(&self) {
        drop(self.shared().callbacks().close.take());
    }

    /// Takes back what [`on_error`](Self::on_error) set: an error from now on waits for the next.
    pub fn clear_on_error(&self) {
        drop(self.shared().callbacks().error.take());
    }

    /// Takes back what [`on_reconnect`](Self::on_reconnect) set.
    pub fn clear_on_reconnect(&self) {
        drop(self.shared().callbacks().reconnect.take());
    }

    /// Sends a message. It never waits: the bytes are queued and sent in the order of the calls.
    ///
    /// Before the connection is open, and once it closes, the send fails with 200. When more than
    /// [`Limits::outbox_len_max`](bluewire_core::Limits::outbox_len_max) would wait, it fails with
    /// 205.
    ///
    /// ```
    /// # #[cfg(feature = "blocking")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let url = format!("ws://{}/", listener.local_addr()?);
    /// # let server = std::thread::spawn(move || {
    /// #     let socket = bluewire::blocking::accept(listener.accept().unwrap().0).unwrap();
    /// #     let socket = socket.into_facade().unwrap();
    /// #     socket.send("Hello");
    /// #     let (tell, end) = std::sync::mpsc::channel();
    /// #     socket.on_close(move |close| drop(tell.send(close.code)));
    /// #     end.recv().unwrap()
    /// # });
    /// # let socket = bluewire::blocking::websocketfactory::create(url)?;
    /// use bluewire::facade::SendOptions;
    ///
    /// let sender = socket.clone();
    /// socket.on_open(move || {
    ///     sender.send("text");
    ///     sender.send(vec![1, 2, 3]);
    ///     sender.send(SendOptions::new("last").success(|| println!("all were handed over")));
    /// #   sender.close(1000);
    /// });
    /// # assert_eq!(server.join().expect("it is well"), 1000);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "blocking"))]
    /// # fn main() {}
    /// ```
    pub fn send(&self, message: impl Into<SendOptions>) {
        self.shared().send(message.into());
    }

    /// Closes the connection: what was sent before goes out first, then the closing handshake
    /// begins. While the connection is not open yet, it is given up.
    ///
    /// `success` is called when the peer has answered; the connection is over when `on_close` is
    /// called.
    ///
    /// ```
    /// # #[cfg(feature = "blocking")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let url = format!("ws://{}/", listener.local_addr()?);
    /// # let server = std::thread::spawn(move || {
    /// #     let socket = bluewire::blocking::accept(listener.accept().unwrap().0).unwrap();
    /// #     let socket = socket.into_facade().unwrap();
    /// #     socket.send("Hello");
    /// #     let (tell, end) = std::sync::mpsc::channel();
    /// #     socket.on_close(move |close| drop(tell.send(close.code)));
    /// #     end.recv().unwrap()
    /// # });
    /// # let socket = bluewire::blocking::websocketfactory::create(url)?;
    /// use bluewire::facade::CloseOptions;
    ///
    /// let closer = socket.clone();
    /// socket.on_open(move || {
    ///     closer.close(
    ///         CloseOptions::default()
    ///             .code(1000)
    ///             .reason("close as normal")
    ///             .success(|| println!("closed in order"))
    ///             .fail(|data, code| eprintln!("{data} ({code})")),
    ///     );
    /// });
    /// # assert_eq!(server.join().expect("it is well"), 1000);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "blocking"))]
    /// # fn main() {}
    /// ```
    pub fn close(&self, options: impl Into<CloseOptions>) {
        self.shared().close(options.into());
    }

    /// The state of the connection.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.shared().ready_state()
    }

    /// The URL that it was made with, without user name and password; empty on the server's side.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared().url
    }

    /// The subprotocol that the server chose; `None` before the connection is open, and if it
    /// chose none.
    #[must_use]
    pub fn protocol(&self) -> Option<String> {
        self.shared().established(|established| established.protocol().map(str::to_owned))
    }

    /// The extensions in use, as the server's header lists them: permessage-deflate, or none.
    /// Empty before the connection is open, and on the server's side.
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

    /// Takes the head of the client's request out of the socket, for a server that has read in it
    /// what it wants: a browser's head is the largest part of what an idle connection costs.
    /// [`request`](Self::request) returns `None` afterwards.
    #[must_use]
    pub fn take_request(&self) -> Option<RequestHead> {
        self.shared().take_request()
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
        // A query may hold a token.
        let url = self.url().split('?').next();
        f.debug_struct("WebSocket")
            .field("url", &url.unwrap_or_default())
            .field("ready_state", &self.ready_state())
            .finish()
    }
}
