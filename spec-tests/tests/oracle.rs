//! The engine against the tester's own receiver, on streams of frames that are right, wrong and
//! everything between, cut at random.
#![forbid(unsafe_code)]

#[path = "../../adapters/tests/common/watchdog.rs"]
mod watchdog;

use bluewire_core::{Config, Delivery, Limits};
use bluewire_spec_tests::case::Role;
use bluewire_spec_tests::covers;
use bluewire_spec_tests::endpoint::{Endpoint, Seen};
use bluewire_spec_tests::random::Random;
use bluewire_spec_tests::receiver::{Item, Receiver};
use bluewire_spec_tests::wire::{Header, frame, mask, opcode};

const STREAMS: u64 = if cfg!(debug_assertions) { 3_000 } else { 100_000 };

/// An event, as either of them reports it.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Vec<u8>),
    /// The close code that a violation was answered with.
    Failed(u16),
}

#[test]
fn the_engine_tells_what_the_oracle_tells() {
    let _watch = watchdog::bound();
    covers!("6455-10.7-1", "6455-6.2-1", "6455-5.4-1", "6455-6.2-2", "6455-7.1.7-3");
    let mut lengths = [0_usize; 12];
    let mut failures = 0;
    for seed in 0..STREAMS {
        for role in [Role::Client, Role::Server] {
            let mut random = Random::new(seed);
            let stream = stream(&mut random, role);
            let expected = by_oracle(role, &stream);
            lengths[expected.len().min(11)] += 1;
            failures += usize::from(matches!(expected.last(), Some(Told::Failed(_))));
            for delivery in [Delivery::Whole, Delivery::Chunks] {
                let told = by_engine(role, delivery, &stream, &mut random);
                assert_eq!(told, expected, "seed {seed}, {role}, {delivery:?}: {stream:02x?}");
            }
        }
    }
    // A comparison of streams that all fail at once, or never, would compare nothing.
    assert!(lengths.iter().skip(1).all(|count| *count > 0), "{lengths:?}");
    let all = 2 * usize::try_from(STREAMS).expect("few");
    assert!(failures > all / 10 && failures < all * 9 / 10, "{failures} of {all}");
}

/// Up to a dozen frames, most of them right for where they stand.
fn stream(random: &mut Random, to: Role) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut within = None;
    for _ in 0..random.below(13) {
        let (fin, opcode) = match random.below(8) {
            0 => (true, opcode::PING),
            1 => (true, opcode::PONG),
            2 if random.below(3) == 0 => (true, opcode::CLOSE),
            _ => {
                let fin = random.below(2) == 0;
                let begun = within.take();
                let kind = begun.unwrap_or_else(|| [opcode::TEXT, opcode::BINARY][random.below(2)]);
                within = (!fin).then_some(kind);
                (fin, if begun.is_some() { opcode::CONTINUATION } else { kind })
            }
        };
        let payload = payload(random, opcode);
        let key = (to == Role::Server).then(|| random.key());
        let mut frame = frame(fin, 0, opcode, key, &payload);
        if random.below(24) == 0 {
            damage(random, &mut frame);
        }
        bytes.extend(frame);
    }
    if random.below(4) == 0 {
        bytes.truncate(random.below(bytes.len() + 1));
    }
    bytes
}

fn payload(random: &mut Random, opcode: u8) -> Vec<u8> {
    let mut payload = match opcode {
        opcode::CLOSE if random.below(4) == 0 => return vec![],
        opcode::CLOSE => {
            let code = [1000, 1001, 1007, 1014, 3000, 4999, 1005, 2999][random.below(8)];
            let mut body = u16::to_be_bytes(code).to_vec();
            body.extend("gr\u{fc}\u{df}e".bytes().take(random.below(8)));
            return body;
        }
        opcode::PING | opcode::PONG => vec![b'p'; random.below(126)],
        _ => {
            let pieces = ["a", "\u{e9}", "\u{20ac}", "\u{1f980}", "plain text", ""];
            let count = random.below(40);
            (0..count).flat_map(|_| pieces[random.below(6)].bytes()).collect()
        }
    };
    if opcode <= opcode::BINARY && random.below(16) == 0 && !payload.is_empty() {
        let at = random.below(payload.len());
        payload[at] ^= 1 << random.below(8);
    }
    payload
}

/// Turns over one bit among the first bytes: of the header, most likely.
fn damage(random: &mut Random, frame: &mut [u8]) {
    let at = random.below(frame.len().min(3));
    frame[at] ^= 1 << random.below(8);
}

fn by_oracle(role: Role, stream: &[u8]) -> Vec<Told> {
    let mut receiver = Receiver::new(role);
    let mut told = Vec::new();
    receiver.push(stream);
    loop {
        match receiver.next_item() {
            Ok(None) => return told,
            Ok(Some(Item::Header(_))) => {}
            Ok(Some(Item::Message { binary: false, payload })) => told.push(Told::Text(payload)),
            Ok(Some(Item::Message { binary: true, payload })) => told.push(Told::Binary(payload)),
            Ok(Some(Item::Compressed { .. })) => unreachable!("no compression was negotiated"),
            Ok(Some(Item::Ping(payload))) => told.push(Told::Ping(payload)),
            Ok(Some(Item::Pong(payload))) => told.push(Told::Pong(payload)),
            Ok(Some(Item::Close(body))) => {
                told.push(Told::Close(body));
                return told;
            }
            Err(violation) => {
                told.push(Told::Failed(violation.close_code()));
                return told;
            }
        }
    }
}

/// The oracle knows no limits, and so must the engine here.
fn endpoint(role: Role, delivery: Delivery) -> Endpoint {
    let limits = Limits::default().frame_len_max(u64::MAX).message_len_max(u64::MAX);
    Endpoint::new(role, Config::default().limits(limits).delivery(delivery))
}

fn by_engine(role: Role, delivery: Delivery, stream: &[u8], random: &mut Random) -> Vec<Told> {
    let mut endpoint = endpoint(role, delivery);
    let mut told = Vec::new();
    let mut chunks = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(1 + random.below(rest.len()));
        rest = after;
        for seen in endpoint.receive_raw(piece) {
            told.extend(told_of(seen, &mut chunks));
        }
    }
    check_answers(&mut endpoint, &told);
    told
}

fn told_of(seen: Seen, chunks: &mut Vec<u8>) -> Option<Told> {
    Some(match seen {
        Seen::Text(text) => Told::Text(text.into()),
        Seen::Binary(bytes) => Told::Binary(bytes),
        Seen::TextChunk(part, fin) => {
            chunks.extend(part.bytes());
            return fin.then(|| Told::Text(std::mem::take(chunks)));
        }
        Seen::BinaryChunk(part, fin) => {
            chunks.extend(part);
            return fin.then(|| Told::Binary(std::mem::take(chunks)));
        }
        Seen::Ping(payload) => Told::Ping(payload),
        Seen::Pong(payload) => Told::Pong(payload),
        Seen::Close(None, _) => Told::Close(vec![]),
        Seen::Close(Some(code), reason) => {
            Told::Close([&code.to_be_bytes(), reason.as_bytes()].concat())
        }
        Seen::Failed(error) => Told::Failed(error.close_code().value()),
    })
}

/// The frames that the engine has sent: Pongs for Pings, the last one of all, then the Close that
/// is due.
fn check_answers(endpoint: &mut Endpoint, told: &[Told]) {
    let role = endpoint.role.peer();
    let last_ping = told.iter().rev().find_map(|told| match told {
        Told::Ping(payload) => Some(payload),
        _ => None,
    });
    let code = match told.last() {
        Some(Told::Close(body)) => Some(body.get(..2).unwrap_or_default().to_vec()),
        Some(Told::Failed(code)) => Some(code.to_be_bytes().to_vec()),
        _ => None,
    };
    let bytes = endpoint.sent_raw();
    let mut receiver = Receiver::new(role);
    receiver.push(&bytes);
    let mut last_pong = None;
    let mut closed = None;
    while let Some(item) = receiver.next_item().expect("what the engine sends is right") {
        match item {
            Item::Pong(payload) => last_pong = Some(payload),
            Item::Close(body) => closed = Some(body.get(..2).unwrap_or_default().to_vec()),
            Item::Header(header) => assert!(header.is_control()),
            other => panic!("{other:?} was not asked for"),
        }
    }
    assert_eq!(last_pong.as_ref(), last_ping);
    assert_eq!(closed, code);
    let end = parsed_len(&bytes);
    assert_eq!(end, bytes.len(), "whole frames only");
}

fn parsed_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some((header, len)) = Header::parse(&bytes[at..]) {
        at += len + usize::try_from(header.len).expect("short");
    }
    at
}

#[test]
fn bytes_that_are_no_frames_at_all_end_cleanly() {
    let _watch = watchdog::bound();
    covers!("6455-10.7-1");
    for seed in 0..STREAMS {
        let mut random = Random::new(seed);
        let len = random.below(300);
        let mut noise: Vec<u8> = (0..len).map(|_| random.bytes()[0]).collect();
        mask(&mut noise, random.key(), 0);
        for role in [Role::Client, Role::Server] {
            let told = by_oracle(role, &noise);
            let mut endpoint = endpoint(role, Delivery::Whole);
            let mut chunks = Vec::new();
            let seen = endpoint.receive_raw(&noise);
            let seen: Vec<_> =
                seen.into_iter().filter_map(|seen| told_of(seen, &mut chunks)).collect();
            assert_eq!(seen, told, "{noise:02x?}");
            endpoint.receive_eof();
            assert!(endpoint.connection.closure().is_some());
        }
    }
}
