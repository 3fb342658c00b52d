//! SIGPIPE ends a program that has not asked for anything else: no write may raise it.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bluewire::{CloseCode, Config, blocking, smol as adapter};
use signal_hook::consts::SIGPIPE;
use smol::Async;

use crate::peer::tcp_pair;
use crate::process::{Process, argument};
#[cfg(feature = "_tls")]
use crate::{PATIENCE, tls};

#[test]
fn a_peer_that_is_gone_raises_no_sigpipe() {
    let _bound = crate::watchdog::bound();
    for transport in ["tcp", "unix", "tls"] {
        for &adapter in crate::ADAPTERS {
            if transport == "tls" && !cfg!(feature = "_tls") {
                continue;
            }
            let mut process = Process::start(
                "signals::writes_to_a_peer_that_is_gone",
                &format!("{adapter} {transport}"),
            );
            assert!(process.succeeds(), "{adapter} over {transport}");
        }
    }
}

#[test]
#[ignore = "runs in a process of its own, which another test starts"]
fn writes_to_a_peer_that_is_gone() {
    let _bound = crate::watchdog::bound();
    let raised = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGPIPE, Arc::clone(&raised)).unwrap();
    match &*argument() {
        "blocking tcp" => write_blocking(tcp_socket()),
        "blocking unix" => write_blocking(unix_socket()),
        "smol tcp" => write_smol(Async::new(tcp_socket()).unwrap()),
        "smol unix" => write_smol(Async::new(unix_socket()).unwrap()),
        #[cfg(feature = "tokio")]
        "tokio tcp" => write_tokio(|| {
            let socket = tcp_socket();
            socket.set_nonblocking(true).unwrap();
            tokio::net::TcpStream::from_std(socket).unwrap()
        }),
        #[cfg(feature = "tokio")]
        "tokio unix" => write_tokio(|| {
            let socket = unix_socket();
            socket.set_nonblocking(true).unwrap();
            tokio::net::UnixStream::from_std(socket).unwrap()
        }),
        #[cfg(feature = "_tls")]
        "blocking tls" => over_tls(|server| {
            let tls = blocking::TlsStream::connect(server, "127.0.0.1", &tls::TLS.1, PATIENCE);
            write_blocking(tls.unwrap());
        }),
        #[cfg(feature = "_tls")]
        "smol tls" => over_tls(|server| {
            let server = Async::new(server).unwrap();
            let tls = adapter::TlsStream::connect(server, "127.0.0.1", &tls::TLS.1);
            write_smol(smol::block_on(tls).unwrap());
        }),
        #[cfg(all(feature = "_tls", feature = "tokio"))]
        "tokio tls" => over_tls(|server| {
            use bluewire::tokio::TlsStream;
            server.set_nonblocking(true).unwrap();
            write_tokio_in(async {
                let server = tokio::net::TcpStream::from_std(server).unwrap();
                TlsStream::connect(server, "127.0.0.1", &tls::TLS.1).await.unwrap()
            });
        }),
        other => panic!("{other}"),
    }
    assert!(!raised.load(Ordering::SeqCst), "SIGPIPE was raised");

    // That it would have been seen.
    let (mut ours, _theirs) = tcp_pair();
    ours.shutdown(Shutdown::Write).unwrap();
    let slices = [std::io::IoSlice::new(b"a"), std::io::IoSlice::new(b"b")];
    assert!(ours.write_vectored(&slices).is_err());
    assert!(raised.load(Ordering::SeqCst), "signals are not seen here");
}

/// A socket whose peer is gone.
fn tcp_socket() -> TcpStream {
    let (ours, theirs) = tcp_pair();
    drop(theirs);
    ours
}

/// Plays the client of a TLS server that goes away after the handshake.
#[cfg(feature = "_tls")]
fn over_tls(play: impl FnOnce(TcpStream)) {
    let (ours, theirs) = tcp_pair();
    let server = thread::spawn(move || {
        drop(blocking::TlsStream::accept(theirs, &tls::TLS.0, PATIENCE).unwrap());
    });
    play(ours);
    server.join().unwrap();
}

/// A socket whose peer is gone.
fn unix_socket() -> UnixStream {
    let (ours, theirs) = UnixStream::pair().unwrap();
    drop(theirs);
    ours
}

/// Enough for a write after the one that learns of the reset.
const WRITES: usize = 5;

fn write_blocking<S: blocking::Transport>(stream: S) {
    let mut socket = blocking::WebSocket::adopt_server(stream, &[], Config::default());
    for _ in 0..WRITES {
        let _ = socket.feed("fed");
        let _ = socket.send(&[7; 100_000][..]);
        thread::sleep(Duration::from_millis(20));
    }
    let _ = socket.close(CloseCode::NORMAL, "");
}

fn write_smol<S>(stream: S)
where
    S: smol::io::AsyncRead + smol::io::AsyncWrite + Unpin + 'static,
{
    smol::block_on(async {
        let mut socket = adapter::WebSocket::adopt_server(stream, &[], Config::default());
        for _ in 0..WRITES {
            let _ = socket.feed("fed").await;
            let _ = socket.send(&[7; 100_000][..]).await;
            smol::Timer::after(Duration::from_millis(20)).await;
        }
        let _ = socket.close(CloseCode::NORMAL, "").await;
    });
}

#[cfg(feature = "tokio")]
fn write_tokio<S>(stream: impl FnOnce() -> S)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + 'static,
{
    write_tokio_in(async { stream() });
}

#[cfg(feature = "tokio")]
fn write_tokio_in<S>(stream: impl Future<Output = S>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + 'static,
{
    use bluewire::tokio::WebSocket;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut socket = WebSocket::adopt_server(stream.await, &[], Config::default());
        for _ in 0..WRITES {
            let _ = socket.feed("fed").await;
            let _ = socket.send(&[7; 100_000][..]).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let _ = socket.close(CloseCode::NORMAL, "").await;
    });
}
