//! Real proxies between our client and a server: tinyproxy by CONNECT, microsocks by SOCKS 5.

use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bluewire::{AcceptOptions, ConnectError, ConnectOptions, Proxy, ProxyError, blocking};

use crate::ours::Ours;
use crate::peer::{Peer, TIMEOUT, skip};

with_each!(through_tinyproxy);
with_each!(through_tinyproxy_with_credentials);
with_each!(through_microsocks);
with_each!(through_microsocks_with_credentials);

fn through_tinyproxy(ours: Ours) {
    let Some(proxy) = Started::tinyproxy("") else { return };
    converse_through(ours, &proxy.url("http", ""));
}

fn through_tinyproxy_with_credentials(ours: Ours) {
    let Some(proxy) = Started::tinyproxy("BasicAuth me s3cret\n") else { return };
    converse_through(ours, &proxy.url("http", "me:s3cret@"));
    for wrong in ["", "me:wrong@"] {
        match refused(&proxy.url("http", wrong)) {
            ProxyError::Refused(refusal) => {
                // It knows who asks with nothing from who asks with something wrong.
                let status = refusal.head().status();
                assert_eq!(status, if wrong.is_empty() { 407 } else { 401 });
                assert!(!refusal.body().is_empty(), "there is a page");
            }
            error => panic!("{error:?}"),
        }
    }
}

fn through_microsocks(ours: Ours) {
    let Some(proxy) = Started::microsocks(&[]) else { return };
    converse_through(ours, &proxy.url("socks5h", ""));
    converse_through(ours, &proxy.url("socks5", ""));
    // The target port has no listener.
    let options = ConnectOptions::new("ws://127.0.0.1:1/").proxy(parse(&proxy.url("socks5h", "")));
    let error = blocking::connect(options).expect_err("there is no server");
    assert!(matches!(error, ConnectError::Proxy(ProxyError::Socks(_))), "{error:?}");
}

fn through_microsocks_with_credentials(ours: Ours) {
    let Some(proxy) = Started::microsocks(&["-u", "me", "-P", "s@cret:/é"]) else { return };
    converse_through(ours, &proxy.url("socks5h", "me:s%40cret%3A%2F%C3%A9@"));
    let error = refused(&proxy.url("socks5h", ""));
    assert!(matches!(error, ProxyError::NoAcceptableMethod), "{error:?}");
    let error = refused(&proxy.url("socks5h", "me:wrong@"));
    assert!(matches!(error, ProxyError::AuthenticationRefused), "{error:?}");
}

/// With a server without TLS, and with one that has it.
fn converse_through(ours: Ours, proxy: &str) {
    let (url, _ends) = Ours::Blocking.serve(AcceptOptions::default().protocol("echo"));
    ours.converse_by(ConnectOptions::new(url).proxy(parse(proxy)));
    #[cfg(feature = "_tls")]
    {
        let options = ConnectOptions::new(serve_by_tls()).tls(crate::tls::TLS.1.clone());
        ours.converse_by(options.proxy(parse(proxy)));
    }
}

fn parse(proxy: &str) -> Proxy {
    proxy.parse().expect("it is a proxy")
}

fn refused(proxy: &str) -> ProxyError {
    let options = ConnectOptions::new("ws://127.0.0.1:1/").proxy(parse(proxy));
    match blocking::connect(options).expect_err("it is refused") {
        ConnectError::Proxy(error) => error,
        error => panic!("{error:?}"),
    }
}

/// An echo server; its URL.
#[cfg(feature = "_tls")]
fn serve_by_tls() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
    let url = format!("wss://{}/", listener.local_addr().expect("it is bound"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let stream = blocking::TlsStream::accept(stream, &crate::tls::TLS.0, TIMEOUT);
                let stream = stream.expect("the client speaks TLS");
                let options = AcceptOptions::default().protocol("echo");
                crate::ours::echo_blocking(stream, options).expect("it goes well");
            });
        }
    });
    url
}

/// A proxy that listens.
struct Started {
    _process: Peer,
    port: u16,
    /// To be removed.
    config: Option<PathBuf>,
}

impl Started {
    /// With these lines in its configuration; it has no line that restricts the ports of servers.
    fn tinyproxy(lines: &str) -> Option<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let program = find("tinyproxy")?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bluewire-tinyproxy-{}-{count}.conf", std::process::id());
        let config = std::env::temp_dir().join(name);
        let mut proxy = Self::start(|port| {
            let common = format!("Port {port}\nListen 127.0.0.1\nTimeout 60\nLogLevel Critical\n");
            fs::write(&config, common + lines).expect("it can be written");
            let mut command = Command::new(&program);
            command.arg("-d").arg("-c").arg(&config);
            command
        });
        proxy.config = Some(config);
        Some(proxy)
    }

    fn microsocks(args: &[&str]) -> Option<Self> {
        let program = find("microsocks")?;
        Some(Self::start(|port| {
            let mut command = Command::new(&program);
            command.args(["-i", "127.0.0.1", "-p", &port.to_string()]).args(args);
            command
        }))
    }

    /// None of them takes a port that the system chooses: one is chosen before, which somebody
    /// else may get.
    fn start(command: impl Fn(u16) -> Command) -> Self {
        for _ in 0..10 {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
            let port = free.local_addr().expect("it is bound").port();
            drop(free);
            let quiet = |command: &mut Command| {
                command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
            };
            let mut process = Peer(quiet(&mut command(port)).expect("the proxy starts"));
            let started = Instant::now();
            while process.0.try_wait().expect("it is our child").is_none() {
                let listens = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
                // Unless it is somebody else who does.
                if listens && process.0.try_wait().expect("it is our child").is_none() {
                    return Self { _process: process, port, config: None };
                }
                assert!(started.elapsed() < TIMEOUT, "the proxy does not listen");
                thread::sleep(Duration::from_millis(10));
            }
        }
        panic!("the proxy ends again and again");
    }

    fn url(&self, scheme: &str, user_info: &str) -> String {
        format!("{scheme}://{user_info}127.0.0.1:{}", self.port)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(config) = &self.config {
            let _ = fs::remove_file(config);
        }
    }
}

/// The path of the program; a message says if it is missing.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(OsStr::new(&path))
        .map(|directory| directory.join(program))
        .find(|file| file.is_file());
    if found.is_none() {
        skip(program);
    }
    found
}
