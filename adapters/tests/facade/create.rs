//! `create`: what it refuses at once, and what comes of an attempt that fails or is given up.

use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use bluewire::facade::{ReadyState, WebSocket};
use bluewire::smol::websocketfactory::create_on;
use bluewire::{Config, ConnectError, ConnectOptions};

use crate::common::log::{Log, Told, closed, error, shape, text};
use crate::common::peer::Peer;
use crate::common::side::{Side, listener};
use crate::on_each_client;

fn assert_url_is_refused(side: Side, url: String) {
    let refused = side.create(url.clone());
    assert!(matches!(refused, Err(ConnectError::Url(_))), "{url}: {refused:?}");
}

fn assert_header_is_refused(side: Side, options: ConnectOptions) {
    let refused = side.create(options.clone());
    assert!(matches!(refused, Err(ConnectError::Header(_))), "{options:?}: {refused:?}");
}

/// The end of an attempt that failed.
fn failed() -> Vec<Told> {
    vec![error(), closed(1006, "", false)]
}

on_each_client! {
    fn an_invalid_argument_is_a_typed_error_and_nothing_is_started(side) {
        let listener = listener();
        let host = listener.local_addr().expect("it is bound");
        for url in [
            format!("{host}"),
            format!("ftp://{host}/"),
            format!("ws://{host}/#fragment"),
            format!("ws://{host}/%zz#"),
            "ws://".to_owned(),
            "ws://localhost:0/".to_owned(),
            "ws://local host/".to_owned(),
        ] {
            assert_url_is_refused(side, url);
        }
        let options = || ConnectOptions::new(format!("ws://{host}/refused"));
        for (name, value) in [
            ("", "value"),
            ("two words", "value"),
            ("X-Name", "one\r\nX-Other: two"),
            ("Referer", "https://example.com"),
            ("rEFERER", "https://example.com"),
            ("Host", "example.com"),
            ("Upgrade", "h2c"),
            ("Connection", "close"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-anything", "value"),
        ] {
            assert_header_is_refused(side, options().header(name, value));
        }
        for protocols in [&[""][..], &["two words"], &["a,b"], &["chat", "chat"]] {
            assert_header_is_refused(side, options().protocols(protocols.iter().copied()));
        }
        // The first connection to arrive is the first that was valid: none of those before was
        // started.
        let socket = side.create(format!("ws://{host}/valid")).expect("it is valid");
        let peer = Peer::accept(&listener);
        assert!(peer.head.starts_with("GET /valid HTTP/1.1\r\n"), "{}", peer.head);
        drop(socket);
    }

    fn create_returns_before_anything_is_connected(side) {
        let listener = listener();
        let url = format!("ws://{}/", listener.local_addr().expect("it is bound"));
        // The connection gets no answer.
        let socket = side.create(url).expect("it is valid");
        assert_eq!(socket.ready_state(), ReadyState::Connecting);
        assert_eq!((socket.protocol(), socket.buffered_amount()), (None, 0));
        assert!(socket.response().is_none());
    }

    fn a_failed_connect_is_error_then_close_1006(side) {
        let address = listener().local_addr().expect("it was bound");
        let socket = side.create(format!("ws://{address}/")).expect("it is valid");
        let log = Log::of(&socket);
        assert_eq!(shape(&log.at_end()), failed());
        assert_eq!(socket.ready_state(), ReadyState::Closed);
    }

    fn an_unknown_host_is_error_then_close_1006(side) {
        let socket = side.create("ws://host.invalid/").expect("it is valid");
        assert_eq!(shape(&Log::of(&socket).at_end()), failed());
    }

    fn a_refused_handshake_is_error_then_close_1006(side) {
        let (socket, log, stream) = connecting(side, Config::default());
        let refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
        std::io::Write::write_all(&mut &stream, refusal).expect("it leaves");
        let all = log.at_end();
        assert_eq!(shape(&all), failed());
        let Told::Error(data) = &all[0] else { panic!("{all:?}") };
        assert!(data.contains("403"), "{data}");
        drop(socket);
    }

    fn an_end_during_the_handshake_is_error_then_close_1006(side) {
        let (_socket, log, stream) = connecting(side, Config::default());
        stream.shutdown(Shutdown::Both).expect("it is connected");
        assert_eq!(shape(&log.at_end()), failed());
    }

    fn a_handshake_that_takes_too_long_is_error_then_close_1006(side) {
        let config =
            Config::default().handshake_timeout(Duration::from_millis(50));
        let (_socket, log, _stream) = connecting(side, config);
        assert_eq!(shape(&log.at_end()), failed());
    }

    fn close_while_connecting_abandons_the_attempt(side) {
        let (socket, log, stream) = connecting(side, Config::default());
        socket.close(log.close(1, 1000));
        assert_eq!(socket.ready_state(), ReadyState::Closed);
        let all = shape(&log.at_end());
        assert_eq!(all, [&[Told::Outcome(1, Some(200))][..], &failed()].concat());
        // The socket is not kept until a timeout.
        assert_gone(stream);
        // It is over: not a second close, and no open.
        socket.close(log.close(2, 1000));
        assert_eq!(log.outcome(2), Some(200));
        assert_eq!(log.wait_for_silence().len(), 4);
    }

    fn close_checks_its_arguments_while_connecting(side) {
        let (socket, log, stream) = connecting(side, Config::default());
        socket.close(log.close(1, 1005));
        assert_eq!(log.outcome(1), Some(202));
        assert_eq!(socket.ready_state(), ReadyState::Connecting);
        Peer::answer(stream);
        log.wait(&Told::Open);
    }

    fn dropping_the_last_handle_while_connecting_abandons_the_attempt(side) {
        let (socket, log, stream) = connecting(side, Config::default());
        drop(socket);
        assert_eq!(shape(&log.at_end()), failed());
        assert_gone(stream);
    }

    fn send_before_open_fails_with_200_and_queues_nothing(side) {
        let (socket, log, stream) = connecting(side, Config::default());
        socket.send(log.send(1, "too early"));
        assert_eq!(log.outcome(1), Some(200));
        assert_eq!(socket.buffered_amount(), 0);
        let mut peer = Peer::answer(stream);
        log.wait(&Told::Open);
        socket.send("in time");
        peer.expect_text("in time");
    }
}

/// An attempt that has reached its server, who has not answered.
#[test]
fn on_an_executor_of_ones_own_callbacks_run_where_that_runs() {
    let _bound = crate::watchdog::bound();
    let listener = listener();
    let url = format!("ws://{}/", listener.local_addr().expect("it is bound"));
    let peer = std::thread::spawn(move || {
        let mut peer = Peer::accept(&listener);
        peer.expect_text("hello");
        peer.text("hello back");
        peer.expect_close_and_end()
    });
    let executor = Arc::new(smol::Executor::new());
    let socket = create_on(&executor, url).expect("it is valid");
    let log = Log::default();
    let here = std::thread::current().id();
    let note = move |log: &Log, told| {
        assert_eq!(std::thread::current().id(), here);
        log.push(told);
    };
    let (opened, sender) = (log.clone(), socket.clone());
    socket.on_open(move || {
        note(&opened, Told::Open);
        sender.send("hello");
    });
    let (came, closer) = (log.clone(), socket.clone());
    socket.on_message(move |message| {
        note(&came, Told::Message(message.into_owned()));
        closer.close(1000);
    });
    let ended = log.clone();
    socket.on_close(move |close| {
        note(&ended, Told::Close(close.code, close.reason.clone(), close.was_clean));
    });
    run_until_empty(&executor);
    assert_eq!(log.now(), [Told::Open, text("hello back"), closed(1000, "", true)]);
    assert_eq!(peer.join().expect("it does not panic"), 1000);
    // Late callbacks and outcomes come on the same executor.
    socket.send(log.send(1, "too late"));
    assert!(!executor.is_empty());
    run_until_empty(&executor);
    assert_eq!(log.outcome(1), Some(200));
    // No executor is left to call them, and nothing panics.
    drop(executor);
    socket.send(log.send(2, "too late"));
    assert_eq!(log.now().len(), 4);
}

#[test]
fn an_executor_that_is_dropped_takes_its_connections_with_it() {
    let _bound = crate::watchdog::bound();
    let listener = listener();
    let url = format!("ws://{}/", listener.local_addr().expect("it is bound"));
    let executor = Arc::new(smol::Executor::new());
    let socket = create_on(&executor, url).expect("it is valid");
    let peer = std::thread::spawn(move || Peer::accept(&listener));
    smol::block_on(async {
        while socket.ready_state() == ReadyState::Connecting {
            executor.tick().await;
        }
    });
    drop(executor);
    peer.join().expect("it does not panic").expect_end();
}

fn run_until_empty(executor: &smol::Executor<'_>) {
    smol::block_on(async {
        while !executor.is_empty() {
            executor.tick().await;
        }
    });
}

fn connecting(side: Side, config: Config) -> (WebSocket, Log, std::net::TcpStream) {
    let listener = listener();
    let url = format!("ws://{}/", listener.local_addr().expect("it is bound"));
    let socket = side.create(ConnectOptions::new(url).config(config)).expect("it is valid");
    let log = Log::of(&socket);
    let stream = Peer::accept_tcp(&listener);
    (socket, log, stream)
}

/// The other end of the stream ends, well before any timeout would end it.
fn assert_gone(mut stream: std::net::TcpStream) {
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("it is not zero");
    let mut request = Vec::new();
    if let Err(error) = std::io::Read::read_to_end(&mut stream, &mut request) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
}

/// A runtime that this thread is not in: callbacks run where it runs.
#[cfg(feature = "tokio")]
#[test]
fn on_a_handle_of_tokio_callbacks_run_where_the_runtime_runs() {
    let _bound = crate::watchdog::bound();
    let listener = listener();
    let url = format!("ws://{}/", listener.local_addr().expect("it is bound"));
    let peer = std::thread::spawn(move || {
        let mut peer = Peer::accept(&listener);
        peer.expect_text("hello");
        peer.text("hello back");
        peer.expect_close_and_end()
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("there is a thread");
    let socket = bluewire::tokio::websocketfactory::create_on(runtime.handle(), url);
    let socket = socket.expect("it is valid");
    let log = Log::default();
    let here = std::thread::current().id();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let (opened, sender) = (log.clone(), socket.clone());
    socket.on_open(move || {
        assert_eq!(std::thread::current().id(), here);
        opened.push(Told::Open);
        sender.send("hello");
    });
    let (came, closer) = (log.clone(), socket.clone());
    socket.on_message(move |message| {
        assert_eq!(std::thread::current().id(), here);
        came.push(Told::Message(message.into_owned()));
        closer.close(1000);
    });
    let ended = log.clone();
    socket.on_close(move |close| {
        assert_eq!(std::thread::current().id(), here);
        ended.push(Told::Close(close.code, close.reason.clone(), close.was_clean));
        let _ = tell.send(());
    });
    assert_eq!(log.now(), [], "nothing runs before the runtime does");
    runtime.block_on(told.recv()).expect("`on_close` is called");
    assert_eq!(log.now(), [Told::Open, text("hello back"), closed(1000, "", true)]);
    assert_eq!(peer.join().expect("it does not panic"), 1000);
}

#[cfg(feature = "tokio")]
#[test]
fn a_runtime_of_tokio_that_is_dropped_takes_its_connections_with_it() {
    let _bound = crate::watchdog::bound();
    let listener = listener();
    let url = format!("ws://{}/", listener.local_addr().expect("it is bound"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("there is a thread");
    let socket = bluewire::tokio::websocketfactory::create_on(runtime.handle(), url);
    let socket = socket.expect("it is valid");
    let peer = std::thread::spawn(move || Peer::accept(&listener));
    runtime.block_on(async {
        while socket.ready_state() == ReadyState::Connecting {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    drop(runtime);
    peer.join().expect("it does not panic").expect_end();
    // No callback is left, and nothing panics.
    socket.send("too late");
}
