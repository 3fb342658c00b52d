//! Every deadline of the adapter on tokio goes by tokio's clock: in a test that has paused it, an
//! hour passes by `tokio::time::advance`, and nothing else makes a deadline come.

#![cfg(feature = "tokio")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/watchdog.rs"]
mod watchdog;

use std::future::Future;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use bluewire::reconnect::Jitter;
use bluewire::tokio::{Reconnecting, WebSocket, accept_with, connect_over};
use bluewire::{
    AcceptError, AcceptOptions, CloseCode, Config, ConnectError, ConnectOptions, Error, Fault,
    Flow, Keepalive, Message, Reconnect, Timeout,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, advance};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// Lets the other tasks do all that they can do now.
async fn others_run() {
    for _ in 0..100 {
        yield_now().await;
    }
}

/// Runs a task that ends when so much time is over, and neither before nor after.
async fn ends_after<T: Send + 'static>(
    time: Duration,
    task: impl Future<Output = T> + Send + 'static,
) -> T {
    let task: JoinHandle<T> = tokio::spawn(task);
    others_run().await;
    let mut left = time - MINUTE;
    while left > Duration::ZERO {
        // A deadline that follows another one counts from when that was seen.
        let step = left.min(HOUR);
        advance(step).await;
        others_run().await;
        left -= step;
    }
    assert!(!task.is_finished(), "it is a minute early");
    advance(MINUTE).await;
    for _ in 0..60 {
        // A step after a deadline, such as a last answer, may have a deadline of its own.
        others_run().await;
        if task.is_finished() {
            break;
        }
        advance(Duration::from_secs(1)).await;
    }
    assert!(task.is_finished(), "it is a minute late");
    task.await.unwrap()
}

fn pair(config: Config) -> (WebSocket<DuplexStream>, DuplexStream) {
    let (ours, theirs) = duplex(1024);
    (WebSocket::adopt_server(ours, &[], config), theirs)
}

/// Without anything that would end a connection.
fn config() -> Config {
    Config::default().keepalive(None).idle_timeout(None).message_timeout(None)
}

#[tokio::test(start_paused = true)]
async fn a_client_waits_for_an_opening_handshake_by_this_clock() {
    let _bound = watchdog::bound();
    let (ours, _theirs) = duplex(1024);
    let config = Config::default().handshake_timeout(HOUR);
    let options = ConnectOptions::new("ws://h/").config(config).timeout(Duration::MAX);
    let opened = ends_after(HOUR, async { connect_over(ours, options).await.map(drop) });
    let error = opened.await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut { timeout, .. } if timeout == HOUR), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_server_waits_for_an_opening_handshake_by_this_clock() {
    let _bound = watchdog::bound();
    let (ours, mut theirs) = duplex(1024);
    theirs.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let options = AcceptOptions::default().config(Config::default().handshake_timeout(HOUR));
    let accepted = ends_after(HOUR, async { accept_with(ours, options).await.map(drop) });
    let error = accepted.await.unwrap_err();
    assert!(matches!(error, AcceptError::Handshake(_) | AcceptError::Io(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn keepalive_and_a_missing_pong_go_by_this_clock() {
    let _bound = watchdog::bound();
    let keepalive = Keepalive::default().interval(HOUR).timeout(2 * HOUR);
    let (mut socket, mut theirs) = pair(config().keepalive(keepalive));
    let reading = tokio::spawn(async move {
        let mut ping = [0; 2];
        theirs.read_exact(&mut ping).await.unwrap();
        (Instant::now(), ping, theirs)
    });
    let began = Instant::now();
    let received = ends_after(3 * HOUR, async move { socket.recv().await.map(drop) }).await;
    assert!(matches!(&received, Err(Error::Fault(Fault::Timeout(Timeout::Pong)))), "{received:?}");
    let (pinged, ping, _theirs) = reading.await.unwrap();
    assert_eq!(ping[0], 0x89);
    assert!(pinged - began >= HOUR);
}

#[tokio::test(start_paused = true)]
async fn silence_and_messages_without_end_are_over_by_this_clock() {
    let _bound = watchdog::bound();
    let (mut socket, _theirs) = pair(config().idle_timeout(HOUR));
    let received = ends_after(HOUR, async move { socket.recv().await.map(drop) }).await;
    assert!(matches!(&received, Err(Error::Fault(Fault::Timeout(Timeout::Idle)))), "{received:?}");

    let (mut socket, mut theirs) = pair(config().message_timeout(HOUR));
    theirs.write_all(b"\x01\x81\0\0\0\0x").await.unwrap();
    let received = ends_after(HOUR, async move { socket.recv().await.map(drop) }).await;
    let timeout = Fault::Timeout(Timeout::Message);
    assert!(matches!(&received, Err(Error::Fault(fault)) if *fault == timeout), "{received:?}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_left_by_this_clock() {
    let _bound = watchdog::bound();
    let (mut socket, _theirs) = pair(config());
    socket.set_flow(Flow::default().write_timeout(HOUR));
    let sent = ends_after(HOUR, async move { socket.send(&vec![0; 100_000]).await }).await;
    let is_late = |error: &std::io::Error| error.kind() == ErrorKind::TimedOut;
    assert!(matches!(&sent, Err(Error::Io(error)) if is_late(error)), "{sent:?}");

    // The same for a writer, whose reader waits meanwhile.
    let (mut socket, _theirs) = pair(config());
    socket.set_flow(Flow::default().write_timeout(HOUR));
    let (mut reader, writer) = socket.split();
    let reading = tokio::spawn(async move { reader.recv().await.map(drop) });
    let sent = ends_after(HOUR, async move { writer.send(&vec![0; 100_000]).await }).await;
    assert!(matches!(&sent, Err(Error::Io(error)) if is_late(error)), "{sent:?}");
    reading.abort();
}

#[tokio::test(start_paused = true)]
async fn closing_and_attending_go_by_this_clock() {
    let _bound = watchdog::bound();
    let code = CloseCode::NORMAL;
    let (mut socket, _theirs) = pair(config().close_timeout(HOUR));
    let closure = ends_after(HOUR, async move { socket.close(code, "").await.unwrap() }).await;
    assert!(!closure.clean);

    let (mut socket, _theirs) = pair(config().close_timeout(10 * HOUR));
    let closing = async move { socket.close_within(HOUR, code, "").await.unwrap() };
    assert!(!ends_after(HOUR, closing).await.clean);

    let (socket, _theirs) = pair(config().close_timeout(10 * HOUR));
    let (_reader, writer) = socket.split();
    let closing = async move { writer.close_within(HOUR, code, "").await.unwrap() };
    assert!(!ends_after(HOUR, closing).await.clean);

    let (mut socket, _theirs) = pair(config());
    let socket = ends_after(HOUR, async move { socket.attend(HOUR).await.map(|()| socket) }).await;
    let mut socket = socket.unwrap();
    assert!(socket.closure().is_none());
    socket.send(Message::Text("still open")).await.unwrap();
}

/// A port without a listener. The system says so at once; only the delays take time.
#[tokio::test(start_paused = true)]
async fn delays_between_attempts_go_by_this_clock() {
    let _bound = watchdog::bound();
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let reconnect =
        Reconnect::default().first_delay(HOUR).factor(2.0).delay_max(2 * HOUR).retries_max(3);
    let options =
        ConnectOptions::new(format!("ws://{address}/")).reconnect(reconnect.jitter(Jitter::None));
    let mut connections = Reconnecting::new(options).unwrap();
    let began = Instant::now();
    assert!(connections.next_connection().await.is_err());
    let took = began.elapsed();
    assert!(took >= 5 * HOUR && took < 6 * HOUR, "{took:?}");
}
