//! Huffman codes (RFC 1951, 3.2.2): made from frequencies, written, and read by a table.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Fault;
use super::bits::{Reader, Writer};

/// The longest code of a literal, a length or a distance.
pub(super) const LEN_MAX: u8 = 15;

/// Codes with which symbols are written.
#[derive(Debug)]
pub(super) struct Encoder {
    /// For each symbol its code, first bit lowest, and the code's length.
    codes: Vec<(u16, u8)>,
}

impl Encoder {
    pub(super) fn new(lens: &[u8]) -> Self {
        let codes = canonical(lens).zip(lens).map(|(code, len)| (code, *len)).collect();
        Self { codes }
    }

    pub(super) fn put(&self, symbol: usize, writer: &mut Writer) {
        let (code, len) = self.codes[symbol];
        writer.put(code.into(), len.into());
    }

    pub(super) fn len(&self, symbol: usize) -> u32 {
        self.codes[symbol].1.into()
    }
}

/// A table for reading symbols.
#[derive(Debug)]
pub(super) struct Decoder {
    /// By the bits that come, the symbol and the length of its code; a length of 0 if there is no
    /// such code.
    table: Vec<(u16, u8)>,
}

impl Decoder {
    pub(super) fn new(lens: &[u8]) -> Result<Self, Fault> {
        let longest = lens.iter().copied().max().unwrap_or(0);
        let size = 1_usize << longest;
        // Kraft: what all codes take of the table. More than there is means two for one.
        let taken: usize = lens.iter().filter(|len| **len > 0).map(|len| size >> len).sum();
        let codes = lens.iter().filter(|len| **len > 0).count();
        // Less is allowed for one code of one bit (3.2.7), and for none.
        if taken > size || (taken < size && (codes > 1 || longest > 1)) {
            return Err(Fault::BadCode);
        }
        let mut table = vec![(0, 0); size];
        for ((symbol, code), len) in (0..).zip(canonical(lens)).zip(lens) {
            if *len > 0 {
                let entries = table.iter_mut().skip(code.into()).step_by(1 << len);
                entries.for_each(|entry| *entry = (symbol, *len));
            }
        }
        Ok(Self { table })
    }

    pub(super) fn get(&self, reader: &mut Reader<'_>) -> Result<usize, Fault> {
        let bits = reader.peek() & (self.table.len() as u64 - 1);
        #[expect(clippy::cast_possible_truncation, reason = "below the length of the table")]
        let (symbol, len) = self.table[bits as usize];
        if len == 0 {
            return Err(Fault::BadCode);
        }
        reader.take(len.into())?;
        Ok(symbol.into())
    }
}

/// The code of each symbol, its first bit lowest, as the lengths alone define them.
fn canonical(lens: &[u8]) -> impl Iterator<Item = u16> {
    let mut next = [0_u16; LEN_MAX as usize + 1];
    let mut code = 0;
    for len in 1..=LEN_MAX {
        let shorter = lens.iter().filter(|other| **other > 0 && **other == len - 1).count();
        code = (code + u16::try_from(shorter).expect("few symbols")) << 1;
        next[usize::from(len)] = code;
    }
    lens.iter().map(move |len| {
        let code = next[usize::from(*len)];
        next[usize::from(*len)] = code.wrapping_add(1);
        if *len == 0 { 0 } else { code.reverse_bits() >> (16 - len) }
    })
}

/// Lengths for codes of symbols that come so often. There are codes for two symbols at least, since
/// less is not a whole code.
pub(super) fn lens(frequencies: &[u32], len_max: u8) -> Vec<u8> {
    let mut frequencies = frequencies.to_vec();
    for symbol in 0..frequencies.len() {
        if frequencies.iter().filter(|frequency| **frequency > 0).count() >= 2 {
            break;
        }
        frequencies[symbol] = frequencies[symbol].max(1);
    }
    loop {
        let lens = unlimited_lens(&frequencies);
        if lens.iter().all(|len| *len <= len_max) {
            return lens;
        }
        // Flatter frequencies make a flatter tree.
        for frequency in frequencies.iter_mut().filter(|frequency| **frequency > 0) {
            *frequency = frequency.div_ceil(2).max(1);
            *frequency += 1;
        }
    }
}

fn unlimited_lens(frequencies: &[u32]) -> Vec<u8> {
    let used = |(symbol, frequency): (usize, &u32)| {
        (*frequency > 0).then(|| Reverse((*frequency, symbol, vec![symbol])))
    };
    let mut trees: BinaryHeap<_> = frequencies.iter().enumerate().filter_map(used).collect();
    let mut lens = vec![0; frequencies.len()];
    while let (Some(Reverse(a)), Some(Reverse(b))) = (trees.pop(), trees.pop()) {
        let symbols = [a.2, b.2].concat();
        for symbol in &symbols {
            lens[*symbol] += 1;
        }
        if trees.is_empty() {
            break;
        }
        trees.push(Reverse((a.0 + b.0, a.1, symbols)));
    }
    lens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_3_2_2() {
        // A to H, first bit highest.
        let lens = [3, 3, 3, 3, 3, 2, 4, 4];
        let expected = [0b010, 0b011, 0b100, 0b101, 0b110, 0b00, 0b1110, 0b1111];
        for ((code, len), expected) in canonical(&lens).zip(lens).zip(expected) {
            assert_eq!(code.reverse_bits() >> (16 - len), expected);
        }
    }

    #[test]
    fn written_codes_are_read_back() {
        // Fibonacci's numbers make the deepest tree.
        let mut frequencies = vec![1, 1];
        for i in 2..40 {
            frequencies.push(frequencies[i - 1] + frequencies[i - 2]);
        }
        for len_max in [7, LEN_MAX] {
            let lens = lens(&frequencies, len_max);
            assert!(lens.iter().all(|len| (1..=len_max).contains(len)));
            let mut writer = Writer::default();
            let encoder = Encoder::new(&lens);
            (0..40).for_each(|symbol| encoder.put(symbol, &mut writer));
            let bytes = writer.into_bytes();
            let mut reader = Reader::new(&bytes);
            let decoder = Decoder::new(&lens).expect("a whole code");
            for symbol in 0..40 {
                assert_eq!(decoder.get(&mut reader), Ok(symbol));
            }
        }
    }

    #[test]
    fn a_code_is_whole() {
        assert_eq!(lens(&[0, 0, 0], 7), [1, 1, 0]);
        assert_eq!(lens(&[0, 0, 5], 7), [1, 0, 1]);
        assert!(Decoder::new(&[1, 1, 1]).is_err());
        assert!(Decoder::new(&[2, 2, 0]).is_err());
        assert!(Decoder::new(&[1, 0, 0]).is_ok());
    }
}
