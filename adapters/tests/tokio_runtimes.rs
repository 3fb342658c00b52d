//! The adapter on tokio in each kind of runtime, and in none.

#![cfg(feature = "tokio")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/watchdog.rs"]
mod watchdog;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use ::tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use ::tokio::runtime::{Builder, Runtime};
use ::tokio::task::{LocalSet, spawn_local, yield_now};
use bluewire::tokio::{self, Server, WebSocket, websocketfactory};
use bluewire::{CloseCode, Config, ConnectOptions, Message, ServerOptions};

/// The message for a program without a runtime.
const OUTSIDE: &str = "Bluewire's tokio adapter was used outside of a tokio runtime: enter one, or \
    take the adapter of your own runtime";

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

async fn echo(mut socket: WebSocket) {
    while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
        if sender.send(message).await.is_err() {
            break;
        }
    }
}

/// All that spawns a task: a server, the facade, and a program that splits.
async fn everything_works() {
    let server = Server::bind("localhost:0").await.unwrap();
    let (url, handle) = (format!("ws://{}/", server.local_addr()), server.handle());
    let serving = ::tokio::spawn(async move { server.serve(echo).await });

    let socket = websocketfactory::create(url.as_str()).unwrap();
    let (tell, mut told) = ::tokio::sync::mpsc::unbounded_channel();
    let sender = socket.clone();
    socket.on_open(move || sender.send("by callbacks"));
    socket.on_message(move |message| tell.send(message.into_owned()).unwrap());
    assert_eq!(told.recv().await, Some("by callbacks".into()));
    drop(socket);

    let (mut reader, writer) = tokio::connect(url).await.unwrap().split();
    let sending = ::tokio::spawn(async move {
        writer.send("by a writer").await.unwrap();
        writer
    });
    assert_eq!(reader.recv().await.unwrap(), Some(Message::Text("by a writer")));
    let writer = sending.await.unwrap();
    let (closed, end) = ::tokio::join!(writer.close(CloseCode::NORMAL, ""), reader.recv());
    closed.unwrap();
    assert_eq!(end.unwrap(), None);
    handle.shutdown(Duration::from_secs(30)).await;
    serving.await.unwrap();
}

#[test]
fn on_a_current_thread_runtime_everything_works() {
    let _bound = watchdog::bound();
    current_thread().block_on(everything_works());
}

#[test]
fn on_a_multi_thread_runtime_everything_works() {
    let _bound = watchdog::bound();
    multi_thread().block_on(everything_works());
}

#[test]
fn in_a_local_set_everything_works() {
    let _bound = watchdog::bound();
    for runtime in [current_thread(), multi_thread()] {
        LocalSet::new().block_on(&runtime, everything_works());
    }
}

/// A stream that no other thread may use.
struct Local(DuplexStream, #[expect(dead_code, reason = "it is what ties it")] Rc<()>);

impl AsyncRead for Local {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Local {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[test]
fn a_stream_that_stays_on_its_thread_works_in_a_local_set() {
    let _bound = watchdog::bound();
    LocalSet::new().block_on(&current_thread(), async {
        let (client, server) = duplex(1024);
        let shared = Rc::new(());
        let server = Local(server, Rc::clone(&shared));
        let serving = spawn_local(async move {
            let mut socket = tokio::accept(server).await.unwrap();
            while let Some((message, mut sender)) = socket.recv_with_sender().await.unwrap() {
                sender.send(message).await.unwrap();
            }
        });
        let client = Local(client, Rc::clone(&shared));
        let mut socket = tokio::connect_over(client, "ws://h/").await.unwrap();
        socket.send("Hello").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("Hello".into()));
        // Halves too, in one task.
        let (mut reader, writer) = socket.split();
        let (sent, received) = ::tokio::join!(writer.send("again"), reader.recv());
        sent.unwrap();
        assert_eq!(received.unwrap(), Some("again".into()));
        let (closed, end) = ::tokio::join!(writer.close(CloseCode::NORMAL, ""), reader.recv());
        closed.unwrap();
        assert_eq!(end.unwrap(), None);
        serving.await.unwrap();
    });
}

/// The message of the panic that this ends with.
fn panic_of(work: impl FnOnce() + Send + 'static) -> String {
    let error = thread::spawn(work).join().unwrap_err();
    match error.downcast::<String>() {
        Ok(text) => *text,
        Err(error) => {
            error.downcast::<&str>().map_or_else(|_| String::new(), |text| text.to_string())
        }
    }
}

/// A runtime of another kind drives the future.
fn on_smol<T>(future: impl Future<Output = T>) -> T {
    smol::block_on(future)
}

#[test]
fn in_another_runtime_it_says_what_is_missing() {
    let _bound = watchdog::bound();
    const URL: &str = "ws://127.0.0.1:1/";
    assert_eq!(panic_of(|| drop(websocketfactory::create(URL))), OUTSIDE);
    assert_eq!(panic_of(|| drop(on_smol(tokio::connect(URL)))), OUTSIDE);
    // By a name, which is looked up elsewhere, and by a path.
    assert_eq!(panic_of(|| drop(on_smol(tokio::connect("ws://localhost:1/")))), OUTSIDE);
    #[cfg(unix)]
    assert_eq!(panic_of(|| drop(on_smol(tokio::connect("ws+unix:///tmp/nobody:/")))), OUTSIDE);
    assert_eq!(panic_of(|| drop(on_smol(tokio::connect_over(duplex(9).0, URL)))), OUTSIDE);
    assert_eq!(panic_of(|| drop(on_smol(tokio::accept(duplex(9).0)))), OUTSIDE);
    let reconnecting = || {
        let mut connections = tokio::Reconnecting::new(URL).unwrap();
        drop(on_smol(connections.next_connection()));
    };
    assert_eq!(panic_of(reconnecting), OUTSIDE);
    // An open connection that needs a timer.
    let receiving = || {
        let (ours, _theirs) = duplex(9);
        let mut socket = WebSocket::adopt_server(ours, &[], Config::default());
        drop(on_smol(socket.recv()));
    };
    assert_eq!(panic_of(receiving), OUTSIDE);
    let facade = || {
        let socket = WebSocket::adopt_server(duplex(9).0, &[], Config::default());
        drop(socket.into_facade());
    };
    assert_eq!(panic_of(facade), OUTSIDE);
    // A server says so by an error.
    let bound = on_smol(Server::bind("127.0.0.1:0"));
    assert_eq!(bound.unwrap_err().to_string(), OUTSIDE);
    let by_name = on_smol(Server::bind("localhost:0"));
    assert_eq!(by_name.unwrap_err().to_string(), OUTSIDE);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let error = Server::from_listener(listener, ServerOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), OUTSIDE);
}

/// The adapter on smol has a reactor of its own, so that tokio may poll its futures.
#[cfg(feature = "smol")]
#[test]
fn the_adapter_on_smol_works_within_tokio() {
    let _bound = watchdog::bound();
    current_thread().block_on(async {
        let server = bluewire::smol::Server::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", server.local_addr());
        let serving = ::tokio::spawn(async move {
            let mut socket = server.accept().await.unwrap();
            while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
                sender.send(message).await.unwrap();
            }
        });
        let mut socket = bluewire::smol::connect(url).await.unwrap();
        socket.send("Hello").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("Hello".into()));
        socket.close(CloseCode::NORMAL, "").await.unwrap();
        serving.await.unwrap();
    });
}

/// A peer that has written its messages long before they are read, and never stops.
fn flood(url: String, stopped: Arc<AtomicUsize>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        current_thread().block_on(async move {
            let options = ConnectOptions::new(url);
            let (mut reader, writer) = tokio::connect(options).await.unwrap().split();
            let sending = async {
                let message = [b'x'; 16];
                while stopped.load(Ordering::Relaxed) == 0 {
                    for _ in 0..1000 {
                        if writer.feed(&message).await.is_err() {
                            return;
                        }
                    }
                    if writer.flush().await.is_err() {
                        return;
                    }
                }
            };
            let reading = async { while let Ok(Some(_)) = reader.recv().await {} };
            ::tokio::select! { () = sending => {} () = reading => {} }
        });
    })
}

/// How many messages a task has while another one, which asks for every turn, has none.
#[test]
fn a_flood_leaves_every_other_turn_to_others() {
    let _bound = watchdog::bound();
    current_thread().block_on(async {
        let server = Server::bind("127.0.0.1:0").await.unwrap();
        let stopped = Arc::<AtomicUsize>::default();
        let peer = flood(format!("ws://{}/", server.local_addr()), Arc::clone(&stopped));
        let echoed = Arc::<AtomicUsize>::default();
        let mut socket = server.accept().await.unwrap();
        let counted = Arc::clone(&echoed);
        let serving = ::tokio::spawn(async move {
            while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
                if sender.send(message).await.is_err() {
                    return;
                }
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        let began = Instant::now();
        let (mut seen, mut most) = (0, 0);
        while seen < 200_000 {
            assert!(began.elapsed() < Duration::from_secs(120), "only {seen} were echoed");
            yield_now().await;
            let now = echoed.load(Ordering::Relaxed);
            most = most.max(now - seen);
            seen = now;
        }
        // tokio's budget is 128 steps, and ours ends no later: whoever ends it waits for the others.
        assert!((2..=129).contains(&most), "{most} messages in one turn");
        stopped.store(1, Ordering::Relaxed);
        serving.abort();
        let _ = serving.await;
        peer.join().unwrap();
    });
}

/// The latest that a ticker of a millisecond is.
async fn lateness(time: Duration) -> Duration {
    let mut ticker = ::tokio::time::interval(Duration::from_millis(1));
    ticker.set_missed_tick_behavior(::tokio::time::MissedTickBehavior::Skip);
    let (began, mut latest) = (Instant::now(), Duration::ZERO);
    while began.elapsed() < time {
        let due = ticker.tick().await;
        latest = latest.max(::tokio::time::Instant::now() - due);
    }
    latest
}

/// By the clock: beside a ticker in a runtime of its own, since this machine may be busy. On one
/// that is idle, this holds it to 10 ms over 10 s, and says how late it was:
///
/// ```sh
/// BLUEWIRE_TICKER_SECONDS=10 BLUEWIRE_TICKER_STRICT=1 cargo test --release -p bluewire \
///     --features tokio --test tokio_runtimes a_flood_does_not_make_a_ticker_late -- --nocapture
/// ```
#[test]
fn a_flood_does_not_make_a_ticker_late() {
    let _bound = watchdog::bound();
    let seconds = std::env::var("BLUEWIRE_TICKER_SECONDS").ok();
    let time = Duration::from_secs(seconds.and_then(|text| text.parse().ok()).unwrap_or(2));
    current_thread().block_on(async {
        let server = Server::bind("127.0.0.1:0").await.unwrap();
        let handle = server.handle();
        let stopped = Arc::<AtomicUsize>::default();
        let peer = flood(format!("ws://{}/", server.local_addr()), Arc::clone(&stopped));
        let serving = ::tokio::spawn(async move { server.serve(echo).await });
        while handle.connections() == 0 {
            ::tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let control = thread::spawn(move || current_thread().block_on(lateness(time)));
        let latest = lateness(time).await;
        let control = control.join().unwrap();
        println!("late by {latest:?}, and without a flood by {control:?}");
        let bound = match seconds_are_strict() {
            true => Duration::from_millis(10),
            false => Duration::from_millis(100) + 4 * control,
        };
        assert!(latest <= bound, "late by {latest:?}, and without a flood by {control:?}");
        stopped.store(1, Ordering::Relaxed);
        handle.shutdown(Duration::ZERO).await;
        serving.await.unwrap();
        peer.join().unwrap();
    });
}

/// Whether the machine is known to be idle.
fn seconds_are_strict() -> bool {
    std::env::var_os("BLUEWIRE_TICKER_STRICT").is_some()
}
