//! The example `echo_server` as a process of its own, on Linux.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const ADAPTERS: &[&str] = &[
    "blocking",
    "smol",
    #[cfg(feature = "tokio")]
    "tokio",
];

pub(crate) struct EchoServer {
    child: Child,
    pub(crate) addr: SocketAddr,
}

impl EchoServer {
    /// With so many file descriptors at most.
    pub(crate) fn start(adapter: &str, files_max: usize) -> Self {
        let tests = std::env::current_exe().expect("it has a path");
        let directory = tests.parent().and_then(|path| path.parent()).expect("target/PROFILE/deps");
        let program = directory.join("examples/echo_server");
        assert!(program.exists(), "build it first: cargo build --example echo_server");
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -n \"$0\" && exec \"$@\"", &files_max.to_string()])
            .arg(program)
            .args(["--adapter", adapter, "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it speaks");
        let addr = line.trim().strip_prefix("listening on ").expect("it listens");
        Self { addr: addr.parse().expect("it is an address"), child }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/", self.addr)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How many files it has open.
    pub(crate) fn files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.id())).expect("it runs").count()
    }

    /// Its resident memory in KiB.
    pub(crate) fn resident(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("in KiB")
    }

    /// Processor time that it has taken, in ticks of a hundredth of a second.
    pub(crate) fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).expect("it runs");
        // The fields after the name, which may hold anything; user and system time are 14 and 15.
        let (_, fields) = stat.rsplit_once(')').expect("it has a name");
        let ticks = fields.split_whitespace().skip(11).take(2);
        ticks.map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.id().to_string();
        let sent = Command::new("kill").args([&format!("-{signal}"), &id]).status();
        assert!(sent.expect("there is a kill").success());
    }

    /// Its output at the end, and whether it is satisfied.
    pub(crate) fn end(mut self) -> (String, bool) {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut said = String::new();
        let stderr = self.child.stderr.as_mut().expect("it is piped");
        stderr.read_to_string(&mut said).expect("it is text");
        (said, status.success())
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
