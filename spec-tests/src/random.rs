//! Random numbers that come again: a seed is all it takes to see a failure twice.

/// SplitMix64: a few lines, a period of 2^64, and good enough for cuts and masking keys in tests.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence that belongs to a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// The next number below `end`, which must not be 0.
    pub const fn below(&mut self, end: usize) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "the remainder is below a usize")]
        let number = (self.next_u64() % end as u64) as usize;
        number
    }

    /// The next eight bytes.
    pub const fn bytes(&mut self) -> [u8; 8] {
        self.next_u64().to_le_bytes()
    }

    /// A masking key.
    pub const fn key(&mut self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.bytes();
        [a, b, c, d]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_again() {
        let mut random = Random::new(0);
        // From the author's reference implementation.
        assert_eq!(random.next_u64(), 0xE220_A839_7B1D_CDAF);
        assert_eq!(random.next_u64(), 0x6E78_9E6A_A1B9_65F4);
        assert!((0..100).all(|_| random.below(3) < 3));
    }
}
