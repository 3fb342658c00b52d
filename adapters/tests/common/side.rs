//! The sides that the facade has: either adapter, either end, without TLS and with it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use bluewire::facade::{ReadyState, WebSocket};
use bluewire::{AcceptOptions, Config, ConnectError, ConnectOptions};

use super::peer::Peer;
#[cfg(feature = "tls")]
use super::tls;
use super::until;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    BlockingClient,
    BlockingServer,
    SmolClient,
    SmolServer,
    #[cfg(feature = "tls")]
    BlockingTlsClient,
    #[cfg(feature = "tls")]
    BlockingTlsServer,
    #[cfg(feature = "tls")]
    SmolTlsClient,
    #[cfg(feature = "tls")]
    SmolTlsServer,
}

impl Side {
    pub(crate) const CLIENTS: [Self; 2] = [Self::BlockingClient, Self::SmolClient];

    pub(crate) fn is_client(self) -> bool {
        match self {
            Self::BlockingClient | Self::SmolClient => true,
            #[cfg(feature = "tls")]
            Self::BlockingTlsClient | Self::SmolTlsClient => true,
            _ => false,
        }
    }

    fn is_blocking(self) -> bool {
        match self {
            Self::BlockingClient | Self::BlockingServer => true,
            #[cfg(feature = "tls")]
            Self::BlockingTlsClient | Self::BlockingTlsServer => true,
            _ => false,
        }
    }

    #[cfg(feature = "tls")]
    fn has_tls(self) -> bool {
        matches!(
            self,
            Self::BlockingTlsClient
                | Self::BlockingTlsServer
                | Self::SmolTlsClient
                | Self::SmolTlsServer
        )
    }

    /// An open connection and its peer; no callback is set.
    pub(crate) fn open(self) -> (WebSocket, Peer) {
        let (socket, peer) = self.open_with(Config::default());
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
        #[cfg(feature = "tls")]
        let address = if self.has_tls() { tls::client_before(address) } else { address };
        let peer = Peer::connect(address);
        (accepted.join().expect("it is accepted"), peer)
    }

    fn options(self, address: SocketAddr) -> ConnectOptions {
        #[cfg(feature = "tls")]
        if self.has_tls() {
            let address = tls::server_before(address);
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
        match self.is_blocking() {
            true => bluewire::blocking::websocketfactory::create(options),
            false => bluewire::smol::websocketfactory::create(options),
        }
    }

    fn accept(self, stream: TcpStream, config: Config) -> WebSocket {
        let options =
            AcceptOptions::default().protocol("v1").header("X-Served-By", "facade").config(config);
        if self.is_blocking() {
            let stream = self.blocking_stream(stream);
            let socket = bluewire::blocking::accept_with(stream, options).expect("it is lawful");
            return socket.into_facade().expect("there is a thread");
        }
        smol::block_on(async {
            let stream = self.smol_stream(stream).await;
            bluewire::smol::accept_with(stream, options).await.expect("it is lawful").into_facade()
        })
    }

    fn blocking_stream(self, stream: TcpStream) -> bluewire::blocking::NetStream {
        #[cfg(feature = "tls")]
        if self.has_tls() {
            let stream =
                bluewire::blocking::TlsStream::accept(stream, &tls::TLS.0, super::PATIENCE);
            return stream.expect("the peer speaks TLS").into();
        }
        stream.into()
    }

    async fn smol_stream(self, stream: TcpStream) -> bluewire::smol::NetStream {
        let stream = bluewire::smol::TcpSocket::new(stream).expect("it is a socket");
        #[cfg(feature = "tls")]
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
                check(Side::BlockingClient);
            }

            #[test]
            fn blocking_server() {
                check(Side::BlockingServer);
            }

            #[test]
            fn smol_client() {
                check(Side::SmolClient);
            }

            #[test]
            fn smol_server() {
                check(Side::SmolServer);
            }

            #[cfg(feature = "tls")]
            #[test]
            fn blocking_tls_client() {
                check(Side::BlockingTlsClient);
            }

            #[cfg(feature = "tls")]
            #[test]
            fn blocking_tls_server() {
                check(Side::BlockingTlsServer);
            }

            #[cfg(feature = "tls")]
            #[test]
            fn smol_tls_client() {
                check(Side::SmolTlsClient);
            }

            #[cfg(feature = "tls")]
            #[test]
            fn smol_tls_server() {
                check(Side::SmolTlsServer);
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
                check(Side::BlockingClient);
            }

            #[test]
            fn smol_client() {
                check(Side::SmolClient);
            }
        }
    )*};
}
