//! The facade: what ends it for good, while it waits and else.

use bluewire::Canceller;
use bluewire::facade::{ReadyState, WebSocket};
use bluewire::reconnect::Ending;

use crate::common::log::{Log, Told, closed, error, shape};
use crate::common::peer::Peer;
use crate::common::side::{Side, listener};
use crate::on_each_client;
use crate::server::{accept_and_close, is_left_alone, late, options, refuse, soon};

/// One that waits for an hour.
fn waiting(side: Side) -> (WebSocket, Log) {
    let listener = listener();
    let socket = side.create(options(&listener, late())).expect("it is valid");
    let log = Log::of(&socket);
    accept_and_close(&listener, 1012);
    assert_eq!(log.wait(&Told::Reconnect(1, 1012)), [Told::Open, Told::Reconnect(1, 1012)]);
    (socket, log)
}

fn failed() -> [Told; 2] {
    [error(), closed(1006, "", false)]
}

/// The events after those that led to the wait.
fn since(log: &Log) -> Vec<Told> {
    shape(&log.at_end()[2..])
}

on_each_client! {
    fn send_while_it_waits_fails_with_200_and_queues_nothing(side) {
        let (socket, log) = waiting(side);
        assert_eq!(socket.ready_state(), ReadyState::Connecting);
        assert!(socket.response().is_none() && socket.protocol().is_none());
        socket.send(log.send(1, "too early"));
        assert_eq!(log.outcome(1), Some(200));
        assert_eq!(socket.buffered_amount(), 0);
    }

    fn close_while_it_waits_is_the_end(side) {
        let (socket, log) = waiting(side);
        socket.close(log.close(1, 1005));
        assert_eq!(log.outcome(1), Some(202));
        assert_eq!(socket.ready_state(), ReadyState::Connecting);
        socket.close(log.close(2, 1000));
        assert_eq!(socket.ready_state(), ReadyState::Closed);
        let outcomes = [Told::Outcome(1, Some(202)), Told::Outcome(2, Some(200))];
        assert_eq!(since(&log), [outcomes, failed()].concat());
    }

    fn close_inside_on_reconnect_is_the_end(side) {
        let listener = listener();
        let socket = side.create(options(&listener, soon())).expect("it is valid");
        let log = Log::of(&socket);
        let closer = socket.clone();
        socket.on_reconnect(move |_| closer.close(1000));
        accept_and_close(&listener, 1012);
        assert_eq!(shape(&log.at_end()), [&[Told::Open][..], &failed()].concat());
        assert!(is_left_alone(&listener));
    }

    fn a_canceller_ends_the_wait(side) {
        let listener = listener();
        let canceller = Canceller::new();
        let reconnect = options(&listener, late()).canceller(&canceller);
        let socket = side.create(reconnect).expect("it is valid");
        let log = Log::of(&socket);
        refuse(&listener, 503, "");
        log.wait(&Told::Reconnect(1, 1006));
        canceller.cancel();
        assert_eq!(shape(&log.at_end()[1..]), failed());
        assert_eq!(socket.ready_state(), ReadyState::Closed);
    }

    fn a_canceller_closes_what_is_open_and_lets_no_attempt_follow(side) {
        let listener = listener();
        let canceller = Canceller::new();
        let reconnect = options(&listener, soon()).canceller(&canceller);
        let socket = side.create(reconnect).expect("it is valid");
        let log = Log::of(&socket);
        let mut peer = Peer::accept(&listener);
        log.wait(&Told::Open);
        canceller.cancel();
        assert_eq!(peer.expect_close(), 1001);
        // Which would be worth a retry.
        peer.close(1012, "");
        peer.end();
        assert_eq!(shape(&log.at_end()), [Told::Open, closed(1012, "", true)]);
        assert!(is_left_alone(&listener));
    }

    fn dropping_the_last_handle_while_it_waits_is_the_end(side) {
        let (socket, log) = waiting(side);
        drop(socket);
        assert_eq!(since(&log), failed());
    }

    fn close_while_it_is_open_is_answered_and_the_end(side) {
        let listener = listener();
        let socket = side.create(options(&listener, soon())).expect("it is valid");
        let log = Log::of(&socket);
        let mut peer = Peer::accept(&listener);
        log.wait(&Told::Open);
        socket.close(log.close(1, 1000));
        assert_eq!(peer.expect_close(), 1000);
        // Which would be worth a retry, had we not closed.
        peer.close(1012, "");
        peer.end();
        let all = [Told::Open, Told::Outcome(1, None), closed(1012, "", true)];
        assert_eq!(log.at_end(), all);
        assert!(is_left_alone(&listener));
    }

    fn a_panic_in_on_reconnect_is_told_and_the_end(side) {
        let listener = listener();
        let socket = side.create(options(&listener, late())).expect("it is valid");
        let log = Log::of(&socket);
        socket.on_reconnect(|_| panic!("boom"));
        accept_and_close(&listener, 1012);
        let told = Told::Error("the application's callback panicked: boom".to_owned());
        assert_eq!(log.at_end(), [Told::Open, told, closed(1006, "", false)]);
    }

    fn a_panic_in_an_outcome_while_it_waits_is_told_and_the_end(side) {
        let (socket, log) = waiting(side);
        let options = bluewire::facade::SendOptions::new("too early");
        socket.send(options.fail(|_, _| panic!("boom")));
        let told = Told::Error("the application's callback panicked: boom".to_owned());
        assert_eq!(log.at_end()[2..], [told, closed(1006, "", false)]);
    }

    fn a_panic_in_on_open_is_1011_and_the_end(side) {
        let listener = listener();
        let socket = side.create(options(&listener, soon())).expect("it is valid");
        let log = Log::of(&socket);
        let mut count = 0;
        socket.on_open(move || {
            count += 1;
            assert!(count < 2, "boom");
        });
        accept_and_close(&listener, 1012);
        assert_eq!(Peer::accept(&listener).expect_close_and_end(), 1011);
        let told = Told::Error("the application's callback panicked: boom".to_owned());
        let all = [Told::Reconnect(1, 1012), told, closed(1011, "", true)];
        assert_eq!(log.at_end(), all);
        assert!(is_left_alone(&listener));
    }

    fn a_panic_in_a_rule_is_told_and_the_end(side) {
        let listener = listener();
        let rule = |_: Ending<'_>| panic!("boom");
        let socket = side.create(options(&listener, soon().when(rule))).expect("it is valid");
        let log = Log::of(&socket);
        refuse(&listener, 503, "");
        let told = Told::Error("the application's callback panicked: boom".to_owned());
        assert_eq!(log.at_end(), [told, closed(1006, "", false)]);
    }

    fn all_that_callbacks_hold_is_let_go_at_the_end_only(side) {
        let (socket, log) = waiting(side);
        let held = std::sync::Arc::new(());
        let guard = held.clone();
        socket.on_message(move |_| drop(guard.clone()));
        assert_eq!(std::sync::Arc::strong_count(&held), 2);
        socket.close(1000);
        log.at_end();
        let count = || std::sync::Arc::strong_count(&held);
        crate::common::until("it is let go", || count() == 1);
    }
}
