//! Echoes every message, on the adapter of your choice.
//!
//! ```text
//! echo_server --adapter blocking|smol|tokio --listen ADDR [--max-message BYTES] [--max-connections N]
//!     [--threads N] [--plain] [--tls CERT.pem KEY.pem] [--deflate]
//! ```
//!
//! On smol, it has so many threads, one by default; 0 are those of smol's global executor. `--plain`
//! leaves out the epoll set of its own, and waits by async-io alone. The adapter on tokio needs the
//! feature of that name; its runtime has so many threads.
//!
//! Prints `listening on ADDR` once it does, and stops cleanly on SIGINT and SIGTERM.

#[path = "common/stop.rs"]
mod stop;

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use bluewire::{AcceptOptions, Config, Limits, OriginPolicy, ServerOptions, ShutdownReport};
use bluewire::{blocking, smol as adapter};
use stop::Stop;

/// How long connections may take to close when the server stops.
const BUDGET: Duration = Duration::from_secs(5);

const USAGE: &str = "usage: echo_server --adapter blocking|smol|tokio --listen ADDR \
    [--max-message BYTES] [--max-connections N] [--threads N] [--plain] \
    [--tls CERT.pem KEY.pem] [--deflate]";

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
    message_len_max: Option<u64>,
    connections_max: usize,
    threads: usize,
    own_reactor: bool,
    deflate: bool,
    /// The files with the certificate chain and its key.
    tls: Option<(String, String)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = match parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("echo_server: {error}\n{USAGE}");
            std::process::exit(2);
        }
    };
    let message_len_max = args.message_len_max.unwrap_or_else(|| match args.deflate {
        true => compressed_len_max(),
        false => Limits::default().message_len_max,
    });
    let limits = Limits::default()
        .message_len_max(message_len_max)
        .frame_len_max(message_len_max)
        // The largest message that comes, and the answer to the one before it.
        .outbox_len_max(
            usize::try_from(message_len_max.saturating_mul(2))?
                .max(Limits::default().outbox_len_max),
        );
    // Keepalive is on by default, and a handshake may take 10 seconds.
    let config = Config::default().limits(limits);
    let accept = AcceptOptions::default().origins(OriginPolicy::Any).config(config);
    let accept = if args.deflate { compressing(accept) } else { accept };
    let options = ServerOptions::default()
        .accept(accept)
        .connections_max(args.connections_max)
        .threads(args.threads)
        .own_reactor(args.own_reactor);
    let options = match &args.tls {
        Some((chain, key)) => secured(options, chain, key)?,
        None => options,
    };
    // Before the server reports its address: from then on a signal stops it cleanly.
    let stop = Stop::new()?;
    let report = match args.adapter {
        Adapter::Blocking => serve_blocking(&args.listen, options, stop)?,
        Adapter::Smol => smol::block_on(serve_smol(&args.listen, options, stop))?,
        #[cfg(feature = "tokio")]
        Adapter::Tokio => tokio::runtime::Builder::new_multi_thread()
            .worker_threads(args.threads.max(1))
            .enable_all()
            .build()?
            .block_on(serve_tokio(&args.listen, options, stop))?,
    };
    eprintln!("stopped: {} closed, {} cut", report.closed, report.cut);
    Ok(())
}

#[cfg(feature = "_tls")]
fn secured(
    options: ServerOptions,
    chain: &str,
    key: &str,
) -> Result<ServerOptions, Box<dyn Error>> {
    let read = |file| std::fs::read(file).map_err(|error| format!("{file}: {error}"));
    Ok(options.tls(bluewire::tls::ServerTls::new(read(chain)?, read(key)?)?))
}

#[cfg(not(feature = "_tls"))]
fn secured(_: ServerOptions, _: &str, _: &str) -> Result<ServerOptions, Box<dyn Error>> {
    Err("--tls needs the feature tls".into())
}

/// Small messages too: whoever asks for compression wants to see some.
#[cfg(feature = "deflate")]
fn compressing(options: AcceptOptions) -> AcceptOptions {
    options.deflate(bluewire::Deflate::default().len_min(0))
}

/// A few bytes inflate to a long message: with compression, the limit is lower by default.
#[cfg(feature = "deflate")]
const fn compressed_len_max() -> u64 {
    bluewire::Deflate::MESSAGE_LEN_MAX
}

#[cfg(not(feature = "deflate"))]
fn compressed_len_max() -> u64 {
    Limits::default().message_len_max
}

#[cfg(not(feature = "deflate"))]
fn compressing(options: AcceptOptions) -> AcceptOptions {
    options
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
    Ok(server.serve(|mut socket| {
        while let Ok(Some((message, mut sender))) = socket.recv_with_sender() {
            if sender.send(message).is_err() {
                break;
            }
        }
    }))
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
    let served = server.serve(async |mut socket| {
        // An echo is the same for all who ask, and who waits long should cost little.
        drop(socket.take_request());
        while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
            if sender.send(message).await.is_err() {
                break;
            }
        }
    });
    Ok(served.await)
}

#[cfg(feature = "tokio")]
async fn serve_tokio(
    listen: &str,
    options: ServerOptions,
    stop: Stop,
) -> std::io::Result<ShutdownReport> {
    let server = bluewire::tokio::Server::bind_with(listen, options).await?;
    let handle = server.handle();
    let runtime = tokio::runtime::Handle::current();
    thread::spawn(move || {
        stop.wait();
        runtime.block_on(handle.shutdown(BUDGET));
    });
    announce(server.local_addr())?;
    let served = server.serve(async |mut socket| {
        drop(socket.take_request());
        while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
            if sender.send(message).await.is_err() {
                break;
            }
        }
    });
    Ok(served.await)
}

fn announce(addr: SocketAddr) -> std::io::Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {addr}")?;
    stdout.flush()
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Args, String> {
    let (mut adapter, mut listen) = (None, None);
    let (mut message_len_max, mut connections_max) = (None, 10_000);
    let (mut threads, mut own_reactor, mut deflate, mut tls) = (1, true, false, None);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--adapter" => adapter = Some(value()?),
            "--listen" => listen = Some(value()?),
            "--max-message" => message_len_max = Some(number(&arg, &value()?)?),
            "--max-connections" => connections_max = number(&arg, &value()?)?,
            "--threads" => threads = number(&arg, &value()?)?,
            "--plain" => own_reactor = false,
            "--deflate" if cfg!(feature = "deflate") => deflate = true,
            "--deflate" => return Err(format!("{arg} needs the feature deflate")),
            "--tls" => tls = Some((value()?, value()?)),
            _ => return Err(format!("there is no option {arg:?}")),
        }
    }
    let adapter = match adapter.as_deref() {
        Some("smol") => Adapter::Smol,
        Some("blocking") => Adapter::Blocking,
        #[cfg(feature = "tokio")]
        Some("tokio") => Adapter::Tokio,
        Some(other) => return Err(format!("there is no adapter {other:?}")),
        None => return Err("--adapter is missing".to_owned()),
    };
    let listen = listen.ok_or("--listen is missing")?;
    Ok(Args {
        adapter,
        listen,
        message_len_max,
        connections_max,
        threads,
        own_reactor,
        deflate,
        tls,
    })
}

fn number<T: std::str::FromStr>(arg: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{arg} takes a number, not {value:?}"))
}
