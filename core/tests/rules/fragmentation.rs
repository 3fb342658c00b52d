//! Section 5.4: messages in several frames, with control frames between them.

use bluewire_core::{Config, Delivery, ProtocolError, SendError};

use crate::common::{
    BOTH, End, Sent, Told, assert_fails, frame, frame_with_key, hear, hear_in_every_cut,
};

/// "a single frame with the FIN bit clear and an opcode other than 0, followed by zero or more
/// frames with the FIN bit clear and the opcode set to 0, and terminated by a single frame with
/// the FIN bit set and an opcode of 0"
#[test]
fn fragments_are_one_message_of_the_first_ones_type() {
    for role in BOTH {
        let text = [
            frame(role, 0x01, b"Hel"),
            frame(role, 0x00, b"l"),
            frame(role, 0x00, b"o, "),
            frame(role, 0x80, b"you"),
        ];
        assert_eq!(hear(role, &text.concat()).told, [Told::text("Hello, you")]);
        let binary = [frame(role, 0x02, b"\xff"), frame(role, 0x80, b"\xfe")];
        assert_eq!(hear(role, &binary.concat()).told, [Told::binary(b"\xff\xfe")]);
    }
}

/// Fragments of any length are put together, whatever stood between them; each is unmasked with
/// its own key, from its own first byte.
#[test]
fn fragments_of_any_length_lie_one_behind_the_other() {
    let lens = (0..200).chain(2_000..2_200).chain([4_095, 4_096, 65_535, 65_536]);
    let bytes: Vec<u8> = (0..=250).cycle().take(70_000).collect();
    for role in BOTH {
        let mut end = End::new(role);
        for len in lens.clone() {
            let (first, second, third) = (&bytes[..len], &bytes[..len / 2], &bytes[2..7]);
            end.hear(&frame_with_key(role, 0x02, first, [1, 2, 3, 4]));
            end.hear_frame(0x89, &bytes[..len % 126]);
            end.hear(&frame_with_key(role, 0x00, second, [0, 0, 0, 9]));
            let told = end.hear(&frame_with_key(role, 0x80, third, [0xff, 0, 0xff, 0]));
            assert_eq!(told, [Told::binary([first, second, third].concat())], "{len}");

            // All of it in one read.
            let all = [
                frame_with_key(role, 0x01, b"", [1; 4]),
                frame_with_key(role, 0x00, b"abc", [1, 2, 3, 4]),
                frame_with_key(role, 0x80, &vec![b'x'; len], [4, 3, 2, 1]),
                frame_with_key(role, 0x82, first, [5, 6, 7, 8]),
            ];
            let text = format!("abc{}", "x".repeat(len));
            assert_eq!(end.hear(&all.concat()), [Told::Text(text), Told::binary(first)]);
            end.write_all();
        }
    }
}

#[test]
fn fragments_can_be_empty_anywhere() {
    for role in BOTH {
        for (parts, whole) in [
            (&["", "", ""][..], ""),
            (&["", "ab", ""], "ab"),
            (&["ab", "", "c"], "abc"),
            (&["", ""], ""),
            (&["a", ""], "a"),
            (&["", "a"], "a"),
        ] {
            let mut bytes = Vec::new();
            for (i, part) in parts.iter().enumerate() {
                let opcode = if i == 0 { 0x01 } else { 0x00 };
                let fin = if i + 1 == parts.len() { 0x80 } else { 0 };
                bytes.extend(frame(role, fin | opcode, part.as_bytes()));
            }
            let next = frame(role, 0x82, b"next");
            bytes.extend(&next);
            let told = [Told::text(whole), Told::binary(b"next")];
            assert_eq!(hear(role, &bytes).told, told, "{parts:?}");
        }
    }
}

#[test]
fn a_continuation_with_nothing_to_continue_fails() {
    for role in BOTH {
        for first in [0x00, 0x80] {
            let alone = frame(role, first, b"");
            assert_fails(role, &alone, &[], ProtocolError::UnexpectedContinuation);

            let after = [frame(role, 0x81, b"Hello"), alone.clone()].concat();
            let told = [Told::text("Hello")];
            assert_fails(role, &after, &told, ProtocolError::UnexpectedContinuation);

            let twice = [frame(role, 0x01, b"Hel"), frame(role, 0x80, b"lo"), alone].concat();
            assert_fails(role, &twice, &told, ProtocolError::UnexpectedContinuation);
        }
    }
}

/// "The fragments of one message MUST NOT be interleaved between the fragments of another message
/// unless an extension has been negotiated that can interpret the interleaving."
#[test]
fn a_new_message_inside_another_fails() {
    for role in BOTH {
        for begun in [0x01, 0x02] {
            for first in [0x01, 0x02, 0x81, 0x82] {
                let bytes = [frame(role, begun, b"Hel"), frame(role, first, b"")].concat();
                assert_fails(role, &bytes, &[], ProtocolError::InterleavedMessage);
            }
        }
    }
}

/// "Control frames MAY be injected in the middle of a fragmented message."
#[test]
fn control_frames_between_fragments_are_handled_at_once() {
    for role in BOTH {
        let frames = [
            frame(role, 0x01, b"Hel"),
            frame(role, 0x89, b"1"),
            frame(role, 0x8a, b"2"),
            frame(role, 0x00, b""),
            frame(role, 0x89, b""),
            frame(role, 0x80, b"lo"),
        ];
        let heard = hear(role, &frames.concat());
        let told = [Told::ping(b"1"), Told::pong(b"2"), Told::ping(b""), Told::text("Hello")];
        assert_eq!(heard.told, told);

        let mut end = End::new(role);
        end.hear(&frames[0]);
        assert_eq!(end.hear(&frames[1]), [Told::ping(b"1")]);
        assert_eq!(end.sent(), [Sent::new(0x8a, b"1")], "answered before the message ends");
    }
}

#[test]
fn a_close_frame_between_fragments_ends_the_message_unheard() {
    for role in BOTH {
        let bytes =
            [frame(role, 0x01, b"Hel"), frame(role, 0x88, b""), frame(role, 0x80, b"lo")].concat();
        assert_eq!(hear(role, &bytes).told, [Told::Close(None, String::new())]);
    }
}

/// In chunks each part is reported as it arrives, and control frames between parts in their place.
#[test]
fn chunks_come_as_they_arrive() {
    let config = Config::default().delivery(Delivery::Chunks);
    for role in BOTH {
        let mut end = End::with(role, &config);
        let whole = frame(role, 0x01, "über".as_bytes());
        let header_len = whole.len() - 5;
        assert_eq!(end.hear(&whole[..header_len + 1]), [], "half a character");
        assert_eq!(
            end.hear(&whole[header_len + 1..header_len + 3]),
            [Told::TextPart("üb".into(), false)]
        );
    }
    for role in BOTH {
        let bytes = [
            frame(role, 0x02, b"ab"),
            frame(role, 0x89, b"?"),
            frame(role, 0x00, b""),
            frame(role, 0x80, b"cd"),
            frame(role, 0x81, b""),
        ];
        let heard = hear_in_every_cut(role, &config, &bytes.concat());
        assert_eq!(
            heard.told,
            [
                Told::BinaryPart(b"ab".into(), false),
                Told::ping(b"?"),
                Told::BinaryPart(b"cd".into(), true),
                Told::TextPart(String::new(), true),
            ]
        );
    }
}

#[test]
fn chunks_of_text_are_cut_between_characters() {
    let config = Config::default().delivery(Delivery::Chunks);
    for role in BOTH {
        // The second character comes in three frames, with a Ping between its bytes.
        let bytes = [
            frame(role, 0x01, b"a\xf0\x9d"),
            frame(role, 0x89, b"?"),
            frame(role, 0x00, b"\x84"),
            frame(role, 0x80, b"\x9e"),
        ];
        let heard = hear_in_every_cut(role, &config, &bytes.concat());
        assert_eq!(
            heard.told,
            [Told::TextPart("a".into(), false), Told::ping(b"?"), Told::TextPart("𝄞".into(), true),]
        );
    }
}

#[test]
fn a_message_is_sent_in_fragments_of_the_length_asked_for() {
    let config = Config::default().fragment_len(3.try_into().ok());
    for role in BOTH {
        let mut end = End::with(role, &config);
        for (message, frames) in [
            ("", &[(0x81, "")][..]),
            ("ab", &[(0x81, "ab")]),
            ("abc", &[(0x81, "abc")]),
            ("abcd", &[(0x01, "abc"), (0x80, "d")]),
            ("abcdef", &[(0x01, "abc"), (0x80, "def")]),
            ("abcdefg", &[(0x01, "abc"), (0x00, "def"), (0x80, "g")]),
        ] {
            let frames: Vec<_> =
                frames.iter().map(|(first, payload)| Sent::new(*first, payload)).collect();
            end.connection.send(message, &mut end.outbox).expect("open");
            assert_eq!(end.sent(), frames);
            end.connection.send_vectored(message, &mut end.outbox).map(drop).expect("open");
            assert_eq!(end.sent(), frames);
            end.connection.send_fragment(message, true, &mut end.outbox).expect("open");
            assert_eq!(end.sent(), frames);
        }
    }
}

#[test]
fn a_message_is_sent_part_by_part() {
    for role in BOTH {
        let mut end = End::new(role);
        let End { connection, outbox, .. } = &mut end;
        connection.send_fragment(b"ab", false, outbox).expect("open");
        connection.send_fragment(b"", false, outbox).expect("open");
        connection.ping(b"?", outbox).expect("a control frame may stand between");
        connection.send_fragment(b"c", true, outbox).expect("open");
        connection.send_fragment("one", true, outbox).expect("a message of one part");
        // The Ping passes what has not begun to leave.
        assert_eq!(
            end.sent(),
            [
                Sent::new(0x89, b"?"),
                Sent::new(0x02, b"ab"),
                Sent::new(0x00, b""),
                Sent::new(0x80, b"c"),
                Sent::new(0x81, "one"),
            ]
        );
    }
}

/// No data frame stands between the fragments of our own message, and all have one type.
#[test]
fn an_own_message_under_way_must_end_first() {
    for role in BOTH {
        let mut end = End::new(role);
        let End { connection, outbox, .. } = &mut end;
        connection.send_fragment("ab", false, outbox).expect("open");
        let unfinished = Err(SendError::MessageUnfinished);
        assert_eq!(connection.send("x", outbox), unfinished);
        assert_eq!(connection.send_vectored("x", outbox).map(drop), unfinished);
        let prepared = bluewire_core::PreparedMessage::new("x");
        assert_eq!(connection.send_prepared(&prepared, outbox), unfinished);
        for fin in [false, true] {
            let changed = Err(SendError::TypeChanged);
            assert_eq!(connection.send_fragment(b"x", fin, outbox), changed);
        }
        connection.send_fragment("c", true, outbox).expect("open");
        connection.send_fragment(b"d", true, outbox).expect("another message, of another type");
        connection.send("e", outbox).expect("nothing under way");
        assert_eq!(
            end.sent(),
            [
                Sent::new(0x01, "ab"),
                Sent::new(0x80, "c"),
                Sent::new(0x82, "d"),
                Sent::new(0x81, "e"),
            ]
        );
    }
}

/// Fragments that arrive and fragments that are sent have nothing to do with each other.
#[test]
fn the_two_directions_do_not_meet() {
    for role in BOTH {
        let mut end = End::new(role);
        end.hear_frame(0x01, b"Hel");
        end.connection.send(b"a whole one", &mut end.outbox).expect("open");
        end.connection.send_fragment(b"a part", false, &mut end.outbox).expect("open");
        assert_eq!(end.hear_frame(0x80, b"lo"), [Told::text("Hello")]);
        assert_eq!(end.hear_frame(0x82, b"\xff"), [Told::binary(b"\xff")]);
        end.connection.send_fragment(b"", true, &mut end.outbox).expect("open");
        assert_eq!(end.sent().len(), 3);
    }
}
