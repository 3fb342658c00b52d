//! One face for all adapters, so that a test is written once, and a peer made of the engine.

#[cfg(feature = "tokio")]
#[path = "../common/runtimes.rs"]
pub(crate) mod runtimes;
#[cfg(feature = "_tls")]
#[path = "../common/tls.rs"]
mod tls;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bluewire::{
    CloseCode, Closure, Config, Error, Flow, Message, OwnedMessage, PreparedMessage, blocking,
};
use bluewire_core::{Connection, Event, Inbox, MaskingKeys, Outbox, Role, State};
#[cfg(feature = "tokio")]
use runtimes::{OnRuntime as _, RUNTIME};
use smol::{Async, block_on};

pub(crate) type Blocking = blocking::WebSocket<TcpStream>;
pub(crate) type Smol = bluewire::smol::WebSocket<Async<TcpStream>>;
#[cfg(feature = "tokio")]
pub(crate) type Tokio = bluewire::tokio::WebSocket<tokio::net::TcpStream>;

/// The calls that all adapters offer, each waited for.
pub(crate) trait Socket: Sized + Send + 'static {
    type Bytes: Read + Write;
    /// Where to connect to reach this address.
    fn way_to(address: SocketAddr) -> SocketAddr;
    fn adopt(role: Role, stream: TcpStream, leftover: &[u8], config: Config) -> Self;
    fn send(&mut self, message: Message<'_>) -> Result<(), Error>;
    fn send_chunk(&mut self, part: Message<'_>, fin: bool) -> Result<(), Error>;
    fn feed(&mut self, message: Message<'_>) -> Result<(), Error>;
    fn try_feed(&mut self, message: Message<'_>) -> Result<(), Error>;
    fn try_feed_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error>;
    fn try_send(&mut self, message: Message<'_>) -> Result<(), Error>;
    fn try_send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error>;
    /// Receives a message, and sends it back by each way of its sender that does not wait.
    fn recv_and_try(&mut self) -> Result<(), Error>;
    fn drain(&mut self, queue_len: usize) -> Result<(), Error>;
    fn queue_len(&self) -> usize;
    fn set_flow(&mut self, flow: Flow);
    fn recv(&mut self) -> Result<Option<OwnedMessage>, Error>;
    fn recv_chunk_len(&mut self) -> Result<Option<(usize, bool)>, Error>;
    fn attend(&mut self, time: Duration) -> Result<(), Error>;
    fn close(&mut self, code: CloseCode, reason: &str) -> Result<Closure, Error>;
    fn close_within(&mut self, budget: Duration) -> Result<Closure, Error>;
    fn close_now(self, code: CloseCode) -> Result<(), Error>;
    fn closure(&self) -> Option<Closure>;
    fn bytes(self) -> Self::Bytes;
}

macro_rules! socket {
    ($socket:ty, $bytes:ty, $way:expr, |$call:ident| $wait:expr, |$stream:ident| $wrap:expr, |$made:ident| $into:expr) => {
        impl Socket for $socket {
            type Bytes = $bytes;
            fn way_to(address: SocketAddr) -> SocketAddr {
                $way(address)
            }
            fn adopt(role: Role, $stream: TcpStream, leftover: &[u8], config: Config) -> Self {
                match role {
                    Role::Client => Self::adopt_client($wrap, leftover, config),
                    Role::Server => Self::adopt_server($wrap, leftover, config),
                }
            }
            fn send(&mut self, message: Message<'_>) -> Result<(), Error> {
                let $call = <$socket>::send(self, message);
                $wait
            }
            fn send_chunk(&mut self, part: Message<'_>, fin: bool) -> Result<(), Error> {
                let $call = <$socket>::send_chunk(self, part, fin);
                $wait
            }
            fn feed(&mut self, message: Message<'_>) -> Result<(), Error> {
                let $call = <$socket>::feed(self, message);
                $wait
            }
            fn try_feed(&mut self, message: Message<'_>) -> Result<(), Error> {
                <$socket>::try_feed(self, message)
            }
            fn try_feed_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
                <$socket>::try_feed_prepared(self, message)
            }
            fn try_send(&mut self, message: Message<'_>) -> Result<(), Error> {
                <$socket>::try_send(self, message)
            }
            fn try_send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
                <$socket>::try_send_prepared(self, message)
            }
            fn recv_and_try(&mut self) -> Result<(), Error> {
                let $call = self.recv_with_sender();
                let (message, mut sender) = $wait?.expect("there is one");
                sender.try_feed(message)?;
                sender.try_feed_prepared(&PreparedMessage::new(message))?;
                sender.try_send(message)?;
                sender.try_send_prepared(&PreparedMessage::new(message))
            }
            fn drain(&mut self, queue_len: usize) -> Result<(), Error> {
                let $call = <$socket>::drain(self, queue_len);
                $wait
            }
            fn queue_len(&self) -> usize {
                <$socket>::queue_len(self)
            }
            fn set_flow(&mut self, flow: Flow) {
                <$socket>::set_flow(self, flow);
            }
            fn recv(&mut self) -> Result<Option<OwnedMessage>, Error> {
                let $call = self.recv_owned();
                $wait
            }
            fn recv_chunk_len(&mut self) -> Result<Option<(usize, bool)>, Error> {
                let $call = self.recv_chunk();
                let part = $wait;
                part.map(|part| part.map(|(part, fin)| (part.len(), fin)))
            }
            fn attend(&mut self, time: Duration) -> Result<(), Error> {
                let $call = <$socket>::attend(self, time);
                $wait
            }
            fn close(&mut self, code: CloseCode, reason: &str) -> Result<Closure, Error> {
                let $call = <$socket>::close(self, code, reason);
                $wait
            }
            fn close_within(&mut self, budget: Duration) -> Result<Closure, Error> {
                let $call = <$socket>::close_within(self, budget, CloseCode::NORMAL, "");
                $wait
            }
            fn close_now(self, code: CloseCode) -> Result<(), Error> {
                <$socket>::close_now(self, code, "")
            }
            fn closure(&self) -> Option<Closure> {
                <$socket>::closure(self).cloned()
            }
            fn bytes(self) -> Self::Bytes {
                let $made = self.into_byte_stream();
                $into
            }
        }
    };
}

socket!(
    Blocking,
    blocking::ByteStream<TcpStream>,
    directly,
    |call| call,
    |stream| stream,
    |made| made
);
socket!(
    Smol,
    Waited<bluewire::smol::ByteStream<Async<TcpStream>>>,
    directly,
    |call| block_on(call),
    |stream| Async::new(stream).unwrap(),
    |made| Waited(made)
);
#[cfg(feature = "tokio")]
socket!(
    Tokio,
    WaitedOnTokio<bluewire::tokio::ByteStream<tokio::net::TcpStream>>,
    directly,
    |call| RUNTIME.block_on(call),
    |stream| runtimes::Tokio::stream(stream),
    |made| WaitedOnTokio(made)
);

/// Over TLS, which ends before the peer.
#[cfg(feature = "_tls")]
pub(crate) type BlockingTls = blocking::WebSocket<blocking::TlsStream<TcpStream>>;
#[cfg(feature = "_tls")]
pub(crate) type SmolTls = bluewire::smol::WebSocket<bluewire::smol::TlsStream<Async<TcpStream>>>;
#[cfg(all(feature = "tokio", feature = "_tls"))]
type TlsOnTokio = bluewire::tokio::TlsStream<tokio::net::TcpStream>;
#[cfg(all(feature = "tokio", feature = "_tls"))]
pub(crate) type TokioTls = bluewire::tokio::WebSocket<TlsOnTokio>;

#[cfg(feature = "_tls")]
socket!(
    BlockingTls,
    blocking::ByteStream<blocking::TlsStream<TcpStream>>,
    tls::between::server_before,
    |call| call,
    |stream| {
        let patience = Duration::from_secs(20);
        blocking::TlsStream::connect(stream, "127.0.0.1", &tls::TLS.1, patience).unwrap()
    },
    |made| made
);
#[cfg(feature = "_tls")]
socket!(
    SmolTls,
    Waited<bluewire::smol::ByteStream<bluewire::smol::TlsStream<Async<TcpStream>>>>,
    tls::between::server_before,
    |call| block_on(call),
    |stream| {
        let stream = Async::new(stream).unwrap();
        let shaken = bluewire::smol::TlsStream::connect(stream, "127.0.0.1", &tls::TLS.1);
        block_on(shaken).unwrap()
    },
    |made| Waited(made)
);

#[cfg(all(feature = "tokio", feature = "_tls"))]
socket!(
    TokioTls,
    WaitedOnTokio<bluewire::tokio::ByteStream<TlsOnTokio>>,
    tls::between::server_before,
    |call| RUNTIME.block_on(call),
    |stream| {
        let stream = runtimes::Tokio::stream(stream);
        RUNTIME.block_on(TlsOnTokio::connect(stream, "127.0.0.1", &tls::TLS.1)).unwrap()
    },
    |made| WaitedOnTokio(made)
);

const fn directly(address: SocketAddr) -> SocketAddr {
    address
}

/// An asynchronous stream of bytes, waited for.
pub(crate) struct Waited<S>(S);

impl<S: smol::io::AsyncRead + Unpin> Read for Waited<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        use smol::io::AsyncReadExt as _;
        block_on(self.0.read(buf))
    }
}

impl<S: smol::io::AsyncWrite + Unpin> Write for Waited<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        use smol::io::AsyncWriteExt as _;
        block_on(self.0.write(buf))
    }

    fn flush(&mut self) -> io::Result<()> {
        use smol::io::AsyncWriteExt as _;
        block_on(self.0.flush())
    }
}

/// The same by the traits of tokio.
#[cfg(feature = "tokio")]
pub(crate) struct WaitedOnTokio<S>(S);

#[cfg(feature = "tokio")]
impl<S: tokio::io::AsyncRead + Unpin> Read for WaitedOnTokio<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        use tokio::io::AsyncReadExt as _;
        RUNTIME.block_on(self.0.read(buf))
    }
}

#[cfg(feature = "tokio")]
impl<S: tokio::io::AsyncWrite + Unpin> Write for WaitedOnTokio<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        use tokio::io::AsyncWriteExt as _;
        RUNTIME.block_on(self.0.write(buf))
    }

    fn flush(&mut self) -> io::Result<()> {
        use tokio::io::AsyncWriteExt as _;
        RUNTIME.block_on(self.0.flush())
    }
}

/// The other end: the engine over a plain socket, which shows every event.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    pub(crate) connection: Connection,
    inbox: Inbox,
    pub(crate) outbox: Outbox,
    began: Instant,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Message(OwnedMessage),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<CloseCode>),
    Failed,
    /// Nothing came within the time.
    Nothing,
    End,
}

impl Peer {
    pub(crate) fn flush(&mut self) {
        while !self.outbox.is_empty() {
            let len = self.stream.write(self.outbox.unsent()).unwrap();
            self.outbox.sent(len);
        }
    }

    pub(crate) fn send(&mut self, message: Message<'_>) {
        self.connection.send(message, &mut self.outbox).unwrap();
        self.flush();
    }

    pub(crate) fn ping(&mut self, payload: &[u8]) {
        self.connection.ping(payload, &mut self.outbox).unwrap();
        self.flush();
    }

    /// The next frame, within this time. Answers are not written before the next flush.
    pub(crate) fn next(&mut self, timeout: Duration) -> Seen {
        self.stream.set_read_timeout(Some(timeout)).unwrap();
        loop {
            let now = self.began.elapsed();
            match self.connection.next_event(now, &mut self.inbox, &mut self.outbox) {
                Some(Event::Message(message)) => return Seen::Message(message.into_owned()),
                Some(Event::Ping(payload)) => return Seen::Ping(payload.to_vec()),
                Some(Event::Pong(payload)) => return Seen::Pong(payload.to_vec()),
                Some(Event::Close(close)) => return Seen::Close(close.code),
                Some(_) => return Seen::Failed,
                None if self.connection.state() == State::Closed => return Seen::End,
                None => match self.stream.read(self.inbox.space()) {
                    Ok(0) => self.connection.receive_eof(),
                    Ok(len) => self.inbox.filled(len),
                    // Windows says `TimedOut`.
                    Err(error)
                        if matches!(
                            error.kind(),
                            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                        ) =>
                    {
                        return Seen::Nothing;
                    }
                    Err(_) => self.connection.receive_eof(),
                },
            }
        }
    }
}

/// A socket of this role, and its peer.
pub(crate) fn pair<S: Socket>(role: Role, config: Config) -> (S, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let way = S::way_to(listener.local_addr().unwrap());
    let stream = TcpStream::connect(way).unwrap();
    stream.set_nodelay(true).unwrap();
    let socket = S::adopt(role, stream, &[], config);
    let peer = listener.accept().unwrap().0;
    peer.set_nodelay(true).unwrap();
    let plain = Arc::new(Config::default().keepalive(None));
    let connection = match role {
        Role::Client => Connection::server(plain, Duration::ZERO),
        Role::Server => Connection::client(plain, MaskingKeys::from_system(), Duration::ZERO),
    };
    let peer = Peer {
        stream: peer,
        connection,
        inbox: Inbox::default(),
        outbox: Outbox::new(),
        began: Instant::now(),
    };
    (socket, peer)
}

/// Each of these over all adapters and both roles, over TLS too, but for some that make their
/// sockets themselves.
#[macro_export]
macro_rules! over_all {
    ($($test:ident),* $(,)? $(; not over TLS: $($plain:ident),* $(,)?)?) => {
        mod blocking_client {
            $crate::with!(Blocking, Client; $($test,)* $($($plain,)*)?);
        }
        mod blocking_server {
            $crate::with!(Blocking, Server; $($test,)* $($($plain,)*)?);
        }
        mod smol_client {
            $crate::with!(Smol, Client; $($test,)* $($($plain,)*)?);
        }
        mod smol_server {
            $crate::with!(Smol, Server; $($test,)* $($($plain,)*)?);
        }
        #[cfg(feature = "tokio")]
        mod tokio_client {
            $crate::with!(Tokio, Client; $($test,)* $($($plain,)*)?);
        }
        #[cfg(feature = "tokio")]
        mod tokio_server {
            $crate::with!(Tokio, Server; $($test,)* $($($plain,)*)?);
        }
        #[cfg(feature = "_tls")]
        mod blocking_tls {
            $crate::with!(BlockingTls, Client, Server; $($test,)*);
        }
        #[cfg(feature = "_tls")]
        mod smol_tls {
            $crate::with!(SmolTls, Client, Server; $($test,)*);
        }
        #[cfg(all(feature = "tokio", feature = "_tls"))]
        mod tokio_tls {
            $crate::with!(TokioTls, Client, Server; $($test,)*);
        }
    };
}

/// Tests over one kind of socket, as a client or a server or both.
#[macro_export]
macro_rules! with {
    ($socket:ident, $role:ident; $($test:ident,)*) => {$(
        #[test]
        fn $test() {
            let _bound = $crate::watchdog::bound();
            super::$test::<$crate::direct::$socket>(bluewire_core::Role::$role);
        }
    )*};
    ($socket:ident, $one:ident, $other:ident; $($test:ident,)*) => {$(
        #[test]
        fn $test() {
            let _bound = $crate::watchdog::bound();
            super::$test::<$crate::direct::$socket>(bluewire_core::Role::$one);
            super::$test::<$crate::direct::$socket>(bluewire_core::Role::$other);
        }
    )*};
}
