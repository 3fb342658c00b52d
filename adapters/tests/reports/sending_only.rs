//! Programs that only send. Keepalive works for them too.

use std::io::{Read, sink};
use std::thread;
use std::time::{Duration, Instant};

use bluewire::{Config, Error, Fault, Keepalive, Timeout};

use crate::peer::{PING, PONG, Peer, blocking_server, server_on};
use crate::runtimes::{OnRuntime, within_each_runtime};
use crate::within;

const PAUSE: Duration = Duration::from_millis(20);
/// Much later than keepalive needs, for a busy machine.
const LATE: Duration = Duration::from_secs(5);

fn config() -> Config {
    let keepalive = Keepalive::default()
        .interval(Duration::from_millis(200))
        // Long enough for a busy machine to answer.
        .timeout(Duration::from_secs(1));
    Config::default().keepalive(keepalive)
}

/// Takes all that comes, and says nothing.
fn is_silent(mut peer: Peer) {
    thread::spawn(move || {
        // However it ends.
        let _ = std::io::copy(&mut peer.stream.by_ref(), &mut sink());
    });
}

fn expect_pong_timeout(error: &Error) {
    assert!(matches!(error, Error::Fault(Fault::Timeout(Timeout::Pong))), "{error:?}");
}

#[test]
fn a_program_that_only_sends_notices_a_silent_peer() {
    let _bound = crate::watchdog::bound();
    let (mut socket, peer) = blocking_server(config());
    is_silent(peer);
    within("blocking", move || {
        let start = Instant::now();
        let error = loop {
            if let Err(error) = socket.send("news") {
                break error;
            }
            assert!(start.elapsed() < LATE, "nothing was noticed");
            thread::sleep(PAUSE);
        };
        expect_pong_timeout(&error);
    });

    within_each_runtime!(within, notices_a_silent_peer);
}

fn notices_a_silent_peer<R: OnRuntime>() {
    let (mut socket, peer) = server_on::<R>(config());
    is_silent(peer);
    R::block_on(async {
        let start = Instant::now();
        let error = loop {
            if let Err(error) = socket.send("news").await {
                break error;
            }
            assert!(start.elapsed() < LATE, "nothing was noticed");
            R::sleep(PAUSE).await;
        };
        expect_pong_timeout(&error);
    });
}

/// Answers Pings, and ends after this many.
fn answers_pings(mut peer: Peer, count: usize) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut answered = 0;
        while answered < count {
            let (opcode, payload) = peer.frame().unwrap();
            if opcode == PING {
                peer.send(PONG, &payload);
                answered += 1;
            }
        }
    })
}

#[test]
fn a_program_that_only_sends_keeps_a_peer_that_answers() {
    let _bound = crate::watchdog::bound();
    let (mut socket, peer) = blocking_server(config());
    let answering = answers_pings(peer, 3);
    within("blocking", move || {
        while !answering.is_finished() {
            socket.send("news").unwrap();
            thread::sleep(PAUSE);
        }
        answering.join().unwrap();
    });

    within_each_runtime!(within, keeps_a_peer_that_answers);
}

fn keeps_a_peer_that_answers<R: OnRuntime>() {
    let (mut socket, peer) = server_on::<R>(config());
    let answering = answers_pings(peer, 3);
    R::block_on(async {
        while !answering.is_finished() {
            socket.send("news").await.unwrap();
            R::sleep(PAUSE).await;
        }
    });
    answering.join().unwrap();
}
