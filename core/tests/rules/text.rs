//! Sections 5.6 and 8.1: text is UTF-8, and what is not fails at the byte that makes it so.

use bluewire_core::{Config, Delivery, ProtocolError, Role};

use crate::common::{BOTH, End, Sent, Told, frame, hear, hear_in_every_cut};

/// Sequences that are not UTF-8, cut behind the first byte that no continuation can make good.
const BROKEN: [&[u8]; 27] = [
    // Bytes that never occur in UTF-8.
    b"\xc0",
    b"\xc1",
    b"\xf5",
    b"\xf8",
    b"\xfc",
    b"\xfe",
    b"\xff",
    // A continuation byte that continues nothing.
    b"\x80",
    b"\xbf",
    b"\xc2\x80\x80",
    // A character that ends too early.
    b"\xc2a",
    b"\xc2\xc2",
    b"\xe2\x82a",
    b"\xe2a",
    b"\xf0\x9d\x84a",
    b"\xf0\x9da",
    // Longer forms than needed (RFC 3629, section 3).
    b"\xe0\x80",
    b"\xe0\x9f",
    b"\xf0\x80",
    b"\xf0\x8f",
    // Surrogates, U+D800 to U+DFFF.
    b"\xed\xa0",
    b"\xed\xbf",
    // Above U+10FFFF.
    b"\xf4\x90",
    b"\xf4\xbf",
    b"\xf4\xc0",
    // One behind the other.
    b"\xe2\x82\xac\xe2\x82\xe2",
    b"\xf4\x8f\xbf\xbf\xf4\x90",
];

/// 8.1: "When an endpoint is to interpret a byte stream as UTF-8 but finds that the byte stream is
/// not, in fact, a valid UTF-8 stream, that endpoint MUST _Fail the WebSocket Connection_."
///
/// At once: inside a frame of which more is announced, and in a message of which more is to come.
#[test]
fn text_fails_at_the_first_bad_byte() {
    for role in BOTH {
        for delivery in [Delivery::Whole, Delivery::Chunks] {
            let config = Config::default().delivery(delivery);
            // On both sides of where validation changes its ways.
            for before in ["", "κόσμε ", &"κόσμε ".repeat(6), &"a".repeat(200)] {
                for broken in BROKEN {
                    let bad = before.len() + broken.len();
                    let payload = [before.as_bytes(), broken, b" and more"].concat();
                    let mut end = End::with(role, &config);
                    let bytes = frame(role, 0x01, &payload);
                    let header_len = bytes.len() - payload.len();
                    for (i, byte) in bytes[..header_len + bad].iter().enumerate() {
                        let told = end.hear(&[*byte]);
                        let failed = told.contains(&Told::Failed(ProtocolError::InvalidUtf8));
                        assert_eq!(failed, i + 1 == header_len + bad, "{broken:02x?} at {i}");
                    }
                    let Sent(first, body) = &end.sent()[0];
                    assert_eq!((*first, &body[..2]), (0x88, &[0x03, 0xef][..]), "1007");
                }
            }
        }
    }
}

#[test]
fn text_fails_in_every_cut_and_fragment() {
    for role in BOTH {
        for delivery in [Delivery::Whole, Delivery::Chunks] {
            let config = Config::default().delivery(delivery);
            for broken in BROKEN {
                let payload = [b"\xce\xba", broken].concat();
                for cut in 0..payload.len() {
                    for first in [0x00, 0x80] {
                        let bytes = [
                            frame(role, 0x01, &payload[..cut]),
                            frame(role, first, &payload[cut..]),
                        ];
                        let mut end = End::with(role, &config);
                        let told = bytes.iter().flat_map(|bytes| end.hear(bytes)).last();
                        assert_eq!(told, Some(Told::Failed(ProtocolError::InvalidUtf8)));
                    }
                }
                let heard =
                    hear_in_every_cut(role, &Config::default(), &frame(role, 0x81, &payload));
                assert_eq!(heard.told, [Told::Failed(ProtocolError::InvalidUtf8)]);
            }
        }
    }
}

/// The end of the message cuts a character off: reported at the end, and not before.
#[test]
fn text_that_ends_inside_a_character_fails() {
    for role in BOTH {
        for delivery in [Delivery::Whole, Delivery::Chunks] {
            let config = Config::default().delivery(delivery);
            for cut in [&b"\xc2"[..], b"\xe2\x82", b"\xf0\x9d\x84", b"a\xf4\x8f"] {
                let failed = Told::Failed(ProtocolError::InvalidUtf8);
                let mut end = End::with(role, &config);
                assert_eq!(end.hear_frame(0x81, cut), std::slice::from_ref(&failed));

                let mut end = End::with(role, &config);
                let told = end.hear_frame(0x01, cut);
                assert!(!told.contains(&failed), "the next fragment could go on with it");
                assert_eq!(end.hear_frame(0x80, b""), [failed]);
            }
        }
        let heard = hear(role, &frame(role, 0x81, b"a\xe2\x82"));
        assert_eq!(heard.told, [Told::Failed(ProtocolError::InvalidUtf8)]);
    }
}

/// 5.6: "a particular text frame might include a partial UTF-8 sequence; however, the whole
/// message MUST contain valid UTF-8."
#[test]
fn a_fragment_may_cut_a_character() {
    let text = "κόσμε – 𝄞, \u{0}\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}";
    for role in BOTH {
        for cut in 0..=text.len() {
            let (before, after) = text.as_bytes().split_at(cut);
            let bytes =
                [frame(role, 0x01, before), frame(role, 0x00, b""), frame(role, 0x80, after)];
            let mut end = End::new(role);
            let told: Vec<_> = bytes.iter().flat_map(|bytes| end.hear(bytes)).collect();
            assert_eq!(told, [Told::text(text)], "cut at {cut}");
        }
        let by_bytes: Vec<u8> = text
            .bytes()
            .enumerate()
            .flat_map(|(i, byte)| frame(role, if i == 0 { 0x01 } else { 0x00 }, &[byte]))
            .chain(frame(role, 0x80, b""))
            .collect();
        assert_eq!(hear(role, &by_bytes).told, [Told::text(text)]);
    }
}

/// 5.6: binary is "arbitrary binary data whose interpretation is solely up to the application
/// layer".
#[test]
fn binary_is_not_looked_at() {
    for role in BOTH {
        for broken in BROKEN {
            let bytes = [frame(role, 0x02, broken), frame(role, 0x80, b"\xff")].concat();
            assert_eq!(hear(role, &bytes).told, [Told::binary([broken, b"\xff"].concat())]);
        }
    }
}

/// The text of one message does not vouch for the next.
#[test]
fn each_text_is_validated_from_its_own_start() {
    for role in BOTH {
        let bytes = [
            frame(role, 0x01, b"valid up to here"),
            frame(role, 0x80, b"!"),
            frame(role, 0x02, b"\xff\xff\xff\xff"),
            frame(role, 0x80, b"\xff"),
            frame(role, 0x01, b"a\xff"),
        ];
        let heard = hear(role, &bytes.concat());
        assert_eq!(
            heard.told,
            [
                Told::text("valid up to here!"),
                Told::binary([0xff; 5]),
                Told::Failed(ProtocolError::InvalidUtf8),
            ]
        );
    }
}

/// Nearly a message: more than 4 KiB at once, of which `bad` bytes at the end are not UTF-8. It
/// lacks `lacking` bytes.
fn unfinished(role: Role, bad: &[u8], lacking: usize) -> Vec<u8> {
    let text = [&b"a".repeat(5000), bad, &b"z".repeat(lacking)].concat();
    let mut bytes = frame(role, 0x81, &text);
    bytes.truncate(bytes.len() - lacking);
    bytes
}

/// A long text that more is about to come of is judged once, but without waiting for a peer that
/// does not go on.
#[test]
fn a_long_unfinished_text_is_judged_when_the_transport_is_drained() {
    for role in BOTH {
        let mut end = End::new(role);
        assert_eq!(end.hear(&unfinished(role, b"\xff", 9)), []);
        assert!(end.connection.has_unchecked_text());
        assert_eq!(end.events(), [], "more may come still");
        end.connection.drained();
        assert_eq!(end.events(), [Told::Failed(ProtocolError::InvalidUtf8)]);
        assert!(!end.connection.has_unchecked_text());

        // Text that is valid so far goes on.
        let mut end = End::new(role);
        let bytes = unfinished(role, "κ".as_bytes(), 9);
        assert_eq!(end.hear(&bytes), []);
        end.connection.drained();
        assert_eq!(end.events(), []);
        assert!(!end.connection.has_unchecked_text());
        end.connection.drained();
        assert_eq!(end.events(), []);
    }
}

#[test]
fn a_long_unfinished_text_is_judged_before_the_next_event() {
    for role in BOTH {
        let failed = [Told::Failed(ProtocolError::InvalidUtf8)];
        // A byte more, which is few.
        let mut end = End::new(role);
        assert_eq!(end.hear(&unfinished(role, b"\xff", 9)), []);
        assert_eq!(end.hear(b"z"), failed);
        // A fragment, and a Ping behind it.
        let mut end = End::new(role);
        let fragment = frame(role, 0x01, &unfinished(Role::Client, b"\xff", 0));
        assert_eq!(end.hear(&[fragment, frame(role, 0x89, b"")].concat()), failed);
        // The end of the transport.
        let mut end = End::new(role);
        assert_eq!(end.hear(&unfinished(role, b"\xff", 9)), []);
        assert_eq!(end.hear_eof(), failed);
    }
}

#[test]
fn a_short_unfinished_text_is_judged_at_once_after_long_reads() {
    for role in BOTH {
        let mut end = End::new(role);
        let many = frame(role, 0x82, b"1234567890").repeat(1000);
        assert_eq!(end.hear(&many).len(), 1000);
        let bytes = frame(role, 0x81, b"a\xffz");
        assert_eq!(end.hear(&bytes[..bytes.len() - 1]), [Told::Failed(ProtocolError::InvalidUtf8)]);
    }
}
