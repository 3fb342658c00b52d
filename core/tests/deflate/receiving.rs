//! Compressed messages that are received (RFC 7692, section 7.2.2).

use bluewire_core::{Config, DeflateParams, Delivery, Limits, ProtocolError, Role, State};

use crate::common::{BOTH, Sent, Told, frame, joined};
use crate::{end, end_with};

const TEXT: u8 = 0xc1;
const BINARY: u8 = 0xc2;

/// The first byte and the payload of each.
type Frames<'a> = &'a [(u8, &'a [u8])];

/// The examples of 7.2.3 as frames: first bytes, payloads, and the text that each message is.
#[rustfmt::skip]
const EXAMPLES: &[(&str, Frames<'_>, &[&str])] = &[
    ("7.2.3.1, one block",
        &[(0xc1, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00])], &["Hello"]),
    ("7.2.3.1, two fragments",
        &[(0x41, &[0xf2, 0x48, 0xcd]), (0x80, &[0xc9, 0xc9, 0x07, 0x00])], &["Hello"]),
    ("7.2.3.2, sharing the window",
        &[(0xc1, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]),
          (0xc1, &[0xf2, 0x00, 0x11, 0x00, 0x00])], &["Hello", "Hello"]),
    ("7.2.3.3, a block without compression",
        &[(0xc1, &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00])], &["Hello"]),
    ("7.2.3.4, a final block",
        &[(0xc1, &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00])], &["Hello"]),
    ("7.2.3.5, two blocks",
        &[(0xc1, &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00])],
        &["Hello"]),
    ("7.2.3.6, an empty fragment",
        &[(0x41, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00, 0x00, 0xff, 0xff]), (0x80, &[0x00])],
        &["Hello"]),
];

/// Feeds frames in every way, in both deliveries, and tells what came of it.
fn hear_all(role: Role, frames: Frames<'_>) -> Vec<Told> {
    let bytes: Vec<u8> =
        frames.iter().flat_map(|(first, payload)| frame(role, *first, payload)).collect();
    let mut results = Vec::new();
    for delivery in [Delivery::Whole, Delivery::Chunks] {
        let config = Config::default().delivery(delivery);
        let cuts = (1..bytes.len()).map(|cut| vec![&bytes[..cut], &bytes[cut..]]);
        for pieces in cuts.chain([bytes.chunks(1).collect(), vec![&bytes[..]]]) {
            let mut end = end_with(role, &config, DeflateParams::default());
            let mut told: Vec<_> = pieces.into_iter().flat_map(|piece| end.hear(piece)).collect();
            if delivery == Delivery::Chunks {
                told = joined(told).into_iter().map(as_whole).collect();
            }
            results.push(told);
        }
    }
    let told = results.pop().expect("at least one way");
    for other in results {
        assert_eq!(other, told, "{role:?}: {frames:02x?}");
    }
    told
}

/// A message of parts that were joined; what has not ended stays a part.
fn as_whole(told: Told) -> Told {
    match told {
        Told::TextPart(text, true) => Told::Text(text),
        Told::BinaryPart(bytes, true) => Told::Binary(bytes),
        told => told,
    }
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    // Covers: 7692-7.2.3-1, 7692-7.2.2-2, 7692-7.2.1-3, 7692-6.1-3
    for role in BOTH {
        for (name, frames, texts) in EXAMPLES {
            let expected: Vec<_> = texts.iter().map(|text| Told::text(text)).collect();
            assert_eq!(hear_all(role, frames), expected, "{role:?}, {name}");
        }
    }
}

#[test]
fn a_final_block_can_stand_anywhere() {
    // Covers: 7692-7.2.1-3
    let hello_final: &[u8] = &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let hello: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let stored_final: &[u8] = &[0x01, 0x01, 0x00, 0xfe, 0xff, b'!'];
    for (payload, text) in [
        // In front of others, several of them, of two kinds.
        ([hello_final, hello].concat(), "HelloHello"),
        ([hello_final, hello_final, &[0]].concat(), "HelloHello"),
        ([stored_final, hello_final, stored_final, hello].concat(), "!Hello!Hello"),
        // At the very end, where the empty block that should follow is missing.
        ([hello_final].concat(), "Hello"),
        ([hello, &[0, 0, 0xff, 0xff], stored_final].concat(), "Hello!"),
        // Empty.
        (vec![0x03, 0x00], ""),
        (vec![0x03, 0x00, 0x00], ""),
    ] {
        for role in BOTH {
            // And the message after it begins well.
            let told = hear_all(role, &[(TEXT, &payload), (TEXT, hello)]);
            assert_eq!(told, [Told::text(text), Told::text("Hello")], "{payload:02x?}");
        }
    }
}

#[test]
fn empty_messages_come_in_many_forms() {
    // Covers: 7692-7.2.1-2
    for payload in [
        &[0x00][..],
        &[0x02, 0x00],
        &[0x00, 0x00, 0x00, 0xff, 0xff, 0x00],
        // Not lawful, but what a compressor says to nothing twice.
        &[],
    ] {
        for role in BOTH {
            let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
            let frames = [(BINARY, payload), (TEXT, payload), (TEXT, &hello[..])];
            let expected = [Told::binary([]), Told::text(""), Told::text("Hello")];
            assert_eq!(hear_all(role, &frames), expected, "{payload:02x?}");
        }
    }
    // And so does nothing in a fragment.
    for role in BOTH {
        let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let frames = [(0x41, &[][..]), (0x00, &[0, 0, 0, 0xff, 0xff]), (0x00, &[]), (0x80, &hello)];
        assert_eq!(hear_all(role, &frames), [Told::text("Hello")]);
        let frames = [(0x41, &hello[..]), (0x80, &[][..])];
        assert_eq!(hear_all(role, &frames), [Told::text("Hello")]);
    }
}

#[test]
fn compressed_messages_and_others_take_turns() {
    // Covers: 7692-6.1-2, 7692-6.2-1
    let hello: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    for role in BOTH {
        let mut end = end(role);
        let frames: Frames<'_> = &[
            (0x81, b"plain"),
            (0x41, &hello[..2]),
            (0x89, b"ping"),
            (0x00, &hello[2..5]),
            (0x8a, b"pong"),
            (0x80, &hello[5..]),
            (0x01, b"f2"),
            (0x80, b"48"),
            (0xc2, &[0xf2, 0x00, 0x11, 0x00, 0x00]),
            (0x82, b"\xff"),
        ];
        let told: Vec<_> =
            frames.iter().flat_map(|(first, payload)| end.hear_frame(*first, payload)).collect();
        let expected = [
            Told::text("plain"),
            Told::ping("ping"),
            Told::pong("pong"),
            Told::text("Hello"),
            Told::text("f248"),
            Told::binary("Hello"),
            Told::binary(b"\xff"),
        ];
        assert_eq!(told, expected);
    }
}

#[test]
fn rsv1_stands_on_the_first_frame_of_a_data_message_only() {
    // Covers: 7692-6-1, 7692-6.1-1, 6455-5.2-1
    for role in BOTH {
        for (frames, lawful) in [
            (&[(0xc9, &b""[..])][..], 0),
            (&[(0xca, b"")], 0),
            (&[(0xc8, b"")], 0),
            (&[(0x41, b"\xf2"), (0xc0, b"\x48")], 1),
            (&[(0x41, b"\xf2"), (0x40, b"\x48")], 1),
            (&[(0x01, b"a"), (0xc0, b"b")], 1),
            (&[(0xa1, b"")], 0),
            (&[(0x91, b"")], 0),
            (&[(0xe1, b"\0")], 0),
            (&[(0xd1, b"\0")], 0),
            (&[(0xf1, b"\0")], 0),
        ] {
            let mut end = end(role);
            for (first, payload) in &frames[..lawful] {
                assert_eq!(end.hear_frame(*first, payload), []);
            }
            let (first, payload) = frames[lawful];
            let told = end.hear_frame(first, payload);
            assert_eq!(told, [Told::Failed(ProtocolError::ReservedBits)], "{frames:02x?}");
            let [Sent(0x88, body)] = &end.sent()[..] else { panic!("a Close frame") };
            assert_eq!(body[..2], 1002_u16.to_be_bytes());
        }
        // And never where nothing was agreed on.
        let mut end = crate::common::End::new(role);
        let told = end.hear_frame(TEXT, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
        assert_eq!(told, [Told::Failed(ProtocolError::ReservedBits)]);
    }
}

#[test]
fn data_that_is_not_deflate_fails_the_connection() {
    // Covers: 7692-7.2.2-1
    let hello: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    for payload in [
        // The block type that there is not.
        &[0x06][..],
        &[0xff],
        b"Hello",
        // Lengths of a stored block that do not fit each other.
        &[0x00, 0x05, 0x00, 0xfa, 0xfe, 0x48],
        // A distance to before the window's beginning.
        &[0xf2, 0x00, 0x11, 0x00, 0x00],
        // Cut short, at every place.
        &hello[..1],
        &hello[..2],
        &hello[..3],
        &hello[..4],
        &hello[..5],
        &hello[..6],
        &[0x00, 0x05, 0x00, 0xfa],
        &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48],
        // The end of the block that should be left out.
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00, 0x00, 0xff, 0xff],
        &[0x00, 0x00, 0x00, 0xff, 0xff],
        // After a final block too.
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x06],
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0xf2, 0x48],
        // ... behind which nothing of before it can be referred to.
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0xf2, 0x00, 0x11, 0x00, 0x00],
    ] {
        for role in BOTH {
            for fin in [0x80, 0x00] {
                let mut end = end(role);
                let mut told = end.hear_frame(TEXT & 0x7f | fin, payload);
                if fin == 0 && told.is_empty() {
                    told = end.hear_frame(0x80, b"");
                }
                assert_eq!(told, [Told::Failed(ProtocolError::InvalidDeflate)], "{payload:02x?}");
                let [Sent(0x88, body)] = &end.sent()[..] else { panic!("a Close frame") };
                assert_eq!(body[..2], 1007_u16.to_be_bytes());
                assert_eq!(end.connection.state(), State::Closing);
                // It is over: nothing of the next message comes.
                assert_eq!(end.hear_frame(TEXT, hello), []);
            }
        }
    }
}

/// Blocks that hold bytes as they are.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut blocks = Vec::new();
    for block in bytes.chunks(0xffff) {
        let len = u16::try_from(block.len()).expect("a block is at most so long");
        blocks.push(0);
        blocks.extend(len.to_le_bytes());
        blocks.extend((!len).to_le_bytes());
        blocks.extend(block);
    }
    blocks.push(0);
    blocks
}

#[test]
fn text_is_validated_as_it_is_inflated() {
    // Covers: 7692-7.2.2-3
    for role in BOTH {
        for delivery in [Delivery::Whole, Delivery::Chunks] {
            let config = Config::default().delivery(delivery);
            // Cut within a character, and good.
            let text = "κόσμε";
            let payload = stored(text.as_bytes());
            let mut end = end_with(role, &config, DeflateParams::default());
            let told: Vec<_> =
                frame(role, TEXT, &payload).chunks(1).flat_map(|byte| end.hear(byte)).collect();
            assert_eq!(joined(told).into_iter().map(as_whole).next(), Some(Told::text(text)));
            // At the first bad byte, though neither the frame nor the message has ended.
            let bad = frame(role, 0x41, &stored(b"ab\xf4\x90cdefgh"));
            let header_len = bad.len() - stored(b"ab\xf4\x90cdefgh").len();
            let cut = header_len + 5 + 4;
            let mut end = end_with(role, &config, DeflateParams::default());
            let told: Vec<_> = bad[..cut - 1].chunks(1).flat_map(|byte| end.hear(byte)).collect();
            assert!(told.iter().all(|told| matches!(told, Told::TextPart(..))), "{told:?}");
            let told = end.hear(&bad[cut - 1..cut]);
            assert_eq!(told, [Told::Failed(ProtocolError::InvalidUtf8)], "{delivery:?}");
            // At the end, within a character.
            let mut end = end_with(role, &config, DeflateParams::default());
            let told = end.hear_frame(TEXT, &stored(b"ab\xce"));
            assert_eq!(told.last(), Some(&Told::Failed(ProtocolError::InvalidUtf8)));
            // And binary can be anything.
            let mut end = end_with(role, &config, DeflateParams::default());
            let told = end.hear_frame(BINARY, &stored(b"ab\xce"));
            assert_eq!(
                joined(told).into_iter().map(as_whole).next(),
                Some(Told::binary(b"ab\xce"))
            );
        }
    }
}

#[test]
fn the_first_of_two_faults_is_reported_however_they_arrive() {
    let bad_text = stored(b"ab\xf4\x90");
    // A block type that there is not, and a message that is too long.
    let not_deflate = [&bad_text[..], &[0x06]].concat();
    let too_long = [&bad_text[..], &stored(&[b'x'; 2000])].concat();
    let limits = Limits::default().message_len_max(1000);
    for role in BOTH {
        for delivery in [Delivery::Whole, Delivery::Chunks] {
            let config = Config::default().limits(limits).delivery(delivery);
            for payload in [&not_deflate, &too_long] {
                let bytes = frame(role, TEXT, payload);
                for cut in 1..=bytes.len() {
                    let mut end = end_with(role, &config, DeflateParams::default());
                    let mut told = end.hear(&bytes[..cut]);
                    told.extend(end.hear(&bytes[cut..]));
                    told.retain(|told| !matches!(told, Told::TextPart(..)));
                    assert_eq!(told, [Told::Failed(ProtocolError::InvalidUtf8)], "{cut}");
                }
            }
        }
    }
}

#[test]
fn the_limit_is_on_what_is_inflated() {
    // Covers: 7692-8-2
    for role in BOTH {
        for (delivery, limit) in [
            (Delivery::Whole, 0),
            (Delivery::Whole, 1000),
            (Delivery::Chunks, 1000),
            (Delivery::Whole, 100_000),
            (Delivery::Chunks, 100_000),
        ] {
            let limits = Limits::default().message_len_max(limit);
            let config = Config::default().limits(limits).delivery(delivery);
            let len = usize::try_from(limit).expect("small");
            // At the limit, also where the blocks are longer than that.
            for payload in [stored(&vec![b'x'; len]), zeros(len)] {
                let mut end = end_with(role, &config, DeflateParams::default());
                let told = joined(end.hear_frame(BINARY, &payload));
                let [Told::Binary(bytes) | Told::BinaryPart(bytes, true)] = &told[..] else {
                    panic!("{told:?}");
                };
                assert_eq!(bytes.len(), len);
            }
            // And a byte past it.
            for payload in [stored(&vec![b'x'; len + 1]), zeros(len + 1)] {
                let mut end = end_with(role, &config, DeflateParams::default());
                let told = end.hear_frame(BINARY, &payload);
                let error = ProtocolError::MessageTooLong { limit };
                assert_eq!(told.last(), Some(&Told::Failed(error)));
                let [Sent(0x88, body)] = &end.sent()[..] else { panic!("a Close frame") };
                assert_eq!(body[..2], 1009_u16.to_be_bytes());
            }
        }
    }
}

/// So many zeros, compressed about a thousand to one: what a bomb is made of.
fn zeros(len: usize) -> Vec<u8> {
    // A block with the fixed code: the literal 0, then copies of 258 bytes from one byte back, and
    // literals for the rest. Bits from low to high; codes from their high bit.
    let mut bits = Bits::default();
    bits.push(0b010, 3);
    let (first, copies, rest) =
        if len == 0 { (0, 0, 0) } else { (1, (len - 1) / 258, (len - 1) % 258) };
    for _ in 0..first {
        bits.push_code(0x30, 8);
    }
    for _ in 0..copies {
        // Length 258 is code 285, distance 1 is code 0.
        bits.push_code(0xc5, 8);
        bits.push_code(0, 5);
    }
    for _ in 0..rest {
        bits.push_code(0x30, 8);
    }
    bits.push_code(0, 7);
    // The empty block behind it.
    bits.push(0, 3);
    bits.bytes
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        for bit in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().expect("just pushed");
            *last |= u8::from(value >> bit & 1 == 1) << (self.used % 8);
            self.used += 1;
        }
    }

    fn push_code(&mut self, code: u32, len: u32) {
        self.push(code.reverse_bits() >> (32 - len), len);
    }
}

#[test]
fn a_bomb_takes_no_more_memory_than_the_limit() {
    // Covers: 7692-8-2
    const LIMIT: u64 = 256 * 1024;
    // 64 MiB in 400 KiB: 13 bits for 258 bytes.
    let bomb = zeros(64 << 20);
    for role in BOTH {
        let limits = Limits::default().message_len_max(LIMIT);
        let config = Config::default().limits(limits);
        let mut end = end_with(role, &config, DeflateParams::default());
        let mut told = Vec::new();
        for piece in frame(role, BINARY, &bomb).chunks(1000) {
            told.extend(end.hear(piece));
            assert!(end.inbox.capacity() as u64 <= LIMIT + 1 + 2 * limits.read_len as u64);
        }
        assert_eq!(told, [Told::Failed(ProtocolError::MessageTooLong { limit: LIMIT })]);

        // In chunks it is as long as it likes, and takes next to no memory.
        let limits = Limits::default().message_len_max(u64::MAX);
        let config = Config::default().limits(limits).delivery(Delivery::Chunks);
        let mut end = end_with(role, &config, DeflateParams::default());
        let mut len = 0;
        end.inbox.extend(&frame(role, BINARY & 0x7f, &bomb[..bomb.len() / 8]));
        let before = end.inbox.capacity();
        while let Some(event) = end.event() {
            let Told::BinaryPart(part, _) = event else { panic!("{event:?}") };
            assert!(part.len() <= 64 * 1024);
            len += part.len();
            assert!(end.inbox.capacity() - before <= 64 * 1024);
        }
        assert!(len > 7 << 20, "{len}");
    }
}

#[test]
fn an_inbox_keeps_what_waits_and_frees_what_does_not() {
    let config = Config::default().delivery(Delivery::Whole);
    let mut end = end_with(Role::Client, &config, DeflateParams::default());
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    assert_eq!(end.hear_frame(0x41, &hello), []);
    assert!(!end.inbox.is_empty());
    end.inbox.release();
    let mut other = bluewire_core::Inbox::default();
    end.inbox.swap_memory(&mut other);
    assert_ne!(end.inbox.capacity(), 0);
    let rest = [0x00, 0x00, 0xff, 0xff, 0xf2, 0x00, 0x11, 0x00, 0x00];
    assert_eq!(end.hear_frame(0x80, &rest), [Told::text("HelloHello")]);
    assert!(end.inbox.is_empty());
    end.inbox.swap_memory(&mut other);
    assert_eq!(end.inbox.capacity(), 0);
    assert_ne!(other.capacity(), 0);
    // The window is elsewhere.
    assert_eq!(end.hear_frame(TEXT, &[0xf2, 0x00, 0x11, 0x00, 0x00]), [Told::text("Hello")]);
    end.inbox.release();
    assert_eq!(end.inbox.capacity(), 0);
}
