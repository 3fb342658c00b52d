//! The echo client that Autobahn's fuzzing server puts through its cases.
//!
//! ```text
//! wstest --mode fuzzingserver --spec fuzzingserver.json
//! cargo run --release --example autobahn_client -- --url ws://127.0.0.1:9001 --agent bluewire
//! ```
//!
//! `spec-tests/autobahn/run` does both, for every adapter, with TLS and without.

use std::process::ExitCode;
use std::time::Duration;

use bluewire::{Config, ConnectOptions, Error, Keepalive, Message, blocking, smol as on_smol};

const USAGE: &str = "\
usage: autobahn_client [--adapter blocking|smol|tokio] [--url URL] [--agent NAME] [--deflate]
    [--ca FILE]

  --adapter   which adapter to use (blocking); tokio needs the feature of that name
  --url       where the fuzzing server listens (ws://127.0.0.1:9001)
  --agent     what the reports call us (bluewire)
  --deflate   offers compression
  --ca        trusts only the certificates in this PEM file (wss)";

#[derive(Clone, Copy)]
enum Adapter {
    Blocking,
    Smol,
    #[cfg(feature = "tokio")]
    Tokio,
}

struct Args {
    adapter: Adapter,
    url: String,
    agent: String,
    deflate: bool,
    /// The file of certificate authorities.
    ca: Option<String>,
}

fn main() -> ExitCode {
    let args = match parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(complaint) => {
            eprintln!("autobahn_client: {complaint}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&args) {
        Ok(cases) => {
            println!("{cases} cases run as {}", args.agent);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("autobahn_client: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Args, String> {
    let mut parsed = Args {
        adapter: Adapter::Blocking,
        url: "ws://127.0.0.1:9001".to_owned(),
        agent: "bluewire".to_owned(),
        deflate: false,
        ca: None,
    };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match &*arg {
            "--adapter" => {
                parsed.adapter = match &*value()? {
                    "blocking" => Adapter::Blocking,
                    "smol" => Adapter::Smol,
                    #[cfg(feature = "tokio")]
                    "tokio" => Adapter::Tokio,
                    other => return Err(format!("no such adapter: {other}")),
                }
            }
            "--url" => parsed.url = value()?.trim_end_matches('/').to_owned(),
            "--agent" => parsed.agent = value()?,
            "--deflate" if cfg!(feature = "deflate") => parsed.deflate = true,
            "--deflate" => return Err(format!("{arg} needs the feature deflate")),
            "--ca" if cfg!(feature = "_tls") => parsed.ca = Some(value()?),
            "--ca" => return Err(format!("{arg} needs the feature tls")),
            _ => return Err(format!("unknown option {arg}")),
        }
    }
    Ok(parsed)
}

/// Runs every case and has the reports written. Returns how many cases there are.
fn run(args: &Args) -> Result<u32, Box<dyn std::error::Error>> {
    let Args { adapter, agent, deflate, .. } = args;
    let connection = Connection::new(&args.url, args.ca.as_deref())?;
    let count = adapter.ask(connection.to("/getCaseCount"))?;
    let count = count.ok_or("the server did not tell how many cases there are")?.parse()?;
    for case in 1..=count {
        let options = connection.to(&format!("/runCase?case={case}&agent={agent}"));
        match adapter.echo(if *deflate { compressing(options) } else { options }) {
            // Many cases break the rules: they expect the connection to fail.
            Ok(()) | Err(Error::Fault(_) | Error::Io(_) | Error::Send(_)) => {}
            Err(error) => return Err(format!("case {case}: {error}").into()),
        }
    }
    adapter.ask(connection.to(&format!("/updateReports?agent={agent}")))?;
    Ok(count)
}

/// The settings that all connections share.
struct Connection<'a> {
    url: &'a str,
    #[cfg(feature = "_tls")]
    tls: bluewire::tls::Tls,
}

impl<'a> Connection<'a> {
    #[cfg(feature = "_tls")]
    fn new(url: &'a str, ca: Option<&str>) -> Result<Self, Box<dyn std::error::Error>> {
        let mut tls = bluewire::tls::Tls::default();
        if let Some(file) = ca {
            let pem = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
            tls = tls.no_default_roots().root_pem(pem)?;
        }
        Ok(Self { url, tls })
    }

    #[cfg(not(feature = "_tls"))]
    fn new(url: &'a str, _: Option<&str>) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(Self { url })
    }

    fn to(&self, target: &str) -> ConnectOptions {
        // A case that hangs may not hang those after it; no case is silent for so long.
        let keepalive = Keepalive::default().interval(Duration::from_secs(60));
        let options = ConnectOptions::new(format!("{}{target}", self.url));
        let options = options.config(Config::default().keepalive(keepalive));
        #[cfg(feature = "_tls")]
        let options = options.tls(self.tls.clone());
        options
    }
}

impl Adapter {
    /// Connects, and returns the first message, if any, once the server has closed.
    fn ask(self, options: ConnectOptions) -> Result<Option<String>, Error> {
        match self {
            Self::Blocking => {
                let mut socket = blocking::connect(options)?;
                let mut answer = None;
                while let Some(message) = socket.recv()? {
                    answer = answer.or_else(|| text(message));
                }
                Ok(answer)
            }
            Self::Smol => smol::block_on(async {
                let mut socket = on_smol::connect(options).await?;
                let mut answer = None;
                while let Some(message) = socket.recv().await? {
                    answer = answer.or_else(|| text(message));
                }
                Ok(answer)
            }),
            #[cfg(feature = "tokio")]
            Self::Tokio => on_runtime(async {
                let mut socket = bluewire::tokio::connect(options).await?;
                let mut answer = None;
                while let Some(message) = socket.recv().await? {
                    answer = answer.or_else(|| text(message));
                }
                Ok(answer)
            }),
        }
    }

    /// Connects, and sends every message back until the server closes.
    fn echo(self, options: ConnectOptions) -> Result<(), Error> {
        match self {
            Self::Blocking => {
                let mut socket = blocking::connect(options)?;
                while let Some((message, mut sender)) = socket.recv_with_sender()? {
                    sender.send(message)?;
                }
            }
            Self::Smol => smol::block_on(async {
                let mut socket = on_smol::connect(options).await?;
                while let Some((message, mut sender)) = socket.recv_with_sender().await? {
                    sender.send(message).await?;
                }
                Ok::<_, Error>(())
            })?,
            #[cfg(feature = "tokio")]
            Self::Tokio => on_runtime(async {
                let mut socket = bluewire::tokio::connect(options).await?;
                while let Some((message, mut sender)) = socket.recv_with_sender().await? {
                    sender.send(message).await?;
                }
                Ok(())
            })?,
        }
        Ok(())
    }
}

#[cfg(feature = "tokio")]
fn on_runtime<T>(future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
}

/// Small messages too: whoever asks for compression wants to see some.
#[cfg(feature = "deflate")]
fn compressing(options: ConnectOptions) -> ConnectOptions {
    options.deflate(bluewire::Deflate::default().len_min(0))
}

#[cfg(not(feature = "deflate"))]
fn compressing(options: ConnectOptions) -> ConnectOptions {
    options
}

fn text(message: Message<'_>) -> Option<String> {
    match message {
        Message::Text(text) => Some(text.to_owned()),
        Message::Binary(_) => None,
    }
}
