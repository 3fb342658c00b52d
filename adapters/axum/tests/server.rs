//! The extractor under `axum::serve`, with Bluewire's client: over HTTP/1 and over HTTP/2.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use axum::{Extension, Router};
use bluewire::hyper::Http2Client;
use bluewire::{
    AcceptOptions, CloseCode, ConnectError, ConnectOptions, Deflate, Error, Keepalive, tokio as ws,
};
use bluewire_axum::{Config, Connections, Limits, OriginPolicy, WebSocket, WebSocketUpgrade};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;

#[path = "../../tests/common/watchdog.rs"]
mod watchdog;

const LONG: Duration = Duration::from_secs(300);

fn run(test: impl Future<Output = ()>) {
    let _bound = watchdog::bound();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { timeout(LONG, test).await.unwrap() });
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn echo(mut socket: WebSocket) {
    while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
        if sender.send(message).await.is_err() {
            return;
        }
    }
}

async fn plain_echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(echo)
}

async fn refusal(options: ConnectOptions) -> (u16, String) {
    match ws::connect(options).await {
        Err(ConnectError::Refused(refusal)) => {
            (refusal.head().status(), String::from_utf8_lossy(refusal.body()).into_owned())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_foreign_page_is_refused_and_reads_why() {
    run(async {
        let listed = OriginPolicy::Listed(vec!["https://pages.example".to_owned()]);
        let listed = AcceptOptions::default().origins(listed);
        let app = Router::new()
            .route("/own", any(plain_echo))
            .route("/listed", any(plain_echo).layer(Extension(listed)));
        let address = serve(app).await;
        let from = |path, origin| {
            ConnectOptions::new(format!("ws://{address}{path}")).header("Origin", origin)
        };
        for (path, origin) in [("/own", "https://evil.example"), ("/listed", "http://x.example")] {
            let (status, body) = refusal(from(path, origin)).await;
            assert_eq!(
                (status, &*body),
                (403, "pages of this foreign Origin may not connect here\n")
            );
        }
        let own = format!("http://{address}");
        ws::connect(from("/own", &own)).await.unwrap();
        ws::connect(from("/listed", "https://pages.example")).await.unwrap();
    });
}

#[test]
fn a_page_and_a_websocket_may_have_one_path() {
    run(async {
        async fn both(upgrade: Option<WebSocketUpgrade>) -> Response {
            match upgrade {
                Some(upgrade) => upgrade.on_upgrade(echo),
                None => "a page".into_response(),
            }
        }
        let address =
            serve(Router::new().route("/", any(both)).route("/ws", any(plain_echo))).await;
        let page = reqwest::get(format!("http://{address}/")).await.unwrap();
        assert_eq!(page.text().await.unwrap(), "a page");
        let mut socket = ws::connect(format!("ws://{address}/")).await.unwrap();
        socket.send("x").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("x".into()));

        let plain = reqwest::get(format!("http://{address}/ws")).await.unwrap();
        assert_eq!(plain.status().as_u16(), 426);
        assert_eq!(plain.headers()["upgrade"], "websocket");
        assert!(plain.text().await.unwrap().contains("this is a WebSocket"));
        let client = reqwest::Client::new();
        let wrong = client.post(format!("http://{address}/")).header("sec-websocket-version", "13");
        assert_eq!(wrong.send().await.unwrap().status().as_u16(), 405);
    });
}

#[test]
fn a_handler_sets_what_its_connections_are() {
    run(async {
        async fn handler(upgrade: WebSocketUpgrade) -> Response {
            let offered: Vec<_> = upgrade.offered_protocols().map(str::to_owned).collect();
            let keepalive = Keepalive::default().interval(Duration::from_secs(60));
            upgrade
                .config(Config::default().keepalive(keepalive))
                .limits(Limits::default().message_len_max(1000))
                .deflate(Deflate::default())
                .protocols(["v2", "v1"])
                .on_upgrade(async move |mut socket| {
                    let (protocol, deflate) =
                        (socket.protocol().unwrap_or("").to_owned(), socket.deflate());
                    let is_plain = socket.stream().socket().is_some();
                    let text = format!("{offered:?} {protocol} {} {is_plain}", deflate.is_some());
                    socket.send(&text).await.unwrap();
                    echo(socket).await;
                })
        }
        let address = serve(Router::new().route("/ws", any(handler))).await;
        let options = ConnectOptions::new(format!("ws://{address}/ws"))
            .protocol("v3")
            .protocol("v1")
            .deflate(Deflate::default());
        let mut socket = ws::connect(options).await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("[\"v3\", \"v1\"] v1 true true".into()));
        socket.send(&"x".repeat(1001)).await.unwrap();
        assert!(socket.recv().await.is_err() || socket.closure().is_some());
        assert_eq!(socket.closure().unwrap().code, CloseCode::MESSAGE_TOO_BIG);
    });
}

#[test]
fn a_router_takes_websockets_over_http2() {
    run(async {
        let connections = Connections::new();
        let app = Router::new()
            .route("/ws", any(plain_echo))
            .route("/page", get(async || "a page"))
            .layer(Extension(connections.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let signal = connections.shutdown_on(async { drop(stopped.await) }, LONG);
        let serving = tokio::spawn(async move {
            axum::serve(listener, app).with_graceful_shutdown(signal).await.unwrap();
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let client = Http2Client::over(stream).await.unwrap();
        let mut first = client.connect(format!("ws://{address}/ws")).await.unwrap();
        let mut second = client.connect(format!("ws://{address}/ws")).await.unwrap();
        for socket in [&mut first, &mut second] {
            socket.send("over HTTP/2").await.unwrap();
            assert_eq!(socket.recv().await.unwrap(), Some("over HTTP/2".into()));
        }
        let missing = client.connect(format!("ws://{address}/nowhere")).await.unwrap_err();
        assert!(matches!(&missing, ConnectError::Refused(it) if it.head().status() == 404));
        // A route that is a page answers by 200, which over HTTP/2 looks like agreement to the
        // engine: there is no key to answer. A page of GET alone does not.
        let page = client.connect(format!("ws://{address}/page")).await.unwrap_err();
        assert!(matches!(&page, ConnectError::Refused(it) if it.head().status() == 405));
        assert_eq!(connections.count(), 2);
        stop.send(()).unwrap();
        for socket in [&mut first, &mut second] {
            assert_eq!(socket.recv().await.unwrap(), None);
            assert_eq!(socket.closure().unwrap().code, CloseCode::GOING_AWAY);
        }
        let report = connections.report().await;
        assert_eq!((report.closed, report.cut), (2, 0));
        serving.await.unwrap();
    });
}

#[test]
fn a_thousand_sockets_are_closed_cleanly_with_the_server() {
    raise_file_limit();
    run(async {
        const SOCKETS: usize = 1000;
        /// They never receive, so that they do not answer.
        const DEAF: usize = 10;
        let connections = Connections::new();
        let app = Router::new().route("/ws", any(plain_echo)).layer(Extension(connections.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let signal =
            connections.shutdown_on(async { drop(stopped.await) }, Duration::from_secs(20));
        let serving = tokio::spawn(async move {
            axum::serve(listener, app).with_graceful_shutdown(signal).await.unwrap();
        });
        let mut sockets = Vec::new();
        for _ in 0..SOCKETS {
            sockets.push(ws::connect(format!("ws://{address}/ws")).await.unwrap());
        }
        assert_eq!(connections.count(), SOCKETS);
        let deaf: Vec<_> = sockets.drain(..DEAF).collect();
        stop.send(()).unwrap();
        for mut socket in sockets {
            assert_eq!(socket.recv().await.unwrap(), None);
            let closure = socket.closure().unwrap();
            assert_eq!((closure.code, closure.clean), (CloseCode::GOING_AWAY, true));
        }
        let report = connections.report().await;
        assert_eq!((report.closed, report.cut), (SOCKETS - DEAF, DEAF));
        assert_eq!(connections.count(), 0);
        // Their peers find the 1001 when they look at last.
        for mut socket in deaf {
            let ended: Result<_, Error> = socket.recv().await.map(|message| message.is_none());
            assert!(ended.is_ok_and(|ended| ended));
            assert_eq!(socket.closure().unwrap().code, CloseCode::GOING_AWAY);
        }
        timeout(LONG, serving).await.unwrap().unwrap();
    });
}

/// A thousand connections have two thousand ends.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum.or(Some(1 << 16));
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// The lines of each handler that the documentation compares, without those that are hidden there.
#[test]
fn a_handler_is_no_longer_than_those_of_others() {
    let blocks: Vec<usize> = include_str!("../src/lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! "))
        .skip_while(|line| !line.starts_with("async fn echo"))
        .collect::<Vec<_>>()
        .split(|line| line.starts_with("```"))
        .filter_map(|block| {
            let start = block.iter().position(|line| line.starts_with("async fn echo"))?;
            let len = block[start..].iter().position(|line| *line == "}")?;
            Some(len + 1)
        })
        .collect();
    let [bluewire, axum, fastwebsockets] = blocks[..] else { panic!("{blocks:?}") };
    assert_eq!(bluewire, 9);
    assert!(bluewire <= axum && bluewire <= fastwebsockets, "{blocks:?}");
}
