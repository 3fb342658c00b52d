//! Servers that send each message that comes to everyone who is connected:
//!
//! ```text
//! broadcast_server --server blocking|smol|tokio-tungstenite
//! ```
//!
//! Prints `listening on ADDR` once it does. Bluewire's two do it by the callback facade, with a
//! message that is laid out once; tokio-tungstenite's as its example of a chat does, by a channel
//! for each connection and a message whose payload is shared, on one thread.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, future};

use bluewire::facade::WebSocket;
use bluewire::{AcceptOptions, Config, PreparedMessage, ServerOptions, blocking};
use futures_channel::mpsc::{UnboundedSender, unbounded};
use futures_util::future::select;
use futures_util::{StreamExt, TryStreamExt, pin_mut};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::{self, Message};

const USAGE: &str = "usage: broadcast_server --server blocking|smol|tokio-tungstenite";

const LISTEN: &str = "127.0.0.1:0";

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = env::args().skip(1).collect();
    let [option, name] = &args[..] else { return Err(USAGE.into()) };
    match (option.as_str(), name.as_str()) {
        ("--server", "blocking") => serve_blocking()?,
        ("--server", "smol") => smol::block_on(serve_smol())?,
        ("--server", "tokio-tungstenite") => serve_tokio()?,
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

fn serve_blocking() -> io::Result<()> {
    let server = blocking::Server::bind_with(LISTEN, options())?;
    announce(server.local_addr())?;
    let room = Room::default();
    server.serve_facade(move |socket| room.join(socket));
    Ok(())
}

async fn serve_smol() -> io::Result<()> {
    let server = bluewire::smol::Server::bind_with(LISTEN, options()).await?;
    announce(server.local_addr())?;
    let room = Room::default();
    server.serve_facade(move |socket| room.join(socket)).await;
    Ok(())
}

/// As many connections as come, and no Ping to those that wait for their turn: the clients know
/// messages only.
fn options() -> ServerOptions {
    let config = Config::default().keepalive(None);
    let accept = AcceptOptions::default().config(config);
    ServerOptions::default().accept(accept).connections_max(100_000)
}

/// Everyone who is there; nobody leaves before the end.
#[derive(Clone, Default)]
struct Room(Arc<Mutex<Vec<WebSocket>>>);

impl Room {
    fn join(&self, socket: WebSocket) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(socket.clone());
        let room = self.clone();
        socket.on_message(move |message| {
            let message = PreparedMessage::new(message);
            for socket in &*room.0.lock().unwrap_or_else(PoisonError::into_inner) {
                socket.send(message.clone());
            }
        });
    }
}

/// The same for tokio-tungstenite.
type Guests = Arc<Mutex<Vec<UnboundedSender<Message>>>>;

fn serve_tokio() -> io::Result<()> {
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
