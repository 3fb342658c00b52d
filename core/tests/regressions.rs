//! Bugs of other libraries, where no other test shows that this one does not have them:
//! `spec-tests/REGRESSIONS.md` lists these and all others.

mod common;
#[expect(dead_code, reason = "only a part of it is needed here")]
#[path = "handshake/wire.rs"]
mod wire;

use bluewire_core::{Config, Message, ProtocolError, Role};

use common::{BOTH, End, Sent, Told, close_body, frame, frames_sent_by};
use wire::{ask, limits, request, response, serve};

/// The limit is one of the head, and not of what was read together with it.
#[test]
fn frames_behind_a_head_do_not_count_towards_its_limit() {
    let (request, response) = (request(&[]), response(&[]));
    let frames = |to| frame(to, 0x82, &[0; 4096]);
    let (served, asked) = (limits(request.len(), 100), limits(response.len(), 100));
    let outcome = serve(served, [&[&request[..], &frames(Role::Server)].concat()[..]]);
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    let outcome = ask(asked, [&[&response[..], &frames(Role::Client)].concat()[..]]);
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
}

/// Were each space looked at again for every one before it, this would take hours.
#[test]
fn a_list_of_subprotocols_full_of_spaces_takes_linear_time() {
    const LEN: usize = 1 << 20;
    for spaces in [format!("b{}x", " ".repeat(LEN)), ", ".repeat(LEN / 2) + "b"] {
        let request = request(&[&format!("+Sec-WebSocket-Protocol: {spaces}")]);
        let outcome = serve(limits(2 * LEN, 100), [&request[..]]);
        // Two words are no token, and empty elements of a list count for nothing.
        assert_eq!(outcome.result.is_ok(), spaces.starts_with(','));
    }
}

/// However many messages wait, and in whatever pieces the transport takes them.
#[test]
fn ten_thousand_messages_that_wait_are_written_in_any_pieces() {
    for role in BOTH {
        for piece in [1, 7, 4096] {
            let mut end = End::new(role);
            let payloads: Vec<_> = (0..10_000_u16).map(u16::to_be_bytes).collect();
            for payload in &payloads {
                let message = Message::Binary(payload);
                end.connection.send(message, &mut end.outbox).expect("room");
            }
            let mut written = Vec::new();
            while !end.outbox.is_empty() {
                written.extend(end.write(piece));
            }
            let sent = frames_sent_by(role, &written);
            let expected: Vec<_> = payloads.iter().map(|bytes| Sent::new(0x82, bytes)).collect();
            assert!(sent == expected, "{role:?}, in pieces of {piece}");
        }
    }
}

/// The end of a message is where a text must be whole, also if it brings no byte. And what was
/// left over of one text is not part of another.
#[test]
fn a_character_that_is_cut_off_before_an_empty_end_fails() {
    for role in BOTH {
        for cut in [&b"\xc3"[..], b"\xe2\x82", b"a\xf0\x9f\xa6"] {
            let mut end = End::new(role);
            assert_eq!(end.hear_frame(0x01, cut), []);
            assert_eq!(end.hear_frame(0x00, b""), []);
            let told = end.hear_frame(0x80, b"");
            assert_eq!(told, [Told::Failed(ProtocolError::InvalidUtf8)]);
            let sent = end.sent();
            let [Sent(0x88, body)] = &sent[..] else { panic!("one Close frame: {sent:?}") };
            assert_eq!(body[..2], 1007_u16.to_be_bytes());
        }
    }
}

/// A Close frame that arrives byte by byte is one Close frame.
#[test]
fn a_close_frame_in_many_reads_is_reported_once_and_whole() {
    for role in BOTH {
        let mut end = End::with(role, &Config::default());
        let body = close_body(4000, "a reason of 23 bytes...");
        let bytes = frame(role, 0x88, &body);
        let told: Vec<_> = bytes.iter().flat_map(|byte| end.hear(&[*byte])).collect();
        assert_eq!(told, [Told::close(4000, "a reason of 23 bytes...")]);
        assert_eq!(end.sent(), [Sent::new(0x88, body)]);
    }
}
