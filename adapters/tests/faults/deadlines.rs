//! Peers that take nothing, and peers that do not answer: memory is bounded, and so is time.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use bluewire::asynch::WebSocket;
use bluewire::{
    AcceptOptions, CloseCode, Closure, Config, Error, Fault, Flow, Keepalive, OwnedMessage,
    ServerOptions, Timeout, blocking, facade, smol as adapter,
};

use crate::beside_others;
use crate::child::{ADAPTERS, EchoServer};
use crate::crowd::open;
use crate::fixture::{TIMEOUT, speak};
use crate::runtimes::{OnRuntime, Smol, Task};

/// More than the kernel's buffers and the server's hold of one peer's.
const TAKEN_MAX: usize = 64 * 1024 * 1024;

/// Writes as much as is taken, until nothing was for half a second.
fn write_until_stalled(stream: &mut TcpStream) -> usize {
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    // Binary, 64 KiB, masked by zeros.
    let mut frame = b"\x82\xFF\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
    frame.resize(frame.len() + 65_536, b'x');
    let mut written = 0;
    loop {
        match stream.write(&frame[written % frame.len()..]) {
            Ok(_) if written > TAKEN_MAX => return written,
            Ok(len) => written += len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return written,
            Err(error) => panic!("{error} after {written} bytes"),
        }
    }
}

fn write_all_until_stalled(peers: &mut [TcpStream]) -> Vec<usize> {
    thread::scope(|scope| {
        let spawn = |peer| scope.spawn(|| write_until_stalled(peer));
        let threads: Vec<_> = peers.iter_mut().map(spawn).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// The kernel's buffers hold what the peer does not take; a server that read on would have no end.
#[test]
fn a_server_reads_no_more_from_who_does_not_read() {
    let _bound = crate::watchdog::bound();
    const PEERS: usize = 20;
    let _turn = beside_others();
    for &adapter in ADAPTERS {
        let server = EchoServer::start(adapter, 1_000);
        let mut good = blocking::connect(server.url()).unwrap();
        speak(&mut good);
        let before = server.resident();
        let mut peers: Vec<_> = (0..PEERS).map(|_| open(server.addr)).collect();
        let taken = write_all_until_stalled(&mut peers);
        // All that the server holds of a peer's: what came while it sends, and an echo.
        let grown = server.resident().saturating_sub(before) / 1024;
        assert!(grown < 4 * PEERS, "{adapter}: {grown} MiB");
        speak(&mut good);
        // And it takes no more, however long they try.
        for (taken, more) in taken.into_iter().zip(write_all_until_stalled(&mut peers)) {
            assert!(taken + more < TAKEN_MAX, "{adapter}: {taken} and {more} bytes");
        }
        speak(&mut good);
    }
}

fn impatient() -> Config {
    Config::default()
        .keepalive(
            Keepalive::default().interval(Duration::from_secs(1)).timeout(Duration::from_secs(1)),
        )
        .close_timeout(Duration::from_secs(1))
}

/// A server's treatment of each connection, on each adapter.
trait Play: Copy + Send + Sync + 'static {
    type Outcome: Send + 'static;

    fn blocking(self, socket: blocking::WebSocket) -> Self::Outcome;

    fn on<R: OnRuntime>(self, socket: WebSocket<R, R::NetStream>) -> Task<Self::Outcome>;
}

type Served<T> = (SocketAddr, mpsc::Receiver<T>);

/// Starts a server of each adapter that does this with each connection: their addresses, and what
/// came of the connections.
fn serve<P: Play>(config: Config, play: P) -> Vec<Served<P::Outcome>> {
    let accept = AcceptOptions::default().config(config);
    let options = || ServerOptions::default().accept(accept.clone());
    let server = blocking::Server::bind_with("127.0.0.1:0", options()).unwrap();
    let (tell, told) = mpsc::channel();
    let on_blocking = (server.local_addr(), told);
    thread::spawn(move || server.serve(move |socket| tell.send(play.blocking(socket)).unwrap()));
    vec![
        on_blocking,
        serve_on::<Smol, P>(options(), play),
        #[cfg(feature = "tokio")]
        serve_on::<crate::runtimes::Tokio, P>(options(), play),
    ]
}

fn serve_on<R: OnRuntime, P: Play>(options: ServerOptions, play: P) -> Served<P::Outcome> {
    let server = R::block_on(R::bind_with(("127.0.0.1", 0), options)).unwrap();
    let (tell, told) = mpsc::channel();
    let address = server.local_addr();
    thread::spawn(move || {
        R::block_on(server.serve(move |socket| {
            let tell = tell.clone();
            async move { tell.send(play.on(socket).await).unwrap() }
        }))
    });
    (address, told)
}

/// Sends until it fails.
#[derive(Clone, Copy)]
struct SendsOn;

impl Play for SendsOn {
    type Outcome = Error;

    fn blocking(self, mut socket: blocking::WebSocket) -> Error {
        socket.set_flow(Flow::default().write_timeout(Duration::from_secs(1)));
        loop {
            if let Err(error) = socket.send(&[0; 65_536][..]) {
                return error;
            }
        }
    }

    fn on<R: OnRuntime>(self, mut socket: WebSocket<R, R::NetStream>) -> Task<Error> {
        socket.set_flow(Flow::default().write_timeout(Duration::from_secs(1)));
        Box::pin(async move {
            loop {
                if let Err(error) = socket.send(&[0; 65_536][..]).await {
                    return error;
                }
            }
        })
    }
}

#[test]
fn a_peer_that_does_not_read_is_left_after_the_write_timeout() {
    let _bound = crate::watchdog::bound();
    let _turn = beside_others();
    // Or the pings would end it.
    let servers = serve(impatient().keepalive(None), SendsOn);
    for (addr, told) in servers {
        let peers: Vec<_> = (0..20).map(|_| open(addr)).collect();
        for _ in &peers {
            match told.recv_timeout(TIMEOUT).unwrap() {
                Error::Io(error) => assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}"),
                other => panic!("{other}"),
            }
        }
    }
}

/// Receives once: what, and how the connection ended.
#[derive(Clone, Copy)]
struct Receives;

impl Play for Receives {
    type Outcome = (Result<Option<OwnedMessage>, Error>, Option<Closure>);

    fn blocking(self, mut socket: blocking::WebSocket) -> Self::Outcome {
        (socket.recv_owned(), socket.closure().cloned())
    }

    fn on<R: OnRuntime>(self, mut socket: WebSocket<R, R::NetStream>) -> Task<Self::Outcome> {
        Box::pin(async move { (socket.recv_owned().await, socket.closure().cloned()) })
    }
}

/// Sends a long message, and gives the kinds of the IO errors that the callbacks get.
fn io_errors_of(socket: &facade::WebSocket) -> mpsc::Receiver<ErrorKind> {
    let (tell, told) = mpsc::channel();
    socket.on_error(move |error| {
        if let Error::Io(error) = &error.error {
            // The test waits for the first one only.
            let _ = tell.send(error.kind());
        }
    });
    // More than the kernel's buffers hold, and less than may wait.
    socket.send(&vec![0; 24 * 1024 * 1024][..]);
    told
}

/// The settings that a connection had before it got its callbacks are still its own.
#[test]
fn a_facade_keeps_the_write_timeout_that_was_set_before() {
    let _bound = crate::watchdog::bound();
    let _turn = beside_others();
    let flow = Flow::default().write_timeout(Duration::from_millis(300));
    // The default is 30 seconds, and nothing else would end it.
    let config = Config::default().keepalive(None);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let pair = || {
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (peer, listener.accept().unwrap().0)
    };
    let expect = |what: &str, told: mpsc::Receiver<ErrorKind>| {
        let kind = told.recv_timeout(Duration::from_secs(20));
        assert_eq!(kind, Ok(ErrorKind::TimedOut), "{what}");
    };

    let (_peer, ours) = pair();
    let mut socket = blocking::WebSocket::adopt_server(ours, &[], config.clone());
    socket.set_flow(flow);
    expect("blocking", io_errors_of(&socket.into_facade().unwrap()));

    let (_peer, ours) = pair();
    let ours = smol::Async::new(ours).unwrap();
    let mut socket = adapter::WebSocket::adopt_server(ours, &[], config.clone());
    socket.set_flow(flow);
    expect("smol", io_errors_of(&socket.into_facade()));

    #[cfg(feature = "tokio")]
    {
        let (_peer, ours) = pair();
        ours.set_nonblocking(true).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _entered = runtime.enter();
        let ours = tokio::net::TcpStream::from_std(ours).unwrap();
        let mut socket = bluewire::tokio::WebSocket::adopt_server(ours, &[], config);
        socket.set_flow(flow);
        expect("tokio", io_errors_of(&socket.into_facade()));
    }
}

#[test]
fn a_peer_that_does_not_answer_a_ping_is_left_after_the_keepalive_timeout() {
    let _bound = crate::watchdog::bound();
    let _turn = beside_others();
    let servers = serve(impatient(), Receives);
    for (addr, told) in servers {
        let peers: Vec<_> = (0..20).map(|_| open(addr)).collect();
        for _ in &peers {
            let (received, closure) = told.recv_timeout(TIMEOUT).unwrap();
            let Err(Error::Fault(fault)) = received else { panic!("{received:?}") };
            assert_eq!(fault, Fault::Timeout(Timeout::Pong));
            assert_eq!(closure.unwrap().fault, Some(fault));
        }
    }
}

/// Closes: what it came to, and how long it took.
#[derive(Clone, Copy)]
struct Closes;

impl Play for Closes {
    type Outcome = (Result<Closure, Error>, Duration);

    fn blocking(self, mut socket: blocking::WebSocket) -> Self::Outcome {
        let since = Instant::now();
        (socket.close(CloseCode::NORMAL, ""), since.elapsed())
    }

    fn on<R: OnRuntime>(self, mut socket: WebSocket<R, R::NetStream>) -> Task<Self::Outcome> {
        Box::pin(async move {
            let since = Instant::now();
            (socket.close(CloseCode::NORMAL, "").await, since.elapsed())
        })
    }
}

#[test]
fn a_peer_that_does_not_answer_a_close_is_left_after_the_close_timeout() {
    let _bound = crate::watchdog::bound();
    let _turn = beside_others();
    let servers = serve(impatient(), Closes);
    for (addr, told) in servers {
        let mut peers: Vec<_> = (0..20).map(|_| open(addr)).collect();
        for _ in &peers {
            let (closed, time) = told.recv_timeout(TIMEOUT).unwrap();
            let closure = closed.unwrap();
            assert!(!closure.clean, "{closure:?}");
            assert_eq!(closure.sent, Some(CloseCode::NORMAL));
            assert_eq!(closure.fault, Some(Fault::Timeout(Timeout::Close)));
            assert!(time >= impatient().close_timeout);
        }
        for peer in &mut peers {
            // The Close frame, and then the end.
            let mut received = Vec::new();
            let _ = peer.read_to_end(&mut received);
            assert_eq!(received, [0x88, 2, 3, 232]);
        }
    }
}
