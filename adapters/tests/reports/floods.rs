//! Peers that never stop talking. Deadlines come all the same.

use std::time::{Duration, Instant};

use bluewire::{CloseCode, Closure, Config, Error, Fault, Timeout};

use crate::peer::{BINARY, PING, Peer, blocking_server, frame, server_on};
use crate::runtimes::{OnRuntime, within_each_runtime};
use crate::within;

const DEADLINE: Duration = Duration::from_millis(300);
/// Much later than the deadline, for a busy machine.
const LATE: Duration = Duration::from_secs(5);

fn config() -> Config {
    Config::default().close_timeout(DEADLINE)
}

/// The floods: of large messages, and of messages that take more time than bytes.
const LENS: [usize; 2] = [4096, 1];

/// Messages that the other end does not wait for, without end.
fn sends_messages(peer: Peer, len: usize) {
    peer.flood(frame(0x80 | BINARY, &vec![7; len]).repeat(65_536 / (len + 6)));
}

/// The beginning of a message, and then Pings without end.
fn sends_pings_in_a_message(mut peer: Peer) {
    std::io::Write::write_all(&mut peer.stream, &frame(BINARY, b"begun")).unwrap();
    let mut reading = peer.stream.try_clone().unwrap();
    // It reads, so that no output stands.
    std::thread::spawn(move || std::io::copy(&mut reading, &mut std::io::sink()));
    peer.flood(frame(0x80 | PING, b"?").repeat(1_000));
}

fn expect_close_timeout(closed: Result<Closure, Error>, since: Instant) {
    let closure = closed.unwrap();
    assert_eq!(closure.fault, Some(Fault::Timeout(Timeout::Close)), "{closure:?}");
    assert!(since.elapsed() < LATE, "{:?}", since.elapsed());
}

#[test]
fn a_flood_does_not_postpone_the_close_timeout() {
    let _bound = crate::watchdog::bound();
    for len in LENS {
        let (mut socket, peer) = blocking_server(config());
        sends_messages(peer, len);
        within("blocking", move || {
            let since = Instant::now();
            expect_close_timeout(socket.close(CloseCode::NORMAL, ""), since);
        });

        within_each_runtime!(within, closes_in_a_flood, len);
    }
}

fn closes_in_a_flood<R: OnRuntime>(len: usize) {
    let (mut socket, peer) = server_on::<R>(config());
    sends_messages(peer, len);
    let since = Instant::now();
    let closed = R::block_on(socket.close(CloseCode::NORMAL, ""));
    expect_close_timeout(closed, since);
}

#[test]
fn a_flood_does_not_postpone_the_close_timeout_of_split_halves() {
    let _bound = crate::watchdog::bound();
    for len in LENS {
        let (socket, peer) = blocking_server(config());
        sends_messages(peer, len);
        within("blocking", move || {
            let (mut reader, writer) = socket.split();
            let since = Instant::now();
            writer.close(CloseCode::NORMAL, "").unwrap();
            while let Ok(Some(_)) = reader.recv() {
                assert!(since.elapsed() < LATE, "messages still come");
            }
            expect_close_timeout(writer.closed(), since);
        });

        within_each_runtime!(within, halves_close_in_a_flood, len);
    }
}

fn halves_close_in_a_flood<R: OnRuntime>(len: usize) {
    let (socket, peer) = server_on::<R>(config());
    sends_messages(peer, len);
    R::block_on(async {
        let (mut reader, writer) = socket.split();
        let since = Instant::now();
        writer.close(CloseCode::NORMAL, "").await.unwrap();
        while let Ok(Some(_)) = reader.recv().await {
            assert!(since.elapsed() < LATE, "messages still come");
        }
        expect_close_timeout(writer.closed().await, since);
    });
}

#[test]
fn a_flood_of_pings_does_not_postpone_the_message_timeout() {
    let _bound = crate::watchdog::bound();
    let (mut socket, peer) = blocking_server(config().message_timeout(DEADLINE));
    sends_pings_in_a_message(peer);
    within("blocking", move || {
        let since = Instant::now();
        expect_message_timeout(socket.recv_owned(), since);
    });

    within_each_runtime!(within, a_message_times_out_in_a_flood);
}

fn expect_message_timeout<T: std::fmt::Debug>(received: Result<T, Error>, since: Instant) {
    match received {
        Err(Error::Fault(fault)) => assert_eq!(fault, Fault::Timeout(Timeout::Message)),
        other => panic!("{other:?}"),
    }
    assert!(since.elapsed() < LATE, "{:?}", since.elapsed());
}

fn a_message_times_out_in_a_flood<R: OnRuntime>() {
    let (mut socket, peer) = server_on::<R>(config().message_timeout(DEADLINE));
    sends_pings_in_a_message(peer);
    let since = Instant::now();
    expect_message_timeout(R::block_on(socket.recv_owned()), since);
}
