//! A process that was stopped for longer than keepalive waits. Bytes that arrived meanwhile count.

use std::thread;
use std::time::Duration;

use bluewire::{Config, ConnectOptions, Keepalive, blocking};

use crate::peer::{CLOSE, PING, PONG, Peer, TEXT, listener};
use crate::process::{Process, argument};
use crate::runtimes::{OnRuntime, Smol};
use crate::within;

/// Long enough for a busy machine to answer.
const TIMEOUT: Duration = Duration::from_secs(1);

fn options(url: &str) -> ConnectOptions {
    let keepalive = Keepalive::default().interval(Duration::from_millis(300)).timeout(TIMEOUT);
    ConnectOptions::new(url).config(Config::default().keepalive(keepalive))
}

#[test]
#[ignore = "runs in a process of its own, which another test starts"]
fn echoes_with_keepalive() {
    let _bound = crate::watchdog::bound();
    let argument = argument();
    let (adapter, url) = argument.split_once(' ').unwrap();
    match adapter {
        "blocking" => {
            let mut socket = blocking::connect(options(url)).unwrap();
            while let Some((message, mut sender)) = socket.recv_with_sender().unwrap() {
                sender.send(message).unwrap();
            }
        }
        "smol" => echoes_on::<Smol>(url),
        #[cfg(feature = "tokio")]
        "tokio" => echoes_on::<crate::runtimes::Tokio>(url),
        other => panic!("there is no adapter {other}"),
    }
}

fn echoes_on<R: OnRuntime>(url: &str) {
    R::block_on(async {
        let mut socket = R::connect_to(options(url)).await.unwrap();
        while let Some((message, mut sender)) = socket.recv_with_sender().await.unwrap() {
            sender.send(message).await.unwrap();
        }
    });
}

/// The next frame that is no Ping; Pings are answered. `None` at the end.
fn next(peer: &mut Peer) -> Option<(u8, Vec<u8>)> {
    loop {
        match peer.frame()? {
            (PING, payload) => peer.send_unmasked(PONG, &payload),
            other => return Some(other),
        }
    }
}

/// Waits for a Ping and answers it while the process stands still.
fn answers_while_it_is_stopped(peer: &mut Peer, process: &Process) {
    let (opcode, payload) = peer.frame().unwrap();
    assert_eq!(opcode, PING);
    process.signal("STOP");
    peer.send_unmasked(PONG, &payload);
    thread::sleep(TIMEOUT + TIMEOUT / 2);
    process.signal("CONT");
}

#[test]
fn an_answer_that_came_while_the_process_was_stopped_counts() {
    let _bound = crate::watchdog::bound();
    for &adapter in crate::ADAPTERS {
        within(adapter, move || {
            let listener = listener();
            let url = format!("ws://{}/", listener.local_addr().unwrap());
            let test = "suspended::echoes_with_keepalive";
            let mut process = Process::start(test, &format!("{adapter} {url}"));
            let mut peer = Peer::accept(&listener);
            for number in 0..2 {
                answers_while_it_is_stopped(&mut peer, &process);
                let message = format!("message {number}");
                peer.send_unmasked(TEXT, message.as_bytes());
                assert_eq!(next(&mut peer), Some((TEXT, message.into_bytes())), "{adapter}");
            }
            peer.send_unmasked(CLOSE, &1000_u16.to_be_bytes());
            assert_eq!(next(&mut peer), Some((CLOSE, 1000_u16.to_be_bytes().to_vec())));
            drop(peer);
            assert!(process.succeeds(), "{adapter}");
        });
    }
}
