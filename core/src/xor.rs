//! The loops of masking: payload and a key of eight bytes, over and over, in place or in a copy.
//!
//! The code distinguishes three lengths. Less than a block of 64 bytes, as in most messages, takes
//! neither a loop nor a call. A loop masks blocks; the compiler turns it into the vectors that
//! every processor of the architecture has. From a kilobyte up it pays to ask for the widest
//! vectors of this processor, and to begin at the border of a cache line.

use crate::cut::Cut;

/// The unit of masking: a line of memory.
const BLOCK_LEN: usize = 64;

/// By how many bits a key is turned after `len` bytes: by what is left after whole keys.
#[inline]
pub(crate) const fn turned_bits(len: usize) -> u32 {
    let [low, ..] = len.to_le_bytes();
    ((low & 3) << 3) as u32
}

#[inline]
const fn turned(key: u64, len: usize) -> u64 {
    key.rotate_right(turned_bits(len))
}

/// Masks where the bytes lie.
#[inline]
pub(crate) fn in_place(bytes: &mut [u8], key: u64) {
    if bytes.len() < BLOCK_LEN {
        short_in_place(bytes, key);
    } else {
        long_in_place(bytes, key);
    }
}

/// Writes the bytes masked to `room`, which is as long.
#[inline]
pub(crate) fn copy(bytes: &[u8], room: &mut [u8], key: u64) {
    debug_assert_eq!(bytes.len(), room.len());
    if bytes.len() < BLOCK_LEN {
        short_copy(bytes, room, key);
    } else {
        long_copy(bytes, room, key);
    }
}

/// Masks what follows the first `gap` bytes, and moves it down over them in the same pass.
#[inline(never)]
pub(crate) fn down(bytes: &mut [u8], gap: usize, key: u64) {
    let rest = blocks_down(bytes, gap, key);
    let len = rest.len().saturating_sub(gap);
    rest.copy_within(gap.., 0);
    short_in_place(rest.part_mut(0..len), key);
}

/// The same for whole blocks: gives what follows them, with the gap before it.
fn blocks_down(mut bytes: &mut [u8], gap: usize, key: u64) -> &mut [u8] {
    #[cfg(feature = "std")]
    if bytes.len().saturating_sub(gap) >= wide::LEN_MIN {
        return wide::down(bytes, gap, key);
    }
    while let Some(&(mut block)) = bytes.get(gap..).and_then(<[u8]>::first_chunk::<BLOCK_LEN>) {
        words_in_place(&mut block, key);
        let Some((to, rest)) = bytes.split_first_chunk_mut() else { return &mut [] };
        *to = block;
        bytes = rest;
    }
    bytes
}

/// Less than a block: by pieces that halve.
#[inline]
fn short_in_place(bytes: &mut [u8], key: u64) {
    let rest = piece_in_place::<32>(bytes, key);
    let rest = piece_in_place::<16>(rest, key);
    let rest = piece_in_place::<8>(rest, key);
    bytes_in_place(rest, key);
}

/// Masks the first `N` bytes if there are as many, and gives what follows.
#[inline]
fn piece_in_place<const N: usize>(bytes: &mut [u8], key: u64) -> &mut [u8] {
    if bytes.len() < N {
        return bytes;
    }
    let (piece, rest) = bytes.split_at_mut(N);
    words_in_place(piece, key);
    rest
}

/// Less than a block: by two pieces that overlap.
#[inline(always)]
fn short_copy(bytes: &[u8], room: &mut [u8], key: u64) {
    match bytes.len() {
        32.. => ends_copy::<32>(bytes, room, key),
        16..32 => ends_copy::<16>(bytes, room, key),
        8..16 => ends_copy::<8>(bytes, room, key),
        _ => {
            for ((byte, room), key) in bytes.iter().zip(room).zip(key.to_le_bytes()) {
                *room = byte ^ key;
            }
        }
    }
}

/// Writes the first `N` bytes masked, and the last `N`: all, if there are at most twice as many.
#[inline]
fn ends_copy<const N: usize>(bytes: &[u8], room: &mut [u8], key: u64) {
    if let (Some(piece), Some(room)) = (bytes.first_chunk::<N>(), room.first_chunk_mut::<N>()) {
        words_copy(piece, room, key);
    }
    let key = turned(key, bytes.len().wrapping_sub(N));
    if let (Some(piece), Some(room)) = (bytes.last_chunk::<N>(), room.last_chunk_mut::<N>()) {
        words_copy(piece, room, key);
    }
}

#[inline(never)]
fn long_in_place(bytes: &mut [u8], key: u64) {
    #[cfg(feature = "std")]
    if bytes.len() >= wide::LEN_MIN {
        return wide::in_place(bytes, key);
    }
    let (blocks, rest) = bytes.as_chunks_mut::<BLOCK_LEN>();
    for block in blocks {
        words_in_place(block, key);
    }
    short_in_place(rest, key);
}

#[inline(never)]
fn long_copy(bytes: &[u8], room: &mut [u8], key: u64) {
    #[cfg(feature = "std")]
    if bytes.len() >= wide::LEN_MIN {
        return wide::copy(bytes, room, key);
    }
    let (blocks, rest) = bytes.as_chunks::<BLOCK_LEN>();
    let (room, rest_room) = room.as_chunks_mut::<BLOCK_LEN>();
    for (block, room) in blocks.iter().zip(room) {
        words_copy(block, room, key);
    }
    short_copy(rest, rest_room, key);
}

#[inline]
fn words_in_place(bytes: &mut [u8], key: u64) {
    for word in bytes.as_chunks_mut().0 {
        *word = masked(*word, key);
    }
}

#[inline]
fn words_copy(bytes: &[u8], room: &mut [u8], key: u64) {
    for (word, room) in bytes.as_chunks().0.iter().zip(room.as_chunks_mut().0) {
        *room = masked(*word, key);
    }
}

/// Less than a word.
#[inline]
fn bytes_in_place(bytes: &mut [u8], key: u64) {
    for (byte, key) in bytes.iter_mut().zip(key.to_le_bytes()) {
        *byte ^= key;
    }
}

#[inline]
fn masked(word: [u8; 8], key: u64) -> [u8; 8] {
    (u64::from_le_bytes(word) ^ key).to_le_bytes()
}

/// The widest vectors that this processor has.
#[cfg(feature = "std")]
mod wide {
    use fearless_simd::{Level, dispatch, prelude::*, u8x64, u64x8};

    use super::{BLOCK_LEN, short_copy, short_in_place, turned};

    /// Below this length it costs more to ask for them than they gain.
    pub(super) const LEN_MIN: usize = 1024;

    pub(super) fn in_place(bytes: &mut [u8], key: u64) {
        let (head, bytes) = bytes.split_at_mut(head_len(bytes));
        short_in_place(head, key);
        let key = turned(key, head.len());
        let (blocks, rest) = bytes.as_chunks_mut();
        dispatch!(Level::new(), simd => blocks_in_place(simd, blocks, key));
        short_in_place(rest, key);
    }

    pub(super) fn copy(bytes: &[u8], room: &mut [u8], key: u64) {
        let (head_room, room) = room.split_at_mut(head_len(room));
        let (head, bytes) = bytes.split_at(head_room.len());
        short_copy(head, head_room, key);
        let key = turned(key, head.len());
        let (blocks, rest) = bytes.as_chunks();
        let (room, rest_room) = room.as_chunks_mut();
        dispatch!(Level::new(), simd => blocks_copy(simd, blocks, room, key));
        short_copy(rest, rest_room, key);
    }

    pub(super) fn down(bytes: &mut [u8], gap: usize, key: u64) -> &mut [u8] {
        dispatch!(Level::new(), simd => blocks_down(simd, bytes, gap, key))
    }

    /// The length before the first whole line of memory.
    fn head_len(bytes: &[u8]) -> usize {
        bytes.as_ptr().align_offset(BLOCK_LEN) % BLOCK_LEN
    }

    // `vectorize` compiles what is inlined into it for the processor that `simd` stands for.

    #[inline(always)]
    fn blocks_in_place<S: Simd>(simd: S, blocks: &mut [[u8; BLOCK_LEN]], key: u64) {
        simd.vectorize(
            #[inline(always)]
            || {
                let key = splat(simd, key);
                for block in blocks {
                    (u8x64::from_slice(simd, block) ^ key).store_slice(block);
                }
            },
        );
    }

    #[inline(always)]
    fn blocks_copy<S: Simd>(
        simd: S,
        blocks: &[[u8; BLOCK_LEN]],
        room: &mut [[u8; BLOCK_LEN]],
        key: u64,
    ) {
        simd.vectorize(
            #[inline(always)]
            || {
                let key = splat(simd, key);
                for (block, room) in blocks.iter().zip(room) {
                    (u8x64::from_slice(simd, block) ^ key).store_slice(room);
                }
            },
        );
    }

    #[inline(always)]
    fn blocks_down<S: Simd>(simd: S, bytes: &mut [u8], gap: usize, key: u64) -> &mut [u8] {
        simd.vectorize(
            #[inline(always)]
            || {
                let key = splat(simd, key);
                let mut bytes = bytes;
                while let Some(block) = bytes.get(gap..).and_then(<[u8]>::first_chunk::<BLOCK_LEN>)
                {
                    let masked = u8x64::from_slice(simd, block) ^ key;
                    let Some((to, rest)) =
                        core::mem::take(&mut bytes).split_first_chunk_mut::<BLOCK_LEN>()
                    else {
                        break;
                    };
                    masked.store_slice(to);
                    bytes = rest;
                }
                bytes
            },
        )
    }

    #[inline(always)]
    fn splat<S: Simd>(simd: S, key: u64) -> u8x64<S> {
        u64x8::splat(simd, u64::from_ne_bytes(key.to_le_bytes())).bitcast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn by_rule(bytes: &[u8], key: u64) -> Vec<u8> {
        bytes.iter().zip(key.to_le_bytes().iter().cycle()).map(|(byte, key)| byte ^ key).collect()
    }

    proptest! {
        #[test]
        fn every_loop_gives_what_the_rule_gives(
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                prop::collection::vec(any::<u8>(), 1_900..5_000),
            ],
            four in any::<u32>(),
            // Where in a line of memory the bytes begin.
            offset in 0..BLOCK_LEN,
            gap in 1..300_usize,
        ) {
            let key = u64::from(four) << 32 | u64::from(four);
            let expected = by_rule(&bytes, key);

            let mut memory = vec![0; offset + gap + bytes.len()];
            let room = &mut memory[offset..][..bytes.len()];
            copy(&bytes, room, key);
            prop_assert_eq!(&room[..], &expected[..]);
            in_place(room, key);
            prop_assert_eq!(&room[..], &bytes[..]);

            let room = &mut memory[offset..];
            room[gap..].copy_from_slice(&bytes);
            down(room, gap, key);
            prop_assert_eq!(&room[..bytes.len()], &expected[..]);
        }
    }
}
