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
use crate::decoded::{Budget, DecodedMemory};
use crate::error::ProtocolError;
use crate::mask::MaskingKey;

/// Where an empty inbox begins: the payload of a short masked frame, which follows a header of six
/// bytes, then lies where words are aligned, and the standard library validates it by words.
const FRONT: usize = 2;

/// The least that is allocated for a read.
pub(crate) const READ_LEN_MIN: u32 = 64;

/// Receive memory for one connection: read into [`space`](Self::space), tell
/// [`filled`](Self::filled), then take the connection's events, which borrow it.
///
/// It allocates nothing until the first `space`, and frees on [`release`](Self::release).
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
    /// What the message under way can still bring, as far as its headers and limits tell.
    expected: u32,
    read_len: u32,
    /// What an extension made of payload that came here.
    decoded: Option<Box<DecodedMemory>>,
}

impl Inbox {
    /// An inbox that offers at least a quarter of `read_len` bytes to each read, and allocates
    /// for `read_len`; see [`Limits::read_len`]. At least 64, at most 1 GiB.
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

    /// Room for the next read, never empty. What is written there counts once
    /// [`filled`](Self::filled) says so.
    ///
    /// It grows by what has arrived of a message, at most by what the message still expects, so
    /// that a large message comes in few large reads.
    #[inline]
    pub fn space(&mut self) -> &mut [u8] {
        if self.all_was_taken() {
            self.begin_anew();
        }
        if self.buffer.len() - self.end < self.room_min() {
            self.make_room(self.room_min(), self.read_len as usize);
        }
        &mut self.buffer[self.end..]
    }

    /// Says that the first `len` bytes of the space hold received bytes now.
    ///
    /// # Panics
    ///
    /// If `len` is more than the space.
    #[inline]
    pub fn filled(&mut self, len: usize) {
        assert!(len <= self.buffer.len() - self.end, "more filled than the inbox's space");
        self.end += len;
    }

    /// Copies received bytes in: for callers that have them elsewhere. It grows to hold them all.
    pub fn extend(&mut self, bytes: &[u8]) {
        if self.all_was_taken() {
            self.begin_anew();
        }
        if self.buffer.len() - self.end < bytes.len() {
            self.make_room(bytes.len(), bytes.len().max(self.read_len as usize));
        }
        self.buffer[self.end..self.end + bytes.len()].copy_from_slice(bytes);
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

    /// Exchanges memory with another, if nothing is in either: for pools, by which an idle
    /// connection holds none.
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

    /// Received bytes that no connection or handshake has looked at: what follows the last
    /// message taken.
    #[must_use]
    #[inline]
    pub fn unparsed(&self) -> &[u8] {
        &self.buffer[self.read..self.end]
    }

    #[inline]
    pub(crate) const fn unparsed_len(&self) -> usize {
        self.end - self.read
    }

    #[inline]
    pub(crate) fn unparsed_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[self.read..self.end]
    }

    const fn room_min(&self) -> usize {
        self.read_len as usize / 4
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
        let target = live + (self.expected as usize).min(live).max(room);
        if target <= self.buffer.len() {
            self.buffer.copy_within(self.message_start..self.end, 0);
        } else {
            let mut grown = vec![0; target].into_boxed_slice();
            grown[..live].copy_from_slice(&self.buffer[self.message_start..self.end]);
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
        &self.buffer[self.message_start..self.message_end]
    }

    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
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
        let payload = &mut self.buffer[self.message_end..self.read + len];
        key.apply_down(payload, self.read - self.message_end);
        self.message_end += len;
        self.read += len;
        debug_assert!(self.message_end <= self.read && self.read <= self.end);
    }

    /// Begins and ends a message: unparsed bytes, unmasked already, behind a header.
    #[inline]
    pub(crate) fn take_message_behind(&mut self, header_len: usize, len: usize) {
        self.message_start = self.read + header_len;
        self.read = self.message_start + len;
        self.message_end = self.read;
        debug_assert!(self.read <= self.end);
    }

    /// Unmasks the next `len` unparsed bytes, a control frame's payload, and passes over them.
    #[inline]
    pub(crate) fn take_control(&mut self, len: usize, key: MaskingKey) -> Range<usize> {
        let range = self.read..self.read + len;
        key.apply_once(&mut self.buffer[range.clone()]);
        self.read += len;
        debug_assert!(self.read <= self.end);
        range
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
        let payload = &mut self.buffer[self.read..self.read + len];
        key.apply_once(payload);
        let mut decoded = self.decoded.get_or_insert_default().resume(*budget, enough);
        let taken = codec.decode(payload, &mut decoded);
        *budget = decoded.budget();
        let taken = taken?;
        *key = key.turned(taken);
        // What is left is masked again: the next call knows it no other way.
        key.apply_once(&mut payload[taken..]);
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

    /// What was decoded and waits.
    pub(crate) fn decoded(&self) -> &[u8] {
        self.decoded.as_ref().map_or(&[], |decoded| decoded.bytes())
    }

    /// Lets the first `len` decoded bytes go; they stay readable until more is decoded.
    pub(crate) fn take_decoded(&mut self, len: usize) -> &[u8] {
        self.decoded.as_mut().map_or(&[], |decoded| decoded.take(len))
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
    fn memory_is_exchanged_only_while_nothing_is_in_it() {
        let (mut inbox, mut spare) = (Inbox::default(), Inbox::default());
        inbox.extend(b"x");
        inbox.swap_memory(&mut spare);
        assert_eq!((inbox.unparsed(), spare.capacity()), (&b"x"[..], 0));
        inbox.skip(1);
        inbox.swap_memory(&mut spare);
        assert_eq!((inbox.capacity(), spare.capacity()), (0, Limits::default().read_len));
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
