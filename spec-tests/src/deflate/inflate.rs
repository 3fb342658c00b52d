//! From DEFLATE to bytes (RFC 1951), message by message (RFC 7692, 7.2.2).

use std::fmt;
use std::sync::LazyLock;

use super::bits::Reader;
use super::huffman::Decoder;

/// The possible faults of compressed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// They end too early.
    CutOff,
    /// A block of the reserved type.
    BadBlock,
    /// The length of a stored block and its complement disagree.
    BadLength,
    /// An invalid Huffman code, or bits that are not in it.
    BadCode,
    /// A length or a distance that has no meaning.
    BadSymbol,
    /// A reference to before the window that was agreed on, or to what the sender should have
    /// forgotten.
    TooFar,
    /// More comes out than was expected.
    TooLong,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CutOff => "compressed data ends too early",
            Self::BadBlock => "a block has the reserved type",
            Self::BadLength => "a stored block contradicts itself about its length",
            Self::BadCode => "a Huffman code is none",
            Self::BadSymbol => "a length or a distance has no meaning",
            Self::TooFar => "a distance goes back further than what was agreed on",
            Self::TooLong => "more comes out than went in",
        })
    }
}

/// The receiving half of a compressed connection.
#[derive(Clone, Debug)]
pub struct Inflater {
    window_len: usize,
    takeover: bool,
    /// The window, and the message under way behind it.
    bytes: Vec<u8>,
}

/// For each length symbol from 257, and each distance symbol: where it begins, and how many bits
/// tell how far behind that it is (3.2.5).
pub(super) const LENGTHS: [(u16, u8); 29] = lengths();
pub(super) const DISTANCES: [(u16, u8); 30] = distances();

/// The order in which the lengths of the code for code lengths are written (3.2.7).
pub(super) const LEN_ORDER: [usize; 19] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

impl Inflater {
    /// An inflater for a sender who agreed to a window of so many bits, and to forget it after
    /// each message or not.
    #[must_use]
    pub const fn new(window_bits: u8, takeover: bool) -> Self {
        Self { window_len: 1 << window_bits, takeover, bytes: Vec::new() }
    }

    /// Inflates a message of which `len_max` bytes are expected at most.
    ///
    /// # Errors
    ///
    /// The fault of the payload.
    pub fn message(&mut self, payload: &[u8], len_max: usize) -> Result<Vec<u8>, Fault> {
        let start = self.bytes.len();
        // 7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload".
        let input = [payload, &[0, 0, 0xFF, 0xFF]].concat();
        self.inflate(&input, start + len_max)?;
        let message = self.bytes[start..].to_vec();
        self.forget();
        Ok(message)
    }

    /// Takes a message whose content is known already.
    pub fn skip(&mut self, message: &[u8]) {
        let start = message.len().saturating_sub(self.window_len);
        self.bytes.extend_from_slice(&message[start..]);
        self.forget();
    }

    /// Keeps what may be referred to.
    fn forget(&mut self) {
        let kept = if self.takeover { self.window_len } else { 0 };
        self.bytes.drain(..self.bytes.len().saturating_sub(kept));
    }

    fn inflate(&mut self, input: &[u8], end: usize) -> Result<(), Fault> {
        let mut reader = Reader::new(input);
        while !reader.is_at_end() {
            let is_final = reader.get(1)? == 1;
            match reader.get(2)? {
                0 => self.stored(&mut reader, end)?,
                1 => self.compressed(&mut reader, &FIXED, end)?,
                2 => {
                    let codes = dynamic(&mut reader)?;
                    self.compressed(&mut reader, &codes, end)?;
                }
                _ => return Err(Fault::BadBlock),
            }
            if is_final {
                // 7.2.3.4: another stream follows in the next byte.
                reader.align();
            }
        }
        Ok(())
    }

    fn stored(&mut self, reader: &mut Reader<'_>, end: usize) -> Result<(), Fault> {
        reader.align();
        let len = reader.get(16)?;
        if reader.get(16)? != len ^ 0xFFFF {
            return Err(Fault::BadLength);
        }
        for _ in 0..len {
            let byte = reader.get(8)?.to_le_bytes()[0];
            self.bytes.push(byte);
        }
        if self.bytes.len() > end { Err(Fault::TooLong) } else { Ok(()) }
    }

    fn compressed(
        &mut self,
        reader: &mut Reader<'_>,
        (literals, distances): &(Decoder, Decoder),
        end: usize,
    ) -> Result<(), Fault> {
        loop {
            let symbol = literals.get(reader)?;
            if let Ok(byte) = u8::try_from(symbol) {
                self.bytes.push(byte);
            } else if symbol == 256 {
                return Ok(());
            } else {
                let len = number(reader, &LENGTHS, symbol - 257)?;
                let symbol = distances.get(reader)?;
                let distance = number(reader, &DISTANCES, symbol)?;
                self.repeat(distance, len)?;
            }
            if self.bytes.len() > end {
                return Err(Fault::TooLong);
            }
        }
    }

    fn repeat(&mut self, distance: usize, len: usize) -> Result<(), Fault> {
        if distance > self.window_len {
            return Err(Fault::TooFar);
        }
        let start = self.bytes.len().checked_sub(distance).ok_or(Fault::TooFar)?;
        // The copy may overlap the bytes that it repeats.
        for from in (start..start + len).step_by(distance) {
            self.bytes.extend_from_within(from..(from + distance).min(start + len));
        }
        Ok(())
    }
}

fn number(reader: &mut Reader<'_>, table: &[(u16, u8)], symbol: usize) -> Result<usize, Fault> {
    let (start, bits) = table.get(symbol).ok_or(Fault::BadSymbol)?;
    Ok(usize::from(*start) + reader.get((*bits).into())? as usize)
}

/// The codes of a block that brings them along (3.2.7).
fn dynamic(reader: &mut Reader<'_>) -> Result<(Decoder, Decoder), Fault> {
    let literals = reader.get(5)? as usize + 257;
    let distances = reader.get(5)? as usize + 1;
    let count = reader.get(4)? as usize + 4;
    let mut lens = [0; 19];
    for place in &LEN_ORDER[..count] {
        lens[*place] = reader.get(3)?.to_le_bytes()[0];
    }
    let decoder = Decoder::new(&lens)?;
    let mut lens: Vec<u8> = Vec::with_capacity(literals + distances);
    while lens.len() < literals + distances {
        let (len, times) = match decoder.get(reader)? {
            16 => (*lens.last().ok_or(Fault::BadCode)?, 3 + reader.get(2)?),
            17 => (0, 3 + reader.get(3)?),
            18 => (0, 11 + reader.get(7)?),
            len => (len.to_le_bytes()[0], 1),
        };
        lens.extend((0..times).map(|_| len));
    }
    if lens.len() > literals + distances || lens[256] == 0 || literals > 286 {
        return Err(Fault::BadCode);
    }
    let (literals, distances) = lens.split_at(literals);
    Ok((Decoder::new(literals)?, Decoder::new(distances)?))
}

/// The codes of a block that brings none (3.2.6).
static FIXED: LazyLock<(Decoder, Decoder)> = LazyLock::new(|| {
    let whole = "these codes are whole";
    (Decoder::new(&fixed_lens()).expect(whole), Decoder::new(&[5; 32]).expect(whole))
});

pub(super) fn fixed_lens() -> [u8; 288] {
    let mut lens = [8; 288];
    lens[144..256].fill(9);
    lens[256..280].fill(7);
    lens
}

const fn lengths() -> [(u16, u8); 29] {
    let mut table = [(0, 0); 29];
    let mut start = 3;
    let mut i = 0;
    let mut bits = 0;
    while i < 28 {
        table[i] = (start, bits);
        start += 1 << bits;
        i += 1;
        // Four of each, and four more of the first.
        if i >= 8 && i % 4 == 0 {
            bits += 1;
        }
    }
    table[28] = (258, 0);
    table
}

const fn distances() -> [(u16, u8); 30] {
    let mut table = [(0, 0); 30];
    let mut start = 1;
    let mut i = 0;
    let mut bits = 0;
    while i < 30 {
        table[i] = (start, bits);
        start += 1 << bits;
        i += 1;
        // Two of each, and two more of the first.
        if i >= 4 && i % 2 == 0 {
            bits += 1;
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inflate(payloads: &[&[u8]]) -> Result<Vec<Vec<u8>>, Fault> {
        let mut inflater = Inflater::new(15, true);
        payloads.iter().map(|payload| inflater.message(payload, 1000)).collect()
    }

    /// The examples of RFC 7692, section 7.2.3.
    #[test]
    fn the_examples_of_the_rfc() {
        let hello: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(inflate(&[hello]), Ok(vec![b"Hello".to_vec()]));
        let again: &[u8] = &[0xf2, 0x00, 0x11, 0x00, 0x00];
        assert_eq!(inflate(&[hello, again]), Ok(vec![b"Hello".to_vec(); 2]));
        let stored: &[u8] = &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
        assert_eq!(inflate(&[stored]), Ok(vec![b"Hello".to_vec()]));
        let is_final: &[u8] = &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        assert_eq!(inflate(&[is_final]), Ok(vec![b"Hello".to_vec()]));
        let two_blocks: &[u8] =
            &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(inflate(&[two_blocks]), Ok(vec![b"Hello".to_vec()]));
        assert_eq!(inflate(&[&[0x00]]), Ok(vec![vec![]]));
    }

    #[test]
    fn a_sender_who_does_not_forget_is_caught() {
        let hello: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let mut inflater = Inflater::new(15, false);
        assert_eq!(inflater.message(hello, 5), Ok(b"Hello".to_vec()));
        assert_eq!(inflater.message(&[0xf2, 0x00, 0x11, 0x00, 0x00], 5), Err(Fault::TooFar));
        assert_eq!(Inflater::new(15, false).message(hello, 4), Err(Fault::TooLong));
    }

    #[test]
    fn bytes_that_are_not_deflate_are_reported() {
        assert_eq!(inflate(&[&[0x07]]), Err(Fault::BadBlock));
        assert_eq!(inflate(&[&[0x00, 0x05, 0x00, 0x05, 0x00]]), Err(Fault::BadLength));
        assert_eq!(inflate(&[&[0xf2, 0x48]]), Err(Fault::CutOff));
    }

    #[test]
    fn tables_end_where_the_rfc_says() {
        assert_eq!((LENGTHS[27], LENGTHS[28]), ((227, 5), (258, 0)));
        assert_eq!(DISTANCES[29], (24_577, 13));
    }
}
