//! A thousand connections leave nothing behind. In a binary of its own, since it counts the
//! resources of the whole process.
#![cfg(all(feature = "blocking", feature = "smol", target_os = "linux"))]

#[path = "common/watchdog.rs"]
mod watchdog;

mod common;

use std::net::TcpListener;
use std::sync::Arc;

use bluewire::facade::WebSocket;

use common::log::{Log, Told, closed, text};
use common::peer::Peer;
use common::side::{Side, listener};
use common::until;

const ROUNDS: usize = 1000;

#[test]
fn a_thousand_connections_leave_nothing_behind() {
    let _bound = watchdog::bound();
    for &side in Side::CLIENTS {
        let listener = listener();
        let captured = Arc::new(());
        let round = |number| one_round(side, &listener, number, &captured);
        // Resources that are made once and kept, such as smol's executor, are there after some
        // rounds.
        (0..10).for_each(round);
        until("the first are gone", || Arc::strong_count(&captured) == 1);
        settle();
        let before = (count("fd"), count("task"));
        (0..ROUNDS).for_each(round);
        until("all are gone", || Arc::strong_count(&captured) == 1);
        let now = || (count("fd"), count("task"));
        until("files and threads are as they were", || now().0 <= before.0 && now().1 <= before.1);
    }
}

/// One connection, which ends in one of several ways.
fn one_round(side: Side, listener: &TcpListener, number: usize, captured: &Arc<()>) {
    // An attempt that is given up may have been made or not: it has a listener of its own.
    let given_up = common::side::listener();
    let listener = if number % 4 == 2 { &given_up } else { listener };
    let url = format!("ws://{}/", listener.local_addr().expect("it is bound"));
    let socket = side.create(url).expect("it is valid");
    let log = Log::of(&socket);
    hold(&socket, captured);
    match number % 4 {
        // In order, by the client.
        0 => {
            let mut peer = Peer::accept(listener);
            socket.on_message({
                let (socket, captured) = (socket.clone(), Arc::clone(captured));
                move |message| {
                    let _ = &captured;
                    socket.send(message);
                    socket.close(1000);
                }
            });
            peer.text("echo");
            peer.expect_text("echo");
            assert_eq!(peer.expect_close_and_end(), 1000);
            log.wait(&closed(1000, "", true));
        }
        // By the last handle.
        1 => {
            let (stream, _) = listener.accept().expect("it comes");
            let server = bluewire::blocking::accept(stream).expect("it is lawful");
            let server = server.into_facade().expect("there is a thread");
            log.wait(&Told::Open);
            server.send("hello");
            log.wait(&text("hello"));
            drop(server);
            log.wait(&closed(1001, "", true));
        }
        // While connecting.
        2 => {
            socket.close(log.close(1, 1000));
            assert_eq!(log.outcome(1), Some(200));
        }
        // By a reset.
        _ => {
            let peer = Peer::accept(listener);
            log.wait(&Told::Open);
            drop(peer);
        }
    }
    drop(socket);
    log.at_end();
}

/// A callback that holds a handle of its own connection.
fn hold(socket: &WebSocket, captured: &Arc<()>) {
    let (inner, captured) = (socket.clone(), Arc::clone(captured));
    socket.on_error(move |_| {
        let _ = (&captured, inner.ready_state());
    });
}

/// Waits until threads and files that are on their way out are gone.
fn settle() {
    let mut last = (0, 0);
    let mut same = 0;
    while same < 20 {
        let now = (count("fd"), count("task"));
        same = if now == last { same + 1 } else { 0 };
        last = now;
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

fn count(of: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{of}")).expect("it is Linux").count()
}
