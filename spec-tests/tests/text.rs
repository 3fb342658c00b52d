//! Section 8.1: text that is not UTF-8 fails at the first byte that shows it.
#![forbid(unsafe_code)]

#[path = "../../adapters/tests/common/watchdog.rs"]
mod watchdog;

use bluewire_core::{Config, Delivery, ProtocolError};
use bluewire_spec_tests::covers;
use bluewire_spec_tests::endpoint::{Endpoint, Seen};

/// Bytes at which the table of well-formed sequences changes its mind, and one of each kind.
const TELLING: [u8; 12] = [0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC2, 0xE2, 0xFF];

/// How many bytes it takes to see that this cannot be UTF-8, if it cannot.
fn first_bad_byte(bytes: &[u8]) -> Option<usize> {
    (1..=bytes.len()).find(|len| {
        std::str::from_utf8(&bytes[..*len]).is_err_and(|error| error.error_len().is_some())
    })
}

#[track_caller]
fn assert_told_at_the_first_bad_byte(endpoint: &mut Endpoint, text: &[u8]) {
    let len = u8::try_from(text.len()).expect("a short text");
    let mut seen = endpoint.receive(&[0x81, len]);
    let bad = first_bad_byte(text);
    for (i, byte) in text.iter().enumerate() {
        assert_eq!(seen, [], "{text:x?} told before byte {i}");
        seen = endpoint.receive(&[*byte]);
        if bad == Some(i + 1) {
            break;
        }
    }
    match std::str::from_utf8(text) {
        Ok(text) => assert_eq!(seen, [Seen::Text(text.into())]),
        Err(_) => {
            assert_eq!(seen, [Seen::Failed(ProtocolError::InvalidUtf8)], "{text:x?}");
            assert_eq!(endpoint.sent()[2..4], 1007_u16.to_be_bytes());
        }
    }
}

#[test]
fn any_three_telling_bytes_after_any_byte_are_judged_as_std_does_and_as_early_as_can_be() {
    let _watch = watchdog::bound();
    covers!("6455-5.6-1", "6455-8.1-1", "6455-8.1-2", "6455-8.1-3");
    // Without optimisation every third first byte will do: each class has more than three.
    let step = if cfg!(debug_assertions) { 3 } else { 1 };
    for first in (0..=0xFF).step_by(step) {
        for second in TELLING {
            for third in TELLING {
                for fourth in TELLING {
                    let [mut client, _] = Endpoint::both();
                    let text = [first, second, third, fourth];
                    assert_told_at_the_first_bad_byte(&mut client, &text);
                }
            }
        }
    }
}

#[test]
fn any_two_bytes_in_both_roles() {
    let _watch = watchdog::bound();
    covers!("6455-8.1-1", "6455-8.1-2", "6455-8.1-3");
    for first in 0..=0xFF {
        for second in 0..=0xFF {
            for mut endpoint in Endpoint::both() {
                assert_told_at_the_first_bad_byte(&mut endpoint, &[first, second]);
            }
        }
    }
}

#[test]
fn every_character_goes_both_ways() {
    let _watch = watchdog::bound();
    covers!("6455-5.6-1", "6455-8.1-1");
    for mut endpoint in Endpoint::both() {
        let all: Vec<char> = ('\0'..=char::MAX).collect();
        for some in all.chunks(8192) {
            let text: String = some.iter().collect();
            endpoint.send(text.as_str()).expect("open");
            let frame = endpoint.sent();
            assert_eq!(endpoint.receive(&frame), [Seen::Text(text)]);
        }
    }
}

#[test]
fn text_that_ends_within_a_character_fails_in_both_deliveries() {
    let _watch = watchdog::bound();
    covers!("6455-8.1-2");
    for delivery in [Delivery::Whole, Delivery::Chunks] {
        let config = Config::default().delivery(delivery);
        for mut endpoint in Endpoint::both_with(&config) {
            assert_eq!(endpoint.receive(b"\x01\x02\xe2\x82"), []);
            let seen = endpoint.receive(b"\x80\x00");
            assert_eq!(seen, [Seen::Failed(ProtocolError::InvalidUtf8)]);
        }
    }
}

#[test]
fn bad_text_fails_before_the_rest_of_its_frame_has_arrived() {
    let _watch = watchdog::bound();
    covers!("6455-8.1-3");
    for delivery in [Delivery::Whole, Delivery::Chunks] {
        let config = Config::default().delivery(delivery);
        for mut endpoint in Endpoint::both_with(&config) {
            // A thousand bytes are announced; good ones first, so that all ways of validating
            // are gone through, then one that fits nowhere.
            let good = [&b"\x81\x7e\x03\xe8"[..], &[b'a'; 500]].concat();
            assert!(!endpoint.receive(&good).iter().any(|seen| matches!(seen, Seen::Failed(_))));
            let seen = endpoint.receive(b"\xff");
            assert_eq!(seen, [Seen::Failed(ProtocolError::InvalidUtf8)]);
        }
    }
}

#[test]
fn binary_is_not_looked_at() {
    let _watch = watchdog::bound();
    covers!("6455-5.6-2");
    for mut endpoint in Endpoint::both() {
        let all: Vec<u8> = (0..=0xFF).collect();
        let frame = [&b"\x82\x7e\x01\x00"[..], &all].concat();
        assert_eq!(endpoint.receive(&frame), [Seen::Binary(all)]);
    }
}
