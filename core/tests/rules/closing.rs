//! Sections 5.5.1, 7.1 and 7.4: the Close frame, the closing handshake, and the codes.

use bluewire_core::{CloseCode, Config, Delivery, ProtocolError, Role, SendError, State};

use crate::common::{
    BOTH, End, NOW, Sent, Told, assert_fails, close_body, frame, hear, hear_in_every_cut,
};

/// 7.4.1, 7.4.2, and the codes that IANA has registered since.
fn is_lawful(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

fn close(end: &mut End, code: u16) {
    end.connection.close(end.now, CloseCode::new(code), "", &mut end.outbox).expect("open");
}

#[test]
fn the_lawful_codes_of_all_65536_are_received_and_echoed() {
    for role in BOTH {
        for code in 0..=u16::MAX {
            let mut end = End::new(role);
            let told = end.hear_frame(0x88, &close_body(code, "bye"));
            if is_lawful(code) {
                assert_eq!(told, [Told::close(code, "bye")]);
                assert_eq!(end.sent(), [Sent(0x88, close_body(code, "bye"))], "it comes back");
            } else {
                let error = ProtocolError::InvalidCloseCode(CloseCode::new(code));
                assert_eq!(told, [Told::Failed(error)]);
                let Sent(first, body) = &end.sent()[0];
                assert_eq!((*first, &body[..2]), (0x88, &[0x03, 0xea][..]), "1002");
            }
        }
    }
}

#[test]
fn only_lawful_codes_of_all_65536_are_sent() {
    for role in BOTH {
        for code in 0..=u16::MAX {
            let mut end = End::new(role);
            let close_code = CloseCode::new(code);
            let result = end.connection.close(NOW, close_code, "", &mut end.outbox);
            if is_lawful(code) {
                assert_eq!(result, Ok(()));
                assert_eq!(end.sent(), [Sent::close(code)]);
            } else {
                assert_eq!(result, Err(SendError::InvalidCloseCode(close_code)));
                assert!(end.outbox.is_empty());
                assert_eq!(end.connection.state(), State::Open);
            }
        }
    }
}

/// 5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer".
#[test]
fn a_body_of_one_byte_fails() {
    for role in BOTH {
        for byte in [0x00, 0x03, 0xff] {
            let bytes = frame(role, 0x88, &[byte]);
            assert_fails(role, &bytes, &[], ProtocolError::CloseBodyTooShort);
        }
    }
}

#[test]
fn a_code_that_must_not_be_sent_fails() {
    for role in BOTH {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, u16::MAX] {
            let bytes = frame(role, 0x88, &close_body(code, ""));
            let error = ProtocolError::InvalidCloseCode(CloseCode::new(code));
            assert_fails(role, &bytes, &[], error);
        }
    }
}

/// 7.1.6: the reason is UTF-8-encoded data, and a Close frame cannot go on elsewhere.
#[test]
fn a_reason_that_is_not_utf_8_fails() {
    for role in BOTH {
        for reason in
            [&b"\xff"[..], b"ok\xc0\x80", b"\xce\xba\xed\xa0\x80", b"cut off \xf0\x9d\x84"]
        {
            let bytes = frame(role, 0x88, &[b"\x03\xe8", reason].concat());
            assert_fails(role, &bytes, &[], ProtocolError::InvalidCloseReason);
        }
    }
}

#[test]
fn a_close_frame_of_any_lawful_length_is_received() {
    for role in BOTH {
        for len in 0..=123 {
            let reason = "x".repeat(len);
            let told = End::new(role).hear_frame(0x88, &close_body(1000, &reason));
            assert_eq!(told, [Told::close(1000, &reason)]);
        }
        let bytes = frame(role, 0x88, &close_body(4999, "κόσμε"));
        assert_eq!(hear(role, &bytes).told, [Told::close(4999, "κόσμε")]);
    }
}

/// 5.5.1: "If an endpoint receives a Close frame and did not previously send a Close frame, the
/// endpoint MUST send a Close frame in response. (When sending a Close frame in response, the
/// endpoint typically echos the status code it received.)" Here the reason comes back, too.
#[test]
fn a_close_frame_is_answered_with_its_code_and_reason() {
    for role in BOTH {
        for delivery in [Delivery::Whole, Delivery::Chunks] {
            let config = Config::default().delivery(delivery);
            let bytes = frame(role, 0x88, &close_body(3210, "because"));
            let heard = hear_in_every_cut(role, &config, &bytes);
            assert_eq!(heard.told, [Told::close(3210, "because")]);
            assert_eq!(heard.sent, [Sent(0x88, close_body(3210, "because"))]);
            assert_eq!(heard.end.connection.state(), State::Closing);
        }
    }
}

/// 7.1.5: "If this Close control frame contains no status code, _The WebSocket Connection Close
/// Code_ is considered to be 1005."
#[test]
fn an_empty_close_frame_is_answered_with_an_empty_one() {
    for role in BOTH {
        let mut heard = hear(role, &frame(role, 0x88, b""));
        assert_eq!(heard.told, [Told::Close(None, String::new())]);
        assert_eq!(heard.sent, [Sent::new(0x88, b"")]);
        heard.end.hear_eof();
        let closure = heard.end.connection.closure().expect("closed");
        assert_eq!(closure.code, CloseCode::NO_STATUS_RECEIVED);
        assert_eq!((closure.sent, closure.clean), (None, true));
    }
}

#[test]
fn the_answer_to_ours_is_not_answered() {
    for role in BOTH {
        let mut end = End::new(role);
        close(&mut end, 1001);
        assert_eq!(end.sent(), [Sent::close(1001)]);
        assert_eq!(end.hear_frame(0x88, &close_body(1001, "")), [Told::close(1001, "")]);
        assert!(end.outbox.is_empty());
    }
}

/// 7.1.2: our Close frame comes behind all that was sent before it, also with a Ping that passes.
#[test]
fn a_close_frame_is_the_last() {
    for role in BOTH {
        let mut end = End::new(role);
        end.connection.send("first", &mut end.outbox).expect("open");
        end.connection.ping(b"?", &mut end.outbox).expect("open");
        let code = CloseCode::NORMAL;
        end.connection.close(NOW, code, "done", &mut end.outbox).expect("open");
        assert_eq!(
            end.sent(),
            [
                Sent::new(0x89, b"?"),
                Sent::new(0x81, "first"),
                Sent::new(0x88, close_body(1000, "done")),
            ]
        );
    }
}

/// 5.5.1: "The application MUST NOT send any more data frames after sending a Close frame."
#[test]
fn nothing_is_sent_after_a_close_frame() {
    for role in BOTH {
        for peer_began in [false, true] {
            let mut end = End::new(role);
            if peer_began {
                end.hear_frame(0x88, &close_body(1000, ""));
            } else {
                close(&mut end, 1000);
            }
            assert_eq!(end.sent(), [Sent::close(1000)]);
            assert_refuses_to_send(&mut end);
        }
    }
}

pub(crate) fn assert_refuses_to_send(end: &mut End) {
    let End { connection, outbox, now, .. } = end;
    let not_open = Err(SendError::NotOpen);
    let (code, len) = (CloseCode::NORMAL, outbox.len());
    assert_eq!(connection.send("x", outbox), not_open);
    assert_eq!(connection.send_fragment("x", true, outbox), not_open);
    assert_eq!(connection.send_fragment("x", false, outbox), not_open);
    assert_eq!(connection.send_vectored("x", outbox).map(drop), not_open);
    let prepared = bluewire_core::PreparedMessage::new("x");
    assert_eq!(connection.send_prepared(&prepared, outbox), not_open);
    assert_eq!(connection.send_prepared_vectored(&prepared, outbox).map(drop), not_open);
    assert_eq!(connection.ping(b"", outbox), not_open);
    assert_eq!(connection.pong(b"", outbox), not_open);
    assert_eq!(connection.close(*now, code, "", outbox), not_open);
    assert_eq!(connection.close_now(*now, code, "", outbox), not_open);
    assert_eq!(outbox.len(), len);
}

/// 5.5.1: an own message that is under way may stay unfinished: closing goes before it.
#[test]
fn a_message_under_way_does_not_hinder_closing() {
    for role in BOTH {
        let mut end = End::new(role);
        end.connection.send_fragment("Hel", false, &mut end.outbox).expect("open");
        close(&mut end, 1001);
        let refused = end.connection.send_fragment("lo", true, &mut end.outbox);
        assert_eq!(refused, Err(SendError::NotOpen));
        assert_eq!(end.sent(), [Sent::new(0x01, "Hel"), Sent::close(1001)]);

        let mut end = End::new(role);
        end.connection.send_fragment("Hel", false, &mut end.outbox).expect("open");
        end.hear_frame(0x88, b"");
        assert_eq!(end.sent(), [Sent::new(0x01, "Hel"), Sent::new(0x88, b"")]);
    }
}

/// The application still gets the messages that the peer sent before it saw our Close frame.
#[test]
fn messages_come_until_the_peers_close_frame() {
    for role in BOTH {
        let mut end = End::new(role);
        end.hear_frame(0x01, b"under ");
        close(&mut end, 1000);
        assert_eq!(end.hear_frame(0x80, b"way"), [Told::text("under way")]);
        assert_eq!(end.hear_frame(0x82, b"another"), [Told::binary("another")]);
        assert_eq!(end.connection.state(), State::Closing);
        assert_eq!(end.hear_frame(0x88, &close_body(1000, "")), [Told::close(1000, "")]);
        assert_eq!(end.hear_frame(0x82, b"too late"), []);
        assert_eq!(end.sent(), [Sent::close(1000)]);
    }
}

/// 1.4: "after receiving a control frame indicating the connection should be closed, a peer
/// discards any further data received."
#[test]
fn bytes_behind_the_peers_close_frame_are_discarded() {
    for role in BOTH {
        let mut bytes = frame(role, 0x88, &close_body(1000, ""));
        bytes.extend(frame(role, 0x81, b"too late"));
        bytes.extend(frame(role, 0x89, b"too late"));
        bytes.extend([0xff; 100]);
        let mut heard = hear(role, &bytes);
        assert_eq!(heard.told, [Told::close(1000, "")]);
        assert_eq!(heard.sent, [Sent::close(1000)]);
        assert_eq!(heard.end.connection.fault(), None);
        assert!(heard.end.inbox.is_empty());
        for _ in 0..100 {
            assert_eq!(heard.end.hear(&[0xff; 1000]), []);
        }
        assert!(heard.end.outbox.is_empty());
        heard.end.hear_eof();
        assert!(heard.end.connection.closure().expect("closed").clean);
    }
}

/// 5.5.1: "If a client and server both send a Close message at the same time, both endpoints will
/// have sent and received a Close message and should consider the WebSocket connection closed".
#[test]
fn both_ends_can_close_at_the_same_time() {
    let mut client = End::new(Role::Client);
    let mut server = End::new(Role::Server);
    close(&mut client, 1000);
    close(&mut server, 1001);
    let (from_client, from_server) = (client.write_all(), server.write_all());
    assert_eq!(client.hear(&from_server), [Told::close(1001, "")]);
    assert_eq!(server.hear(&from_client), [Told::close(1000, "")]);
    assert!(client.outbox.is_empty() && server.outbox.is_empty());
    assert!(server.connection.should_shut_down());
    assert!(!client.connection.should_shut_down());
    for end in [&mut client, &mut server] {
        end.hear_eof();
        assert!(end.connection.closure().expect("closed").clean);
    }
}

/// 7.1.1: the server closes the transport first; a client waits for it.
#[test]
fn a_server_shuts_down_once_both_close_frames_crossed() {
    for role in BOTH {
        let mut end = End::new(role);
        assert!(!end.connection.should_shut_down());
        close(&mut end, 1000);
        assert!(!end.connection.should_shut_down(), "the peer may have more to say");
        end.hear_frame(0x88, &close_body(1000, ""));
        assert_eq!(end.connection.should_shut_down(), role == Role::Server);

        let mut end = End::new(role);
        end.hear_frame(0x88, &close_body(1000, ""));
        assert_eq!(end.connection.should_shut_down(), role == Role::Server);
    }
}

/// 7.1.7: whoever fails the connection closes the transport, a client too.
#[test]
fn an_end_that_fails_the_connection_shuts_down() {
    for role in BOTH {
        let mut end = End::new(role);
        end.hear(&[0x83, 0x00]);
        assert!(end.connection.should_shut_down());

        let mut end = End::new(role);
        end.connection.fail(NOW, CloseCode::INTERNAL_ERROR, "", &mut end.outbox);
        assert!(end.connection.should_shut_down());
    }
}

#[test]
fn a_reason_is_at_most_123_bytes() {
    for role in BOTH {
        let code = CloseCode::NORMAL;
        for too_long in ["x".repeat(124), "é".repeat(62)] {
            let mut end = End::new(role);
            let refused = Err(SendError::CloseReasonTooLong);
            assert_eq!(end.connection.close(NOW, code, &too_long, &mut end.outbox), refused);
            assert_eq!(end.connection.close_now(NOW, code, &too_long, &mut end.outbox), refused);
            assert_eq!(end.connection.state(), State::Open);
            assert!(end.outbox.is_empty());
        }
        let reason = "x".repeat(123);
        let mut end = End::new(role);
        end.connection.close(NOW, code, &reason, &mut end.outbox).expect("123 bytes are lawful");
        assert_eq!(end.sent(), [Sent::new(0x88, close_body(1000, &reason))]);
    }
}

/// An application in distress is not refused: a code that may not be sent becomes 1011, a reason
/// that is too long is cut between characters.
#[test]
fn failing_takes_any_code_and_reason() {
    for role in BOTH {
        for (code, sent) in [(1011, 1011), (4000, 4000), (1005, 1011), (1006, 1011), (0, 1011)] {
            let mut end = End::new(role);
            let reason = "é".repeat(100);
            end.connection.fail(NOW, CloseCode::new(code), &reason, &mut end.outbox);
            assert_eq!(end.sent(), [Sent::new(0x88, close_body(sent, &"é".repeat(61)))]);
        }
    }
}

/// `close_now` drops what waits behind the frame that has begun, and keeps that frame whole.
#[test]
fn close_now_cuts_at_the_next_border() {
    for role in BOTH {
        let frame_len = 4 + if role == Role::Client { 6 } else { 2 };
        for written in 0..=3 * frame_len {
            let mut end = End::new(role);
            for text in ["one.", "two.", "six."] {
                end.connection.send(text, &mut end.outbox).expect("open");
            }
            let mut bytes = end.write(written);
            end.connection.ping(b"kept", &mut end.outbox).expect("open");
            let code = CloseCode::GOING_AWAY;
            end.connection.close_now(NOW, code, "", &mut end.outbox).expect("open");
            assert_eq!(end.connection.state(), State::Closing);
            bytes.extend(end.write_all());

            let begun = written.div_ceil(frame_len);
            let mut expected: Vec<_> = ["one.", "two.", "six."][..begun]
                .iter()
                .map(|text| Sent::new(0x81, text))
                .collect();
            expected.extend([Sent::new(0x89, b"kept"), Sent::close(1001)]);
            assert_eq!(crate::common::frames_sent_by(role, &bytes), expected, "{written} written");
        }
    }
}

/// 7.1.7: "An endpoint MUST NOT continue to attempt to process data (including a responding Close
/// frame) from the remote endpoint after being instructed to _Fail the WebSocket Connection_."
#[test]
fn after_a_failure_every_call_is_inert() {
    let fail_by_peer = |end: &mut End| drop(end.hear(&[0x83, 0x00]));
    let fail_by_application = |end: &mut End| {
        end.connection.fail(end.now, CloseCode::INTERNAL_ERROR, "why", &mut end.outbox);
    };
    for role in BOTH {
        for fail in [fail_by_peer as fn(&mut End), fail_by_application] {
            let mut end = End::new(role);
            end.hear_frame(0x01, b"under way");
            fail(&mut end);
            assert_eq!(end.sent().len(), 1, "the Close frame");
            let fault = end.connection.fault();
            assert!(fault.is_some());

            for (first, payload) in
                [(0x80, &b"rest"[..]), (0x89, b"?"), (0x88, b"\x03\xe8"), (0x83, b"")]
            {
                assert_eq!(end.hear_frame(first, payload), []);
                assert!(end.inbox.is_empty(), "what comes is thrown away");
            }
            fail(&mut end);
            end.connection.fail(NOW, CloseCode::NORMAL, "again", &mut end.outbox);
            assert_refuses_to_send(&mut end);
            assert!(end.outbox.is_empty());
            assert_eq!(end.connection.fault(), fault, "the first fault stays");
            assert_eq!(end.connection.state(), State::Closing);

            end.hear_eof();
            assert_eq!(end.connection.state(), State::Closed);
            end.connection.fail(NOW, CloseCode::NORMAL, "again", &mut end.outbox);
            end.connection
                .handle_timeout(NOW + 2 * end.connection.config().close_timeout, &mut end.outbox);
            assert_refuses_to_send(&mut end);
            assert!(end.outbox.is_empty());
            assert_eq!(end.connection.closure().expect("closed").fault, fault);
        }
    }
}

/// Of two Close frames of ours only the first goes.
#[test]
fn a_failure_after_our_close_frame_lays_no_second_one() {
    for role in BOTH {
        let mut end = End::new(role);
        close(&mut end, 1000);
        assert_eq!(end.hear(&[0x83, 0x00]), [Told::Failed(ProtocolError::ReservedOpcode(3))]);
        assert_eq!(end.sent(), [Sent::close(1000)]);
        assert!(end.connection.should_shut_down());
        end.hear_eof();
        let closure = end.connection.closure().expect("closed");
        assert_eq!((closure.sent, closure.clean), (Some(CloseCode::NORMAL), false));
    }
}

/// After both Close frames have crossed, the connection cannot be failed any more.
#[test]
fn a_finished_closing_handshake_cannot_be_failed() {
    for role in BOTH {
        let mut end = End::new(role);
        end.hear_frame(0x88, &close_body(1000, ""));
        end.sent();
        end.connection.fail(NOW, CloseCode::INTERNAL_ERROR, "", &mut end.outbox);
        assert!(end.outbox.is_empty());
        end.hear_eof();
        let closure = end.connection.closure().expect("closed");
        assert_eq!((closure.fault, closure.clean), (None, true));
    }
}
