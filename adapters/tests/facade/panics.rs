//! A panic in a callback: it is contained and reported, and the connection closes with 1011.

use bluewire::facade::{CloseOptions, SendOptions, WebSocket};

use crate::common::log::{Log, Told, closed, text};
use crate::common::peer::Peer;
use crate::common::side::Side;
use crate::on_each_side;

fn told() -> Told {
    Told::Error("the application's callback panicked: boom".to_owned())
}

/// Lets a callback panic, set or called by `arm`, and expects 1011 and nothing lost.
fn expect_1011(side: Side, arm: impl FnOnce(&WebSocket)) -> (Vec<Told>, Peer) {
    let (socket, mut peer) = side.open();
    let log = Log::of(&socket);
    log.wait(&Told::Open);
    arm(&socket);
    peer.text("one");
    assert_eq!(peer.expect_close(), 1011);
    peer.text("two");
    peer.close(1011, "");
    peer.stream.shutdown(std::net::Shutdown::Write).expect("it is connected");
    let all = log.at_end();
    assert_eq!(all[all.len() - 2..], [told(), closed(1011, "", true)]);
    (all, peer)
}

on_each_side! {
    fn in_on_open(side) {
        let (socket, mut peer) = side.open();
        let log = Log::default();
        log.on_message(&socket);
        log.on_error(&socket);
        log.on_close(&socket);
        socket.on_open(|| panic!("boom"));
        peer.text("one");
        assert_eq!(peer.expect_close_and_end(), 1011);
        assert_eq!(log.at_end(), [text("one"), told(), closed(1011, "", true)]);
    }

    fn in_on_message(side) {
        let (mut count, log) = (0, Log::default());
        let rest = log.clone();
        expect_1011(side, |socket| {
            socket.on_message(move |message| {
                count += 1;
                assert!(count > 1, "boom");
                rest.push(Told::Message(message.into_owned()));
            });
        });
        // The one after it is not lost.
        assert_eq!(log.wait_for_silence(), [text("two")]);
    }

    fn in_success(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        log.wait(&Told::Open);
        socket.send(log.send(1, "x"));
        socket.send(SendOptions::new("y").success(|| panic!("boom")));
        peer.expect_text("x");
        peer.expect_text("y");
        assert_eq!(peer.expect_close_and_end(), 1011);
        let all = [Told::Open, Told::Outcome(1, None), told(), closed(1011, "", true)];
        assert_eq!(log.at_end(), all);
    }

    fn in_fail(side) {
        let (all, _) = expect_1011(side, |socket| {
            socket.close(CloseOptions::default().code(1).fail(|_, _| panic!("boom")));
        });
        assert_eq!(all[..3], [Told::Open, text("one"), text("two")]);
    }

    fn in_the_drop_of_a_callback(side) {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("boom");
            }
        }
        expect_1011(side, |socket| {
            let bomb = Bomb;
            let again = socket.clone();
            socket.on_message(move |_| {
                let _ = &bomb;
                again.on_message(|_| {});
            });
        });
    }

    fn with_a_payload_that_panics_when_dropped(side) {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("another");
            }
        }
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        socket.on_message(|_| std::panic::panic_any(Bomb));
        peer.text("one");
        assert_eq!(peer.expect_close_and_end(), 1011);
        log.wait(&closed(1011, "", true));
    }

    fn in_on_error(side) {
        let (socket, peer) = side.open();
        let log = Log::of(&socket);
        socket.on_error(|_| panic!("boom"));
        peer.end();
        assert_eq!(log.at_end(), [Told::Open, closed(1006, "", false)]);
    }

    fn in_on_close(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        let last = log.clone();
        socket.on_close(move |close| {
            last.push(closed(close.code, "", close.was_clean));
            panic!("boom");
        });
        peer.close(1000, "");
        assert_eq!(peer.expect_close(), 1000);
        peer.end();
        // After close, nothing.
        assert_eq!(log.at_end(), [Told::Open, closed(1000, "", true)]);
    }

    fn it_does_not_stop_a_message_that_waits(side) {
        let (socket, mut peer) = side.open();
        peer.text("one");
        peer.text("two");
        peer.text("three");
        let log = Log::default();
        log.on_error(&socket);
        log.on_close(&socket);
        let rest = log.clone();
        socket.on_message(move |message| {
            assert_ne!(message.as_text(), Some("one"), "boom");
            rest.push(Told::Message(message.into_owned()));
        });
        assert_eq!(peer.expect_close_and_end(), 1011);
        let all = log.at_end();
        assert_eq!(all[..2], [text("two"), text("three")]);
        assert!(matches!(all[2], Told::Error(_)));
        assert_eq!(all[3..], [closed(1011, "", true)]);
    }
}
