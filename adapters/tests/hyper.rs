//! Connections that hyper hands over: what it refuses, what it keeps, and how they end, over HTTP/1
//! and over HTTP/2.

#![cfg(feature = "hyper")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::hyper::body::{Bytes, Incoming};
use ::hyper::service::service_fn;
use ::hyper::{Request, Response};
use ::tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use ::tokio::net::{TcpListener, TcpStream};
use ::tokio::sync::mpsc;
use ::tokio::time::timeout;
use bluewire::hyper::{
    CONNECTION_WINDOW, ClientUpgrade, Connections, Http2Client, Rejection, STREAM_WINDOW,
    UpgradeRequest, WebSocket, connect_http1, upgrade,
};
use bluewire::{
    AcceptError, AcceptOptions, CloseCode, Config, ConnectError, ConnectOptions, Message,
    OriginPolicy,
};
use http_body_util::{Empty, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;

#[path = "common/watchdog.rs"]
mod watchdog;

const LONG: Duration = Duration::from_secs(120);

type Answer = Result<Response<Full<Bytes>>, ::hyper::Error>;

fn run(test: impl Future<Output = ()>) {
    let _bound = watchdog::bound();
    let runtime = ::tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { timeout(LONG, test).await.unwrap() });
}

async fn echo(mut socket: WebSocket) {
    while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
        if sender.send(message).await.is_err() {
            return;
        }
    }
}

/// Serves HTTP/1 and HTTP/2 at an address of the system's choice, each WebSocket by this function.
async fn serve<F>(
    options: AcceptOptions,
    connections: Option<Connections>,
    serve: impl Fn(WebSocket) -> F + Clone + Send + Sync + 'static,
) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let options = Arc::new(options);
    ::tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (options, connections, serve) =
                (Arc::clone(&options), connections.clone(), serve.clone());
            let service = service_fn(move |mut request: Request<Incoming>| {
                let answer = handle(&mut request, &options, connections.as_ref(), serve.clone());
                async move { answer }
            });
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder
                .http2()
                .enable_connect_protocol()
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(CONNECTION_WINDOW);
            ::tokio::spawn(async move {
                let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

fn handle<F>(
    request: &mut Request<Incoming>,
    options: &AcceptOptions,
    connections: Option<&Connections>,
    serve: impl Fn(WebSocket) -> F + Send + 'static,
) -> Answer
where
    F: Future<Output = ()> + Send + 'static,
{
    let accepted = UpgradeRequest::from_request(request).and_then(|request| match connections {
        Some(connections) => request.accept_among(options, connections),
        None => request.accept(options),
    });
    match accepted {
        Ok((response, upgrading)) => {
            ::tokio::spawn(upgrading.run(serve));
            Ok(response.map(|()| Full::default()))
        }
        Err(rejection) => Ok(rejection.response()),
    }
}

/// Writes a request, and reads until the answer's head and a body of known length have arrived.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&answer).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let len = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= len.map_or(0, |len| len.parse().unwrap()) {
                return text;
            }
        }
        let read = stream.read_buf(&mut answer).await.unwrap();
        assert_ne!(read, 0, "the answer ends early: {text}");
    }
}

const KEY: &str = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[test]
fn each_request_that_gets_no_websocket_learns_why() {
    run(async {
        let options = AcceptOptions::default().hosts(["example.com"]);
        let address = serve(options, None, echo).await;
        let upgrade = format!("Upgrade: websocket\r\nConnection: Upgrade\r\n{KEY}");
        let cases = [
            ("GET", String::new(), "426", "ask for it by the header Upgrade: websocket"),
            ("POST", upgrade.clone(), "405", "another method than GET"),
            ("GET", format!("Origin: https://evil.example\r\n{upgrade}"), "403", "foreign Origin"),
            ("GET", KEY.to_owned(), "426", "Upgrade"),
            ("GET", upgrade.replace("13", "12"), "426", "version"),
            ("GET", upgrade.replace("dGhl", ""), "400", "Sec-WebSocket-Key"),
        ];
        for (method, headers, status, words) in cases {
            let request = format!("{method} /chat HTTP/1.1\r\nHost: example.com\r\n{headers}\r\n");
            let answer = ask(address, &request).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}\n{answer}");
            assert!(answer.split_once("\r\n\r\n").unwrap().1.contains(words), "{words}\n{answer}");
            if status == "426" {
                assert!(answer.contains("upgrade: websocket\r\n"), "{answer}");
                assert!(answer.contains("sec-websocket-version: 13\r\n"), "{answer}");
            }
        }
        let request = format!("GET / HTTP/1.1\r\nHost: other.example\r\n{upgrade}\r\n");
        let answer = ask(address, &request).await;
        assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
        let request = format!("GET / HTTP/1.1\r\nHost: example.com\r\n{upgrade}\r\n");
        let answer = ask(address, &request).await;
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
        assert!(answer.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    });
}

#[test]
fn a_request_whose_connection_cannot_be_had_is_not_accepted() {
    let _bound = watchdog::bound();
    let mut request = Request::builder().uri("/").header("host", "example.com");
    for line in ["upgrade: websocket", "connection: Upgrade", "sec-websocket-version: 13"] {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let request = request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let mut request = request.body(()).unwrap();
    let rejection: Rejection = upgrade(&mut request, &AcceptOptions::default()).unwrap_err();
    assert_eq!(rejection.status(), 500);
    assert!(matches!(rejection.error(), AcceptError::NotUpgradable(_)), "{rejection}");
}

#[test]
fn the_options_settle_the_subprotocol_headers_and_origin() {
    run(async {
        let origins = OriginPolicy::Listed(vec!["https://pages.example".to_owned()]);
        let options = AcceptOptions::default()
            .protocol("chat")
            .header("Set-Cookie", "a=b")
            .origins(origins)
            .config(Config::default());
        let address = serve(options, None, echo).await;
        let options = ConnectOptions::new(format!("ws://{address}/x"))
            .protocol("other")
            .protocol("chat")
            .header("Origin", "https://pages.example");
        let mut socket = bluewire::tokio::connect(options).await.unwrap();
        assert_eq!(socket.protocol(), Some("chat"));
        let response = socket.response().unwrap();
        assert_eq!(response.headers().first_str("set-cookie"), Some("a=b"));
        socket.send("through hyper").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("through hyper".into()));
        assert!(socket.close(CloseCode::NORMAL, "").await.unwrap().clean);
    });
}

/// A masked text frame.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
    frame.extend(text.as_bytes());
    frame
}

#[test]
fn bytes_that_came_with_the_request_are_not_lost_and_the_socket_is_taken_out() {
    run(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let address = serve(AcceptOptions::default(), None, move |mut socket: WebSocket| {
            let tell = tell.clone();
            async move {
                let is_plain = socket.stream().socket().is_some();
                let path = socket.request().unwrap().path().unwrap().to_owned();
                let text = socket.recv_owned().await.unwrap();
                tell.send((is_plain, path, text)).unwrap();
            }
        })
        .await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let upgrade = format!("Upgrade: websocket\r\nConnection: Upgrade\r\n{KEY}");
        let mut bytes =
            format!("GET /a?b HTTP/1.1\r\nHost: {address}\r\n{upgrade}\r\n").into_bytes();
        bytes.extend(frame("early"));
        stream.write_all(&bytes).await.unwrap();
        let (is_plain, path, text) = told.recv().await.unwrap();
        assert!(is_plain);
        assert_eq!(path, "/a");
        assert_eq!(text, Some(Message::Text("early").into_owned()));
    });
}

#[test]
fn connections_are_limited_and_shut_down_in_order() {
    run(async {
        let connections = Connections::with_limit(2);
        let address = serve(AcceptOptions::default(), Some(connections.clone()), async |socket| {
            // The second one does not listen.
            match socket.request().unwrap().path() {
                Some("/deaf") => std::future::pending().await,
                _ => echo(socket).await,
            }
        })
        .await;
        let url = |path| format!("ws://{address}/{path}");
        let mut polite = bluewire::tokio::connect(url("polite")).await.unwrap();
        let mut deaf = bluewire::tokio::connect(url("deaf")).await.unwrap();
        let full = bluewire::tokio::connect(url("third")).await.unwrap_err();
        assert!(matches!(&full, ConnectError::Refused(it) if it.head().status() == 503), "{full}");
        assert_eq!(connections.count(), 2);

        let (begin, begun) = ::tokio::sync::oneshot::channel::<()>();
        let signal = async { drop(begun.await) };
        let on_signal = connections.shutdown_on(signal, Duration::from_millis(300));
        let serving = ::tokio::spawn(on_signal);
        begin.send(()).unwrap();
        serving.await.unwrap();
        assert_eq!(polite.recv().await.unwrap(), None);
        assert_eq!(polite.closure().unwrap().code, CloseCode::GOING_AWAY);
        assert!(deaf.recv().await.is_err());
        let report = connections.report().await;
        assert_eq!((report.closed, report.cut), (1, 1));
        let late = bluewire::tokio::connect(url("late")).await.unwrap_err();
        assert!(matches!(&late, ConnectError::Refused(it) if it.head().status() == 503), "{late}");
    });
}

#[test]
fn a_client_asks_over_a_connection_of_hyper() {
    run(async {
        let options = AcceptOptions::default().protocol("chat");
        let address = serve(options, None, echo).await;
        let stream = TcpStream::connect(address).await.unwrap();
        let handshake = ::hyper::client::conn::http1::handshake::<_, Empty<Bytes>>;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        ::tokio::spawn(connection.with_upgrades());
        let options = ConnectOptions::new(format!("ws://{address}/")).protocol("chat");
        let mut socket = connect_http1(&mut sender, options).await.unwrap();
        assert!(socket.stream().socket().is_some());
        assert_eq!(socket.protocol(), Some("chat"));
        socket.send("hello").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("hello".into()));
        assert!(socket.close(CloseCode::NORMAL, "").await.unwrap().clean);
        let invalid = ClientUpgrade::http1("http//").unwrap_err();
        assert!(matches!(invalid, ConnectError::Url(_)), "{invalid}");
    });
}

async fn http2(address: SocketAddr) -> Http2Client {
    Http2Client::over(TcpStream::connect(address).await.unwrap()).await.unwrap()
}

#[test]
fn several_sockets_share_one_http2_connection() {
    run(async {
        let options = AcceptOptions::default().protocol("chat");
        let address = serve(options, None, echo).await;
        let client = http2(address).await;
        let mut sockets = Vec::new();
        for number in 0..10 {
            let url = format!("ws://{address}/{number}?a=b");
            let options = ConnectOptions::new(url).protocol("chat");
            let socket = client.connect(options).await.unwrap();
            assert_eq!(socket.protocol(), Some("chat"));
            assert_eq!(socket.response().unwrap().status(), 200);
            sockets.push(socket);
        }
        let long = "x".repeat(300_000);
        for socket in &mut sockets {
            let (mut reader, writer) =
                std::mem::replace(socket, loop_back(&client, address).await).split();
            let (sent, received) = ::tokio::join!(writer.send(&*long), reader.recv_owned());
            sent.unwrap();
            assert_eq!(received.unwrap(), Some(Message::Text(&long).into_owned()));
            let (closed, ended) =
                ::tokio::join!(writer.close(CloseCode::NORMAL, "bye"), reader.recv());
            closed.unwrap();
            assert_eq!(ended.unwrap(), None);
            assert!(reader.closure().unwrap().clean);
        }
    });
}

async fn loop_back(client: &Http2Client, address: SocketAddr) -> WebSocket {
    client.connect(format!("ws://{address}/")).await.unwrap()
}

#[test]
fn a_paused_socket_does_not_stop_its_neighbours() {
    run(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let address = serve(AcceptOptions::default(), None, move |socket: WebSocket| {
            let tell = tell.clone();
            async move {
                match socket.request().unwrap().path() {
                    // It keeps its socket, and never looks at it.
                    Some("/paused") => tell.send(socket).unwrap(),
                    _ => echo(socket).await,
                }
            }
        })
        .await;
        let client = http2(address).await;
        let mut paused = Vec::new();
        for _ in 0..3 {
            let socket = client.connect(format!("ws://{address}/paused")).await.unwrap();
            let (reader, writer) = socket.split();
            let sending = ::tokio::spawn(async move {
                // Far more than the window of the stream: it does not return.
                writer.send(&vec![0; 4 << 20]).await
            });
            paused.push((reader, sending));
        }
        let mut lively = client.connect(format!("ws://{address}/lively")).await.unwrap();
        let message = vec![7; 64 << 10];
        for _ in 0..100 {
            lively.send(&message[..]).await.unwrap();
            assert_eq!(lively.recv().await.unwrap(), Some(Message::Binary(&message)));
        }
        assert!(paused.iter().all(|(_, sending)| !sending.is_finished()));
        // One that goes on gets all of it.
        let mut socket = told.recv().await.unwrap();
        let received = socket.recv().await.unwrap().map(|message| message.len());
        assert_eq!(received, Some(4 << 20));
        paused.iter().for_each(|(_, sending)| sending.abort());
    });
}

#[test]
fn a_lost_peer_is_noticed_over_http2() {
    run(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let address = serve(AcceptOptions::default(), None, move |mut socket: WebSocket| {
            let tell = tell.clone();
            async move {
                let ended = socket.recv().await.map(|message| message.is_none());
                tell.send((ended.is_err(), socket.closure().unwrap().clean)).unwrap();
            }
        })
        .await;
        let client = http2(address).await;
        drop(client.connect(format!("ws://{address}/")).await.unwrap());
        assert_eq!(told.recv().await, Some((true, false)));
        // The HTTP/2 connection and its other streams go on.
        let mut other = client.connect(format!("ws://{address}/")).await.unwrap();
        assert!(other.close(CloseCode::NORMAL, "").await.unwrap().clean);
        assert_eq!(told.recv().await, Some((false, true)));
    });
}

#[test]
fn over_http2_each_refusal_has_a_clear_status() {
    run(async {
        let address = serve(AcceptOptions::default(), None, echo).await;
        let stream = TcpStream::connect(address).await.unwrap();
        let handshake = ::hyper::client::conn::http2::handshake::<_, _, Empty<Bytes>>;
        let (sender, connection) =
            handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let mut plain = sender.clone();
        let client = Http2Client::drive(sender, connection);
        let request = Request::get(format!("http://{address}/")).body(Empty::new()).unwrap();
        let response = plain.send_request(request).await.unwrap();
        assert_eq!(response.status(), 400);
        let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
        assert!(body.starts_with(b"this is a WebSocket; ask for it by CONNECT"), "{body:?}");

        let foreign = ConnectOptions::new(format!("ws://{address}/"))
            .header("Origin", "https://evil.example");
        match client.connect(foreign).await.unwrap_err() {
            ConnectError::Refused(refusal) => {
                assert_eq!(refusal.head().status(), 403);
                assert!(refusal.body().starts_with(b"pages of this foreign Origin"));
                assert!(refusal.is_complete());
            }
            other => panic!("{other}"),
        }
    });
}

#[test]
fn a_server_without_extended_connect_is_a_typed_error() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        ::tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let service = service_fn(|_: Request<Incoming>| {
                std::future::ready(Ok::<_, ::hyper::Error>(Response::new(Empty::<Bytes>::new())))
            });
            let server = ::hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            server.serve_connection(TokioIo::new(stream), service).await
        });
        let client = http2(address).await;
        let mut config = Config::default();
        config.handshake_timeout = Duration::from_millis(200);
        let options = ConnectOptions::new(format!("ws://{address}/")).config(config);
        let error = client.connect(options).await.unwrap_err();
        assert!(matches!(error, ConnectError::ExtendedConnectUnavailable), "{error}");
    });
}
