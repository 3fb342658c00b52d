//! A compressor in little memory (RFC 1951): it looks back 4 KiB, at one place for each four bytes,
//! and writes fixed Huffman codes.
//!
//! Wanted: 16 KiB for each connection, where zlib's tables alone take 128 KiB, and about the length
//! that zlib's level 1 comes to, which uses fixed codes too.

use alloc::boxed::Box;
use alloc::vec;
use core::mem;

use crate::cut::Cut;
use crate::deflate_params::TAIL;
use crate::outbox::Outbox;

/// The largest window. A peer whose window is larger does not mind.
const WINDOW_BITS_MAX: u8 = 12;
const WINDOW_LEN: usize = 1 << WINDOW_BITS_MAX;

const HASH_BITS: u32 = 12;

/// The shortest match that is looked for: one of three bytes saves next to nothing.
const MATCH_LEN_MIN: usize = 4;
const MATCH_LEN_MAX: usize = 258;

/// The memory that one of these holds.
pub(super) const BYTES_MAX: u64 = (2 * WINDOW_LEN + (2 << HASH_BITS)) as u64;

pub(super) struct Small {
    /// Two windows: what can be referred to, and what is compressed.
    memory: Box<[u8]>,
    end: usize,
    /// By the hash of four bytes, the position behind the one where they stood last; 0 for none.
    heads: Box<[u16]>,
    distance_max: usize,
}

#[expect(
    clippy::arithmetic_side_effects,
    reason = "positions in order, in memory of two windows: no sum or difference overflows"
)]
impl Small {
    pub(super) fn new(window_bits: u8) -> Self {
        Self {
            memory: vec![0; 2 * WINDOW_LEN].into(),
            end: 0,
            heads: vec![0; 1 << HASH_BITS].into(),
            distance_max: 1 << window_bits.min(WINDOW_BITS_MAX),
        }
    }

    pub(super) fn forget(&mut self) {
        self.end = 0;
        self.heads.fill(0);
    }

    /// Compresses a part of a message, the last one if `fin`, and returns its compressed length. The
    /// peer can inflate all of it.
    pub(super) fn compress(&mut self, payload: &[u8], fin: bool, outbox: &mut Outbox) -> usize {
        let mut bits = Bits::default();
        if !payload.is_empty() {
            // RFC 1951, section 3.2.3: not the last block, with fixed codes.
            bits.put(0b010, 3);
        }
        let mut len = 0;
        let mut rest = payload;
        while !rest.is_empty() {
            if self.end == self.memory.len() {
                self.slide();
            }
            let (piece, later) = rest.split_at(rest.len().min(self.memory.len() - self.end));
            // 9 bits for each byte at the most.
            let room = outbox.bare_room(piece.len() + piece.len() / 8 + 16);
            let written = self.compress_piece(piece, room, &mut bits);
            outbox.lay_bare(written);
            len += written;
            rest = later;
        }
        if !payload.is_empty() {
            // The end of the block.
            bits.put(0, 7);
        }
        // A block without compression, that is empty and begins where bytes do.
        bits.put(0, 3);
        let room = outbox.bare_room(16);
        let mut written = bits.finish(room);
        if !fin {
            // 7.2.1 takes it from the end of a message only.
            room.part_mut(written..written + TAIL.len()).copy_from_slice(&TAIL);
            written += TAIL.len();
        }
        outbox.lay_bare(written);
        len + written
    }

    /// Compresses what fits behind the rest; tells how much it wrote.
    fn compress_piece(&mut self, piece: &[u8], room: &mut [u8], bits: &mut Bits) -> usize {
        let mut position = self.end;
        self.end += piece.len();
        self.memory.part_mut(position..self.end).copy_from_slice(piece);
        let mut written = 0;
        while position < self.end {
            match self.find(position) {
                Some((len, distance)) => {
                    bits.put_match(len, distance);
                    for inside in position + 1..position + len {
                        self.note(inside);
                    }
                    position += len;
                }
                None => {
                    let literal = self.memory.get(position).copied().unwrap_or_default();
                    bits.put_literal(literal);
                    position += 1;
                }
            }
            written += bits.write_whole(room.part_from_mut(written));
        }
        written
    }

    /// The match for what stands at a position, which is noted: how long it is, and how far back.
    fn find(&mut self, position: usize) -> Option<(usize, usize)> {
        let found = self.note(position)?;
        let distance = position - found;
        if distance > self.distance_max {
            return None;
        }
        let before = self.memory.part(found..self.end);
        let here = self.memory.part(position..self.end);
        let same = before.iter().zip(here).take(MATCH_LEN_MAX);
        let len = same.take_while(|(before, here)| before == here).count();
        (len >= MATCH_LEN_MIN).then_some((len, distance))
    }

    /// Notes that four bytes stand at this position; tells where such bytes stood before.
    fn note(&mut self, position: usize) -> Option<usize> {
        let four = self.memory.part(0..self.end).get(position..)?.first_chunk::<4>()?;
        let hash = u32::from_le_bytes(*four).wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS);
        let head = self.heads.get_mut(hash as usize)?;
        let before = mem::replace(head, u16::try_from(position + 1).unwrap_or_default());
        usize::from(before).checked_sub(1)
    }

    /// Makes place for one more window behind the last one.
    fn slide(&mut self) {
        self.memory.copy_within(WINDOW_LEN.., 0);
        self.end -= WINDOW_LEN;
        for head in &mut self.heads {
            *head = head.saturating_sub(1 << WINDOW_BITS_MAX);
        }
    }
}

/// Bits on their way out, the first one lowest.
#[derive(Default)]
struct Bits {
    bits: u64,
    len: u32,
}

#[expect(
    clippy::arithmetic_side_effects,
    reason = "fewer than 32 bits wait before each symbol, which has at most 31"
)]
impl Bits {
    const fn put(&mut self, bits: u32, len: u32) {
        self.bits |= (bits as u64) << self.len;
        self.len += len;
    }

    /// A code of Huffman's, whose first bit is its highest (RFC 1951, section 3.1.1).
    const fn put_code(&mut self, code: u32, len: u32) {
        self.put(code.reverse_bits() >> (32 - len), len);
    }

    /// RFC 1951, section 3.2.6: the fixed codes.
    fn put_literal(&mut self, literal: u8) {
        match literal {
            0..144 => self.put_code(0x30 + u32::from(literal), 8),
            144.. => self.put_code(0x190 + u32::from(literal - 144), 9),
        }
    }

    /// RFC 1951, section 3.2.5: a length and a distance, each a symbol and some bits more.
    fn put_match(&mut self, len: usize, distance: usize) {
        // Neither is more than 16 bits.
        let len = u32::try_from(len).unwrap_or_default().saturating_sub(3);
        let distance = u32::try_from(distance).unwrap_or_default().saturating_sub(1);
        let (symbol, extra_len) = match len {
            0..8 => (257 + len, 0),
            255.. => (285, 0),
            _ => {
                let extra_len = len.ilog2() - 2;
                (257 + 4 * extra_len + (len >> extra_len), extra_len)
            }
        };
        match symbol {
            0..280 => self.put_code(symbol - 256, 7),
            280.. => self.put_code(0xc0 + symbol - 280, 8),
        }
        self.put(len & ((1 << extra_len) - 1), extra_len);
        let (symbol, extra_len) = match distance {
            0..4 => (distance, 0),
            4.. => {
                let extra_len = distance.ilog2() - 1;
                (2 * extra_len + (distance >> extra_len), extra_len)
            }
        };
        self.put_code(symbol, 5);
        self.put(distance & ((1 << extra_len) - 1), extra_len);
    }

    /// Writes four bytes if there are as many; tells how many.
    fn write_whole(&mut self, room: &mut [u8]) -> usize {
        if self.len < 32 {
            return 0;
        }
        let [a, b, c, d, ..] = self.bits.to_le_bytes();
        room.part_mut(0..4).copy_from_slice(&[a, b, c, d]);
        self.bits >>= 32;
        self.len -= 32;
        4
    }

    /// Writes all, the last byte filled up with zeros; tells how many bytes.
    fn finish(&mut self, room: &mut [u8]) -> usize {
        let len = self.len.div_ceil(8) as usize;
        room.part_mut(0..len).copy_from_slice(self.bits.to_le_bytes().part(0..len));
        *self = Self::default();
        len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Bytes in which no four bytes stand twice, each with a code of 8 bits.
    fn letters(len: usize) -> Vec<u8> {
        let pairs = (0..len).map(|i| if i % 2 == 0 { i / 2 % 64 } else { 64 + i / 128 });
        pairs.map(|byte| u8::try_from(byte).expect("below 128")).collect()
    }

    fn compressed(small: &mut Small, payload: &[u8]) -> Vec<u8> {
        let mut outbox = Outbox::new();
        let len = small.compress(payload, true, &mut outbox);
        assert_eq!(outbox.len(), len);
        outbox.unsent().to_vec()
    }

    #[test]
    fn a_match_reaches_back_as_far_as_the_window_and_not_further() {
        for (distance, is_match) in [(255, true), (256, true), (257, false), (300, false)] {
            let mut small = Small::new(8);
            compressed(&mut small, &[b"@@@@<>{}", &letters(distance - 8)[..]].concat());
            let len = compressed(&mut small, b"@@@@<>{}").len();
            assert_eq!(len < 8, is_match, "{distance}: {len} bytes");
        }
    }

    #[test]
    fn a_compressor_that_forgets_is_as_good_as_new() {
        let (text, mut small) = (b"to be or not to be", Small::new(12));
        let new = compressed(&mut small, text);
        assert!(compressed(&mut small, text).len() < new.len());
        small.forget();
        assert_eq!(compressed(&mut small, text), new);
    }

    #[test]
    fn every_byte_has_the_code_that_an_inflater_knows() {
        use crate::decoded::{Budget, DecodedMemory};
        use crate::deflate::inflate::Inflater;

        let bytes: Vec<u8> = (0..=u8::MAX).collect();
        let budget = Budget { limit: 1000, left: 1000 };
        let mut memory = DecodedMemory::default();
        let mut decoded = memory.resume(budget, usize::MAX);
        let compressed = compressed(&mut Small::new(12), &bytes);
        Inflater::new().inflate(&compressed, &mut decoded).expect("valid");
        assert_eq!(memory.bytes(), bytes);
    }

    #[test]
    fn the_longest_match_has_a_code_of_its_own() {
        let mut bits = Bits::default();
        bits.put_match(MATCH_LEN_MAX, 1);
        // 8 bits for the length and 5 for the distance.
        assert_eq!(bits.len, 13);
        bits = Bits::default();
        bits.put_match(MATCH_LEN_MAX - 1, 1);
        assert_eq!(bits.len, 13 + 5);
    }

    #[test]
    fn the_room_is_for_the_longest_codes_of_all_bytes() {
        for payload in [letters(4000), letters(4000).iter().map(|byte| byte | 0x80).collect()] {
            let mut outbox = Outbox::new();
            Small::new(12).compress(&payload, true, &mut outbox);
            assert_eq!(outbox.capacity(), 4000 + 500 + 16);
        }
    }
}
