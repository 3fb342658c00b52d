//! TLS over a stream in memory that follows a script, and over sockets on each runtime.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Wake;

use super::*;
use crate::tls::samples::TLS;

/// Where the streams in memory are at home.
struct Memory;

/// One direction between two streams.
#[derive(Default)]
struct Way {
    bytes: VecDeque<u8>,
    /// So many bytes it can hold.
    room: usize,
    ended: bool,
    broken: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    writes: usize,
}

struct Stream {
    from: Arc<Mutex<Way>>,
    to: Arc<Mutex<Way>>,
    /// So many bytes a read returns at most.
    read_max: usize,
}

impl Stream {
    fn from(&self) -> MutexGuard<'_, Way> {
        self.from.lock().expect("nobody has panicked")
    }

    fn to(&self) -> MutexGuard<'_, Way> {
        self.to.lock().expect("nobody has panicked")
    }
}

impl AsyncTransport<Memory> for Stream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut way = self.from.lock().expect("nobody has panicked");
        if way.bytes.is_empty() && !way.ended {
            way.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let len = buf.len().min(way.bytes.len()).min(self.read_max);
        way.bytes.drain(..len).zip(buf).for_each(|(byte, place)| *place = byte);
        way.writer.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(len))
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut way = self.to();
        if way.broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = way.room - way.bytes.len();
        if room == 0 {
            way.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let before = way.bytes.len();
        way.bytes.extend(slices.iter().flat_map(|slice| slice.iter()).take(room));
        way.writes += 1;
        way.reader.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(way.bytes.len() - before))
    }

    fn is_vectored(&self) -> bool {
        true
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shut_down(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shut_down_now();
        Poll::Ready(Ok(()))
    }

    fn shut_down_now(&mut self) {
        let mut way = self.to();
        way.ended = true;
        way.reader.take().into_iter().for_each(Waker::wake);
    }
}

/// Counts how often it was woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn streams(room: usize, read_max: usize) -> (Stream, Stream) {
    let way = || Arc::new(Mutex::new(Way { room, ..Way::default() }));
    let (up, down) = (way(), way());
    let client = Stream { from: Arc::clone(&down), to: Arc::clone(&up), read_max };
    (client, Stream { from: up, to: down, read_max })
}

/// A client and a server, after so many steps at most.
fn opened(room: usize, read_max: usize) -> (TlsStream<Stream>, TlsStream<Stream>) {
    let (client, server) = streams(room, read_max);
    let client = TlsStream::client(client, "localhost", &TLS.1);
    let server = TlsStream::server(server, &TLS.0).expect("the settings are good");
    let (mut client, mut server) = (client.expect("the settings are good"), server);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..10_000 {
        let polls = (client.poll_handshake(&mut cx), server.poll_handshake(&mut cx));
        if let (Poll::Ready(client_side), Poll::Ready(server_side)) = polls {
            client_side.expect("the server is trusted");
            server_side.expect("the client is good");
            return (client, server);
        }
    }
    panic!("the handshake does not end");
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|index| u8::try_from(index % 251).expect("it is small")).collect()
}

#[test]
fn everything_passes_through_streams_of_any_width() {
    for (room, read_max, buf_len) in
        [(1, 1, 1), (7, 3, 5), (1000, 1000, 5000), (70_000, 70_000, 70_000)]
    {
        let (mut client, mut server) = opened(room, read_max);
        let mut cx = Context::from_waker(Waker::noop());
        let (message, mut written, mut read) = (bytes(20_000), 0, Vec::new());
        let (mut closed, mut ended) = (false, false);
        let mut buf = vec![0; buf_len];
        for _ in 0..200_000 {
            if written < message.len() {
                let (head, tail) = message[written..].split_at((message.len() - written) / 2);
                let slices = [IoSlice::new(head), IoSlice::new(tail)];
                if let Poll::Ready(len) = client.poll_write(&mut cx, &slices) {
                    written += len.expect("the peer reads");
                    assert_eq!(written == message.len(), !client.session.has_unsent());
                }
            } else if !closed {
                closed = client.poll_shut_down(&mut cx).map(|shut| shut.is_ok()).is_ready();
            }
            match server.poll_read(&mut cx, &mut buf) {
                Poll::Ready(Ok(0)) => {
                    ended = true;
                    break;
                }
                Poll::Ready(len) => read.extend_from_slice(&buf[..len.expect("it is whole")]),
                Poll::Pending => {}
            }
        }
        assert!(ended && closed && read == message, "{room}, {read_max}, {buf_len}");
    }
}

#[test]
fn a_message_and_its_header_are_one_write() {
    let (mut client, _server) = opened(70_000, 70_000);
    let mut cx = Context::from_waker(Waker::noop());
    let before = client.stream.to().writes;
    let (header, payload) = (bytes(10), bytes(16_000));
    let written = client.poll_write(&mut cx, &[IoSlice::new(&header), IoSlice::new(&payload)]);
    assert!(matches!(written, Poll::Ready(Ok(16_010))));
    assert_eq!(client.stream.to().writes, before + 1);
}

#[test]
fn a_reader_does_not_take_the_place_of_a_writer_that_waits() {
    let (mut client, mut server) = opened(5000, 5000);
    let (reader, writer) = (Arc::new(Count::default()), Arc::new(Count::default()));
    let (reading, writing) = (Waker::from(Arc::clone(&reader)), Waker::from(Arc::clone(&writer)));
    let (mut reading, mut writing) = (Context::from_waker(&reading), Context::from_waker(&writing));
    let message = bytes(10_000);
    let slices = [IoSlice::new(&message)];
    assert!(matches!(client.poll_write(&mut writing, &slices), Poll::Ready(Ok(9999))));
    let rest = [IoSlice::new(&message[9999..])];
    assert!(client.poll_write(&mut writing, &rest).is_pending());
    let mut buf = [0; 5000];
    // The tickets of the server come, and nothing else.
    assert!(client.poll_read(&mut reading, &mut buf).is_pending());
    let before = writer.0.load(Ordering::SeqCst);
    assert!(server.poll_read(&mut reading, &mut buf).is_pending());
    assert_eq!(writer.0.load(Ordering::SeqCst), before + 1);
}

#[test]
fn an_alert_leaves_with_a_read_even_if_it_cannot_at_once() {
    let (mut client, mut server) = opened(5000, 5000);
    let mut cx = Context::from_waker(Waker::noop());
    let mut buf = [0; 100];
    let full = server.stream.to().bytes.len();
    server.stream.to().room = full;
    // This is no record.
    client.stream.to().bytes.extend(b"\x17\x03\x03\0\x20bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
    let Poll::Ready(Err(failure)) = server.poll_read(&mut cx, &mut buf) else {
        panic!("it is no record")
    };
    assert!(matches!(TlsError::from(failure), TlsError::Protocol(_)));
    server.stream.to().room = 5000;
    let again = server.poll_read(&mut cx, &mut buf);
    assert!(matches!(again, Poll::Ready(Err(_))), "{again:?}");
    let Poll::Ready(Err(failure)) = client.poll_read(&mut cx, &mut buf) else {
        panic!("no alert has come")
    };
    assert!(matches!(TlsError::from(failure), TlsError::Alert(_)));
}

#[test]
fn the_peers_alert_explains_why_a_write_failed() {
    let failed = |said: &[u8]| {
        let (stream, _) = streams(1000, 1000);
        stream.to().broken = true;
        stream.from().bytes.extend(said);
        let client = TlsStream::client(stream, "localhost", &TLS.1);
        let mut client = client.expect("the settings are good");
        match client.poll_handshake(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Err(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    // A fatal alert: handshake_failure.
    let error = failed(b"\x15\x03\x03\0\x02\x02\x28");
    assert!(matches!(error, TlsError::Alert(_)), "{error:?}");
    assert!(matches!(failed(b"HTTP/1.1 400 No\r\n"), TlsError::PlainHttp));
    assert!(
        matches!(failed(b""), TlsError::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
    );
}

#[test]
fn a_stream_that_is_given_up_ends_with_a_close_notify() {
    let (mut client, mut server) = opened(5000, 5000);
    let mut cx = Context::from_waker(Waker::noop());
    client.shut_down_now();
    let end = server.poll_read(&mut cx, &mut [0; 10]);
    assert!(matches!(end, Poll::Ready(Ok(0))), "{end:?}");
    // And without one, it was cut.
    let (mut client, mut server) = opened(5000, 5000);
    client.stream.shut_down_now();
    let Poll::Ready(Err(cut)) = server.poll_read(&mut cx, &mut [0; 10]) else {
        panic!("it was cut")
    };
    assert!(matches!(TlsError::from(cut), TlsError::Truncated));
}

#[cfg(feature = "smol")]
#[test]
fn the_futures_family_speaks_it() {
    use smol::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use smol::net::{TcpListener, TcpStream};

    smol::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let serving = smol::spawn(async move {
            let (socket, _) = listener.accept().await.expect("a client comes");
            let mut stream = TlsStream::accept(socket, &TLS.0).await.expect("the client is good");
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await.expect("the client ends in order");
            stream.write_all(&all).await.expect("the client reads");
            stream.close().await.expect("it is open");
        });
        let socket = TcpStream::connect(address).await.expect("it listens");
        let stream = TlsStream::connect(socket, "localhost", &TLS.1).await;
        let mut stream = stream.expect("the server is trusted");
        stream.write_all(&bytes(1_000_000)).await.expect("the server reads");
        stream.close().await.expect("it is open");
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.expect("the server ends in order");
        assert!(all == bytes(1_000_000));
        serving.await;
    });
}

#[cfg(feature = "tokio")]
#[test]
fn tokio_speaks_it() {
    use ::tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use ::tokio::net::{TcpListener, TcpStream};

    let mut runtime = ::tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().expect("it starts").block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let serving = ::tokio::spawn(async move {
            let (socket, _) = listener.accept().await.expect("a client comes");
            let mut stream = TlsStream::accept(socket, &TLS.0).await.expect("the client is good");
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await.expect("the client ends in order");
            stream.write_all(&all).await.expect("the client reads");
            stream.shutdown().await.expect("it is open");
        });
        let socket = TcpStream::connect(address).await.expect("it listens");
        let stream = TlsStream::connect(socket, "localhost", &TLS.1).await;
        let mut stream = stream.expect("the server is trusted");
        stream.write_all(&bytes(1_000_000)).await.expect("the server reads");
        stream.shutdown().await.expect("it is open");
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.expect("the server ends in order");
        assert!(all == bytes(1_000_000));
        serving.await.expect("the server is well");
    });
}
