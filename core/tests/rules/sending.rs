//! Section 6.1: what a call lays, and that a call that is refused changes nothing.

use bluewire_core::{
    CloseCode, Config, Connection, Gather, Limits, Message, Outbox, OwnedMessage, PreparedMessage,
    Role, SendError, State,
};

use crate::closing::assert_refuses_to_send;
use crate::common::{BOTH, End, NOW, Sent, frames_sent_by};

#[test]
fn every_way_of_sending_lays_the_same_frame() {
    let prepared = PreparedMessage::new("Hello");
    for role in BOTH {
        let mut end = End::new(role);
        let End { connection, outbox, .. } = &mut end;
        connection.send("Hello", outbox).expect("open");
        connection.send(&OwnedMessage::Text("Hello".into()), outbox).expect("open");
        connection.send(Message::Text("Hello"), outbox).expect("open");
        connection.send_fragment("Hello", true, outbox).expect("open");
        connection.send_prepared(&prepared, outbox).expect("open");
        connection.send_vectored("Hello", outbox).map(drop).expect("open");
        connection.send_prepared_vectored(&prepared, outbox).map(drop).expect("open");
        assert_eq!(end.sent(), vec![Sent::new(0x81, "Hello"); 7]);
    }
}

#[test]
fn a_prepared_message_is_one_frame_whatever_its_length() {
    let config = Config::default().fragment_len(2.try_into().ok());
    let prepared = PreparedMessage::new(&[7; 70_000]);
    assert_eq!(prepared.payload(), [7; 70_000]);
    assert_eq!(prepared.frame().len(), 70_010);
    for role in BOTH {
        let mut end = End::with(role, &config);
        end.connection.send_prepared(&prepared, &mut end.outbox).expect("open");
        assert_eq!(end.sent(), [Sent::new(0x82, [7; 70_000])]);
    }
}

/// A vectored write takes any number of bytes at a time, and can be given up at any place: what is
/// left then goes by the outbox, and no frame is cut.
#[test]
fn a_vectored_send_can_be_given_up_anywhere() {
    give_up_anywhere(|connection, _, outbox| connection.send_vectored("Hello", outbox));
    give_up_anywhere(|connection, hello, outbox| connection.send_prepared_vectored(hello, outbox));
}

fn give_up_anywhere(
    send: for<'o> fn(
        &mut Connection,
        &'o PreparedMessage,
        &'o mut Outbox,
    ) -> Result<Gather<'o>, SendError>,
) {
    let hello = PreparedMessage::new("Hello");
    for role in BOTH {
        for fragment_len in [None, Some(1), Some(2), Some(3)] {
            let config = Config::default()
                .fragment_len(fragment_len.and_then(|len| usize::try_into(len).ok()));
            for step in 1..=8 {
                for steps in 0..=20 {
                    let mut end = End::with(role, &config);
                    end.connection.send("before", &mut end.outbox).expect("open");
                    let mut bytes = end.write(step);
                    end.connection.ping(b"?", &mut end.outbox).expect("open");
                    let End { connection, outbox, .. } = &mut end;
                    let mut gather = send(connection, &hello, outbox).expect("open");
                    for _ in 0..steps {
                        let slices = gather.slices().concat();
                        assert_eq!(slices.is_empty(), gather.is_empty());
                        let len = step.min(slices.len());
                        bytes.extend(&slices[..len]);
                        gather.sent(len);
                    }
                    drop(gather);
                    end.connection.send("after", &mut end.outbox).expect("open");
                    end.connection.pong(b"!", &mut end.outbox).expect("open");
                    bytes.extend(end.write_all());
                    assert_sequence(role, &bytes, &["before", "Hello", "after"], &["?", "!"]);
                }
            }
        }
    }
}

/// The frames are these texts in order, and these control frames in order, none inside a frame.
fn assert_sequence(role: Role, bytes: &[u8], texts: &[&str], controls: &[&str]) {
    let (mut heard, mut text, mut control) = (Vec::new(), Vec::new(), Vec::new());
    for Sent(first, payload) in frames_sent_by(role, bytes) {
        if first & 0x08 != 0 {
            control.push(payload);
            continue;
        }
        assert_eq!(first & 0x0f == 0, !text.is_empty(), "a continuation continues");
        text.extend(payload);
        if first & 0x80 != 0 {
            heard.push(std::mem::take(&mut text));
        }
    }
    assert!(text.is_empty(), "the last message is finished");
    assert!(heard.iter().eq(texts.iter().map(|text| text.as_bytes())), "{heard:?}");
    assert!(control.iter().eq(controls.iter().map(|text| text.as_bytes())), "{control:?}");
}

#[test]
fn a_vectored_send_of_a_server_does_not_copy() {
    let payload = vec![0xab; 100_000];
    let mut end = End::new(Role::Server);
    let gather = end.connection.send_vectored(&payload, &mut end.outbox).expect("open");
    let payload_slice = gather.slices()[3];
    assert_eq!(payload_slice.as_ptr(), payload.as_ptr(), "the caller's own memory");
    assert_eq!(payload_slice.len(), payload.len());
    let mut gather = gather;
    gather.sent(10 + 100_000);
    assert!(gather.is_empty());
    drop(gather);
    assert!(end.outbox.is_empty() && end.outbox.capacity() < 1000);
}

#[test]
fn a_prepared_message_of_a_server_is_not_copied() {
    let prepared = PreparedMessage::new(&[0xab; 100_000]);
    let mut end = End::new(Role::Server);
    let sent = end.connection.send_prepared_vectored(&prepared, &mut end.outbox);
    let mut gather = sent.expect("open");
    assert_eq!(gather.slices()[3].as_ptr(), prepared.frame().as_ptr(), "the shared memory");
    gather.sent(100_010);
    assert!(gather.is_empty());
    drop(gather);
    assert_eq!(end.outbox.capacity(), 0);
}

/// A frame that is given up before it has begun can still be dropped, and one that has begun stays.
#[test]
fn closing_at_once_drops_a_prepared_message_that_has_not_begun_to_leave() {
    let prepared = PreparedMessage::new("Hello");
    for (written, rest) in [(0, &b""[..]), (1, b"\x05Hello"), (3, b"ello")] {
        let mut end = End::new(Role::Server);
        let sent = end.connection.send_prepared_vectored(&prepared, &mut end.outbox);
        sent.expect("open").sent(written);
        end.connection.send("after", &mut end.outbox).expect("open");
        let closed = end.connection.close_now(NOW, CloseCode::NORMAL, "", &mut end.outbox);
        closed.expect("open");
        assert_eq!(end.write_all(), [rest, b"\x88\x02\x03\xe8"].concat(), "{written}");
    }
}

/// Two ends do the same, one of them with refused calls between: their bytes are the same, down to
/// the masking keys.
#[test]
fn a_refused_call_changes_nothing() {
    for role in BOTH {
        assert_eq!(send_some(role, true), send_some(role, false));
    }
}

fn send_some(role: Role, with_refused_calls: bool) -> Vec<u8> {
    let limits = Limits::default().outbox_len_max(500);
    let mut end = End::with(role, &Config::default().limits(limits));
    let refused = |end: &mut End, calls: fn(&mut End)| {
        if with_refused_calls {
            calls(end);
        }
    };
    refused(&mut end, refused_calls);
    end.connection.send("a message", &mut end.outbox).expect("open");
    let mut bytes = end.write(5);
    refused(&mut end, refused_calls);
    end.connection.send_fragment(b"one", false, &mut end.outbox).expect("open");
    refused(&mut end, refused_calls_inside_a_message);
    end.connection.send_fragment(b"two", true, &mut end.outbox).expect("open");
    end.connection.ping(b"?", &mut end.outbox).expect("open");
    refused(&mut end, refused_calls);
    bytes.extend(end.write_all());
    for _ in 0..pings_that_wait(role) {
        end.connection.ping(&[0; 125], &mut end.outbox).expect("room");
    }
    refused(&mut end, |end| {
        assert_eq!(end.connection.ping(b"", &mut end.outbox), Err(SendError::OutboxFull));
        assert_eq!(end.connection.pong(b"", &mut end.outbox), Err(SendError::OutboxFull));
    });
    assert_eq!(end.connection.state(), State::Open);
    end.connection.close(NOW, CloseCode::NORMAL, "", &mut end.outbox).expect("open");
    refused(&mut end, assert_refuses_to_send);
    bytes.extend(end.write_all());
    bytes
}

/// The bytes that wait beside control frames show how far a message is from being sent.
#[test]
fn the_data_that_waits_is_counted_without_control_frames() {
    for role in BOTH {
        let mut end = End::new(role);
        end.connection.send("first", &mut end.outbox).expect("open");
        let first = end.outbox.data_len();
        assert_eq!(first, end.outbox.len());
        end.connection.send("second", &mut end.outbox).expect("open");
        let second = end.outbox.data_len() - first;
        end.connection.ping(b"?", &mut end.outbox).expect("open");
        end.hear_frame(0x89, b"?");
        assert_eq!(end.outbox.data_len(), first + second);
        let controls = end.outbox.len() - first - second;
        end.write(controls);
        assert_eq!(end.outbox.data_len(), first + second, "they went first");
        end.write(first);
        assert_eq!(end.outbox.data_len(), second);
        end.write_all();
        assert_eq!(end.outbox.data_len(), 0);
    }
}

/// How many Pings of the application's can wait.
fn pings_that_wait(role: Role) -> usize {
    let mut end = End::new(role);
    (0..1000).take_while(|_| end.connection.ping(&[0; 125], &mut end.outbox).is_ok()).count()
}

/// Calls that the connection refuses, each with what it says.
fn refused_calls(end: &mut End) {
    let End { connection, outbox, .. } = end;
    let never = Err(SendError::MessageTooLong { limit: 500 });
    let too_long = Err(SendError::ControlPayloadTooLong);
    let long = [0; 1000];
    assert_eq!(connection.send(&long, outbox), never);
    assert_eq!(connection.send_fragment(&long, false, outbox), never);
    assert_eq!(connection.send_vectored(&long, outbox).map(drop), never);
    let prepared = PreparedMessage::new(&long);
    assert_eq!(connection.send_prepared(&prepared, outbox), never);
    assert_eq!(connection.send_prepared_vectored(&prepared, outbox).map(drop), never);
    assert_eq!(connection.ping(&[0; 126], outbox), too_long);
    assert_eq!(connection.pong(&[0; 126], outbox), too_long);
    let code = CloseCode::new(1006);
    let invalid = Err(SendError::InvalidCloseCode(code));
    assert_eq!(connection.close(NOW, code, "", outbox), invalid);
    assert_eq!(connection.close_now(NOW, code, "", outbox), invalid);
    let reason = "x".repeat(124);
    let too_long = Err(SendError::CloseReasonTooLong);
    assert_eq!(connection.close(NOW, CloseCode::NORMAL, &reason, outbox), too_long);
    assert_eq!(connection.close_now(NOW, CloseCode::NORMAL, &reason, outbox), too_long);
}

/// While an own message is under way, of another type than these calls have.
fn refused_calls_inside_a_message(end: &mut End) {
    let End { connection, outbox, .. } = end;
    let unfinished = Err(SendError::MessageUnfinished);
    assert_eq!(connection.send("x", outbox), unfinished);
    assert_eq!(connection.send_vectored("x", outbox).map(drop), unfinished);
    assert_eq!(connection.send_prepared(&PreparedMessage::new("x"), outbox), unfinished);
    assert_eq!(connection.send_fragment("x", true, outbox), Err(SendError::TypeChanged));
}
