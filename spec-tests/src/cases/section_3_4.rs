//! Sections 3 and 4: reserved bits and reserved opcodes (5.2).

use super::failed;
use crate::case::{Case, Frame, Received, Writes};
use crate::wire::opcode;

const HELLO: &str = "Hello, world!";
const RESERVED: &str = "reserved opcode payload";

pub(super) fn cases() -> Vec<Case> {
    use Writes::{Chopped, Joined, Own};
    let binary = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff";
    vec![
        alone("3.1", "text with RSV=1", Frame::text(HELLO).rsv(1)),
        between("3.2", "text, text with RSV=2, ping", Frame::text(HELLO).rsv(2), Joined),
        between(
            "3.3",
            "text, text with RSV=3, ping; frame-wise writes",
            Frame::text(HELLO).rsv(3),
            Own,
        ),
        between(
            "3.4",
            "text, text with RSV=4, ping; one byte per write",
            Frame::text(HELLO).rsv(4),
            Chopped(1),
        ),
        alone("3.5", "binary with RSV=5", Frame::binary(binary).rsv(5)),
        alone("3.6", "binary with RSV=6", Frame::binary(HELLO).rsv(6)),
        alone("3.7", "close with RSV=7", Frame::new(opcode::CLOSE, "").rsv(7)),
        alone("4.1.1", "opcode 3, empty", Frame::new(3, "")),
        alone("4.1.2", "opcode 4 with payload", Frame::new(4, RESERVED)),
        between("4.1.3", "text, opcode 5 empty, ping", Frame::new(5, ""), Joined),
        between("4.1.4", "text, opcode 6 with payload, ping", Frame::new(6, HELLO), Joined),
        between(
            "4.1.5",
            "text, opcode 7 with payload, ping; one byte per write",
            Frame::new(7, HELLO),
            Chopped(1),
        ),
        alone("4.2.1", "opcode 11, empty", Frame::new(11, "")),
        alone("4.2.2", "opcode 12 with payload", Frame::new(12, RESERVED)),
        between("4.2.3", "text, opcode 13 empty, ping", Frame::new(13, ""), Joined),
        between("4.2.4", "text, opcode 14 with payload, ping", Frame::new(14, HELLO), Joined),
        between(
            "4.2.5",
            "text, opcode 15 with payload, ping; one byte per write",
            Frame::new(15, HELLO),
            Chopped(1),
        ),
    ]
}

fn alone(id: &str, title: &str, bad: Frame) -> Case {
    failed(id, title, [bad], 1002, vec![])
}

/// The bad frame stands between a good message, which must be answered, and a Ping, which must not
/// be.
fn between(id: &str, title: &str, bad: Frame, writes: Writes) -> Case {
    let frames = [Frame::text(HELLO), bad, Frame::ping("")].map(|frame| frame.written(writes));
    failed(id, title, frames, 1002, vec![Received::text(HELLO)])
}
