//! Servers that send each message that comes to everyone who is connected:
//!
//! ```text
//! broadcast_server --server blocking|smol|tokio|facade|tokio-tungstenite
//! ```
//!
//! Prints `listening on ADDR` once it does. Bluewire's use a `Group`: `blocking` with a thread for
//! each connection, `smol` and `tokio` with split connections on one thread, and `facade` with
//! callbacks on smol. tokio-tungstenite's does what its example of a chat does, by a channel for each
//! connection and a message whose payload is shared, on one thread.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, future};

use bluewire::facade::WebSocket;
use bluewire::group::Group;
use bluewire::{AcceptOptions, Config, ServerOptions, blocking};
use futures_channel::mpsc::{UnboundedSender, unbounded};
use futures_util::future::select;
use futures_util::{StreamExt, TryStreamExt, pin_mut};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::{self, Message};

const USAGE: &str = "usage: broadcast_server --server blocking|smol|tokio|facade|tokio-tungstenite";

const LISTEN: &str = "127.0.0.1:0";

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = env::args().skip(1).collect();
    let [option, name] = &args[..] else { return Err(USAGE.into()) };
    match (option.as_str(), name.as_str()) {
        ("--server", "blocking") => serve_blocking()?,
        ("--server", "smol") => smol::block_on(serve_smol())?,
        ("--server", "tokio") => serve_tokio()?,
        ("--server", "facade") => smol::block_on(serve_facade())?,
        ("--server", "tokio-tungstenite") => serve_peer()?,
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

fn serve_blocking() -> io::Result<()> {
    let server = blocking::Server::bind_with(LISTEN, options())?;
    announce(server.local_addr())?;
    let room = Group::new();
    server.serve(move |mut socket| {
        if room.join(&mut socket).is_ok() {
            while let Ok(Some(message)) = socket.recv() {
                room.publish(message);
            }
        }
    });
    Ok(())
}

async fn serve_smol() -> io::Result<()> {
    let server = bluewire::smol::Server::bind_with(LISTEN, options()).await?;
    announce(server.local_addr())?;
    let room = Group::new();
    let attend = move |socket: bluewire::smol::WebSocket| {
        let room = room.clone();
        async move {
            let (mut reader, writer) = socket.split();
            if room.join(&writer).is_ok() {
                while let Ok(Some(message)) = reader.recv().await {
                    room.publish(message);
                }
            }
        }
    };
    server.serve(attend).await;
    Ok(())
}

fn serve_tokio() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let server = bluewire::tokio::Server::bind_with(LISTEN, options()).await?;
        announce(server.local_addr())?;
        let room = Group::new();
        let attend = move |socket: bluewire::tokio::WebSocket| {
            let room = room.clone();
            async move {
                let (mut reader, writer) = socket.split();
                if room.join(&writer).is_ok() {
                    while let Ok(Some(message)) = reader.recv().await {
                        room.publish(message);
                    }
                }
            }
        };
        server.serve(attend).await;
        Ok(())
    })
}

async fn serve_facade() -> io::Result<()> {
    let server = bluewire::smol::Server::bind_with(LISTEN, options()).await?;
    announce(server.local_addr())?;
    let room = Group::new();
    let attend = move |socket: WebSocket| {
        if room.join(&socket).is_ok() {
            let (room, kept) = (room.clone(), socket.clone());
            socket.on_message(move |message| {
                // The last handle would close the connection.
                let _ = &kept;
                room.publish(message);
            });
        }
    };
    server.serve_facade(attend).await;
    Ok(())
}

/// As many connections as come, and no Ping to those that wait for their turn: the clients know
/// messages only.
fn options() -> ServerOptions {
    let config = Config::default().keepalive(None);
    let accept = AcceptOptions::default().config(config);
    ServerOptions::default().accept(accept).connections_max(100_000)
}

/// The connections of tokio-tungstenite's server.
type Guests = Arc<Mutex<Vec<UnboundedSender<Message>>>>;

fn serve_peer() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(LISTEN).await?;
        announce(listener.local_addr()?)?;
        let guests = Guests::default();
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(join(stream, guests.clone()));
        }
    })
}

async fn join(stream: TcpStream, guests: Guests) -> Result<(), tungstenite::Error> {
    stream.set_nodelay(true)?;
    let (outgoing, incoming) = accept_async(stream).await?.split();
    let (sender, receiver) = unbounded();
    guests.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
    let broadcast = incoming.try_for_each(|message| {
        for guest in &*guests.lock().unwrap_or_else(PoisonError::into_inner) {
            // A guest that left gets nothing.
            let _ = guest.unbounded_send(message.clone());
        }
        future::ready(Ok(()))
    });
    let receive = receiver.map(Ok).forward(outgoing);
    pin_mut!(broadcast, receive);
    // Whichever ends first, the connection has ended.
    select(broadcast, receive).await;
    Ok(())
}

fn announce(address: SocketAddr) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on {address}")?;
    stdout.flush()
}
