//! Pings and Pongs that wait to be sent (5.5.2, 5.5.3).
//!
//! Wanted: every Ping of one read is answered; a peer that pings and does not read makes nothing
//! grow; the application's own Pings and Pongs are neither lost nor without end.
//!
//! ```text
//!     0      start          answers              end       memory.len()
//!     | sent |  own frames  |  answers to Pings  |    room    |
//! ```
//!
//! Answers stand last, so that all of them can make place for the latest. They do so once the
//! transport has been offered the queue and has left some of it, or when they have become many.

use alloc::boxed::Box;
use alloc::vec;

use crate::cut::Cut;
use crate::frame::{self, CONTROL_FRAME_LEN_MAX};
use crate::mask::MaskingKey;

/// The most bytes that wait of the application's own frames, and of answers: 31 of the longest.
const LEN_MAX: usize = 4096;

/// The most memory that the queue takes: both kinds of frames, one that has begun to leave, and as
/// much again that is sent and not yet forgotten, in memory that doubles.
pub(crate) const CAPACITY_MAX: usize = 4 * (2 * LEN_MAX + CONTROL_FRAME_LEN_MAX);

#[derive(Default)]
pub(crate) struct ControlQueue {
    /// Initialised memory, all of it. With positions of 16 bits it is shorter than a `Vec`, of
    /// which every idle connection would have one.
    memory: Box<[u8]>,
    /// Where the frames end.
    end: u16,
    /// How much of them is sent.
    start: u16,
    /// Where the answers begin; among what is sent, if they have begun to leave.
    answers: u16,
    /// Whether the transport had its chance to take what waits.
    was_offered: bool,
}

impl ControlQueue {
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.end == 0
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    pub(crate) fn unsent(&self) -> &[u8] {
        self.memory.part(self.start.into()..self.end.into())
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// Notes that the next `len` bytes are sent, and that the transport took no more for now.
    pub(crate) fn sent(&mut self, len: usize) {
        if len == self.len() {
            self.end = 0;
            self.start = 0;
            self.answers = 0;
            self.was_offered = false;
        } else {
            self.start = self.start.saturating_add(narrow(len));
            self.was_offered = true;
        }
    }

    /// Whether the application can queue one more frame.
    pub(crate) fn has_room(&self) -> bool {
        let own = usize::from(self.answers.saturating_sub(self.start));
        own <= LEN_MAX - CONTROL_FRAME_LEN_MAX
    }

    /// Queues a frame of the application's, before the answers.
    pub(crate) fn push_own(&mut self, first: u8, payload: &[u8], key: Option<MaskingKey>) {
        self.forget_sent();
        let (answers, before) = (self.seek_answers(), self.end);
        self.push(first, payload, key);
        let len = self.end.saturating_sub(before);
        let behind = usize::from(answers)..usize::from(self.end);
        self.memory.part_mut(behind).rotate_right(len.into());
        self.answers = answers.saturating_add(len);
    }

    /// Queues the answer to a Ping, if need be in place of those that wait.
    ///
    /// 5.5.3: "If an endpoint receives a Ping frame and has not yet sent Pong frame(s) in response
    /// to previous Ping frame(s), the endpoint MAY elect to send a Pong frame for only the most
    /// recently processed Ping frame."
    pub(crate) fn push_answer(&mut self, first: u8, payload: &[u8], key: Option<MaskingKey>) {
        self.forget_sent();
        let answers = self.seek_answers();
        let are_many =
            usize::from(self.end.saturating_sub(answers)) > LEN_MAX - CONTROL_FRAME_LEN_MAX;
        if self.was_offered || are_many {
            self.end = answers;
        }
        self.push(first, payload, key);
    }

    fn push(&mut self, first: u8, payload: &[u8], key: Option<MaskingKey>) {
        let (header, header_len) = frame::encode(first, payload.len(), key);
        let start = usize::from(self.end);
        let end = start.saturating_add(header_len).saturating_add(payload.len());
        if self.memory.len() < end {
            self.grow(end);
        }
        let (to, rest) = self.memory.part_mut(start..end).split_at_mut(header_len);
        to.copy_from_slice(header.part(0..header_len));
        rest.copy_from_slice(payload);
        if let Some(key) = key {
            key.apply_once(rest);
        }
        self.end = narrow(end);
    }

    fn grow(&mut self, len: usize) {
        let mut grown = vec![0; len.max(self.memory.len().saturating_mul(2))].into_boxed_slice();
        let end = usize::from(self.end);
        grown.part_mut(0..end).copy_from_slice(self.memory.part(0..end));
        self.memory = grown;
    }

    /// Leaves the answers that have begun to leave to themselves: what begins at the result can
    /// still be dropped, or moved.
    fn seek_answers(&mut self) -> u16 {
        while self.answers < self.start {
            let len = frame::encoded_len(self.memory.part_from(self.answers.into()));
            self.answers = self.answers.saturating_add(narrow(len));
        }
        self.answers
    }

    /// Keeps the queue short where it never runs empty.
    fn forget_sent(&mut self) {
        if self.start > self.end / 2 {
            self.seek_answers();
            self.memory.copy_within(usize::from(self.start)..usize::from(self.end), 0);
            self.end = self.end.saturating_sub(self.start);
            self.answers = self.answers.saturating_sub(self.start);
            self.start = 0;
        }
    }
}

/// A position in the queue.
fn narrow(position: usize) -> u16 {
    let narrow = u16::try_from(position);
    debug_assert!(narrow.is_ok(), "the queue is bounded below 64 KiB");
    narrow.unwrap_or(u16::MAX)
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
    fn answers_wait_up_to_the_longest_queue_and_not_longer() {
        let fits = |last_len: usize| {
            let mut queue = ControlQueue::default();
            // With its header, each has 127 bytes.
            for _ in 0..31 {
                queue.push_answer(PONG, &[0; 125], None);
            }
            queue.push_answer(PONG, &[0; 125][..last_len], None);
            let len = queue.len();
            queue.push_answer(PONG, b"", None);
            queue.len() == len + 2
        };
        let last_len = LEN_MAX - CONTROL_FRAME_LEN_MAX - 31 * 127 - 2;
        assert!(fits(last_len));
        assert!(!fits(last_len + 1));
    }

    #[test]
    fn frames_of_the_application_wait_up_to_the_longest_queue_and_not_longer() {
        let has_room = |last_len: usize| {
            let mut queue = ControlQueue::default();
            // Answers do not count.
            queue.push_answer(PONG, &[0; 125], None);
            for _ in 0..31 {
                assert!(queue.has_room());
                queue.push_own(PING, &[0; 125], None);
            }
            assert!(queue.has_room());
            queue.push_own(PING, &[0; 125][..last_len], None);
            queue.has_room()
        };
        let last_len = LEN_MAX - CONTROL_FRAME_LEN_MAX - 31 * 127 - 2;
        assert!(has_room(last_len));
        assert!(!has_room(last_len + 1));
    }

    #[test]
    fn the_memory_doubles_when_it_is_full_and_not_before() {
        let mut queue = ControlQueue::default();
        let capacities = [3, 6, 12, 12, 24].map(|_| {
            queue.push_answer(PONG, b"a", None);
            queue.capacity()
        });
        assert_eq!(capacities, [3, 6, 12, 12, 24]);
    }

    #[test]
    fn sent_frames_are_forgotten_once_they_are_more_than_half() {
        let mut queue = ControlQueue::default();
        queue.push_own(PING, b"a", None);
        queue.push_own(PING, b"b", None);
        queue.sent(3);
        queue.push_own(PING, b"", None);
        assert_eq!((queue.start, queue.end), (3, 8));
        queue.sent(2);
        queue.push_own(PING, b"", None);
        assert_eq!((queue.start, queue.end), (0, 5));
        assert_eq!(queue.unsent(), b"b\x89\0\x89\0");
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
