//! The echo client that Autobahn's fuzzing server puts through its cases.
//!
//! ```text
//! wstest --mode fuzzingserver --spec fuzzingserver.json
//! cargo run --release --example autobahn_client -- --url ws://127.0.0.1:9001 --agent bluewire
//! ```

use std::process::ExitCode;
use std::time::Duration;

use bluewire::{Config, ConnectOptions, Error, Keepalive, Message, blocking, smol as on_smol};

const USAGE: &str = "\
usage: autobahn_client [--adapter blocking|smol] [--url URL] [--agent NAME] [--deflate]

  --adapter   which adapter to use (blocking)
  --url       where the fuzzing server listens (ws://127.0.0.1:9001)
  --agent     what the reports call us (bluewire)
  --deflate   offers compression";

#[derive(Clone, Copy)]
enum Adapter {
    Blocking,
    Smol,
}

struct Args {
    adapter: Adapter,
    url: String,
    agent: String,
    deflate: bool,
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
    };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match &*arg {
            "--adapter" => {
                parsed.adapter = match &*value()? {
                    "blocking" => Adapter::Blocking,
                    "smol" => Adapter::Smol,
                    other => return Err(format!("no such adapter: {other}")),
                }
            }
            "--url" => parsed.url = value()?.trim_end_matches('/').to_owned(),
            "--agent" => parsed.agent = value()?,
            "--deflate" if cfg!(feature = "deflate") => parsed.deflate = true,
            "--deflate" => return Err(format!("{arg} needs the feature deflate")),
            _ => return Err(format!("unknown option {arg}")),
        }
    }
    Ok(parsed)
}

/// Runs every case and has the reports written; how many cases there are.
fn run(args: &Args) -> Result<u32, Box<dyn std::error::Error>> {
    let Args { adapter, url, agent, deflate } = args;
    let count = adapter.ask(&format!("{url}/getCaseCount"))?;
    let count = count.ok_or("the server did not tell how many cases there are")?.parse()?;
    for case in 1..=count {
        let options = options(&format!("{url}/runCase?case={case}&agent={agent}"));
        match adapter.echo(if *deflate { compressing(options) } else { options }) {
            // Many cases break the rules: that the connection fails is what they are to see.
            Ok(()) | Err(Error::Fault(_) | Error::Io(_) | Error::Send(_)) => {}
            Err(error) => return Err(format!("case {case}: {error}").into()),
        }
    }
    adapter.ask(&format!("{url}/updateReports?agent={agent}"))?;
    Ok(count)
}

impl Adapter {
    /// Connects, and returns the first message, if any, once the server has closed.
    fn ask(self, url: &str) -> Result<Option<String>, Error> {
        match self {
            Self::Blocking => {
                let mut socket = blocking::connect(options(url))?;
                let mut answer = None;
                while let Some(message) = socket.recv()? {
                    answer = answer.or_else(|| text(message));
                }
                Ok(answer)
            }
            Self::Smol => smol::block_on(async {
                let mut socket = on_smol::connect(options(url)).await?;
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
        }
        Ok(())
    }
}

fn options(url: &str) -> ConnectOptions {
    // A case that hangs is not to hang those after it; no case is silent for so long.
    let keepalive = Keepalive::default().interval(Duration::from_secs(60));
    ConnectOptions::new(url).config(Config::default().keepalive(keepalive))
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
