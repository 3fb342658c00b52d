//! Servers whose connections join a group, and clients.

use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use bluewire::blocking::{self, WebSocket};
use bluewire::group::Group;
use bluewire::{Keepalive, ServerOptions, facade, smol as adapter};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Adapter {
    Blocking,
    Smol,
    #[cfg(feature = "tokio")]
    Tokio,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Style {
    Whole,
    Split,
    Facade,
}

pub(crate) type Kind = (Adapter, Style);

pub(crate) const KINDS: &[Kind] = &[
    (Adapter::Blocking, Style::Whole),
    (Adapter::Blocking, Style::Split),
    (Adapter::Blocking, Style::Facade),
    (Adapter::Smol, Style::Whole),
    (Adapter::Smol, Style::Split),
    (Adapter::Smol, Style::Facade),
    #[cfg(feature = "tokio")]
    (Adapter::Tokio, Style::Whole),
    #[cfg(feature = "tokio")]
    (Adapter::Tokio, Style::Split),
    #[cfg(feature = "tokio")]
    (Adapter::Tokio, Style::Facade),
];

#[cfg(feature = "tokio")]
static RUNTIME: std::sync::LazyLock<tokio::runtime::Runtime> =
    std::sync::LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());

/// Starts a server whose connections join the group, and publish what they receive to all others.
pub(crate) fn serve((adapter, style): Kind, group: &Group) -> SocketAddr {
    serve_with((adapter, style), group, ServerOptions::default())
}

pub(crate) fn serve_with(
    (adapter, style): Kind,
    group: &Group,
    options: ServerOptions,
) -> SocketAddr {
    let group = group.clone();
    match adapter {
        Adapter::Blocking => {
            let server = blocking::Server::bind_with("127.0.0.1:0", options).unwrap();
            let address = server.local_addr();
            thread::spawn(move || match style {
                Style::Whole => server.serve(move |socket| whole(socket, &group)),
                Style::Split => server.serve(move |socket| split(socket, &group)),
                Style::Facade => server.serve_facade(move |socket| callbacks(&socket, &group)),
            });
            address
        }
        Adapter::Smol => {
            let bound = adapter::Server::bind_with("127.0.0.1:0", options);
            let server = smol::block_on(bound).unwrap();
            let address = server.local_addr();
            thread::spawn(move || {
                smol::block_on(async move {
                    match style {
                        Style::Whole => server.serve(move |it| smol_whole(it, group.clone())).await,
                        Style::Split => server.serve(move |it| smol_split(it, group.clone())).await,
                        Style::Facade => {
                            server.serve_facade(move |it| callbacks(&it, &group)).await
                        }
                    }
                })
            });
            address
        }
        #[cfg(feature = "tokio")]
        Adapter::Tokio => {
            let bound = bluewire::tokio::Server::bind_with("127.0.0.1:0", options);
            let server = RUNTIME.block_on(bound).unwrap();
            let address = server.local_addr();
            RUNTIME.spawn(async move {
                match style {
                    Style::Whole => server.serve(move |it| tokio_whole(it, group.clone())).await,
                    Style::Split => server.serve(move |it| tokio_split(it, group.clone())).await,
                    Style::Facade => server.serve_facade(move |it| callbacks(&it, &group)).await,
                }
            });
            address
        }
    }
}

fn whole(mut socket: WebSocket, group: &Group) {
    let Ok(key) = group.join(&mut socket) else { return };
    while let Ok(Some(message)) = socket.recv() {
        group.publish_except(key, message);
    }
}

fn split(socket: WebSocket, group: &Group) {
    let (mut reader, writer) = socket.split();
    let Ok(key) = group.join(&writer) else { return };
    while let Ok(Some(message)) = reader.recv() {
        group.publish_except(key, message);
    }
}

fn callbacks(socket: &facade::WebSocket, group: &Group) {
    let Ok(key) = group.join(socket) else { return };
    let (group, kept) = (group.clone(), socket.clone());
    socket.on_message(move |message| {
        // The last handle closes the connection when it is dropped.
        let _ = &kept;
        group.publish_except(key, message);
    });
}

macro_rules! asynchronous {
    ($whole:ident, $split:ident, $socket:ty) => {
        async fn $whole(mut socket: $socket, group: Group) {
            let Ok(key) = group.join(&mut socket) else { return };
            while let Ok(Some(message)) = socket.recv().await {
                group.publish_except(key, message);
            }
        }

        async fn $split(socket: $socket, group: Group) {
            let (mut reader, writer) = socket.split();
            let Ok(key) = group.join(&writer) else { return };
            while let Ok(Some(message)) = reader.recv().await {
                group.publish_except(key, message);
            }
        }
    };
}

asynchronous!(smol_whole, smol_split, adapter::WebSocket<adapter::NetStream>);
#[cfg(feature = "tokio")]
asynchronous!(tokio_whole, tokio_split, bluewire::tokio::WebSocket<bluewire::tokio::NetStream>);

pub(crate) fn client(address: SocketAddr) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    blocking::connect_over(stream, format!("ws://{address}/")).unwrap()
}

/// Clients that have joined.
pub(crate) fn clients(
    address: SocketAddr,
    group: &Group,
    count: usize,
) -> Vec<WebSocket<TcpStream>> {
    let before = group.len();
    let clients = (0..count).map(|_| client(address)).collect();
    until("all have joined", || group.len() == before + count);
    clients
}

/// Options of a server that lets slow peers be for long.
pub(crate) fn patient() -> ServerOptions {
    let config = bluewire::Config::default().keepalive(None::<Keepalive>).close_timeout(PATIENCE);
    ServerOptions::default().accept(bluewire::AcceptOptions::default().config(config))
}

pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    crate::watchdog::waits_for(what);
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited for too long: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A payload that says which one it is.
pub(crate) fn payload(number: u32, len: usize) -> Vec<u8> {
    let mut payload = number.to_be_bytes().to_vec();
    payload.resize(len.max(4), number.to_le_bytes()[0]);
    payload
}

/// The number of a payload, of which every byte is checked.
pub(crate) fn number(payload: &[u8]) -> u32 {
    let number = u32::from_be_bytes(payload[..4].try_into().unwrap());
    assert!(payload[4..].iter().all(|byte| *byte == number.to_le_bytes()[0]));
    number
}
