//! Deadlines, on a clock that the tests turn: nothing here waits.

mod common;

use std::time::Duration;

use bluewire_core::{
    CloseCode, Config, Connection, Delivery, Fault, Inbox, Keepalive, Outbox, State, Timeout,
};

use common::{BOTH, End, NOW, Sent, Told, close_body, frame, header};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// A Ping after 20 seconds, its answer within 5; nothing else that passes.
fn keepalive() -> Config {
    let keepalive = Keepalive::default().interval(20 * SECOND).timeout(5 * SECOND);
    Config::default().keepalive(keepalive)
}

/// No timer but the closing handshake's.
fn quiet() -> Config {
    Config::default().keepalive(None).close_timeout(10 * SECOND)
}

impl End {
    /// Turns the clock, forward.
    fn at(&mut self, now: Duration) -> &mut Self {
        assert!(now >= self.now, "a clock that is turned back");
        self.now = now;
        self
    }

    fn handle_timeout(&mut self) {
        self.connection.handle_timeout(self.now, &mut self.outbox);
    }

    fn timeout(&self) -> Option<Duration> {
        self.connection.poll_timeout()
    }

    /// The fault once the deadlines up to `now` have passed.
    fn fault_at(&mut self, now: Duration) -> Option<Fault> {
        self.at(now).handle_timeout();
        self.connection.fault()
    }

    /// The payload of the one Ping in the outbox.
    fn keepalive_ping(&mut self) -> Vec<u8> {
        match &self.sent()[..] {
            [Sent(0x89, payload)] => payload.clone(),
            other => panic!("not one Ping: {other:?}"),
        }
    }
}

fn timed_out(timeout: Timeout) -> Option<Fault> {
    Some(Fault::Timeout(timeout))
}

#[test]
fn a_quiet_connection_is_asked_after_the_interval() {
    for role in BOTH {
        let mut end = End::with(role, &keepalive());
        assert_eq!(end.timeout(), Some(20 * SECOND));
        end.at(20 * SECOND - MS).handle_timeout();
        assert!(end.outbox.is_empty(), "too early");
        end.at(20 * SECOND).handle_timeout();
        end.keepalive_ping();
        assert_eq!(end.timeout(), Some(25 * SECOND), "now the answer is waited for");
    }
}

#[test]
fn any_byte_puts_the_next_ping_off() {
    for role in BOTH {
        let mut end = End::with(role, &keepalive());
        // Half a header, and then its other half.
        for (now, byte) in [15 * SECOND, 30 * SECOND].into_iter().zip(header(role, 0x81, 5)) {
            end.at(now).hear(&[byte]);
            assert_eq!(end.timeout(), Some(now + 20 * SECOND));
            end.handle_timeout();
            assert!(end.outbox.is_empty());
        }
    }
}

#[test]
fn looking_for_events_is_not_a_sign_of_life() {
    for role in BOTH {
        let mut end = End::with(role, &keepalive());
        end.hear(&[0x81]);
        for now in 1..20 {
            assert_eq!(end.at(now * SECOND).events(), []);
            assert_eq!(end.timeout(), Some(20 * SECOND));
        }
    }
}

/// An event that is taken late was heard when its bytes were first looked at.
#[test]
fn an_event_left_over_is_not_a_sign_of_life() {
    for role in BOTH {
        let mut end = End::with(role, &keepalive());
        let two = [frame(role, 0x81, b"one"), frame(role, 0x81, b"two")].concat();
        end.inbox.extend(&two);
        assert_eq!(end.at(SECOND).event(), Some(Told::text("one")));
        assert_eq!(end.at(2 * SECOND).event(), Some(Told::text("two")));
        assert_eq!(end.timeout(), Some(21 * SECOND));
    }
}

#[test]
fn a_peer_that_does_not_answer_is_gone() {
    for role in BOTH {
        let mut end = End::with(role, &keepalive());
        end.at(20 * SECOND).handle_timeout();
        end.keepalive_ping();
        assert_eq!(end.fault_at(25 * SECOND - MS), None);
        assert_eq!(end.fault_at(25 * SECOND), timed_out(Timeout::Pong));
        assert_eq!(end.connection.state(), State::Closed, "there is nobody to wait for");
        assert_eq!(end.timeout(), None);
        let Sent(first, body) = &end.sent()[0];
        assert_eq!((*first, &body[..2]), (0x88, &[0x03, 0xf3][..]), "1011 is tried");
    }
}

/// The answer to a ping counts from when the ping was laid, which may be late.
#[test]
fn a_late_ping_has_its_whole_time_to_be_answered() {
    for role in BOTH {
        let mut end = End::with(role, &keepalive());
        assert_eq!(end.fault_at(500 * SECOND), None);
        end.keepalive_ping();
        assert_eq!(end.timeout(), Some(505 * SECOND));
    }
}

#[test]
fn any_byte_is_an_answer() {
    for role in BOTH {
        let mut end = End::with(role, &keepalive());
        end.at(20 * SECOND).handle_timeout();
        end.keepalive_ping();
        end.at(24 * SECOND).hear(&[0x82]);
        assert_eq!(end.fault_at(25 * SECOND), None);
        assert_eq!(end.connection.round_trip(), None, "but not a measured one");
        assert_eq!(end.timeout(), Some(44 * SECOND), "the next ping, counted from that byte");
        end.at(44 * SECOND).handle_timeout();
        end.keepalive_ping();
    }
}

/// Bytes come before the clock: what has arrived in time was in time, however late it is looked
/// at.
#[test]
fn an_arrived_pong_does_not_lose_to_its_deadline() {
    for role in BOTH {
        let mut end = End::with(role, &keepalive());
        end.at(20 * SECOND).handle_timeout();
        let payload = end.keepalive_ping();
        end.inbox.extend(&frame(role, 0x8a, &payload));
        end.at(60 * SECOND);
        assert_eq!(end.events(), [Told::pong(&payload)]);
        assert_eq!(end.fault_at(60 * SECOND), None);
        assert_eq!(end.connection.state(), State::Open);
        assert_eq!(end.timeout(), Some(80 * SECOND));
    }
}

#[test]
fn the_round_trip_is_measured_by_the_pong_that_answers() {
    for role in BOTH {
        let mut end = End::with(role, &keepalive());
        assert_eq!(end.connection.round_trip(), None);
        end.at(20 * SECOND).handle_timeout();
        let first = end.keepalive_ping();
        end.at(20 * SECOND + 10 * MS).hear_frame(0x8a, b"something else");
        assert_eq!(end.connection.round_trip(), None);
        end.at(20 * SECOND + 30 * MS).hear_frame(0x8a, &first);
        assert_eq!(end.connection.round_trip(), Some(30 * MS));
        end.at(20 * SECOND + 90 * MS).hear_frame(0x8a, &first);
        assert_eq!(end.connection.round_trip(), Some(30 * MS), "it answers once");
    }
}

#[test]
fn a_stale_pong_measures_nothing() {
    for role in BOTH {
        let mut end = End::with(role, &keepalive());
        end.at(20 * SECOND).handle_timeout();
        let stale = end.keepalive_ping();
        end.at(21 * SECOND).hear_frame(0x82, b"a sign of life");
        end.at(41 * SECOND).handle_timeout();
        let latest = end.keepalive_ping();
        assert_ne!(stale, latest);

        end.at(42 * SECOND).hear_frame(0x8a, &stale);
        assert_eq!(end.connection.round_trip(), None);
        assert_eq!(end.fault_at(50 * SECOND), None, "though it is a sign of life");
        end.hear_frame(0x8a, &latest);
        assert_eq!(end.connection.round_trip(), Some(9 * SECOND));
    }
}

/// Pings of the application's are its own: no deadline waits for their answer.
#[test]
fn an_own_ping_starts_no_timer() {
    for role in BOTH {
        let mut end = End::with(role, &quiet());
        end.connection.ping(b"mine", &mut end.outbox).expect("open");
        assert_eq!(end.timeout(), None);
        assert_eq!(end.fault_at(1000 * SECOND), None);
        end.hear_frame(0x8a, b"mine");
        assert_eq!(end.connection.round_trip(), None);
    }
}

/// With the queue of control frames full, the pings in it ask as well as one more would.
#[test]
fn a_keepalive_ping_that_finds_no_room_is_waited_for_all_the_same() {
    for role in BOTH {
        let mut end = End::with(role, &keepalive());
        while end.connection.ping(&[0; 125], &mut end.outbox).is_ok() {}
        let len = end.outbox.len();
        end.at(20 * SECOND).handle_timeout();
        assert_eq!(end.outbox.len(), len);
        assert_eq!(end.fault_at(25 * SECOND), timed_out(Timeout::Pong));
    }
}

#[test]
fn silence_ends_a_connection_after_the_idle_timeout() {
    for role in BOTH {
        let config = quiet().idle_timeout(30 * SECOND);
        let mut end = End::with(role, &config);
        assert_eq!(end.timeout(), Some(30 * SECOND));
        end.at(29 * SECOND).hear(&[0x82]);
        assert_eq!(end.timeout(), Some(59 * SECOND), "any byte breaks the silence");
        assert_eq!(end.fault_at(59 * SECOND - MS), None);
        assert!(end.outbox.is_empty(), "and nobody is asked");
        assert_eq!(end.fault_at(59 * SECOND), timed_out(Timeout::Idle));
        assert_eq!(end.connection.state(), State::Closed);
        assert_eq!(end.timeout(), None);
        let Sent(first, body) = &end.sent()[0];
        assert_eq!((*first, &body[..2]), (0x88, &[0x03, 0xe9][..]), "1001 is tried");
    }
}

/// Bytes that this end sends are no sign of the peer's life.
#[test]
fn sending_puts_nothing_off() {
    for role in BOTH {
        let config = keepalive().idle_timeout(30 * SECOND);
        let mut end = End::with(role, &config);
        end.at(10 * SECOND);
        end.connection.send("x", &mut end.outbox).expect("open");
        end.write_all();
        assert_eq!(end.timeout(), Some(20 * SECOND));
    }
}

#[test]
fn a_message_must_be_complete_in_its_time() {
    for role in BOTH {
        for delivery in [Delivery::Whole, Delivery::Chunks] {
            let config = quiet().message_timeout(10 * SECOND).delivery(delivery);
            let mut end = End::with(role, &config);
            assert_eq!(end.timeout(), None);
            end.at(5 * SECOND).hear_frame(0x01, b"H");
            assert_eq!(end.timeout(), Some(15 * SECOND));
            // However busily its parts and control frames come.
            for now in 6..15 {
                end.at(now * SECOND).hear_frame(0x00, b"e");
                end.hear_frame(0x89, b"?");
                assert_eq!(end.timeout(), Some(15 * SECOND));
            }
            end.sent();
            assert_eq!(end.fault_at(15 * SECOND - MS), None);
            assert_eq!(end.fault_at(15 * SECOND), timed_out(Timeout::Message));
            assert_eq!(end.connection.state(), State::Closing, "the peer is there and is told");
            assert!(end.connection.should_shut_down());
            let Sent(first, body) = &end.sent()[0];
            assert_eq!((*first, &body[..2]), (0x88, &[0x03, 0xf0][..]), "1008");
            assert_eq!(end.hear_frame(0x80, b"llo"), []);
            assert_eq!(end.timeout(), Some(25 * SECOND), "now for the transport to end");
        }
    }
}

#[test]
fn the_time_of_a_message_runs_from_its_first_header() {
    for role in BOTH {
        let config = quiet().message_timeout(10 * SECOND);
        let mut end = End::with(role, &config);
        let bytes = frame(role, 0x81, b"Hello");
        end.hear(&bytes[..1]);
        assert_eq!(end.timeout(), None, "half a header is not a message yet");
        end.at(SECOND).hear(&bytes[1..bytes.len() - 1]);
        assert_eq!(end.timeout(), Some(11 * SECOND), "one frame is a message too");
        end.at(2 * SECOND);
        assert_eq!(end.hear(&bytes[bytes.len() - 1..]), [Told::text("Hello")]);
        assert_eq!(end.timeout(), None);

        end.at(3 * SECOND).hear_frame(0x01, b"an");
        assert_eq!(end.timeout(), Some(13 * SECOND), "another message, another time");
        end.at(12 * SECOND).hear_frame(0x80, b"other");
        assert_eq!(end.fault_at(100 * SECOND), None);
    }
}

/// A message that has arrived in time does not lose to its deadline.
#[test]
fn an_arrived_end_of_a_message_is_in_time() {
    for role in BOTH {
        let config = quiet().message_timeout(10 * SECOND);
        let mut end = End::with(role, &config);
        end.hear_frame(0x01, b"Hel");
        end.inbox.extend(&frame(role, 0x80, b"lo"));
        assert_eq!(end.at(10 * SECOND).events(), [Told::text("Hello")]);
        assert_eq!(end.fault_at(10 * SECOND), None);
    }
}

#[test]
fn a_closing_handshake_must_be_complete_in_its_time() {
    for role in BOTH {
        let mut end = End::with(role, &quiet());
        end.at(5 * SECOND);
        end.connection.close(end.now, CloseCode::NORMAL, "", &mut end.outbox).expect("open");
        assert_eq!(end.timeout(), Some(15 * SECOND));
        end.at(14 * SECOND).hear_frame(0x81, b"still talking");
        assert_eq!(end.timeout(), Some(15 * SECOND), "messages do not put it off");
        assert_eq!(end.fault_at(15 * SECOND - MS), None);
        assert_eq!(end.fault_at(15 * SECOND), timed_out(Timeout::Close));
        assert_eq!(end.connection.state(), State::Closed);
        assert_eq!(end.timeout(), None);
    }
}

/// 7.1.1: a peer that has closed and does not end the transport is not waited for without end.
#[test]
fn the_end_of_the_transport_must_come_in_its_time() {
    for role in BOTH {
        let mut end = End::with(role, &quiet());
        end.at(5 * SECOND).hear_frame(0x88, &close_body(1000, ""));
        assert_eq!(end.timeout(), Some(15 * SECOND));
        assert_eq!(end.fault_at(15 * SECOND), None, "nothing went wrong");
        assert_eq!(end.connection.state(), State::Closed);
        assert!(end.connection.closure().expect("closed").clean);

        let mut end = End::with(role, &quiet());
        end.at(5 * SECOND).hear(&[0x83, 0x00]);
        let fault = end.connection.fault();
        assert_eq!(end.timeout(), Some(15 * SECOND));
        assert_eq!(end.fault_at(15 * SECOND), fault, "the first fault stays");
        assert_eq!(end.connection.state(), State::Closed);
    }
}

/// The time to close runs from the first Close frame, whoever sent it.
#[test]
fn the_answer_does_not_put_the_end_off() {
    for role in BOTH {
        let mut end = End::with(role, &quiet());
        end.connection.close(end.now, CloseCode::NORMAL, "", &mut end.outbox).expect("open");
        end.at(9 * SECOND).hear_frame(0x88, &close_body(1000, ""));
        assert_eq!(end.timeout(), Some(10 * SECOND));
        end.connection.fail(end.now, CloseCode::INTERNAL_ERROR, "", &mut end.outbox);
        assert_eq!(end.timeout(), Some(10 * SECOND));
    }
}

/// Nor do messages that come in between.
#[test]
fn a_message_does_not_put_the_end_off() {
    for role in BOTH {
        let mut end = End::with(role, &quiet().message_timeout(SECOND));
        end.at(SECOND).hear_frame(0x01, b"under way");
        end.connection.close(end.now, CloseCode::NORMAL, "", &mut end.outbox).expect("open");
        for now in 2..11 {
            end.at(now * SECOND).hear_frame(0x80, b"the end");
            end.hear_frame(0x01, b"another");
            assert_eq!(end.timeout(), Some(11 * SECOND));
        }
    }
}

/// Once the closing handshake has begun no other deadline counts.
#[test]
fn a_closing_connection_is_not_asked_for_life() {
    let config = keepalive()
        .idle_timeout(3 * SECOND)
        .message_timeout(2 * SECOND)
        .close_timeout(100 * SECOND);
    for role in BOTH {
        let mut end = End::with(role, &config);
        end.hear_frame(0x01, b"under way");
        end.connection.close(end.now, CloseCode::NORMAL, "", &mut end.outbox).expect("open");
        end.sent();
        for now in 0..100 {
            assert_eq!(end.fault_at(now * SECOND), None);
            assert_eq!(end.timeout(), Some(100 * SECOND));
        }
        assert!(end.outbox.is_empty());
    }
}

#[test]
fn the_next_deadline_is_the_earliest() {
    for role in BOTH {
        let config = keepalive().idle_timeout(22 * SECOND).message_timeout(21 * SECOND);
        let mut end = End::with(role, &config);
        assert_eq!(end.timeout(), Some(20 * SECOND), "keepalive");
        end.at(SECOND).hear_frame(0x01, b"x");
        assert_eq!(end.timeout(), Some(21 * SECOND), "keepalive, put off");
        end.at(10 * SECOND).hear_frame(0x00, b"x");
        assert_eq!(end.timeout(), Some(22 * SECOND), "message");
        end.at(11 * SECOND).hear_frame(0x80, b"x");
        assert_eq!(end.timeout(), Some(31 * SECOND), "keepalive");
        end.at(31 * SECOND).handle_timeout();
        assert_eq!(end.timeout(), Some(33 * SECOND), "idle before the answer's deadline");
        assert_eq!(end.fault_at(33 * SECOND), timed_out(Timeout::Idle));
    }
}

/// Two ends in the same state. One of them gets the time at every moment, which makes no difference
/// before a deadline.
#[test]
fn handling_a_timeout_that_is_not_due_does_nothing() {
    let config = keepalive().idle_timeout(50 * SECOND).message_timeout(40 * SECOND);
    let stories: [fn(&mut End); 6] = [
        |_| {},
        |end| drop(end.hear_frame(0x01, b"under way")),
        |end| drop(end.hear_frame(0x89, b"?")),
        |end| drop(end.hear(&[0x83, 0x00])),
        |end| drop(end.hear_frame(0x88, &close_body(1000, ""))),
        |end| {
            end.connection.close(end.now, CloseCode::NORMAL, "", &mut end.outbox).expect("open");
        },
    ];
    for role in BOTH {
        for story in stories {
            let (mut asked, mut left_alone) = (End::with(role, &config), End::with(role, &config));
            story(&mut asked);
            story(&mut left_alone);
            let deadline = left_alone.timeout().expect("a deadline");
            let mut now = NOW;
            while now < deadline {
                asked.at(now).handle_timeout();
                assert_eq!(asked.timeout(), Some(deadline));
                assert_eq!(asked.outbox.len(), left_alone.outbox.len());
                now += 100 * MS;
            }
            for end in [&mut asked, &mut left_alone] {
                end.at(deadline).handle_timeout();
                end.handle_timeout();
                end.handle_timeout();
            }
            assert_eq!(asked.write_all(), left_alone.write_all());
            assert_eq!(format!("{:?}", asked.connection), format!("{:?}", left_alone.connection));
        }
    }
}

/// A caller that obeys `poll_timeout` is never called twice for one deadline, and never at once
/// again.
#[test]
fn every_deadline_that_is_handled_moves_on() {
    for role in BOTH {
        let mut end = End::with(role, &keepalive());
        let mut pings = 0;
        while let Some(deadline) = end.timeout().filter(|deadline| *deadline < 1000 * SECOND) {
            end.at(deadline).handle_timeout();
            assert!(end.timeout().is_none_or(|next| next > deadline));
            for Sent(first, payload) in end.sent() {
                assert_eq!(first, 0x89);
                pings += 1;
                end.at(end.now + MS).hear_frame(0x8a, &payload);
                assert_eq!(end.connection.round_trip(), Some(MS));
            }
        }
        assert_eq!(pings, 49);
        assert_eq!(end.connection.fault(), None);
    }
}

/// The clock starts anywhere, and its end is not overrun.
#[test]
fn the_clock_can_stand_anywhere() {
    let start = Duration::MAX - SECOND;
    let mut connection = Connection::server(keepalive(), start);
    assert_eq!(connection.poll_timeout(), Some(Duration::MAX));
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    connection.handle_timeout(start, &mut outbox);
    assert!(outbox.is_empty());
    connection.next_event(start, &mut inbox, &mut outbox);
    connection.handle_timeout(Duration::MAX, &mut outbox);
    assert!(!outbox.is_empty());

    let never = quiet().close_timeout(Duration::MAX);
    let mut connection = Connection::server(never, SECOND);
    connection.close(SECOND, CloseCode::NORMAL, "", &mut outbox).expect("open");
    assert_eq!(connection.poll_timeout(), None, "it never ends by itself");
}

/// A `now` that lies before what was noted, as from another thread's earlier look at the clock,
/// does no harm.
#[test]
fn a_clock_that_steps_back_a_little_is_borne() {
    for role in BOTH {
        let mut end = End::with(role, &keepalive());
        end.at(20 * SECOND).handle_timeout();
        let payload = end.keepalive_ping();
        end.now = 19 * SECOND;
        end.hear_frame(0x8a, &payload);
        assert_eq!(end.connection.round_trip(), Some(Duration::ZERO));
        end.handle_timeout();
        assert_eq!(end.connection.state(), State::Open);
    }
}
