//! The server under axum as an echo peer: over TCP, and through one HTTP/2 connection.

use std::error::Error;
use std::io;
use std::net::TcpStream;
use std::time::Duration;

use axum::response::Response;
use axum::routing::any;
use axum::{Extension, Router};
use bluewire::hyper::{CONNECTION_WINDOW, NoBody, STREAM_WINDOW};
use bluewire_axum::WebSocketUpgrade;
use bluewire_core::{Config, HttpAnswer, Inbox, Outbox, Request, ServerHandshake};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpListener;
use tokio::sync::{OnceCell, mpsc};

use super::Target;
use super::adapter::{DEFLATE, Ended, RUNTIME, tokio_stream};
use super::socket::{self, Testee};
use crate::case::{Case, Role};
use crate::cutting::Cutting;
use crate::fuzzer::Fuzzer;

/// The server under axum, in one of the ways to reach it.
#[derive(Clone, Copy, Debug)]
pub struct Axum {
    name: &'static str,
    testee: Testee,
}

impl Axum {
    /// Over TCP, and as streams of one HTTP/2 connection.
    pub const ALL: [Self; 2] = [
        Self { name: "axum server", testee: Testee::Server(over_tcp) },
        Self { name: "axum server through HTTP/2", testee: Testee::Server(over_http2) },
    ];
}

impl Target for Axum {
    fn name(&self) -> String {
        self.name.into()
    }

    fn role(&self) -> Role {
        Role::Server
    }

    /// The network cuts as it likes.
    fn cuttings(&self, _case: &Case) -> Vec<Cutting> {
        vec![Cutting::AsWritten]
    }

    fn run(&self, fuzzer: &mut Fuzzer<'_>, _cutting: Cutting) {
        socket::run(fuzzer, self.testee);
    }
}

/// Each connection holds a sender, if there is one, until it has ended.
type Held = Option<mpsc::Sender<()>>;

async fn echo(upgrade: WebSocketUpgrade, Extension(held): Extension<Held>) -> Response {
    upgrade.deflate(DEFLATE.clone()).on_upgrade(async move |mut socket| {
        while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
            if sender.send(message).await.is_err() {
                break;
            }
        }
        drop(held);
    })
}

async fn serve<S>(stream: S, held: Held) -> Ended
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let app = Router::new().fallback(any(echo)).layer(Extension(held));
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http2()
        .enable_connect_protocol()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    let service = TowerToHyperService::new(app);
    let served = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
    served.map_err(|error| error as Box<dyn Error>)
}

fn over_tcp(stream: TcpStream) -> Ended {
    RUNTIME.block_on(async {
        let (held, mut ended) = mpsc::channel(1);
        serve(tokio_stream(stream)?, Some(held)).await?;
        // It closes when the WebSocket has ended, after hyper has handed the connection over.
        ended.recv().await;
        Ok(())
    })
}

/// Carries a WebSocket over HTTP/1 as a stream of the HTTP/2 connection: only its opening handshake
/// becomes another one.
fn over_http2(stream: TcpStream) -> Ended {
    RUNTIME.block_on(async {
        let mut stream = tokio_stream(stream)?;
        let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
        let mut handshake = ServerHandshake::new(Config::default(), Duration::ZERO);
        let offer = loop {
            let mut space = [0; 4096];
            let len = stream.read(&mut space).await?;
            if len == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            inbox.extend(&space[..len]);
            match handshake.next_request(&mut inbox, &mut outbox)? {
                Some(Request::Upgrade(offer)) => break offer,
                Some(Request::Plain(head)) => {
                    HttpAnswer::new(426)?.lay(&head, &mut outbox);
                    return Ok(stream.write_all(outbox.unsent()).await?);
                }
                None => {}
            }
        };
        let mut request = http::Request::connect("http://localhost/").body(NoBody::default())?;
        request.extensions_mut().insert(Protocol::from_static("websocket"));
        let headers = request.headers_mut();
        headers.insert("sec-websocket-version", http::HeaderValue::from_static("13"));
        for value in offer.headers().all("Sec-WebSocket-Extensions") {
            headers.append("sec-websocket-extensions", http::HeaderValue::from_bytes(value)?);
        }
        let mut sender = CONNECTION.get_or_try_init(connect).await?.clone();
        let response = sender.send_request(request).await?;
        let mut head = Vec::new();
        offer.each_response_header(|name, value| {
            head.extend(format!("{name}: {value}\r\n").into_bytes());
        });
        for value in response.headers().get_all("sec-websocket-extensions") {
            head.extend(b"Sec-WebSocket-Extensions: ");
            head.extend(value.as_bytes());
            head.extend(b"\r\n");
        }
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n").await?;
        stream.write_all(&head).await?;
        stream.write_all(b"\r\n").await?;
        let mut carried = TokioIo::new(hyper::upgrade::on(response).await?);
        carried.write_all(inbox.unparsed()).await?;
        copy_bidirectional(&mut stream, &mut carried).await?;
        Ok(())
    })
}

/// The one HTTP/2 connection of all cases.
static CONNECTION: OnceCell<SendRequest<NoBody>> = OnceCell::const_new();

async fn connect() -> Result<SendRequest<NoBody>, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        serve(stream, None).await.map_err(|error| io::Error::other(error.to_string()))
    });
    let stream = tokio::net::TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .handshake(TokioIo::new(stream))
        .await?;
    tokio::spawn(connection);
    Ok(sender)
}
