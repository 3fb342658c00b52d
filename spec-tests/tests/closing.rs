//! Section 7: the closing handshake, failing, and how a connection says that it ended.
#![forbid(unsafe_code)]

#[path = "../../adapters/tests/common/watchdog.rs"]
mod watchdog;

use std::time::Duration;

use bluewire_core::{
    CloseCode, ClosedBy, Config, Connection, Fault, ProtocolError, SendError, State, Timeout,
};
use bluewire_spec_tests::case::Role;
use bluewire_spec_tests::covers;
use bluewire_spec_tests::endpoint::{Endpoint, Seen};

fn close_frame(code: u16, reason: &str) -> Vec<u8> {
    let len = u8::try_from(2 + reason.len()).expect("a short reason");
    [&[0x88, len], &code.to_be_bytes()[..], reason.as_bytes()].concat()
}

/// The fields of the closure: code, reason, clean.
#[track_caller]
fn closure(connection: &Connection) -> (u16, &str, bool) {
    let closure = connection.closure().expect("closed");
    (closure.code.value(), &closure.reason, closure.clean)
}

#[test]
fn a_close_is_answered_with_its_code_and_tells_it() {
    let _watch = watchdog::bound();
    covers!("6455-5.5.1-4", "6455-7.1.5-1", "6455-7.1.6-1", "6455-7.1.4-1");
    for mut endpoint in Endpoint::both() {
        let seen = endpoint.receive(&close_frame(1001, "b\u{fc}e"));
        assert_eq!(seen, [Seen::Close(Some(1001), "b\u{fc}e".into())]);
        let sent = endpoint.sent();
        assert_eq!(sent[0], 0x88);
        assert_eq!(sent[2..4], 1001_u16.to_be_bytes());
        assert_eq!(endpoint.connection.state(), State::Closing);
        assert_eq!(endpoint.receive_eof(), []);
        assert_eq!(closure(&endpoint.connection), (1001, "b\u{fc}e", true));
        let closed_by = endpoint.connection.closure().map(|closure| closure.closed_by);
        assert_eq!(closed_by, Some(ClosedBy::Peer));
    }
}

#[test]
fn a_close_without_a_code_is_reported_as_1005_and_answered_without_one() {
    let _watch = watchdog::bound();
    covers!("6455-5.5.1-1", "6455-5.5.1-4", "6455-7.1.5-1", "6455-7.4.1-1");
    for mut endpoint in Endpoint::both() {
        assert_eq!(endpoint.receive(b"\x88\x00"), [Seen::Close(None, String::new())]);
        assert_eq!(endpoint.sent(), b"\x88\x00");
        endpoint.receive_eof();
        assert_eq!(closure(&endpoint.connection), (1005, "", true));
    }
}

#[test]
fn a_lost_transport_is_reported_as_1006() {
    let _watch = watchdog::bound();
    covers!("6455-7.1.5-1", "6455-7.2.1-1", "6455-7.1.4-1", "6455-7.4.1-1");
    for mut endpoint in Endpoint::both() {
        endpoint.receive(b"\x01\x03Hel");
        assert_eq!(endpoint.receive_eof(), []);
        assert_eq!(endpoint.connection.state(), State::Closed);
        assert_eq!(closure(&endpoint.connection), (1006, "", false));
        assert_eq!(endpoint.connection.fault(), Some(Fault::ConnectionLost));
        assert_eq!(endpoint.sent(), b"", "nobody is there to read a Close");
    }
}

#[test]
fn closing_begins_with_a_close_and_ends_with_its_answer() {
    let _watch = watchdog::bound();
    covers!("6455-7.1.2-1", "6455-7.1.4-1", "6455-7.1.5-1", "6455-7.1.6-1");
    for mut endpoint in Endpoint::both() {
        endpoint.send("last").expect("open");
        endpoint.close(3001, "done").expect("open");
        assert_eq!(endpoint.sent(), b"\x81\x04last\x88\x06\x0b\xb9done");
        assert_eq!(endpoint.connection.state(), State::Closing);
        // Until its Close comes the peer may still send.
        assert_eq!(endpoint.receive(b"\x81\x01x"), [Seen::Text("x".into())]);
        let seen = endpoint.receive(&close_frame(3001, ""));
        assert_eq!(seen, [Seen::Close(Some(3001), String::new())]);
        assert_eq!(endpoint.sent(), b"", "a Close that answers is not answered");
        endpoint.receive_eof();
        assert_eq!(closure(&endpoint.connection), (3001, "", true));
        let closed_by = endpoint.connection.closure().map(|closure| closure.closed_by);
        assert_eq!(closed_by, Some(ClosedBy::Local));
    }
}

#[test]
fn a_close_that_is_not_answered_is_not_clean() {
    let _watch = watchdog::bound();
    covers!("6455-7.1.4-1", "6455-7.1.5-1");
    for mut endpoint in Endpoint::both() {
        endpoint.close(1000, "").expect("open");
        endpoint.receive_eof();
        assert_eq!(closure(&endpoint.connection), (1006, "", false));
    }
}

#[test]
fn when_both_close_at_the_same_time_it_is_complete() {
    let _watch = watchdog::bound();
    covers!("6455-5.5.1-8", "6455-7.1.4-1");
    let [mut client, mut server] = Endpoint::both();
    client.close(1000, "").expect("open");
    server.close(1001, "").expect("open");
    let (from_client, from_server) = (client.sent(), server.sent());
    assert_eq!(client.receive(&from_server), [Seen::Close(Some(1001), String::new())]);
    assert_eq!(server.receive(&from_client), [Seen::Close(Some(1000), String::new())]);
    assert_eq!((client.sent(), server.sent()), (vec![], vec![]));
    assert!(server.connection.should_shut_down());
    client.receive_eof();
    server.receive_eof();
    assert_eq!(closure(&client.connection), (1001, "", true));
    assert_eq!(closure(&server.connection), (1000, "", true));
}

#[test]
fn the_server_ends_the_transport_and_the_client_waits_for_it() {
    let _watch = watchdog::bound();
    covers!("6455-5.5.1-6", "6455-5.5.1-7", "6455-7.1.1-2");
    for begun_here in [false, true] {
        for mut endpoint in Endpoint::both() {
            assert!(!endpoint.connection.should_shut_down());
            if begun_here {
                endpoint.close(1000, "").expect("open");
                assert!(!endpoint.connection.should_shut_down(), "the answer is to come");
            }
            endpoint.receive(&close_frame(1000, ""));
            let ends = endpoint.connection.should_shut_down();
            assert_eq!(ends, endpoint.role == Role::Server);
        }
    }
}

#[test]
fn a_client_does_not_wait_without_limit() {
    let _watch = watchdog::bound();
    covers!("6455-5.5.1-7");
    let [mut client, _] = Endpoint::both();
    client.receive(&close_frame(1000, ""));
    client.sent();
    let deadline = client.connection.poll_timeout().expect("a deadline");
    assert_eq!(deadline, Config::default().close_timeout);
    client.pass(deadline - Duration::from_millis(1));
    assert_eq!(client.connection.state(), State::Closing);
    client.pass(Duration::from_millis(1));
    assert_eq!(client.connection.state(), State::Closed);
    // Both Close frames have crossed; only the server's end of the transport is missing.
    assert_eq!(closure(&client.connection), (1000, "", true));
}

#[test]
fn a_close_that_is_never_answered_times_out() {
    let _watch = watchdog::bound();
    covers!("6455-7.1.4-1", "6455-7.1.7-1");
    for mut endpoint in Endpoint::both() {
        endpoint.close(1000, "").expect("open");
        endpoint.pass(Config::default().close_timeout);
        assert_eq!(closure(&endpoint.connection), (1006, "", false));
        assert_eq!(endpoint.connection.fault(), Some(Fault::Timeout(Timeout::Close)));
    }
}

#[test]
fn nothing_but_pongs_is_sent_after_a_close() {
    let _watch = watchdog::bound();
    covers!("6455-5.5.1-3", "6455-6.1-1");
    for mut endpoint in Endpoint::both() {
        endpoint.send_fragment("a", false).expect("open");
        endpoint.close(1000, "").expect("open");
        endpoint.sent();
        for _ in 0..3 {
            assert_eq!(endpoint.send("x"), Err(SendError::NotOpen));
            assert_eq!(endpoint.send_fragment("x", true), Err(SendError::NotOpen));
            assert_eq!(endpoint.close(1000, ""), Err(SendError::NotOpen));
            let Endpoint { connection, outbox, .. } = &mut endpoint;
            assert_eq!(connection.ping(b"", outbox), Err(SendError::NotOpen));
            let vectored = connection.send_vectored("x", outbox).map(drop);
            assert_eq!(vectored, Err(SendError::NotOpen));
            assert_eq!(endpoint.sent(), b"");
            // The same in CLOSED as in CLOSING.
            endpoint.receive(b"\x88\x00");
            endpoint.receive_eof();
        }
    }
}

#[test]
fn nothing_is_sent_once_a_close_has_arrived() {
    let _watch = watchdog::bound();
    covers!("6455-6.1-1", "6455-5.5.1-3");
    for mut endpoint in Endpoint::both() {
        endpoint.receive(b"\x88\x00");
        assert_eq!(endpoint.send("x"), Err(SendError::NotOpen));
        assert_eq!(endpoint.sent(), b"\x88\x00");
    }
}

#[test]
fn after_a_close_nothing_that_comes_means_anything() {
    let _watch = watchdog::bound();
    covers!("6455-7.1.7-3");
    for mut endpoint in Endpoint::both() {
        let seen = endpoint.receive(b"\x88\x00\x81\x01x\x89\x00\x88\x02\x03\xe8\xff\x00");
        assert_eq!(seen, [Seen::Close(None, String::new())]);
        assert_eq!(endpoint.receive(b"\x81\x01x\x83\x00"), []);
        assert_eq!(endpoint.sent(), b"\x88\x00");
        endpoint.receive_eof();
        assert_eq!(closure(&endpoint.connection), (1005, "", true));
    }
}

#[test]
fn after_failing_nothing_that_comes_is_processed_not_even_a_close() {
    let _watch = watchdog::bound();
    covers!("6455-7.1.7-1", "6455-7.1.7-2", "6455-7.1.7-3", "6455-7.1.5-1");
    for mut endpoint in Endpoint::both() {
        let seen = endpoint.receive(b"\x83\x00\x81\x01x\x89\x00\x88\x02\x03\xe8");
        assert_eq!(seen, [Seen::Failed(ProtocolError::ReservedOpcode(3))]);
        assert_eq!(endpoint.receive(b"\x88\x02\x03\xe8"), []);
        assert_eq!(endpoint.sent()[..4], [0x88, 2 + 15, 0x03, 0xEA]);
        assert!(endpoint.connection.should_shut_down(), "7.1.7: both roles close");
        assert_eq!(endpoint.send("x"), Err(SendError::NotOpen));
        endpoint.receive_eof();
        assert_eq!(closure(&endpoint.connection), (1006, "", false));
        let fault = Fault::Protocol(ProtocolError::ReservedOpcode(3));
        assert_eq!(endpoint.connection.fault(), Some(fault));
    }
}

#[test]
fn a_failure_while_closing_sends_no_second_close() {
    let _watch = watchdog::bound();
    covers!("6455-7.1.7-2", "6455-5.5.1-3");
    for mut endpoint in Endpoint::both() {
        endpoint.close(1000, "").expect("open");
        endpoint.sent();
        let seen = endpoint.receive(b"\x83\x00");
        assert_eq!(seen, [Seen::Failed(ProtocolError::ReservedOpcode(3))]);
        assert_eq!(endpoint.sent(), b"");
        assert!(endpoint.connection.should_shut_down());
    }
}

#[test]
fn the_application_can_fail_the_connection() {
    let _watch = watchdog::bound();
    covers!("6455-7.1.7-1", "6455-7.1.7-2", "6455-7.4.1-1");
    for mut endpoint in Endpoint::both() {
        let Endpoint { connection, outbox, now, .. } = &mut endpoint;
        connection.fail(*now, CloseCode::POLICY_VIOLATION, "no", outbox);
        assert_eq!(endpoint.sent(), close_frame(1008, "no"));
        assert_eq!(endpoint.receive(b"\x81\x01x"), []);
    }
    for mut endpoint in Endpoint::both() {
        let Endpoint { connection, outbox, now, .. } = &mut endpoint;
        connection.fail(*now, CloseCode::ABNORMAL, "", outbox);
        assert_eq!(endpoint.sent(), close_frame(1011, ""), "1006 never goes out");
    }
}

#[test]
fn a_fragmented_message_may_be_finished_before_a_close() {
    let _watch = watchdog::bound();
    covers!("6455-5.5.1-5");
    for mut endpoint in Endpoint::both() {
        endpoint.send_fragment("a", false).expect("open");
        endpoint.send_fragment("b", true).expect("open");
        endpoint.receive(b"\x88\x00");
        assert_eq!(endpoint.sent(), b"\x01\x01a\x80\x01b\x88\x00", "in this order");
    }
}

#[test]
fn a_body_of_one_byte_fails() {
    let _watch = watchdog::bound();
    covers!("6455-5.5.1-1");
    for mut endpoint in Endpoint::both() {
        let seen = endpoint.receive(b"\x88\x01\x03");
        assert_eq!(seen, [Seen::Failed(ProtocolError::CloseBodyTooShort)]);
        assert_eq!(endpoint.sent()[2..4], 1002_u16.to_be_bytes());
    }
}

#[test]
fn a_reason_that_is_not_utf8_fails() {
    let _watch = watchdog::bound();
    covers!("6455-5.5.1-1", "6455-8.1-1");
    for reason in [&b"\xc0\x80"[..], b"\xed\xa0\x80", b"ok\xe2\x82"] {
        for mut endpoint in Endpoint::both() {
            let len = u8::try_from(2 + reason.len()).expect("short");
            let seen = endpoint.receive(&[&[0x88, len, 0x03, 0xE8], reason].concat());
            assert_eq!(seen, [Seen::Failed(ProtocolError::InvalidCloseReason)]);
            assert_eq!(endpoint.sent()[2..4], 1007_u16.to_be_bytes());
        }
    }
}

/// 7.4.1, 7.4.2 and the IANA registry, read once more.
fn is_lawful(code: u16) -> bool {
    match code {
        0..=999 => false,
        1004..=1006 | 1015 => false,
        1000..=1014 => true,
        1016..=2999 => false,
        3000..=4999 => true,
        5000.. => false,
    }
}

#[test]
fn exactly_the_lawful_codes_are_accepted() {
    let _watch = watchdog::bound();
    covers!("6455-7.4.2-1", "6455-7.4.1-2", "6455-7.4.1-1");
    for code in 0..=u16::MAX {
        for mut endpoint in Endpoint::both() {
            let seen = endpoint.receive(&close_frame(code, ""));
            let sent = endpoint.sent();
            if is_lawful(code) {
                assert_eq!(seen, [Seen::Close(Some(code), String::new())]);
                assert_eq!(sent, close_frame(code, ""));
            } else {
                let error = ProtocolError::InvalidCloseCode(CloseCode::new(code));
                assert_eq!(seen, [Seen::Failed(error)]);
                assert_eq!(sent[2..4], 1002_u16.to_be_bytes());
            }
        }
    }
}

#[test]
fn exactly_the_lawful_codes_are_sent() {
    let _watch = watchdog::bound();
    covers!("6455-7.4.1-1", "6455-7.4.1-2", "6455-7.4.2-1");
    for code in 0..=u16::MAX {
        for mut endpoint in Endpoint::both() {
            let sent = endpoint.close(code, "");
            if is_lawful(code) {
                assert_eq!(sent, Ok(()));
                assert_eq!(endpoint.sent(), close_frame(code, ""));
            } else {
                assert_eq!(sent, Err(SendError::InvalidCloseCode(CloseCode::new(code))));
                assert_eq!(endpoint.sent(), b"");
                assert_eq!(endpoint.connection.state(), State::Open);
            }
        }
    }
}

#[test]
fn each_violation_has_the_code_that_fits_it() {
    let _watch = watchdog::bound();
    covers!("6455-7.4.1-3", "6455-7.1.7-2", "6455-10.7-2");
    let too_big = (16 * 1024 * 1024_u64 + 1).to_be_bytes();
    let violations: [(&[u8], u16); 5] = [
        (b"\x83\x00", 1002),
        (b"\x80\x00", 1002),
        (b"\x81\x01\xff", 1007),
        (b"\x88\x03\x03\xe8\xff", 1007),
        (&[&b"\x82\x7f"[..], &too_big].concat(), 1009),
    ];
    for (frames, code) in violations {
        for mut endpoint in Endpoint::both() {
            endpoint.receive(frames);
            assert_eq!(endpoint.sent()[2..4], code.to_be_bytes(), "{frames:x?}");
        }
    }
}
