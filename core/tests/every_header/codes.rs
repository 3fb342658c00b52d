//! Every close code.

use bluewire_core::{CloseCode, Config, Delivery, ProtocolError, Role, SendError, State};

use crate::common::{BOTH, End, NOW, Sent, Told, close_body, frame, joined};
use crate::oracle::{Oracle, Said};

const REASONS: [&str; 2] = ["", "gr\u{fc}\u{df}e"];

/// The codes of 7.4.1 and 7.4.2, and those that IANA has registered since, written out once more.
fn may_be_sent(code: u16) -> bool {
    let never = [1004, 1005, 1006, 1015];
    (1000..=1015).contains(&code) && !never.contains(&code) || (3000..5000).contains(&code)
}

/// All 65,536 codes, in both roles, with a reason and without.
#[test]
fn every_close_code_is_taken_or_refused_as_7_4_says() {
    for role in BOTH {
        let oracle = Oracle {
            is_server: role == Role::Server,
            in_parts: false,
            frame_len_max: u64::MAX,
            message_len_max: u64::MAX,
            fragments_max: u32::MAX,
        };
        for code in 0..=u16::MAX {
            for reason in REASONS {
                let body = close_body(code, reason);
                let mut end = End::new(role);
                let told = end.hear_frame(0x88, &body);
                let said = oracle.read(&frame(role, 0x88, &body));
                if may_be_sent(code) {
                    assert_eq!(told, [Told::close(code, reason)]);
                    assert_eq!(end.sent(), [Sent::new(0x88, &body)]);
                    assert_eq!(said, [Said::Close { code: Some(code), reason: reason.into() }]);
                } else {
                    let error = ProtocolError::InvalidCloseCode(CloseCode::new(code));
                    assert_eq!(told, [Told::Failed(error)]);
                    let [Sent(0x88, answer)] = &end.sent()[..] else { panic!("one Close frame") };
                    assert_eq!(answer[..2], 1002_u16.to_be_bytes());
                    assert!(matches!(said[..], [Said::Failed(_)]), "{said:?}");
                }
                assert_eq!(end.connection.state(), State::Closing);
            }
        }
    }
}

/// The same set holds for the codes that an application sends.
#[test]
fn every_close_code_is_sent_or_refused_as_7_4_says() {
    for role in BOTH {
        for code in 0..=u16::MAX {
            let End { mut connection, mut outbox, .. } = End::new(role);
            let close = CloseCode::new(code);
            let sent = connection.close(NOW, close, "why", &mut outbox);
            if may_be_sent(code) {
                assert_eq!(sent, Ok(()));
                let sent = crate::common::frames_sent_by(role, outbox.unsent());
                assert_eq!(sent, [Sent::new(0x88, close_body(code, "why"))]);
            } else {
                assert_eq!(sent, Err(SendError::InvalidCloseCode(close)));
                assert!(outbox.is_empty());
                assert_eq!(connection.state(), State::Open);
            }
        }
    }
}

/// A Close frame within a fragmented message ends it, whatever the code: no part of the message
/// follows.
#[test]
fn a_close_frame_within_a_message_ends_both() {
    for role in BOTH {
        for delivery in [Delivery::Whole, Delivery::Chunks] {
            let mut end = End::with(role, &Config::default().delivery(delivery));
            let stream = [
                frame(role, 0x01, b"unfin"),
                frame(role, 0x88, &close_body(1000, "")),
                frame(role, 0x80, b"ished"),
            ];
            let told = joined(end.hear(&stream.concat()));
            let begun = Told::TextPart("unfin".into(), false);
            let expected = match delivery {
                Delivery::Whole => vec![Told::close(1000, "")],
                Delivery::Chunks => vec![begun, Told::close(1000, "")],
            };
            assert_eq!(told, expected);
        }
    }
}
