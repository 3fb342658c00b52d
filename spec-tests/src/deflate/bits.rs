//! Bits in bytes, the lowest first (RFC 1951, 3.1.1).

use super::Fault;

#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    /// Bits that make no whole byte yet.
    bits: u64,
    count: u32,
}

impl Writer {
    /// Writes the lowest `count` bits of a number that has no others; at most 32.
    pub(super) fn put(&mut self, bits: u32, count: u32) {
        self.bits |= u64::from(bits) << self.count;
        self.count += count;
        if self.count >= 32 {
            self.bytes.extend_from_slice(&self.bits.to_le_bytes()[..4]);
            self.bits >>= 32;
            self.count -= 32;
        }
    }

    /// Fills the byte under way with zeros.
    pub(super) fn align(&mut self) {
        let len = self.count.div_ceil(8) as usize;
        self.bytes.extend_from_slice(&self.bits.to_le_bytes()[..len]);
        (self.bits, self.count) = (0, 0);
    }

    /// Writes whole bytes, behind an [`align`](Self::align).
    pub(super) fn put_bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        self.align();
        self.bytes
    }
}

#[derive(Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    bits: u64,
    count: u32,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, bits: 0, count: 0 }
    }

    /// Whether all bytes were read, but for bits of the last one.
    pub(super) const fn is_at_end(&self) -> bool {
        self.bytes.is_empty() && self.count < 8
    }

    /// The bits that come, as many as there are up to 56, lowest first; zeros behind them.
    pub(super) fn peek(&mut self) -> u64 {
        if let (0..=32, Some((four, rest))) = (self.count, self.bytes.split_first_chunk()) {
            self.bits |= u64::from(u32::from_le_bytes(*four)) << self.count;
            self.count += 32;
            self.bytes = rest;
        }
        while let (0..=48, [byte, rest @ ..]) = (self.count, self.bytes) {
            self.bits |= u64::from(*byte) << self.count;
            self.count += 8;
            self.bytes = rest;
        }
        self.bits
    }

    /// Takes bits that were looked at.
    pub(super) const fn take(&mut self, count: u32) -> Result<(), Fault> {
        if count > self.count {
            return Err(Fault::CutOff);
        }
        self.bits >>= count;
        self.count -= count;
        Ok(())
    }

    /// The next bits as a number; at most 32.
    pub(super) fn get(&mut self, count: u32) -> Result<u32, Fault> {
        let bits = self.peek() & ((1 << count) - 1);
        self.take(count)?;
        #[expect(clippy::cast_possible_truncation, reason = "at most 32 bits are left of it")]
        let bits = bits as u32;
        Ok(bits)
    }

    /// Skips to the next whole byte.
    pub(super) const fn align(&mut self) {
        self.bits >>= self.count % 8;
        self.count -= self.count % 8;
    }
}
