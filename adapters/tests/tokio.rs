//! The special parts of the adapter on tokio: its clock, its runtime, its traits.

#![cfg(feature = "tokio")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use ::tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use ::tokio::runtime::{Builder, Handle, Runtime};
use ::tokio::time::Instant;
#[cfg(unix)]
use bluewire::ServerOptions;
use bluewire::tokio::{self, Server};
use bluewire::{CloseCode, Config, Keepalive};

#[path = "common/watchdog.rs"]
mod watchdog;

/// A runtime whose clock moves only when all tasks wait.
fn paused() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

fn threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Drives a future outside of the runtime.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park_timeout(Duration::from_secs(60)),
        }
    }
}

#[test]
fn the_facade_goes_by_the_clock_of_tokio() {
    let _bound = watchdog::bound();
    paused().block_on(async {
        let (ours, _theirs) = duplex(1024);
        let (interval, timeout) = (Duration::from_secs(7200), Duration::from_secs(600));
        let keepalive = Keepalive::default().interval(interval).timeout(timeout);
        let config = Config::default().keepalive(keepalive);
        let began = Instant::now();
        let socket = tokio::WebSocket::adopt_client(ours, &[], config).into_facade();
        let (closed, mut was_closed) = ::tokio::sync::mpsc::unbounded_channel();
        socket.on_message(|_| {});
        socket.on_close(move |event| closed.send(event.code).unwrap());
        assert_eq!(was_closed.recv().await, Some(1006));
        let took = began.elapsed();
        assert!(took >= interval + timeout && took < 2 * interval, "{took:?}");
    });
}

#[test]
fn a_server_runs_its_tasks_on_its_runtime_whoever_polls_it() {
    let _bound = watchdog::bound();
    let runtime = threads();
    let server = runtime.block_on(Server::bind("127.0.0.1:0")).unwrap();
    let (url, handle) = (format!("ws://{}/", server.local_addr()), server.handle());
    let home = runtime.handle().id();
    let serving = thread::spawn(move || {
        block_on(server.serve(move |mut socket| async move {
            assert_eq!(Handle::current().id(), home);
            while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
                sender.send(message).await.unwrap();
            }
        }))
    });
    runtime.block_on(async {
        let mut socket = tokio::connect(url).await.unwrap();
        socket.send("Hello").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("Hello".into()));
        let ending = ::tokio::spawn(async move { socket.recv().await.unwrap().is_none() });
        let report = handle.shutdown(Duration::from_secs(30)).await;
        assert_eq!((report.closed, report.cut), (1, 0));
        assert!(ending.await.unwrap());
    });
    assert_eq!(serving.join().unwrap().closed, 1);
}

/// A socket that cannot be listened at, but is always ready: accepting from it fails.
#[cfg(unix)]
#[test]
fn a_server_that_is_polled_outside_of_its_runtime_survives_errors_of_its_listener() {
    let _bound = watchdog::bound();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"!", socket.local_addr().unwrap()).unwrap();
    let listener = std::net::TcpListener::from(std::os::fd::OwnedFd::from(socket));
    let (failed, failures) = std::sync::mpsc::channel();
    let options = ServerOptions::default().on_listener_error(move |_| failed.send(()).unwrap());
    let runtime = threads();
    let server = runtime.block_on(async { Server::from_listener(listener, options).unwrap() });
    let handle = server.handle();
    let serving = thread::spawn(move || block_on(server.serve(async |_| {})));
    for _ in 0..3 {
        failures.recv_timeout(Duration::from_secs(30)).unwrap();
    }
    runtime.block_on(handle.shutdown(Duration::ZERO));
    serving.join().unwrap();
}

#[test]
fn a_handler_that_waits_when_the_budget_is_over_is_dropped() {
    let _bound = watchdog::bound();
    threads().block_on(async {
        let server = Arc::new(Server::bind("127.0.0.1:0").await.unwrap());
        let url = format!("ws://{}/", server.local_addr());
        let (begun, mut has_begun) = ::tokio::sync::mpsc::unbounded_channel();
        let serving = Arc::clone(&server);
        let serving = ::tokio::spawn(async move {
            serving
                .serve(move |socket| {
                    let begun = begun.clone();
                    async move {
                        begun.send(()).unwrap();
                        std::future::pending::<()>().await;
                        drop(socket);
                    }
                })
                .await
        });
        let mut socket = tokio::connect(url).await.unwrap();
        has_begun.recv().await.unwrap();
        let report = server.shutdown(Duration::from_millis(50)).await;
        assert_eq!((report.closed, report.cut), (0, 1));
        assert_eq!(serving.await.unwrap(), report);
        assert!(socket.recv().await.is_err(), "the handler's socket is gone");
    });
}

#[test]
fn bytes_go_through_the_traits_of_tokio() {
    let _bound = watchdog::bound();
    let runtime = threads();
    runtime.block_on(async {
        let listener = ::tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let echoing = ::tokio::spawn(async move {
            let socket = tokio::accept(listener.accept().await.unwrap().0).await.unwrap();
            let (mut read, mut write) = ::tokio::io::split(socket.into_byte_stream());
            let len = ::tokio::io::copy(&mut read, &mut write).await.unwrap();
            write.shutdown().await.unwrap();
            len
        });
        let mut bytes = tokio::connect(url).await.unwrap().into_byte_stream();
        let sent: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
        bytes.write_all(&sent).await.unwrap();
        bytes.flush().await.unwrap();
        let mut received = vec![0; sent.len()];
        bytes.read_exact(&mut received).await.unwrap();
        assert!(received == sent);
        let mut closing = bytes.into_inner();
        assert!(closing.close(CloseCode::NORMAL, "").await.unwrap().clean);
        assert_eq!(echoing.await.unwrap(), sent.len() as u64);
    });
}

/// The runtime has not looked at the sockets yet, and does not before the program waits.
#[test]
fn a_message_that_a_new_socket_tries_to_send_leaves_at_once() {
    let _bound = watchdog::bound();
    use std::io::Read as _;
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_nonblocking(true).unwrap();
        let stream = ::tokio::net::TcpStream::from_std(stream).unwrap();
        let socket = tokio::WebSocket::adopt_server(stream, &[], Config::default());
        socket.close_now(CloseCode::GOING_AWAY, "").unwrap();
        let mut peer = listener.accept().unwrap().0;
        peer.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut frame = Vec::new();
        peer.read_to_end(&mut frame).unwrap();
        assert_eq!(frame, b"\x88\x02\x03\xe9");
    });
}

#[test]
fn a_task_that_only_receives_lets_others_run() {
    let _bound = watchdog::bound();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (ours, mut theirs) = duplex(64 * 1024);
        let mut socket = tokio::WebSocket::adopt_client(ours, &[], Config::default());
        // The peer never stops.
        let flooding = ::tokio::spawn(async move {
            let frames = b"\x82\x01x".repeat(1000);
            while theirs.write_all(&frames).await.is_ok() {}
        });
        let receiving = ::tokio::spawn(async move { while socket.recv().await.is_ok() {} });
        for _ in 0..20 {
            ::tokio::time::sleep(Duration::from_millis(1)).await;
        }
        receiving.abort();
        flooding.await.unwrap();
    });
}
