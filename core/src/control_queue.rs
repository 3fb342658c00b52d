//! Pings and Pongs that wait to be sent (5.5.2, 5.5.3).
//!
//! Wanted: every Ping of one read is answered; a peer that pings and does not read makes nothing
//! grow; the application's own Pings and Pongs are neither lost nor without end.
//!
//! ```text
//!     0      start          answers           frames.len()
//!     | sent |  own frames  |  answers to Pings  |
//! ```
//!
//! Answers stand last, so that all of them can make place for the latest. They do so once the
//! transport has been offered the queue and has left some of it, or when they have become many.

use alloc::vec::Vec;

use crate::frame::{self, CONTROL_FRAME_LEN_MAX};
use crate::mask::MaskingKey;

/// The most bytes that wait of the application's own frames, and of answers: 31 of the longest.
const LEN_MAX: usize = 4096;

/// The most memory that the queue takes: both kinds of frames, one that has begun to leave, and as
/// much again that is sent and not yet forgotten, in memory that doubles.
pub(crate) const CAPACITY_MAX: usize = 4 * (2 * LEN_MAX + CONTROL_FRAME_LEN_MAX);

#[derive(Default)]
pub(crate) struct ControlQueue {
    frames: Vec<u8>,
    /// How much of `frames` is sent.
    start: u16,
    /// Where the answers begin; among what is sent, if they have begun to leave.
    answers: u16,
    /// Whether the transport had its chance to take what waits.
    was_offered: bool,
}

impl ControlQueue {
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.frames.len() - self.start as usize
    }

    pub(crate) fn unsent(&self) -> &[u8] {
        &self.frames[usize::from(self.start)..]
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.frames.capacity()
    }

    /// Notes that the next `len` bytes are sent, and that the transport took no more for now.
    pub(crate) fn sent(&mut self, len: usize) {
        if len == self.len() {
            self.frames.clear();
            self.start = 0;
            self.answers = 0;
            self.was_offered = false;
        } else {
            self.start += narrow(len);
            self.was_offered = true;
        }
    }

    /// Whether the application can queue one more frame.
    pub(crate) fn has_room(&self) -> bool {
        let own = usize::from(self.answers.saturating_sub(self.start));
        own + CONTROL_FRAME_LEN_MAX <= LEN_MAX
    }

    /// Queues a frame of the application's, before the answers.
    pub(crate) fn push_own(&mut self, first: u8, payload: &[u8], key: Option<MaskingKey>) {
        self.forget_sent();
        let (answers, end) = (usize::from(self.seek_answers()), self.frames.len());
        self.push(first, payload, key);
        let len = self.frames.len() - end;
        self.frames[answers..].rotate_right(len);
        self.answers = narrow(answers + len);
    }

    /// Queues the answer to a Ping, if need be in place of those that wait.
    ///
    /// 5.5.3: "If an endpoint receives a Ping frame and has not yet sent Pong frame(s) in response
    /// to previous Ping frame(s), the endpoint MAY elect to send a Pong frame for only the most
    /// recently processed Ping frame."
    pub(crate) fn push_answer(&mut self, first: u8, payload: &[u8], key: Option<MaskingKey>) {
        self.forget_sent();
        let answers = usize::from(self.seek_answers());
        let are_many = self.frames.len() - answers + CONTROL_FRAME_LEN_MAX > LEN_MAX;
        if self.was_offered || are_many {
            self.frames.truncate(answers);
        }
        self.push(first, payload, key);
    }

    fn push(&mut self, first: u8, payload: &[u8], key: Option<MaskingKey>) {
        let (header, len) = frame::encode(first, payload.len(), key);
        self.frames.extend_from_slice(&header[..len]);
        let start = self.frames.len();
        self.frames.extend_from_slice(payload);
        if let Some(key) = key {
            key.apply_once(&mut self.frames[start..]);
        }
    }

    /// Leaves the answers that have begun to leave to themselves: what begins at the result can
    /// still be dropped, or moved.
    fn seek_answers(&mut self) -> u16 {
        while self.answers < self.start {
            let len = frame::encoded_len(&self.frames[usize::from(self.answers)..]);
            self.answers += narrow(len);
        }
        self.answers
    }

    /// Keeps the queue short where it never runs empty.
    fn forget_sent(&mut self) {
        if usize::from(self.start) > self.frames.len() / 2 {
            self.seek_answers();
            self.frames.drain(..usize::from(self.start));
            self.answers -= self.start;
            self.start = 0;
        }
    }
}

/// A position in the queue.
fn narrow(position: usize) -> u16 {
    u16::try_from(position).expect("the queue is bounded below 64 KiB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FIN, Opcode};

    const PING: u8 = FIN | Opcode::Ping as u8;
    const PONG: u8 = FIN | Opcode::Pong as u8;

    #[test]
    fn all_answers_of_one_turn_wait() {
        let mut queue = ControlQueue::default();
        queue.push_answer(PONG, b"a", None);
        queue.push_answer(PONG, b"b", None);
        assert_eq!(queue.unsent(), b"\x8a\x01a\x8a\x01b");
    }

    #[test]
    fn an_answer_that_was_left_behind_gives_way_and_a_begun_one_does_not() {
        let mut queue = ControlQueue::default();
        queue.push_answer(PONG, b"first", None);
        queue.push_own(PONG, b"mine", None);
        queue.push_answer(PONG, b"second", None);
        assert_eq!(queue.unsent(), b"\x8a\x04mine\x8a\x05first\x8a\x06second");
        queue.sent(3);
        queue.push_answer(PONG, b"third", None);
        assert_eq!(queue.unsent(), b"ine\x8a\x05third");
        queue.sent(4);
        queue.push_answer(PONG, b"fourth", None);
        queue.push_own(PING, b"own", None);
        queue.push_answer(PONG, b"fifth", None);
        assert_eq!(queue.unsent(), b"\x05third\x89\x03own\x8a\x05fifth");
    }

    #[test]
    fn a_peer_that_pings_and_does_not_read_makes_nothing_grow() {
        for (payload, sent) in [(125, 0), (125, 100), (1, 1), (0, 1)] {
            let mut queue = ControlQueue::default();
            for _ in 0..10_000 {
                queue.push_answer(PONG, &[0; 125][..payload], None);
                queue.sent(sent);
            }
            assert!(queue.capacity() < 1024);
        }
    }

    #[test]
    fn many_answers_of_one_turn_give_way_to_the_latest() {
        let mut queue = ControlQueue::default();
        for _ in 0..10_000 {
            queue.push_answer(PONG, &[0; 125], None);
            assert!(queue.len() <= LEN_MAX);
        }
    }
}
