//! `on_close`: what it says of every ending, and the states on the way there.

use std::time::Duration;

use bluewire::facade::ReadyState;
use bluewire::{Config, Keepalive};

use crate::common::log::{Log, Told, closed, error, shape};
use crate::common::peer::CLOSE;
use crate::common::side::Side;
use crate::on_each_side;

on_each_side! {
    fn it_carries_the_peers_code_and_reason(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        peer.close(4711, "grüß dich");
        assert_eq!(peer.expect_close(), 4711);
        // Both Close frames have crossed, and TCP still stands.
        assert_eq!(socket.ready_state(), ReadyState::Closing);
        assert_eq!(log.wait(&Told::Open), [Told::Open]);
        peer.end();
        assert_eq!(log.at_end(), [Told::Open, closed(4711, "grüß dich", true)]);
    }

    fn it_is_1005_where_the_peers_close_frame_is_empty(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        peer.send(CLOSE, b"");
        let answer = peer.frame().expect("it comes");
        assert_eq!((answer.opcode, answer.payload.len()), (CLOSE, 0));
        peer.end();
        assert_eq!(log.at_end(), [Told::Open, closed(1005, "", true)]);
    }

    fn it_is_1006_where_no_close_frame_came(side) {
        let (socket, peer) = side.open();
        let log = Log::of(&socket);
        peer.end();
        assert_eq!(shape(&log.at_end()), [Told::Open, error(), closed(1006, "", false)]);
    }

    fn it_is_1006_where_the_peer_resets(side) {
        let (socket, peer) = side.open();
        let log = Log::of(&socket);
        log.wait(&Told::Open);
        socket.send(log.send(1, "unread"));
        log.outcome(1);
        // The peer's end goes with a byte unread, which is a reset.
        let mut byte = [0];
        peer.stream.peek(&mut byte).expect("it came");
        drop(peer);
        let all = [Told::Open, Told::Outcome(1, None), error(), closed(1006, "", false)];
        assert_eq!(shape(&log.at_end()), all);
    }

    fn it_is_1006_where_the_peer_is_silent(side) {
        let short = Duration::from_millis(50);
        let keepalive = Some(Keepalive::default().interval(short).timeout(short));
        let (socket, peer) = side.open_with(Config::default().keepalive(keepalive));
        let log = Log::of(&socket);
        assert_eq!(shape(&log.at_end()), [Told::Open, error(), closed(1006, "", false)]);
        drop(peer);
    }

    fn a_peer_that_is_given_up_is_told_why(side) {
        let idle_timeout = Some(Duration::from_millis(50));
        let (socket, mut peer) = side.open_with(Config::default().idle_timeout(idle_timeout));
        let log = Log::of(&socket);
        assert_eq!(peer.expect_close(), 1001);
        assert_eq!(shape(&log.at_end()), [Told::Open, error(), closed(1006, "", false)]);
    }

    fn it_is_1006_and_not_clean_where_the_peer_breaks_the_protocol(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        // 8.1: text that is not UTF-8.
        peer.send(1, b"\xff");
        assert_eq!(peer.expect_close_and_end(), 1007);
        assert_eq!(shape(&log.at_end()), [Told::Open, error(), closed(1006, "", false)]);
    }

    fn it_is_called_once_where_both_close_at_once(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        log.wait(&Told::Open);
        peer.close(3001, "peer");
        socket.close(3002);
        peer.expect_close();
        peer.end();
        assert_eq!(log.at_end(), [Told::Open, closed(3001, "peer", true)]);
    }

    fn a_connection_without_callbacks_ends_as_well(side) {
        let (socket, peer) = side.open();
        peer.end();
        let over = || socket.ready_state() == ReadyState::Closed;
        crate::common::until("it is closed", over);
    }

    fn dropping_the_last_handle_closes_with_1001(side) {
        let (socket, mut peer) = side.open();
        let clone = socket.clone();
        let log = Log::of(&socket);
        log.wait(&Told::Open);
        drop(socket);
        clone.send("one is left");
        peer.expect_text("one is left");
        drop(clone);
        assert_eq!(peer.expect_close_and_end(), 1001);
        assert_eq!(log.at_end(), [Told::Open, closed(1001, "", true)]);
    }

    fn dropping_the_last_handle_is_bounded_in_time(side) {
        let close_timeout = Duration::from_millis(50);
        let (socket, mut peer) = side.open_with(Config::default().close_timeout(close_timeout));
        drop(socket);
        assert_eq!(peer.expect_close(), 1001);
        peer.expect_end();
    }

    fn dropping_the_last_handle_inside_a_callback_is_fine(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        log.wait(&Told::Open);
        let (mut last, done) = (Some(socket.clone()), log.clone());
        socket.on_message(move |_| {
            drop(last.take());
            done.push(Told::Message(bluewire::OwnedMessage::Text("dropped".to_owned())));
        });
        drop(socket);
        peer.text("drop it");
        assert_eq!(peer.expect_close_and_end(), 1001);
        let message = crate::common::log::text("dropped");
        assert_eq!(log.at_end(), [Told::Open, message, closed(1001, "", true)]);
    }
}
