//! The opening handshake ends in time, whatever the stream does: one that takes no bytes, and one
//! that never stops giving some.

#![cfg(all(feature = "smol", feature = "tokio"))]

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bluewire::{AcceptError, AcceptOptions, Config, ConnectError, ConnectOptions, smol, tokio};

#[path = "common/watchdog.rs"]
mod watchdog;

const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const PLAIN: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/// A stream that gives some bytes, and then nothing, or the same byte forever.
struct Stream {
    input: &'static [u8],
    floods: bool,
    takes: bool,
}

impl Stream {
    fn read(&mut self, buf: &mut [u8]) -> Poll<usize> {
        if self.input.is_empty() {
            buf.fill(b'x');
            return if self.floods { Poll::Ready(buf.len()) } else { Poll::Pending };
        }
        let len = self.input.len().min(buf.len());
        let (now, later) = self.input.split_at(len);
        buf[..len].copy_from_slice(now);
        self.input = later;
        Poll::Ready(len)
    }

    fn write(&self, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.takes { Poll::Ready(Ok(buf.len())) } else { Poll::Pending }
    }
}

impl ::smol::io::AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.read(buf).map(Ok)
    }
}

impl ::smol::io::AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl ::tokio::io::AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ::tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.read(buf.initialize_unfilled()).map(|len| {
            buf.advance(len);
            Ok(())
        })
    }
}

impl ::tokio::io::AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Runs it on each runtime, on a single thread, where it must not take long.
fn on_each<A: Future, B: Future<Output = A::Output>>(
    smol: impl Fn() -> A,
    tokio: impl Fn() -> B,
    check: impl Fn(A::Output),
) {
    let began = Instant::now();
    check(::smol::block_on(smol()));
    assert!(began.elapsed() < Duration::from_secs(5), "smol");
    let began = Instant::now();
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build();
    check(runtime.expect("there is a thread").block_on(tokio()));
    assert!(began.elapsed() < Duration::from_secs(5), "tokio");
}

fn config() -> Config {
    Config::default().handshake_timeout(Duration::from_millis(300))
}

fn accept_options() -> AcceptOptions {
    AcceptOptions::default().config(config())
}

#[test]
fn a_server_gives_up_a_client_that_takes_no_response() {
    let _bound = watchdog::bound();
    let stream = || Stream { input: UPGRADE, floods: false, takes: false };
    on_each(
        async || smol::accept_with(stream(), accept_options()).await.map(drop),
        async || tokio::accept_with(stream(), accept_options()).await.map(drop),
        |accepted| match accepted {
            Err(AcceptError::Io(error)) => assert_eq!(error.kind(), io::ErrorKind::TimedOut),
            other => panic!("{other:?}"),
        },
    );
}

#[test]
fn a_server_gives_up_a_client_that_does_not_ask() {
    let _bound = watchdog::bound();
    let stream = || Stream { input: b"GET / HT", floods: false, takes: true };
    on_each(
        async || smol::accept_with(stream(), accept_options()).await.map(drop),
        async || tokio::accept_with(stream(), accept_options()).await.map(drop),
        |accepted| assert!(matches!(accepted, Err(AcceptError::Handshake(_))), "{accepted:?}"),
    );
}

#[test]
fn a_client_that_was_refused_keeps_the_server_for_a_second_at_most() {
    let _bound = watchdog::bound();
    for (floods, takes) in [(true, true), (true, false), (false, true), (false, false)] {
        let stream = || Stream { input: PLAIN, floods, takes };
        on_each(
            async || smol::accept(stream()).await.map(drop),
            async || tokio::accept(stream()).await.map(drop),
            |accepted| {
                assert!(matches!(accepted, Err(AcceptError::NotWebSocket(_))), "{accepted:?}");
            },
        );
    }
}

#[test]
fn a_client_gives_up_a_server_that_takes_no_request_or_does_not_answer() {
    let _bound = watchdog::bound();
    for takes in [true, false] {
        let stream = || Stream { input: b"HTTP/1.1 1", floods: false, takes };
        let options = || ConnectOptions::new("ws://h/").config(config());
        on_each(
            async || smol::connect_over(stream(), options()).await.map(drop),
            async || tokio::connect_over(stream(), options()).await.map(drop),
            |connected| match connected {
                Err(ConnectError::TimedOut { timeout, .. }) => {
                    assert_eq!(timeout, Duration::from_millis(300));
                }
                other => panic!("{other:?}"),
            },
        );
    }
}

#[test]
fn the_whole_time_bounds_an_opening_over_a_given_stream() {
    let _bound = watchdog::bound();
    for takes in [true, false] {
        let stream = || Stream { input: b"", floods: false, takes };
        let all = Duration::from_millis(200);
        let options = || ConnectOptions::new("ws://h/").timeout(all);
        on_each(
            async || smol::connect_over(stream(), options()).await.map(drop),
            async || tokio::connect_over(stream(), options()).await.map(drop),
            |connected| match connected {
                Err(ConnectError::TimedOut { timeout, whole, .. }) => {
                    assert_eq!((timeout, whole), (all, true));
                }
                other => panic!("{other:?}"),
            },
        );
    }
}
