//! Section 5.4: messages in fragments, and what may stand between them.
#![forbid(unsafe_code)]

#[path = "../../adapters/tests/common/watchdog.rs"]
mod watchdog;

use std::num::NonZeroUsize;

use bluewire_core::{Config, Delivery, Message, ProtocolError, SendError};
use bluewire_spec_tests::covers;
use bluewire_spec_tests::endpoint::{Endpoint, Seen};

#[test]
fn fragments_are_delivered_as_one_message_in_order() {
    let _watch = watchdog::bound();
    covers!("6455-5.4-1", "6455-5.4-7", "6455-5.6-1");
    for mut endpoint in Endpoint::both() {
        // The euro sign is cut after its first and its second byte.
        assert_eq!(endpoint.receive(b"\x01\x02a\xe2"), []);
        assert_eq!(endpoint.receive(b"\x00\x01\x82"), []);
        let euro = Seen::Text("a\u{20ac}b".into());
        assert_eq!(endpoint.receive(b"\x80\x02\xacb"), [euro]);
        assert_eq!(endpoint.receive(b"\x82\x01\xff"), [Seen::Binary(b"\xff".into())]);
    }
}

#[test]
fn empty_fragments_are_lawful_anywhere() {
    let _watch = watchdog::bound();
    covers!("6455-5.4-6");
    for mut endpoint in Endpoint::both() {
        let seen = endpoint.receive(b"\x02\x00\x00\x00\x00\x01a\x00\x00\x80\x00");
        assert_eq!(seen, [Seen::Binary(b"a".into())]);
        assert_eq!(endpoint.receive(b"\x01\x00\x80\x00"), [Seen::Text(String::new())]);
    }
}

#[test]
fn a_continuation_of_nothing_fails() {
    let _watch = watchdog::bound();
    covers!("6455-5.4-2");
    // At first, after a whole message, after a fragmented one, after its Ping.
    let streams: [&[u8]; 5] = [
        b"\x80\x00",
        b"\x00\x00",
        b"\x81\x01a\x80\x00",
        b"\x01\x00\x80\x00\x00\x00",
        b"\x89\x00\x80\x00",
    ];
    for stream in streams {
        for mut endpoint in Endpoint::both() {
            let seen = endpoint.receive(stream);
            let failed = Seen::Failed(ProtocolError::UnexpectedContinuation);
            assert_eq!(seen.last(), Some(&failed), "{stream:x?}");
        }
    }
}

#[test]
fn a_message_within_a_message_fails() {
    let _watch = watchdog::bound();
    covers!("6455-5.4-3");
    let streams: [&[u8]; 3] =
        [b"\x01\x00\x81\x00", b"\x02\x00\x01\x00", b"\x01\x00\x00\x00\x82\x00"];
    for stream in streams {
        for mut endpoint in Endpoint::both() {
            let failed = Seen::Failed(ProtocolError::InterleavedMessage);
            assert_eq!(endpoint.receive(stream), [failed], "{stream:x?}");
        }
    }
}

#[test]
fn control_frames_between_fragments_are_taken_at_once() {
    let _watch = watchdog::bound();
    covers!("6455-5.4-4", "6455-6.2-2", "6455-5.5.2-1", "6455-5.5.3-1");
    for mut endpoint in Endpoint::both() {
        assert_eq!(endpoint.receive(b"\x01\x03Hel\x89\x01?"), [Seen::Ping(b"?".into())]);
        assert_eq!(endpoint.sent(), b"\x8a\x01?");
        assert_eq!(endpoint.receive(b"\x8a\x01!"), [Seen::Pong(b"!".into())]);
        assert_eq!(endpoint.receive(b"\x80\x02lo"), [Seen::Text("Hello".into())]);
        assert_eq!(endpoint.receive(b"\x01\x03Hel\x88\x00"), [Seen::Close(None, String::new())]);
    }
}

#[test]
fn a_control_frame_within_the_payload_of_another_frame_is_payload() {
    let _watch = watchdog::bound();
    covers!("6455-5.4-1");
    for mut endpoint in Endpoint::both() {
        let seen = endpoint.receive(b"\x82\x02\x89\x00");
        assert_eq!(seen, [Seen::Binary(b"\x89\x00".into())]);
        assert_eq!(endpoint.sent(), b"");
    }
}

#[test]
fn a_fragmented_control_frame_fails() {
    let _watch = watchdog::bound();
    covers!("6455-5.4-5");
    for opcode in [0x8, 0x9, 0xA] {
        for mut endpoint in Endpoint::both() {
            let failed = Seen::Failed(ProtocolError::FragmentedControlFrame);
            assert_eq!(endpoint.receive(&[opcode, 0]), [failed]);
        }
    }
}

#[test]
fn a_message_in_parts_begins_with_its_opcode_and_ends_with_fin() {
    let _watch = watchdog::bound();
    covers!("6455-6.1-2", "6455-5.4-1");
    for mut endpoint in Endpoint::both() {
        endpoint.send_fragment("Hel", false).expect("open");
        endpoint.send_fragment("", false).expect("open");
        endpoint.send_fragment("lo", true).expect("open");
        endpoint.send_fragment(b"x", true).expect("open");
        assert_eq!(endpoint.sent(), b"\x01\x03Hel\x00\x00\x80\x02lo\x82\x01x");
    }
}

#[test]
fn nothing_but_control_frames_goes_between_the_parts_that_are_sent() {
    let _watch = watchdog::bound();
    covers!("6455-5.4-8", "6455-5.4-5");
    for mut endpoint in Endpoint::both() {
        endpoint.send_fragment("Hel", false).expect("open");
        assert_eq!(endpoint.send("x"), Err(SendError::MessageUnfinished));
        assert_eq!(endpoint.send_fragment(b"x", true), Err(SendError::TypeChanged));
        assert_eq!(endpoint.sent(), b"\x01\x03Hel");
        endpoint.connection.ping(b"?", &mut endpoint.outbox).expect("open");
        endpoint.receive(b"\x89\x01!");
        assert_eq!(endpoint.sent(), b"\x89\x01?\x8a\x01!");
        endpoint.send_fragment("lo", true).expect("open");
        assert_eq!(endpoint.sent(), b"\x80\x02lo");
        endpoint.send("x").expect("the message has ended");
    }
}

#[test]
fn a_long_message_can_be_cut_by_the_sender() {
    let _watch = watchdog::bound();
    covers!("6455-6.1-2");
    let config = Config::default().fragment_len(NonZeroUsize::new(2));
    for mut endpoint in Endpoint::both_with(&config) {
        endpoint.send("Hello").expect("open");
        endpoint.send(b"ab").expect("open");
        assert_eq!(endpoint.sent(), b"\x01\x02He\x00\x02ll\x80\x01o\x82\x02ab");
    }
}

#[test]
fn chunks_are_reported_as_they_arrive_and_text_in_whole_characters() {
    let _watch = watchdog::bound();
    covers!("6455-5.4-1", "6455-5.6-1");
    let config = Config::default().delivery(Delivery::Chunks);
    for mut endpoint in Endpoint::both_with(&config) {
        let chunk = |text: &str, fin| Seen::TextChunk(text.into(), fin);
        assert_eq!(endpoint.receive(b"\x01\x05a\xe2"), [chunk("a", false)]);
        assert_eq!(endpoint.receive(b"\x82"), []);
        assert_eq!(endpoint.receive(b"\xacb"), [chunk("\u{20ac}b", false)]);
        assert_eq!(endpoint.receive(b"\x80\x01c"), [chunk("c", true)]);
        let seen = endpoint.receive(b"\x82\x02xy");
        assert_eq!(seen, [Seen::BinaryChunk(b"xy".into(), true)]);
        let seen = endpoint.receive(b"\x81\x01\xe2");
        assert_eq!(seen, [Seen::Failed(ProtocolError::InvalidUtf8)]);
    }
}

#[test]
fn a_vectored_message_that_is_half_written_is_whole_in_the_end() {
    let _watch = watchdog::bound();
    covers!("6455-6.1-3");
    let whole = b"\x82\x05Hello";
    for written in 0..=whole.len() {
        let [_, mut server] = Endpoint::both();
        let mut gather = server
            .connection
            .send_vectored(Message::Binary(b"Hello"), &mut server.outbox)
            .expect("open");
        let mut sent = gather.slices().concat();
        assert_eq!(sent, whole);
        sent.truncate(written);
        gather.sent(written);
        drop(gather);
        sent.extend(server.sent_raw());
        assert_eq!(sent, whole);
    }
}
