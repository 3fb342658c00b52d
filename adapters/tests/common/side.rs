//! The four sides that the facade has: either adapter, either end.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use bluewire::facade::{ReadyState, WebSocket};
use bluewire::{AcceptOptions, Config, ConnectError, ConnectOptions};

use super::peer::Peer;
use super::until;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    BlockingClient,
    BlockingServer,
    SmolClient,
    SmolServer,
}

impl Side {
    pub(crate) const CLIENTS: [Self; 2] = [Self::BlockingClient, Self::SmolClient];

    pub(crate) fn is_client(self) -> bool {
        Self::CLIENTS.contains(&self)
    }

    /// An open connection and its peer; no callback is set.
    pub(crate) fn open(self) -> (WebSocket, Peer) {
        self.open_with(Config::default())
    }

    pub(crate) fn open_with(self, config: Config) -> (WebSocket, Peer) {
        let listener = listener();
        let address = listener.local_addr().expect("it is bound");
        if self.is_client() {
            let options = ConnectOptions::new(format!("ws://{address}/chat?room=1"))
                .protocols(["v2", "v1"])
                .header("X-Asked-By", "facade")
                .config(config);
            let socket = self.create(options).expect("the options are valid");
            let peer = Peer::accept(&listener);
            until("it is open", || socket.ready_state() == ReadyState::Open);
            return (socket, peer);
        }
        let accepted = thread::spawn(move || {
            let (stream, _) = listener.accept().expect("the peer connects");
            self.accept(stream, config)
        });
        let peer = Peer::connect(address);
        let socket = accepted.join().expect("it is accepted");
        assert_eq!(socket.ready_state(), ReadyState::Open, "an accepted connection is open");
        (socket, peer)
    }

    pub(crate) fn create(
        self,
        options: impl Into<ConnectOptions>,
    ) -> Result<WebSocket, ConnectError> {
        match self {
            Self::BlockingClient => bluewire::blocking::websocketfactory::create(options),
            Self::SmolClient => bluewire::smol::websocketfactory::create(options),
            _ => panic!("a server creates nothing"),
        }
    }

    fn accept(self, stream: TcpStream, config: Config) -> WebSocket {
        let options =
            AcceptOptions::default().protocol("v1").header("X-Served-By", "facade").config(config);
        if self == Self::BlockingServer {
            let socket = bluewire::blocking::accept_with(stream, options).expect("it is lawful");
            return socket.into_facade().expect("there is a thread");
        }
        smol::block_on(async {
            let stream = smol::Async::new(stream).expect("it is a socket");
            bluewire::smol::accept_with(stream, options).await.expect("it is lawful").into_facade()
        })
    }
}

pub(crate) fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port")
}

/// Turns each function into tests on all four sides.
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
