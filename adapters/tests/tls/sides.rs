//! All adapters behind one face.

use std::thread;

use bluewire::asynch::ServerHandle;
use bluewire::{
    CloseCode, Closure, ConnectError, ConnectOptions, Error, Message, OwnedMessage, ServerOptions,
    blocking, facade, smol as adapter,
};
use smol::block_on;

#[cfg(feature = "tokio")]
use crate::runtimes::RUNTIME;
use crate::runtimes::{OnRuntime, Smol};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adapter {
    Blocking,
    Smol,
    #[cfg(feature = "tokio")]
    Tokio,
}

#[derive(Debug)]
pub(crate) enum Socket {
    Blocking(blocking::WebSocket<blocking::NetStream>),
    Smol(adapter::WebSocket<adapter::NetStream>),
    #[cfg(feature = "tokio")]
    Tokio(bluewire::tokio::WebSocket<bluewire::tokio::NetStream>),
}

pub(crate) fn text(text: &str) -> OwnedMessage {
    OwnedMessage::Text(text.to_owned())
}

impl Adapter {
    pub(crate) const ALL: &[Self] = &[
        Self::Blocking,
        Self::Smol,
        #[cfg(feature = "tokio")]
        Self::Tokio,
    ];

    pub(crate) fn connect(
        self,
        options: impl Into<ConnectOptions>,
    ) -> Result<Socket, ConnectError> {
        match self {
            Self::Blocking => blocking::connect(options).map(Socket::Blocking),
            Self::Smol => block_on(adapter::connect(options)).map(Socket::Smol),
            #[cfg(feature = "tokio")]
            Self::Tokio => RUNTIME.block_on(bluewire::tokio::connect(options)).map(Socket::Tokio),
        }
    }

    pub(crate) fn create(
        self,
        options: impl Into<ConnectOptions>,
    ) -> Result<facade::WebSocket, ConnectError> {
        match self {
            Self::Blocking => blocking::websocketfactory::create(options),
            Self::Smol => adapter::websocketfactory::create(options),
            #[cfg(feature = "tokio")]
            Self::Tokio => {
                let _runtime = RUNTIME.enter();
                bluewire::tokio::websocketfactory::create(options)
            }
        }
    }

    /// A server that echoes; what shuts it down, and its URL.
    pub(crate) fn echo_server(self, options: ServerOptions) -> (EchoServer, u16) {
        match self {
            Self::Blocking => {
                let server = blocking::Server::bind_with("127.0.0.1:0", options).expect("a port");
                let (port, handle) = (server.local_addr().port(), server.handle());
                thread::spawn(move || {
                    server.serve(|mut socket| {
                        while let Ok(Some((message, mut sender))) = socket.recv_with_sender() {
                            if sender.send(message).is_err() {
                                break;
                            }
                        }
                    })
                });
                (EchoServer::Blocking(handle), port)
            }
            Self::Smol => {
                let (handle, port) = echo_server_on::<Smol>(options);
                (EchoServer::Smol(handle), port)
            }
            #[cfg(feature = "tokio")]
            Self::Tokio => {
                let (handle, port) = echo_server_on::<crate::runtimes::Tokio>(options);
                (EchoServer::Tokio(handle), port)
            }
        }
    }
}

/// The same on an asynchronous adapter.
fn echo_server_on<R: OnRuntime>(options: ServerOptions) -> (ServerHandle<R>, u16) {
    let server = R::block_on(R::bind_with(("127.0.0.1", 0), options)).expect("a port");
    let (port, handle) = (server.local_addr().port(), server.handle());
    R::detach(async move {
        server
            .serve(async |mut socket| {
                while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
                    if sender.send(message).await.is_err() {
                        break;
                    }
                }
            })
            .await;
    });
    (handle, port)
}

pub(crate) enum EchoServer {
    Blocking(blocking::ServerHandle),
    Smol(adapter::ServerHandle),
    #[cfg(feature = "tokio")]
    Tokio(bluewire::tokio::ServerHandle),
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        match self {
            Self::Blocking(handle) => drop(handle.shutdown(std::time::Duration::ZERO)),
            Self::Smol(handle) => drop(block_on(handle.shutdown(std::time::Duration::ZERO))),
            #[cfg(feature = "tokio")]
            Self::Tokio(handle) => {
                RUNTIME.block_on(handle.shutdown(std::time::Duration::ZERO));
            }
        }
    }
}

impl Socket {
    pub(crate) fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        match self {
            Self::Blocking(socket) => socket.send(message),
            Self::Smol(socket) => block_on(socket.send(message)),
            #[cfg(feature = "tokio")]
            Self::Tokio(socket) => RUNTIME.block_on(socket.send(message)),
        }
    }

    pub(crate) fn recv(&mut self) -> Result<Option<OwnedMessage>, Error> {
        match self {
            Self::Blocking(socket) => socket.recv_owned(),
            Self::Smol(socket) => block_on(socket.recv_owned()),
            #[cfg(feature = "tokio")]
            Self::Tokio(socket) => RUNTIME.block_on(socket.recv_owned()),
        }
    }

    pub(crate) fn close(&mut self, code: CloseCode, reason: &str) -> Result<Closure, Error> {
        match self {
            Self::Blocking(socket) => socket.close(code, reason),
            Self::Smol(socket) => block_on(socket.close(code, reason)),
            #[cfg(feature = "tokio")]
            Self::Tokio(socket) => RUNTIME.block_on(socket.close(code, reason)),
        }
    }
}

/// Turns each function into tests on all adapters.
#[macro_export]
macro_rules! on_each_adapter {
    ($($(#[$meta:meta])* fn $name:ident($adapter:ident) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "not every test needs all")]
            use super::*;

            fn check($adapter: Adapter) $body

            #[test]
            fn blocking() {
                let _bound = $crate::watchdog::bound();
                check(Adapter::Blocking);
            }

            #[test]
            fn smol() {
                let _bound = $crate::watchdog::bound();
                check(Adapter::Smol);
            }

            #[cfg(feature = "tokio")]
            #[test]
            fn tokio() {
                let _bound = $crate::watchdog::bound();
                check(Adapter::Tokio);
            }
        }
    )*};
}
