//! A real headless Chromium against axum: the example, compressed; and ten WebSockets over one
//! connection of TLS and HTTP/2.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{ConnectInfo, Extension, Request};
use axum::response::{Html, Response};
use axum::routing::{any, get};
use axum::serve::Listener;
use bluewire::{CloseCode, Message, blocking};
use bluewire_axum::{WebSocketUpgrade, serve};
use http::Version;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use browser::Browser;
use peer::{Peer, TIMEOUT};

#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../../../tests/interop/browser.rs"]
mod browser;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../../../tests/interop/peer.rs"]
mod peer;
#[path = "../../../tests/common/watchdog.rs"]
mod watchdog;

#[test]
fn a_browser_chats_through_axum_with_compression() {
    let _bound = watchdog::bound();
    let Some(mut browser) = Browser::start() else { return };
    let (server, address) = start_chat();
    let page = browser.open(&format!("http://{address}/?room=rust"));
    browser.wait_until(
        &page,
        "document.getElementById('state')?.textContent.startsWith('open permessage-deflate')",
    );
    let url = format!("ws://{address}/rooms/rust");
    let mut friend = blocking::connect(&*url).unwrap();
    assert_eq!(friend.recv().unwrap(), Some("guest 1 joined".into()));
    assert_eq!(friend.recv().unwrap(), Some("guest 2 joined".into()));
    browser.wait_until(
        &page,
        "document.getElementById('text').value = 'Grüße 🌍', \
         document.getElementById('send').click(), true",
    );
    assert_eq!(friend.recv().unwrap(), Some("guest 1: Grüße 🌍".into()));
    friend.send("and to you").unwrap();
    let shown = "document.getElementById('messages').innerText.includes('guest 2: and to you')";
    browser.wait_until(&page, shown);
    assert_eq!(friend.recv().unwrap(), Some("guest 2: and to you".into()));

    // A later guest gets the history; another room has its own.
    let mut late = blocking::connect(&*url).unwrap();
    let lines: Vec<_> = (0..5).map(|_| late.recv_owned().unwrap().unwrap()).collect();
    assert_eq!(lines[2], Message::Text("guest 1: Grüße 🌍").into_owned());
    assert!(late.close(CloseCode::NORMAL, "").unwrap().clean);
    let health = browser.open(&format!("http://{address}/health"));
    browser.wait_until(&health, "document.body.innerText.includes('[\"connections\",')");
    let history = browser.open(&format!("http://{address}/rooms/rust/history"));
    browser.wait_until(&history, "document.body.innerText.includes('guest 2: and to you')");
    drop(friend);

    let process = server.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &process]).status().unwrap().success());
    browser.wait_until(&page, "document.getElementById('state').textContent === 'closed 1001'");
}

/// The example, and the address that it prints.
fn start_chat() -> (Peer, String) {
    let tests = std::env::current_exe().unwrap();
    let directory = tests.parent().and_then(|path| path.parent()).unwrap();
    let program = directory.join("examples/axum_chat");
    assert!(program.exists(), "build it first: cargo build -p bluewire-axum --example axum_chat");
    let mut child =
        Command::new(program).arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    let peer = Peer(child);
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    (peer, line.trim().strip_prefix("listening on ").unwrap().to_owned())
}

/// How a WebSocket came: the TCP connection and the version of HTTP.
type Ways = Arc<Mutex<Vec<(SocketAddr, Version)>>>;

const PAGE: &str = "<!doctype html><meta charset=utf-8><ul id=log></ul><script>
const log = document.getElementById('log');
const say = text => { log.append(Object.assign(document.createElement('li'), { textContent: text })) };
let echoes = 0;
for (let number = 0; number < 10; number++) {
  const socket = new WebSocket(`wss://${location.host}/ws`);
  socket.onopen = () => socket.send(`socket ${number} ${'x'.repeat(70000)}`);
  socket.onmessage = ({ data }) => {
    if (data !== `socket ${number} ${'x'.repeat(70000)}`) say(`wrong ${number}`);
    if (++echoes === 10) { say('echoes 10'); say('done') }
  };
  socket.onerror = () => { say(`error ${number}`); say('done') };
}
</script>";

#[test]
fn a_browser_opens_ten_websockets_on_one_connection_of_http2() {
    let _bound = watchdog::bound();
    let Some(mut browser) = Browser::start_with(&["--ignore-certificate-errors"]) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ways = Ways::default();
    let address = runtime.block_on(serve_tls(Arc::clone(&ways)));
    let page = browser.open(&format!("https://localhost:{}/", address.port()));
    assert_eq!(browser.lines(&page), ["echoes 10"]);
    let ways = ways.lock().unwrap();
    assert_eq!(ways.len(), 10);
    assert!(ways.iter().all(|way| *way == (ways[0].0, Version::HTTP_2)), "{ways:?}");
    drop(browser);
    runtime.shutdown_timeout(TIMEOUT);
}

async fn echo(
    upgrade: WebSocketUpgrade,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Extension(ways): Extension<Ways>,
    request: Request,
) -> Response {
    ways.lock().unwrap().push((peer, request.version()));
    upgrade.deflate(bluewire::Deflate::default()).on_upgrade(async |mut socket| {
        while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
            if sender.send(message).await.is_err() {
                return;
            }
        }
    })
}

/// Serves over TLS, with HTTP/2 where the client takes it.
async fn serve_tls(ways: Ways) -> SocketAddr {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let mut tls = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let app =
        Router::new().route("/", get(Html(PAGE))).route("/ws", any(echo)).layer(Extension(ways));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let listener = TlsListener { listener, acceptor };
    tokio::spawn(async move { serve(listener, app).await });
    address
}

/// TCP connections whose TLS handshake is complete. One at a time is enough for a test.
struct TlsListener {
    listener: tokio::net::TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<tokio::net::TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, peer) = self.listener.accept().await.unwrap();
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
