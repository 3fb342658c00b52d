//! Section 10: a message that the sender cuts into frames by itself.

use super::{answered, seconds};
use crate::case::{Case, Message, Received, Step};
use crate::payload::Payload;
use crate::wire::opcode;

pub(super) fn cases() -> Vec<Case> {
    let payload = Payload::repeated(b"*", 65_536);
    let message = Message::text(payload.clone()).in_frames_of(1300);
    let case = answered(
        "10.1.1",
        "text, 65536 bytes, auto-fragmented at 1300",
        [message],
        Step::KillAfter(seconds(10)),
        vec![Received::text(payload)],
    );
    vec![Case { frames_sent: Some(vec![(opcode::TEXT, 1), (opcode::CONTINUATION, 50)]), ..case }]
}
