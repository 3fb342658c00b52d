//! Several nodes of the example `cluster_chat`, behind HAProxy and with Redis between them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bluewire::blocking::{self, NetStream};
use bluewire::{CloseCode, ConnectOptions, Message};

use crate::peer::{Peer, TIMEOUT, skip};

type Socket = blocking::WebSocket<NetStream>;

const CLIENTS: usize = 6;
const WORDS: usize = 100;

#[test]
fn nodes_share_what_is_said_and_their_clients() {
    let _bound = crate::watchdog::bound();
    let Some(cluster) = Cluster::start() else { return };
    let mut a = cluster.node("127.0.0.1:0");
    let b = cluster.node("127.0.0.1:0");
    let (balancer, front) = cluster.balancer(&a.address, &b.address);

    // A message crosses from one node to the other.
    let (mut at_a, mut at_b) = (enter(&a.address, "a"), enter(&b.address, "b"));
    at_a.send("from a").expect("it is open");
    hears(&mut at_b, "from a");
    at_b.send("from b").expect("it is open");
    hears(&mut at_a, "from b");
    at_a.close(CloseCode::NORMAL, "").expect("it is open");

    // A node stops cleanly while all talk: its clients get a Close frame, go to the other node, and
    // none of their words is lost or said twice.
    let clients: Vec<_> = (0..CLIENTS).map(|client| talk(&front, client)).collect();
    let said = listen(at_b);
    let mut words = BTreeMap::new();
    let mut told = |until: usize| {
        let deadline = Instant::now() + TIMEOUT;
        while words.values().sum::<usize>() < until {
            let left = deadline.saturating_duration_since(Instant::now());
            let word: String = said.recv_timeout(left).expect("the chat goes on");
            if word.starts_with("client") {
                *words.entry(word).or_default() += 1;
            }
        }
        words.clone()
    };
    told(CLIENTS * WORDS / 3);
    a.stop();
    let words = told(CLIENTS * WORDS);
    let moved = clients.into_iter().map(|client| client.join().expect("it is well")).sum::<usize>();
    assert!(words.len() == CLIENTS * WORDS && words.values().all(|times| *times == 1), "{words:?}");
    // The balancer had shared them out.
    assert!(0 < moved && moved < CLIENTS, "{moved} clients had to move");

    // A node dies: its clients see that, and find the node that has started again.
    let back = cluster.node(&a.address);
    let mut at_b = join(&b.address);
    drop(b);
    let lost = loop {
        match at_b.recv() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it died, and said that it closes"),
            Err(_) => break at_b.closure().expect("it is over"),
        }
    };
    assert_eq!((lost.code, lost.clean), (CloseCode::ABNORMAL, false));
    let (mut again, mut there) = (join(&front), enter(&back.address, "there"));
    again.send("still there?").expect("it is open");
    hears(&mut there, "still there?");
    drop(balancer);
}

#[test]
fn when_redis_dies_only_the_documented_lines_are_lost() {
    let _bound = crate::watchdog::bound();
    let Some(mut cluster) = Cluster::start() else { return };
    let mut a = cluster.node("127.0.0.1:0");
    let mut b = cluster.node("127.0.0.1:0");
    let (mut at_a, mut at_b) = (enter(&a.address, "a"), enter(&b.address, "b"));
    at_a.send("before").expect("it is open");
    hears(&mut at_a, "before");
    hears(&mut at_b, "before");

    cluster.kill_redis();
    at_a.send("lost").expect("the node has not noticed yet, or closes");
    for socket in [&mut at_a, &mut at_b] {
        // No client is left in a chat that hears nothing, and none hears what was lost.
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match socket.recv_timeout(left).expect("it ends in order") {
                Some(message) => assert_ne!(message, Message::Text("lost")),
                None => break,
            }
        }
        let closure = socket.closure().expect("it is over");
        let codes = [CloseCode::GOING_AWAY, CloseCode::TRY_AGAIN_LATER];
        assert!(closure.clean && codes.contains(&closure.code), "{closure:?}");
    }
    // The nodes go, so that a supervisor starts them again.
    for node in [&mut a, &mut b] {
        assert!(node.process.0.wait().expect("it is our child").success());
    }

    cluster.start_redis();
    let (a, b) = (cluster.node("127.0.0.1:0"), cluster.node("127.0.0.1:0"));
    let (mut at_b, mut at_a) = (enter(&b.address, "b"), enter(&a.address, "a"));
    at_b.send("after").expect("it is open");
    let first = at_a.recv_timeout(TIMEOUT).expect("it is open");
    assert_eq!(first, Some("after".into()), "Redis keeps nothing");
    hears(&mut at_b, "after");
}

/// Says all its words, over as many connections as it takes; how often it had to move.
fn talk(front: &str, client: usize) -> JoinHandle<usize> {
    let front = front.to_owned();
    thread::spawn(move || {
        let (mut word, mut moved) = (0, 0);
        while word < WORDS {
            let mut socket = join(&front);
            while word < WORDS && socket.send(&*format!("client {client}, word {word}")).is_ok() {
                word += 1;
                // The words of the others.
                while let Ok(Some(_)) = socket.recv_timeout(Duration::from_millis(3)) {}
            }
            if word == WORDS {
                socket.close(CloseCode::NORMAL, "").expect("it closes");
            } else {
                while socket.recv().expect("it ends in order").is_some() {}
                let closure = socket.closure().expect("it is over");
                assert_eq!((closure.code, closure.clean), (CloseCode::GOING_AWAY, true));
                moved += 1;
            }
        }
        moved
    })
}

/// Whatever is said, to its end.
fn listen(mut socket: Socket) -> mpsc::Receiver<String> {
    let (said, listener) = mpsc::channel();
    thread::spawn(move || {
        while let Ok(Some(Message::Text(text))) = socket.recv() {
            if said.send(text.to_owned()).is_err() {
                return;
            }
        }
    });
    listener
}

#[track_caller]
fn hears(socket: &mut Socket, expected: &str) {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match socket.recv_timeout(left).expect("it is open") {
            Some(Message::Text(text)) if text == expected => return,
            Some(_) => {}
            None => panic!("{expected:?} was not heard"),
        }
    }
}

/// Joins, and hears its own first word: a client has its response a moment before it is in the room,
/// and would miss what is said in between.
fn enter(address: &str, first_word: &str) -> Socket {
    let mut socket = join(address);
    socket.send(first_word).expect("it is open");
    hears(&mut socket, first_word);
    socket
}

/// Opens a connection to the chat as soon as there is someone who lets it in.
fn join(address: &str) -> Socket {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        match blocking::connect(ConnectOptions::new(format!("ws://{address}/chat"))) {
            Ok(socket) => return socket,
            Err(error) if deadline < Instant::now() => panic!("{address}: {error}"),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Redis, and a place for files.
struct Cluster {
    directory: PathBuf,
    redis: Peer,
}

impl Cluster {
    /// None where something is missing.
    fn start() -> Option<Self> {
        for program in ["redis-server", "haproxy"] {
            if !is_installed(program) {
                skip(program);
                return None;
            }
        }
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("bluewire-cluster-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).expect("it can be made");
        let redis = redis_in(&directory);
        Some(Self { directory, redis })
    }

    /// Lets it die without a word.
    fn kill_redis(&mut self) {
        self.redis.0.kill().expect("it runs");
        self.redis.0.wait().expect("it is our child");
        let _ = std::fs::remove_file(self.directory.join("redis.sock"));
    }

    fn start_redis(&mut self) {
        self.redis = redis_in(&self.directory);
    }

    fn node(&self, listen: &str) -> Node {
        let tests = std::env::current_exe().expect("it has a path");
        let target = tests.parent().and_then(Path::parent).expect("target/PROFILE/deps");
        let program = target.join("examples/cluster_chat");
        assert!(program.exists(), "build it first: cargo build --example cluster_chat");
        let redis = format!("redis+unix://{}", self.directory.join("redis.sock").display());
        let mut child = Command::new(program)
            .args(["--redis", &redis, "--listen", listen])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdout = child.stdout.take().expect("it is piped");
        let process = Peer(child);
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("it prints a line");
        let address = line.trim().strip_prefix("listening on ").expect("it listens").to_owned();
        Node { process, address }
    }

    /// The balancer, and its address.
    fn balancer(&self, a: &str, b: &str) -> (Peer, String) {
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/cluster_chat/haproxy.cfg");
        // It wants a port by its number: a free one, unless another is quicker.
        for _ in 0..10 {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
            let front = free.expect("a loopback port").to_string();
            let mut haproxy = Command::new("haproxy");
            haproxy.args(["-q", "-f", config]).env("FRONT", &front).env("NODE_A", a);
            let mut haproxy = Peer(haproxy.env("NODE_B", b).spawn().expect("it starts"));
            let deadline = Instant::now() + TIMEOUT;
            while haproxy.0.try_wait().expect("it is our child").is_none() {
                if std::net::TcpStream::connect(&front).is_ok() {
                    return (haproxy, front);
                }
                assert!(Instant::now() < deadline, "HAProxy does not listen");
                thread::sleep(Duration::from_millis(10));
            }
        }
        panic!("HAProxy does not start");
    }
}

fn redis_in(directory: &Path) -> Peer {
    let mut redis = Command::new("redis-server");
    redis.args(["--port", "0", "--save", "", "--dir"]).arg(directory).arg("--unixsocket");
    let redis = redis.arg(directory.join("redis.sock")).stdout(Stdio::null());
    let redis = Peer(redis.spawn().expect("it starts"));
    let deadline = Instant::now() + TIMEOUT;
    while std::os::unix::net::UnixStream::connect(directory.join("redis.sock")).is_err() {
        assert!(Instant::now() < deadline, "Redis does not listen");
        thread::sleep(Duration::from_millis(10));
    }
    redis
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

struct Node {
    process: Peer,
    address: String,
}

impl Node {
    /// Stops it in order, to its end.
    fn stop(&mut self) {
        let process = self.process.0.id().to_string();
        let told = Command::new("kill").args(["-TERM", &process]).status().expect("kill runs");
        assert!(told.success());
        assert!(self.process.0.wait().expect("it is our child").success());
    }
}

fn is_installed(program: &str) -> bool {
    let version = Command::new(program).arg("-v").stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}
