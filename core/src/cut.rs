//! Parts of bytes, by positions that cannot be wrong: without a panic if they were.

use core::ops::Range;

/// A part of bytes by its place.
///
/// The caller keeps the positions in order, and within the bytes. A debug build stops if they are
/// not. A release build gives nothing then, which fails the connection, or leaves it without bytes
/// that it should have.
pub(crate) trait Cut {
    /// The bytes of this range.
    fn part(&self, range: Range<usize>) -> &Self;

    /// The same, to write to.
    fn part_mut(&mut self, range: Range<usize>) -> &mut Self;

    /// The bytes from this position on.
    fn part_from(&self, start: usize) -> &Self;

    /// The same, to write to.
    fn part_from_mut(&mut self, start: usize) -> &mut Self;
}

impl Cut for [u8] {
    #[inline]
    fn part(&self, range: Range<usize>) -> &Self {
        self.get(range).unwrap_or_else(nothing)
    }

    #[inline]
    fn part_mut(&mut self, range: Range<usize>) -> &mut Self {
        self.get_mut(range).unwrap_or_else(nothing)
    }

    #[inline]
    fn part_from(&self, start: usize) -> &Self {
        self.get(start..).unwrap_or_else(nothing)
    }

    #[inline]
    fn part_from_mut(&mut self, start: usize) -> &mut Self {
        self.get_mut(start..).unwrap_or_else(nothing)
    }
}

/// A call that is not inlined: where it is, the comparison costs more than it does before a panic.
#[cold]
#[inline(never)]
fn nothing<B: Default>() -> B {
    debug_assert!(false, "a position that is not in the bytes");
    B::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_the_bytes_of_its_place() {
        let mut bytes = *b"abcd";
        assert_eq!((bytes.part(1..3), bytes.part_from(3)), (&b"bc"[..], &b"d"[..]));
        bytes.part_mut(1..3).fill(b'x');
        bytes.part_from_mut(3).fill(b'y');
        assert_eq!(&bytes, b"axxy");
    }

    #[cfg(debug_assertions)]
    #[test]
    #[should_panic(expected = "a position that is not in the bytes")]
    fn a_position_behind_the_bytes_stops_a_debug_build() {
        b"abcd".part(3..5);
    }
}
