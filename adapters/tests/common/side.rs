//! The sides that the facade has: each adapter, either end, without TLS and with it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use bluewire::facade::{ReadyState, WebSocket};
use bluewire::{AcceptOptions, Config, ConnectError, ConnectOptions};

use super::peer::Peer;
#[cfg(feature = "_tls")]
use super::tls;
use super::until;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    BlockingClient,
    BlockingServer,
    SmolClient,
    SmolServer,
    #[cfg(feature = "_tls")]
    BlockingTlsClient,
    #[cfg(feature = "_tls")]
    BlockingTlsServer,
    #[cfg(feature = "_tls")]
    SmolTlsClient,
    #[cfg(feature = "_tls")]
    SmolTlsServer,
    #[cfg(feature = "tokio")]
    TokioClient,
    #[cfg(feature = "tokio")]
    TokioServer,
    #[cfg(all(feature = "tokio", feature = "_tls"))]
    TokioTlsClient,
    #[cfg(all(feature = "tokio", feature = "_tls"))]
    TokioTlsServer,
}

/// The runtime of the sides on tokio.
#[cfg(feature = "tokio")]
pub(crate) static RUNTIME: std::sync::LazyLock<tokio::runtime::Runtime> =
    std::sync::LazyLock::new(|| tokio::runtime::Runtime::new().expect("there are threads"));

/// The adapter of a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Adapter {
    Blocking,
    Smol,
    #[cfg(feature = "tokio")]
    Tokio,
}

impl Side {
    pub(crate) const CLIENTS: &[Self] = &[
        Self::BlockingClient,
        Self::SmolClient,
        #[cfg(feature = "tokio")]
        Self::TokioClient,
    ];

    pub(crate) fn is_client(self) -> bool {
        match self {
            Self::BlockingClient | Self::SmolClient => true,
            #[cfg(feature = "_tls")]
            Self::BlockingTlsClient | Self::SmolTlsClient => true,
            #[cfg(feature = "tokio")]
            Self::TokioClient => true,
            #[cfg(all(feature = "tokio", feature = "_tls"))]
            Self::TokioTlsClient => true,
            _ => false,
        }
    }

    fn adapter(self) -> Adapter {
        match self {
            Self::BlockingClient | Self::BlockingServer => Adapter::Blocking,
            #[cfg(feature = "_tls")]
            Self::BlockingTlsClient | Self::BlockingTlsServer => Adapter::Blocking,
            #[cfg(feature = "tokio")]
            Self::TokioClient | Self::TokioServer => Adapter::Tokio,
            #[cfg(all(feature = "tokio", feature = "_tls"))]
            Self::TokioTlsClient | Self::TokioTlsServer => Adapter::Tokio,
            _ => Adapter::Smol,
        }
    }

    #[cfg(feature = "_tls")]
    fn has_tls(self) -> bool {
        match self {
            Self::BlockingTlsClient | Self::BlockingTlsServer => true,
            Self::SmolTlsClient | Self::SmolTlsServer => true,
            #[cfg(feature = "tokio")]
            Self::TokioTlsClient | Self::TokioTlsServer => true,
            _ => false,
        }
    }

    /// An open connection and its peer; no callback is set.
    ///
    /// Without keepalive: the peer sends nothing by itself, and on a busy machine a test takes longer
    /// than a silent peer is given.
    pub(crate) fn open(self) -> (WebSocket, Peer) {
        let (socket, peer) = self.open_with(Config::default().keepalive(None));
        assert_eq!(socket.ready_state(), ReadyState::Open, "nobody has closed it");
        (socket, peer)
    }

    pub(crate) fn open_with(self, config: Config) -> (WebSocket, Peer) {
        let listener = listener();
        let address = listener.local_addr().expect("it is bound");
        if self.is_client() {
            let options = self
                .options(address)
                .protocols(["v2", "v1"])
                .header("X-Asked-By", "facade")
                .config(config);
            let socket = self.create(options).expect("the options are valid");
            let peer = Peer::accept(&listener);
            until("it is open", || socket.ready_state() != ReadyState::Connecting);
            return (socket, peer);
        }
        let accepted = thread::spawn(move || {
            let (stream, _) = listener.accept().expect("the peer connects");
            self.accept(stream, config)
        });
        #[cfg(feature = "_tls")]
        let address = if self.has_tls() { tls::between::client_before(address) } else { address };
        let peer = Peer::connect(address);
        (accepted.join().expect("it is accepted"), peer)
    }

    fn options(self, address: SocketAddr) -> ConnectOptions {
        #[cfg(feature = "_tls")]
        if self.has_tls() {
            let address = tls::between::server_before(address);
            let options = ConnectOptions::new(format!("wss://{address}/chat?room=1"));
            return options.tls(tls::TLS.1.clone());
        }
        ConnectOptions::new(format!("ws://{address}/chat?room=1"))
    }

    pub(crate) fn create(
        self,
        options: impl Into<ConnectOptions>,
    ) -> Result<WebSocket, ConnectError> {
        assert!(self.is_client(), "a server creates nothing");
        match self.adapter() {
            Adapter::Blocking => bluewire::blocking::websocketfactory::create(options),
            Adapter::Smol => bluewire::smol::websocketfactory::create(options),
            #[cfg(feature = "tokio")]
            Adapter::Tokio => {
                let _runtime = RUNTIME.enter();
                bluewire::tokio::websocketfactory::create(options)
            }
        }
    }

    fn accept(self, stream: TcpStream, config: Config) -> WebSocket {
        let options =
            AcceptOptions::default().protocol("v1").header("X-Served-By", "facade").config(config);
        match self.adapter() {
            Adapter::Blocking => {
                let stream = self.blocking_stream(stream);
                let socket = bluewire::blocking::accept_with(stream, options);
                socket.expect("it is lawful").into_facade().expect("there is a thread")
            }
            Adapter::Smol => smol::block_on(async {
                let stream = self.smol_stream(stream).await;
                let socket = bluewire::smol::accept_with(stream, options).await;
                socket.expect("it is lawful").into_facade()
            }),
            #[cfg(feature = "tokio")]
            Adapter::Tokio => RUNTIME.block_on(async {
                let stream = self.tokio_stream(stream).await;
                let socket = bluewire::tokio::accept_with(stream, options).await;
                socket.expect("it is lawful").into_facade()
            }),
        }
    }

    #[cfg(feature = "tokio")]
    async fn tokio_stream(self, stream: TcpStream) -> bluewire::tokio::NetStream {
        stream.set_nonblocking(true).expect("it is a socket");
        let stream = tokio::net::TcpStream::from_std(stream).expect("it is a socket");
        #[cfg(feature = "_tls")]
        if self.has_tls() {
            let stream = bluewire::tokio::TlsStream::accept(stream, &tls::TLS.0).await;
            return stream.expect("the peer speaks TLS").into();
        }
        stream.into()
    }

    fn blocking_stream(self, stream: TcpStream) -> bluewire::blocking::NetStream {
        #[cfg(feature = "_tls")]
        if self.has_tls() {
            let stream =
                bluewire::blocking::TlsStream::accept(stream, &tls::TLS.0, super::PATIENCE);
            return stream.expect("the peer speaks TLS").into();
        }
        stream.into()
    }

    async fn smol_stream(self, stream: TcpStream) -> bluewire::smol::NetStream {
        let stream = bluewire::smol::TcpSocket::new(stream).expect("it is a socket");
        #[cfg(feature = "_tls")]
        if self.has_tls() {
            let stream = bluewire::smol::TlsStream::accept(stream, &tls::TLS.0).await;
            return stream.expect("the peer speaks TLS").into();
        }
        stream.into()
    }
}

pub(crate) fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port")
}

/// Turns each function into tests on all sides.
#[macro_export]
macro_rules! on_each_side {
    ($($(#[$meta:meta])* fn $name:ident($side:ident) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "not every test needs all")]
            use super::*;

            fn check($side: Side) $body

            #[test]
            fn blocking_client() {
                let _bound = $crate::watchdog::bound();
                check(Side::BlockingClient);
            }

            #[test]
            fn blocking_server() {
                let _bound = $crate::watchdog::bound();
                check(Side::BlockingServer);
            }

            #[test]
            fn smol_client() {
                let _bound = $crate::watchdog::bound();
                check(Side::SmolClient);
            }

            #[test]
            fn smol_server() {
                let _bound = $crate::watchdog::bound();
                check(Side::SmolServer);
            }

            #[cfg(feature = "_tls")]
            #[test]
            fn blocking_tls_client() {
                let _bound = $crate::watchdog::bound();
                check(Side::BlockingTlsClient);
            }

            #[cfg(feature = "_tls")]
            #[test]
            fn blocking_tls_server() {
                let _bound = $crate::watchdog::bound();
                check(Side::BlockingTlsServer);
            }

            #[cfg(feature = "_tls")]
            #[test]
            fn smol_tls_client() {
                let _bound = $crate::watchdog::bound();
                check(Side::SmolTlsClient);
            }

            #[cfg(feature = "_tls")]
            #[test]
            fn smol_tls_server() {
                let _bound = $crate::watchdog::bound();
                check(Side::SmolTlsServer);
            }

            #[cfg(feature = "tokio")]
            #[test]
            fn tokio_client() {
                let _bound = $crate::watchdog::bound();
                check(Side::TokioClient);
            }

            #[cfg(feature = "tokio")]
            #[test]
            fn tokio_server() {
                let _bound = $crate::watchdog::bound();
                check(Side::TokioServer);
            }

            #[cfg(all(feature = "tokio", feature = "_tls"))]
            #[test]
            fn tokio_tls_client() {
                let _bound = $crate::watchdog::bound();
                check(Side::TokioTlsClient);
            }

            #[cfg(all(feature = "tokio", feature = "_tls"))]
            #[test]
            fn tokio_tls_server() {
                let _bound = $crate::watchdog::bound();
                check(Side::TokioTlsServer);
            }
        }
    )*};
}

/// Turns each function into tests on the two sides that connect.
#[macro_export]
macro_rules! on_each_client {
    ($($(#[$meta:meta])* fn $name:ident($side:ident) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "not every test needs all")]
            use super::*;

            fn check($side: Side) $body

            #[test]
            fn blocking_client() {
                let _bound = $crate::watchdog::bound();
                check(Side::BlockingClient);
            }

            #[test]
            fn smol_client() {
                let _bound = $crate::watchdog::bound();
                check(Side::SmolClient);
            }

            #[cfg(feature = "tokio")]
            #[test]
            fn tokio_client() {
                let _bound = $crate::watchdog::bound();
                check(Side::TokioClient);
            }
        }
    )*};
}
