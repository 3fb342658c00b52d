//! The handle to a connection.

use std::fmt;
use std::sync::Arc;

use bluewire_core::{Message, RequestHead, ResponseHead};

use super::options::{
    CloseEvent, CloseOptions, ErrorEvent, ReadyState, ReconnectEvent, SendOptions,
};
use super::shared::Shared;
use crate::sync::Mutex;

/// A handle to a connection. Clones are handles to the same connection; the last one that is
/// dropped closes it.
#[derive(Clone)]
pub struct WebSocket {
    handle: Arc<Handle>,
}

/// The part that all clones share: its drop is the last handle's.
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

    pub(super) fn shared(&self) -> &Arc<Shared> {
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

    /// Calls `callback` if the connection fails, just before `on_close`. It is not called where only
    /// the answer to the peer's Close frame was lost: `on_close` then has the peer's code, and
    /// `was_clean` is false.
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
    /// attempt will come; see [Reconnecting](super#reconnecting).
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

    /// Clears the callback of [`on_open`](Self::on_open). If the connection opens later, that event
    /// is kept for the next callback.
    pub fn clear_on_open(&self) {
        drop(self.shared().callbacks().open.take());
    }

    /// Clears the callback of [`on_message`](Self::on_message). Later messages are kept for the
    /// next callback; while they wait, the socket is not read, as before the first callback was
    /// set.
    pub fn clear_on_message(&self) {
        drop(self.shared().callbacks().message.take());
    }

    /// Clears the callback of [`on_close`](Self::on_close). If the connection closes later, that
    /// event is kept for the next callback.
    pub fn clear_on_close(&self) {
        drop(self.shared().callbacks().close.take());
    }

    /// Clears the callback of [`on_error`](Self::on_error). A later error is kept for the next
    /// callback.
    pub fn clear_on_error(&self) {
        drop(self.shared().callbacks().error.take());
    }

    /// Clears the callback of [`on_reconnect`](Self::on_reconnect).
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

    /// Closes the connection: messages sent before go out first, then the closing handshake begins.
    /// A connection that is not open yet is given up.
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
