//! Events: none is lost to timing, all come in order, and data that the peer does not take waits.

use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::peer::{BINARY, CLOSE, Peer};
use crate::run::{check, listener, promised, run};

#[test]
fn a_callback_set_after_its_event_still_gets_it() {
    check("late.js", |listener| {
        let mut peer = Peer::accept(&listener);
        peer.text("one");
        peer.send(BINARY, b"two");
        peer.expect_text("go");
        peer.close(3000, "bye");
        assert_eq!(peer.expect_close(), 3000);
        peer.end();
    });
}

#[test]
fn open_then_messages_in_order_then_one_error_then_one_close_then_nothing() {
    check("order.js", |listener| {
        let mut peer = Peer::accept(&listener);
        for number in 0..1000 {
            peer.text(&number.to_string());
        }
        // 5.2: a reserved opcode; and a message that comes too late.
        peer.send(3, b"");
        peer.text("too late");
        // Behind what the script sends.
        let close = std::iter::from_fn(|| peer.frame()).find(|frame| frame.opcode == CLOSE);
        assert_eq!(close.expect("it comes").payload[..2], 1002_u16.to_be_bytes());
        peer.end();
    });
}

#[test]
fn a_failed_connect_is_error_then_close_1006() {
    // A port without a listener.
    let (port, url) = listener();
    drop(port);
    run("failed.js", &[&url]).expect(&promised("failed.js"));
    check("failed.js", |listener| {
        let mut stream = Peer::accept_tcp(&listener);
        stream
            .write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            .expect("it leaves");
        let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
    });
}

#[test]
fn the_close_event_has_what_the_peer_said() {
    check("closings.js", |listener| {
        for (code, reason) in [(1000, ""), (1001, "going away"), (4999, "grüße 👋")] {
            let mut peer = Peer::accept(&listener);
            peer.close(code, reason);
            assert_eq!(peer.expect_close(), code);
            peer.end();
        }
        // None at all; and no closing handshake.
        let mut peer = Peer::accept(&listener);
        peer.send(CLOSE, b"");
        assert!(peer.frame().is_some());
        peer.end();
        Peer::accept(&listener).end();
    });
}

#[test]
fn messages_without_a_handler_wait_and_the_peer_has_to() {
    const MESSAGES: usize = 100;
    check("waiting.js", |listener: TcpListener| {
        let peer = Peer::accept(&listener);
        let mut stream = peer.stream.try_clone().expect("it is a socket");
        let frame = peer.frame_of(0x82, &vec![7; 1024 * 1024]);
        let sent = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&sent);
        let writer = thread::spawn(move || {
            for _ in 0..MESSAGES {
                stream.write_all(&frame).expect("the frame leaves in the end");
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        let mut peer = peer;
        peer.expect_text("nothing was taken yet");
        assert!(sent.load(Ordering::SeqCst) < MESSAGES / 2, "{sent:?}");
        assert_eq!(peer.expect_close_and_end(), 1000);
        writer.join().expect("it does not panic");
    });
}

#[test]
fn a_wait_is_over_when_it_is() {
    // The runner ends although a late callback was never set.
    let (listener, url) = listener();
    let peer = thread::spawn(move || {
        let mut peer = Peer::accept(&listener);
        peer.text("nobody listens");
        peer.close(1000, "");
        peer.expect_close();
        peer.end();
        listener.set_nonblocking(true).expect("it is a socket");
        assert_eq!(listener.accept().expect_err("it was one").kind(), ErrorKind::WouldBlock);
    });
    run("unheard.js", &[&url]).expect(&promised("unheard.js"));
    peer.join().expect("the peer is well");
}
