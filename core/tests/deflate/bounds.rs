//! The memory and the time that a compressing peer can cost this end.

use std::time::Duration;

use bluewire_core::{
    Config, Deflate, DeflateParams, Delivery, Fault, Limits, Message, ProtocolError, Role, Timeout,
};

use crate::common::{BOTH, End, Sent, Told, frame, joined};
use crate::end_with;

const LIMIT: u64 = 1000;
/// The limit that the page of `Limits::message_len_max` gives.
const CODED_LEN_MAX: usize = 1000 + 125 + 64 * 1024;

/// So many bytes of a valid message that inflate to nothing: empty blocks, and the byte that ends a
/// message.
fn nothing(len: usize) -> Vec<u8> {
    let mut bytes = [0x00, 0x00, 0x00, 0xff, 0xff].repeat(len / 5);
    bytes.push(0x00);
    assert_eq!(bytes.len(), len);
    bytes
}

fn limited(role: Role, delivery: Delivery) -> End {
    let config = Config::default()
        .limits(Limits::default().message_len_max(LIMIT))
        .keepalive(None)
        .delivery(delivery);
    end_with(role, &config, DeflateParams::default())
}

const DELIVERIES: [Delivery; 2] = [Delivery::Whole, Delivery::Chunks];

#[test]
fn the_compressed_bytes_of_a_message_are_limited_too() {
    // Covers: 7692-8-2
    const LESS: usize = CODED_LEN_MAX - 65_000;
    for role in BOTH {
        for delivery in DELIVERIES {
            // At the limit, each message anew.
            let mut end = limited(role, delivery);
            let at_limit = nothing(CODED_LEN_MAX);
            for _ in 0..2 {
                let told = joined(end.hear_frame(0xc2, &at_limit));
                assert!(
                    matches!(&told[..], [Told::Binary(b) | Told::BinaryPart(b, true)] if b.is_empty())
                );
                let (first, rest) = at_limit.split_at(LESS);
                let mut told = end.hear_frame(0x42, first);
                told.extend(end.hear_frame(0x80, rest));
                assert!(!matches!(told.last(), None | Some(Told::Failed(_))), "{told:?}");
            }

            // A byte past it, as soon as a header says so.
            let failed = [Told::Failed(ProtocolError::MessageTooLong { limit: LIMIT })];
            let too_long = frame(role, 0xc2, &vec![0; CODED_LEN_MAX + 1]);
            let header_len = too_long.len() - CODED_LEN_MAX - 1;
            assert_eq!(limited(role, delivery).hear(&too_long[..header_len]), failed);
            let mut end = limited(role, delivery);
            assert_eq!(end.hear_frame(0x42, &at_limit[..LESS]), []);
            assert_eq!(end.hear_frame(0x00, &at_limit[LESS..CODED_LEN_MAX - 1]), []);
            assert_eq!(end.hear_frame(0x89, b"?"), [Told::ping(b"?")]);
            assert_eq!(end.hear(&frame(role, 0x80, &[0; 2])[..2 + 4 * mask(role)]), failed);
            let sent = end.sent();
            let Some(Sent(0x88, body)) = sent.last() else { panic!("no Close frame: {sent:?}") };
            assert_eq!(body[..2], 1009_u16.to_be_bytes());
        }
    }
}

/// How many keys a header to this end has.
fn mask(role: Role) -> usize {
    usize::from(role == Role::Server)
}

/// Hours of blocks that hold nothing, in the smallest frames.
#[test]
fn a_message_that_inflates_to_nothing_ends() {
    for role in BOTH {
        let mut end = limited(role, Delivery::Whole);
        let mut first = 0x42;
        let mut frames = 0;
        while end.connection.fault().is_none() {
            end.hear_frame(first, &[0x00, 0x00, 0x00, 0xff, 0xff].repeat(20));
            first = 0x00;
            frames += 1;
            assert!(frames < 1000, "it has no end");
        }
        assert_eq!(frames, CODED_LEN_MAX / 100 + 1);
    }
}

/// Incompressible data takes more bytes than it has: a message of the limit still arrives, from the
/// compressor that adds the most.
#[test]
fn a_message_of_the_limit_comes_however_badly_it_compresses() {
    let deflate = Deflate::default().memory_level(1).level(1);
    for part_len in [100, 1000, 100_000] {
        let limit = 100_000;
        let limits = Limits::default().message_len_max(limit as u64);
        let sender = Config::default().deflate(deflate.clone()).keepalive(None);
        let mut from = end_with(Role::Client, &sender, DeflateParams::default());
        let config = Config::default().limits(limits);
        let mut to = end_with(Role::Server, &config, DeflateParams::default());
        let mut state = 1_u32;
        let noise: Vec<u8> = (0..limit)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect();
        let mut parts = noise.chunks(part_len).peekable();
        while let Some(part) = parts.next() {
            let part = Message::Binary(part);
            let fin = parts.peek().is_none();
            from.connection.send_fragment(part, fin, &mut from.outbox).expect("room");
        }
        let bytes = from.write_all();
        assert!(bytes.len() > limit, "it has become longer");
        assert_eq!(joined(to.hear(&bytes)), [Told::binary(&noise)], "{part_len}");
    }
}

#[test]
fn a_compressed_message_that_is_held_has_a_minute_to_come() {
    const SECOND: Duration = Duration::from_secs(1);
    let with = |role, config: Config| {
        let config = config.keepalive(None);
        let mut end = end_with(role, &config, DeflateParams::default());
        end.now = SECOND;
        end
    };
    let handle = |end: &mut End, now| {
        end.connection.handle_timeout(now, &mut end.outbox);
        end.connection.fault()
    };
    for role in BOTH {
        let mut end = with(role, Config::default());
        end.hear_frame(0x42, &[0xf2]);
        assert_eq!(end.connection.poll_timeout(), Some(61 * SECOND));
        assert_eq!(handle(&mut end, 60 * SECOND), None);
        assert_eq!(handle(&mut end, 61 * SECOND), Some(Fault::Timeout(Timeout::Message)));

        // The time of other messages depends on the network: uncompressed, in chunks, or complete.
        let mut end = with(role, Config::default());
        end.hear_frame(0x02, b"as it is");
        assert_eq!(end.connection.poll_timeout(), None);
        end.hear_frame(0x80, b"");
        end.hear_frame(0xc1, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
        assert_eq!(end.connection.poll_timeout(), None);
        let mut end = with(role, Config::default().delivery(Delivery::Chunks));
        end.hear_frame(0x42, &[0xf2]);
        assert_eq!(end.connection.poll_timeout(), None);

        // The settings take precedence.
        for (timeout, deadline) in [(5 * SECOND, Some(6 * SECOND)), (Duration::MAX, None)] {
            let mut end = with(role, Config::default().message_timeout(timeout));
            end.hear_frame(0x42, &[0xf2]);
            assert_eq!(end.connection.poll_timeout(), deadline);
        }
    }
}

#[test]
fn the_memory_of_a_long_message_is_given_back_before_the_next_read() {
    let deflate = Deflate::default();
    for role in BOTH {
        for len in [1 << 20, 65_537, 60_000] {
            let peer = if role == Role::Client { Role::Server } else { Role::Client };
            let sender = Config::default().deflate(deflate.clone());
            let mut from = end_with(peer, &sender, DeflateParams::default());
            from.connection.send(&vec![b'x'; len], &mut from.outbox).expect("room");
            let bytes = from.write_all();
            let mut end = end_with(role, &Config::default(), DeflateParams::default());
            let read_len = Limits::default().read_len;
            assert_eq!(end.hear(&bytes), [Told::binary(vec![b'x'; len])]);
            assert!(end.inbox.capacity() >= len);
            end.inbox.space();
            let kept = end.inbox.capacity() - read_len;
            assert!(kept <= 64 * 1024, "{kept} bytes of {len}");
            // The window is elsewhere: the next message can refer to this one.
            from.connection.send(&vec![b'x'; len], &mut from.outbox).expect("room");
            assert_eq!(end.hear(&from.write_all()), [Told::binary(vec![b'x'; len])]);
        }
    }
}
