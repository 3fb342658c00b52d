//! Messages from and to `bytes::Bytes` on each adapter.

#![cfg(all(feature = "bytes", any(feature = "blocking", feature = "smol", feature = "tokio")))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/watchdog.rs"]
mod watchdog;

#[cfg(feature = "blocking")]
use bluewire::PreparedMessage;
use bluewire::{Message, OwnedMessage};
use bytes::Bytes;

#[cfg(feature = "blocking")]
#[test]
fn a_blocking_socket_sends_bytes_and_receives_them() {
    let _bound = watchdog::bound();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let echoing = std::thread::spawn(move || {
        let mut socket = bluewire::blocking::accept(listener.accept().unwrap().0).unwrap();
        for _ in 0..3 {
            let message = Bytes::from(socket.recv_owned().unwrap().unwrap());
            socket.send(&message).unwrap();
        }
    });
    let mut socket = bluewire::blocking::connect(url).unwrap();
    let bytes = Bytes::from_static(b"bytes");
    socket.send(&bytes).unwrap();
    assert_eq!(socket.recv().unwrap(), Some(Message::Binary(b"bytes")));
    // A part of a larger piece, and one that was laid out before.
    socket.feed(&bytes.slice(1..3)).unwrap();
    socket.send_prepared(&PreparedMessage::new(&bytes.slice(3..))).unwrap();
    assert_eq!(socket.recv().unwrap().map(Bytes::from), Some(Bytes::from_static(b"yt")));
    assert_eq!(socket.recv_owned().unwrap().map(Bytes::from), Some(Bytes::from_static(b"es")));
    echoing.join().unwrap();
}

#[cfg(any(feature = "smol", feature = "tokio"))]
#[path = "common/runtimes.rs"]
mod runtimes;

#[cfg(any(feature = "smol", feature = "tokio"))]
runtimes::on_each_runtime!(an_asynchronous_socket_sends_bytes_and_receives_them);

#[cfg(any(feature = "smol", feature = "tokio"))]
fn an_asynchronous_socket_sends_bytes_and_receives_them<R: runtimes::OnRuntime>() {
    use smol::stream::StreamExt as _;
    R::block_on(async {
        let server = R::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", server.local_addr());
        let echoing = R::start(async move {
            let mut socket = server.accept().await.unwrap();
            for _ in 0..2 {
                let message = Bytes::from(socket.recv_owned().await.unwrap().unwrap());
                socket.send(&message).await.unwrap();
            }
        });
        let (mut reader, mut writer) = R::connect_to(url).await.unwrap().split();
        writer.send(&Bytes::from_static(b"bytes")).await.unwrap();
        assert_eq!(reader.recv().await.unwrap(), Some(Message::Binary(b"bytes")));
        // As a sink and a stream.
        let message = OwnedMessage::from(Bytes::from(vec![7; 1000]));
        feed(&mut writer, message).await;
        writer.flush().await.unwrap();
        let received = Bytes::from(reader.next().await.unwrap().unwrap());
        assert_eq!(received, vec![7; 1000]);
        echoing.await;
    });
}

#[cfg(any(feature = "smol", feature = "tokio"))]
async fn feed(
    sink: &mut (impl futures_sink::Sink<OwnedMessage, Error = bluewire::Error> + Unpin),
    message: OwnedMessage,
) {
    use std::pin::Pin;
    std::future::poll_fn(|cx| Pin::new(&mut *sink).poll_ready(cx)).await.unwrap();
    Pin::new(sink).start_send(message).unwrap();
}
