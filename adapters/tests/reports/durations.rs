//! `Duration::MAX` means never, for every duration, and zero means at once. Neither panics.

use std::net::Shutdown;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bluewire::{
    AcceptOptions, CloseCode, Config, ConnectOptions, Flow, Keepalive, ServerOptions, blocking,
};

use crate::peer::{CLOSE, Peer, TEXT, blocking_server, server_on};
use crate::runtimes::{OnRuntime, within_each_runtime};
use crate::within;

const MAX: Duration = Duration::MAX;

fn config() -> Config {
    Config::default()
        .keepalive(Keepalive::default().interval(MAX).timeout(MAX))
        .idle_timeout(MAX)
        .message_timeout(MAX)
        .close_timeout(MAX)
        .handshake_timeout(MAX)
}

fn flow() -> Flow {
    Flow::default().write_timeout(MAX)
}

fn server_options() -> ServerOptions {
    ServerOptions::default().accept(AcceptOptions::default().config(config()))
}

fn connect_options(url: &str) -> ConnectOptions {
    ConnectOptions::new(url).config(config()).connect_timeout(MAX)
}

#[test]
fn the_longest_duration_means_never_on_the_blocking_adapter() {
    let _bound = crate::watchdog::bound();
    within("blocking", || {
        let server = blocking::Server::bind_with("127.0.0.1:0", server_options()).unwrap();
        let url = format!("ws://{}/", server.local_addr());
        let handle = server.handle();
        let serving = thread::spawn(move || {
            server.serve(|mut socket| {
                socket.set_flow(flow());
                while let Ok(Some((message, mut sender))) = socket.recv_with_sender() {
                    let _ = sender.send(message);
                }
            })
        });
        let mut whole = blocking::connect(connect_options(&url)).unwrap();
        whole.set_flow(flow());
        whole.send("Hello").unwrap();
        assert_eq!(whole.recv_timeout(MAX).unwrap(), Some("Hello".into()));
        assert!(whole.close_within(MAX, CloseCode::NORMAL, "").unwrap().clean);

        let split = blocking::connect(connect_options(&url)).unwrap();
        let (mut reader, writer) = split.split();
        writer.send("Hello").unwrap();
        assert_eq!(reader.recv_timeout(MAX).unwrap(), Some("Hello".into()));
        let closing = thread::spawn(move || writer.close_within(MAX, CloseCode::NORMAL, ""));
        assert_eq!(reader.recv().unwrap(), None);
        assert!(closing.join().unwrap().unwrap().clean);

        let farewell = handle.shutdown(MAX);
        assert_eq!(farewell.cut, 0);
        serving.join().unwrap();
    });
}

#[test]
fn the_longest_duration_means_never_on_each_runtime() {
    let _bound = crate::watchdog::bound();
    within_each_runtime!(within, the_longest_duration_means_never);
}

fn the_longest_duration_means_never<R: OnRuntime>() {
    R::block_on(async {
        let server = R::bind_with(("127.0.0.1", 0), server_options()).await.unwrap();
        let url = format!("ws://{}/", server.local_addr());
        let handle = server.handle();
        let serving = R::start(async move {
            server
                .serve(async |mut socket| {
                    socket.set_flow(flow());
                    while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
                        let _ = sender.send(message).await;
                    }
                })
                .await
        });
        let mut whole = R::connect_to(connect_options(&url)).await.unwrap();
        whole.set_flow(flow());
        whole.send("Hello").await.unwrap();
        assert_eq!(whole.recv().await.unwrap(), Some("Hello".into()));
        assert!(whole.close_within(MAX, CloseCode::NORMAL, "").await.unwrap().clean);

        let split = R::connect_to(connect_options(&url)).await.unwrap();
        let (mut reader, writer) = split.split();
        writer.send("Hello").await.unwrap();
        assert_eq!(reader.recv().await.unwrap(), Some("Hello".into()));
        let closing = writer.close_within(MAX, CloseCode::NORMAL, "");
        let (closed, received) = smol::future::zip(closing, reader.recv()).await;
        assert_eq!(received.unwrap(), None);
        assert!(closed.unwrap().clean);

        let farewell = handle.shutdown(MAX).await;
        assert_eq!(farewell.cut, 0);
        serving.await;
    });
}

#[test]
fn the_longest_duration_means_never_on_the_callback_facade() {
    let _bound = crate::watchdog::bound();
    let server = blocking::Server::bind_with("127.0.0.1:0", server_options()).unwrap();
    let url = format!("ws://{}/", server.local_addr());
    let handle = server.handle();
    let serving = thread::spawn(move || {
        server.serve_facade(|socket| {
            // Without a callback for messages these would wait, and the end behind them.
            socket.on_message(|_| ());
        })
    });
    let create_each = [
        blocking::websocketfactory::create,
        crate::runtimes::Smol::create,
        #[cfg(feature = "tokio")]
        crate::runtimes::Tokio::create,
    ];
    for create in create_each {
        let url = url.clone();
        within("a facade", move || {
            let socket = create(connect_options(&url)).unwrap();
            let (tell, told) = mpsc::channel();
            socket.on_close(move |close| tell.send(close.was_clean).unwrap());
            let (tell, opened) = mpsc::channel();
            socket.on_open(move || tell.send(()).unwrap());
            opened.recv().unwrap();
            socket.close(1000);
            assert!(told.recv().unwrap(), "it is clean");
        });
    }
    within("the shutdown", move || {
        assert_eq!(handle.shutdown(MAX).cut, 0);
        serving.join().unwrap();
    });
}

#[cfg(feature = "_tls")]
#[test]
fn a_tls_handshake_may_take_without_limit() {
    let _bound = crate::watchdog::bound();
    crate::key_updates::converses_without_a_timeout();
}

/// Longer than it takes until a call waits.
const PAUSE: Duration = Duration::from_millis(200);

/// More than the kernel's buffers hold.
fn huge() -> Vec<u8> {
    vec![7; 8 * 1024 * 1024]
}

/// Begins to read, and answers, once everything waits.
fn is_late(mut peer: Peer) {
    thread::spawn(move || {
        thread::sleep(PAUSE);
        while peer.frame().is_some_and(|(opcode, _)| opcode != TEXT) {}
        thread::sleep(PAUSE);
        peer.send(TEXT, b"done");
        thread::sleep(PAUSE);
        ends(&mut peer);
        while peer.frame().is_some() {}
    });
}

#[test]
fn waits_without_a_timeout_end_with_what_they_wait_for() {
    let _bound = crate::watchdog::bound();
    let (mut socket, peer) = blocking_server(config());
    is_late(peer);
    within("blocking", move || {
        socket.set_flow(flow());
        socket.send(&huge()[..]).unwrap();
        socket.send("last").unwrap();
        assert_eq!(socket.recv_timeout(MAX).unwrap(), Some("done".into()));
        socket.attend(MAX).unwrap();
        assert_eq!(socket.recv().unwrap(), None);
    });

    within_each_runtime!(within, waits_end);
}

fn waits_end<R: OnRuntime>() {
    let (mut socket, peer) = server_on::<R>(config());
    is_late(peer);
    R::block_on(async {
        socket.set_flow(flow());
        socket.send(&huge()[..]).await.unwrap();
        socket.send("last").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("done".into()));
        socket.attend(MAX).await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), None);
    });
}

/// Closes, and ends the stream: with no time-out the end would be waited for.
fn ends(peer: &mut Peer) {
    peer.send(CLOSE, &1000_u16.to_be_bytes());
    peer.stream.shutdown(Shutdown::Write).unwrap();
}

#[test]
fn attending_without_limit_ends_with_the_connection() {
    let _bound = crate::watchdog::bound();
    let (mut socket, mut peer) = blocking_server(config());
    ends(&mut peer);
    within("blocking", move || {
        // Whether this is an error or not: it ends, and so it does not panic.
        let _ = socket.attend(MAX);
        assert_eq!(socket.recv().unwrap(), None);
    });

    within_each_runtime!(within, attending_ends);
}

fn attending_ends<R: OnRuntime>() {
    let (mut socket, mut peer) = server_on::<R>(config());
    ends(&mut peer);
    R::block_on(async {
        let _ = socket.attend(MAX).await;
        assert_eq!(socket.recv().await.unwrap(), None);
    });
}

#[test]
fn no_time_at_all_is_over_at_once() {
    let _bound = crate::watchdog::bound();
    let (mut socket, _peer) = blocking_server(hurried());
    within("blocking", move || {
        assert!(socket.attend(Duration::ZERO).is_ok());
        assert!(!socket.close(CloseCode::NORMAL, "").unwrap().clean);
    });

    within_each_runtime!(within, no_time_is_over);
}

fn hurried() -> Config {
    Config::default().close_timeout(Duration::ZERO)
}

fn no_time_is_over<R: OnRuntime>() {
    let (mut socket, _peer) = server_on::<R>(hurried());
    R::block_on(async {
        assert!(socket.attend(Duration::ZERO).await.is_ok());
        assert!(!socket.close(CloseCode::NORMAL, "").await.unwrap().clean);
    });
}
