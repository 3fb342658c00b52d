//! The servers, and what the system says that they use.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Identity, Load};

/// An echo server that can be started.
#[derive(Clone, Copy, Debug)]
pub struct ServerKind {
    /// The library, and how it is used.
    pub name: &'static str,
    /// The loads it can serve, and those for which it has something of its own to show.
    able: Able,
}

#[derive(Clone, Copy, Debug)]
struct Able {
    tls: bool,
    compressed: bool,
    /// It differs from its fellow only with more than one message in flight.
    batches: bool,
    /// It differs from its fellow only for messages up to this length.
    tuned_for: usize,
}

const PLAIN: Able = Able { tls: false, compressed: false, batches: false, tuned_for: usize::MAX };
const TLS: Able = Able { tls: true, ..PLAIN };
const ALL: Able = Able { compressed: true, ..TLS };
const fn batched(able: Able) -> Able {
    Able { batches: true, ..able }
}
const fn tuned(able: Able) -> Able {
    Able { tuned_for: READ_LEN, ..able }
}

/// The length of one read of Bluewire.
const READ_LEN: usize = 16 * 1024;

/// Bluewire's, a loop without a library, uWebSockets, then the other libraries in Rust.
pub const SERVERS: [ServerKind; 20] = [
    ServerKind { name: "bluewire-blocking", able: ALL },
    ServerKind { name: "bluewire-smol", able: ALL },
    ServerKind { name: "bluewire-tokio", able: ALL },
    ServerKind { name: BARE, able: tuned(TLS) },
    ServerKind { name: BUN, able: ALL },
    ServerKind { name: "tungstenite", able: PLAIN },
    ServerKind { name: "async-tungstenite", able: PLAIN },
    ServerKind { name: "async-tungstenite-tuned", able: tuned(PLAIN) },
    ServerKind { name: "async-tungstenite-batched", able: batched(PLAIN) },
    ServerKind { name: "tokio-tungstenite", able: TLS },
    ServerKind { name: "tokio-tungstenite-tuned", able: tuned(TLS) },
    ServerKind { name: "tokio-tungstenite-batched", able: batched(TLS) },
    ServerKind { name: "fastwebsockets", able: TLS },
    ServerKind { name: "tokio-websockets", able: TLS },
    ServerKind { name: "tokio-websockets-batched", able: batched(TLS) },
    ServerKind { name: "yawc", able: ALL },
    ServerKind { name: "yawc-batched", able: batched(ALL) },
    ServerKind { name: "yawc-tuned", able: batched(ALL) },
    ServerKind { name: "sockudo-ws", able: ALL },
    ServerKind { name: "sockudo-ws-batched", able: batched(ALL) },
];

/// The loop without a library: what the system takes for itself.
pub const BARE: &str = "bare";

/// uWebSockets, by Bun.
pub const BUN: &str = "uwebsockets";

impl ServerKind {
    /// Whether it is one of Bluewire's.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.name.starts_with("bluewire")
    }

    /// Whether it is another library.
    #[must_use]
    pub fn is_peer(&self) -> bool {
        !self.is_ours() && self.name != BARE
    }

    /// Whether it can serve this load, and has something of its own to show there.
    #[must_use]
    pub fn takes(&self, load: Load) -> bool {
        (self.able.tls || !load.tls)
            && (self.able.compressed || !load.compressed)
            && (!self.able.batches || load.in_flight > 1)
            && load.len <= self.able.tuned_for
    }

    /// How it is started; `None` for one that is not installed.
    pub(super) fn command(
        &self,
        load: Load,
        identity: Option<&Identity>,
    ) -> io::Result<Option<Command>> {
        let mut command = if self.name == BUN {
            let Some(command) = bun("echo.js") else { return Ok(None) };
            command
        } else {
            let mut command = Command::new(beside("sockets")?);
            command.args(["--serve", self.name]);
            command
        };
        if let Some(identity) = identity.filter(|_| load.tls) {
            command.arg("--tls").arg(identity.chain()).arg(identity.key());
        }
        if load.compressed {
            command.arg("--deflate");
        }
        Ok(Some(command))
    }
}

/// The servers that send what comes to all: Bluewire's by a group, then the peers'.
pub const BROADCASTERS: [&str; 6] =
    ["blocking", "smol", "tokio", "facade", "tokio-tungstenite", "bun"];

/// One of these; `None` for one that is not installed.
pub(super) fn broadcaster(name: &str) -> io::Result<Option<Command>> {
    if name == "bun" {
        return Ok(bun("broadcast.js"));
    }
    let mut command = Command::new(beside("broadcast_server")?);
    command.args(["--server", name]);
    Ok(Some(command))
}

/// Bun on one of the scripts here, if it is installed.
fn bun(script: &str) -> Option<Command> {
    let mut command = Command::new(installed_bun()?);
    command.arg(Path::new(HERE).join("src/bun").join(script));
    Some(command)
}

/// The version of Bun, if it is installed.
#[must_use]
pub fn bun_version() -> Option<String> {
    let output = Command::new(installed_bun()?).arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn installed_bun() -> Option<PathBuf> {
    let bun = env::var_os("BUN").map_or_else(|| Path::new(HERE).join(INSTALLED), PathBuf::from);
    bun.exists().then_some(bun)
}

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// Where `tools/install-peers bun` puts Bun, whose server is uWebSockets.
const INSTALLED: &str = "../target/peers/bun/node_modules/@oven/bun-linux-x64/bin/bun";

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
    ticks: Ticks,
}

/// Processor time as the system samples it, in ticks.
#[derive(Clone, Copy, Debug, Default)]
struct Ticks {
    user: u64,
    system: u64,
}

impl Server {
    /// Starts it, on one thread if it has a choice.
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        let process = command.env("SMOL_THREADS", "1").stdout(Stdio::piped()).spawn()?;
        let mut server = Self { process, address: String::new(), ticks: Ticks::default() };
        let mut line = String::new();
        if let Some(stdout) = server.process.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim().strip_prefix("listening on ");
        server.address = address.ok_or_else(|| io::Error::other("it does not listen"))?.to_owned();
        server.begin()?;
        Ok(server)
    }

    /// Takes the time in user mode from now on.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.ticks = self.ticks()?;
        Ok(())
    }

    /// Where it listens.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The time its threads have used, in user and in system mode, to the nanosecond.
    pub(super) fn processor_time(&self) -> io::Result<Duration> {
        let mut nanos = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            nanos += on_processor(&thread?.path())?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// The part of its processor time that it spent in user mode, since `begin`. The system samples
    /// this, so it needs a second or so of work.
    pub(super) fn user_share(&self) -> io::Result<f64> {
        let now = self.ticks()?;
        let (user, system) = (now.user - self.ticks.user, now.system - self.ticks.system);
        Ok(user as f64 / (user + system).max(1) as f64)
    }

    fn ticks(&self) -> io::Result<Ticks> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The name, in parentheses, may have spaces.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let mut ticks = fields.split_whitespace().skip(11).map_while(|field| field.parse().ok());
        match (ticks.next(), ticks.next()) {
            (Some(user), Some(system)) => Ok(Ticks { user, system }),
            _ => Err(io::Error::other("the system does not account")),
        }
    }

    /// The bytes of its memory that are resident.
    pub(super) fn resident(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.map(|kib| kib * 1024).ok_or_else(|| io::Error::other("the system does not account"))
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

/// The time this thread has used.
///
/// # Errors
///
/// When the system does not account.
pub fn own_processor_time() -> io::Result<Duration> {
    Ok(Duration::from_nanos(on_processor(Path::new("/proc/thread-self"))?))
}

fn on_processor(thread: &Path) -> io::Result<u64> {
    let text = fs::read_to_string(thread.join("schedstat"))?;
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.ok_or_else(|| io::Error::other("the system does not account"))
}

/// How many files this process, and those that it starts, may have open; `None` if the system does
/// not say.
pub(super) fn open_files_max() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
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
