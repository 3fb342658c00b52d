//! Both adapters behind one face.

use std::thread;

use bluewire::{
    CloseCode, Closure, ConnectError, ConnectOptions, Error, Message, OwnedMessage, ServerOptions,
    blocking, facade, smol as adapter,
};
use smol::block_on;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adapter {
    Blocking,
    Smol,
}

#[derive(Debug)]
pub(crate) enum Socket {
    Blocking(blocking::WebSocket<blocking::NetStream>),
    Smol(adapter::WebSocket<adapter::NetStream>),
}

pub(crate) fn text(text: &str) -> OwnedMessage {
    OwnedMessage::Text(text.to_owned())
}

impl Adapter {
    pub(crate) fn connect(
        self,
        options: impl Into<ConnectOptions>,
    ) -> Result<Socket, ConnectError> {
        match self {
            Self::Blocking => blocking::connect(options).map(Socket::Blocking),
            Self::Smol => block_on(adapter::connect(options)).map(Socket::Smol),
        }
    }

    pub(crate) fn create(
        self,
        options: impl Into<ConnectOptions>,
    ) -> Result<facade::WebSocket, ConnectError> {
        match self {
            Self::Blocking => blocking::websocketfactory::create(options),
            Self::Smol => adapter::websocketfactory::create(options),
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
            Self::Smol => block_on(async {
                let server = adapter::Server::bind_with("127.0.0.1:0", options).await;
                let server = server.expect("a port");
                let (port, handle) = (server.local_addr().port(), server.handle());
                let serve = async move {
                    server
                        .serve(async |mut socket| {
                            while let Ok(Some((message, mut sender))) =
                                socket.recv_with_sender().await
                            {
                                if sender.send(message).await.is_err() {
                                    break;
                                }
                            }
                        })
                        .await
                };
                smol::spawn(serve).detach();
                (EchoServer::Smol(handle), port)
            }),
        }
    }
}

pub(crate) enum EchoServer {
    Blocking(blocking::ServerHandle),
    Smol(adapter::ServerHandle),
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        match self {
            Self::Blocking(handle) => drop(handle.shutdown(std::time::Duration::ZERO)),
            Self::Smol(handle) => drop(block_on(handle.shutdown(std::time::Duration::ZERO))),
        }
    }
}

impl Socket {
    pub(crate) fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        match self {
            Self::Blocking(socket) => socket.send(message),
            Self::Smol(socket) => block_on(socket.send(message)),
        }
    }

    pub(crate) fn recv(&mut self) -> Result<Option<OwnedMessage>, Error> {
        match self {
            Self::Blocking(socket) => socket.recv_owned(),
            Self::Smol(socket) => block_on(socket.recv_owned()),
        }
    }

    pub(crate) fn close(&mut self, code: CloseCode, reason: &str) -> Result<Closure, Error> {
        match self {
            Self::Blocking(socket) => socket.close(code, reason),
            Self::Smol(socket) => block_on(socket.close(code, reason)),
        }
    }
}

/// Turns each function into tests on both adapters.
#[macro_export]
macro_rules! on_both {
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
        }
    )*};
}
