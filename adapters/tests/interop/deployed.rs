//! The chat behind the proxies of the book's page `tutorial/deploy.md`, configured by what that page
//! shows.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bluewire::tls::Tls;
use bluewire::{CloseCode, ConnectError, ConnectOptions, Message, blocking};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::chat;
use crate::peer::{Peer, TIMEOUT, skip};

const PAGE: &str = include_str!("../../../docs/book/src/tutorial/deploy.md");
const NAME: &str = "chat.example.com";

#[test]
fn the_chat_is_reached_through_the_haproxy_of_the_book() {
    let _bound = crate::watchdog::bound();
    if !is_installed("haproxy") {
        return skip("haproxy");
    }
    let place = Place::new("haproxy");
    let (_chat, node) = chat::start("blocking", "127.0.0.1:0", &["--public", NAME]);
    let front = free_address();
    let config = shown("haproxy")
        .replace("/etc/haproxy", &place.path(""))
        .replace("bind :443", &format!("bind {front}"))
        .replace("127.0.0.1:8088", &node);
    fs::write(place.path("haproxy.cfg"), config).expect("there is room");
    let _proxy = run("haproxy", &["-q", "-f", &place.path("haproxy.cfg")], front);
    place.converses(front);
}

#[test]
fn the_chat_is_reached_through_the_nginx_of_the_book() {
    let _bound = crate::watchdog::bound();
    if !is_installed("nginx") {
        return skip("nginx");
    }
    let place = Place::new("nginx");
    let (_chat, node) = chat::start("smol", "127.0.0.1:0", &["--public", NAME]);
    let front = free_address();
    let site = shown("nginx")
        .replace("/etc/letsencrypt/live/chat.example.com", &place.path(""))
        .replace("listen 443", &format!("listen {front}"))
        .replace("127.0.0.1:8088", &node);
    let mut config = format!(
        "daemon off; master_process off; pid {0}/pid; error_log {0}/errors;\n",
        place.path("")
    );
    config += "events {}\nhttp {\naccess_log off;\n";
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        config += &format!("{kind}_temp_path {};\n", place.path(kind));
    }
    config += &site;
    config += "}\n";
    fs::write(place.path("nginx.conf"), config).expect("there is room");
    let arguments = ["-c", &place.path("nginx.conf"), "-e", &place.path("errors")];
    let _proxy = run("nginx", &arguments, front);
    place.converses(front);
}

#[test]
fn the_unit_of_the_book_starts_the_chat_and_systemd_finds_no_fault_in_it() {
    let _bound = crate::watchdog::bound();
    let unit = shown("ini");
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart="));
    let words: Vec<_> = command.expect("it starts a program").split(' ').collect();
    let [program, "--listen", "127.0.0.1:8088", more @ ..] = &words[..] else {
        panic!("the proxies of the page expect another command: {words:?}");
    };
    let (mut chat, _) = chat::start("blocking", "127.0.0.1:0", more);
    chat::stop(&mut chat);

    let place = Place::new("systemd");
    // systemd wants the program to exist.
    let here = std::env::current_exe().expect("it has a path").display().to_string();
    fs::write(place.path("chat.service"), unit.replace(program, &here)).expect("there is room");
    let mut verify = Command::new("systemd-analyze");
    let said = match verify.args(["verify", "--man=no", &place.path("chat.service")]).output() {
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => return eprintln!("SKIPPED: systemd-analyze does not run: {error}"),
    };
    // It reads the units around this one as well, and reports them too.
    let faults: Vec<_> = said.lines().filter(|line| line.contains("chat.service")).collect();
    assert!(faults.is_empty(), "{faults:?}");
}

/// The configuration that the page shows for this program.
fn shown(program: &str) -> String {
    let (_, rest) = PAGE.split_once(&format!("```{program}\n")).expect("the page shows one");
    rest.split_once("```").expect("the block ends").0.to_owned()
}

/// A port that was free a moment ago: these programs want one by its number.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a loopback port")
}

fn is_installed(program: &str) -> bool {
    let mut version = Command::new(program);
    let version = version.arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// The program, once it listens.
fn run(program: &str, arguments: &[&str], front: SocketAddr) -> Peer {
    let mut proxy = Peer(Command::new(program).args(arguments).spawn().expect("it starts"));
    let deadline = Instant::now() + TIMEOUT;
    while TcpStream::connect(front).is_err() {
        let ended = proxy.0.try_wait().expect("it is our child");
        assert!(ended.is_none(), "{program} has ended: {ended:?}");
        assert!(Instant::now() < deadline, "{program} does not listen");
        thread::sleep(Duration::from_millis(10));
    }
    proxy
}

/// A directory with certificates, and who trusts them.
struct Place {
    directory: PathBuf,
    tls: Tls,
}

impl Place {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir();
        let directory = directory.join(format!("bluewire-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("it can be made");
        let root_key = KeyPair::generate().expect("there is a key");
        let mut params = CertificateParams::new([]).expect("there is no invalid name");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&root_key).expect("it can sign").pem();
        let key = KeyPair::generate().expect("there is a key");
        let leaf = CertificateParams::new([NAME.to_owned()]).expect("it is a name");
        let leaf = leaf.signed_by(&key, &Issuer::new(params, root_key)).expect("it can sign");
        let (chain, key) = (leaf.pem(), key.serialize_pem());
        write(&directory, "chat.pem", &format!("{chain}{key}"));
        write(&directory, "fullchain.pem", &chain);
        write(&directory, "privkey.pem", &key);
        Self { directory, tls: Tls::default().root_pem(root).expect("it is a root") }
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string().trim_end_matches('/').to_owned()
    }

    /// Two guests talk through the proxy, and a page of another site stays outside.
    fn converses(&self, front: SocketAddr) {
        let connect = |origin: &str| {
            let options = ConnectOptions::new(format!("wss://{NAME}/chat"))
                .addresses([front])
                .tls(self.tls.clone())
                .protocol("chat")
                .header("Origin", origin);
            blocking::connect(options)
        };
        let own = format!("https://{NAME}");
        let mut one = connect(&own).expect("the chat's own page is let in");
        assert_eq!(one.recv().expect("it is open"), Some(Message::Text("1 joined")));
        let mut other = connect(&own).expect("the chat's own page is let in");
        for socket in [&mut one, &mut other] {
            assert_eq!(socket.recv().expect("it is open"), Some(Message::Text("2 joined")));
        }
        other.send("through the proxy").expect("it is open");
        let line = one.recv().expect("it is open");
        assert_eq!(line, Some(Message::Text("2: through the proxy")));
        for socket in [&mut one, &mut other] {
            assert!(socket.close(CloseCode::NORMAL, "").expect("a valid code").clean);
        }
        match connect("https://evil.example") {
            Err(ConnectError::Refused(refusal)) => assert_eq!(refusal.head().status(), 403),
            other => panic!("another site must be refused: {other:?}"),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn write(directory: &Path, name: &str, text: &str) {
    fs::write(directory.join(name), text).expect("there is room");
}
