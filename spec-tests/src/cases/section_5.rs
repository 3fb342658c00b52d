//! Section 5: fragmentation (5.4).

use super::{answered, failed, seconds};
use crate::case::{Case, Frame, Received, Step, Writes};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        split_control("5.1", "ping split in two frames", Frame::ping("fragment1")),
        split_control("5.2", "pong split in two frames", Frame::pong("fragment1")),
    ];
    cases.extend(in_all_writes(3, "text in two frames", [first(), last()], |id, title, frames| {
        let expect = vec![Received::text("fragment1fragment2")];
        answered(id, title, frames, Step::CloseAfter(seconds(1)), expect)
    }));
    let pinged = [first(), Frame::ping("ping payload"), last()];
    let title = "text in two frames, ping between";
    cases.extend(in_all_writes(6, title, pinged, |id, title, frames| {
        let pong = Received::Pong("ping payload".into());
        let expect = vec![pong, Received::text("fragment1fragment2")];
        answered(id, title, frames, Step::CloseAfter(seconds(1)), expect)
    }));
    let orphan = Frame::continuation("non-continuation payload");
    let text = Frame::text("Hello, world!");
    let title = "orphan final continuation, then text";
    cases.extend(in_all_writes(9, title, [orphan.clone(), text.clone()], |id, title, frames| {
        failed(id, title, frames, 1002, vec![])
    }));
    let title = "orphan non-final continuation, then text";
    cases.extend(in_all_writes(12, title, [orphan.unfinished(), text], |id, title, frames| {
        failed(id, title, frames, 1002, vec![])
    }));
    cases.extend(misplaced());
    cases.push(paused("5.19", "text in five frames, two pings, 1 s pause", Writes::Joined));
    cases.push(paused(
        "5.20",
        "text in five frames, two pings, 1 s pause; frame-wise writes",
        Writes::Own,
    ));
    cases
}

fn first() -> Frame {
    Frame::text("fragment1").unfinished()
}

fn last() -> Frame {
    Frame::continuation("fragment2")
}

/// 5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be
/// fragmented."
fn split_control(id: &str, title: &str, control: Frame) -> Case {
    failed(id, title, [control.unfinished(), last()], 1002, vec![])
}

/// The same frames written together, frame by frame and byte by byte: three cases in a row.
fn in_all_writes<const N: usize>(
    number: usize,
    title: &str,
    frames: [Frame; N],
    case: impl Fn(String, String, [Frame; N]) -> Case,
) -> Vec<Case> {
    let comma = if title.contains(',') { ';' } else { ',' };
    let ways = [
        (Writes::Joined, String::new()),
        (Writes::Own, format!("{comma} frame-wise writes")),
        (Writes::Chopped(1), format!("{comma} one byte per write")),
    ];
    let written = |(i, (writes, words)): (usize, (Writes, String))| {
        let frames = frames.clone().map(|frame| frame.written(writes));
        case(format!("5.{}", number + i), format!("{title}{words}"), frames)
    };
    ways.into_iter().enumerate().map(written).collect()
}

fn misplaced() -> [Case; 4] {
    let twice = |orphan: Frame| {
        let text =
            [orphan, Frame::text("fragment2").unfinished(), Frame::continuation("fragment3")];
        [text.clone(), text].concat()
    };
    [
        failed(
            "5.15",
            "text in two frames, orphan non-final continuation, text",
            [
                first(),
                last(),
                Frame::continuation("fragment3").unfinished(),
                Frame::text("fragment4"),
            ],
            1002,
            vec![Received::text("fragment1fragment2")],
        ),
        failed(
            "5.16",
            "twice: orphan non-final continuation, text in two frames",
            twice(Frame::continuation("fragment1").unfinished()),
            1002,
            vec![],
        ),
        failed(
            "5.17",
            "twice: orphan final continuation, text in two frames",
            twice(Frame::continuation("fragment1")),
            1002,
            vec![],
        ),
        failed(
            "5.18",
            "second frame of a split text is again opcode 1",
            [first(), Frame::text("fragment2")],
            1002,
            vec![],
        ),
    ]
}

/// Two pings within a message, and a pause within it: each ping is answered at once.
fn paused(id: &str, title: &str, writes: Writes) -> Case {
    let frame = |frame: Frame| Step::Frame(frame.written(writes));
    let sends = [
        frame(first()),
        frame(last().unfinished()),
        frame(Frame::ping("pongme 1!")),
        Step::Wait { time: seconds(1), elapsed: None, if_open: false },
        frame(Frame::continuation("fragment3").unfinished()),
        frame(Frame::continuation("fragment4").unfinished()),
        frame(Frame::ping("pongme 2!")),
        frame(Frame::continuation("fragment5")),
    ];
    let expect = vec![
        Received::Pong("pongme 1!".into()),
        Received::Pong("pongme 2!".into()),
        Received::text("fragment1fragment2fragment3fragment4fragment5"),
    ];
    answered(id, title, sends, Step::CloseAfter(seconds(1)), expect)
}
