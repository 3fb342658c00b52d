//! A server in a process of its own: this program again, for a test that is ignored otherwise.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use bluewire::facade::WebSocket;
use bluewire::{AcceptOptions, Config, Limits, PreparedMessage, ServerOptions};
use bluewire::{blocking, smol as adapter};

use crate::fixture;

/// The variables that the process gets.
const ADAPTER: &str = "BLUEWIRE_CROWD_ADAPTER";
const KIND: &str = "BLUEWIRE_CROWD_KIND";

pub(crate) const ADAPTERS: &[&str] = &[
    "blocking",
    "smol",
    #[cfg(feature = "tokio")]
    "tokio",
];

/// The work of the server, and its options.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Echoes.
    Echo,
    /// The same by TLS.
    #[cfg(feature = "tls")]
    Tls,
    /// Passes what one says on to all, by the callback facade.
    Chat,
}

/// How many opening handshakes the server with TLS has at a time.
#[cfg(feature = "tls")]
pub(crate) const TLS_HANDSHAKES_MAX: usize = 256;

/// How many bytes wait for one guest of the chat.
pub(crate) const CHAT_OUTBOX_LEN_MAX: usize = 256 * 1024;

impl Kind {
    const ALL: &[Self] = &[
        Self::Echo,
        #[cfg(feature = "tls")]
        Self::Tls,
        Self::Chat,
    ];

    fn options(self) -> ServerOptions {
        match self {
            Self::Echo => ServerOptions::default(),
            #[cfg(feature = "tls")]
            Self::Tls => ServerOptions::default()
                .tls(crate::tls::TLS.0.clone())
                .handshakes_max(TLS_HANDSHAKES_MAX),
            Self::Chat => {
                let limits = Limits::default()
                    .message_len_max(CHAT_OUTBOX_LEN_MAX as u64 / 4)
                    .outbox_len_max(CHAT_OUTBOX_LEN_MAX);
                let config = Config::default().limits(limits);
                ServerOptions::default().accept(AcceptOptions::default().config(config))
            }
        }
    }
}

pub(crate) struct Server {
    process: Child,
    pub(crate) addr: SocketAddr,
    pub(crate) kind: Kind,
}

impl Server {
    /// With so many file descriptors at most.
    pub(crate) fn start(adapter: &str, kind: Kind, files_max: usize) -> Self {
        let mut process = Command::new("sh")
            .args(["-c", "ulimit -n \"$0\" && exec \"$@\"", &files_max.to_string()])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "child::a_server_in_a_process_of_its_own"])
            .args(["--ignored", "--nocapture", "--test-threads", "1"])
            .env(ADAPTER, adapter)
            .env(KIND, format!("{kind:?}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let mut lines = stdout.lines().map_while(Result::ok);
        // The harness says something before.
        let addr =
            lines.find_map(|line| Some(line.split_once("listening on ")?.1.parse().unwrap()));
        Self { process, addr: addr.expect("it listens"), kind }
    }

    /// How many files it has open.
    pub(crate) fn files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.process.id())).unwrap().count()
    }
}

impl Server {
    /// Its resident memory in bytes.
    pub(crate) fn resident(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kib: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
        kib * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "other tests start it"]
fn a_server_in_a_process_of_its_own() {
    let kind = std::env::var(KIND).expect("another test starts this one");
    let kind = Kind::ALL.iter().copied().find(|it| format!("{it:?}") == kind).unwrap();
    // It ends with the process that has started it.
    thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    match &*std::env::var(ADAPTER).unwrap() {
        "blocking" => {
            let server = blocking::Server::bind_with("127.0.0.1:0", kind.options()).unwrap();
            announce(server.local_addr());
            match kind {
                Kind::Chat => server.serve_facade(chat()),
                _ => server.serve(fixture::echo),
            };
        }
        "smol" => smol::block_on(async {
            let server = adapter::Server::bind_with("127.0.0.1:0", kind.options()).await.unwrap();
            announce(server.local_addr());
            match kind {
                Kind::Chat => server.serve_facade(chat()).await,
                _ => server.serve(fixture::echo_async).await,
            };
        }),
        #[cfg(feature = "tokio")]
        "tokio" => tokio::runtime::Runtime::new().unwrap().block_on(async {
            let bound = bluewire::tokio::Server::bind_with("127.0.0.1:0", kind.options());
            let server = bound.await.unwrap();
            announce(server.local_addr());
            match kind {
                Kind::Chat => server.serve_facade(chat()).await,
                _ => server.serve(fixture::echo_on_tokio).await,
            };
        }),
        other => panic!("there is no adapter {other}"),
    }
}

/// A guest gets all words of the others. Words for which it has no room are lost to it.
fn chat() -> impl Fn(WebSocket) + Send + Sync + 'static {
    let guests = Arc::<Mutex<Vec<WebSocket>>>::default();
    move |socket| {
        guests.lock().unwrap().push(socket.clone());
        let guests = Arc::clone(&guests);
        socket.on_message(move |message| {
            let message = PreparedMessage::new(message);
            for guest in guests.lock().unwrap().iter() {
                guest.send(message.clone());
            }
        });
    }
}

fn announce(addr: SocketAddr) {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {addr}").unwrap();
    stdout.flush().unwrap();
}
