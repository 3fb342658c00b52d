//! A chat over several machines: each node serves its own clients, and all nodes share what is said
//! through Redis. A balancer in front of them (`haproxy.cfg` beside this file) gives each client to
//! the node that has the fewest.
//!
//! ```text
//! cluster_chat --redis URL [--listen ADDR]
//! ```
//!
//! Prints `listening on ADDR` once it does. On SIGINT and SIGTERM it stops cleanly: it closes its
//! clients with 1001, they connect again, and the balancer takes them to another node. Their lines
//! from before still reach all clients.
//!
//! Each client is a member of its node's group, to which the node publishes what comes from the
//! channel ([`bridge::Bridge`]) that all nodes share. So a client's own lines come back to it, in
//! the same order as to all others.
//!
//! # What can be lost
//!
//! - Redis keeps nothing. A client that is away misses what is said meanwhile.
//! - When a node dies, its clients see their connections fail. Lines that they sent and have not
//!   seen come back may have reached all clients or none.
//! - When Redis dies, or is not reached any more, nodes may have missed lines. Every node closes
//!   its clients with 1001 (or with 1013 where it could not pass a line on) and exits. A supervisor
//!   starts it again, and clients come back. Lines that were on their way are lost, and those that
//!   a client has seen come back are not.
//! - A client that does not read is closed with 1013 once 256 lines wait for it.
//!
//! A client that has to be certain gives its lines numbers, waits until each comes back, and says it
//! again if it does not.

mod bridge;
#[path = "../common/stop.rs"]
mod stop;

use std::error::Error;
use std::io::Write;
use std::pin::pin;
use std::thread;
use std::time::Duration;

use bluewire::group::{Group, GroupOptions};
use bluewire::smol::{NetStream, Server, WebSocket};
use bluewire::{AcceptOptions, CloseCode, Config, HeadError, HttpAnswer, Limits};
use bluewire::{Message, ServerOptions};
use smol::stream::StreamExt as _;
use stop::Stop;

use bridge::{Bridge, Redis};

/// How long connections may take to close when the node stops.
const BUDGET: Duration = Duration::from_secs(5);
/// Messages that wait for a client. A client that falls behind by more must connect again.
const WAITING_MAX: usize = 256;

const USAGE: &str = "usage: cluster_chat --redis URL [--listen ADDR]";

fn main() -> Result<(), Box<dyn Error>> {
    let (redis, listen) = match parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("cluster_chat: {error}\n{USAGE}");
            std::process::exit(2);
        }
    };
    // Before the server reports its address: from then on a signal stops it cleanly.
    let stop = Stop::new()?;
    smol::block_on(async { serve(Redis::connect(&redis).await?, &listen, stop).await })
}

async fn serve(bridge: impl Bridge, listen: &str, stop: Stop) -> Result<(), Box<dyn Error>> {
    // A client that falls behind by more must connect again.
    let room = Group::with(GroupOptions::default().messages_max(WAITING_MAX));
    let mut lines = pin!(bridge.clone().receive().await?);
    let heard = room.clone();
    let relaying = async {
        while let Some(line) = lines.next().await {
            heard.publish(&line);
        }
    };

    let server = Server::bind_with(listen, options()?).await?;
    let handle = server.handle();
    thread::spawn(move || {
        stop.wait();
        smol::block_on(handle.shutdown(BUDGET));
    });
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {}", server.local_addr())?;
    stdout.flush()?;

    let serving = server.serve(move |socket| attend(socket, room.clone(), bridge.clone()));
    let without_redis = async {
        // A node that hears nothing from the others is of no use: let its clients go elsewhere.
        relaying.await;
        eprintln!("nothing comes from the other nodes any more");
        server.shutdown(BUDGET).await
    };
    let report = smol::future::or(serving, without_redis).await;
    eprintln!("stopped: {} closed, {} cut", report.closed, report.cut);
    Ok(())
}

/// The chat is at `/chat`; the balancer asks at `/health` whether the node is there.
fn options() -> Result<ServerOptions, HeadError> {
    // A client that does not read holds no more than this.
    let limits = Limits::default().message_len_max(4_096).outbox_len_max(256 * 1024);
    let config = Config::default().limits(limits);
    let healthy = HttpAnswer::new(200)?.text("ready\n");
    let not_found = HttpAnswer::new(404)?.text("the chat is at /chat\n");
    let no_chat = not_found.clone();
    Ok(ServerOptions::default()
        .accept(AcceptOptions::default().config(config))
        .on_offer(move |offer| match offer.path() {
            "/chat" => Ok(()),
            _ => Err(no_chat.clone()),
        })
        .on_request(move |request| match request.path() {
            Some("/health") => healthy.clone(),
            _ => not_found.clone(),
        }))
}

/// Serves one client until it leaves. It is a member of the room, so that all lines reach it.
async fn attend(socket: WebSocket<NetStream>, room: Group, bridge: impl Bridge) {
    let (mut reader, writer) = socket.split();
    if room.join(&writer).is_err() {
        return;
    }
    // When the node shuts down this still receives until the client has answered its Close: what
    // was sent before that reaches everybody.
    while let Ok(Some(message)) = reader.recv().await {
        let Message::Text(text) = message else { continue };
        if bridge.send(text).await.is_err() {
            // 1013: try again later. The balancer finds a node that has its Redis.
            let _ = writer.close(CloseCode::TRY_AGAIN_LATER, "the chat is out of order").await;
        }
    }
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<(String, String), String> {
    let (mut redis, mut listen) = (None, "127.0.0.1:8088".to_owned());
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--redis" => redis = Some(value()?),
            "--listen" => listen = value()?,
            _ => return Err(format!("there is no option {arg:?}")),
        }
    }
    Ok((redis.ok_or("--redis is missing")?, listen))
}
