//! Futures of the asynchronous adapters that open connections, dropped after any number of polls,
//! leave nothing behind and lose no client.

#![cfg(any(feature = "smol", feature = "tokio"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/runtimes.rs"]
mod runtimes;
#[path = "common/watchdog.rs"]
mod watchdog;

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[cfg(feature = "_tls")]
use bluewire::Config;
use bluewire::asynch::{AsyncTransport, Incoming, WebSocket};

#[cfg(feature = "_tls")]
use bluewire::asynch::TlsStream;
#[cfg(feature = "_tls")]
use bluewire::tls::TlsError;
use bluewire::{AcceptError, AcceptOptions, ConnectError, HttpAnswer, ServerOptions, facade};
use smol::future::{FutureExt as _, poll_once};
use smol::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use smol::{Async, Timer, channel};

use runtimes::{OnRuntime, Polled, on_each_runtime, streams};

#[cfg(feature = "_tls")]
#[path = "common/tls.rs"]
mod tls;

on_each_runtime!(
    an_opening_handshake_that_is_dropped_leaves_nothing_behind,
    a_server_whose_futures_are_dropped_at_any_poll_loses_no_client,
    a_shutdown_that_is_dropped_at_any_poll_goes_on_when_asked_again,
    a_listener_that_is_dropped_before_it_listens_leaves_its_address_free,
    the_answer_to_a_request_can_be_dropped_at_any_poll,
    an_attempt_to_connect_can_be_dropped_at_any_poll,
);

#[cfg(feature = "_tls")]
mod over_tls {
    crate::runtimes::on_each_runtime!(
        a_tls_handshake_can_be_dropped_at_any_poll,
        either_end_of_a_tls_handshake_can_be_dropped_at_any_poll,
    );
    use super::{
        a_tls_handshake_can_be_dropped_at_any_poll,
        either_end_of_a_tls_handshake_can_be_dropped_at_any_poll,
    };
}

/// Polls the future so many times, then drops it.
fn polled<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let cx = &mut Context::from_waker(Waker::noop());
    (0..times).find_map(|_| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

/// The bound on how often a test tries again, so that a loss shows as a failure.
const TRIES_MAX: usize = 200_000;

/// The bytes written to a stream, and whether that is over.
#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    over: bool,
}

/// A stream that gives a byte at a time of what it has, is not ready every other time, and tells
/// what was written. It is over when it is dropped.
struct Script {
    input: VecDeque<u8>,
    output: Arc<Mutex<Written>>,
    ready: bool,
}

impl Script {
    fn new(input: &[u8]) -> (Self, Arc<Mutex<Written>>) {
        let output = Arc::<Mutex<Written>>::default();
        let input = input.iter().copied().collect();
        (Self { input, output: Arc::clone(&output), ready: true }, output)
    }

    fn is_ready(&mut self, cx: &Context<'_>) -> bool {
        self.ready = !self.ready;
        cx.waker().wake_by_ref();
        self.ready
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.output.lock().unwrap().over = true;
    }
}

streams!(Script);

impl Polled for Script {
    fn poll_get(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.is_ready(cx) {
            return Poll::Pending;
        }
        match self.input.pop_front() {
            Some(byte) => buf[0] = byte,
            None => return Poll::Ready(Ok(0)),
        }
        Poll::Ready(Ok(1))
    }

    fn poll_put(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if !self.is_ready(cx) {
            return Poll::Pending;
        }
        let len = buf.len().min(9);
        self.output.lock().unwrap().bytes.extend(&buf[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_ready(cx) { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_ready(cx) { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

/// Opens connections over such a stream.
trait OverScript: OnRuntime {
    async fn accept(
        stream: Script,
        options: AcceptOptions,
    ) -> Result<OverStream<Self>, AcceptError>;
    async fn connect_over_script(stream: Script) -> Result<OverStream<Self>, ConnectError>;
}

type OverStream<R> = WebSocket<R, Script>;

macro_rules! over_script {
    ($adapter:ident, $runtime:ident) => {
        impl OverScript for runtimes::$runtime {
            async fn accept(
                stream: Script,
                options: AcceptOptions,
            ) -> Result<OverStream<Self>, AcceptError> {
                bluewire::$adapter::accept_with(stream, options).await
            }

            async fn connect_over_script(stream: Script) -> Result<OverStream<Self>, ConnectError> {
                bluewire::$adapter::connect_over(stream, "ws://h/").await
            }
        }
    };
}

#[cfg(feature = "smol")]
over_script!(smol, Smol);
#[cfg(feature = "tokio")]
over_script!(tokio, Tokio);

const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// Drops a future after each number of polls, until it comes to its end: what it did, if it did
/// not get there, is the beginning of what it does, and its stream is over with it.
fn is_dropped_at_every_poll<T>(
    input: &[u8],
    open: impl AsyncFn(Script) -> T,
    compare: impl Fn(&[u8], &[u8]) -> bool,
) -> T {
    let (stream, output) = Script::new(input);
    let whole = polled(TRIES_MAX, open(stream)).expect("it comes to its end");
    let written: Vec<u8> = output.lock().unwrap().bytes.clone();
    for times in 0..TRIES_MAX {
        let (stream, output) = Script::new(input);
        if polled(times, open(stream)).is_some() {
            assert!(times > 10, "it waits at every byte");
            return whole;
        }
        let output = output.lock().unwrap();
        assert!(output.over, "{times}");
        assert!(compare(&written, &output.bytes), "{times}");
    }
    panic!("it does not come to its end");
}

fn an_opening_handshake_that_is_dropped_leaves_nothing_behind<R: OverScript>()
where
    Script: AsyncTransport<R>,
{
    let is_prefix = |whole: &[u8], part: &[u8]| whole.starts_with(part);
    let accept = async |stream| R::accept(stream, AcceptOptions::default()).await;
    let accepted = is_dropped_at_every_poll(REQUEST, accept, is_prefix);
    let mut socket = accepted.expect("it is lawful");
    let head = socket.take_request().expect("a server's");
    assert_eq!((head.as_bytes(), socket.request().is_none()), (REQUEST, true));

    let options = || AcceptOptions::default().protocol("chat").header("X-Mine", "yes");
    let open = async |stream| R::accept(stream, options()).await;
    assert!(is_dropped_at_every_poll(REQUEST, open, is_prefix).is_ok());

    // A refusal too.
    let refused = is_dropped_at_every_poll(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", accept, is_prefix);
    assert!(matches!(refused, Err(AcceptError::NotWebSocket(_))));

    // A client's key is another one each time.
    let response = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    let open = async |stream| R::connect_over_script(stream).await;
    let answered = is_dropped_at_every_poll(response, open, |whole, part| {
        part.len() <= whole.len() && part.iter().take(40).eq(whole.iter().take(part.len().min(40)))
    });
    assert!(matches!(answered, Err(ConnectError::Refused(_) | ConnectError::Handshake(_))));
}

/// Polls the future so many times, with time between for others to get on, then drops it.
async fn polled_meanwhile<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..times {
        if let Some(output) = poll_once(&mut future).await {
            return Some(output);
        }
        Timer::after(Duration::from_millis(1)).await;
    }
    None
}

/// A client that has an echo, says so, and stays to the end.
async fn asks<R: OnRuntime>(url: String, echoed: channel::Sender<()>) {
    let mut socket = R::connect_to(url).await.unwrap();
    socket.send("Hello").await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), Some("Hello".into()));
    echoed.send(()).await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), None);
}

async fn answers<R: OnRuntime>(mut socket: WebSocket<R, R::NetStream>) {
    while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
        sender.send(message).await.unwrap();
    }
}

fn answers_by_callbacks(socket: facade::WebSocket) {
    let sender = socket.clone();
    socket.on_message(move |message| sender.send(message));
}

async fn responds<R: OnRuntime>(incoming: Incoming<R>) {
    answers::<R>(incoming.respond().await.unwrap()).await;
}

fn a_server_whose_futures_are_dropped_at_any_poll_loses_no_client<R: OnRuntime>() {
    R::block_on(async {
        let server = R::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", server.local_addr());
        let (echoed, echoes) = channel::unbounded();
        let mut tasks = Vec::new();
        for (number, times) in (0..5).flat_map(|_| 1..=6).enumerate() {
            tasks.push(R::start(asks::<R>(url.clone(), echoed.clone())));
            let mut accepted = None;
            for _ in 0..TRIES_MAX {
                // A connection that it has begun to serve is served to the end.
                let served = match number / 6 {
                    0 => {
                        accepted =
                            polled_meanwhile(times, server.accept()).await.map(Option::unwrap);
                        None
                    }
                    1 => {
                        if let Some(incoming) =
                            polled_meanwhile(times, server.accept_request()).await
                        {
                            accepted = Some(incoming.unwrap().respond().await.unwrap());
                        }
                        None
                    }
                    2 => polled_meanwhile(times, server.serve(answers::<R>)).await,
                    3 => polled_meanwhile(times, server.serve_facade(answers_by_callbacks)).await,
                    _ => polled_meanwhile(times, server.serve_requests(responds::<R>)).await,
                };
                assert!(served.is_none(), "nobody has shut it down");
                if accepted.is_some() || server.handle().connections() > number {
                    break;
                }
            }
            tasks.extend(accepted.map(|socket| R::start(answers::<R>(socket))));
        }
        assert_eq!(server.handle().connections(), 30);

        // A client whose request waits when the last call was dropped is served by the next one. A
        // client that had to leave gets no more echoes.
        let all_echoes = async {
            for _ in 0..30 {
                echoes.recv().await.unwrap();
            }
        };
        let serving = async {
            server.serve_requests(responds::<R>).await;
            panic!("nobody has shut it down");
        };
        all_echoes.or(serving).await;
        let budget = Duration::from_secs(60);
        // On several threads all connections may have ended when the first poll looks at them.
        let report = polled_meanwhile(1, server.shutdown(budget)).await;
        assert!(server.handle().is_shut_down());
        assert!(server.accept().await.is_none());
        let report = match report {
            Some(report) => report,
            None => server.shutdown(budget).await,
        };
        assert_eq!((report.closed, report.cut), (30, 0));
        for task in tasks {
            task.await;
        }
    });
}

/// Whether the stream has ended; what comes before that is passed over.
async fn has_ended(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    let read = async {
        let mut ignored = [0; 1024];
        while stream.read(&mut ignored).await.is_ok_and(|len| len > 0) {}
        true
    };
    let timer = async {
        Timer::after(Duration::from_secs(30)).await;
        false
    };
    read.or(timer).await
}

fn a_shutdown_that_is_dropped_at_any_poll_goes_on_when_asked_again<R: OnRuntime>() {
    R::block_on(async {
        for times in 0..6 {
            let server = R::bind("127.0.0.1:0").await.unwrap();
            let url = format!("ws://{}/", server.local_addr());
            let (echoed, echoes) = channel::unbounded();
            let client = R::start(asks::<R>(url, echoed));
            let answering = R::start(answers::<R>(server.accept().await.unwrap()));
            echoes.recv().await.unwrap();
            let handle = server.handle();
            let budget = Duration::from_secs(60);
            let report = match polled_meanwhile(times, handle.shutdown(budget)).await {
                Some(report) => report,
                None => {
                    assert_eq!(handle.is_shut_down(), times > 0, "{times} polls");
                    handle.shutdown(budget).await
                }
            };
            assert_eq!((report.closed, report.cut), (1, 0), "{times} polls");
            answering.await;
            client.await;
        }
    });
}

fn a_listener_that_is_dropped_before_it_listens_leaves_its_address_free<R: OnRuntime>() {
    R::block_on(async {
        let free = R::bind("127.0.0.1:0").await.unwrap().local_addr();
        for times in 0..1000 {
            let options = ServerOptions::default();
            #[cfg(feature = "smol")]
            let options = options.threads(2);
            // A name, which is looked up elsewhere.
            let bound = R::bind_with(("localhost", free.port()), options);
            // Another test may have the port for a moment.
            if let Some(Ok(server)) = polled_meanwhile(times, bound).await {
                assert_eq!(server.local_addr().port(), free.port());
                return;
            }
        }
        panic!("it does not come to its end");
    });
}

fn the_answer_to_a_request_can_be_dropped_at_any_poll<R: OnRuntime>() {
    const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    const PLAIN: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    R::block_on(async {
        let server = R::bind("127.0.0.1:0").await.unwrap();
        let answer = HttpAnswer::new(404).unwrap();
        for way in 0..5 {
            for times in 0..4 {
                let mut client = Async::<TcpStream>::connect(server.local_addr()).await.unwrap();
                let request = if way < 3 { UPGRADE } else { PLAIN };
                client.write_all(request).await.unwrap();
                let incoming = server.accept_request().await.unwrap();
                match (way, incoming) {
                    (0, Incoming::Upgrade(it)) => drop(polled_meanwhile(times, it.accept()).await),
                    (1, Incoming::Upgrade(it)) => {
                        drop(polled_meanwhile(times, it.reject(&answer)).await);
                    }
                    (3, Incoming::Plain(it)) => {
                        drop(polled_meanwhile(times, it.answer(&answer)).await);
                    }
                    (2 | 4, it) => drop(polled_meanwhile(times, it.respond()).await),
                    (_, other) => panic!("another request than was sent: {other:?}"),
                }
                assert!(has_ended(&mut client).await, "way {way}, {times} polls");
                assert_eq!(server.handle().connections(), 0, "way {way}, {times} polls");
            }
        }
    });
}

fn an_attempt_to_connect_can_be_dropped_at_any_poll<R: OnRuntime>() {
    R::block_on(async {
        for times in 0..8 {
            let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
            let url = format!("ws://{}/", listener.get_ref().local_addr().unwrap());
            let accepting = R::start(async move {
                let timer = async {
                    Timer::after(Duration::from_millis(200)).await;
                    None
                };
                let accepted = async { listener.accept().await.ok() };
                // The client is accepted by now, or it is not.
                match accepted.or(timer).await {
                    Some((mut stream, _)) => has_ended(&mut stream).await,
                    None => true,
                }
            });
            assert!(polled_meanwhile(times, R::connect_to(url)).await.is_none());
            assert!(accepting.await, "it is left open after {times} polls");
        }
    });
}

/// A handshake of TLS with one who says nothing.
#[cfg(feature = "_tls")]
fn a_tls_handshake_can_be_dropped_at_any_poll<R: OnRuntime>()
where
    Script: AsyncTransport<R>,
{
    let (server, client) = &*tls::TLS;
    for times in 0..40 {
        let (stream, written) = Script::new(b"\x16\x03\x03\x40\x00");
        let shaken = polled(times, TlsStream::connect::<R>(stream, "localhost", client));
        assert!(shaken.is_none_or(|shaken| shaken.is_err()));
        assert!(written.lock().unwrap().over, "it is left open after {times} polls");

        let (stream, written) = Script::new(b"\x16\x03\x01\x40\x00");
        let shaken = polled(times, TlsStream::accept::<R>(stream, server));
        assert!(shaken.is_none_or(|shaken| shaken.is_err()));
        assert!(written.lock().unwrap().over, "it is left open after {times} polls");
    }
}

/// A handshake of TLS with one who goes on, and notices when the other one is dropped.
#[cfg(feature = "_tls")]
fn either_end_of_a_tls_handshake_can_be_dropped_at_any_poll<R: OnRuntime>()
where
    TlsStream<R::Stream>: AsyncTransport<R>,
{
    R::block_on(async {
        for drops_server in [true, false] {
            for times in 0.. {
                assert!(times < TRIES_MAX, "it does not come to its end");
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let address = listener.local_addr().unwrap();
                let asking = R::stream(TcpStream::connect(address).unwrap());
                let asked = R::stream(listener.accept().unwrap().0);
                let connected = TlsStream::connect::<R>(asking, "127.0.0.1", &tls::TLS.1);
                let accepted = TlsStream::accept::<R>(asked, &tls::TLS.0);
                let (dropped, other) = if drops_server {
                    let other = R::start(notices_the_end::<R>(connected));
                    (polled_meanwhile(times, accepted).await, other)
                } else {
                    let other = R::start(notices_the_end::<R>(accepted));
                    (polled_meanwhile(times, connected).await, other)
                };
                let done = dropped.map(|shaken| shaken.map(drop).expect("both go on")).is_some();
                assert!(other.await, "it is left open after {times} polls");
                if done {
                    break;
                }
            }
        }
    });
}

/// Whether the stream ends, or was never opened.
#[cfg(feature = "_tls")]
async fn notices_the_end<R: OnRuntime>(
    shaken: impl Future<Output = Result<TlsStream<R::Stream>, TlsError>>,
) -> bool
where
    TlsStream<R::Stream>: AsyncTransport<R>,
{
    let Ok(stream) = shaken.await else { return true };
    let mut socket = WebSocket::adopt_client(stream, &[], Config::default());
    let timer = async {
        Timer::after(Duration::from_secs(30)).await;
        false
    };
    async { socket.recv().await.is_err() }.or(timer).await
}
