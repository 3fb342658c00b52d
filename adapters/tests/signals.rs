//! Signals: those that stop a server, and those that interrupt whatever waits.
#![cfg(all(feature = "blocking", feature = "smol", target_os = "linux"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "common/watchdog.rs"]
mod watchdog;

#[allow(dead_code, reason = "the tests of faults use all of it")]
#[path = "common/child.rs"]
mod child;
#[allow(dead_code, reason = "the tests of the servers use all of it")]
#[path = "server/fixture.rs"]
mod fixture;
#[path = "common/runtimes.rs"]
mod runtimes;

use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use bluewire::facade::WebSocket;
use bluewire::{CloseCode, ConnectError, ConnectOptions, OwnedMessage, ServerOptions, blocking};
use child::{ADAPTERS, EchoServer};
use fixture::{ALL, Running, Style, TIMEOUT, speak};
#[cfg(feature = "tokio")]
use runtimes::Tokio;
use runtimes::{OnRuntime, Smol};
use signal_hook::consts::SIGUSR1;

#[test]
fn a_server_that_gets_a_signal_closes_all_connections() {
    let _bound = watchdog::bound();
    for &adapter in ADAPTERS {
        for signal in ["TERM", "INT"] {
            let server = EchoServer::start(adapter, 100);
            let mut sockets: Vec<_> =
                (0..5).map(|_| blocking::connect(server.url()).unwrap()).collect();
            sockets.iter_mut().for_each(speak);
            server.signal(signal);
            for socket in &mut sockets {
                assert_eq!(socket.recv().unwrap(), None);
                let closure = socket.closure().unwrap();
                assert!(closure.clean, "{closure:?}");
                assert_eq!(closure.code, CloseCode::GOING_AWAY);
            }
            assert_eq!(server.end(), ("stopped: 5 closed, 0 cut\n".to_owned(), true));
        }
    }
}

/// Sends signals to a process until it is dropped, by a shell, since it takes `unsafe` to do so here.
struct Storm(Child);

impl Storm {
    fn begin(script: &str, process: u32) -> Self {
        let script = format!("while :; do {script}; sleep 0.002; done");
        Self(Command::new("sh").args(["-c", &script, &process.to_string()]).spawn().unwrap())
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Text of many lengths, each different from the one before.
fn message(number: usize) -> String {
    "abcdefghijklmnopqrstuvwxyz".chars().cycle().skip(number % 26).take(number * 97).collect()
}

const MESSAGES: usize = 300;

fn converse_blocking(url: &str) {
    let mut socket = blocking::connect(url).unwrap();
    for number in 0..MESSAGES {
        socket.send(&*message(number)).unwrap();
        let echo = socket.recv().unwrap().unwrap();
        assert!(echo.as_text() == Some(&message(number)), "message {number}");
    }
    assert!(socket.close(CloseCode::NORMAL, "").unwrap().clean);
}

async fn converse_on<R: OnRuntime>(url: &str) {
    let mut socket = R::connect_to(url).await.unwrap();
    for number in 0..MESSAGES {
        socket.send(&*message(number)).await.unwrap();
        let echo = socket.recv().await.unwrap().unwrap();
        assert!(echo.as_text() == Some(&message(number)), "message {number}");
    }
    assert!(socket.close(CloseCode::NORMAL, "").await.unwrap().clean);
}

type Create = fn(ConnectOptions) -> Result<WebSocket, ConnectError>;

fn converse_by_callbacks(url: &str, create: Create) {
    let socket = create(url.into()).unwrap();
    let (tell, echoes) = mpsc::channel();
    let on_open = tell.clone();
    socket.on_open(move || on_open.send(OwnedMessage::Text(String::new())).unwrap());
    socket.on_message(move |echo| tell.send(echo.into_owned()).unwrap());
    let (tell, end) = mpsc::channel();
    socket.on_close(move |close| tell.send(close.clone()).unwrap());
    echoes.recv_timeout(TIMEOUT).unwrap();
    for number in 0..MESSAGES {
        socket.send(message(number));
        let echo = echoes.recv_timeout(TIMEOUT).unwrap();
        assert!(echo == OwnedMessage::Text(message(number)), "message {number}");
    }
    socket.close(1000);
    assert!(end.recv_timeout(TIMEOUT).unwrap().was_clean);
}

/// One client of each kind, at once.
fn converse(url: &str) {
    thread::scope(|scope| {
        scope.spawn(|| converse_blocking(url));
        scope.spawn(|| converse_by_callbacks(url, blocking::websocketfactory::create));
        scope.spawn(|| Smol::block_on(converse_on::<Smol>(url)));
        scope.spawn(|| converse_by_callbacks(url, Smol::create));
        #[cfg(feature = "tokio")]
        scope.spawn(|| Tokio::block_on(converse_on::<Tokio>(url)));
        #[cfg(feature = "tokio")]
        scope.spawn(|| converse_by_callbacks(url, Tokio::create));
    });
}

/// A process that is stopped and continued finds its waits interrupted, without any handler.
#[test]
fn a_server_that_is_stopped_and_continued_loses_nothing() {
    let _bound = watchdog::bound();
    for &adapter in ADAPTERS {
        let server = EchoServer::start(adapter, 100);
        let storm = Storm::begin("kill -STOP $0; kill -CONT $0", server.id());
        converse(&server.url());
        drop(storm);
        server.signal("CONT");
        server.signal("TERM");
        // A client may have seen the end of its connection before the server's task is over.
        let (said, succeeded) = server.end();
        assert!(succeeded && said.ends_with(" closed, 0 cut\n"), "{said:?}");
    }
}

/// Each thread of this process is interrupted hundreds of times a second: clients and servers.
#[test]
fn signals_with_a_handler_lose_nothing() {
    let _bound = watchdog::bound();
    let handled = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGUSR1, Arc::clone(&handled)).unwrap();
    let each = "for task in /proc/$0/task/*; do kill -USR1 ${task##*/} 2> /dev/null; done";
    let _storm = Storm::begin(each, std::process::id());
    for &adapter in ALL {
        for style in [Style::Serve, Style::Facade] {
            handled.store(false, Ordering::Relaxed);
            let server = Running::start(adapter, style, ServerOptions::default());
            converse(&server.url());
            server.shutdown(TIMEOUT);
            assert!(handled.load(Ordering::Relaxed), "there were signals");
        }
    }
}
