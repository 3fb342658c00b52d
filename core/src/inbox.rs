//! Receive memory.
//!
//! Wanted: the kernel writes into it, and what it wrote is handed to the application where it
//! lies. A message of one frame is never moved. A fragmented message lies in one piece.
//! The work is linear in the bytes received, however they are cut and whatever stands between
//! them; memory follows what has arrived, never what was announced; none is held when idle.
//!
//! ```text
//!     0        message_start   message_end      read        end          buffer.len()
//!     |  done  |   message so far   |    gap    | unparsed  |    room    |
//! ```
//!
//! The gap is what stood between two fragments: headers and control frames. A fragment's payload
//! is moved down over it as it is parsed, so the gap grows towards the room, and
//! [`space`](Inbox::space) closes it when the room runs short, by moving the unparsed bytes: at
//! most one header or control frame once the connection has taken its events.

use alloc::boxed::Box;
use alloc::vec;
use core::fmt;
use core::mem;
use core::ops::Range;

use crate::codec::Codec;
use crate::config::Limits;
use crate::cut::Cut;
use crate::decoded::{Budget, DecodedMemory};
use crate::error::ProtocolError;
use crate::mask::MaskingKey;

/// Where an empty inbox begins: the payload of a short masked frame, which follows a header of six
/// bytes, then lies where words are aligned, and the standard library validates it by words.
const FRONT: usize = 2;

/// The least that is allocated for a read.
pub(crate) const READ_LEN_MIN: u32 = 64;

/// The space that a read gets beyond a frame's payload: room for its header and some bytes more. If
/// they stay empty, the caller sees that nothing follows.
pub(crate) const BEYOND_LEN: usize = 16;

/// A message from this length on lets the next read be as long: its like comes in one piece then, and
/// lies in a part of memory that the processor's nearest cache holds.
const LONG_LEN: u64 = 4 * 1024;

/// Receive memory for one connection. Read into [`space`](Self::space), pass the number of bytes to
/// [`filled`](Self::filled), then take the connection's events, which borrow the inbox.
///
/// It allocates nothing before the first `space`, and frees its memory on
/// [`release`](Self::release).
///
/// ```
/// # use bluewire_core::Inbox;
/// # let mut socket = &b"..."[..];
/// use std::io::Read;
///
/// let mut inbox = Inbox::default();
/// let n = socket.read(inbox.space())?;
/// inbox.filled(n);
/// # std::io::Result::Ok(())
/// ```
pub struct Inbox {
    /// Initialised memory, all of it.
    buffer: Box<[u8]>,
    message_start: usize,
    message_end: usize,
    read: usize,
    end: usize,
    /// How much more the current message can bring, as far as its headers and limits say. Between
    /// messages, the payload length of the last one if it was one long frame, or 0.
    expected: u32,
    read_len: u32,
    /// The payload that an extension has decoded.
    decoded: Option<Box<DecodedMemory>>,
}

#[expect(
    clippy::arithmetic_side_effects,
    reason = "positions in order, in memory of at most isize::MAX bytes: no sum or difference overflows"
)]
impl Inbox {
    /// An inbox that offers at least a quarter of `read_len` bytes to each read, and has memory for
    /// `read_len` once more arrives at a time; see [`Limits::read_len`]. At least 64, at most 1 GiB.
    #[must_use]
    pub fn with_read_len(read_len: usize) -> Self {
        let read_len = u32::try_from(read_len).unwrap_or(u32::MAX).clamp(READ_LEN_MIN, 1 << 30);
        Self {
            buffer: Box::default(),
            message_start: 0,
            message_end: 0,
            read: 0,
            end: 0,
            expected: 0,
            read_len,
            decoded: None,
        }
    }

    /// Room for the next read, never empty. Call [`filled`](Self::filled) after writing to it.
    ///
    /// It ends shortly behind the current frame, or at the end of the next one if that is as long
    /// as the last, so that a stream of long messages need not be moved. It grows with the received
    /// part of a message, at most by the part that is missing, so that a large message arrives in
    /// few large reads.
    #[inline]
    pub fn space(&mut self) -> &mut [u8] {
        let is_full = self.end == self.buffer.len();
        if self.all_was_taken() {
            self.begin_anew();
        }
        let runs_short = self.buffer.len() - self.end < self.read_len as usize / 4;
        if self.expected != 0 || runs_short || is_full {
            return self.measured_space(is_full);
        }
        self.buffer.part_from_mut(self.end)
    }

    /// The space by what is expected, or when it runs short. `was_full` says that the last read has
    /// filled all there was.
    #[inline(never)]
    fn measured_space(&mut self, was_full: bool) -> &mut [u8] {
        let room_min = self.room_min();
        let room = room_min.max(self.read_len as usize);
        if self.buffer.is_empty() {
            // Most connections are idle, and need no more.
            self.make_room(room_min, room_min + FRONT);
        } else if was_full && self.all_was_taken() && self.buffer.len() < room {
            self.make_room(room, room);
        } else if self.buffer.len() - self.end < room_min {
            self.make_room(room_min, room);
        }
        let room = self.buffer.part_from_mut(self.end);
        match self.expected {
            0 => room,
            expected => {
                let len = (expected as usize).saturating_add(BEYOND_LEN);
                let len = len.max(self.read_len as usize / 4).min(room.len());
                room.part_mut(0..len)
            }
        }
    }

    /// Records that the first `len` bytes of the space hold received bytes now.
    ///
    /// # Panics
    ///
    /// If `len` is more than the space.
    #[inline]
    pub fn filled(&mut self, len: usize) {
        assert!(len <= self.buffer.len() - self.end, "more filled than the inbox's space");
        self.end += len;
    }

    /// Copies received bytes in, for callers that have them elsewhere. It grows to hold them all.
    pub fn extend(&mut self, bytes: &[u8]) {
        if self.all_was_taken() {
            self.begin_anew();
        }
        if self.buffer.len() - self.end < bytes.len() {
            // A whole read's room is made once there is a read: what is zeroed here for a request's
            // head alone would take longer than that takes to parse.
            self.make_room(bytes.len(), bytes.len().max(self.read_len as usize / 4));
        }
        self.buffer.part_mut(self.end..self.end + bytes.len()).copy_from_slice(bytes);
        self.filled(bytes.len());
    }

    /// Frees the memory if nothing is in it.
    pub fn release(&mut self) {
        if self.is_empty() {
            self.buffer = Box::default();
            self.decoded = None;
            self.rewind();
        }
    }

    /// Exchanges memory with another inbox, if both are empty. Pools use it, so that an idle
    /// connection holds no memory.
    pub fn swap_memory(&mut self, other: &mut Self) {
        if self.is_empty() && other.is_empty() {
            mem::swap(&mut self.buffer, &mut other.buffer);
            mem::swap(&mut self.decoded, &mut other.decoded);
            // Where each begins depends on the memory that it has now.
            self.rewind();
            other.rewind();
        }
    }

    /// Whether it holds nothing: no part of a message, no byte that was not looked at.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.all_was_taken() && self.decoded.as_ref().is_none_or(|decoded| decoded.is_empty())
    }

    /// Whether nothing of what came lies here.
    #[inline]
    const fn all_was_taken(&self) -> bool {
        self.read == self.end && self.message_start == self.message_end
    }

    /// Bytes of memory that it holds.
    #[must_use]
    pub fn capacity(&self) -> usize {
        let decoded = self.decoded.as_ref().map_or(0, |decoded| decoded.capacity());
        self.buffer.len() + decoded
    }

    /// Received bytes that no connection or handshake has looked at: those behind the last message
    /// taken.
    #[must_use]
    #[inline]
    pub fn unparsed(&self) -> &[u8] {
        self.buffer.part(self.read..self.end)
    }

    #[inline]
    pub(crate) const fn unparsed_len(&self) -> usize {
        self.end - self.read
    }

    #[inline]
    pub(crate) fn unparsed_mut(&mut self) -> &mut [u8] {
        self.buffer.part_mut(self.read..self.end)
    }

    /// The least room for a read: for what is expected, if it is no more than is made anyway when
    /// room runs short.
    const fn room_min(&self) -> usize {
        let (expected, read_len) = (self.expected as usize, self.read_len as usize);
        let expected = expected.saturating_add(BEYOND_LEN);
        // Within it is a message of the read length, with its header.
        let is_made_anyway = expected <= read_len + 2 * BEYOND_LEN;
        if is_made_anyway && expected > read_len / 4 { expected } else { read_len / 4 }
    }

    #[inline]
    fn rewind(&mut self) {
        let front = FRONT.min(self.buffer.len());
        self.message_start = front;
        self.message_end = front;
        self.read = front;
        self.end = front;
    }

    /// Begins at the front again, when all that came was taken.
    #[inline]
    fn begin_anew(&mut self) {
        self.rewind();
        if let Some(decoded) = &mut self.decoded {
            decoded.give_back();
        }
    }

    /// Gives the space this length back: by closing the gap, then by moving the message to the
    /// front, which happens once a message, then by growing.
    #[cold]
    fn make_room(&mut self, room_min: usize, room: usize) {
        self.close_gap();
        if self.buffer.len() - self.end >= room_min {
            return;
        }
        let live = self.end - self.message_start;
        let message_len = self.message_end - self.message_start;
        // Where events are not taken between reads, growing by less than a part of what is there
        // would copy it too often.
        let room = room.max((live - message_len) / 2);
        let expected = (self.expected as usize).saturating_add(BEYOND_LEN);
        let target = live + expected.min(live).max(room);
        if target <= self.buffer.len() {
            self.buffer.copy_within(self.message_start..self.end, 0);
        } else {
            let mut grown = vec![0; target].into_boxed_slice();
            grown.part_mut(0..live).copy_from_slice(self.buffer.part(self.message_start..self.end));
            self.buffer = grown;
        }
        self.message_start = 0;
        self.message_end = message_len;
        self.read = message_len;
        self.end = live;
    }

    fn close_gap(&mut self) {
        if self.message_start == self.message_end {
            self.message_start = self.read;
            self.message_end = self.read;
        } else if self.message_end < self.read {
            self.buffer.copy_within(self.read..self.end, self.message_end);
            self.end -= self.read - self.message_end;
            self.read = self.message_end;
        }
    }

    /// Bytes of the message so far.
    pub(crate) const fn message_len(&self) -> usize {
        self.message_end - self.message_start
    }

    pub(crate) fn message(&self) -> &[u8] {
        self.buffer.part(self.message_start..self.message_end)
    }

    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.buffer.part(range)
    }

    /// Passes over `len` unparsed bytes: a header, a control frame.
    #[inline]
    pub(crate) fn skip(&mut self, len: usize) {
        self.read += len;
        debug_assert!(self.read <= self.end);
    }

    /// Passes over everything that came.
    pub(crate) fn discard(&mut self) {
        self.rewind();
        self.decoded = None;
    }

    /// Begins a message at the next unparsed byte.
    #[inline]
    pub(crate) const fn begin_message(&mut self) {
        self.message_start = self.read;
        self.message_end = self.read;
    }

    /// Unmasks `len` unparsed bytes and puts them to the end of the message: where they lie, if
    /// nothing stands between.
    #[inline]
    pub(crate) fn take_payload(&mut self, len: usize, key: &mut MaskingKey) {
        if self.message_start == self.message_end {
            self.begin_message();
        }
        let payload = self.buffer.part_mut(self.message_end..self.read + len);
        key.apply_down(payload, self.read - self.message_end);
        self.message_end += len;
        self.read += len;
        debug_assert!(self.message_end <= self.read && self.read <= self.end);
    }

    /// Begins and ends a message: unparsed bytes, unmasked already, behind a header.
    #[inline]
    pub(crate) fn take_message_behind(&mut self, header_len: usize, len: usize) {
        self.expected = 0;
        self.message_start = self.read + header_len;
        self.read = self.message_start + len;
        self.message_end = self.read;
        debug_assert!(self.read <= self.end);
    }

    /// Unmasks the next `len` unparsed bytes, a control frame's payload, and passes over them.
    #[inline]
    pub(crate) fn take_control(&mut self, len: usize, key: MaskingKey) {
        key.apply_once(self.buffer.part_mut(self.read..self.read + len));
        self.skip(len);
    }

    /// The last `len` bytes that were passed over. They stay readable until the next `space`.
    pub(crate) fn last_taken(&self, len: usize) -> &[u8] {
        self.buffer.part(self.read.saturating_sub(len)..self.read)
    }

    /// Lets the first `len` bytes of the message go; they stay readable until the next `space`.
    #[inline]
    pub(crate) fn take_message(&mut self, len: usize) -> Range<usize> {
        let range = self.message_start..self.message_start + len;
        self.message_start += len;
        debug_assert!(self.message_start <= self.message_end);
        range
    }

    /// Unmasks `len` unparsed bytes, has them decoded until it is `enough`, and passes over what
    /// was decoded.
    pub(crate) fn decode_payload(
        &mut self,
        len: usize,
        key: &mut MaskingKey,
        codec: &mut dyn Codec,
        budget: &mut Budget,
        enough: usize,
    ) -> Result<usize, ProtocolError> {
        let payload = self.buffer.part_mut(self.read..self.read + len);
        key.apply_once(payload);
        let mut decoded = self.decoded.get_or_insert_default().resume(*budget, enough);
        let taken = codec.decode(payload, &mut decoded);
        *budget = decoded.budget();
        let taken = taken?;
        *key = key.turned(taken);
        // The rest is masked again: the next call expects masked bytes.
        key.apply_once(payload.part_from_mut(taken));
        self.skip(taken);
        Ok(taken)
    }

    /// Ends the message that was decoded.
    pub(crate) fn end_decoding(
        &mut self,
        codec: &mut dyn Codec,
        budget: Budget,
    ) -> Result<(), ProtocolError> {
        let decoded = self.decoded.get_or_insert_default();
        codec.end_decoding(&mut decoded.resume(budget, usize::MAX))
    }

    /// The decoded bytes that wait.
    pub(crate) fn decoded(&self) -> &[u8] {
        self.decoded.as_ref().map_or(&[], |decoded| decoded.bytes())
    }

    /// Lets the first `len` decoded bytes go; they stay readable until more is decoded.
    pub(crate) fn take_decoded(&mut self, len: usize) -> &[u8] {
        self.decoded.as_mut().map_or(&[], |decoded| decoded.take(len))
    }

    /// Records the end of a message of one frame with this payload length.
    #[inline]
    pub(crate) fn expect_another(&mut self, payload_len: u64) {
        self.expect(if payload_len >= LONG_LEN { payload_len } else { 0 });
    }

    /// Says how many more bytes the message under way can bring.
    #[inline]
    pub(crate) fn expect(&mut self, len: u64) {
        self.expected = u32::try_from(len).unwrap_or(u32::MAX);
    }
}

impl Default for Inbox {
    /// An inbox of the default [`Limits::read_len`].
    fn default() -> Self {
        Self::with_read_len(Limits::default().read_len)
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("message_len", &self.message_len())
            .field("unparsed_len", &self.unparsed().len())
            .field("capacity", &self.capacity())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_space_is_never_empty_and_grows_with_what_arrived() {
        let mut inbox = Inbox::with_read_len(64);
        assert_eq!(inbox.capacity(), 0);
        inbox.expect(1 << 20);
        for arrived in 1..1_000_usize {
            assert!(!inbox.space().is_empty());
            inbox.filled(1);
            inbox.take_payload(1, &mut { MaskingKey::NONE });
            assert!(inbox.capacity() <= 2 * arrived + 64);
        }
    }

    #[test]
    fn a_gap_is_closed_before_the_memory_grows() {
        let mut inbox = Inbox::with_read_len(64);
        inbox.extend(b"abXXXcd");
        let mut none = MaskingKey::NONE;
        inbox.take_payload(2, &mut none);
        inbox.skip(3);
        inbox.take_payload(2, &mut none);
        assert_eq!(inbox.message(), b"abcd");
        for _ in 0..1_000 {
            inbox.extend(b"0123456789");
            inbox.skip(10);
        }
        assert_eq!(inbox.message(), b"abcd");
        assert!(inbox.capacity() <= 128);
    }

    #[test]
    fn a_read_ends_little_behind_the_frame_under_way() {
        let mut inbox = Inbox::with_read_len(16 * 1024);
        let mut none = MaskingKey::NONE;
        inbox.extend(&[0; 1000]);
        inbox.begin_message();
        inbox.take_payload(1000, &mut none);
        inbox.expect(9_000);
        assert_eq!(inbox.space().len(), 9_000 + BEYOND_LEN);
        // A short message is read together with the bytes behind it.
        inbox.expect(10);
        assert_eq!(inbox.space().len(), 4 * 1024);
    }

    #[test]
    fn a_message_of_the_read_length_comes_in_one_read_if_the_last_was_as_long() {
        let mut inbox = Inbox::with_read_len(16 * 1024);
        inbox.expect_another(16 * 1024);
        assert_eq!(inbox.space().len(), 16 * 1024 + BEYOND_LEN);
        inbox.expect_another(100);
        assert_eq!(inbox.space().len(), inbox.capacity() - FRONT);
    }

    /// Where the message begins and ends, where the unparsed bytes begin and end, and the memory.
    fn places(inbox: &Inbox) -> [usize; 5] {
        let memory = inbox.buffer.len();
        [inbox.message_start, inbox.message_end, inbox.read, inbox.end, memory]
    }

    #[test]
    fn a_read_gets_a_quarter_of_its_length_at_least_and_grows_only_for_less() {
        let mut inbox = Inbox::with_read_len(400);
        inbox.extend(b"x");
        assert_eq!(places(&inbox), [0, 0, 0, 1, 100]);
        assert_eq!(inbox.space().len(), 400);
        assert_eq!(places(&inbox), [0, 0, 0, 1, 401]);
        inbox.filled(300);
        assert_eq!(inbox.space().len(), 100);
        assert_eq!(inbox.capacity(), 401);
        inbox.filled(1);
        assert_eq!(inbox.space().len(), 400);
        assert_eq!(places(&inbox), [0, 0, 0, 302, 702]);
        inbox.skip(302);
        assert_eq!(inbox.space().len(), 702 - FRONT);
        assert_eq!(places(&inbox), [FRONT, FRONT, FRONT, FRONT, 702]);
    }

    #[test]
    fn the_least_room_follows_what_is_expected_up_to_what_is_made_anyway() {
        let mut inbox = Inbox::with_read_len(400);
        for (expected, room_min) in [
            (0, 100),
            (100 - BEYOND_LEN, 100),
            (101 - BEYOND_LEN, 101),
            (400 + BEYOND_LEN, 400 + 2 * BEYOND_LEN),
            (401 + BEYOND_LEN, 100),
            (usize::MAX, 100),
        ] {
            inbox.expect(expected as u64);
            assert_eq!(inbox.room_min(), room_min, "{expected}");
        }
    }

    #[test]
    fn a_gap_stays_while_there_is_room_and_is_closed_when_there_is_not() {
        let mut inbox = Inbox::with_read_len(400);
        inbox.extend(&[7; 60]);
        inbox.take_payload(10, &mut { MaskingKey::NONE });
        inbox.skip(5);
        inbox.expect(40);
        assert_eq!(places(&inbox), [0, 10, 15, 60, 100]);
        // 40 bytes are left, and 100 are wanted: what is alive moves to new memory.
        assert_eq!(inbox.space().len(), 100);
        assert_eq!(places(&inbox), [0, 10, 10, 55, 455]);
        inbox.filled(300);
        inbox.skip(5);
        assert_eq!(inbox.space().len(), 100);
        assert_eq!(places(&inbox), [0, 10, 15, 355, 455]);
        inbox.extend(&[7; 100]);
        assert_eq!(places(&inbox), [0, 10, 15, 455, 455]);
        // Now the gap is all that can be given.
        inbox.extend(&[7; 5]);
        assert_eq!(places(&inbox), [0, 10, 10, 455, 455]);
    }

    #[test]
    fn memory_grows_by_what_is_missing_or_by_half_of_what_waits() {
        let grown = |expected| {
            let mut inbox = Inbox::with_read_len(64);
            inbox.extend(&[7; 1000]);
            inbox.take_payload(100, &mut { MaskingKey::NONE });
            inbox.take_message(30);
            inbox.expect(expected);
            assert_eq!(places(&inbox), [30, 100, 100, 1000, 1000]);
            inbox.space();
            inbox
        };
        // 970 bytes are alive, 900 of them unparsed.
        assert_eq!(places(&grown(0)), [0, 70, 70, 970, 970 + 450]);
        assert_eq!(places(&grown(600)), [0, 70, 70, 970, 970 + 600 + BEYOND_LEN]);
        assert_eq!(places(&grown(2000)), [0, 70, 70, 970, 2 * 970]);

        // The live bytes move to the front where the memory is long enough.
        let mut inbox = grown(0);
        inbox.take_message(70);
        inbox.skip(890);
        inbox.filled(440);
        inbox.skip(430);
        assert_eq!(places(&inbox), [70, 70, 1390, 1410, 1420]);
        assert_eq!(inbox.space().len(), 1400);
        assert_eq!(places(&inbox), [0, 0, 0, 20, 1420]);
    }

    #[test]
    fn a_message_begins_at_the_next_unparsed_byte() {
        let mut inbox = Inbox::default();
        inbox.extend(b"abcdef");
        inbox.take_payload(2, &mut { MaskingKey::NONE });
        inbox.skip(1);
        inbox.begin_message();
        inbox.take_payload(2, &mut { MaskingKey::NONE });
        assert_eq!((inbox.message(), inbox.unparsed()), (&b"de"[..], &b"f"[..]));
    }

    #[cfg(feature = "deflate")]
    #[test]
    fn the_decoded_bytes_count_as_memory_and_as_contents() {
        let mut inbox = Inbox::with_read_len(400);
        inbox.extend(b"x");
        inbox.skip(1);
        let budget = Budget { limit: 1000, left: 1000 };
        let mut decoded = inbox.decoded.get_or_insert_default().resume(budget, usize::MAX);
        let decoded_len = decoded.room().len();
        decoded.wrote(1).expect("within the budget");
        assert_eq!(inbox.capacity(), 100 + decoded_len);
        assert!(!inbox.is_empty());
        inbox.take_decoded(1);
        assert!(inbox.is_empty());
    }

    #[test]
    fn memory_for_a_whole_read_is_made_once_a_read_fills_a_quarter() {
        let mut inbox = Inbox::with_read_len(400);
        for len in [1, 50, 99] {
            assert_eq!(inbox.space().len(), if len == 1 { 102 } else { 100 });
            inbox.filled(len);
            inbox.skip(len);
        }
        let len = inbox.space().len();
        inbox.filled(len);
        inbox.skip(len);
        for _ in 0..2 {
            assert!((398..=400).contains(&inbox.space().len()));
            inbox.filled(398);
            inbox.skip(398);
            assert_eq!(inbox.capacity(), 400);
        }
    }

    #[test]
    fn memory_that_is_full_does_not_grow_if_closing_a_gap_gives_enough() {
        let mut inbox = Inbox::with_read_len(400);
        inbox.extend(&[0; 400]);
        inbox.take_payload(50, &mut { MaskingKey::NONE });
        inbox.skip(150);
        assert_eq!(inbox.space().len(), 150);
        assert_eq!(inbox.capacity(), 400);
    }

    #[test]
    fn memory_is_exchanged_only_while_nothing_is_in_it() {
        let (mut inbox, mut spare) = (Inbox::default(), Inbox::default());
        inbox.extend(b"x");
        inbox.swap_memory(&mut spare);
        assert_eq!((inbox.unparsed(), spare.capacity()), (&b"x"[..], 0));
        spare.swap_memory(&mut inbox);
        assert_eq!((inbox.unparsed(), spare.capacity()), (&b"x"[..], 0));
        inbox.skip(1);
        inbox.swap_memory(&mut spare);
        assert_eq!((inbox.capacity(), spare.capacity()), (0, Limits::default().read_len / 4));
        assert_eq!((inbox.unparsed(), spare.unparsed()), (&b""[..], &b""[..]));
    }

    #[test]
    fn an_empty_inbox_frees_its_memory() {
        let mut inbox = Inbox::default();
        inbox.extend(b"x");
        inbox.release();
        assert_ne!(inbox.capacity(), 0);
        inbox.skip(1);
        inbox.release();
        assert_eq!(inbox.capacity(), 0);
    }
}
