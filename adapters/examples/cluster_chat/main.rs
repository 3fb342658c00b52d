//! A chat over several machines: each node serves its own clients, and all nodes share what is said
//! through Redis. A balancer in front of them (`haproxy.cfg` beside this file) gives each client to
//! the node that has the fewest.
//!
//! ```text
//! cluster_chat --redis URL [--listen ADDR]
//! ```
//!
//! Prints `listening on ADDR` once it does. On SIGINT and SIGTERM it stops in order: clients are
//! told 1001 and reconnect, by which the balancer takes them to another node; what they had sent
//! until then is still said to all.
//!
//! What a client says comes back to it as well, in the same order as to all others. Redis keeps
//! nothing: who was away has missed what was said, and who has not seen his own words again says
//! them again.

#[path = "../common/stop.rs"]
mod stop;

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use bluewire::smol::{NetStream, Server, WebSocket, Writer};
use bluewire::{AcceptOptions, CloseCode, Config, HeadError, HttpAnswer, Limits};
use bluewire::{Message, PreparedMessage, ServerOptions};
use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use smol::channel::{self, Receiver, Sender};
use smol::stream::StreamExt as _;
use stop::Stop;

/// How long connections may take to close when the node stops.
const BUDGET: Duration = Duration::from_secs(5);
/// The channel of Redis that all nodes share.
const CHANNEL: &str = "chat";
/// Messages that wait for a client. One who falls behind by more is told to come again.
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
    // Before anyone is told that it runs: from then on a signal stops it in order.
    let stop = Stop::new()?;
    smol::block_on(serve(redis::Client::open(redis)?, &listen, stop))
}

async fn serve(redis: redis::Client, listen: &str, stop: Stop) -> Result<(), Box<dyn Error>> {
    let room = Room::default();
    let mut said = redis.get_async_pubsub().await?;
    said.subscribe(CHANNEL).await?;
    let relay = room.clone();
    let relaying = smol::spawn(async move {
        let mut said = said.into_on_message();
        while let Some(message) = said.next().await {
            relay.tell(&String::from_utf8_lossy(message.get_payload_bytes()));
        }
    });

    let publisher = redis.get_multiplexed_async_connection().await?;
    let server = Server::bind_with(listen, options()?).await?;
    let handle = server.handle();
    thread::spawn(move || {
        stop.wait();
        smol::block_on(handle.shutdown(BUDGET));
    });
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {}", server.local_addr())?;
    stdout.flush()?;

    let serving = server.serve(move |socket| room.clone().attend(socket, publisher.clone()));
    let without_redis = async {
        // A node that hears nothing from the others is of no use: let its clients go elsewhere.
        relaying.await;
        eprintln!("Redis has ended the subscription");
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

/// The clients of this node, each by a number.
#[derive(Clone, Default)]
struct Room(Arc<Mutex<Guests>>);

#[derive(Default)]
struct Guests {
    last: u64,
    waiting: BTreeMap<u64, Sender<PreparedMessage>>,
}

impl Room {
    /// Serves one client until it leaves.
    async fn attend(self, socket: WebSocket<NetStream>, publisher: MultiplexedConnection) {
        let (mut reader, writer) = socket.split();
        let (number, waiting) = self.enter();
        let listening = smol::spawn(pass_on(waiting, writer.clone()));
        // When the node shuts down this still receives until the client has answered its Close:
        // what was sent before that is said to all.
        while let Ok(Some(message)) = reader.recv().await {
            let Message::Text(text) = message else { continue };
            if publisher.clone().publish::<_, _, ()>(CHANNEL, text).await.is_err() {
                // 1013: try again later. The balancer finds a node that has its Redis.
                let _ = writer.close(CloseCode::TRY_AGAIN_LATER, "the chat is out of order").await;
            }
        }
        self.lock().waiting.remove(&number);
        listening.cancel().await;
    }

    fn enter(&self) -> (u64, Receiver<PreparedMessage>) {
        let (sender, waiting) = channel::bounded(WAITING_MAX);
        let mut guests = self.lock();
        guests.last += 1;
        let number = guests.last;
        guests.waiting.insert(number, sender);
        (number, waiting)
    }

    /// Sends a line to all clients of this node. It is encoded once. A client that is too far behind
    /// loses its queue, and then its connection.
    fn tell(&self, line: &str) {
        let message = PreparedMessage::new(line);
        self.lock().waiting.retain(|_, waiting| waiting.try_send(message.clone()).is_ok());
    }

    fn lock(&self) -> MutexGuard<'_, Guests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a client what is said.
async fn pass_on(waiting: Receiver<PreparedMessage>, writer: Writer<NetStream>) {
    while let Ok(message) = waiting.recv().await {
        if writer.send_prepared(&message).await.is_err() {
            return;
        }
    }
    let _ = writer.close(CloseCode::TRY_AGAIN_LATER, "too far behind").await;
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
