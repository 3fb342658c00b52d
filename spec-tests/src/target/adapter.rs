//! The adapters as echo peers over TCP on the loopback interface.

use std::error::Error;
use std::net::{SocketAddr, TcpStream};
use std::sync::{LazyLock, mpsc};

use bluewire::facade::WebSocket;
use bluewire::{
    AcceptOptions, ConnectOptions, Deflate, Message, blocking, smol as bluewire_smol,
    tokio as bluewire_tokio,
};
use tokio::runtime::Runtime;

use super::Target;
use super::socket::{self, Testee};
use crate::case::{Case, Role};
use crate::cutting::Cutting;
use crate::fuzzer::Fuzzer;

pub(super) type Ended = Result<(), Box<dyn Error>>;

/// An adapter in one role.
#[derive(Clone, Copy, Debug)]
pub struct Adapter {
    name: &'static str,
    testee: Testee,
}

impl Adapter {
    /// Each adapter in each role, by its direct API and by its callbacks.
    pub const ALL: [Self; 12] = [
        Self { name: "blocking server", testee: Testee::Server(blocking_server) },
        Self { name: "blocking client", testee: Testee::Client(blocking_client) },
        Self { name: "smol server", testee: Testee::Server(smol_server) },
        Self { name: "smol client", testee: Testee::Client(smol_client) },
        Self { name: "tokio server", testee: Testee::Server(tokio_server) },
        Self { name: "tokio client", testee: Testee::Client(tokio_client) },
        Self { name: "blocking facade server", testee: Testee::Server(blocking_facade_server) },
        Self { name: "blocking facade client", testee: Testee::Client(blocking_facade_client) },
        Self { name: "smol facade server", testee: Testee::Server(smol_facade_server) },
        Self { name: "smol facade client", testee: Testee::Client(smol_facade_client) },
        Self { name: "tokio facade server", testee: Testee::Server(tokio_facade_server) },
        Self { name: "tokio facade client", testee: Testee::Client(tokio_facade_client) },
    ];
}

impl Target for Adapter {
    fn name(&self) -> String {
        self.name.into()
    }

    fn role(&self) -> Role {
        match self.testee {
            Testee::Server(_) => Role::Server,
            Testee::Client(_) => Role::Client,
        }
    }

    /// The network cuts as it likes.
    fn cuttings(&self, _case: &Case) -> Vec<Cutting> {
        vec![Cutting::AsWritten]
    }

    fn run(&self, fuzzer: &mut Fuzzer<'_>, _cutting: Cutting) {
        socket::run(fuzzer, self.testee);
    }
}

/// Compression as little work as it can be, since there is much to compress.
pub(super) static DEFLATE: LazyLock<Deflate> = LazyLock::new(|| Deflate::default().level(1));

fn connecting(server: SocketAddr) -> ConnectOptions {
    ConnectOptions::new(format!("ws://{server}/")).deflate(DEFLATE.clone())
}

fn accepting() -> AcceptOptions {
    AcceptOptions::default().deflate(DEFLATE.clone())
}

fn blocking_server(stream: TcpStream) -> Ended {
    let stream = blocking::NetStream::from(stream);
    blocking_echo(blocking::accept_with(stream, accepting())?)
}

fn blocking_client(server: SocketAddr) -> Ended {
    blocking_echo(blocking::connect(connecting(server))?)
}

fn blocking_echo(mut socket: blocking::WebSocket) -> Ended {
    while let Some((message, mut sender)) = socket.recv_with_sender()? {
        sender.send(message)?;
    }
    Ok(())
}

fn smol_server(stream: TcpStream) -> Ended {
    let stream = bluewire_smol::NetStream::try_from(stream)?;
    smol::block_on(async {
        smol_echo(bluewire_smol::accept_with(stream, accepting()).await?).await
    })
}

fn smol_client(server: SocketAddr) -> Ended {
    smol::block_on(async { smol_echo(bluewire_smol::connect(connecting(server)).await?).await })
}

async fn smol_echo(mut socket: bluewire_smol::WebSocket) -> Ended {
    while let Some((message, mut sender)) = socket.recv_with_sender().await? {
        sender.send(message).await?;
    }
    Ok(())
}

/// Where the tasks of the connections on tokio run.
pub(super) static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Runtime::new().expect("the system has threads for a runtime"));

pub(super) fn tokio_stream(stream: TcpStream) -> std::io::Result<tokio::net::TcpStream> {
    stream.set_nonblocking(true)?;
    tokio::net::TcpStream::from_std(stream)
}

fn tokio_server(stream: TcpStream) -> Ended {
    RUNTIME.block_on(async {
        let stream = tokio_stream(stream)?;
        tokio_echo(bluewire_tokio::accept_with(stream, accepting()).await?).await
    })
}

fn tokio_client(server: SocketAddr) -> Ended {
    RUNTIME.block_on(async { tokio_echo(bluewire_tokio::connect(connecting(server)).await?).await })
}

async fn tokio_echo<S>(mut socket: bluewire_tokio::WebSocket<S>) -> Ended
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + 'static,
{
    while let Some((message, mut sender)) = socket.recv_with_sender().await? {
        sender.send(message).await?;
    }
    Ok(())
}

fn tokio_facade_server(stream: TcpStream) -> Ended {
    let socket = RUNTIME.block_on(async {
        let accepted = bluewire_tokio::accept_with(tokio_stream(stream)?, accepting()).await?;
        Ok::<_, Box<dyn Error>>(accepted.into_facade())
    })?;
    callback_echo(&socket)
}

fn tokio_facade_client(server: SocketAddr) -> Ended {
    let _runtime = RUNTIME.enter();
    callback_echo(&bluewire_tokio::websocketfactory::create(connecting(server))?)
}

fn blocking_facade_server(stream: TcpStream) -> Ended {
    callback_echo(&blocking::accept_with(stream, accepting())?.into_facade()?)
}

fn blocking_facade_client(server: SocketAddr) -> Ended {
    callback_echo(&blocking::websocketfactory::create(connecting(server))?)
}

fn smol_facade_server(stream: TcpStream) -> Ended {
    let accepted = smol::block_on(bluewire_smol::accept_with(
        bluewire_smol::NetStream::try_from(stream)?,
        accepting(),
    ))?;
    callback_echo(&accepted.into_facade())
}

fn smol_facade_client(server: SocketAddr) -> Ended {
    callback_echo(&bluewire_smol::websocketfactory::create(connecting(server))?)
}

/// Echoes until the connection is closed.
fn callback_echo(socket: &WebSocket) -> Ended {
    let (closed, wait) = mpsc::channel();
    socket.on_close(move |_| {
        let _ = closed.send(());
    });
    let sender = socket.clone();
    socket.on_message(move |message| match message {
        Message::Text(text) => sender.send(text),
        Message::Binary(bytes) => sender.send(bytes),
    });
    Ok(wait.recv()?)
}
