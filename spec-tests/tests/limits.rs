//! Section 10.4: sizes are limited, each at its limit and one past it, and memory follows the
//! received bytes, not the announced ones.
#![forbid(unsafe_code)]

#[path = "../../adapters/tests/common/watchdog.rs"]
mod watchdog;

use bluewire_core::{Config, Delivery, Limits, Message, ProtocolError, SendError};
use bluewire_spec_tests::covers;
use bluewire_spec_tests::endpoint::{Endpoint, Seen};

const BOTH: [Delivery; 2] = [Delivery::Whole, Delivery::Chunks];

fn limited(delivery: Delivery, limits: Limits) -> [Endpoint; 2] {
    Endpoint::both_with(&Config::default().limits(limits).delivery(delivery))
}

#[test]
fn a_frame_is_limited_by_its_header() {
    let _watch = watchdog::bound();
    covers!("6455-10.4-1");
    let limits = Limits::default().frame_len_max(4);
    for delivery in BOTH {
        for mut endpoint in limited(delivery, limits) {
            assert_eq!(endpoint.receive(b"\x82\x04abcd").len(), 1);
            let seen = endpoint.receive(b"\x82\x05");
            assert_eq!(seen, [Seen::Failed(ProtocolError::FrameTooLong { limit: 4 })]);
            assert_eq!(endpoint.sent()[2..4], 1009_u16.to_be_bytes());
        }
    }
}

#[test]
fn a_message_is_limited_over_all_its_fragments() {
    let _watch = watchdog::bound();
    covers!("6455-10.4-1");
    let limits = Limits::default().message_len_max(4);
    for mut endpoint in limited(Delivery::Whole, limits) {
        let seen = endpoint.receive(b"\x02\x02ab\x80\x02cd");
        assert_eq!(seen, [Seen::Binary(b"abcd".into())]);
        endpoint.receive(b"\x02\x02ab\x00\x02cd\x00\x00");
        let seen = endpoint.receive(b"\x80\x01");
        assert_eq!(seen, [Seen::Failed(ProtocolError::MessageTooLong { limit: 4 })]);
        assert_eq!(endpoint.sent()[2..4], 1009_u16.to_be_bytes());
    }
}

#[test]
fn fragments_are_limited_in_number() {
    let _watch = watchdog::bound();
    covers!("6455-10.4-1");
    let limits = Limits::default().fragments_max(3);
    for delivery in BOTH {
        for mut endpoint in limited(delivery, limits) {
            let three = b"\x02\x00\x00\x00\x80\x00";
            assert_eq!(endpoint.receive(three).len(), 1);
            // Whole messages do not add up.
            assert_eq!(endpoint.receive(three).len(), 1);
            let seen = endpoint.receive(b"\x02\x00\x00\x00\x00\x00\x80\x00");
            assert_eq!(
                seen.last(),
                Some(&Seen::Failed(ProtocolError::TooManyFragments { limit: 3 }))
            );
        }
    }
}

#[test]
fn an_announced_length_takes_no_memory() {
    let _watch = watchdog::bound();
    covers!("6455-10.4-1", "6455-10.7-1");
    for delivery in BOTH {
        for mut endpoint in limited(delivery, Limits::default()) {
            // 16 MiB are announced, a byte comes.
            endpoint.receive(b"\x82\x7f\x00\x00\x00\x00\x01\x00\x00\x00x");
            assert!(endpoint.inbox.capacity() <= 64 * 1024, "{}", endpoint.inbox.capacity());
        }
    }
}

#[test]
fn a_stream_of_tiny_fragments_and_pings_takes_no_more_than_its_message() {
    let _watch = watchdog::bound();
    covers!("6455-10.4-1", "6455-10.7-1");
    for mut endpoint in limited(Delivery::Whole, Limits::default()) {
        endpoint.receive(b"\x02\x01x");
        for _ in 0..50_000 {
            endpoint.receive(b"\x00\x01x\x89\x02ab");
            endpoint.sent();
        }
        assert!(endpoint.inbox.capacity() <= 256 * 1024, "{}", endpoint.inbox.capacity());
        assert!(endpoint.outbox.capacity() <= 4096, "{}", endpoint.outbox.capacity());
        let seen = endpoint.receive(b"\x80\x00");
        assert_eq!(seen, [Seen::Binary(vec![b'x'; 50_001])]);
    }
}

#[test]
fn pings_that_are_not_read_back_take_bounded_memory() {
    let _watch = watchdog::bound();
    covers!("6455-10.4-1", "6455-10.7-1");
    for mut endpoint in limited(Delivery::Whole, Limits::default()) {
        let ping = [&[0x89, 125], &[b'p'; 125][..]].concat();
        for _ in 0..10_000 {
            endpoint.receive(&ping);
        }
        assert!(endpoint.outbox.capacity() <= 16 * 1024, "{}", endpoint.outbox.capacity());
    }
}

#[test]
fn output_that_is_not_written_is_limited() {
    let _watch = watchdog::bound();
    covers!("6455-10.4-1");
    let limits = Limits::default().outbox_len_max(1000);
    for mut endpoint in limited(Delivery::Whole, limits) {
        let refused = (0..1000).find_map(|_| endpoint.send(Message::Binary(&[0; 90])).err());
        assert_eq!(refused, Some(SendError::OutboxFull));
        assert!(endpoint.outbox.len() <= 1000);
        // A refused message left no trace, and there is room again once something is written.
        let frames = endpoint.sent();
        assert_eq!(frames.len() % 92, 0);
        endpoint.send(Message::Binary(&[0; 90])).expect("room");
        endpoint.close(1000, "").expect("a Close always fits");
    }
}
