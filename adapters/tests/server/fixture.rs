//! An echo server on each adapter, and raw clients.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bluewire::asynch::{Runtime, WebSocket};
use bluewire::{OwnedMessage, ServerOptions, ShutdownReport, blocking, smol as adapter};

pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Adapter {
    Blocking,
    Smol,
    /// With threads of its own.
    SmolThreads,
    #[cfg(feature = "tokio")]
    Tokio,
}

pub(crate) const ALL: &[Adapter] = &[
    Adapter::Blocking,
    Adapter::Smol,
    Adapter::SmolThreads,
    #[cfg(feature = "tokio")]
    Adapter::Tokio,
];

/// The runtime of the servers on tokio.
#[cfg(feature = "tokio")]
static RUNTIME: std::sync::LazyLock<tokio::runtime::Runtime> =
    std::sync::LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Style {
    Serve,
    Facade,
    Accept,
}

enum Handle {
    Blocking(blocking::ServerHandle),
    Smol(adapter::ServerHandle),
    #[cfg(feature = "tokio")]
    Tokio(bluewire::tokio::ServerHandle),
}

/// An echo server that runs in threads of its own.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    handle: Handle,
    serving: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(adapter: Adapter, style: Style, options: ServerOptions) -> Self {
        match adapter {
            Adapter::Blocking => {
                let server = blocking::Server::bind_with("127.0.0.1:0", options).unwrap();
                let (addr, handle) = (server.local_addr(), Handle::Blocking(server.handle()));
                let serving = thread::spawn(move || match style {
                    Style::Serve => drop(server.serve(echo)),
                    Style::Facade => drop(server.serve_facade(echo_by_callbacks)),
                    Style::Accept => {
                        while let Some(socket) = server.accept() {
                            thread::spawn(|| echo(socket));
                        }
                    }
                });
                Self { addr, handle, serving }
            }
            Adapter::Smol | Adapter::SmolThreads => {
                let options = match adapter {
                    Adapter::SmolThreads => options.threads(3),
                    _ => options,
                };
                let bound = adapter::Server::bind_with("127.0.0.1:0", options);
                let server = smol::block_on(bound).unwrap();
                let (addr, handle) = (server.local_addr(), Handle::Smol(server.handle()));
                let serving = thread::spawn(move || {
                    smol::block_on(async {
                        match style {
                            Style::Serve => drop(server.serve(echo_async).await),
                            Style::Facade => drop(server.serve_facade(echo_by_callbacks).await),
                            Style::Accept => {
                                while let Some(socket) = server.accept().await {
                                    smol::spawn(echo_async(socket)).detach();
                                }
                            }
                        }
                    });
                });
                Self { addr, handle, serving }
            }
            #[cfg(feature = "tokio")]
            Adapter::Tokio => {
                let bound = bluewire::tokio::Server::bind_with("127.0.0.1:0", options);
                let server = RUNTIME.block_on(bound).unwrap();
                let (addr, handle) = (server.local_addr(), Handle::Tokio(server.handle()));
                let serving = thread::spawn(move || {
                    RUNTIME.block_on(async {
                        match style {
                            Style::Serve => drop(server.serve(echo_on_tokio).await),
                            Style::Facade => drop(server.serve_facade(echo_by_callbacks).await),
                            Style::Accept => {
                                while let Some(socket) = server.accept().await {
                                    tokio::spawn(echo_on_tokio(socket));
                                }
                            }
                        }
                    });
                });
                Self { addr, handle, serving }
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/", self.addr)
    }

    pub(crate) fn connections(&self) -> usize {
        match &self.handle {
            Handle::Blocking(handle) => handle.connections(),
            Handle::Smol(handle) => handle.connections(),
            #[cfg(feature = "tokio")]
            Handle::Tokio(handle) => handle.connections(),
        }
    }

    pub(crate) fn shutdown(self, budget: Duration) -> ShutdownReport {
        let report = match &self.handle {
            Handle::Blocking(handle) => handle.shutdown(budget),
            Handle::Smol(handle) => smol::block_on(handle.shutdown(budget)),
            #[cfg(feature = "tokio")]
            Handle::Tokio(handle) => RUNTIME.block_on(handle.shutdown(budget)),
        };
        self.serving.join().unwrap();
        // The system may close the listener a moment later.
        wait_until("the listener is closed", || TcpStream::connect(self.addr).is_err());
        report
    }
}

pub(crate) fn echo(mut socket: blocking::WebSocket) {
    while let Ok(Some((message, mut sender))) = socket.recv_with_sender() {
        if sender.send(message).is_err() {
            break;
        }
    }
}

pub(crate) async fn echo_async(socket: adapter::WebSocket) {
    echo_on(socket).await;
}

#[cfg(feature = "tokio")]
pub(crate) async fn echo_on_tokio(socket: bluewire::tokio::WebSocket) {
    echo_on(socket).await;
}

pub(crate) async fn echo_on<R: Runtime>(mut socket: WebSocket<R, R::NetStream>) {
    while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
        if sender.send(message).await.is_err() {
            break;
        }
    }
}

pub(crate) fn echo_by_callbacks(socket: bluewire::facade::WebSocket) {
    let sender = socket.clone();
    socket.on_message(move |message| sender.send(message.into_owned()));
}

pub(crate) fn speak(socket: &mut blocking::WebSocket) {
    socket.send("Hello").unwrap();
    let received = socket.recv_timeout(TIMEOUT).unwrap().map(|message| message.into_owned());
    assert_eq!(received, Some(OwnedMessage::Text("Hello".to_owned())));
}

/// Sends a request, and reads to the end.
pub(crate) fn ask(addr: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub(crate) fn upgrade(target: &str, more: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n{more}\r\n"
    )
}

pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < TIMEOUT, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}
