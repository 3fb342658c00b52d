//! Section 5.5: Ping and Pong, and what all control frames have in common.

use bluewire_core::{Config, Delivery, Outbox, ProtocolError, Role, SendError};

use crate::common::{BOTH, End, Sent, Told, assert_fails, frame, frames_sent_by, header, hear};

const CONTROL: [u8; 3] = [0x8, 0x9, 0xa];

/// 5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be
/// fragmented."
#[test]
fn a_control_frame_without_fin_fails() {
    for role in BOTH {
        for opcode in CONTROL {
            let error = ProtocolError::FragmentedControlFrame;
            assert_fails(role, &header(role, opcode, 0), &[], error);
            let mut in_a_message = frame(role, 0x01, b"Hel");
            in_a_message.extend(header(role, opcode, 2));
            assert_fails(role, &in_a_message, &[], error);
        }
    }
}

#[test]
fn a_control_frame_of_more_than_125_bytes_fails_on_its_header() {
    for role in BOTH {
        for opcode in CONTROL {
            for len_7 in [126, 127] {
                let bytes = header(role, 0x80 | opcode, len_7);
                assert_fails(role, &bytes, &[], ProtocolError::ControlFrameTooLong);
            }
        }
    }
}

/// 5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response".
/// 5.5.3: with "identical Application data as found in the message body of the Ping frame".
#[test]
fn a_ping_of_any_length_is_answered_with_its_payload() {
    for role in BOTH {
        for len in 0..=125 {
            let payload: Vec<u8> = (0..len).map(|i| i ^ 0xa5).collect();
            let mut end = End::new(role);
            assert_eq!(end.hear_frame(0x89, &payload), [Told::ping(&payload)]);
            assert_eq!(end.sent(), [Sent::new(0x8a, &payload)]);
        }
        let payload = [0xff; 125];
        let heard = hear(role, &frame(role, 0x89, &payload));
        assert_eq!(heard.told, [Told::ping(payload)]);
        assert_eq!(heard.sent, [Sent::new(0x8a, payload)]);
    }
}

#[test]
fn a_ping_is_answered_the_same_in_chunks() {
    let config = Config::default().delivery(Delivery::Chunks);
    for role in BOTH {
        let mut end = End::with(role, &config);
        assert_eq!(end.hear_frame(0x89, b"Hello"), [Told::ping(b"Hello")]);
        assert_eq!(end.sent(), [Sent::new(0x8a, b"Hello")]);
    }
}

/// The answer is there with the event, before the application does anything.
#[test]
fn the_answer_lies_in_the_outbox_when_the_ping_is_reported() {
    for role in BOTH {
        let mut end = End::new(role);
        let pings = [frame(role, 0x89, b"1"), frame(role, 0x89, b"2")].concat();
        end.inbox.extend(&pings);
        for payload in [b"1", b"2"] {
            assert_eq!(end.event(), Some(Told::ping(payload)));
            assert_eq!(end.sent(), [Sent::new(0x8a, payload)]);
        }
    }
}

/// Each Ping of one read is answered, as long as the answers are not very many.
#[test]
fn pings_that_come_together_are_all_answered() {
    for role in BOTH {
        let pings: Vec<u8> = (0..100).flat_map(|i| frame(role, 0x89, &[i; 9])).collect();
        let heard = hear(role, &pings);
        assert_eq!(heard.told.len(), 100);
        let answers: Vec<_> = (0..100).map(|i| Sent::new(0x8a, [i; 9])).collect();
        assert_eq!(heard.sent, answers);
    }
    // Also behind answers that left in parts.
    for role in BOTH {
        let mut end = End::new(role);
        for _ in 0..3 {
            let pings: Vec<u8> = (0..5).flat_map(|i| frame(role, 0x89, &[i])).collect();
            end.hear(&pings);
            let mut bytes = end.write(3);
            bytes.extend(end.write_all());
            let answers: Vec<_> = (0..5).map(|i| Sent::new(0x8a, [i])).collect();
            assert_eq!(frames_sent_by(role, &bytes), answers);
        }
    }
}

/// 5.5.3: "the endpoint MAY elect to send a Pong frame for only the most recently processed Ping
/// frame." It does so once the transport has left an answer behind.
#[test]
fn only_the_latest_of_the_waiting_pings_is_answered() {
    for role in BOTH {
        let mut end = End::new(role);
        for i in 0..100 {
            end.hear_frame(0x89, &[i; 9]);
            end.write(0);
        }
        assert_eq!(end.sent(), [Sent::new(0x8a, [99; 9])]);
    }
}

#[test]
fn an_answer_that_has_begun_to_leave_is_finished() {
    for role in BOTH {
        for written in 1..header_len(role) + 3 {
            let mut end = End::new(role);
            end.hear_frame(0x89, b"1st");
            let mut bytes = end.write(written);
            end.hear_frame(0x89, b"2nd");
            end.hear_frame(0x89, b"3rd");
            bytes.extend(end.write_all());
            assert_eq!(
                frames_sent_by(role, &bytes),
                [Sent::new(0x8a, b"1st"), Sent::new(0x8a, b"3rd"),]
            );
        }
    }
}

/// A Pong of the application's own is not an answer, and no answer takes its place.
#[test]
fn an_own_pong_is_never_replaced() {
    for role in BOTH {
        let mut end = End::new(role);
        end.hear_frame(0x89, b"1st");
        end.connection.pong(b"mine", &mut end.outbox).expect("open");
        end.write(0);
        end.hear_frame(0x89, b"2nd");
        end.connection.pong(b"mine too", &mut end.outbox).expect("open");
        end.connection.ping(b"and this", &mut end.outbox).expect("open");
        end.hear_frame(0x89, b"3rd");
        assert_eq!(
            end.sent(),
            [
                Sent::new(0x8a, b"mine"),
                Sent::new(0x8a, b"mine too"),
                Sent::new(0x89, b"and this"),
                Sent::new(0x8a, b"3rd"),
            ]
        );
    }
}

#[test]
fn with_auto_pong_off_the_application_answers() {
    let config = Config::default().auto_pong(false);
    for role in BOTH {
        let mut end = End::with(role, &config);
        assert_eq!(end.hear_frame(0x89, b"?"), [Told::ping(b"?")]);
        assert!(end.outbox.is_empty());
        end.connection.pong(b"?", &mut end.outbox).expect("open");
        assert_eq!(end.sent(), [Sent::new(0x8a, b"?")]);
    }
}

/// 5.5.3: "A Pong frame MAY be sent unsolicited. [...] A response to an unsolicited Pong frame is
/// not expected."
#[test]
fn an_unsolicited_pong_is_reported_and_not_answered() {
    for role in BOTH {
        for payload in [&b""[..], b"Hello", &[0xff; 125]] {
            let heard = hear(role, &frame(role, 0x8a, payload));
            assert_eq!(heard.told, [Told::pong(payload)]);
            assert_eq!(heard.sent, []);
            assert_eq!(heard.end.connection.round_trip(), None);
        }
    }
}

/// A Ping must be answered until the peer's Close frame comes, not only until ours goes.
#[test]
fn a_ping_after_our_close_frame_is_answered() {
    for role in BOTH {
        let mut end = End::new(role);
        let code = bluewire_core::CloseCode::NORMAL;
        end.connection.close(end.now, code, "", &mut end.outbox).expect("open");
        assert_eq!(end.sent(), [Sent::close(1000)]);
        assert_eq!(end.hear_frame(0x89, b"?"), [Told::ping(b"?")]);
        assert_eq!(end.sent(), [Sent::new(0x8a, b"?")]);
    }
}

/// 5.5.2: "unless it already received a Close frame".
#[test]
fn a_ping_after_the_peers_close_frame_is_not_answered() {
    for role in BOTH {
        let bytes = [frame(role, 0x88, b""), frame(role, 0x89, b"?")].concat();
        let heard = hear(role, &bytes);
        assert_eq!(heard.told, [Told::Close(None, String::new())]);
        assert_eq!(heard.sent, [Sent::new(0x88, b"")]);
    }
}

/// A Ping, a Pong and an answer pass what has not begun to leave; nothing passes inside a frame.
#[test]
fn a_control_frame_goes_at_the_next_border_between_frames() {
    for role in BOTH {
        let frame_len = header_len(role) + 4;
        for written in 0..=3 * frame_len {
            let mut end = End::new(role);
            for text in ["one.", "two.", "six."] {
                end.connection.send(text, &mut end.outbox).expect("open");
            }
            let mut bytes = end.write(written);
            end.connection.ping(b"mine", &mut end.outbox).expect("open");
            end.hear_frame(0x89, b"yours");
            bytes.extend(end.write_all());

            let mut expected: Vec<_> =
                ["one.", "two.", "six."].map(|text| Sent::new(0x81, text)).into();
            let border = written.div_ceil(frame_len);
            expected.insert(border, Sent::new(0x89, b"mine"));
            expected.insert(border + 1, Sent::new(0x8a, b"yours"));
            assert_eq!(frames_sent_by(role, &bytes), expected, "{written} written");
        }
    }
}

/// The slices of a vectored write and the single writes are the same bytes.
#[test]
fn the_slices_are_what_single_writes_write() {
    for role in BOTH {
        for written in 0..30 {
            let mut end = End::new(role);
            end.connection.send("one", &mut end.outbox).expect("open");
            end.connection.send("two", &mut end.outbox).expect("open");
            end.write(written);
            end.connection.ping(b"", &mut end.outbox).expect("open");
            let slices = end.outbox.slices().concat();
            assert_eq!(slices.len(), end.outbox.len());
            assert_eq!(end.write_all(), slices);
        }
    }
}

#[test]
fn a_control_payload_of_more_than_125_bytes_is_not_sent() {
    for role in BOTH {
        let mut end = End::new(role);
        let End { connection, outbox, .. } = &mut end;
        let too_long = Err(SendError::ControlPayloadTooLong);
        assert_eq!(connection.ping(&[0; 126], outbox), too_long);
        assert_eq!(connection.pong(&[0; 126], outbox), too_long);
        assert!(outbox.is_empty());
        connection.ping(&[1; 125], outbox).expect("125 bytes are lawful");
        connection.pong(&[2; 125], outbox).expect("125 bytes are lawful");
        assert_eq!(end.sent(), [Sent::new(0x89, [1; 125]), Sent::new(0x8a, [2; 125])]);
    }
}

/// An application that pings a peer which does not read gets an error; answers still pass.
#[test]
fn own_pings_without_end_are_refused_and_answers_are_not() {
    for role in BOTH {
        let mut end = End::new(role);
        let mut count = 0;
        while end.connection.ping(&[0; 125], &mut end.outbox).is_ok() {
            count += 1;
            assert!(count < 1000, "the queue has no end");
        }
        assert!(count >= 8, "a few pings can wait");
        let full = Err(SendError::OutboxFull);
        assert_eq!(end.connection.ping(b"", &mut end.outbox), full);
        assert_eq!(end.connection.pong(b"", &mut end.outbox), full);
        end.hear_frame(0x89, b"answer me");
        end.hear_frame(0x89, b"answer me too");
        end.connection.send("a message", &mut end.outbox).expect("it has room of its own");

        let sent = end.sent();
        assert_eq!(sent.len(), count + 3);
        assert_eq!(
            sent[count..],
            [
                Sent::new(0x8a, b"answer me"),
                Sent::new(0x8a, b"answer me too"),
                Sent::new(0x81, "a message")
            ]
        );
        end.connection.ping(b"", &mut end.outbox).expect("room again");
    }
}

/// A message as large as they come, cut by the sender, does not hold up a Ping, a Pong, an answer
/// or a Close frame.
#[test]
fn a_message_of_50_mib_in_fragments_holds_up_no_control_frame() {
    const MIB: usize = 1024 * 1024;
    let mut config = Config::default().fragment_len((64 * 1024).try_into().ok());
    config.limits.outbox_len_max = 64 * MIB;
    let message = vec![0x5a; 50 * MIB];
    for role in BOTH {
        let fragment_len = 64 * 1024 + 10 + if role == Role::Client { 4 } else { 0 };
        let mut end = End::with(role, &config);
        end.connection.send(&message, &mut end.outbox).expect("room");
        assert_eq!(end.outbox.len(), 800 * fragment_len);
        write(&mut end.outbox, 3 * fragment_len + 5);

        end.connection.ping(b"ping", &mut end.outbox).expect("open");
        write(&mut end.outbox, fragment_len - 5);
        end.connection.pong(b"pong", &mut end.outbox).expect("open");
        end.hear_frame(0x89, b"yours");
        let control = end.write(3 * (header_len(role) + 4) + 1);
        let control = frames_sent_by(role, &control);
        let frames = [(0x89, "ping"), (0x8a, "pong"), (0x8a, "yours")];
        assert_eq!(control, frames.map(|(first, payload)| Sent::new(first, payload)));

        write(&mut end.outbox, 1);
        let code = bluewire_core::CloseCode::GOING_AWAY;
        end.connection.close_now(end.now, code, "", &mut end.outbox).expect("open");
        write(&mut end.outbox, fragment_len - 1);
        assert_eq!(end.sent(), [Sent::close(1001)]);
    }
}

/// The length of a header that this endpoint sends before a short payload.
fn header_len(role: Role) -> usize {
    if role == Role::Client { 6 } else { 2 }
}

/// Writes without keeping a copy.
fn write(outbox: &mut Outbox, mut len: usize) {
    while len > 0 {
        let piece = outbox.unsent().len().min(len);
        outbox.sent(piece);
        len -= piece;
    }
}
