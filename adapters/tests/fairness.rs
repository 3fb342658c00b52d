//! Tasks that receive or send without end, with peers that are always ready, leave others their
//! turn.

#![cfg(any(feature = "smol", feature = "tokio"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/runtimes.rs"]
mod runtimes;
#[path = "common/watchdog.rs"]
mod watchdog;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bluewire::asynch::{AsyncTransport, WebSocket};
use bluewire::{CloseCode, Config, OwnedMessage, PreparedMessage};
use futures_sink::Sink;
use smol::LocalExecutor;
use smol::future::poll_fn;
use smol::stream::StreamExt as _;

use runtimes::{OnRuntime, Polled, on_each_runtime, streams};

on_each_runtime!(
    one_who_sends_without_end,
    one_who_receives_without_end,
    one_whose_peer_pings_without_end,
    halves_that_send_or_receive_without_end,
);

/// A message "x", and a ping, as a client masks them.
const MESSAGE: &[u8] = b"\x81\x81\0\0\0\0x";
const PING: &[u8] = b"\x89\x81\0\0\0\0?";

/// A peer that sends the same without end, and takes all that it is sent.
struct Endless {
    bytes: &'static [u8],
    position: usize,
    reads: u32,
}

streams!(Endless);

impl Polled for Endless {
    fn poll_get(&mut self, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.bytes.is_empty() {
            return Poll::Pending;
        }
        self.reads += 1;
        assert!(self.reads < CALLS_MAX, "others have no turn");
        for byte in &mut *buf {
            *byte = self.bytes[self.position];
            self.position = (self.position + 1) % self.bytes.len();
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_put(&mut self, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_end(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn socket<R: OnRuntime>(bytes: &'static [u8]) -> WebSocket<R, Endless>
where
    Endless: AsyncTransport<R>,
{
    WebSocket::adopt_server(Endless { bytes, position: 0, reads: 0 }, &[], Config::default())
}

/// More than any task may do in ten turns.
const CALLS_MAX: u32 = 10_000;

/// Polls a task that calls without end: each poll has to end.
fn shares(task: impl AsyncFn(&mut dyn FnMut())) {
    let executor = LocalExecutor::new();
    let busy = executor.spawn(async {
        let mut calls = 0;
        task(&mut || {
            calls += 1;
            assert!(calls < CALLS_MAX, "others have no turn");
        })
        .await;
    });
    for _ in 0..10 {
        assert!(executor.try_tick(), "it has not asked for its next turn");
        assert!(!busy.is_finished(), "it goes on without end");
    }
}

fn one_who_sends_without_end<R: OnRuntime>()
where
    Endless: AsyncTransport<R>,
{
    let prepared = &PreparedMessage::new("x");
    shares(async |tick| {
        let mut socket = socket::<R>(b"");
        loop {
            tick();
            socket.send("x").await.unwrap();
        }
    });
    shares(async |tick| {
        let mut socket = socket::<R>(b"");
        loop {
            tick();
            socket.send(&vec![0; 100_000]).await.unwrap();
        }
    });
    shares(async |tick| {
        let mut socket = socket::<R>(b"");
        loop {
            tick();
            socket.feed("x").await.unwrap();
        }
    });
    shares(async |tick| {
        let mut socket = socket::<R>(b"");
        loop {
            tick();
            socket.send_chunk("x", false).await.unwrap();
        }
    });
    shares(async |tick| {
        let mut socket = socket::<R>(b"");
        loop {
            tick();
            socket.send_prepared(prepared).await.unwrap();
            socket.ping(b"").await.unwrap();
        }
    });
    shares(async |tick| {
        let mut socket = socket::<R>(b"");
        loop {
            tick();
            poll_fn(|cx| Pin::new(&mut socket).poll_ready(cx)).await.unwrap();
            Pin::new(&mut socket).start_send(OwnedMessage::Text("x".to_owned())).unwrap();
        }
    });
    shares(async |tick| {
        let mut stream = socket::<R>(b"").into_byte_stream();
        loop {
            tick();
            R::write_all(&mut stream, b"x").await.unwrap();
        }
    });
}

fn one_who_receives_without_end<R: OnRuntime>()
where
    Endless: AsyncTransport<R>,
{
    shares(async |tick| {
        let mut socket = socket::<R>(MESSAGE);
        loop {
            tick();
            socket.recv().await.unwrap().unwrap();
        }
    });
    shares(async |tick| {
        let mut socket = socket::<R>(MESSAGE);
        loop {
            tick();
            let (message, mut sender) = socket.recv_with_sender().await.unwrap().unwrap();
            sender.send(message).await.unwrap();
        }
    });
    shares(async |tick| {
        let mut socket = socket::<R>(MESSAGE);
        loop {
            tick();
            socket.next().await.unwrap().unwrap();
        }
    });
}

/// A flood of pings is never a message: one call goes on without end.
fn one_whose_peer_pings_without_end<R: OnRuntime>()
where
    Endless: AsyncTransport<R>,
{
    shares(async |_| drop(socket::<R>(PING).recv().await));
    shares(async |_| drop(socket::<R>(PING).attend(Duration::from_secs(60)).await));
    shares(async |_| drop(socket::<R>(PING).close(CloseCode::NORMAL, "").await));
    shares(async |_| drop(socket::<R>(PING).split().0.recv().await));
}

fn halves_that_send_or_receive_without_end<R: OnRuntime>()
where
    Endless: AsyncTransport<R>,
{
    shares(async |tick| {
        let (_reader, writer) = socket::<R>(b"").split();
        loop {
            tick();
            writer.send("x").await.unwrap();
        }
    });
    shares(async |tick| {
        let (_reader, writer) = socket::<R>(b"").split();
        loop {
            tick();
            writer.feed("x").await.unwrap();
        }
    });
    shares(async |tick| {
        let (_reader, mut writer) = socket::<R>(b"").split();
        loop {
            tick();
            poll_fn(|cx| Pin::new(&mut writer).poll_ready(cx)).await.unwrap();
            Pin::new(&mut writer).start_send(OwnedMessage::Text("x".to_owned())).unwrap();
        }
    });
    shares(async |tick| {
        let (mut reader, _writer) = socket::<R>(MESSAGE).split();
        loop {
            tick();
            reader.recv().await.unwrap().unwrap();
        }
    });
}
