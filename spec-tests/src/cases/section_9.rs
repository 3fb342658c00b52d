//! Section 9: large messages, many frames, small writes, many round trips.

use super::{LONG_TEXT, Size, by_fuzzer, case, close_when, seconds};
use crate::case::{Case, Frame, Judge, LoopMessage, Message, Received, Step, When, Writes};
use crate::payload::Payload;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

const LONG_BINARY: &[u8] = b"\x00\xfe\x23\xfa\xf0";

/// 9.1 and 9.2: message length, seconds for text, seconds for binary.
const MESSAGES: [(usize, u64, u64); 6] = [
    (64 * KIB, 10, 10),
    (256 * KIB, 10, 10),
    (MIB, 100, 10),
    (4 * MIB, 100, 10),
    (8 * MIB, 100, 100),
    (16 * MIB, 100, 100),
];

/// 9.3 and 9.4: the frames of a message of 4 MiB.
const FRAMES: [usize; 9] = [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB];

/// 9.5 and 9.6: the writes of a message of 1 MiB.
const WRITES: [usize; 6] = [64, 128, 256, 512, KIB, 2 * KIB];

/// 9.7 and 9.8: message length, seconds for a thousand round trips.
const ROUND_TRIPS: [(usize, u64); 6] =
    [(0, 60), (16, 60), (64, 60), (256, 120), (KIB, 240), (4 * KIB, 480)];

pub(super) fn cases(size: Size) -> Vec<Case> {
    let mut cases = Vec::new();
    for binary in [false, true] {
        for (i, (len, text_time, binary_time)) in MESSAGES.into_iter().enumerate() {
            let time = if binary { binary_time } else { text_time };
            let payload = long(binary, size.bytes(len));
            let title = format!("{}, {}", kind(binary), amount(len));
            let send = frame(binary, payload.clone()).into();
            cases.push(echo(1 + usize::from(binary), i, title, send, payload, time));
        }
    }
    for binary in [false, true] {
        for (i, len) in FRAMES.into_iter().enumerate() {
            let unit: &[u8] = if binary && i == 0 { b"\xFE" } else { b"*" };
            let payload = Payload::repeated(unit, size.bytes(4 * MIB));
            let title = format!("{}, 4 MiB in {} frames", kind(binary), adjective(len));
            let message = Message { binary, payload: payload.clone(), fragment_len: Some(len) };
            cases.push(echo(3 + usize::from(binary), i, title, message.into(), payload, 100));
        }
    }
    for binary in [false, true] {
        for (i, len) in WRITES.into_iter().enumerate() {
            let payload = long(binary, size.bytes(MIB));
            let title = format!("{}, 1 MiB in {} writes", kind(binary), adjective(len));
            let send = frame(binary, payload.clone()).written(Writes::Chopped(len)).into();
            cases.push(echo(5 + usize::from(binary), i, title, send, payload, 1000));
        }
    }
    for binary in [false, true] {
        for (i, (len, time)) in ROUND_TRIPS.into_iter().enumerate() {
            let id = format!("9.{}.{}", 7 + usize::from(binary), i + 1);
            cases.push(round_trips(id, binary, len, size.round_trips(1000), time));
        }
    }
    cases
}

fn echo(group: usize, i: usize, title: String, send: Step, payload: Payload, time: u64) -> Case {
    let binary = group.is_multiple_of(2);
    let steps = vec![send, Step::CloseAfter(seconds(time)), close_when(When::FirstMessage)];
    let ok = vec![Received::Message { binary, payload }];
    let echo = case(format!("9.{group}.{}", i + 1), title, steps, ok, by_fuzzer(&[1000]));
    Case { judge: Judge::EchoLen, ..echo }
}

fn round_trips(id: String, binary: bool, len: usize, count: usize, time: u64) -> Case {
    let unit: &[u8] = if binary { b"\xFE" } else { b"*" };
    let send = LoopMessage::Frame(frame(binary, Payload::repeated(unit, len)));
    let steps = vec![
        Step::CloseAfter(seconds(time)),
        Step::EchoLoop { count, send },
        close_when(When::LoopEnd),
    ];
    let title = format!("{count} round trips, {}, {len} bytes", kind(binary));
    let round_trips = case(id, title, steps, vec![], by_fuzzer(&[1000]));
    Case { judge: Judge::EchoLen, expect: None, ..round_trips }
}

fn frame(binary: bool, payload: Payload) -> Frame {
    if binary { Frame::binary(payload) } else { Frame::text(payload) }
}

fn long(binary: bool, len: usize) -> Payload {
    Payload::repeated(if binary { LONG_BINARY } else { LONG_TEXT }, len)
}

const fn kind(binary: bool) -> &'static str {
    if binary { "binary" } else { "text" }
}

fn amount(len: usize) -> String {
    match len {
        MIB.. => format!("{} MiB", len / MIB),
        KIB.. => format!("{} KiB", len / KIB),
        _ => format!("{len} bytes"),
    }
}

fn adjective(len: usize) -> String {
    if len < KIB { format!("{len}-byte") } else { amount(len) }
}
