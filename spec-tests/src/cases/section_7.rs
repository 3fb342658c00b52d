//! Section 7: closing (5.5.1, 7.4).

use super::{LONG_TEXT, answered, by_fuzzer, case, close, close_body, seconds};
use crate::case::{Case, CloseRule, Expect, Frame, Received, Step};
use crate::payload::Payload;
use crate::wire::opcode;

/// Codes that an endpoint may send, as far as the suite tries them (7.4.1, 7.4.2).
const ALLOWED: [u16; 13] =
    [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];

/// Codes that no endpoint may send.
const FORBIDDEN: [u16; 9] = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = after_close();
    cases.extend(bodies());
    for (i, code) in ALLOWED.into_iter().enumerate() {
        // The testee may repeat the code or answer with a normal closure.
        let mut codes = vec![1000, code];
        codes.dedup();
        let title = format!("close with allowed code {code}");
        let rule = strict(&codes);
        cases.push(closed(format!("7.7.{}", i + 1), title, close_body(code, b""), rule));
    }
    for (i, code) in FORBIDDEN.into_iter().enumerate() {
        let title = format!("close with forbidden code {code}");
        let rule = unclean(&[1002]);
        cases.push(closed(format!("7.9.{}", i + 1), title, close_body(code, b""), rule));
    }
    for (i, code) in [5000, 65_535].into_iter().enumerate() {
        let title = format!("close with code {code}");
        let rule = CloseRule { clean: false, ..by_fuzzer(&[1000, code, 1002]) };
        let closed = closed(format!("7.13.{}", i + 1), title, close_body(code, b""), rule);
        cases.push(Case { informational: true, ..closed });
    }
    cases
}

/// Bytes behind a Close are not looked at.
fn after_close() -> Vec<Case> {
    let hello = || Frame::text("Hello World!");
    let normal = || close(close_body(1000, b""));
    let kill = || Step::KillAfter(seconds(1));
    let then = |id: &str, title: &str, after: Frame| {
        case(id, title, vec![normal(), after.into(), kill()], vec![], strict(&[1000]))
    };
    let echoed = vec![Received::text("Hello World!")];
    let long = Frame::text(Payload::repeated(LONG_TEXT, 256 * 1024));
    let flooded = vec![long.into(), hello().into(), normal(), Frame::ping("").into(), kill()];
    vec![
        Case {
            close: strict(&[1000]),
            ..answered("7.1.1", "text, close after the echo", [hello()], kill(), echoed.clone())
        },
        then("7.1.2", "two close frames", Frame::new(opcode::CLOSE, "")),
        then("7.1.3", "close, then ping", Frame::ping("")),
        then("7.1.4", "close, then text", hello()),
        case(
            "7.1.5",
            "text fragment, close, last fragment",
            vec![
                Frame::text("fragment1").unfinished().into(),
                normal(),
                Frame::continuation("fragment2").into(),
                kill(),
            ],
            vec![],
            strict(&[1000]),
        ),
        Case {
            expect: Some(Expect { ok: echoed, non_strict: Some(vec![]) }),
            informational: true,
            ..case("7.1.6", "256 KiB text, text, close, ping", flooded, vec![], by_fuzzer(&[1000]))
        },
    ]
}

/// The possible bodies of a Close.
fn bodies() -> Vec<Case> {
    let not_utf8 = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited";
    let reason = |len| close_body(1000, &Payload::repeated(b"*", len).to_vec());
    vec![
        closed("7.3.1", "close, empty body", Payload::EMPTY, strict(&[1000])),
        closed("7.3.2", "close, 1-byte body", "a".into(), unclean(&[1002])),
        closed("7.3.3", "close, code only", close_body(1000, b""), strict(&[1000])),
        closed(
            "7.3.4",
            "close, code and reason",
            close_body(1000, b"Hello World!"),
            strict(&[1000]),
        ),
        closed("7.3.5", "close, 123-byte reason", reason(123), strict(&[1000])),
        closed("7.3.6", "close, 124-byte reason (body too long)", reason(124), unclean(&[1002])),
        closed(
            "7.5.1",
            "close, reason not utf-8",
            close_body(1000, not_utf8),
            unclean(&[1002, 1007]),
        ),
    ]
}

fn closed(id: impl Into<String>, title: impl Into<String>, body: Payload, rule: CloseRule) -> Case {
    case(id, title, vec![close(body), Step::KillAfter(seconds(1))], vec![], rule)
}

/// A complete closing handshake, with one of these codes or the case fails.
fn strict(codes: &[u16]) -> CloseRule {
    CloseRule { wrong_code_fails: true, ..by_fuzzer(codes) }
}

/// The Close is itself a violation: the testee may end the connection in any way.
fn unclean(codes: &[u16]) -> CloseRule {
    CloseRule { clean: false, ..strict(codes) }
}
