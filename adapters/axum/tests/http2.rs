//! Several WebSockets on one HTTP/2 connection to `bluewire_axum::serve`: those that are paused do
//! not stop the others.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::response::Response;
use axum::routing::{any, get};
use axum::{Extension, Router};
use bluewire::hyper::{Http2Client, STREAM_WINDOW};
use bluewire::{CloseCode, Message};
use bluewire_axum::{Connections, WebSocket, WebSocketUpgrade, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
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

async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |mut socket| {
        while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
            if sender.send(message).await.is_err() {
                return;
            }
        }
    })
}

/// Keeps its WebSocket, and never looks at it.
async fn paused(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |socket| {
        pending::<()>().await;
        drop(socket);
    })
}

async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().route("/echo", any(echo)).route("/paused", any(paused));
    tokio::spawn(async move { serve(listener, app).await });
    address
}

async fn connect(address: SocketAddr) -> Http2Client {
    Http2Client::over(TcpStream::connect(address).await.unwrap()).await.unwrap()
}

/// Opens WebSockets that the server does not read, and fills their windows.
async fn fill(client: &Http2Client, address: SocketAddr, count: usize) -> Vec<WebSocket> {
    let mut sockets = Vec::new();
    // Far more than the window of the stream.
    let message = vec![0; 8 * STREAM_WINDOW as usize];
    for _ in 0..count {
        let mut socket = client.connect(format!("ws://{address}/paused")).await.unwrap();
        // It stands when nothing more fits. Then it can be dropped at any point.
        let sent = timeout(Duration::from_millis(200), socket.send(&message[..])).await;
        assert!(sent.is_err(), "{sent:?}");
        sockets.push(socket);
    }
    sockets
}

async fn echoes(socket: &mut WebSocket, rounds: usize) {
    let message = vec![7; 64 << 10];
    for _ in 0..rounds {
        socket.send(&message[..]).await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some(Message::Binary(&message)));
    }
}

#[test]
fn one_that_is_paused_does_not_stop_nine_others() {
    run(async {
        let address = start().await;
        let client = connect(address).await;
        let paused = fill(&client, address, 1).await;
        let mut others = Vec::new();
        for _ in 0..9 {
            others.push(client.connect(format!("ws://{address}/echo")).await.unwrap());
        }
        for socket in &mut others {
            // More than the default window of the connection, 1 MiB.
            echoes(socket, 20).await;
        }
        drop(paused);
    });
}

#[test]
fn ninety_nine_that_are_paused_do_not_stop_the_last_one() {
    run(async {
        let address = start().await;
        let client = connect(address).await;
        let mut last = client.connect(format!("ws://{address}/echo")).await.unwrap();
        // There may be 100 on one connection. Each is filled for a part of a second, so all at once.
        let filling = (0..9).map(|_| {
            let client = client.clone();
            tokio::spawn(async move { fill(&client, address, 11).await })
        });
        let mut paused = Vec::new();
        for filled in filling.collect::<Vec<_>>() {
            paused.extend(filled.await.unwrap());
        }
        assert_eq!(paused.len(), 99);
        echoes(&mut last, 20).await;
    });
}

#[test]
fn the_server_is_shut_down_in_order_and_knows_its_clients() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Connections::new();
        let who = get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string());
        let app = Router::new()
            .route("/echo", any(echo))
            .route("/who", who)
            .layer(Extension(connections.clone()));
        let (stop, stopped) = oneshot::channel::<()>();
        let signal = connections.shutdown_on(async { drop(stopped.await) }, LONG);
        let serving = tokio::spawn(serve(listener, app).with_graceful_shutdown(signal));

        let client = connect(address).await;
        let mut over_http2 = client.connect(format!("ws://{address}/echo")).await.unwrap();
        let mut over_http1 =
            bluewire::tokio::connect(format!("ws://{address}/echo")).await.unwrap();
        let mut page = TcpStream::connect(address).await.unwrap();
        let own = page.local_addr().unwrap().to_string();
        page.write_all(b"GET /who HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        page.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with(&own), "{answer}");

        stop.send(()).unwrap();
        assert_eq!(over_http1.recv().await.unwrap(), None);
        assert_eq!(over_http2.recv().await.unwrap(), None);
        assert_eq!(over_http1.closure().unwrap().code, CloseCode::GOING_AWAY);
        assert_eq!(over_http2.closure().unwrap().code, CloseCode::GOING_AWAY);
        let report = connections.report().await;
        assert_eq!((report.closed, report.cut), (2, 0));
        serving.await.unwrap().unwrap();
    });
}
