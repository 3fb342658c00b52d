//! The events that `tracing` gets, on all adapters: which ones, in which order, and nothing
//! secret.
#![cfg(all(feature = "tracing", feature = "blocking", feature = "smol"))]

#[path = "common/watchdog.rs"]
mod watchdog;

mod common;
#[path = "common/runtimes.rs"]
mod runtimes;

use std::fmt::{Debug, Write as _};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use bluewire::facade::CloseOptions;
use bluewire::{
    AcceptOptions, CloseCode, ConnectOptions, Error, Proxy, Reconnect, ShutdownReport, blocking,
};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

use common::peer::Peer;
use common::side::{Side, listener};
use common::until;
use runtimes::{OnRuntime, within_each_runtime};

/// The text of a message, a header, a query and a reason here. No event may hold it.
const SECRET: &str = "s3cret";

/// The fields of each event in their order: `target`, `message` and its own.
static TOLD: Mutex<Vec<Vec<(String, String)>>> = Mutex::new(Vec::new());

struct Collector;

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("bluewire")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(vec![("target".to_owned(), event.metadata().target().to_owned())]);
        event.record(&mut fields);
        lock(&TOLD).push(fields.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Fields(Vec<(String, String)>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push((field.name().to_owned(), format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name().to_owned(), value.to_owned()));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// There is one subscriber for all threads, so that one test runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    static SET: LazyLock<()> = LazyLock::new(|| {
        tracing::subscriber::set_global_default(Collector).expect("there is no other");
    });
    let alone = lock(&ALONE);
    LazyLock::force(&SET);
    lock(&TOLD).clear();
    alone
}

/// The events of each client and connection, in the order of their ids, and at last those without
/// an id: the message of each event and those of its fields that are named. It waits until so many
/// have this message. None holds the secret.
fn told(last: &str, times: usize, fields: &[&str]) -> Vec<Vec<String>> {
    let is_last = |event: &Vec<(String, String)>| of(event, "message").as_deref() == Some(last);
    until(last, || lock(&TOLD).iter().filter(|event| is_last(event)).count() >= times);
    let told = lock(&TOLD).clone();
    assert!(!format!("{told:?}").contains(SECRET), "{told:?}");
    let mut ids = Vec::new();
    for event in &told {
        let id = of(event, "id");
        if id.is_some() && !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids.push(None);
    let line = |event: &Vec<(String, String)>| {
        let mut line = of(event, "message").expect("each has one");
        for name in fields {
            if let Some(value) = of(event, name) {
                write!(line, " {name}={value}").expect("it is text");
            }
        }
        line
    };
    let of_id = |id| told.iter().filter(|event| of(event, "id") == id).map(line).collect();
    ids.into_iter().map(of_id).collect()
}

fn of(event: &[(String, String)], name: &str) -> Option<String> {
    event.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone())
}

/// Options with secrets wherever there is a place for one.
fn options(listener: &TcpListener) -> ConnectOptions {
    let address = listener.local_addr().expect("it is bound");
    ConnectOptions::new(format!("ws://{address}/chat?token={SECRET}"))
        .header("Authorization", format!("Bearer {SECRET}"))
        .header("Cookie", SECRET)
        .protocol("v1")
}

fn echo(listener: &TcpListener) -> Result<(), Error> {
    let (stream, _) = listener.accept().expect("a client comes");
    let options = AcceptOptions::default().protocol("v1").header("Set-Cookie", SECRET);
    let mut socket = blocking::accept_with(stream, options)?;
    while let Some((message, mut sender)) = socket.recv_with_sender()? {
        sender.send(message)?;
    }
    Ok(())
}

async fn echo_on<R: OnRuntime>(listener: TcpListener) -> Result<(), Error> {
    // The client has been let in by the kernel, or is at once.
    let (stream, _) = listener.accept()?;
    let options = AcceptOptions::default().protocol("v1").header("Set-Cookie", SECRET);
    let mut socket = R::accept_over(R::stream(stream), options).await?;
    while let Some((message, mut sender)) = socket.recv_with_sender().await? {
        sender.send(message).await?;
    }
    Ok(())
}

/// A client's connection that the client closes, and the server's side of it.
fn assert_conversation() {
    let fields = ["host", "path", "role", "subprotocol", "code", "clean", "by", "sent"];
    let [client, server, rest] = &told("closed", 2, &fields)[..] else { panic!("two have ids") };
    assert_eq!(
        client[..],
        [
            "dialling host=127.0.0.1",
            "connected",
            "opened role=client subprotocol=v1",
            "closed code=1000 clean=true by=local sent=1000",
        ]
    );
    assert_eq!(
        server[..],
        [
            "asked path=/chat",
            "opened role=server subprotocol=v1",
            "closed code=1000 clean=true by=peer sent=1000",
        ]
    );
    assert!(rest.is_empty(), "{rest:?}");
}

#[test]
fn a_conversation_on_the_blocking_adapter() {
    let _bound = watchdog::bound();
    let _alone = alone();
    let listener = listener();
    let options = options(&listener);
    let server = thread::spawn(move || echo(&listener));
    let mut socket = blocking::connect(options).expect("it is accepted");
    socket.send(SECRET).expect("it is open");
    assert_eq!(socket.recv().expect("it is open"), Some(SECRET.into()));
    assert!(socket.close(CloseCode::NORMAL, SECRET).expect("it is open").clean);
    server.join().expect("it is well").expect("it is well");
    assert_conversation();
}

#[test]
fn a_conversation_on_each_runtime() {
    let _bound = watchdog::bound();
    within_each_runtime!(alone_on, a_conversation);
}

fn alone_on(_: &str, play: impl FnOnce()) {
    let _alone = alone();
    play();
}

fn a_conversation<R: OnRuntime>() {
    let listener = listener();
    let options = options(&listener);
    // On a thread of its own, since it waits for the client there.
    let server = thread::spawn(move || R::block_on(echo_on::<R>(listener)));
    R::block_on(async {
        let mut socket = R::connect_to(options).await?;
        socket.send(SECRET).await?;
        assert_eq!(socket.recv().await?, Some(SECRET.into()));
        assert!(socket.close(CloseCode::NORMAL, SECRET).await?.clean);
        Ok::<(), Error>(())
    })
    .expect("it is well");
    server.join().expect("it is well").expect("it is well");
    assert_conversation();
}

#[test]
fn a_conversation_on_the_halves_of_each_adapter() {
    let _bound = watchdog::bound();
    alone_on("blocking", || halves_converse(close_halves));
    #[cfg(feature = "tokio")]
    alone_on("tokio", || halves_converse(close_halves_on::<runtimes::Tokio>));
    alone_on("smol", || halves_converse(close_halves_on::<runtimes::Smol>));
}

/// One connection, and its events.
fn halves_converse(close: impl FnOnce(ConnectOptions)) {
    let listener = listener();
    let options = options(&listener);
    let server = thread::spawn(move || echo(&listener));
    close(options);
    server.join().expect("it is well").expect("it is well");
    for connection in told("closed", 2, &["code", "clean"]).iter().take(2) {
        let ends = |line: &str| line.starts_with("closed") || line.starts_with("dropped");
        let ends: Vec<_> = connection.iter().filter(|line| ends(line)).collect();
        assert_eq!(ends, ["closed code=1000 clean=true"]);
    }
}

fn close_halves(options: ConnectOptions) {
    let socket = blocking::connect(options).expect("it is accepted");
    let (mut reader, writer) = socket.split();
    writer.close(CloseCode::NORMAL, SECRET).expect("it is open");
    assert_eq!(reader.recv().expect("it ends in order"), None);
}

fn close_halves_on<R: OnRuntime>(options: ConnectOptions) {
    R::block_on(async {
        let (mut reader, writer) = R::connect_to(options).await?.split();
        writer.close(CloseCode::NORMAL, SECRET).await?;
        assert_eq!(reader.recv().await?, None);
        Ok::<(), Error>(())
    })
    .expect("it is well");
}

#[test]
fn the_facade_that_connects_again() {
    let _bound = watchdog::bound();
    for &side in Side::CLIENTS {
        let _alone = alone();
        let listener = listener();
        let reconnect = Reconnect::default().first_delay(Duration::from_millis(1)).retries_max(9);
        let socket = side.create(options(&listener).reconnect(reconnect)).expect("it is valid");
        let mut refused = Peer::accept_tcp(&listener);
        let refusal =
            format!("HTTP/1.1 503 No\r\nX-Why: {SECRET}\r\nContent-Length: 6\r\n\r\n{SECRET}");
        refused.write_all(refusal.as_bytes()).expect("it leaves");
        let mut peer = Peer::accept(&listener);
        socket.on_message(|_| {});
        peer.text(SECRET);
        peer.close(1012, SECRET);
        assert_eq!(peer.expect_close(), 1012);
        peer.end();
        let mut peer = Peer::accept(&listener);
        // 8.1: text that is not UTF-8.
        peer.send(1, b"\xffs3cret");
        assert_eq!(peer.expect_close_and_end(), 1007);
        let fields = ["phase", "status", "retry", "role", "section", "code", "by", "retries"];
        let [client, rest] = &told("over", 1, &fields)[..] else { panic!("one has an id") };
        assert_eq!(
            client[..],
            [
                "dialling",
                "connected",
                "failed phase=the opening handshake status=503",
                "waiting retry=1",
                "dialling",
                "connected",
                "opened role=client",
                "closed code=1012 by=peer",
                "waiting retry=2",
                "dialling",
                "connected",
                "opened role=client",
                "fault section=8.1",
                "closed code=1006 by=local",
                "over retries=2",
            ],
            "{side:?}"
        );
        assert!(rest.is_empty(), "{rest:?}");
        drop(socket);
    }
}

#[test]
fn the_facade_that_is_closed_while_it_connects() {
    let _bound = watchdog::bound();
    for &side in Side::CLIENTS {
        let _alone = alone();
        let listener = listener();
        let socket = side.create(options(&listener)).expect("it is valid");
        let _silent = Peer::accept_tcp(&listener);
        told("connected", 1, &[]);
        socket.close(CloseOptions::default());
        let told = told("failed", 1, &["phase", "error"]);
        let failed = "failed error=the attempt to connect was given up";
        assert_eq!(told[0], ["dialling", "connected", failed], "{side:?}");
    }
}

#[test]
fn an_address_that_refuses_and_a_connection_that_is_dropped() {
    let _bound = watchdog::bound();
    let _alone = alone();
    let gone = listener().local_addr().expect("it was bound");
    let listener = listener();
    let open = listener.local_addr().expect("it is bound");
    let server = thread::spawn(move || Peer::accept(&listener).expect_end());
    let options = ConnectOptions::new("ws://name.invalid/").addresses([gone, open]);
    drop(blocking::connect(options).expect("one of them listens"));
    server.join().expect("it is well");
    let told = told("dropped", 1, &["host"]);
    let all = ["dialling host=name.invalid", "address failed", "connected", "opened", "dropped"];
    assert_eq!(told[0], all);
}

#[test]
fn a_redirect_that_is_followed() {
    let _bound = watchdog::bound();
    for &side in Side::CLIENTS {
        let _alone = alone();
        let listener = listener();
        let options = options(&listener).redirects(1);
        let server = thread::spawn(move || {
            let mut redirecting = Peer::accept_tcp(&listener);
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") {
                redirecting.read_exact(&mut byte).expect("the head comes");
                head.push(byte[0]);
            }
            let answer = format!(
                "HTTP/1.1 302 No\r\nLocation: /{SECRET}?{SECRET}\r\nContent-Length: 0\r\n\r\n"
            );
            redirecting.write_all(answer.as_bytes()).expect("it leaves");
            Peer::accept(&listener).expect_close_and_end()
        });
        let socket = side.create(options).expect("the options are valid");
        let opened = socket.clone();
        socket.on_open(move || opened.close(CloseOptions::default()));
        assert_eq!(server.join().expect("it is well"), 1000);
        let told = told("closed", 1, &["status", "host", "code"]);
        let first = ["dialling host=127.0.0.1", "connected", "redirected status=302"];
        let second = ["dialling host=127.0.0.1", "connected", "opened", "closed code=1000"];
        assert_eq!(told[0], [&first[..], &second].concat(), "{side:?}");
    }
}

#[test]
fn a_way_through_a_proxy() {
    let _bound = watchdog::bound();
    for &side in Side::CLIENTS {
        let _alone = alone();
        let listener = listener();
        let port = listener.local_addr().expect("it is bound").port();
        let proxy = format!("http://user:{SECRET}@127.0.0.1:{port}").parse::<Proxy>();
        let options = ConnectOptions::new("ws://name.invalid/").proxy(proxy.expect("it is one"));
        let socket = side.create(options).expect("it is valid");
        let mut stream = Peer::accept_tcp(&listener);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("the request comes");
            head.extend(byte);
        }
        assert!(head.starts_with(b"CONNECT name.invalid:80 HTTP/1.1\r\n"));
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").expect("it leaves");
        let mut peer = Peer::answer(stream);
        peer.close(1000, "");
        peer.expect_close();
        peer.end();
        let told = told("closed", 1, &["proxy"]);
        let dialling = format!("dialling proxy=http://127.0.0.1:{port}");
        let all = [&*dialling, "connected", "tunnelled", "opened", "closed"];
        assert_eq!(told[0], all, "{side:?}");
        drop(socket);
    }
}

type ShutDown = Box<dyn FnOnce() -> ShutdownReport>;

#[test]
fn a_server_that_refuses_and_shuts_down() {
    let _bound = watchdog::bound();
    fn on<R: OnRuntime>() -> (SocketAddr, ShutDown) {
        let server = R::block_on(R::bind("127.0.0.1:0")).expect("there is a port");
        let (address, handle) = (server.local_addr(), server.handle());
        R::detach(async move {
            server.serve(async |mut socket| while let Ok(Some(_)) = socket.recv().await {}).await;
        });
        (address, Box::new(move || R::block_on(handle.shutdown(common::PATIENCE))))
    }
    fn of_blocking() -> (SocketAddr, ShutDown) {
        let server = blocking::Server::bind("127.0.0.1:0").expect("there is a port");
        let (address, handle) = (server.local_addr(), server.handle());
        thread::spawn(move || server.serve(|mut socket| while let Ok(Some(_)) = socket.recv() {}));
        (address, Box::new(move || handle.shutdown(common::PATIENCE)))
    }
    let servers: Vec<fn() -> (SocketAddr, ShutDown)> = vec![
        of_blocking,
        on::<runtimes::Smol>,
        #[cfg(feature = "tokio")]
        on::<runtimes::Tokio>,
    ];
    for start in servers {
        let _alone = alone();
        let (address, shut_down) = start();
        let mut plain = TcpStream::connect(address).expect("it listens");
        write!(plain, "GET /page?{SECRET} HTTP/1.1\r\nHost: {SECRET}\r\n\r\n").expect("it leaves");
        told("refused", 1, &[]);
        let client = Peer::connect(address);
        let leaving = thread::spawn(move || client.expect_close_and_end());
        until("it is open", || {
            lock(&TOLD).iter().any(|event| of(event, "message").as_deref() == Some("opened"))
        });
        let report: ShutdownReport = shut_down();
        assert_eq!((report.closed, report.cut), (1, 0));
        assert_eq!(leaving.join().expect("it is well"), 1001);
        let fields = ["path", "status", "role", "code", "by", "connections", "closed", "cut"];
        let [connection, rest] = &told("shut down", 1, &fields)[..] else {
            panic!("one has an id")
        };
        let closed = "closed code=1001 by=local";
        assert_eq!(connection[..], ["asked path=/chat", "opened role=server", closed]);
        let over = "shut down closed=1 cut=0";
        assert_eq!(rest[..], ["refused status=426", "shutting down connections=1", over]);
    }
}
