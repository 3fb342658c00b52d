//! Peers that end their direction of the stream while they still read.

use std::net::Shutdown;

use bluewire::{CloseCode, Config};

use crate::peer::{CLOSE, Peer, TEXT, blocking_server, server_on};
use crate::runtimes::{OnRuntime, within_each_runtime};
use crate::within;

/// The last words of a peer that closes, and half-closes right behind its Close frame.
fn closes_and_half_closes(peer: &mut Peer) {
    peer.send(TEXT, b"Hello");
    peer.send(CLOSE, &1000_u16.to_be_bytes());
    peer.stream.shutdown(Shutdown::Write).unwrap();
}

fn gets_echo_answer_and_end(peer: &mut Peer) {
    assert_eq!(peer.frame(), Some((TEXT, b"Hello".to_vec())));
    assert_eq!(peer.frame(), Some((CLOSE, 1000_u16.to_be_bytes().to_vec())));
    assert_eq!(peer.frame(), None);
}

#[test]
fn a_peer_that_half_closes_behind_its_close_frame_gets_all_answers() {
    let _bound = crate::watchdog::bound();
    let (mut socket, mut peer) = blocking_server(Config::default());
    closes_and_half_closes(&mut peer);
    let closure = within("blocking", move || {
        while let Some((message, mut sender)) = socket.recv_with_sender().unwrap() {
            sender.send(message).unwrap();
        }
        socket.closure().cloned().unwrap()
    });
    gets_echo_answer_and_end(&mut peer);
    assert!(closure.clean, "{closure:?}");

    within_each_runtime!(within, answers_a_peer_that_half_closes);
}

fn answers_a_peer_that_half_closes<R: OnRuntime>() {
    let (mut socket, mut peer) = server_on::<R>(Config::default());
    closes_and_half_closes(&mut peer);
    R::block_on(async {
        while let Some((message, mut sender)) = socket.recv_with_sender().await.unwrap() {
            sender.send(message).await.unwrap();
        }
    });
    gets_echo_answer_and_end(&mut peer);
    let closure = socket.closure().unwrap();
    assert!(closure.clean, "{closure:?}");
}

#[test]
fn a_peer_that_half_closes_without_a_close_frame_is_lost_behind_its_messages() {
    let _bound = crate::watchdog::bound();
    let (mut socket, mut peer) = blocking_server(Config::default());
    peer.send(TEXT, b"Hello");
    peer.stream.shutdown(Shutdown::Write).unwrap();
    let closure = within("blocking", move || {
        assert_eq!(socket.recv().unwrap(), Some("Hello".into()));
        // How this says that the connection is lost is not the question here.
        let _ = socket.recv();
        socket.closure().cloned().unwrap()
    });
    assert_eq!((closure.code, closure.clean), (CloseCode::ABNORMAL, false));

    within_each_runtime!(within, loses_a_peer_that_half_closes);
}

fn loses_a_peer_that_half_closes<R: OnRuntime>() {
    let (mut socket, mut peer) = server_on::<R>(Config::default());
    peer.send(TEXT, b"Hello");
    peer.stream.shutdown(Shutdown::Write).unwrap();
    R::block_on(async {
        assert_eq!(socket.recv().await.unwrap(), Some("Hello".into()));
        let _ = socket.recv().await;
    });
    let closure = socket.closure().unwrap();
    assert_eq!((closure.code, closure.clean), (CloseCode::ABNORMAL, false));
}
