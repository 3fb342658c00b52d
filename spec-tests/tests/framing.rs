//! Sections 5.1 to 5.3: headers, lengths, masks.
#![forbid(unsafe_code)]

#[path = "../../adapters/tests/common/watchdog.rs"]
mod watchdog;

use std::collections::HashSet;

use bluewire_core::{Config, Connection, MaskingKeys, Message, Outbox, ProtocolError};
use bluewire_spec_tests::case::Role;
use bluewire_spec_tests::covers;
use bluewire_spec_tests::endpoint::{Endpoint, Seen};
use bluewire_spec_tests::wire::Header;

/// The connection fails for this, and its Close says 1002.
#[track_caller]
fn assert_fails(mut endpoint: Endpoint, frames: &[u8], error: ProtocolError) {
    let seen = endpoint.receive(frames);
    assert_eq!(seen.last(), Some(&Seen::Failed(error)), "{frames:x?}");
    assert_closes_with_1002(&mut endpoint);
}

#[track_caller]
fn assert_closes_with_1002(endpoint: &mut Endpoint) {
    let sent = endpoint.sent();
    assert_eq!(sent[0], 0x88);
    assert_eq!(sent[2..4], 1002_u16.to_be_bytes());
    assert_eq!(sent.len(), 2 + usize::from(sent[1]), "nothing else is sent");
    assert!(endpoint.connection.should_shut_down());
}

#[test]
fn every_frame_of_a_client_is_masked_and_none_of_a_server() {
    let _watch = watchdog::bound();
    covers!("6455-5.1-1", "6455-5.1-3", "6455-5.5.1-2", "6455-5.2-4");
    for mut endpoint in Endpoint::both() {
        endpoint.send("Hello").expect("open");
        endpoint.send(b"").expect("open");
        endpoint.send_fragment("a", false).expect("open");
        endpoint.connection.ping(b"", &mut endpoint.outbox).expect("open");
        endpoint.connection.pong(b"?", &mut endpoint.outbox).expect("open");
        endpoint.receive(b"\x89\x00");
        endpoint.close(1000, "").expect("open");
        let mut rest = &endpoint.sent_raw()[..];
        let mut frames = 0;
        while !rest.is_empty() {
            let (header, len) = Header::parse(rest).expect("a whole header");
            assert_eq!(header.key.is_some(), endpoint.role == Role::Client, "{header}");
            assert!(header.minimal);
            rest = &rest[len + usize::try_from(header.len).expect("short")..];
            frames += 1;
        }
        assert_eq!(frames, 7);
    }
}

#[test]
fn a_frame_to_a_server_that_is_not_masked_fails() {
    let _watch = watchdog::bound();
    covers!("6455-5.1-2", "6455-7.1.7-2", "6455-10.7-2");
    let [_, mut server] = Endpoint::both();
    let seen = server.receive_raw(b"\x81\x05Hello");
    assert_eq!(seen, [Seen::Failed(ProtocolError::UnmaskedFrame)]);
    assert_closes_with_1002(&mut server);
}

#[test]
fn a_frame_to_a_client_that_is_masked_fails() {
    let _watch = watchdog::bound();
    covers!("6455-5.1-4", "6455-7.1.7-2", "6455-10.7-2");
    let [mut client, _] = Endpoint::both();
    let seen = client.receive_raw(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    assert_eq!(seen, [Seen::Failed(ProtocolError::MaskedFrame)]);
    assert_closes_with_1002(&mut client);
}

#[test]
fn the_masked_hello_of_5_7_is_read_in_any_two_parts() {
    let _watch = watchdog::bound();
    covers!("6455-5.3-2", "6455-6.2-1", "6455-6.2-3");
    let frame = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    for cut in 0..=frame.len() {
        let [_, mut server] = Endpoint::both();
        let mut seen = server.receive_raw(&frame[..cut]);
        seen.extend(server.receive_raw(&frame[cut..]));
        assert_eq!(seen, [Seen::Text("Hello".into())]);
    }
}

#[test]
fn each_frame_has_a_key_of_its_own() {
    let _watch = watchdog::bound();
    covers!("6455-5.3-1", "6455-10.3-1");
    let keys = |seed: u8| {
        let keys = MaskingKeys::from_seed([seed; 32]);
        let mut client = Connection::client(Config::default(), keys, std::time::Duration::ZERO);
        let mut outbox = Outbox::new();
        let mut drawn = HashSet::new();
        for _ in 0..10_000 {
            client.send("", &mut outbox).expect("open");
            drawn.insert(Header::parse(outbox.unsent()).and_then(|(header, _)| header.key));
            outbox.sent(outbox.len());
        }
        drawn
    };
    let (some, others) = (keys(1), keys(2));
    // By the birthday bound one pair in a hundred such draws, and as few in common.
    assert!(some.len() >= 9_999);
    assert!(some.intersection(&others).count() <= 1);
}

#[test]
fn reserved_bits_fail_on_every_opcode() {
    let _watch = watchdog::bound();
    covers!("6455-5.2-1", "6455-5.8-1");
    for rsv in 1..8_u8 {
        for opcode in [0x0, 0x1, 0x2, 0x8, 0x9, 0xA] {
            let first = 0x80 | rsv << 4 | opcode;
            for endpoint in Endpoint::both() {
                assert_fails(endpoint, &[first, 0], ProtocolError::ReservedBits);
            }
        }
    }
}

#[test]
fn reserved_opcodes_fail_on_the_header() {
    let _watch = watchdog::bound();
    covers!("6455-5.2-2");
    for opcode in (0x3..=0x7).chain(0xB..=0xF) {
        // Five bytes are announced, and none of them is needed.
        let error = ProtocolError::ReservedOpcode(opcode);
        for endpoint in Endpoint::both() {
            assert_fails(endpoint, &[0x80 | opcode, 5], error);
        }
        for endpoint in Endpoint::both() {
            assert_fails(endpoint, &[0x01, 1, b'a', 0x80 | opcode, 5], error);
        }
    }
}

#[test]
fn a_length_with_its_highest_bit_set_fails() {
    let _watch = watchdog::bound();
    covers!("6455-5.2-3");
    for endpoint in Endpoint::both() {
        let frame = b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00";
        assert_fails(endpoint, frame, ProtocolError::LengthOutOfRange);
    }
}

#[test]
fn a_length_that_is_not_in_its_shortest_form_fails() {
    let _watch = watchdog::bound();
    covers!("6455-5.2-4");
    let frames: [&[u8]; 4] = [
        b"\x82\x7e\x00\x00",
        b"\x82\x7e\x00\x7d",
        b"\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x7e",
        b"\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff",
    ];
    for frame in frames {
        for endpoint in Endpoint::both() {
            assert_fails(endpoint, frame, ProtocolError::LengthNotMinimal);
        }
    }
}

#[test]
fn payloads_at_each_border_of_the_length_go_both_ways() {
    let _watch = watchdog::bound();
    covers!("6455-5.2-3", "6455-5.2-5", "6455-5.6-2", "6455-6.1-2");
    let headers: [(usize, &[u8]); 7] = [
        (0, b"\x82\x00"),
        (1, b"\x82\x01"),
        (125, b"\x82\x7d"),
        (126, b"\x82\x7e\x00\x7e"),
        (127, b"\x82\x7e\x00\x7f"),
        (65_535, b"\x82\x7e\xff\xff"),
        (65_536, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ];
    for (len, header) in headers {
        let payload: Vec<u8> = (0..=255).cycle().take(len).collect();
        let frame = [header, &payload[..]].concat();
        for mut endpoint in Endpoint::both() {
            assert_eq!(endpoint.receive(&frame), [Seen::Binary(payload.clone())]);
            endpoint.send(Message::Binary(&payload)).expect("open");
            assert_eq!(endpoint.sent(), frame, "{len} bytes");
        }
    }
}
