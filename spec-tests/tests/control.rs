//! Section 5.5: Ping, Pong, and what all control frames have in common.
#![forbid(unsafe_code)]

#[path = "../../adapters/tests/common/watchdog.rs"]
mod watchdog;

use bluewire_core::{Config, ProtocolError, SendError};
use bluewire_spec_tests::covers;
use bluewire_spec_tests::endpoint::{Endpoint, Seen};

#[test]
fn a_control_frame_of_126_bytes_fails_on_its_header() {
    let _watch = watchdog::bound();
    covers!("6455-5.5-1");
    for opcode in [0x88, 0x89, 0x8A] {
        for mut endpoint in Endpoint::both() {
            let seen = endpoint.receive(&[opcode, 126, 0, 126]);
            assert_eq!(seen, [Seen::Failed(ProtocolError::ControlFrameTooLong)]);
        }
    }
}

#[test]
fn a_control_frame_of_125_bytes_goes_both_ways_and_no_longer_one_is_sent() {
    let _watch = watchdog::bound();
    covers!("6455-5.5-1", "6455-5.5.3-1");
    let payload = [0xFE; 125];
    let ping = [b"\x89\x7d", &payload[..]].concat();
    let pong = [b"\x8a\x7d", &payload[..]].concat();
    for mut endpoint in Endpoint::both() {
        assert_eq!(endpoint.receive(&ping), [Seen::Ping(payload.into())]);
        assert_eq!(endpoint.sent(), pong);
        let Endpoint { connection, outbox, .. } = &mut endpoint;
        connection.ping(&payload, outbox).expect("125 bytes");
        assert_eq!(connection.ping(&[0; 126], outbox), Err(SendError::ControlPayloadTooLong));
        assert_eq!(connection.pong(&[0; 126], outbox), Err(SendError::ControlPayloadTooLong));
        assert_eq!(endpoint.sent(), ping);
        let reason = "*".repeat(124);
        assert_eq!(endpoint.close(1000, &reason), Err(SendError::CloseReasonTooLong));
        endpoint.close(1000, &reason[1..]).expect("123 bytes");
        assert_eq!(endpoint.sent()[..4], *b"\x88\x7d\x03\xe8");
    }
}

#[test]
fn a_ping_is_answered_without_the_application() {
    let _watch = watchdog::bound();
    covers!("6455-5.5.2-1", "6455-5.5.3-1", "6455-6.1-3");
    for mut endpoint in Endpoint::both() {
        assert_eq!(endpoint.receive(b"\x89\x05Hello"), [Seen::Ping(b"Hello".into())]);
        assert_eq!(endpoint.sent(), b"\x8a\x05Hello");
        assert_eq!(endpoint.receive(b"\x89\x00"), [Seen::Ping(vec![])]);
        assert_eq!(endpoint.sent(), b"\x8a\x00");
    }
}

#[test]
fn a_ping_is_left_to_the_application_that_wants_it() {
    let _watch = watchdog::bound();
    covers!("6455-5.5.2-1");
    let config = Config::default().auto_pong(false);
    for mut endpoint in Endpoint::both_with(&config) {
        assert_eq!(endpoint.receive(b"\x89\x01?"), [Seen::Ping(b"?".into())]);
        assert_eq!(endpoint.sent(), b"");
        endpoint.connection.pong(b"?", &mut endpoint.outbox).expect("open");
        assert_eq!(endpoint.sent(), b"\x8a\x01?");
    }
}

#[test]
fn the_last_of_the_waiting_pings_is_answered() {
    let _watch = watchdog::bound();
    covers!("6455-5.5.3-2");
    for mut endpoint in Endpoint::both() {
        for i in 0..100_u8 {
            endpoint.receive(&[0x89, 1, i]);
        }
        assert!(endpoint.sent().ends_with(b"\x8a\x01\x63"));
    }
}

#[test]
fn a_pong_that_was_not_asked_for_is_reported_and_not_answered() {
    let _watch = watchdog::bound();
    covers!("6455-5.5.3-3");
    for mut endpoint in Endpoint::both() {
        assert_eq!(endpoint.receive(b"\x8a\x00"), [Seen::Pong(vec![])]);
        assert_eq!(endpoint.receive(b"\x8a\x02ab"), [Seen::Pong(b"ab".into())]);
        assert_eq!(endpoint.sent(), b"");
        endpoint.send("still open").expect("open");
    }
}

#[test]
fn a_ping_after_a_close_is_not_answered() {
    let _watch = watchdog::bound();
    covers!("6455-5.5.2-1", "6455-7.1.7-3");
    for mut endpoint in Endpoint::both() {
        assert_eq!(endpoint.receive(b"\x88\x00\x89\x00"), [Seen::Close(None, String::new())]);
        assert_eq!(endpoint.sent(), b"\x88\x00");
    }
}

#[test]
fn a_ping_that_crosses_this_ends_close_is_answered() {
    let _watch = watchdog::bound();
    covers!("6455-5.5.2-1");
    for mut endpoint in Endpoint::both() {
        endpoint.close(1000, "").expect("open");
        assert_eq!(endpoint.sent(), b"\x88\x02\x03\xe8");
        endpoint.receive(b"\x89\x01?");
        // 5.5.2: "unless it already received a Close frame"; and a Pong is no data frame.
        assert_eq!(endpoint.sent(), b"\x8a\x01?");
    }
}
