//! Compressing payload into an outbox (RFC 7692, section 7.2.1).

use core::fmt;

use zlib_rs::{Deflate as Zlib, DeflateConfig, DeflateFlush, Status};

use crate::cut::Cut;
use crate::deflate::small::{self, Small};
use crate::deflate_params::TAIL;
use crate::outbox::Outbox;

/// The smallest window that the compressor has. It stands for one of 8 bits too: no match reaches
/// back further than the window less 262 bytes, which is 250.
const WINDOW_BITS_MIN: u8 = 9;

/// The least room to compress into: what ends a part is then not cut, after which it would come
/// once more.
const ROOM_LEN_MIN: usize = 64;
const ROOM_LEN_MAX: usize = 8 * 1024;

pub(super) struct Compressor {
    engine: Engine,
    window_bits: u8,
}

enum Engine {
    Zlib(Zlib),
    Small(Small),
}

impl Compressor {
    pub(super) fn new(level: u8, memory_level: u8, window_bits: u8) -> Self {
        let config = DeflateConfig {
            // Negative for a stream without a header.
            window_bits: i32::from(window_bits.max(WINDOW_BITS_MIN)).saturating_neg(),
            mem_level: memory_level.into(),
            level: level.into(),
            ..DeflateConfig::default()
        };
        Self { engine: Engine::Zlib(Zlib::new_with_config(config)), window_bits }
    }

    /// One that takes little memory.
    pub(super) fn small(window_bits: u8) -> Self {
        Self { engine: Engine::Small(Small::new(window_bits)), window_bits }
    }

    pub(super) const fn window_bits(&self) -> u8 {
        self.window_bits
    }

    /// Begins anew, with an empty window.
    pub(super) fn forget(&mut self) {
        match &mut self.engine {
            Engine::Zlib(zlib) => zlib.reset(),
            Engine::Small(small) => small.forget(),
        }
    }

    /// Compresses a part of a message, the last one if `fin`, and tells how long it became. All of
    /// it can be inflated from what is laid then.
    pub(super) fn compress(&mut self, payload: &[u8], fin: bool, outbox: &mut Outbox) -> usize {
        let zlib = match &mut self.engine {
            Engine::Zlib(zlib) => zlib,
            Engine::Small(small) => return small.compress(payload, fin, outbox),
        };
        let mut rest = payload;
        let mut len = 0_usize;
        loop {
            let room = outbox.bare_room(rest.len().clamp(ROOM_LEN_MIN, ROOM_LEN_MAX));
            let room_len = room.len();
            let (before_in, before_out) = (zlib.total_in(), zlib.total_out());
            let status = zlib.compress(rest, room, DeflateFlush::SyncFlush);
            debug_assert!(matches!(status, Ok(Status::Ok | Status::BufError)));
            let taken = count(before_in, zlib.total_in());
            let written = count(before_out, zlib.total_out());
            outbox.lay_bare(written);
            rest = rest.part_from(taken);
            len = len.saturating_add(written);
            if (rest.is_empty() && written < room_len) || (taken == 0 && written == 0) {
                break;
            }
        }
        debug_assert!(rest.is_empty());
        if !fin {
            return len;
        }
        if len == 0 {
            // 7.2.3.6: an empty message, or an empty end of one, is an empty block. The compressor
            // does not flush twice in a row.
            outbox.bare_room(1).part_mut(0..1).fill(0x00);
            outbox.lay_bare(1);
            return 1;
        }
        outbox.drop_bare(TAIL.len());
        len.saturating_sub(TAIL.len())
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").field("window_bits", &self.window_bits).finish()
    }
}

/// The memory of a small one.
pub(super) const SMALL_BYTES_MAX: u64 = small::BYTES_MAX;

/// The memory of a compressor: two windows and two bytes for each place in one; a table of 65,536
/// places; the symbols and bytes of a block; and the rest.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "the program sets both, in their ranges of 9 to 15 and 1 to 9"
)]
pub(super) const fn bytes_max(memory_level: u8, window_bits: u8) -> u64 {
    let window_bits = if window_bits < WINDOW_BITS_MIN { WINDOW_BITS_MIN } else { window_bits };
    (4 << window_bits) + 2 * 65_536 + (7 << (memory_level + 6)) + 8 * 1024
}

/// How far a count of bytes went from one look to the next, over a part of what is in memory. It
/// may begin at 0 again behind the largest number.
pub(super) fn count(before: u64, after: u64) -> usize {
    let len = usize::try_from(after.wrapping_sub(before));
    debug_assert!(len.is_ok(), "it lies in memory");
    len.unwrap_or_default()
}

/// The most bytes that this many can become.
///
/// Incompressible data goes into blocks that hold it as it is, with 5 bytes before each. With the
/// least memory a block holds some 100 bytes.
pub(super) const fn compressed_len_max(len: usize) -> usize {
    len.saturating_add(len / 8).saturating_add(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_on_memory_and_length_are_what_their_parts_come_to() {
        assert_eq!(bytes_max(8, 15), 128 * 1024 + 128 * 1024 + 112 * 1024 + 8 * 1024);
        assert_eq!(bytes_max(1, 9), 2 * 1024 + 128 * 1024 + 896 + 8 * 1024);
        assert_eq!(bytes_max(1, 8), bytes_max(1, 9), "a window of 9 bits stands for it");
        assert_eq!([0, 7, 8, 800].map(compressed_len_max), [64, 71, 73, 964]);
    }
}
