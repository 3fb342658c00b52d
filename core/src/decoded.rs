//! The payload that an extension has decoded: memory beside an inbox's own, and a budget.
//!
//! Wanted: memory follows the decoded bytes, up to the limit on one message and one extra byte, to
//! detect an oversized message. It is zero-filled once, when it grows. The memory of a long message
//! is given back once that message is done. A connection that decodes nothing has none.

use alloc::vec::Vec;

use crate::cut::Cut;
use crate::error::ProtocolError;

/// The least that is allocated.
const LEN_MIN: usize = 512;

/// The most that is kept when nothing waits: a connection that got one long message does not hold
/// its memory until the next.
const KEPT_LEN_MAX: usize = 64 * 1024;

/// The memory.
#[derive(Debug, Default)]
pub(crate) struct DecodedMemory {
    /// Initialised, all of it.
    memory: Vec<u8>,
    /// The start of the bytes that wait; those before it were handed to the application.
    start: usize,
    end: usize,
}

impl DecodedMemory {
    /// The bytes that wait: for a whole message, all that arrived so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.memory.part(self.start..self.end)
    }

    /// Lets the first `len` bytes go; they stay readable until more is decoded.
    pub(crate) fn take(&mut self, len: usize) -> &[u8] {
        let start = self.start;
        self.start = self.start.saturating_add(len).min(self.end);
        self.memory.part(start..self.start)
    }

    /// Whether nothing waits.
    pub(crate) const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.memory.capacity()
    }

    /// Frees memory that was for a long message, if nothing waits.
    pub(crate) fn give_back(&mut self) {
        if self.is_empty() && self.memory.len() > KEPT_LEN_MAX {
            self.memory.truncate(KEPT_LEN_MAX);
            self.memory.shrink_to_fit();
            self.start = 0;
            self.end = 0;
        }
    }

    /// Goes on behind what waits, for at most what the budget leaves, up to `enough` in all.
    pub(crate) fn resume(&mut self, budget: Budget, enough: usize) -> Decoded<'_> {
        if self.start != 0 {
            // At most a character that was cut, if a chunk was taken.
            self.memory.copy_within(self.start..self.end, 0);
            self.end = self.end.saturating_sub(self.start);
            self.start = 0;
        }
        Decoded { memory: self, budget, enough }
    }

    /// Grows to twice as much, within what the budget lets be written and a byte more.
    #[cold]
    fn grow(&mut self, budget: u64) {
        let room_max = usize::try_from(budget).unwrap_or(usize::MAX).saturating_add(1);
        let len_max = self.end.saturating_add(room_max);
        let len = self.memory.len().saturating_mul(2).max(LEN_MIN).min(len_max);
        self.memory.reserve_exact(len.saturating_sub(self.memory.len()));
        self.memory.resize(len, 0);
    }
}

/// How much a message may become.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// In all.
    pub(crate) limit: u64,
    /// The rest of it.
    pub(crate) left: u64,
}

/// Where an extension writes what it decodes.
#[derive(Debug)]
pub(crate) struct Decoded<'m> {
    memory: &'m mut DecodedMemory,
    budget: Budget,
    /// How many bytes may wait before no more is begun.
    enough: usize,
}

impl Decoded<'_> {
    /// Room to write to, never empty.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.memory.end == self.memory.memory.len() {
            self.memory.grow(self.budget.left);
        }
        let end = self.memory.memory.len();
        // Decoding that has begun goes on past `enough`.
        let end = if self.is_enough() { end } else { end.min(self.enough) };
        self.memory.memory.part_mut(self.memory.end..end)
    }

    /// Whether the application is to have what waits before more input is taken.
    pub(crate) const fn is_enough(&self) -> bool {
        self.memory.end >= self.enough
    }

    /// Says that the first `len` bytes of the room are written. Those past the budget are not kept.
    pub(crate) fn wrote(&mut self, len: usize) -> Result<(), ProtocolError> {
        let Budget { limit, left } = &mut self.budget;
        let kept = usize::try_from(*left).unwrap_or(usize::MAX).min(len);
        *left = left.saturating_sub(kept as u64);
        self.memory.end = self.memory.end.saturating_add(kept);
        if kept < len { Err(ProtocolError::MessageTooLong { limit: *limit }) } else { Ok(()) }
    }

    /// How much more the message may become.
    pub(crate) const fn budget(&self) -> Budget {
        self.budget
    }
}

#[cfg(test)]
#[cfg(feature = "deflate")]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget { limit: 1 << 20, left: 1 << 20 };

    /// Memory with so many bytes that wait.
    fn memory(len: usize) -> DecodedMemory {
        let mut memory = DecodedMemory::default();
        let mut decoded = memory.resume(BUDGET, usize::MAX);
        while decoded.memory.end < len {
            let room_len = decoded.room().len();
            decoded.wrote(room_len.min(len - decoded.memory.end)).expect("within the budget");
        }
        memory
    }

    #[test]
    fn a_message_that_was_taken_makes_room_for_the_next() {
        let mut memory = memory(500);
        assert_eq!(memory.capacity(), LEN_MIN);
        memory.take(400);
        assert_eq!(memory.resume(BUDGET, usize::MAX).room().len(), LEN_MIN - 100);
        assert_eq!(memory.bytes().len(), 100);
    }

    #[test]
    fn memory_that_is_full_doubles_within_the_budget() {
        let mut memory = memory(LEN_MIN);
        let budget = Budget { limit: 2000, left: 2000 };
        assert_eq!(memory.resume(budget, usize::MAX).room().len(), LEN_MIN);
        memory.end = memory.memory.len();
        let budget = Budget { limit: 2000, left: 9 };
        assert_eq!(memory.resume(budget, usize::MAX).room().len(), 10);
    }

    #[test]
    fn only_the_memory_of_a_long_message_that_was_taken_is_given_back() {
        let mut long = memory(KEPT_LEN_MAX + 1);
        let capacity = long.capacity();
        assert!(capacity > KEPT_LEN_MAX);
        long.give_back();
        assert_eq!((long.capacity(), long.bytes().len()), (capacity, KEPT_LEN_MAX + 1));
        long.take(KEPT_LEN_MAX + 1);
        long.give_back();
        assert_eq!((long.capacity(), long.bytes().len()), (KEPT_LEN_MAX, 0));

        let mut short = memory(10);
        short.take(10);
        short.give_back();
        assert_eq!(short.capacity(), LEN_MIN);
    }
}
