//! The facade: which events it reports, in which order, and which ends it retries.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use bluewire::OwnedMessage;
use bluewire::facade::ReadyState;
use bluewire::reconnect::Ending;

use crate::common::log::{Log, Told, closed, error, shape, text};
use crate::common::peer::Peer;
use crate::common::side::{Side, listener};
use crate::common::{PATIENCE, until};
use crate::on_each_client;
use crate::server::{Down, accept_and_close, is_left_alone, options, refuse, soon};

on_each_client! {
    fn a_server_that_refuses_for_now_is_asked_again_when_it_says(side) {
        let listener = listener();
        let start = Instant::now();
        let socket = side.create(options(&listener, soon())).expect("it is valid");
        let log = Log::of(&socket);
        let (tell, delays) = channel();
        let logged = log.clone();
        socket.on_reconnect(move |event| {
            assert!(event.error.as_ref().is_some_and(|error| error.data.contains("503")));
            tell.send(event.delay).expect("it is waited for");
            logged.push(Told::Reconnect(event.retry, event.close.code));
        });
        refuse(&listener, 503, "Retry-After: 0\r\n");
        refuse(&listener, 503, "Retry-After: 1\r\n");
        let mut peer = Peer::accept(&listener);
        log.wait(&Told::Open);
        assert!(start.elapsed() >= Duration::from_secs(1), "it came too early");
        let delays: Vec<_> = (0..2).map(|_| delays.recv().expect("two were told")).collect();
        assert!(delays[0] < Duration::from_secs(1) && delays[1] >= Duration::from_secs(1));
        assert_eq!(socket.response().expect("it is open").status(), 101);
        peer.close(1000, "done");
        peer.expect_close();
        peer.end();
        let first = [Told::Reconnect(1, 1006), Told::Reconnect(2, 1006), Told::Open];
        assert_eq!(log.at_end(), [&first[..], &[closed(1000, "done", true)]].concat());
    }

    fn a_server_that_restarts_is_found_again_by_the_same_socket(side) {
        let listener = listener();
        let socket = side.create(options(&listener, soon())).expect("it is valid");
        let log = Log::of(&socket);
        let greeter = socket.clone();
        let logged = log.clone();
        socket.on_open(move || {
            logged.push(Told::Open);
            greeter.send("hello");
        });
        let mut peer = Peer::accept(&listener);
        peer.expect_text("hello");
        peer.text("one");
        peer.close(1012, "restart");
        peer.expect_close();
        peer.end();
        let mut peer = Peer::accept(&listener);
        peer.expect_text("hello");
        peer.text("two");
        log.wait(&text("two"));
        assert_eq!(socket.ready_state(), ReadyState::Open);
        socket.close(log.close(1, 1000));
        assert_eq!(peer.expect_close_and_end(), 1000);
        // The greeter is let go with the callbacks.
        assert_eq!(log.at_end(), [
            Told::Open,
            text("one"),
            Told::Reconnect(1, 1012),
            Told::Open,
            text("two"),
            Told::Outcome(1, None),
            closed(1000, "", true),
        ]);
        assert!(is_left_alone(&listener));
    }

    fn a_connection_that_is_lost_is_replaced(side) {
        let listener = listener();
        let socket = side.create(options(&listener, soon())).expect("it is valid");
        let log = Log::of(&socket);
        let peer = Peer::accept(&listener);
        log.wait(&Told::Open);
        peer.end();
        let _peer = Peer::accept(&listener);
        let opened_twice = |all: &[Told]| all.iter().filter(|told| **told == Told::Open).count() == 2;
        let all = log.wait_until(opened_twice);
        assert_eq!(all, [Told::Open, Told::Reconnect(1, 1006), Told::Open]);
    }

    fn a_server_that_is_down_is_found_when_it_is_up(side) {
        let down = Down::new();
        let socket = side.create(down.options(soon())).expect("it is valid");
        let log = Log::of(&socket);
        log.wait(&Told::Reconnect(3, 1006));
        assert_eq!(socket.ready_state(), ReadyState::Connecting);
        let listener = down.up();
        let _peer = Peer::accept(&listener);
        let all = log.wait(&Told::Open);
        assert!(all[..all.len() - 1].iter().all(|told| matches!(told, Told::Reconnect(_, 1006))));
    }

    fn an_end_that_was_meant_is_the_end(side) {
        for code in [1000, 1002, 1008, 3000, 4000] {
            let listener = listener();
            let socket = side.create(options(&listener, soon())).expect("it is valid");
            let log = Log::of(&socket);
            accept_and_close(&listener, code);
            assert_eq!(log.at_end(), [Told::Open, closed(code, "", true)]);
            assert!(is_left_alone(&listener), "{code}");
        }
    }

    fn a_refusal_that_was_meant_is_the_end(side) {
        let listener = listener();
        let socket = side.create(options(&listener, soon())).expect("it is valid");
        let log = Log::of(&socket);
        refuse(&listener, 403, "Retry-After: 0\r\n");
        assert_eq!(shape(&log.at_end()), [error(), closed(1006, "", false)]);
        assert!(is_left_alone(&listener));
    }

    fn a_rule_of_ones_own_has_the_say(side) {
        let listener = listener();
        let moved = |ending: Ending<'_>| match ending {
            Ending::Closed(closure) => closure.code.value() == 4001,
            _ => false,
        };
        let reconnect = options(&listener, soon().when(moved));
        let socket = side.create(reconnect).expect("it is valid");
        let log = Log::of(&socket);
        accept_and_close(&listener, 4001);
        accept_and_close(&listener, 1012);
        let all = [Told::Open, Told::Reconnect(1, 4001), Told::Open, closed(1012, "", true)];
        assert_eq!(log.at_end(), all);
    }

    fn it_gives_up_after_so_many_retries(side) {
        let listener = listener();
        let reconnect = options(&listener, soon().retries_max(2));
        let socket = side.create(reconnect).expect("it is valid");
        let log = Log::of(&socket);
        (0..3).for_each(|_| refuse(&listener, 503, ""));
        let retries = [Told::Reconnect(1, 1006), Told::Reconnect(2, 1006)];
        let end = [error(), closed(1006, "", false)];
        assert_eq!(shape(&log.at_end()), [retries, end].concat());
    }

    fn a_callback_that_is_set_late_is_told_while_it_waits(side) {
        let listener = listener();
        let reconnect = options(&listener, crate::server::late());
        let socket = side.create(reconnect).expect("it is valid");
        refuse(&listener, 503, "");
        let log = Log::default();
        // Perhaps before, perhaps after it happens.
        log.on_reconnect(&socket);
        log.wait(&Told::Reconnect(1, 1006));
        socket.clear_on_reconnect();
        assert_eq!(log.now().len(), 1);
    }

    fn messages_that_wait_are_told_before_those_of_the_next_connection(side) {
        let listener = listener();
        let socket = side.create(options(&listener, soon())).expect("it is valid");
        let mut peer = Peer::accept(&listener);
        peer.text("one");
        peer.close(1012, "");
        // It answers although the message was not taken.
        peer.expect_close();
        peer.end();
        let mut peer = Peer::accept(&listener);
        peer.text("two");
        until("it is open again", || socket.ready_state() == ReadyState::Open);
        let (tell, messages) = channel();
        socket.on_message(move |message| drop(tell.send(message.into_owned())));
        for expected in ["one", "two"] {
            let message = messages.recv_timeout(PATIENCE).expect("it is not lost");
            assert_eq!(message, OwnedMessage::Text(expected.to_owned()));
        }
    }
}
