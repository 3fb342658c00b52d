//! The receiver has short ways for most messages. They take nothing that the long way refuses.

#[path = "common/mod.rs"]
mod common;

use bluewire_core::{Config, Delivery, Limits, ProtocolError, Role};
use common::{BOTH, End, Told, frame, frame_with_key};

/// The failure at the end of what an end tells of these bytes, which arrive at once.
fn failure(role: Role, config: &Config, bytes: &[u8]) -> Option<ProtocolError> {
    match End::with(role, config).hear(bytes).pop() {
        Some(Told::Failed(error)) => Some(error),
        _ => None,
    }
}

#[test]
fn a_message_that_has_arrived_whole_is_held_to_the_limits() {
    for role in BOTH {
        for len in [100_u16, 126, 200, 40_000] {
            let limit = u64::from(len);
            let message = Config::default().limits(Limits::default().message_len_max(limit));
            let frame_limit = Config::default().limits(Limits::default().frame_len_max(limit));
            let bytes = |len: u16| frame(role, 0x82, &vec![7; len.into()]);
            for config in [&message, &frame_limit] {
                assert_eq!(failure(role, config, &bytes(len)), None, "{role:?} {len}");
            }
            let too_long = failure(role, &message, &bytes(len + 1));
            assert_eq!(too_long, Some(ProtocolError::MessageTooLong { limit }), "{role:?} {len}");
            let too_long = failure(role, &frame_limit, &bytes(len + 1));
            assert_eq!(too_long, Some(ProtocolError::FrameTooLong { limit }), "{role:?} {len}");
        }
    }
}

#[test]
fn a_wrong_mask_bit_is_found_whatever_its_key_looks_like() {
    // The key could be a length of 16 bits, and so many bytes follow.
    let masked = frame_with_key(Role::Server, 0x82, &[7; 100], [0, 150, 1, 2]);
    let more = [masked, vec![0; 300]].concat();
    let error = failure(Role::Client, &Config::default(), &more);
    assert_eq!(error, Some(ProtocolError::MaskedFrame));
    let plain = frame(Role::Client, 0x82, &[0, 150, 1, 2]);
    let more = [plain, vec![0; 300]].concat();
    let error = failure(Role::Server, &Config::default(), &more);
    assert_eq!(error, Some(ProtocolError::UnmaskedFrame));
}

#[test]
fn a_length_that_is_not_in_its_shortest_form_is_refused() {
    for delivery in [Delivery::Whole, Delivery::Chunks] {
        let config = Config::default().delivery(delivery);
        for len in [0_u8, 1, 125] {
            let mut bytes = vec![0x82, 126, 0, len];
            bytes.extend(vec![7; len.into()]);
            let error = failure(Role::Client, &config, &bytes);
            assert_eq!(error, Some(ProtocolError::LengthNotMinimal), "{len}");
        }
    }
}

#[test]
fn a_whole_message_within_another_is_refused() {
    for role in BOTH {
        for len in [0, 100, 200, 70_000] {
            let mut end = End::with(role, &Config::default());
            // The short ways are for what a read brings.
            assert_eq!(end.hear(&frame(role, 0x01, b"begun")), []);
            let told = end.hear(&frame(role, 0x82, &vec![7; len]));
            assert_eq!(told, [Told::Failed(ProtocolError::InterleavedMessage)], "{role:?} {len}");
        }
    }
}
