//! `send`: what it takes, exactly as it is, and its one outcome.

use std::thread;

use crate::peer::{BINARY, Peer, TEXT};
use crate::run::{check, check_echo, listener, promised, run};

#[test]
fn text_and_buffers_come_back_as_they_were() {
    check_echo("round_trip.js");
}

#[test]
fn views_are_sent_as_the_bytes_that_they_show() {
    check("views.js", |listener| {
        let mut peer = Peer::accept(&listener);
        let bytes: Vec<u8> = (0..16).collect();
        let expected = [&bytes[..], &[], &bytes[..], &bytes[4..12], &bytes[2..5], &bytes[15..]];
        for (opcode, payload) in expected
            .map(|payload| (BINARY, payload))
            .into_iter()
            .chain([(BINARY, &bytes[8..16]); 11])
            .chain([(TEXT, "a\u{fffd}b\u{fffd}\u{1f44b}\0".as_bytes())])
        {
            let frame = peer.frame().expect("a message comes");
            assert_eq!((frame.opcode, &*frame.payload), (opcode, payload));
        }
        assert_eq!(peer.expect_close_and_end(), 1000);
    });
}

#[test]
fn waiting_data_is_bounded_and_reported() {
    let (listener, url) = listener();
    let peer = thread::spawn(move || {
        let peer = Peer::accept(&listener);
        // Takes nothing until the script connects once more, and then goes away.
        let sign = Peer::accept(&listener);
        drop((peer, sign));
    });
    run("bounded.js", &[&url]).expect(&promised("bounded.js"));
    peer.join().expect("the peer is well");
}
