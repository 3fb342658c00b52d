//! Section 1: messages of one frame at each border of the payload length's three forms (5.2).

use super::{answered, seconds};
use crate::case::{Case, Frame, Received, Step, Writes};
use crate::payload::Payload;

/// Payload length, seconds until the connection is killed, bytes per write.
const LENGTHS: [(usize, u64, Option<usize>); 8] = [
    (0, 1, None),
    (125, 1, None),
    (126, 1, None),
    (127, 1, None),
    (128, 1, None),
    (65_535, 10, None),
    (65_536, 10, None),
    (65_536, 10, Some(997)),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (i, (len, time, chop)) in LENGTHS.into_iter().enumerate() {
        let payload = Payload::repeated(b"*", len);
        let expect = Received::text(payload.clone());
        cases.push(echo(1, i, Frame::text(payload), expect, time, chop));
    }
    for (i, (len, time, chop)) in LENGTHS.into_iter().enumerate() {
        let payload = Payload::repeated(b"\xFE", len);
        let expect = Received::binary(payload.clone());
        cases.push(echo(2, i, Frame::binary(payload), expect, time, chop));
    }
    cases
}

fn echo(
    group: usize,
    i: usize,
    frame: Frame,
    expect: Received,
    time: u64,
    chop: Option<usize>,
) -> Case {
    let kind = ["text", "binary"][group - 1];
    let mut title = match frame.payload.len() {
        0 => format!("{kind}, empty"),
        len => format!("{kind}, {len} bytes"),
    };
    let mut writes = Writes::Joined;
    if let Some(len) = chop {
        title += &format!(", {len}-byte writes");
        writes = Writes::Chopped(len);
    }
    let kill = Step::KillAfter(seconds(time));
    answered(format!("1.{group}.{}", i + 1), title, [frame.written(writes)], kill, vec![expect])
}
