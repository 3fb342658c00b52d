//! Talks to Python's `websockets`, both ways. `tools/install-peers` installs it.
#![cfg(feature = "blocking")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bluewire::blocking::{self, AcceptOptions, websocketfactory};
use bluewire::facade::{CloseEvent, WebSocket};
use bluewire::{CloseCode, ConnectOptions, Message, OwnedMessage};

const TIMEOUT: Duration = Duration::from_secs(30);

/// The interpreter that has the library, or a word on why there is none.
fn python() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let python = root.join("target/peers/python/bin/python");
    if python.exists() {
        return Some(python);
    }
    assert!(
        std::env::var_os("BLUEWIRE_PEERS_REQUIRED").is_none(),
        "{} is missing: run tools/install-peers",
        python.display()
    );
    eprintln!("SKIPPED: needs Python with `websockets`; tools/install-peers installs it");
    None
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(name)
}

/// A peer that ends when the test does.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the Python echo server; its URL.
fn echo_server(python: &Path) -> (Peer, String) {
    let mut child = Command::new(python)
        .arg(script("echo_server.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let stdout = child.stdout.take().expect("it is piped");
    let peer = Peer(child);
    let mut port = String::new();
    BufReader::new(stdout).read_line(&mut port).expect("it prints its port");
    (peer, format!("ws://127.0.0.1:{}/", port.trim()))
}

fn samples() -> Vec<OwnedMessage> {
    vec![
        OwnedMessage::Text(String::new()),
        OwnedMessage::Text("Hello".to_owned()),
        OwnedMessage::Text("κόσμε 🌍".to_owned()),
        OwnedMessage::Binary(Vec::new()),
        OwnedMessage::Binary((0..=255).collect()),
        OwnedMessage::Text("x".repeat(70_000)),
        OwnedMessage::Binary(vec![0xab; 1 << 21]),
    ]
}

#[test]
fn our_client_talks_to_its_server() {
    let Some(python) = python() else { return };
    let (_peer, url) = echo_server(&python);
    let mut socket =
        blocking::connect(ConnectOptions::new(url).protocol("echo")).expect("it connects");
    assert_eq!(socket.protocol(), Some("echo"));
    for sent in samples() {
        socket.send(&sent).expect("it sends");
        let received = socket.recv().expect("it receives").expect("a message");
        assert!(received == sent.borrow(), "{} bytes", sent.borrow().len());
    }
    socket.send_chunk("frag", false).expect("it sends");
    socket.ping(b"between fragments").expect("it pings");
    socket.send_chunk("ments", true).expect("it sends");
    assert_eq!(socket.recv().expect("it receives"), Some(Message::Text("fragments")));
    let closure = socket.close(CloseCode::new(4321), "that is all").expect("it closes");
    assert!(closure.clean, "{closure:?}");
    assert_eq!(closure.code, CloseCode::new(4321));
}

#[test]
fn our_facade_talks_to_its_server() {
    let Some(python) = python() else { return };
    let (_peer, url) = echo_server(&python);
    let socket = websocketfactory::create(ConnectOptions::new(url).protocol("echo"))
        .expect("the arguments are valid");
    let (messages, received) = mpsc::channel();
    let (closes, closed) = mpsc::channel();
    let opener: WebSocket = socket.clone();
    socket.on_open(move || {
        for sent in samples() {
            opener.send(sent);
        }
    });
    socket.on_message(move |message| messages.send(message.into_owned()).expect("awaited"));
    socket.on_close(move |close| closes.send(close.clone()).expect("awaited"));
    for sent in samples() {
        assert!(received.recv_timeout(TIMEOUT).expect("a message") == sent);
    }
    socket.close((1000, "close as normal"));
    let CloseEvent { code, was_clean, .. } = closed.recv_timeout(TIMEOUT).expect("it closes");
    assert_eq!((code, was_clean), (1000, true));
}

#[test]
fn its_client_talks_to_our_server() {
    let Some(python) = python() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let url = format!("ws://{}/", listener.local_addr().expect("it is bound"));
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("the client connects");
        let options = AcceptOptions::default().protocol("echo");
        let mut socket = blocking::accept_with(stream, options).expect("its handshake is lawful");
        while let Some((message, mut sender)) = socket.recv_with_sender().expect("it is lawful") {
            sender.send(message).expect("it sends");
        }
        socket.closure().cloned().expect("it is closed")
    });
    let client =
        Command::new(python).arg(script("client.py")).arg(url).output().expect("Python starts");
    assert!(client.status.success(), "{}", String::from_utf8_lossy(&client.stderr));
    assert_eq!(String::from_utf8_lossy(&client.stdout).trim(), "4321 that is all");
    let closure = server.join().expect("the server is well");
    assert!(closure.clean, "{closure:?}");
    assert_eq!((closure.code.value(), &*closure.reason), (4321, "that is all"));
}
