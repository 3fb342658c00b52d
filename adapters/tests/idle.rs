//! The memory of a connection while no byte arrives and none leaves, counted by the allocator for
//! the thread that opens it.
#![cfg(any(feature = "smol", feature = "tokio"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/runtimes.rs"]
mod runtimes;
#[cfg(all(feature = "smol", feature = "_tls"))]
#[path = "common/tls.rs"]
mod tls;
#[path = "common/watchdog.rs"]
mod watchdog;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, LazyLock};
use std::thread::{self, JoinHandle};

use allocation_counter::{measure, opt_out};
use bluewire::Config;
use bluewire::asynch::{AsyncTransport, WebSocket};
use runtimes::{OnRuntime, on_each_runtime};
use smol::future::poll_once;

on_each_runtime!(an_idle_connection_holds_at_most_a_kibibyte);

/// As many are measured, after as many that make what is made once.
const COUNT: usize = 64;

/// The memory that a connection may hold beside its stream: its state and its timer.
const EACH_MAX: i64 = 1024;

/// Much more than a buffer of any kind would be small enough for.
const MESSAGE_LEN: u16 = 10_000;

/// As a server's, it serves all connections.
static CONFIG: LazyLock<Arc<Config>> = LazyLock::new(Arc::default);

/// A binary message of a client, masked by zeros.
fn message() -> Vec<u8> {
    let mut frame = vec![0x82, 0xfe];
    frame.extend(MESSAGE_LEN.to_be_bytes());
    frame.resize(frame.len() + 4 + usize::from(MESSAGE_LEN), 0);
    frame
}

/// Says a message, and hears its echo.
fn converse(mut stream: impl Read + Write) {
    stream.write_all(&message()).unwrap();
    let mut echo = vec![1; 4 + usize::from(MESSAGE_LEN)];
    stream.read_exact(&mut echo).unwrap();
    assert_eq!(echo[..2], [0x82, 126]);
}

/// Starts a client, who does not count.
fn begin<T: Send + 'static>(play: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let mut talking = None;
    opt_out(|| talking = Some(thread::spawn(play)));
    talking.unwrap()
}

fn end<T>(talking: JoinHandle<T>) -> T {
    let mut client = None;
    opt_out(|| client = Some(talking.join().unwrap()));
    client.unwrap()
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = listener.accept().unwrap().0;
    (client, server)
}

/// Echoes a message, and then waits for the next.
async fn echo_and_wait<R: OnRuntime, S: AsyncTransport<R>>(stream: S) -> WebSocket<R, S> {
    let mut socket = WebSocket::adopt_server(stream, &[], Arc::clone(&CONFIG));
    let (message, mut sender) = socket.recv_with_sender().await.unwrap().unwrap();
    sender.send(message).await.unwrap();
    assert!(poll_once(socket.recv()).await.is_none(), "nothing more comes");
    socket
}

/// How many bytes each of these holds, beside what is made once.
fn bytes_each<T>(mut open: impl FnMut() -> T) -> i64 {
    let mut all = Vec::with_capacity(2 * COUNT);
    all.extend((0..COUNT).map(|_| open()));
    let counted = measure(|| all.extend((0..COUNT).map(|_| open())));
    counted.bytes_current / i64::try_from(COUNT).unwrap()
}

fn an_idle_connection_holds_at_most_a_kibibyte<R: OnRuntime>() {
    let each = bytes_each(|| {
        let (client, server) = pair();
        let talking = begin(move || {
            converse(&client);
            client
        });
        let socket = R::block_on(echo_and_wait::<R, _>(R::stream(server)));
        (socket, end(talking))
    });
    println!("{each} bytes");
    assert!(each <= EACH_MAX, "{each} bytes");
}

/// Beside what rustls holds itself, which streams show that are used without a connection.
#[cfg(all(feature = "blocking", feature = "smol", feature = "_tls"))]
mod over_tls {
    use std::future::poll_fn;
    use std::io::IoSlice;
    use std::time::Duration;

    use bluewire::asynch::TlsStream;
    use bluewire::blocking;

    use super::*;
    use crate::tls::TLS;

    on_each_runtime!(an_idle_connection_over_tls_holds_no_buffers_beyond_those_of_rustls);

    /// A server's stream, and its client, who says a message and hears its echo.
    async fn accept<R: OnRuntime>()
    -> (TlsStream<R::Stream>, JoinHandle<blocking::TlsStream<TcpStream>>) {
        let (client, server) = pair();
        let talking = begin(move || {
            let patience = Duration::from_secs(60);
            let stream = blocking::TlsStream::connect(client, "127.0.0.1", &TLS.1, patience);
            let mut stream = stream.unwrap();
            converse(&mut stream);
            stream
        });
        (TlsStream::accept::<R>(R::stream(server), &TLS.0).await.unwrap(), talking)
    }

    /// The same by hand.
    async fn echo<R: OnRuntime, S: AsyncTransport<R>>(stream: &mut S) {
        let mut frame = message();
        let mut filled = 0;
        while filled < frame.len() {
            let len = poll_fn(|cx| stream.poll_read(cx, &mut frame[filled..])).await.unwrap();
            assert_ne!(len, 0, "the end");
            filled += len;
        }
        let [low, high] = MESSAGE_LEN.to_be_bytes();
        let head = [0x82, 126, low, high];
        let answer = [&head[..], &frame[8..]].concat();
        let mut written = 0;
        while written < answer.len() {
            let rest = [IoSlice::new(&answer[written..])];
            written += poll_fn(|cx| stream.poll_write(cx, &rest)).await.unwrap();
        }
        poll_fn(|cx| stream.poll_flush(cx)).await.unwrap();
        assert!(poll_once(poll_fn(|cx| stream.poll_read(cx, &mut [0; 100]))).await.is_none());
    }

    fn an_idle_connection_over_tls_holds_no_buffers_beyond_those_of_rustls<R: OnRuntime>()
    where
        TlsStream<R::Stream>: AsyncTransport<R>,
    {
        let of_rustls = bytes_each(|| {
            R::block_on(async {
                let (mut stream, talking) = accept::<R>().await;
                echo::<R, _>(&mut stream).await;
                // As in a connection, it is on the heap.
                (Box::new(stream), end(talking))
            })
        });
        let of_all = bytes_each(|| {
            R::block_on(async {
                let (stream, talking) = accept::<R>().await;
                (echo_and_wait::<R, _>(stream).await, end(talking))
            })
        });
        let each = of_all - of_rustls;
        println!("{each} bytes beside the {of_rustls} of a stream");
        assert!(each <= EACH_MAX, "{each} bytes beside the {of_rustls} of a stream");
    }
}
