//! A chat: one port serves the page that a browser opens, and the WebSocket through which it then
//! talks with all others, by the callback facade.
//!
//! ```text
//! chat [--adapter blocking|smol|tokio] [--listen ADDR] [--public NAME]
//! ```
//!
//! `--public` is the name under which browsers reach it through a proxy that speaks TLS.
//!
//! Prints `listening on ADDR` once it does, and stops cleanly on SIGINT and SIGTERM.

#[path = "../common/stop.rs"]
mod stop;

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use bluewire::facade::WebSocket;
use bluewire::group::Group;
use bluewire::{AcceptOptions, Config, HeadError, HttpAnswer, Limits, Message, ShutdownReport};
use bluewire::{ServerOptions, blocking, smol as adapter};
use stop::Stop;

/// How long connections may take to close when the server stops.
const BUDGET: Duration = Duration::from_secs(5);

const USAGE: &str = "usage: chat [--adapter blocking|smol|tokio] [--listen ADDR] [--public NAME]";

fn main() -> Result<(), Box<dyn Error>> {
    let Args { adapter, listen, public } = match parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("chat: {error}\n{USAGE}");
            std::process::exit(2);
        }
    };
    let options = options(public)?;
    let stop = Stop::new()?;
    let report = match adapter {
        Adapter::Blocking => serve_blocking(&listen, options, stop)?,
        Adapter::Smol => smol::block_on(serve_smol(&listen, options, stop))?,
        #[cfg(feature = "tokio")]
        Adapter::Tokio => serve_tokio(&listen, options, stop)?,
    };
    eprintln!("stopped: {} closed, {} cut", report.closed, report.cut);
    Ok(())
}

/// The page is at `/`, the chat at `/chat`, for pages from here only.
fn options(public: Option<String>) -> Result<ServerOptions, HeadError> {
    // A guest that does not read holds no more than this.
    let limits = Limits::default().message_len_max(4_096).outbox_len_max(256 * 1024);
    let config = Config::default().limits(limits);
    let page = answer("text/html", include_str!("page.html"))?;
    let script = answer("text/javascript", include_str!("page.js"))?;
    let style = answer("text/css", include_str!("page.css"))?;
    let not_found = HttpAnswer::new(404)?.text("there is nothing here\n");
    let no_chat = not_found.clone();
    let mut accept = AcceptOptions::default().protocol("chat").config(config);
    if let Some(name) = public {
        accept = accept.hosts([name]).over_tls();
    }
    Ok(ServerOptions::default()
        .accept(accept)
        .on_offer(move |offer| match offer.path() {
            "/chat" => Ok(()),
            _ => Err(no_chat.clone()),
        })
        .on_request(move |request| match (request.method(), request.path()) {
            ("GET" | "HEAD", Some("/")) => page.clone(),
            ("GET" | "HEAD", Some("/page.js")) => script.clone(),
            ("GET" | "HEAD", Some("/page.css")) => style.clone(),
            _ => not_found.clone(),
        }))
}

/// A file for the browser, which runs and loads nothing but what comes from here, lets no other page
/// frame this one, and takes each file for what it is.
fn answer(kind: &str, body: &'static str) -> Result<HttpAnswer, HeadError> {
    Ok(HttpAnswer::new(200)?
        .header("Content-Type", &format!("{kind}; charset=utf-8"))?
        .header(
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        )?
        .header("X-Content-Type-Options", "nosniff")?
        .header("X-Frame-Options", "DENY")?
        .header("Referrer-Policy", "no-referrer")?
        .body(body))
}

fn serve_blocking(
    listen: &str,
    options: ServerOptions,
    stop: Stop,
) -> std::io::Result<ShutdownReport> {
    let server = blocking::Server::bind_with(listen, options)?;
    let handle = server.handle();
    thread::spawn(move || {
        stop.wait();
        handle.shutdown(BUDGET);
    });
    announce(server.local_addr())?;
    let room = Group::new();
    Ok(server.serve_facade(move |socket| join(&room, &socket)))
}

async fn serve_smol(
    listen: &str,
    options: ServerOptions,
    stop: Stop,
) -> std::io::Result<ShutdownReport> {
    let server = adapter::Server::bind_with(listen, options).await?;
    let handle = server.handle();
    thread::spawn(move || {
        stop.wait();
        smol::block_on(handle.shutdown(BUDGET));
    });
    announce(server.local_addr())?;
    let room = Group::new();
    Ok(server.serve_facade(move |socket| join(&room, &socket)).await)
}

#[cfg(feature = "tokio")]
#[tokio::main]
async fn serve_tokio(
    listen: &str,
    options: ServerOptions,
    stop: Stop,
) -> std::io::Result<ShutdownReport> {
    let server = bluewire::tokio::Server::bind_with(listen, options).await?;
    let (handle, runtime) = (server.handle(), tokio::runtime::Handle::current());
    thread::spawn(move || {
        stop.wait();
        runtime.block_on(handle.shutdown(BUDGET));
    });
    announce(server.local_addr())?;
    let room = Group::new();
    Ok(server.serve_facade(move |socket| join(&room, &socket)).await)
}

fn announce(addr: SocketAddr) -> std::io::Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {addr}")?;
    stdout.flush()
}

/// Lets a guest into the room. Each line is framed once for all guests. A guest that does not read
/// delays no other: it is closed with 1013 once too much waits for it.
fn join(room: &Group, socket: &WebSocket) {
    let Ok(number) = room.join(socket) else { return };
    // The connection lasts as long as its handles: its own callback keeps one until it ends.
    let (guests, kept) = (room.clone(), socket.clone());
    socket.on_message(move |message| {
        let _ = &kept;
        if let Message::Text(text) = message {
            guests.publish(&format!("{number}: {text}"));
        }
    });
    let guests = room.clone();
    // By then the guest has left the room.
    socket.on_close(move |_| drop(guests.publish(&format!("{number} left"))));
    room.publish(&format!("{number} joined"));
}

#[derive(Clone, Copy)]
enum Adapter {
    Blocking,
    Smol,
    #[cfg(feature = "tokio")]
    Tokio,
}

struct Args {
    adapter: Adapter,
    listen: String,
    public: Option<String>,
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Args, String> {
    let (mut adapter, mut listen) = (Adapter::Blocking, "127.0.0.1:8088".to_owned());
    let mut public = None;
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--adapter" => {
                adapter = match value()?.as_str() {
                    "blocking" => Adapter::Blocking,
                    "smol" => Adapter::Smol,
                    #[cfg(feature = "tokio")]
                    "tokio" => Adapter::Tokio,
                    #[cfg(not(feature = "tokio"))]
                    "tokio" => return Err("tokio needs the feature tokio".to_owned()),
                    other => return Err(format!("there is no adapter {other:?}")),
                }
            }
            "--listen" => listen = value()?,
            "--public" => public = Some(value()?),
            _ => return Err(format!("there is no option {arg:?}")),
        }
    }
    Ok(Args { adapter, listen, public })
}
