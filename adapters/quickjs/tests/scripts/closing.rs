//! `close`: what it checks, and its one outcome.

use std::io::Read;
use std::thread;

use crate::peer::Peer;
use crate::run::{check, check_echo, echo, listener, promised, run};

#[test]
fn close_checks_its_arguments_and_leaves_the_connection_open() {
    check_echo("close_arguments.js");
}

#[test]
fn every_code_that_may_be_sent_is() {
    check_echo("close_codes.js");
}

#[test]
fn messages_sent_before_go_out_first_and_a_second_close_fails() {
    check("close_order.js", |listener| {
        let mut peer = Peer::accept(&listener);
        for number in 0..100 {
            peer.expect_text(&number.to_string());
        }
        assert_eq!(peer.expect_close_and_end(), 3001);
    });
}

#[test]
fn closing_while_connecting_abandons_the_attempt() {
    check("close_connecting.js", |listener| {
        let mut stream = Peer::accept_tcp(&listener);
        let _ = stream.read_to_end(&mut Vec::new());
    });
}

#[test]
fn close_fails_when_the_peer_does_not_answer() {
    // Never, until it is given up.
    let (listener, url) = listener();
    let silent = thread::spawn(move || {
        let mut peer = Peer::accept(&listener);
        assert_eq!(peer.expect_close(), 1000);
        peer.expect_end();
    });
    run("close_timeout.js", &[&url, "204"]).expect(&promised("close_timeout.js"));
    silent.join().expect("the peer is well");
    // By the end of the connection.
    let (listener, url) = self::listener();
    let rude = thread::spawn(move || {
        let mut peer = Peer::accept(&listener);
        assert_eq!(peer.expect_close(), 1000);
        peer.end();
    });
    run("close_timeout.js", &[&url, "300"]).expect(&promised("close_timeout.js"));
    rude.join().expect("the peer is well");
}

#[test]
fn after_the_end_send_and_close_fail_with_200() {
    run("closed.js", &[&echo()]).expect(&promised("closed.js"));
}
