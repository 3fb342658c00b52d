//! Every beginning of a UTF-8 sequence, held against the standard library.

use std::str::from_utf8;
use std::sync::Arc;

use bluewire_core::{
    Config, Connection, Delivery, Inbox, MaskingKeys, Outbox, ProtocolError, Role,
};

use crate::common::{BOTH, End, NOW, Sent, Told, close_body, frame, joined};

/// The bytes behind the two bytes.
const TAILS: [&[u8]; 6] = [&[], b"z", &[0x80], &[0xbf], &[0x80, 0xbf], &[0x80, 0x80, 0x80]];

/// The number of bytes before them: none, or enough to put them across the end of a vector.
const LEADS: [usize; 5] = [0, 1, 15, 31, 63];

/// How a text arrives.
#[derive(Clone, Copy, Debug)]
enum Arrival {
    /// As one frame, at once.
    Whole,
    /// As one frame, in two reads, the first of which ends here.
    Reads(usize),
    /// As two fragments, the first of which ends here.
    Fragments(usize),
    /// As three fragments, around a Ping: one of the two bytes in each of two.
    Apart(usize),
}

impl Arrival {
    /// All of them, around the two bytes behind a lead of this length.
    const fn all(lead: usize) -> [Self; 8] {
        [
            Self::Whole,
            Self::Reads(lead),
            Self::Reads(lead + 1),
            Self::Reads(lead + 2),
            Self::Fragments(lead),
            Self::Fragments(lead + 1),
            Self::Fragments(lead + 2),
            Self::Apart(lead + 1),
        ]
    }
}

fn end(role: Role, config: &Arc<Config>) -> End {
    let connection = match role {
        Role::Client => {
            Connection::client(Arc::clone(config), MaskingKeys::from_seed([1; 32]), NOW)
        }
        Role::Server => Connection::server(Arc::clone(config), NOW),
    };
    End { connection, inbox: Inbox::default(), outbox: Outbox::new(), now: NOW }
}

/// The standard library's verdict on the text so far: that it has failed, or can still become
/// right.
fn has_failed(text: &[u8]) -> bool {
    from_utf8(text).is_err_and(|error| error.error_len().is_some())
}

fn failed(told: &[Told]) -> bool {
    told.last() == Some(&Told::Failed(ProtocolError::InvalidUtf8))
}

/// Lets the text arrive, and returns the events; after each piece it checks that a fault was
/// reported in time.
fn hear(role: Role, config: &Arc<Config>, text: &[u8], arrival: Arrival) -> Vec<Told> {
    let mut end = end(role, config);
    let mut told = Vec::new();
    let ping = frame(role, 0x89, b"");
    match arrival {
        Arrival::Whole => told.extend(end.hear_frame(0x81, text)),
        Arrival::Reads(at) => {
            let bytes = frame(role, 0x81, text);
            let (first, rest) = bytes.split_at(bytes.len() - text.len() + at);
            told.extend(end.hear(first));
            // A frame without a rest is a whole message.
            if at < text.len() {
                assert_eq!(failed(&told), has_failed(&text[..at]), "{text:02x?} {arrival:?}");
            }
            told.extend(end.hear(rest));
        }
        Arrival::Fragments(at) => {
            told.extend(end.hear_frame(0x01, &text[..at]));
            assert_eq!(failed(&told), has_failed(&text[..at]), "{text:02x?} {arrival:?}");
            told.extend(end.hear_frame(0x80, &text[at..]));
        }
        Arrival::Apart(at) => {
            told.extend(end.hear_frame(0x01, &text[..at]));
            told.extend(end.hear(&ping));
            told.extend(end.hear_frame(0x00, &text[at..=at]));
            assert_eq!(failed(&told), has_failed(&text[..=at]), "{text:02x?} {arrival:?}");
            told.extend(end.hear_frame(0x80, &text[at + 1..]));
            told.retain(|told| !matches!(told, Told::Ping(_)));
        }
    }
    if failed(&told) {
        let sent = end.sent();
        let Some(Sent(0x88, body)) = sent.last() else { panic!("a Close frame: {sent:?}") };
        assert_eq!(body[..2], 1007_u16.to_be_bytes());
    }
    joined(told)
}

fn check(role: Role, config: &Arc<Config>, text: &[u8], arrival: Arrival) {
    let told = hear(role, config, text, arrival);
    let in_parts = config.delivery == Delivery::Chunks;
    match from_utf8(text) {
        Ok(text) if in_parts => assert_eq!(told, [Told::TextPart(text.into(), true)]),
        Ok(text) => assert_eq!(told, [Told::text(text)]),
        Err(error) => {
            assert!(failed(&told), "{text:02x?} {arrival:?}: {told:?}");
            // Only the valid part of the text may have been delivered.
            let good = from_utf8(&text[..error.valid_up_to()]).expect("valid up to there");
            match &told[..told.len() - 1] {
                [] => {}
                [Told::TextPart(part, false)] if in_parts => assert!(good.starts_with(part)),
                other => panic!("{text:02x?} {arrival:?}: {other:?}"),
            }
        }
    }
}

/// All 65,536 pairs of bytes, with six tails, arriving whole and cut before, between and after the
/// two. Role, delivery and lead take turns: a release build takes four of their combinations for
/// each of these, a debug build one, and of the tails and arrivals every 47th.
#[test]
fn every_beginning_of_a_character_is_judged_as_the_standard_library_judges_it() {
    const STRIDE: usize = if cfg!(debug_assertions) { 47 } else { 1 };
    const TURNS: usize = if cfg!(debug_assertions) { 1 } else { 4 };
    let configs = [Delivery::Whole, Delivery::Chunks]
        .map(|delivery| Arc::new(Config::default().delivery(delivery)));
    let mut turn = 0;
    for pair in 0..=u16::MAX {
        for case in (usize::from(pair) % STRIDE..48).step_by(STRIDE) {
            let tail = TAILS[case % 6];
            for _ in 0..TURNS {
                // A prime, so that all combinations meet all cases.
                turn = (turn + 7) % 20;
                let (role, config) = (BOTH[turn % 2], &configs[turn / 2 % 2]);
                let lead = LEADS[turn / 4];
                let text = [&vec![b'a'; lead][..], &pair.to_be_bytes(), tail].concat();
                check(role, config, &text, Arrival::all(lead)[case / 6]);
            }
        }
    }
}

/// The same pairs as the reason of a Close frame.
#[test]
fn every_beginning_of_a_character_in_a_close_reason_is_judged_as_well() {
    let config = Arc::new(Config::default());
    for pair in 0..=u16::MAX {
        let tails = if cfg!(debug_assertions) { &TAILS[..1] } else { &TAILS[..] };
        for (role, tail) in
            BOTH.iter().flat_map(|role| tails.iter().map(move |tail| (*role, *tail)))
        {
            let reason = [&pair.to_be_bytes()[..], tail].concat();
            let mut end = end(role, &config);
            let told = end.hear_frame(0x88, &[&close_body(1000, "")[..], &reason].concat());
            match from_utf8(&reason) {
                Ok(reason) => assert_eq!(told, [Told::close(1000, reason)]),
                Err(_) => {
                    assert_eq!(told, [Told::Failed(ProtocolError::InvalidCloseReason)]);
                    let sent = end.sent();
                    let [Sent(0x88, body)] = &sent[..] else { panic!("a Close frame: {sent:?}") };
                    assert_eq!(body[..2], 1007_u16.to_be_bytes());
                }
            }
        }
    }
}
