//! Sections 5.1 to 5.3: the header's bits, lengths, masking.

use bluewire_core::{Config, Limits, ProtocolError, Role};

use crate::common::{
    BOTH, End, KEY, NOW, Sent, Told, assert_fails, frame, frame_with_key, header, hear,
    hear_in_every_cut,
};

/// Every opcode that section 5.2 defines.
const OPCODES: [u8; 6] = [0x0, 0x1, 0x2, 0x8, 0x9, 0xa];

/// 5.2: RSV1, RSV2, RSV3 "MUST be 0 unless an extension is negotiated that defines meanings for
/// non-zero values".
#[test]
fn a_reserved_bit_fails_on_any_frame() {
    for role in BOTH {
        for rsv in (0x10..=0x70).step_by(0x10) {
            for opcode in OPCODES {
                let bytes = header(role, 0x80 | rsv | opcode, 0);
                assert_fails(role, &bytes, &[], ProtocolError::ReservedBits);
            }
            let mut bytes = frame(role, 0x01, b"Hel");
            bytes.extend(header(role, 0x80 | rsv, 2));
            assert_fails(role, &bytes, &[], ProtocolError::ReservedBits);
        }
    }
}

/// 5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket
/// Connection_."
#[test]
fn a_reserved_opcode_fails_before_its_payload() {
    for role in BOTH {
        for opcode in (0x3..=0x7).chain(0xb..=0xf) {
            let error = ProtocolError::ReservedOpcode(opcode);
            for fin in [0, 0x80] {
                for len_7 in [0, 125, 126, 127] {
                    assert_fails(role, &header(role, fin | opcode, len_7), &[], error);
                }
                let mut in_a_message = frame(role, 0x02, b"Hel");
                in_a_message.extend(header(role, fin | opcode, 0));
                assert_fails(role, &in_a_message, &[], error);
            }
        }
    }
}

/// 5.1: "The server MUST close the connection upon receiving a frame that is not masked."
#[test]
fn a_server_fails_on_a_frame_that_is_not_masked() {
    for opcode in [0x1, 0x2, 0x8, 0x9, 0xa] {
        for len in [0, 5, 125] {
            let bytes = [0x80 | opcode, len];
            assert_fails(Role::Server, &bytes, &[], ProtocolError::UnmaskedFrame);
        }
    }
    for len_7 in [126, 127] {
        assert_fails(Role::Server, &[0x82, len_7], &[], ProtocolError::UnmaskedFrame);
    }
    let mut bytes = frame(Role::Server, 0x01, b"Hel");
    bytes.extend([0x80, 0x02]);
    assert_fails(Role::Server, &bytes, &[], ProtocolError::UnmaskedFrame);
}

/// 5.1: "A client MUST close a connection if it detects a masked frame."
#[test]
fn a_client_fails_on_a_frame_that_is_masked() {
    for opcode in [0x1, 0x2, 0x8, 0x9, 0xa] {
        for len in [0, 5, 125] {
            let bytes = [0x80 | opcode, 0x80 | len];
            assert_fails(Role::Client, &bytes, &[], ProtocolError::MaskedFrame);
        }
    }
    for len_7 in [126, 127] {
        assert_fails(Role::Client, &[0x82, 0x80 | len_7], &[], ProtocolError::MaskedFrame);
    }
    let mut bytes = frame(Role::Client, 0x01, b"Hel");
    bytes.extend([0x80, 0x82]);
    assert_fails(Role::Client, &bytes, &[], ProtocolError::MaskedFrame);
}

/// 5.2: "in all cases, the minimal number of bytes MUST be used to encode the length, for
/// example, the length of a 124-byte-long string can't be encoded as the sequence 126, 0, 124".
#[test]
fn a_length_in_a_longer_form_than_needed_fails() {
    for role in BOTH {
        for first in [0x81, 0x82, 0x01, 0x02] {
            for len in [0, 1, 124, 125_u16] {
                let bytes = [&header(role, first, 126)[..], &len.to_be_bytes()].concat();
                assert_fails(role, &bytes, &[], ProtocolError::LengthNotMinimal);
            }
            for len in [0, 125, 126, 65_535_u64] {
                let bytes = [&header(role, first, 127)[..], &len.to_be_bytes()].concat();
                assert_fails(role, &bytes, &[], ProtocolError::LengthNotMinimal);
            }
        }
    }
}

/// 5.2: a length of 64 bits, of which "the most significant bit MUST be 0".
#[test]
fn a_length_with_its_most_significant_bit_set_fails() {
    for role in BOTH {
        for len in [1 << 63, (1 << 63) + 5, u64::MAX] {
            let bytes = [&header(role, 0x82, 127)[..], &len.to_be_bytes()].concat();
            assert_fails(role, &bytes, &[], ProtocolError::LengthOutOfRange);
        }
    }
}

/// The longest length that can be announced: 2^63 - 1, alone and behind another fragment, with no
/// limit of the configuration in its way. It is counted without overflow, and takes no memory.
#[test]
fn the_longest_length_that_can_be_announced_takes_no_memory() {
    let limits = Limits::default().frame_len_max(u64::MAX).message_len_max(u64::MAX);
    let config = Config::default().limits(limits);
    for role in BOTH {
        let mut end = End::with(role, &config);
        for first in [0x02, 0x00, 0x00] {
            end.hear_frame(first, b"x");
        }
        let mut bytes = header(role, 0x00, 127).to_vec();
        bytes.extend((u64::MAX >> 1).to_be_bytes());
        if role == Role::Server {
            bytes.extend(KEY);
        }
        bytes.extend([0; 1000]);
        assert_eq!(end.hear(&bytes), []);
        assert!(end.inbox.capacity() <= 2 * limits.read_len);
        assert!(end.outbox.is_empty());
    }
}

#[test]
fn every_length_is_received_on_both_sides_of_each_boundary() {
    for role in BOTH {
        for len in [0, 1, 125, 126, 127, 65_535, 65_536, 65_537] {
            let payload: Vec<u8> = (0..len).map(|i: u32| (i % 251) as u8).collect();
            let bytes = frame(role, 0x82, &payload);
            // The cuts that matter are in the header, and behind it.
            for cut in 0..bytes.len().min(20) {
                let mut end = End::new(role);
                let mut told = end.hear(&bytes[..cut]);
                told.extend(end.hear(&bytes[cut..]));
                assert_eq!(told, [Told::binary(&payload)], "{len} bytes cut at {cut}");
            }
        }
    }
}

/// Short payloads are copied and masked in other steps than long ones.
#[test]
fn every_byte_of_a_payload_is_sent_and_received_in_its_place() {
    let bytes: Vec<u8> = (0..=255).cycle().take(600).collect();
    for role in BOTH {
        let mut end = End::new(role);
        for len in 0..=bytes.len() {
            let payload = &bytes[..len];
            end.connection.send(payload, &mut end.outbox).expect("open");
            end.connection.send_fragment(payload, true, &mut end.outbox).expect("open");
            end.connection.send_vectored(payload, &mut end.outbox).map(drop).expect("open");
            assert_eq!(end.sent(), vec![Sent::new(0x82, payload); 3]);
            assert_eq!(end.hear_frame(0x82, payload), [Told::binary(payload)]);
        }
    }
}

#[test]
fn every_length_is_sent_in_its_shortest_form() {
    for role in BOTH {
        for (len, header) in [
            (0, &[0x82, 0][..]),
            (1, &[0x82, 1]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (65_535, &[0x82, 126, 0xff, 0xff]),
            (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut end = End::new(role);
            let payload = vec![0xab; len];
            end.connection.send(&payload, &mut end.outbox).expect("open");
            let mut header = header.to_vec();
            if role == Role::Client {
                header[1] |= 0x80;
            }
            assert!(end.outbox.unsent().starts_with(&header), "{len}");
            assert_eq!(end.sent(), [Sent::new(0x82, payload)]);
        }
    }
}

/// 5.3: "transformed-octet-i = original-octet-i XOR masking-key-octet-(i MOD 4)", over the whole
/// payload, however it is cut.
#[test]
fn a_payload_is_unmasked_whatever_its_cut_and_key() {
    let payload: Vec<u8> = (0..90).collect();
    let config = Config::default();
    for key in [KEY, [0; 4], [0xff; 4], [1, 0, 0, 0], [0, 0, 0, 1]] {
        let text = frame_with_key(Role::Server, 0x81, &payload, key);
        let ping = frame_with_key(Role::Server, 0x89, &payload, key);
        let heard = hear_in_every_cut(Role::Server, &config, &[text, ping].concat());
        let as_text = Told::text(std::str::from_utf8(&payload).expect("ASCII"));
        assert_eq!(heard.told, [as_text, Told::ping(&payload)]);
    }
}

/// 5.3: "The masking key is a 32-bit value chosen at random by the client", a fresh one for each
/// frame. 5.1: "a client MUST mask all frames that it sends"; "A server MUST NOT mask any frames".
#[test]
fn a_client_masks_every_frame_with_a_fresh_key_and_a_server_none() {
    for role in BOTH {
        let mut end = End::with(role, &Config::default().fragment_len(3.try_into().ok()));
        let End { connection, outbox, .. } = &mut end;
        connection.send("", outbox).expect("open");
        connection.send("fragments", outbox).expect("open");
        connection.send_fragment(b"more", false, outbox).expect("open");
        connection.send_fragment(b"", true, outbox).expect("open");
        connection.send_vectored("vectored", outbox).map(drop).expect("open");
        connection.send_prepared(&bluewire_core::PreparedMessage::new("x"), outbox).expect("open");
        connection.ping(b"", outbox).expect("open");
        connection.pong(b"", outbox).expect("open");
        end.hear_frame(0x89, b"answer me");
        let code = bluewire_core::CloseCode::NORMAL;
        end.connection.close(NOW, code, "", &mut end.outbox).expect("open");

        let bytes = end.write_all();
        let mut keys = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let len = usize::from(bytes[at + 1] & 0x7f);
            assert_eq!(bytes[at + 1] & 0x80 != 0, role == Role::Client);
            at += 2;
            if role == Role::Client {
                keys.push(bytes[at..at + 4].to_vec());
                at += 4;
            }
            at += len;
        }
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count, "a key came twice");
        assert_eq!(count, if role == Role::Client { 15 } else { 0 });
    }
}

/// A fault in a header is reported before the faults that only a whole frame would show, and after
/// the lawful frames before it.
#[test]
fn frames_before_a_broken_one_are_reported_first() {
    for role in BOTH {
        let mut bytes = frame(role, 0x81, b"Hello");
        bytes.extend(frame(role, 0x89, b"?"));
        bytes.extend(header(role, 0x83, 0));
        let told = [Told::text("Hello"), Told::ping(b"?")];
        assert_fails(role, &bytes, &told, ProtocolError::ReservedOpcode(3));
        let heard = hear(role, &bytes);
        assert_eq!(heard.sent[0], Sent::new(0x8a, b"?"));
    }
}

/// A frame waits when all of its bytes are there, whatever it is; so does a failure.
#[test]
fn a_waiting_frame_is_seen_when_it_is_whole() {
    for role in BOTH {
        for (first, payload) in [
            (0x81, &b""[..]),
            (0x81, b"Hello"),
            (0x02, &[7; 126]),
            (0x89, b"?"),
            (0x88, b""),
            (0x82, &[7; 70_000]),
        ] {
            let mut bytes = frame(role, 0x81, b"before");
            let begin = bytes.len();
            bytes.extend(frame(role, first, payload));
            let len = bytes.len();
            for there in [begin, begin + 1, begin + 2, len - 1, len].map(|there| there.min(len)) {
                let mut end = End::new(role);
                end.inbox.extend(&bytes[..there]);
                assert_eq!(end.event(), Some(Told::text("before")));
                assert_eq!(end.connection.has_frame(&end.inbox), there == len, "{there} of {len}");
            }
        }
        let mut end = End::new(role);
        end.inbox.extend(&[0x83, 0x00]);
        assert!(end.connection.has_frame(&end.inbox));
    }
}

/// Received payload is never taken for a header, whatever it looks like.
#[test]
fn has_frame_knows_the_middle_of_a_payload() {
    for role in BOTH {
        let bytes = frame(role, 0x82, &[0x83; 100]);
        for there in [10, 20, bytes.len() - 1, bytes.len()] {
            let mut end = End::new(role);
            end.inbox.extend(&bytes[..9]);
            assert_eq!(end.event(), None);
            end.inbox.extend(&bytes[9..there]);
            let whole = there == bytes.len();
            assert_eq!(end.connection.has_frame(&end.inbox), whole, "{there}");
        }
    }
}
