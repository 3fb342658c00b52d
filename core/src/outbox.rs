//! Send memory.
//!
//! Wanted: frames leave in the order they were laid, but a control frame passes at the next
//! border between two frames (5.4: "Control frames MAY be injected in the middle of a fragmented
//! message"), so that a Ping or Pong never waits behind what a slow peer has yet to read.
//!
//! Two queues. `data` holds data frames, and the Close frame, which must be last. `control` holds
//! Pings and Pongs and is sent as soon as `data` stands at a border. To find that border nothing
//! needs to be noted for each frame: frames tell their own length.

use alloc::boxed::Box;
use alloc::vec;
use core::fmt;
use core::mem;

use crate::control_queue::ControlQueue;
use crate::cut::Cut;
use crate::frame::{self, FIN, HEADER_LEN_MAX, Opcode};
use crate::mask::{MaskingKey, MaskingKeys};

/// Send memory for one connection. Calls that send lay their frames here. Write
/// [`unsent`](Self::unsent) to the transport, and pass the number of written bytes to
/// [`sent`](Self::sent).
///
/// It allocates nothing before the first frame, and frees its memory on [`release`](Self::release).
///
/// ```
/// # use bluewire_core::Outbox;
/// # fn flush(outbox: &mut Outbox, socket: &mut impl std::io::Write) -> std::io::Result<()> {
/// while !outbox.is_empty() {
///     let n = socket.write(outbox.unsent())?;
///     outbox.sent(n);
/// }
/// # Ok(()) }
/// # flush(&mut Outbox::new(), &mut Vec::new())?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Default)]
pub struct Outbox {
    /// Initialised memory, all of it, of which `data_start..data_end` is laid and unsent: a frame
    /// is written into it without asking at each step whether it still fits.
    data: Box<[u8]>,
    data_start: usize,
    data_end: usize,
    /// A border between frames in `data`. While control frames wait it is the one at which they
    /// go: the first that is not before `data_start`.
    border: usize,
    control: ControlQueue,
}

#[expect(
    clippy::arithmetic_side_effects,
    reason = "positions in order, in memory of at most isize::MAX bytes: no sum or difference overflows"
)]
impl Outbox {
    /// An empty outbox.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes to write next; empty when all is sent. More bytes may follow them: see
    /// [`is_empty`](Self::is_empty).
    #[must_use]
    #[inline]
    pub fn unsent(&self) -> &[u8] {
        if self.control.is_empty() {
            return self.data();
        }
        let [first, second, _] = self.slices();
        if first.is_empty() { second } else { first }
    }

    /// All bytes to write, in order, for a vectored write. Any slice can be empty.
    #[must_use]
    #[inline]
    pub fn slices(&self) -> [&[u8]; 3] {
        if self.control.is_empty() {
            return [self.data(), &[], &[]];
        }
        // A control frame of which a part has gone comes first: data stands at a border then.
        let (before, after) = self.data().split_at(self.border - self.data_start);
        [before, self.control.unsent(), after]
    }

    /// Records that the next `len` bytes are written, of [`unsent`](Self::unsent) or across the
    /// [`slices`](Self::slices).
    ///
    /// Call it with 0, too, when the transport takes nothing: then the answer to a later Ping may
    /// replace one that waits (5.5.3).
    ///
    /// # Panics
    ///
    /// If `len` is more than [`len`](Self::len).
    #[inline]
    pub fn sent(&mut self, len: usize) {
        if self.control.is_empty() {
            assert!(len <= self.data_len(), "more sent than the outbox held");
            self.data_start += len;
        } else {
            self.sent_with_control(len);
        }
        if self.data_start == self.data_end {
            self.data_start = 0;
            self.data_end = 0;
            self.border = 0;
        }
    }

    #[cold]
    fn sent_with_control(&mut self, len: usize) {
        assert!(len <= self.len(), "more sent than the outbox held");
        let before = len.min(self.border - self.data_start);
        let control = self.control.len().min(len - before);
        self.control.sent(control);
        self.data_start += len - control;
    }

    /// Bytes that wait.
    #[must_use]
    #[inline]
    pub const fn len(&self) -> usize {
        self.data_end - self.data_start + self.control.len()
    }

    /// Bytes that wait, without Pings and Pongs. So many bytes leave before a message that is sent
    /// now, and so many are left until the last message is sent.
    #[must_use]
    #[inline]
    pub const fn data_len(&self) -> usize {
        self.data_end - self.data_start
    }

    /// Whether all is sent.
    #[must_use]
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Frees the memory if all is sent.
    pub fn release(&mut self) {
        if self.is_empty() {
            *self = Self::new();
        }
    }

    /// Exchanges memory with another outbox, if both are empty. Pools use it, so that an idle
    /// connection holds no memory.
    pub fn swap_memory(&mut self, other: &mut Self) {
        if self.is_empty() && other.is_empty() {
            mem::swap(self, other);
        }
    }

    /// Bytes of memory that it holds.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.data.len() + self.control.capacity()
    }

    /// The queued and unsent bytes, without control frames.
    #[inline]
    fn data(&self) -> &[u8] {
        self.data.part(self.data_start..self.data_end)
    }

    /// Lays bytes that are no frame: the opening handshake, which precedes every frame.
    pub(crate) fn lay_head(&mut self, bytes: &[u8]) {
        self.lay_laid(bytes);
        self.border = self.data_end;
    }

    /// Lays a frame behind all others.
    #[inline]
    pub(crate) fn lay_frame(&mut self, first: u8, payload: &[u8]) {
        let (header, header_len) = frame::encode(first, payload.len(), None);
        let room = self.room(header.len() + payload.len());
        // All of it, since a copy of fixed length is cheap; the payload covers what is too much.
        if let Some(to) = room.first_chunk_mut() {
            *to = header;
        }
        copy(payload, room.part_mut(header_len..header_len + payload.len()));
        self.data_end += header_len + payload.len();
    }

    /// Lays a masked frame behind all others.
    #[inline]
    pub(crate) fn lay_masked_frame(&mut self, first: u8, payload: &[u8], key: MaskingKey) {
        let (header, header_len) = frame::encode(first, payload.len(), Some(key));
        let room = self.room(header.len() + payload.len());
        if let Some(to) = room.first_chunk_mut() {
            *to = header;
        }
        key.copy_masked(payload, room.part_mut(header_len..header_len + payload.len()));
        self.data_end += header_len + payload.len();
    }

    /// Lays frames that are laid out already.
    pub(crate) fn lay_laid(&mut self, frames: &[u8]) {
        self.room(frames.len()).part_mut(0..frames.len()).copy_from_slice(frames);
        self.data_end += frames.len();
    }

    /// Drops the last `len` bytes of such payload.
    pub(crate) fn drop_bare(&mut self, len: usize) {
        self.data_end -= len;
    }

    /// Makes frames of at most `piece_len` bytes of the last `len` bytes, which are bare payload.
    /// The first one begins with `first`, and the last one ends the message if `fin`.
    pub(crate) fn frame_bare(
        &mut self,
        len: usize,
        piece_len: usize,
        first: u8,
        fin: bool,
        mut keys: Option<&mut MaskingKeys>,
    ) {
        let count = len.div_ceil(piece_len).max(1);
        self.room(count * HEADER_LEN_MAX);
        let (start, end) = (self.data_end - len, self.data_end);
        let no_key = keys.is_some().then_some(MaskingKey::NONE);
        let (_, full_header_len) = frame::encode(first, piece_len.min(len), no_key);
        // From the last one on, so that each moves once.
        for index in (0..count).rev() {
            let from = start + index * piece_len;
            let payload_len = piece_len.min(end - from);
            let is_last = index == count - 1;
            let first = if index == 0 { first } else { Opcode::Continuation as u8 };
            let fin = if fin && is_last { FIN } else { 0 };
            let key = keys.as_mut().map(|keys| keys.next_key());
            let (header, header_len) = frame::encode(fin | first, payload_len, key);
            let to = from + index * full_header_len + header_len;
            self.data.copy_within(from..from + payload_len, to);
            if let Some(key) = key {
                key.apply_once(self.data.part_mut(to..to + payload_len));
            }
            let room = self.data.part_mut(to - header_len..to);
            room.copy_from_slice(header.part(0..header_len));
            if is_last {
                self.data_end = to + payload_len;
            }
        }
    }

    /// Lays the header of a frame whose payload the caller will write, or lay by
    /// [`lay_rest`](Self::lay_rest).
    #[inline]
    pub(crate) fn lay_header(&mut self, first: u8, payload_len: usize) {
        let (header, header_len) = frame::encode(first, payload_len, None);
        self.room(header.len()).part_mut(0..header.len()).copy_from_slice(&header);
        self.data_end += header_len;
    }

    /// Lays what the caller did not write of the payload that follows the last header.
    pub(crate) fn lay_rest(&mut self, payload: &[u8]) {
        self.lay_laid(payload);
        // If the header was sent, this is the only known border.
        if self.data_start == 0 && self.data_end == payload.len() {
            self.border = self.data_end;
        }
    }

    /// Whether the application can queue one more Ping or Pong.
    pub(crate) fn has_control_room(&self) -> bool {
        self.control.has_room()
    }

    /// Lays a Ping or Pong of the application's to go at the next border.
    pub(crate) fn lay_control(&mut self, first: u8, payload: &[u8], key: Option<MaskingKey>) {
        self.seek_control_border();
        self.control.push_own(first, payload, key);
    }

    /// Lays the answer to a Ping.
    pub(crate) fn lay_answer(&mut self, first: u8, payload: &[u8], key: Option<MaskingKey>) {
        self.seek_control_border();
        self.control.push_answer(first, payload, key);
    }

    fn seek_control_border(&mut self) {
        if self.control.is_empty() {
            self.seek_border();
        }
    }

    /// Forgets the frames that have not begun to leave. The border is where they were cut.
    pub(crate) fn cut_short(&mut self) {
        self.seek_border();
        self.data_end = self.border;
    }

    /// Moves the border to the first one that is not before what is sent.
    fn seek_border(&mut self) {
        while self.border < self.data_start {
            self.border += frame::encoded_len(self.data.part_from(self.border));
        }
    }

    /// The room behind what is laid, at least `len` bytes.
    #[inline]
    fn room(&mut self, len: usize) -> &mut [u8] {
        if self.data.len() - self.data_end < len {
            self.make_room(len);
        }
        self.data.part_from_mut(self.data_end)
    }

    /// Drops what is sent and, if that is not enough, grows to twice what waits.
    #[cold]
    fn make_room(&mut self, len: usize) {
        self.seek_border();
        let waiting = self.data_len();
        // At most half of the memory moves here, so as much again is laid before anything moves
        // next: linear work.
        let target = (waiting + len).max(2 * waiting);
        if target <= self.data.len() {
            self.data.copy_within(self.data_start..self.data_end, 0);
        } else {
            let mut grown = vec![0; target].into_boxed_slice();
            grown.part_mut(0..waiting).copy_from_slice(self.data());
            self.data = grown;
        }
        self.border -= self.data_start;
        self.data_start = 0;
        self.data_end = waiting;
    }
}

/// For an extension to write to.
#[cfg(feature = "deflate")]
impl Outbox {
    /// Room behind all queued bytes, at least `len` bytes, for payload that gets its frame once it
    /// is complete. [`lay_bare`](Self::lay_bare) takes the bytes that were written there.
    pub(crate) fn bare_room(&mut self, len: usize) -> &mut [u8] {
        self.room(len)
    }

    /// Takes payload that was written to the room. Until [`frame_bare`](Self::frame_bare) gives it
    /// its frame, nothing else may be laid, and nothing be sent.
    pub(crate) fn lay_bare(&mut self, len: usize) {
        self.data_end = self.data_end.saturating_add(len);
        debug_assert!(self.data_end <= self.data.len());
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish()
    }
}

/// Copies what is often shorter than a call to the memory copy is worth: by two pieces of fixed
/// length that overlap.
#[inline]
fn copy(from: &[u8], to: &mut [u8]) {
    match from.len() {
        16..=32 => copy_ends::<16>(from, to),
        8..16 => copy_ends::<8>(from, to),
        _ => to.copy_from_slice(from),
    }
}

#[inline]
fn copy_ends<const N: usize>(from: &[u8], to: &mut [u8]) {
    if let (Some(from), Some(to)) = (from.first_chunk::<N>(), to.first_chunk_mut()) {
        *to = *from;
    }
    if let (Some(from), Some(to)) = (from.last_chunk::<N>(), to.last_chunk_mut()) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const TEXT: u8 = FIN | Opcode::Text as u8;
    const PING: u8 = FIN | Opcode::Ping as u8;

    fn drain(outbox: &mut Outbox, step: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while !outbox.is_empty() {
            let unsent = outbox.unsent();
            let len = unsent.len().min(step);
            bytes.extend_from_slice(&unsent[..len]);
            outbox.sent(len);
        }
        bytes
    }

    #[test]
    fn a_control_frame_passes_at_the_next_border() {
        for begun in 0..=13 {
            let mut outbox = Outbox::new();
            outbox.lay_frame(TEXT, b"one");
            outbox.lay_frame(TEXT, b"two");
            outbox.lay_frame(TEXT, b"six");
            let mut bytes = outbox.unsent()[..begun].to_vec();
            outbox.sent(begun);
            outbox.lay_control(PING, b"", None);
            let slices = outbox.slices().concat();
            bytes.extend(drain(&mut outbox, 2));
            assert!(bytes.ends_with(&slices));
            let border = begun.div_ceil(5) * 5;
            assert_eq!(bytes[border..border + 2], [0x89, 0]);
            bytes.drain(border..border + 2);
            assert_eq!(bytes, b"\x81\x03one\x81\x03two\x81\x03six");
        }
    }

    #[test]
    fn cutting_short_keeps_the_frame_that_has_begun() {
        let mut outbox = Outbox::new();
        outbox.lay_frame(TEXT, b"one");
        outbox.lay_frame(TEXT, b"two");
        outbox.sent(1);
        outbox.cut_short();
        assert_eq!(outbox.unsent(), b"\x03one");
        outbox.cut_short();
        outbox.sent(4);
        assert!(outbox.is_empty());
    }

    #[test]
    fn memory_doubles_when_it_is_full_and_moves_when_half_is_sent() {
        // Zeros are frames of two bytes.
        let mut outbox = Outbox::new();
        let capacities = [10, 4, 6, 30].map(|len| {
            outbox.lay_laid(&[0; 30][..len]);
            outbox.capacity()
        });
        assert_eq!(capacities, [10, 20, 20, 50]);
        outbox.sent(30);
        outbox.lay_laid(&[0; 4]);
        assert_eq!((outbox.data_start, outbox.data_end, outbox.capacity()), (0, 24, 50));
        outbox.lay_answer(PING, b"abc", None);
        assert_eq!(outbox.capacity(), 50 + 5);
        assert_eq!(drain(&mut outbox, 100).len(), 24 + 5);
    }

    #[test]
    fn a_frame_takes_the_memory_of_its_payload_and_a_header() {
        let (mut plain, mut masked) = (Outbox::new(), Outbox::new());
        plain.lay_frame(TEXT, b"abc");
        masked.lay_masked_frame(TEXT, b"abc", MaskingKey::new([1, 2, 3, 4]));
        assert_eq!((plain.capacity(), masked.capacity()), (16 + 3, 16 + 3));
    }

    #[cfg(feature = "deflate")]
    #[test]
    fn bare_payload_gets_room_for_all_of_its_headers() {
        let mut outbox = Outbox::new();
        outbox.lay_laid(&[b'x'; 100]);
        outbox.frame_bare(100, 1, Opcode::Text as u8, true, None);
        let bytes = drain(&mut outbox, usize::MAX);
        let frame = |first| [first, 1, b'x'];
        let frames = [frame(0x01), frame(0x00), frame(0x80)];
        assert_eq!(bytes, [&frames[0][..], &frames[1].repeat(98), &frames[2]].concat());
    }

    #[test]
    fn only_an_empty_outbox_frees_or_exchanges_its_memory() {
        let (mut outbox, mut spare) = (Outbox::new(), Outbox::new());
        outbox.lay_laid(&[0; 2]);
        for _ in 0..2 {
            outbox.release();
            outbox.swap_memory(&mut spare);
            assert_eq!((outbox.capacity(), outbox.len(), spare.capacity()), (2, 2, 0));
            spare.swap_memory(&mut outbox);
            assert_eq!((outbox.capacity(), outbox.len(), spare.capacity()), (2, 2, 0));
        }
        outbox.sent(2);
        outbox.swap_memory(&mut spare);
        assert_eq!((outbox.capacity(), spare.capacity()), (0, 2));
        spare.release();
        assert_eq!(spare.capacity(), 0);
    }

    #[test]
    fn a_half_drained_outbox_does_not_grow() {
        let mut outbox = Outbox::new();
        outbox.lay_frame(TEXT, &[b'x'; 1000]);
        for _ in 0..10_000 {
            outbox.lay_frame(TEXT, &[b'x'; 100]);
            outbox.sent(102);
        }
        assert!(outbox.capacity() < 4096);
        assert_eq!(drain(&mut outbox, 77).len(), 1004);
    }
}
