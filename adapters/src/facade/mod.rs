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
mod websocket;

pub use options::{
    CloseEvent, CloseOptions, ErrorEvent, FailCode, ReadyState, ReconnectEvent, SendOptions,
};
pub(crate) use session::Session;
pub(crate) use shared::{Runner, Shared};
pub(crate) use state::{Writable, WriteSlices};
pub use websocket::WebSocket;
