//! Section 6: text is UTF-8, and text that is not fails the connection (8.1).

use std::time::Duration;

use super::{answered, by_fuzzer, case, failed, seconds};
use crate::case::{Case, CloseRule, End, Expect, Frame, Message, Received, Step};
use crate::payload::Payload;
use crate::wire::opcode;

/// "Hello-µ@ßöäüàá-UTF-8!!"
const MIXED: &str = "Hello-\u{b5}@\u{df}\u{f6}\u{e4}\u{fc}\u{e0}\u{e1}-UTF-8!!";

/// "κόσμε", the world in Greek: eleven bytes.
const GREEK: &str = "\u{3ba}\u{1f79}\u{3c3}\u{3bc}\u{3b5}";

/// A good beginning, a surrogate (invalid from its second byte on), a good end.
const GREEK_THEN_SURROGATE: &[u8] =
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited";

/// The largest code point that fits in a sequence of so many bytes, up to the six of RFC 2279.
const LARGEST: [(u32, usize); 6] =
    [(0x7F, 1), (0x7FF, 2), (0xFFFF, 3), (0x1F_FFFF, 4), (0x3FF_FFFF, 5), (0x7FFF_FFFF, 6)];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = fragments();
    cases.extend(invalid());
    cases.extend(fail_fast());
    for (i, (title, group)) in groups().into_iter().enumerate() {
        for (j, bytes) in group.into_iter().enumerate() {
            cases.push(sample(format!("6.{}.{}", i + 5, j + 1), title, bytes));
        }
    }
    cases
}

/// 6.1 and 6.2: valid text, however it is cut.
fn fragments() -> Vec<Case> {
    let echoed = |id, title, sends: Vec<Step>, text: &'static str| {
        answered(id, title, sends, Step::CloseAfter(seconds(1)), vec![Received::text(text)])
    };
    let surrounded = |middle: &'static str| -> Vec<Step> {
        let empty = Frame::text("").unfinished();
        let middle = Frame::continuation(middle).unfinished();
        vec![empty.into(), middle.into(), Frame::continuation("").into()]
    };
    let (head, tail) = MIXED.split_at(15);
    vec![
        echoed("6.1.1", "text, empty", vec![Frame::text("").into()], ""),
        echoed("6.1.2", "text, three empty frames", surrounded(""), ""),
        echoed(
            "6.1.3",
            "text, empty + filled + empty frame",
            surrounded("middle frame payload"),
            "middle frame payload",
        ),
        echoed("6.2.1", "valid utf-8, one frame", vec![Message::text(MIXED).into()], MIXED),
        echoed(
            "6.2.2",
            "valid utf-8, two frames cut between characters",
            vec![Frame::text(head).unfinished().into(), Frame::continuation(tail).into()],
            MIXED,
        ),
        echoed(
            "6.2.3",
            "valid utf-8, 1-byte frames",
            vec![Message::text(MIXED).in_frames_of(1).into()],
            MIXED,
        ),
        echoed(
            "6.2.4",
            "valid greek utf-8, 1-byte frames",
            vec![Message::text(GREEK).in_frames_of(1).into()],
            GREEK,
        ),
    ]
}

/// 6.3: invalid text in one frame and in many.
fn invalid() -> [Case; 2] {
    let message = || Message::text(Payload::new(GREEK_THEN_SURROGATE));
    [
        ("6.3.1", "invalid utf-8, one frame", message()),
        ("6.3.2", "invalid utf-8, 1-byte frames", message().in_frames_of(1)),
    ]
    .map(|(id, title, message)| Case {
        close: by_testee(),
        ..failed(id, title, [message], 1007, vec![])
    })
}

/// 6.4: the connection fails at the first byte that cannot be UTF-8, not at the end of the
/// message. U+110000 is invalid from its second byte on.
fn fail_fast() -> [Case; 4] {
    let whole = [GREEK.as_bytes(), b"\xf4\x90\x80\x80", b"edited"].concat();
    let parts = |first, second| {
        let (start, end) = whole.split_at(second);
        [&start[..first], &start[first..], end].map(|part| Payload::new(part.to_vec()))
    };
    let in_frames = |[first, second, third]: [Payload; 3]| {
        vec![
            Frame::text(first).unfinished().into(),
            wait("A"),
            Frame::continuation(second).unfinished().into(),
            wait("B"),
            Frame::continuation(third).into(),
        ]
    };
    let in_one_frame = |[first, second, third]: [Payload; 3]| {
        vec![
            Step::FrameHead { fin: false, opcode: opcode::TEXT, len: whole.len() },
            Step::FrameData(first),
            wait("A"),
            Step::FrameData(second),
            wait("B"),
            Step::FrameData(third),
            Frame::continuation("").into(),
        ]
    };
    [
        ("6.4.1", "bad sequence in 2nd of 3 frames", in_frames(parts(11, 15))),
        ("6.4.2", "bad byte alone in 2nd of 3 frames", in_frames(parts(12, 13))),
        ("6.4.3", "bad sequence in 2nd part of one frame", in_one_frame(parts(11, 15))),
        ("6.4.4", "bad byte alone as 2nd part of one frame", in_one_frame(parts(12, 13))),
    ]
    .map(|(id, title, mut steps)| {
        steps.push(Step::KillAfter(seconds(1)));
        let ok = vec![Received::Elapsed("A")];
        let late = vec![Received::Elapsed("A"), Received::Elapsed("B")];
        let title = format!("fail-fast utf-8: {title}");
        Case {
            expect: Some(Expect { ok, non_strict: Some(late) }),
            ..case(id, title, steps, vec![], by_testee())
        }
    })
}

fn wait(tag: &'static str) -> Step {
    Step::Wait { time: seconds(1), elapsed: Some(tag), if_open: true }
}

fn by_testee() -> CloseRule {
    CloseRule { by: End::Testee, clean: false, wrong_end_fails: true, ..by_fuzzer(&[1007]) }
}

/// 6.5 to 6.23: what must be echoed if it is UTF-8 and fail the connection if it is not.
fn sample(id: String, title: &str, bytes: Vec<u8>) -> Case {
    let valid = std::str::from_utf8(&bytes).is_ok();
    let len = bytes.len();
    let title = format!(
        "utf-8 {title}: {}, {len} byte{}",
        if valid { "valid" } else { "invalid" },
        if len == 1 { "" } else { "s" },
    );
    let payload = Payload::new(bytes);
    let message = Message::text(payload.clone());
    let kill = Step::KillAfter(Duration::from_millis(500));
    if valid {
        answered(id, title, [message], kill, vec![Received::text(payload)])
    } else {
        case(id, title, vec![message.into(), kill], vec![], by_testee())
    }
}

fn groups() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let utf8 = |points: &[u32]| points.iter().map(|&point| encode_shortest(point)).collect();
    let overlong = |point| (2..=6).map(|len| encode(point, len)).collect();
    vec![
        ("sample", samples()),
        ("prefix of a string", (1..=11).map(|len| GREEK.as_bytes()[..len].to_vec()).collect()),
        ("lowest code point of its length", utf8(&[0, 0x80, 0x800, 0x1_0000])),
        ("lowest 5/6-byte form", vec![encode(0x20_0000, 5), encode(0x400_0000, 6)]),
        ("highest code point of its length", utf8(&[0x7F, 0x7FF, 0xFFFF, 0x10_FFFF])),
        (
            "highest 4/5/6-byte form, out of range",
            LARGEST[3..].iter().map(|&(point, len)| encode(point, len)).collect(),
        ),
        ("boundary code point", utf8(&[0xD7FF, 0xE000, 0xFFFD, 0x10_FFFF, 0x11_0000])),
        ("stray continuation bytes", stray_continuations()),
        ("start bytes each followed by a space", lonely_starts()),
        ("last continuation byte missing", truncated()),
        ("truncated sequences joined", vec![truncated().concat()]),
        ("bytes FE/FF", vec![vec![0xFE], vec![0xFF], vec![0xFE, 0xFE, 0xFF, 0xFF]]),
        ("overlong slash", overlong(0x2F)),
        (
            "largest overlong",
            LARGEST[..5].iter().map(|&(point, len)| encode(point, len + 1)).collect(),
        ),
        ("overlong NUL", overlong(0)),
        ("lone surrogate", utf8(&[0xD800, 0xDB7F, 0xDB80, 0xDBFF, 0xDC00, 0xDF80, 0xDFFF])),
        ("surrogate pair", surrogate_pairs()),
        (
            "noncharacter",
            (0..=16)
                .flat_map(|plane| [plane << 16 | 0xFFFE, plane << 16 | 0xFFFF])
                .map(encode_shortest)
                .collect(),
        ),
        ("special code point", (0xFFF9..=0xFFFF).map(encode_shortest).collect()),
    ]
}

fn samples() -> Vec<Vec<u8>> {
    // One character of each length between two words, and a word of longer characters.
    let between = |character| format!("hello{character}world").into_bytes();
    let mut samples: Vec<_> = ['$', '\u{a2}', '\u{20ac}', '\u{24b62}'].map(between).to_vec();
    samples.push(GREEK.into());
    samples
}

/// The first, the last, then 2 to 6 of them in turn, then all but the last.
fn stray_continuations() -> Vec<Vec<u8>> {
    let mut strays = vec![vec![0x80], vec![0xBF]];
    strays.extend((2..=6).map(|len| Payload::repeated(b"\x80\xbf", len).to_vec()));
    strays.push((0x80..0xBF).collect());
    strays
}

/// The start bytes of sequences of 2 to 6 bytes; the suite leaves out the last of each.
fn lonely_starts() -> Vec<Vec<u8>> {
    let starts = [0xC0..0xDF, 0xE0..0xEF, 0xF0..0xF7, 0xF8..0xFB, 0xFC..0xFD_u8];
    starts.map(|starts| starts.flat_map(|start| [start, b' ']).collect()).to_vec()
}

/// Zero, then the largest code point, in 2 to 6 bytes, less the last byte.
fn truncated() -> Vec<Vec<u8>> {
    let zeros = (2..=6).map(|len| encode(0, len));
    let largest = LARGEST[1..].iter().map(|&(point, len)| encode(point, len));
    let mut sequences: Vec<_> = zeros.chain(largest).collect();
    for sequence in &mut sequences {
        sequence.pop();
    }
    sequences
}

fn surrogate_pairs() -> Vec<Vec<u8>> {
    let mut pairs = Vec::new();
    for high in [0xD800, 0xDB7F, 0xDB80, 0xDBFF] {
        for low in [0xDC00, 0xDFFF] {
            pairs.push([encode_shortest(high), encode_shortest(low)].concat());
        }
    }
    pairs
}

/// A code point, valid or not, in the fewest bytes.
fn encode_shortest(point: u32) -> Vec<u8> {
    let fits = |(largest, _): &&(u32, usize)| point <= *largest;
    let (_, len) = LARGEST.iter().find(fits).expect("31 bits at most");
    encode(point, *len)
}

/// A number in a sequence of `len` bytes, as RFC 2279 had it before five and six bytes, and more
/// bytes than needed, were forbidden.
fn encode(point: u32, len: usize) -> Vec<u8> {
    let octet = |bits: u32| u8::try_from(bits & 0xFF).expect("eight bits");
    let mut bytes: Vec<u8> =
        (0..len).rev().map(|i| 0x80 | octet(point >> (6 * i)) & 0x3F).collect();
    bytes[0] = match len {
        1 => octet(point),
        _ => octet(0xFF00 >> len) | octet(point >> (6 * (len - 1))),
    };
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_agrees_with_char() {
        for point in ['\0', '\x7f', '\u{80}', '\u{7ff}', '\u{800}', '\u{ffff}', '\u{10ffff}'] {
            let expected = point.to_string().into_bytes();
            assert_eq!(encode_shortest(u32::from(point)), expected);
        }
        assert_eq!(encode(0, 2), [0xC0, 0x80]);
        assert_eq!(encode(0x7FFF_FFFF, 6), [0xFD, 0xBF, 0xBF, 0xBF, 0xBF, 0xBF]);
    }
}
