//! Other people's programs: where they are, and how they are kept from outliving a test.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take. A test takes about a second; the rest is for a busy machine.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// Where `tools/install-peers` puts them.
pub(crate) fn installed(path: &str) -> PathBuf {
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_root.parent().expect("it is in the workspace").join("target/peers").join(path)
}

/// A peer's script in this repository.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(name)
}

/// Says that a test is skipped, where that is allowed.
pub(crate) fn skip(what: &str) {
    assert!(
        std::env::var_os("BLUEWIRE_PEERS_REQUIRED").is_none(),
        "{what} is missing: run tools/install-peers"
    );
    eprintln!("SKIPPED: needs {what}; tools/install-peers installs it");
}

/// A process that ends when the test does.
#[derive(Debug)]
pub(crate) struct Peer(pub(crate) Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server that prints its port and ends with its standard input; its URL.
pub(crate) fn start_server(command: &mut Command) -> (Peer, String) {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the peer starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    let peer = Peer(child);
    let port = bounded(move || {
        let mut port = String::new();
        stdout.read_line(&mut port).expect("it prints its port");
        port
    });
    (peer, format!("ws://127.0.0.1:{}/", port.trim()))
}

/// Runs a client to its end; what it printed.
pub(crate) fn run_client(command: &mut Command) -> String {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the peer starts");
    let mut peer = Peer(child);
    let stdout = read_in_background(peer.0.stdout.take().expect("it is piped"));
    let stderr = read_in_background(peer.0.stderr.take().expect("it is piped"));
    let started = Instant::now();
    let status = loop {
        if let Some(status) = peer.0.try_wait().expect("it is our child") {
            break Some(status);
        }
        if started.elapsed() > TIMEOUT {
            break None;
        }
        thread::sleep(Duration::from_millis(5));
    };
    drop(peer);
    let printed = stdout.join().expect("it is read");
    let complaints = stderr.join().expect("it is read");
    assert!(status.is_some_and(|status| status.success()), "{status:?}\n{printed}\n{complaints}");
    printed.trim().to_owned()
}

fn read_in_background(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Runs something that must not take forever.
pub(crate) fn bounded<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = mpsc::channel();
    let thread = thread::spawn(move || {
        let output = body();
        let _ = done.send(());
        output
    });
    if wait.recv_timeout(TIMEOUT) == Err(RecvTimeoutError::Timeout) {
        panic!("it took longer than {TIMEOUT:?}");
    }
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
