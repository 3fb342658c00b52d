//! The servers, and what the system says that they use.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Load;

/// An echo server that can be started.
#[derive(Clone, Copy, Debug)]
pub struct ServerKind {
    /// The library, and how it is used.
    pub name: &'static str,
    /// The adapter, for Bluewire's.
    adapter: Option<&'static str>,
    /// Whether it differs from its fellow only with more than one message in flight.
    forwards: bool,
}

/// Bluewire's two, then the peers'.
pub const SERVERS: [ServerKind; 8] = [
    ServerKind::ours("bluewire blocking", "blocking"),
    ServerKind::ours("bluewire smol", "smol"),
    ServerKind::peer("tungstenite"),
    ServerKind::peer("async-tungstenite"),
    ServerKind::peer("tokio-tungstenite"),
    ServerKind::peer("fastwebsockets"),
    ServerKind { forwards: true, ..ServerKind::peer("async-tungstenite-forward") },
    ServerKind { forwards: true, ..ServerKind::peer("tokio-tungstenite-forward") },
];

impl ServerKind {
    const fn ours(name: &'static str, adapter: &'static str) -> Self {
        Self { name, adapter: Some(adapter), forwards: false }
    }

    const fn peer(name: &'static str) -> Self {
        Self { name, adapter: None, forwards: false }
    }

    /// Whether it has something of its own to show under that load.
    #[must_use]
    pub fn takes(&self, load: Load) -> bool {
        !self.forwards || load.in_flight > 1
    }

    pub(super) fn command(&self, load: Load) -> io::Result<Command> {
        let Some(adapter) = self.adapter else {
            let mut command = Command::new(beside("peer_server")?);
            command.args(["--server", self.name]);
            // tungstenite clears its buffer before each read. For messages up to it, the size
            // that Bluewire has is a better one than its own of 128 KiB.
            if load.len <= READ_LEN {
                command.args(["--read-buffer", &READ_LEN.to_string()]);
            }
            return Ok(command);
        };
        let mut command = Command::new(beside("examples/echo_server")?);
        command.args(["--adapter", adapter, "--listen", "127.0.0.1:0"]);
        Ok(command)
    }
}

/// The servers that send what comes to all: Bluewire's by a group, then the peers'.
pub const BROADCASTERS: [&str; 6] =
    ["blocking", "smol", "tokio", "facade", "tokio-tungstenite", "bun"];

/// One of these; `None` for one that is not installed.
pub(super) fn broadcaster(name: &str) -> io::Result<Option<Command>> {
    if name == "bun" {
        let bun = Path::new(env!("CARGO_MANIFEST_DIR")).join(BUN);
        let bun = env::var_os("BUN").map_or(bun, PathBuf::from);
        let mut command = Command::new(&bun);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/bun/broadcast.js"));
        return Ok(bun.exists().then_some(command));
    }
    let mut command = Command::new(beside("broadcast_server")?);
    command.args(["--server", name]);
    Ok(Some(command))
}

/// Where `tools/install-peers` puts Bun, whose server is uWebSockets.
const BUN: &str = "../target/peers/bun/node_modules/@oven/bun-linux-x64/bin/bun";

/// What Bluewire reads at a time.
const READ_LEN: usize = 16 * 1024;

/// A program built beside this one.
fn beside(name: &str) -> io::Result<PathBuf> {
    let program = env::current_exe()?.with_file_name(name);
    if !program.exists() {
        let missing = format!("{} is not built", program.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, missing));
    }
    Ok(program)
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    process: Child,
    address: String,
}

impl Server {
    /// Starts it, on one thread if it has a choice.
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        let process = command.env("SMOL_THREADS", "1").stdout(Stdio::piped()).spawn()?;
        let mut server = Self { process, address: String::new() };
        let mut line = String::new();
        if let Some(stdout) = server.process.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim().strip_prefix("listening on ");
        server.address = address.ok_or_else(|| io::Error::other("it does not listen"))?.to_owned();
        Ok(server)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// What its threads have used, in user and in system mode, to the nanosecond.
    pub(super) fn processor_time(&self) -> io::Result<Duration> {
        let mut nanos = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            nanos += on_processor(&thread?.path())?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// Begins to count its system calls; `None` without `perf`, or the right to use it.
    pub(super) fn count_calls(&self) -> Option<CallCount> {
        // perf counts for as long as the command runs that it is given: from the line that the
        // shell writes to the line that it reads.
        let mut perf = Command::new("perf")
            .args(["stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p"])
            .arg(self.process.id().to_string())
            .args(["--", "sh", "-c", "echo; read line"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let mut line = String::new();
        BufReader::new(perf.stdout.take()?).read_line(&mut line).ok()?;
        Some(CallCount(perf))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn on_processor(thread: &Path) -> io::Result<u64> {
    let text = fs::read_to_string(thread.join("schedstat"))?;
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.ok_or_else(|| io::Error::other("the system does not account"))
}

/// System calls being counted.
#[derive(Debug)]
pub(super) struct CallCount(Child);

impl CallCount {
    /// How many they were.
    pub(super) fn end(mut self) -> Option<u64> {
        drop(self.0.stdin.take());
        let output = self.0.wait_with_output().ok()?;
        String::from_utf8_lossy(&output.stderr).split(',').next()?.trim().parse().ok()
    }
}
