//! Durations at both ends of their range, and clocks that do what no clock should.

mod common;

use std::time::Duration;

use bluewire_core::{
    ClientHandshake, ClientRequest, CloseCode, Config, Fault, HandshakeError, Inbox, Keepalive,
    Outbox, Request, ServerHandshake, State, Timeout,
};

use common::{BOTH, End, NOW, Sent, Told};

const SECOND: Duration = Duration::from_secs(1);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

impl End {
    fn handle_timeout_at(&mut self, now: Duration) {
        self.now = now;
        self.connection.handle_timeout(now, &mut self.outbox);
    }

    fn timeout(&self) -> Option<Duration> {
        self.connection.poll_timeout()
    }

    fn fault(&self) -> Option<Fault> {
        self.connection.fault()
    }
}

fn quiet() -> Config {
    Config::default().keepalive(None)
}

/// A peer that answers each ping within a microsecond.
fn pings_in_a_second(interval: Duration) -> usize {
    let config = Config::default().keepalive(Keepalive::default().interval(interval));
    let mut end = End::with(BOTH[0], &config);
    let mut pings = 0;
    for _ in 0..100_000 {
        let deadline = end.timeout().expect("keepalive never ends");
        if deadline > SECOND {
            break;
        }
        end.handle_timeout_at(deadline.max(end.now));
        for Sent(_, payload) in end.sent() {
            pings += 1;
            end.now += Duration::from_micros(1);
            end.hear_frame(0x8a, &payload);
        }
    }
    pings
}

#[test]
fn a_keepalive_interval_has_a_minimum() {
    let least = pings_in_a_second(Keepalive::INTERVAL_MIN);
    assert_eq!(least, 99, "one each 10.001 ms");
    for interval in [0, 1, 1_000, 9_999_999].map(Duration::from_nanos) {
        assert_eq!(pings_in_a_second(interval), least, "{interval:?}");
    }
    assert_eq!(pings_in_a_second(Duration::from_millis(100)), 9);
}

#[test]
fn no_time_for_a_pong_ends_the_connection_after_the_first_quiet_interval() {
    let keepalive = Keepalive::default().interval(20 * SECOND).timeout(Duration::ZERO);
    for role in BOTH {
        let mut end = End::with(role, &Config::default().keepalive(keepalive));
        end.handle_timeout_at(19 * SECOND);
        assert_eq!(end.fault(), None);
        end.handle_timeout_at(20 * SECOND);
        end.handle_timeout_at(20 * SECOND);
        assert_eq!(end.fault(), Some(Fault::Timeout(Timeout::Pong)));
        assert_eq!(end.connection.state(), State::Closed);
    }
}

#[test]
fn no_idle_time_ends_the_connection_at_once() {
    for role in BOTH {
        let mut end = End::with(role, &quiet().idle_timeout(Duration::ZERO));
        end.handle_timeout_at(NOW);
        assert_eq!(end.fault(), Some(Fault::Timeout(Timeout::Idle)));
    }
}

#[test]
fn with_no_time_for_a_message_it_must_come_in_one_read() {
    for role in BOTH {
        let mut end = End::with(role, &quiet().message_timeout(Duration::ZERO));
        assert_eq!(end.hear_frame(0x81, b"whole"), [Told::text("whole")]);
        end.handle_timeout_at(NOW);
        assert_eq!(end.fault(), None);
        end.hear_frame(0x01, b"a part");
        end.handle_timeout_at(NOW);
        assert_eq!(end.fault(), Some(Fault::Timeout(Timeout::Message)));
        let sent = end.sent();
        let [Sent(0x88, body)] = &sent[..] else { panic!("not one Close frame: {sent:?}") };
        assert_eq!(body[..2], 1008_u16.to_be_bytes());
    }
}

#[test]
fn with_no_time_to_close_the_end_waits_for_no_answer() {
    for role in BOTH {
        let mut end = End::with(role, &quiet().close_timeout(Duration::ZERO));
        end.connection.close(NOW, CloseCode::NORMAL, "", &mut end.outbox).expect("open");
        end.handle_timeout_at(NOW);
        assert_eq!(end.connection.state(), State::Closed);
        assert_eq!(end.fault(), Some(Fault::Timeout(Timeout::Close)));
        assert_eq!(end.sent(), [Sent::close(1000)]);
    }
}

fn client(config: Config, now: Duration) -> ClientHandshake {
    let request = ClientRequest::new("localhost", "/").expect("valid");
    ClientHandshake::start(&request, [0; 16], config, now, &mut Outbox::new())
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

#[test]
fn with_no_time_for_the_handshake_only_what_has_arrived_counts() {
    let config = Config::default().handshake_timeout(Duration::ZERO);
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    let mut server = ServerHandshake::new(config.clone(), SECOND);
    inbox.extend(REQUEST);
    let request = server.next_request(&mut inbox, &mut outbox);
    assert!(matches!(request, Ok(Some(Request::Plain(_)))));

    let mut server = ServerHandshake::new(config.clone(), SECOND);
    assert_eq!(server.poll_timeout(), Some(SECOND));
    server.handle_timeout(SECOND, &mut outbox);
    let failed = server.next_request(&mut inbox, &mut outbox).map(|_| ());
    assert_eq!(failed, Err(HandshakeError::TimedOut));

    let mut client = client(config, SECOND);
    assert_eq!(client.poll_timeout(), Some(SECOND));
    client.handle_timeout(SECOND);
    let failed = client.next_response(&mut inbox).map(|_| ());
    assert_eq!(failed, Err(HandshakeError::TimedOut));
}

#[test]
fn the_longest_duration_means_never() {
    let max = Duration::MAX;
    let keepalives = [
        None,
        Some(Keepalive::default().interval(max)),
        Some(Keepalive::default().interval(max).timeout(max)),
    ];
    for (role, keepalive) in BOTH.into_iter().flat_map(|role| keepalives.map(|it| (role, it))) {
        let config = Config::default()
            .keepalive(keepalive)
            .idle_timeout(max)
            .message_timeout(max)
            .close_timeout(max)
            .handshake_timeout(max);
        let mut end = End::with(role, &config);
        end.now = YEAR;
        end.hear_frame(0x01, b"under way");
        for now in [YEAR, 100 * YEAR, max] {
            end.handle_timeout_at(now);
            assert_eq!((end.timeout(), end.fault()), (None, None));
        }
        assert!(end.outbox.is_empty());
        end.connection.close(YEAR, CloseCode::NORMAL, "", &mut end.outbox).expect("open");
        end.handle_timeout_at(max);
        assert_eq!((end.timeout(), end.fault()), (None, None));

        assert_eq!(client(config.clone(), YEAR).poll_timeout(), None);
        let mut server = ServerHandshake::new(config, YEAR);
        server.handle_timeout(100 * YEAR, &mut end.outbox);
        assert_eq!(server.poll_timeout(), None);
        let waits = server.next_request(&mut Inbox::default(), &mut end.outbox);
        assert!(matches!(waits, Ok(None)));
    }
}

#[test]
fn a_ping_without_a_deadline_for_its_pong_is_sent_once() {
    let keepalive = Keepalive::default().interval(SECOND).timeout(Duration::MAX);
    let mut end = End::with(BOTH[0], &Config::default().keepalive(keepalive));
    for now in 1..1000 {
        end.handle_timeout_at(now * SECOND);
    }
    assert_eq!(end.sent().len(), 1);
    assert_eq!((end.timeout(), end.fault()), (None, None));
}

#[test]
fn a_clock_that_stands_still_causes_one_ping_at_most() {
    for interval in [Duration::ZERO, SECOND] {
        let keepalive = Keepalive::default().interval(interval);
        let mut end = End::with(BOTH[1], &Config::default().keepalive(keepalive));
        let mut pings = 0;
        for _ in 0..1000 {
            end.handle_timeout_at(SECOND);
            for Sent(_, payload) in end.sent() {
                pings += 1;
                end.hear_frame(0x8a, &payload);
            }
        }
        assert_eq!((pings, end.fault()), (1, None));
    }
}

#[test]
fn a_clock_that_jumps_a_year_causes_one_ping_and_no_burst() {
    for role in BOTH {
        let mut end = End::with(role, &Config::default());
        end.handle_timeout_at(YEAR);
        end.handle_timeout_at(YEAR);
        let sent = end.sent();
        let [Sent(0x89, payload)] = &sent[..] else { panic!("not one Ping: {sent:?}") };
        end.hear_frame(0x8a, payload);
        assert_eq!(end.connection.round_trip(), Some(Duration::ZERO));
        assert_eq!(end.timeout(), Some(YEAR + 20 * SECOND));
        assert_eq!(end.fault(), None);
    }
}

/// No wait takes longer than its setting says, counted from the new time.
#[test]
fn a_clock_that_was_set_back_by_a_year_does_not_put_deadlines_off_by_a_year() {
    for role in BOTH {
        let mut end = End::with(role, &Config::default().message_timeout(30 * SECOND));
        end.now = YEAR;
        end.hear_frame(0x01, b"under way");
        end.handle_timeout_at(SECOND);
        assert_eq!(end.timeout(), Some(21 * SECOND), "the next ping");
        end.handle_timeout_at(21 * SECOND);
        assert_eq!(end.timeout(), Some(31 * SECOND), "the message");
        end.handle_timeout_at(NOW);
        assert_eq!(end.timeout(), Some(20 * SECOND), "the pong");
        assert_eq!(end.fault(), None);

        let mut end = End::with(role, &Config::default());
        end.connection.close(YEAR, CloseCode::NORMAL, "", &mut end.outbox).expect("open");
        end.handle_timeout_at(SECOND);
        assert_eq!(end.timeout(), Some(11 * SECOND), "the answer to the close");
    }
    let mut outbox = Outbox::new();
    let mut server = ServerHandshake::new(Config::default(), YEAR);
    server.handle_timeout(SECOND, &mut outbox);
    assert_eq!(server.poll_timeout(), Some(11 * SECOND));
    let mut client = client(Config::default(), YEAR);
    client.handle_timeout(SECOND);
    assert_eq!(client.poll_timeout(), Some(11 * SECOND));
}
