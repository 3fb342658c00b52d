//! Streams that write one piece at a time, with Nagle's algorithm on: a header that left by itself
//! would hold its payload up until the peer's delayed acknowledgement, for 40 ms.

#![cfg(all(feature = "blocking", any(feature = "smol", feature = "tokio")))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/runtimes.rs"]
mod runtimes;
#[path = "common/watchdog.rs"]
mod watchdog;

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use bluewire::asynch::{self, AsyncTransport};
use bluewire::blocking::{Readiness, SplitTransport, Transport, Untimed, WebSocket};
use bluewire::{Config, OwnedMessage};

use runtimes::{OnRuntime, Polled, on_each_runtime, streams};

const STALL: Duration = Duration::from_millis(40);

/// So many echoes of each length: the system acknowledges the first ones at once.
const ECHOES: usize = 40;

const LENGTHS: [usize; 4] = [15 << 10, 16 << 10, 17 << 10, 64 << 10];

/// The lengths of the writes of a stream.
type Writes = Arc<Mutex<Vec<usize>>>;

/// The two ends of a connection, with Nagle's algorithm on at this end.
fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    peer.set_nodelay(true).unwrap();
    (listener.accept().unwrap().0, peer)
}

/// A peer that wants each message back before it sends the next one, and looks at the time.
fn check_echoes(mut peer: WebSocket<TcpStream>) {
    for len in LENGTHS {
        let message = vec![7; len];
        let mut quickest = Duration::MAX;
        for number in 0..ECHOES {
            let began = Instant::now();
            peer.send(&message).unwrap();
            assert_eq!(peer.recv().unwrap().unwrap().len(), len);
            if number >= ECHOES / 2 {
                quickest = quickest.min(began.elapsed());
            }
        }
        assert!(quickest < STALL, "{len} bytes take {quickest:?}");
    }
}

/// Checks an end that echoes as a server, and then one that echoes as a client.
fn check(echo: impl Fn(TcpStream, Writes, bool) + Send + Sync + 'static) {
    let echo = Arc::new(echo);
    for is_server in [true, false] {
        let (ours, peer) = sockets();
        let writes = Writes::default();
        let peer = match is_server {
            true => WebSocket::adopt_client(peer, &[], Config::default()),
            false => WebSocket::adopt_server(peer, &[], Config::default()),
        };
        let echoing = thread::spawn({
            let (echo, writes) = (Arc::clone(&echo), Arc::clone(&writes));
            move || echo(ours, writes, is_server)
        });
        check_echoes(peer);
        echoing.join().unwrap();
        let writes = writes.lock().unwrap();
        assert!(writes.len() >= LENGTHS.len() * ECHOES);
        // 5.2: a header has 14 bytes at most.
        assert!(writes.iter().all(|len| *len > 14), "a header left by itself: {writes:?}");
    }
}

/// A stream of the blocking adapter that writes one piece at a time.
struct Plain(TcpStream, Writes);

impl Transport for Plain {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        Transport::set_read_timeout(&self.0, timeout)
    }

    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        Transport::read(&self.0, buf)
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        Transport::try_read(&self.0, buf)
    }

    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let first = slices.iter().find(|slice| !slice.is_empty()).unwrap();
        let len = Transport::try_write(&self.0, &[IoSlice::new(first)])?;
        self.1.lock().unwrap().push(len);
        Ok(len)
    }

    fn wait(&self, interest: Readiness, timeout: Option<Duration>) -> io::Result<Readiness> {
        Transport::wait(&self.0, interest, timeout)
    }

    fn shut_down(&self, how: Shutdown) -> io::Result<()> {
        Transport::shut_down(&self.0, how)
    }
}

impl SplitTransport for Plain {}

/// Any stream of the standard library's traits.
struct Simple(TcpStream, Writes);

impl Read for Simple {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Read::read(&mut self.0, buf)
    }
}

impl Write for Simple {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let len = Write::write(&mut self.0, buf)?;
        self.1.lock().unwrap().push(len);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Write::flush(&mut self.0)
    }
}

fn adopt<S: Transport>(stream: S, is_server: bool) -> WebSocket<S> {
    match is_server {
        true => WebSocket::adopt_server(stream, &[], Config::default()),
        false => WebSocket::adopt_client(stream, &[], Config::default()),
    }
}

fn echo<S: Transport>(mut socket: WebSocket<S>) {
    while let Ok(Some((message, mut sender))) = socket.recv_with_sender() {
        sender.send(message).unwrap();
    }
}

#[test]
fn a_blocking_stream_of_ones_own_does_not_stall() {
    let _bound = watchdog::bound();
    check(|stream, writes, is_server| echo(adopt(Plain(stream, writes), is_server)));
}

#[test]
fn a_blocking_stream_without_timeouts_does_not_stall() {
    let _bound = watchdog::bound();
    check(|stream, writes, is_server| {
        echo(adopt(Untimed::new(Simple(stream, writes)), is_server));
    });
}

#[test]
fn a_blocking_writer_does_not_stall() {
    let _bound = watchdog::bound();
    check(|stream, writes, is_server| {
        let (mut reader, writer) = adopt(Plain(stream, writes), is_server).split();
        while let Ok(Some(message)) = reader.recv() {
            writer.send(message).unwrap();
        }
    });
}

on_each_runtime!(
    an_asynchronous_stream_does_not_stall,
    an_asynchronous_writer_does_not_stall,
    an_asynchronous_sink_does_not_stall,
);

/// A stream of any runtime that writes one piece at a time.
struct Waiting(smol::Async<TcpStream>, Writes);

streams!(Waiting);

impl Polled for Waiting {
    fn poll_get(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        smol::io::AsyncRead::poll_read(std::pin::Pin::new(&mut self.0), cx, buf)
    }

    fn poll_put(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = smol::io::AsyncWrite::poll_write(std::pin::Pin::new(&mut self.0), cx, buf);
        if let Poll::Ready(Ok(len)) = &written {
            self.1.lock().unwrap().push(*len);
        }
        written
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        smol::io::AsyncWrite::poll_close(std::pin::Pin::new(&mut self.0), cx)
    }
}

fn socket<R: OnRuntime>(
    stream: TcpStream,
    writes: Writes,
    is_server: bool,
) -> asynch::WebSocket<R, Waiting>
where
    Waiting: AsyncTransport<R>,
{
    let stream = Waiting(smol::Async::new(stream).unwrap(), writes);
    match is_server {
        true => asynch::WebSocket::adopt_server(stream, &[], Config::default()),
        false => asynch::WebSocket::adopt_client(stream, &[], Config::default()),
    }
}

fn an_asynchronous_stream_does_not_stall<R: OnRuntime>()
where
    Waiting: AsyncTransport<R>,
{
    check(|stream, writes, is_server| {
        let mut socket = socket::<R>(stream, writes, is_server);
        R::block_on(async {
            while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
                sender.send(message).await.unwrap();
            }
        });
    });
}

fn an_asynchronous_writer_does_not_stall<R: OnRuntime>()
where
    Waiting: AsyncTransport<R>,
{
    check(|stream, writes, is_server| {
        let (mut reader, writer) = socket::<R>(stream, writes, is_server).split();
        R::block_on(async {
            while let Ok(Some(message)) = reader.recv().await {
                writer.send(message).await.unwrap();
            }
        });
    });
}

fn an_asynchronous_sink_does_not_stall<R: OnRuntime>()
where
    Waiting: AsyncTransport<R>,
{
    use futures_sink::Sink as _;
    use smol::stream::StreamExt as _;
    use std::future::poll_fn;
    use std::pin::Pin;

    check(|stream, writes, is_server| {
        let mut socket = socket::<R>(stream, writes, is_server);
        R::block_on(async {
            while let Some(Ok(message)) = socket.next().await {
                let message: OwnedMessage = message;
                poll_fn(|cx| Pin::new(&mut socket).poll_ready(cx)).await.unwrap();
                Pin::new(&mut socket).start_send(message).unwrap();
                poll_fn(|cx| Pin::new(&mut socket).poll_flush(cx)).await.unwrap();
            }
        });
    });
}
