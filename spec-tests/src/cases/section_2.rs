//! Section 2: Ping and Pong (5.5.2, 5.5.3).

use super::{answered, by_fuzzer, case, close, close_body, failed, seconds};
use crate::case::{Case, Frame, Received, Step, Writes};
use crate::payload::Payload;

const UNASKED: &str = "unsolicited pong payload";

pub(super) fn cases() -> Vec<Case> {
    let longest = Payload::repeated(b"\xFE", 125);
    let answered_pings = [
        ("2.1", "ping, empty", Payload::EMPTY),
        ("2.2", "ping, small text payload", "Hello, world!".into()),
        ("2.3", "ping, small binary payload", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff".into()),
        ("2.4", "ping, 125 bytes", longest.clone()),
    ];
    let mut cases: Vec<Case> = answered_pings
        .into_iter()
        .map(|(id, title, payload)| pings(id, title, [payload], Writes::Joined, 1))
        .collect();
    cases.extend([
        failed(
            "2.5",
            "ping, 126 bytes (too long)",
            [Frame::ping(Payload::repeated(b"\xFE", 126))],
            1002,
            vec![],
        ),
        pings("2.6", "ping, 125 bytes, one byte per write", [longest], Writes::Chopped(1), 2),
        unasked_pong("2.7", "unasked pong, empty, then close", Payload::EMPTY),
        unasked_pong("2.8", "unasked pong with payload, then close", UNASKED.into()),
        answered(
            "2.9",
            "unasked pong, then ping",
            [Frame::pong(UNASKED), Frame::ping("ping payload")],
            Step::CloseAfter(seconds(1)),
            vec![Received::Pong("ping payload".into())],
        ),
        pings("2.10", "ten pings", ten_payloads(), Writes::Joined, 3),
        pings("2.11", "ten pings, one byte per write", ten_payloads(), Writes::Chopped(1), 3),
    ]);
    cases
}

/// Pings with these payloads, each of which must be answered, in order.
fn pings(
    id: &str,
    title: &str,
    payloads: impl IntoIterator<Item = Payload>,
    writes: Writes,
    time: u64,
) -> Case {
    let (frames, pongs): (Vec<_>, _) = payloads
        .into_iter()
        .map(|payload| (Frame::ping(payload.clone()).written(writes), Received::Pong(payload)))
        .unzip();
    answered(id, title, frames, Step::CloseAfter(seconds(time)), pongs)
}

fn ten_payloads() -> impl Iterator<Item = Payload> {
    (0..10).map(|i| format!("payload-{i}").into_bytes().into())
}

/// 5.5.3: "A response to an unsolicited Pong frame is not expected."
fn unasked_pong(id: &str, title: &str, payload: Payload) -> Case {
    let steps = vec![
        Frame::pong(payload).into(),
        close(close_body(1000, b"")),
        Step::CloseAfter(seconds(1)),
    ];
    case(id, title, steps, vec![], by_fuzzer(&[1000]))
}
