//! A crowd of faulty servers, and clients of every kind: each learns what it should, once.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use bluewire::facade::WebSocket;
use bluewire::{
    CloseCode, Closure, Config, ConnectError, ConnectOptions, Error, Fault, Keepalive, Timeout,
    blocking,
};
use bluewire_core::accept_value;
use rustix::net::sockopt::set_socket_linger;

use crate::beside_others;
use crate::fixture::TIMEOUT;
use crate::runtimes::{OnRuntime, Smol};

/// The behaviour of a server.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    /// Its response is not one.
    Gibberish,
    /// There is none.
    NoResponse,
    /// Sends a part of a frame, then resets.
    Resets,
    /// Sends a part of a frame, then says that nothing more will come.
    HalfCloses,
    /// Ends the connection after its response.
    Leaves,
    /// Sends a frame that is masked.
    BreaksARule,
    /// Says nothing more, also to a Ping.
    SaysNothing,
    /// Sends a message, answers Pings and no Close.
    DoesNotClose,
    /// Nothing, but for how slow it is: byte by byte.
    IsSlow,
}

const WRONGS: [Wrong; 9] = [
    Wrong::Gibberish,
    Wrong::NoResponse,
    Wrong::Resets,
    Wrong::HalfCloses,
    Wrong::Leaves,
    Wrong::BreaksARule,
    Wrong::SaysNothing,
    Wrong::DoesNotClose,
    Wrong::IsSlow,
];

const MESSAGE: &[u8] = b"\x81\x0a0123456789";

/// Clients of each kind to each server.
const CROWD: usize = 20;

/// A server that does this with all who come. It keeps what it does not end.
fn start(wrong: Wrong) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || do_wrong(wrong, stream.unwrap()));
        }
    });
    addr
}

/// The client may end it at any point.
fn do_wrong(wrong: Wrong, mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0].into());
    }
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        accept_value(key).unwrap()
    );
    match wrong {
        Wrong::NoResponse => {}
        Wrong::Gibberish => stream.write_all(b"220 mail.example ESMTP\r\n\r\n")?,
        Wrong::IsSlow => {
            for byte in [response.as_bytes(), MESSAGE].concat() {
                stream.write_all(&[byte])?;
                thread::sleep(Duration::from_millis(2));
            }
        }
        _ => stream.write_all(response.as_bytes())?,
    }
    match wrong {
        Wrong::Resets => {
            stream.write_all(&MESSAGE[..5])?;
            return Ok(set_socket_linger(&stream, Some(Duration::ZERO))?);
        }
        Wrong::HalfCloses => {
            stream.write_all(&MESSAGE[..5])?;
            stream.shutdown(Shutdown::Write)?;
        }
        Wrong::Leaves => return Ok(()),
        Wrong::BreaksARule => stream.write_all(b"\x81\x81\x00\x00\x00\x00x")?,
        Wrong::DoesNotClose => stream.write_all(MESSAGE)?,
        _ => {}
    }
    // Until the client goes away.
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored)? > 0 {}
    Ok(())
}

fn options(addr: SocketAddr, wrong: Wrong) -> ConnectOptions {
    let config = Config::default()
        // Without Pings where the Close is what is not answered.
        .keepalive((wrong == Wrong::SaysNothing).then_some(
            Keepalive::default().interval(Duration::from_secs(1)).timeout(Duration::from_secs(1)),
        ))
        .handshake_timeout(match wrong {
            Wrong::NoResponse => Duration::from_secs(1),
            _ => TIMEOUT,
        })
        .close_timeout(Duration::from_secs(1));
    ConnectOptions::new(format!("ws://{addr}/")).config(config)
}

/// The result of a connection by the direct API.
struct End {
    received: Vec<String>,
    error: Option<Error>,
    closure: Option<Closure>,
}

fn by_blocking(options: ConnectOptions) -> Result<End, ConnectError> {
    let mut socket = blocking::connect(options)?;
    let (mut received, mut error) = (Vec::new(), None);
    loop {
        match socket.recv() {
            Ok(Some(message)) => received.push(message.as_text().unwrap().to_owned()),
            Ok(None) => break,
            Err(first) => assert!(error.replace(first).is_none(), "an error is told once"),
        }
        if !received.is_empty() {
            socket.close(CloseCode::NORMAL, "").unwrap();
        }
    }
    Ok(End { received, error, closure: socket.closure().cloned() })
}

async fn on<R: OnRuntime>(options: ConnectOptions) -> Result<End, ConnectError> {
    let mut socket = R::connect_to(options).await?;
    let (mut received, mut error) = (Vec::new(), None);
    loop {
        match socket.recv().await {
            Ok(Some(message)) => received.push(message.as_text().unwrap().to_owned()),
            Ok(None) => break,
            Err(first) => assert!(error.replace(first).is_none(), "an error is told once"),
        }
        if !received.is_empty() {
            socket.close(CloseCode::NORMAL, "").await.unwrap();
        }
    }
    Ok(End { received, error, closure: socket.closure().cloned() })
}

/// Compares the result with the expected one.
fn judge(wrong: Wrong, end: Result<End, ConnectError>) {
    let end = match (wrong, end) {
        (Wrong::Gibberish, Err(ConnectError::Handshake(_)))
        | (Wrong::NoResponse, Err(ConnectError::TimedOut { .. })) => return,
        (_, Ok(end)) => end,
        (_, Err(error)) => panic!("{wrong:?}: {error}"),
    };
    let fault = end.closure.as_ref().and_then(|closure| closure.fault);
    let sent = end.closure.as_ref().and_then(|closure| closure.sent);
    assert!(end.closure.is_none_or(|closure| !closure.clean), "{wrong:?}");
    let waits_for_the_end = matches!(wrong, Wrong::DoesNotClose | Wrong::IsSlow);
    assert_eq!(end.received.len(), usize::from(waits_for_the_end), "{wrong:?}");
    match (wrong, end.error) {
        // The reset may be what a read finds.
        (Wrong::Resets | Wrong::HalfCloses | Wrong::Leaves, Some(Error::Io(_))) => {}
        (
            Wrong::Resets | Wrong::HalfCloses | Wrong::Leaves,
            Some(Error::Fault(Fault::ConnectionLost)),
        ) => {}
        (Wrong::BreaksARule, Some(Error::Fault(Fault::Protocol(_)))) => {
            assert_eq!(sent, Some(CloseCode::PROTOCOL_ERROR));
        }
        (Wrong::SaysNothing, Some(Error::Fault(Fault::Timeout(Timeout::Pong)))) => {}
        (Wrong::DoesNotClose | Wrong::IsSlow, None) => {
            assert_eq!(fault, Some(Fault::Timeout(Timeout::Close)));
        }
        (_, error) => panic!("{wrong:?}: {error:?}"),
    }
}

#[derive(Debug)]
enum Told {
    Message(String),
    Error,
    Close(bool),
}

/// By callbacks, all at once; each tells one error at most, one close, and nothing after.
fn by_facade(
    wrong: Wrong,
    addr: SocketAddr,
    create: fn(ConnectOptions) -> Result<WebSocket, ConnectError>,
) {
    let start = |_| {
        let socket = create(options(addr, wrong)).unwrap();
        let (tell, told) = mpsc::channel();
        let (closer, on_message) = (socket.clone(), tell.clone());
        socket.on_message(move |message| {
            let text = message.as_text().unwrap().to_owned();
            on_message.send(Told::Message(text)).unwrap();
            closer.close(1000);
        });
        let on_error = tell.clone();
        socket.on_error(move |_| on_error.send(Told::Error).unwrap());
        socket.on_close(move |close| tell.send(Told::Close(close.was_clean)).unwrap());
        (socket, told)
    };
    let sockets: Vec<_> = (0..CROWD).map(start).collect();
    for (socket, told) in sockets {
        if matches!(wrong, Wrong::DoesNotClose | Wrong::IsSlow) {
            let first = told.recv_timeout(TIMEOUT).unwrap();
            assert!(matches!(&first, Told::Message(text) if text == "0123456789"), "{first:?}");
        }
        let mut next = told.recv_timeout(TIMEOUT).unwrap();
        if matches!(next, Told::Error) {
            next = told.recv_timeout(TIMEOUT).unwrap();
        }
        assert!(matches!(next, Told::Close(false)), "{wrong:?}: {next:?}");
        drop(socket);
        let end = told.recv_timeout(TIMEOUT);
        assert!(matches!(end, Err(RecvTimeoutError::Disconnected)), "{wrong:?}: {end:?}");
    }
}

/// In tasks, all at once.
fn crowd_on<R: OnRuntime>(wrong: Wrong, addr: SocketAddr) {
    let start = |_| R::start(on::<R>(options(addr, wrong)));
    let tasks: Vec<_> = (0..CROWD).map(start).collect();
    R::block_on(async {
        for task in tasks {
            judge(wrong, task.await);
        }
    });
}

#[test]
fn clients_bear_a_crowd_of_faulty_servers() {
    let _bound = crate::watchdog::bound();
    let _turn = beside_others();
    thread::scope(|scope| {
        for wrong in WRONGS {
            let addr = start(wrong);
            for _ in 0..CROWD {
                scope.spawn(move || judge(wrong, by_blocking(options(addr, wrong))));
            }
            scope.spawn(move || crowd_on::<Smol>(wrong, addr));
            scope.spawn(move || by_facade(wrong, addr, blocking::websocketfactory::create));
            scope.spawn(move || by_facade(wrong, addr, Smol::create));
            #[cfg(feature = "tokio")]
            {
                scope.spawn(move || crowd_on::<crate::runtimes::Tokio>(wrong, addr));
                scope.spawn(move || by_facade(wrong, addr, crate::runtimes::Tokio::create));
            }
        }
    });
}
