//! The server ends the TCP connection first (7.1.1), whatever kind of stream it runs over.
#![cfg(all(feature = "blocking", feature = "smol"))]

#[path = "common/watchdog.rs"]
mod watchdog;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use bluewire::{blocking, smol as on_smol};
use smol::Async;

const HANDSHAKE: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
/// A masked Close frame without a payload.
const CLOSE: &[u8] = b"\x88\x80\x01\x02\x03\x04";

#[test]
fn blocking_server_ends_the_stream_once_closed() {
    let _bound = watchdog::bound();
    assert_ends(&[HANDSHAKE, CLOSE], |stream| {
        if let Ok(mut socket) = blocking::accept(stream) {
            let _ = socket.recv();
        }
    });
}

#[test]
fn smol_server_ends_a_stream_once_closed() {
    let _bound = watchdog::bound();
    assert_ends(&[HANDSHAKE, CLOSE], |stream| serve(Async::new(stream).expect("a socket")));
}

#[test]
fn smol_server_ends_a_stream_of_smol_once_closed() {
    let _bound = watchdog::bound();
    assert_ends(&[HANDSHAKE, CLOSE], |stream| {
        serve(smol::net::TcpStream::from(Async::new(stream).expect("a socket")));
    });
}

#[test]
fn smol_facade_ends_a_stream_once_closed() {
    let _bound = watchdog::bound();
    assert_ends(&[HANDSHAKE, CLOSE], |stream| {
        let accepted = smol::block_on(on_smol::accept(Async::new(stream).expect("a socket")));
        let socket = accepted.expect("the handshake is lawful").into_facade();
        thread::sleep(Duration::from_secs(2));
        drop(socket);
    });
}

#[cfg(feature = "tokio")]
#[test]
fn tokio_server_ends_a_stream_once_closed() {
    let _bound = watchdog::bound();
    assert_ends(&[HANDSHAKE, CLOSE], serve_on_tokio);
}

#[cfg(feature = "tokio")]
#[test]
fn tokio_server_ends_a_stream_it_refuses() {
    let _bound = watchdog::bound();
    assert_ends(&[b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"], serve_on_tokio);
}

#[cfg(feature = "tokio")]
#[test]
fn tokio_facade_ends_a_stream_once_closed() {
    let _bound = watchdog::bound();
    assert_ends(&[HANDSHAKE, CLOSE], |stream| {
        tokio_runtime().block_on(async {
            let socket = bluewire::tokio::accept(tokio_stream(stream)).await;
            let socket = socket.expect("the handshake is lawful").into_facade();
            tokio::time::sleep(Duration::from_secs(2)).await;
            drop(socket);
        });
    });
}

#[cfg(feature = "tokio")]
fn tokio_runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("the system gives one")
}

/// Within a runtime.
#[cfg(feature = "tokio")]
fn tokio_stream(stream: TcpStream) -> tokio::net::TcpStream {
    stream.set_nonblocking(true).expect("a socket");
    tokio::net::TcpStream::from_std(stream).expect("a socket")
}

#[cfg(feature = "tokio")]
fn serve_on_tokio(stream: TcpStream) {
    tokio_runtime().block_on(async {
        if let Ok(mut socket) = bluewire::tokio::accept(tokio_stream(stream)).await {
            let _ = socket.recv().await;
        }
    });
}

#[test]
fn smol_server_ends_a_stream_it_refuses() {
    let _bound = watchdog::bound();
    assert_ends(&[b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"], |stream| {
        serve(Async::new(stream).expect("a socket"));
    });
}

fn serve<S>(stream: S)
where
    S: smol::io::AsyncRead + smol::io::AsyncWrite + Unpin + 'static,
{
    smol::block_on(async {
        if let Ok(mut socket) = on_smol::accept(stream).await {
            let _ = socket.recv().await;
        }
    });
}

/// The client sends and then waits for the end, without ending its own side.
fn assert_ends(sent: &[&[u8]], server: fn(TcpStream)) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let mut client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("open");
    let (stream, _) = listener.accept().expect("the client connects");
    thread::spawn(move || server(stream));
    client.write_all(&sent.concat()).expect("it sends");
    let started = Instant::now();
    client.set_read_timeout(Some(Duration::from_secs(20))).expect("a duration");
    client.read_to_end(&mut Vec::new()).expect("an end");
    // A refused client is dropped after a second in any case.
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
}
