//! Asynchronous sockets and halves as `Stream` and `Sink`.

#![cfg(any(feature = "smol", feature = "tokio"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/runtimes.rs"]
mod runtimes;
#[path = "common/watchdog.rs"]
mod watchdog;

use std::future::poll_fn;
use std::net::{TcpListener, TcpStream};
use std::pin::Pin;

use bluewire::asynch::WebSocket;
use bluewire::{CloseCode, Config, Error, Flow, OwnedMessage};
use futures_sink::Sink;
use smol::future;
use smol::stream::StreamExt as _;

use runtimes::{OnRuntime, on_each_runtime};

on_each_runtime!(
    a_socket_is_a_stream_and_a_sink,
    the_halves_are_a_stream_and_a_sink,
    an_error_comes_once_and_is_followed_by_the_end,
);

fn pair<R: OnRuntime>() -> [WebSocket<R, R::Stream>; 2] {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = listener.accept().unwrap().0;
    [
        WebSocket::adopt_client(R::stream(client), &[], Config::default()),
        WebSocket::adopt_server(R::stream(server), &[], Config::default()),
    ]
}

fn message(number: u32) -> OwnedMessage {
    OwnedMessage::Text(number.to_string().repeat(100))
}

async fn feed_all<S: Sink<OwnedMessage, Error = Error> + Unpin>(sink: &mut S) {
    for number in 0..5000 {
        poll_fn(|cx| Pin::new(&mut *sink).poll_ready(cx)).await.unwrap();
        Pin::new(&mut *sink).start_send(message(number)).unwrap();
    }
    poll_fn(|cx| Pin::new(&mut *sink).poll_flush(cx)).await.unwrap();
    poll_fn(|cx| Pin::new(&mut *sink).poll_close(cx)).await.unwrap();
}

async fn collect<S>(stream: &mut S)
where
    S: smol::stream::Stream<Item = Result<OwnedMessage, Error>> + Unpin,
{
    for number in 0..5000 {
        assert_eq!(stream.next().await.unwrap().unwrap(), message(number));
    }
    assert!(stream.next().await.is_none());
    assert!(stream.next().await.is_none());
}

fn a_socket_is_a_stream_and_a_sink<R: OnRuntime>() {
    for sender in [0, 1] {
        let mut ends = pair::<R>();
        ends.rotate_left(sender);
        let [mut from, mut to] = ends;
        from.set_flow(Flow::default().queue_len_max(10_000));
        R::block_on(future::zip(feed_all(&mut from), async move {
            collect(&mut to).await;
            assert!(to.closure().unwrap().clean);
        }));
        let closure = from.closure().unwrap();
        assert!(closure.clean);
        assert_eq!(closure.code, CloseCode::NORMAL);
    }
}

fn the_halves_are_a_stream_and_a_sink<R: OnRuntime>() {
    for sender in [0, 1] {
        let mut ends = pair::<R>();
        ends.rotate_left(sender);
        let [mut from, to] = ends;
        from.set_flow(Flow::default().queue_len_max(10_000));
        let (mut from_reader, mut from) = from.split();
        let (mut to, _to_writer) = to.split();
        let reading = async move {
            assert!(from_reader.next().await.is_none());
            assert!(from_reader.closure().unwrap().clean);
        };
        let collecting = async move {
            collect(&mut to).await;
            assert!(to.closure().unwrap().clean);
        };
        R::block_on(future::zip(feed_all(&mut from), future::zip(reading, collecting)));
    }
}

fn an_error_comes_once_and_is_followed_by_the_end<R: OnRuntime>() {
    let [mut client, server] = pair::<R>();
    drop(server);
    R::block_on(async {
        assert!(client.next().await.unwrap().is_err());
        assert!(client.next().await.is_none());
    });
}
