//! The errors that `on_failed_upgrade` gets, once each: over HTTP/1 and HTTP/2.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::middleware::map_response;
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use axum::{Router, serve};
use bluewire::hyper::Http2Client;
use bluewire::{AcceptError, AcceptOptions, Config, ConnectError, HandshakeError};
use bluewire_axum::{Connections, WebSocketUpgrade};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

#[path = "../../tests/common/watchdog.rs"]
mod watchdog;

const LONG: Duration = Duration::from_secs(300);

/// The events of a request, in order.
#[derive(Debug)]
enum Event {
    Accepted,
    Failed(AcceptError),
    /// The callback was dropped, called or not.
    Forgotten,
    /// There was a WebSocket. Whether it received something.
    Served(bool),
}

/// Reports that the closure that owns it is gone.
struct Owned(UnboundedSender<Event>);

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.0.send(Event::Forgotten);
    }
}

fn run(test: impl Future<Output = ()>) {
    let _bound = watchdog::bound();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { timeout(LONG, test).await.unwrap() });
}

fn accept(upgrade: WebSocketUpgrade, tell: &UnboundedSender<Event>) -> Response {
    let (failed, served, owned) = (tell.clone(), tell.clone(), Owned(tell.clone()));
    let response = upgrade
        .on_failed_upgrade(move |error| {
            let _ = &owned;
            failed.send(Event::Failed(error)).unwrap();
        })
        .on_upgrade(async move |mut socket| {
            let received = socket.recv().await.is_ok_and(|message| message.is_some());
            let _ = served.send(Event::Served(received));
        });
    tell.send(Event::Accepted).unwrap();
    response
}

/// Accepts, and never returns the response.
async fn slow(upgrade: WebSocketUpgrade, State(tell): State<UnboundedSender<Event>>) -> Response {
    let _response = accept(upgrade, &tell);
    pending().await
}

async fn at_once(
    upgrade: WebSocketUpgrade,
    State(tell): State<UnboundedSender<Event>>,
) -> Response {
    accept(upgrade, &tell)
}

struct Server {
    address: SocketAddr,
    events: UnboundedReceiver<Event>,
    connections: Connections,
}

impl Server {
    async fn start(handshake_timeout: Duration) -> Self {
        let (tell, events) = unbounded_channel();
        let config = Config::default().handshake_timeout(handshake_timeout);
        let connections = Connections::new();
        let replaced =
            any(at_once).layer(map_response(async |_: Response| "a page".into_response()));
        let missing = any(at_once).layer(map_response(async |_: Response| StatusCode::NOT_FOUND));
        let app = Router::new()
            .route("/slow", any(slow))
            .route("/replaced", replaced)
            .route("/missing", missing)
            .layer(Extension(AcceptOptions::default().config(config)))
            .layer(Extension(connections.clone()))
            .with_state(tell);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { serve(listener, app).await });
        Self { address, events, connections }
    }

    fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// The error of the callback. After it nothing comes.
    async fn failure(mut self) -> AcceptError {
        let failed = self.events.recv().await;
        assert!(matches!(self.events.recv().await, Some(Event::Forgotten)), "{failed:?}");
        assert_eq!(self.connections.count(), 0, "the place is free");
        // Nothing is left that could say more.
        assert!(self.events.is_empty());
        match failed {
            Some(Event::Failed(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    /// Asks over HTTP/1, and leaves the connection to the test.
    async fn ask(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn until_accepted(&mut self) {
        assert!(matches!(self.events.recv().await, Some(Event::Accepted)));
    }
}

/// Reads until this text has arrived.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        let read = stream.read_buf(&mut answer).await.unwrap();
        assert_ne!(read, 0, "it ends early: {}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn a_client_that_goes_away_before_the_response_is_an_error_of_the_stream() {
    run(async {
        let mut server = Server::start(LONG).await;
        let stream = server.ask("/slow").await;
        server.until_accepted().await;
        drop(stream);
        assert!(matches!(server.failure().await, AcceptError::Io(_)));
    });
}

#[test]
fn a_stream_of_http2_that_is_reset_before_the_response_is_an_error_of_the_stream() {
    run(async {
        let mut server = Server::start(LONG).await;
        let stream = TcpStream::connect(server.address).await.unwrap();
        let client = Http2Client::over(stream).await.unwrap();
        let asking = tokio::spawn({
            let (client, url) = (client.clone(), server.url("/slow"));
            async move { client.connect(url).await.map(drop) }
        });
        server.until_accepted().await;
        // The future is dropped, and with it the stream. The connection goes on.
        asking.abort();
        assert!(matches!(server.failure().await, AcceptError::Io(_)));
        drop(client);
    });
}

#[test]
fn a_response_that_a_layer_replaces_is_missed_after_the_time_for_the_handshake() {
    run(async {
        let mut server = Server::start(Duration::from_millis(100)).await;
        let mut stream = server.ask("/replaced").await;
        server.until_accepted().await;
        let answer = read_until(&mut stream, "a page").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        let error = server.failure().await;
        assert!(matches!(error, AcceptError::Handshake(HandshakeError::TimedOut)), "{error}");
        // The connection is still hyper's: it answers on it.
        stream.write_all(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        assert!(read_until(&mut stream, "\r\n\r\n").await.starts_with("HTTP/1.1 404"));
    });
}

#[test]
fn over_http2_a_response_that_a_layer_replaces_is_missed_at_once() {
    run(async {
        let mut server = Server::start(LONG).await;
        let stream = TcpStream::connect(server.address).await.unwrap();
        let client = Http2Client::over(stream).await.unwrap();
        let refused = client.connect(server.url("/missing")).await.unwrap_err();
        assert!(matches!(&refused, ConnectError::Refused(it) if it.head().status() == 404));
        server.until_accepted().await;
        assert!(matches!(server.failure().await, AcceptError::Io(_)));
    });
}

#[test]
fn a_connection_that_ends_behind_a_replaced_response_never_receives() {
    run(async {
        let mut server = Server::start(LONG).await;
        let mut stream = server.ask("/replaced").await;
        read_until(&mut stream, "a page").await;
        server.until_accepted().await;
        drop(stream);
        // hyper gives the dead connection away.
        let next = server.events.recv().await;
        let later = server.events.recv().await;
        let told = [&next, &later].map(|event| matches!(event, Some(Event::Served(true))));
        assert_eq!(told, [false; 2], "{next:?} {later:?}");
    });
}

#[test]
fn a_shutdown_gives_up_what_waits_for_its_response() {
    run(async {
        let mut server = Server::start(LONG).await;
        let _stream = server.ask("/slow").await;
        server.until_accepted().await;
        let report = server.connections.shutdown(Duration::ZERO).await;
        assert_eq!((report.closed, report.cut), (0, 1));
        assert!(matches!(server.failure().await, AcceptError::GivenUp));
    });
}
