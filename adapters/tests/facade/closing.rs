//! `close`: its arguments, its outcome, and what goes out before it.

use std::time::Duration;

use bluewire::Config;
use bluewire::facade::{CloseOptions, ReadyState};

use crate::common::log::{Log, Told, closed, error, shape};
use crate::common::side::Side;
use crate::on_each_side;

fn short() -> Config {
    Config::default().close_timeout(Duration::from_millis(100))
}

on_each_side! {
    fn an_argument_that_breaks_a_rule_fails_with_202_and_leaves_it_open(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        let mut number = 0;
        let mut refused = |options: CloseOptions| {
            number += 1;
            socket.close(log.close(number, options));
            assert_eq!(log.outcome(number), Some(202));
            assert_eq!(socket.ready_state(), ReadyState::Open);
        };
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
            refused(code.into());
        }
        refused((1000, &*"x".repeat(124)).into());
        // 124 bytes in 62 characters.
        refused((1000, &*"ä".repeat(62)).into());
        refused(CloseOptions::default().reason("without a code"));
        refused(CloseOptions::default().reason(""));
        socket.send("still open");
        peer.expect_text("still open");
    }

    fn every_code_that_may_be_sent_is_sent(side) {
        for code in [1000, 1001, 1003, 1007, 1014, 3000, 4999] {
            let (socket, mut peer) = side.open();
            let log = Log::of(&socket);
            let reason = "r".repeat(123);
            socket.close(log.close(1, (code, &*reason)));
            let frame = peer.frame().expect("it comes");
            let body = [&code.to_be_bytes()[..], reason.as_bytes()].concat();
            assert_eq!((frame.opcode, frame.payload), (8, body));
            peer.close(code, &reason);
            peer.end();
            assert_eq!(log.outcome(1), None);
            log.wait(&closed(code, &reason, true));
        }
    }

    fn without_arguments_it_closes_with_1000(side) {
        let (socket, mut peer) = side.open();
        socket.close(CloseOptions::default());
        let frame = peer.frame().expect("it comes");
        assert_eq!((frame.opcode, &*frame.payload), (8, &1000_u16.to_be_bytes()[..]));
    }

    fn success_is_called_when_the_closing_handshake_is_complete(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        socket.close(log.close(1, (1000, "close as normal")));
        assert_eq!(peer.expect_close(), 1000);
        log.wait(&Told::Open);
        assert_eq!(log.now(), [Told::Open], "the peer has not answered");
        assert_eq!(socket.ready_state(), ReadyState::Closing);
        peer.close(1000, "as you like");
        // The peer keeps TCP, and the connection is not over yet.
        assert_eq!(log.outcome(1), None);
        assert_eq!(log.now(), [Told::Open, Told::Outcome(1, None)]);
        assert_eq!(socket.ready_state(), ReadyState::Closing);
        peer.end();
        let expected = [Told::Open, Told::Outcome(1, None), closed(1000, "as you like", true)];
        assert_eq!(log.at_end(), expected);
        assert_eq!(socket.ready_state(), ReadyState::Closed);
    }

    fn fail_is_204_when_the_handshake_is_not_complete_in_time(side) {
        let (socket, mut peer) = side.open_with(short());
        let log = Log::of(&socket);
        log.wait(&Told::Open);
        socket.close(log.close(1, 1000));
        assert_eq!(peer.expect_close(), 1000);
        let expected =
            [Told::Open, Told::Outcome(1, Some(204)), error(), closed(1006, "", false)];
        assert_eq!(shape(&log.at_end()), expected);
    }

    fn fail_is_300_when_the_connection_ends_before_the_answer(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        log.wait(&Told::Open);
        socket.close(log.close(1, 1000));
        assert_eq!(peer.expect_close(), 1000);
        peer.end();
        let expected =
            [Told::Open, Told::Outcome(1, Some(300)), error(), closed(1006, "", false)];
        assert_eq!(shape(&log.at_end()), expected);
    }

    fn a_peer_that_goes_on_sending_does_not_put_the_timeout_off(side) {
        let (socket, mut peer) = side.open_with(short());
        let log = Log::of(&socket);
        log.wait(&Told::Open);
        socket.close(log.close(1, 1000));
        let flood = peer.frame_of(0x81, b"still here");
        while std::io::Write::write_all(&mut peer.stream, &flood).is_ok() {}
        assert_eq!(log.outcome(1), Some(204));
    }

    fn a_second_close_fails_with_205(side) {
        let (socket, peer) = side.open();
        let log = Log::of(&socket);
        socket.close(log.close(1, 1000));
        socket.close(log.close(2, 3000));
        assert_eq!(log.outcome(2), Some(205));
        assert_eq!(peer.expect_close_and_end(), 1000);
        assert_eq!(log.outcome(1), None);
        log.wait(&closed(1000, "", true));
        socket.close(log.close(3, 1000));
        assert_eq!(log.outcome(3), Some(200));
    }

    fn a_close_after_the_peers_fails_with_205(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        peer.close(1000, "");
        assert_eq!(peer.expect_close(), 1000);
        socket.close(log.close(1, 1000));
        assert_eq!(log.outcome(1), Some(205));
        peer.end();
        log.wait(&closed(1000, "", true));
    }

    fn messages_sent_before_go_out_first(side) {
        const LARGE: usize = 8 * 1024 * 1024;
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        log.wait(&Told::Open);
        socket.send(log.send(1, vec![7; LARGE]));
        socket.send(log.send(2, "last"));
        socket.close(log.close(3, 1000));
        assert_eq!(peer.frame().expect("it comes").payload.len(), LARGE);
        peer.expect_text("last");
        assert_eq!(peer.expect_close_and_end(), 1000);
        let outcomes = [1, 2, 3].map(|number| Told::Outcome(number, None));
        let all = [&[Told::Open], &outcomes[..], &[closed(1000, "", true)]].concat();
        assert_eq!(log.at_end(), all);
    }

    fn messages_still_come_until_the_peers_close(side) {
        let (socket, mut peer) = side.open();
        let log = Log::of(&socket);
        socket.close(1000);
        assert_eq!(peer.expect_close(), 1000);
        peer.text("still on its way");
        peer.close(1000, "");
        peer.end();
        let all = log.at_end();
        let message = crate::common::log::text("still on its way");
        assert_eq!(all, [Told::Open, message, closed(1000, "", true)]);
    }
}
