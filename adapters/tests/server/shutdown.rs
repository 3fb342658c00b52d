//! How all leave.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use bluewire::{CloseCode, ServerOptions, blocking};

use crate::fixture::*;
use crate::runtimes::{OnRuntime, on_each_runtime};

#[test]
fn each_style_serves_and_shuts_down_in_order() {
    let _bound = crate::watchdog::bound();
    for &adapter in ALL {
        for style in [Style::Serve, Style::Facade, Style::Accept] {
            let server = Running::start(adapter, style, ServerOptions::default());
            let mut sockets: Vec<_> =
                (0..5).map(|_| blocking::connect(server.url()).unwrap()).collect();
            sockets.iter_mut().for_each(speak);
            assert_eq!(server.connections(), 5, "{adapter:?} {style:?}");
            let first = sockets.remove(0).close(CloseCode::NORMAL, "").unwrap();
            assert!(first.clean);
            wait_until("the first has left", || server.connections() == 4);
            let clients: Vec<_> = sockets
                .into_iter()
                .map(|mut socket| {
                    thread::spawn(move || {
                        assert_eq!(socket.recv().unwrap(), None);
                        socket.closure().cloned().unwrap()
                    })
                })
                .collect();
            let report = server.shutdown(TIMEOUT);
            assert_eq!((report.closed, report.cut, report.handshakes), (4, 0, 0));
            for client in clients {
                let closure = client.join().unwrap();
                assert_eq!(closure.code, CloseCode::GOING_AWAY, "{adapter:?} {style:?}");
                assert!(closure.clean, "{adapter:?} {style:?}");
            }
        }
    }
}

#[test]
fn a_peer_that_does_not_answer_is_cut_in_budget() {
    let _bound = crate::watchdog::bound();
    for &adapter in ALL {
        for style in [Style::Serve, Style::Facade, Style::Accept] {
            let server = Running::start(adapter, style, ServerOptions::default());
            let mut mute = TcpStream::connect(server.addr).unwrap();
            mute.set_read_timeout(Some(TIMEOUT)).unwrap();
            mute.write_all(upgrade("/", "").as_bytes()).unwrap();
            let mut stalled = TcpStream::connect(server.addr).unwrap();
            stalled.write_all(b"GET / HT").unwrap();
            wait_until("it is open", || server.connections() == 1);
            // The second has been heard of, too.
            thread::sleep(Duration::from_millis(200));
            let start = Instant::now();
            let report = server.shutdown(Duration::from_secs(1));
            assert_eq!((report.closed, report.cut), (0, 1), "{adapter:?} {style:?}");
            assert_eq!(report.handshakes, 1, "{adapter:?} {style:?}");
            let took = start.elapsed();
            assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(5), "{took:?}");
            let mut seen = Vec::new();
            mute.read_to_end(&mut seen).unwrap();
            // A Close frame with 1001, then the end.
            assert!(seen.ends_with(&[0x88, 2, 0x03, 0xe9]), "{adapter:?} {style:?} {seen:?}");
        }
    }
}

#[test]
fn split_connections_shut_down_in_order() {
    let _bound = crate::watchdog::bound();
    let server = blocking::Server::bind("127.0.0.1:0").unwrap();
    let (url, handle) = (format!("ws://{}/", server.local_addr()), server.handle());
    let accepting = thread::spawn(move || server.accept().map(|socket| (socket, server)));
    let mut client = blocking::connect(url).unwrap();
    let (socket, _server) = accepting.join().unwrap().unwrap();
    let (mut reader, writer) = socket.split();
    let reading = thread::spawn(move || reader.recv().map(|message| message.is_none()));
    let client = thread::spawn(move || {
        assert_eq!(client.recv().unwrap(), None);
        client.closure().unwrap().code
    });
    let report = handle.shutdown(TIMEOUT);
    assert_eq!((report.closed, report.cut), (1, 0));
    assert!(reading.join().unwrap().unwrap());
    assert_eq!(client.join().unwrap(), CloseCode::GOING_AWAY);
    drop(writer);
}

on_each_runtime!(a_cut_connection_ends_though_its_task_keeps_the_socket);

/// A task that keeps the socket of a connection that was cut does not keep its stream open.
fn a_cut_connection_ends_though_its_task_keeps_the_socket<R: OnRuntime>() {
    let (handles, handle) = std::sync::mpsc::channel();
    let (accepting, accepted) = std::sync::mpsc::channel();
    let serving = thread::spawn(move || {
        R::block_on(async {
            let server = R::bind("127.0.0.1:0").await.unwrap();
            handles.send((server.local_addr(), server.handle())).unwrap();
            let mut socket = server.accept().await.unwrap();
            accepting.send(()).unwrap();
            let received = socket.recv().await.map(|message| message.is_none());
            (socket, received)
        })
    });
    let (addr, handle) = handle.recv_timeout(TIMEOUT).unwrap();
    let mut mute = TcpStream::connect(addr).unwrap();
    mute.set_read_timeout(Some(TIMEOUT)).unwrap();
    mute.write_all(upgrade("/", "").as_bytes()).unwrap();
    accepted.recv_timeout(TIMEOUT).unwrap();
    let report = R::block_on(handle.shutdown(Duration::from_millis(300)));
    assert_eq!((report.closed, report.cut), (0, 1));
    let (_kept, _received) = serving.join().unwrap();
    let mut seen = Vec::new();
    mute.read_to_end(&mut seen).unwrap();
    assert!(seen.ends_with(&[0x88, 2, 0x03, 0xe9]), "{seen:?}");
}
