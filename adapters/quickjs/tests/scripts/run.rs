//! Runs a script against a server of the test's, and holds what it printed to what it says that it
//! prints: its lines that begin with `//= `.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// No script may take longer, on whatever machine.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) status: ExitStatus,
}

impl Ended {
    /// It came to its end, caught all, and printed nothing else.
    pub(crate) fn expect(self, stdout: &str) {
        assert_eq!((&*self.stdout, &*self.stderr), (stdout, ""));
        assert!(self.status.success(), "{:?}", self.status);
    }
}

pub(crate) fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
    let url = format!("ws://{}", listener.local_addr().expect("it is bound"));
    (listener, url)
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js").join(name)
}

/// The lines that the script promises to print.
pub(crate) fn promised(name: &str) -> String {
    let source = std::fs::read_to_string(script(name)).expect("it is there");
    let lines = source.lines().filter_map(|line| line.strip_prefix("//= "));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Runs it with these arguments.
pub(crate) fn run(name: &str, args: &[&str]) -> Ended {
    run_marked(name, args, |_, _| {})
}

/// The same, but the script may connect to Unix sockets.
#[cfg(unix)]
pub(crate) fn run_allowed(name: &str, args: &[&str]) -> Ended {
    run_flagged(&["--allow-unix-sockets"], &script(name), args, |_, _| {})
}

/// The same, and calls `marked` with the process and each line that it prints, while it runs.
pub(crate) fn run_marked(name: &str, args: &[&str], marked: impl FnMut(u32, &str)) -> Ended {
    run_path(&script(name), args, marked)
}

pub(crate) fn run_path(path: &Path, args: &[&str], marked: impl FnMut(u32, &str)) -> Ended {
    run_flagged(&[], path, args, marked)
}

/// The same with flags before the script's name.
fn run_flagged(
    flags: &[&str],
    path: &Path,
    args: &[&str],
    mut marked: impl FnMut(u32, &str),
) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bluewire-js"))
        .args(flags)
        .arg(path)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it was built");
    let id = child.id();
    let stdout = child.stdout.take().expect("it is piped");
    let mut stderr = child.stderr.take().expect("it is piped");
    let stderr = thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let (done, guard) = watch(child);
    let mut text = String::new();
    for line in BufReader::new(stdout).lines() {
        let line = line.expect("it is UTF-8");
        marked(id, &line);
        text.push_str(&line);
        text.push('\n');
    }
    let stderr = stderr.join().expect("it does not panic").expect("it is UTF-8");
    drop(done);
    let status = guard.join().expect("it does not panic");
    Ended { stdout: text, stderr, status }
}

/// Ends what takes too long.
fn watch(mut child: Child) -> (mpsc::Sender<()>, JoinHandle<ExitStatus>) {
    let (done, ended) = mpsc::channel();
    let guard = thread::spawn(move || {
        if ended.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = child.kill();
        }
        child.wait().expect("it is ours")
    });
    (done, guard)
}

/// Runs a script against this server, which gets its listener, and expects what it says.
pub(crate) fn check<T: Send + 'static>(
    name: &str,
    server: impl FnOnce(TcpListener) -> T + Send + 'static,
) -> T {
    let (listener, url) = listener();
    let server = thread::spawn(move || server(listener));
    run(name, &[&url]).expect(&promised(name));
    server.join().expect("the server is well")
}

/// Runs a script against a server that echoes.
pub(crate) fn check_echo(name: &str) {
    let url = echo();
    run(name, &[&url]).expect(&promised(name));
}

/// A server that echoes until the tests end: its URL.
pub(crate) fn echo() -> String {
    let (listener, url) = listener();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            thread::spawn(move || -> Result<(), bluewire::Error> {
                let options = bluewire::AcceptOptions::default().protocol("protocol");
                let mut socket = bluewire::blocking::accept_with(stream, options)?;
                while let Some((message, mut sender)) = socket.recv_with_sender()? {
                    sender.send(message)?;
                }
                Ok(())
            });
        }
    });
    url
}
