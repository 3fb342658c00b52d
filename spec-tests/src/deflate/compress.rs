//! From bytes to DEFLATE (RFC 1951), message by message (RFC 7692, 7.2.1): a compressor that is
//! quick rather than good, and has blocks of all three types.

use super::bits::Writer;
use super::huffman::{self, Encoder};
use super::inflate::{DISTANCES, LEN_ORDER, LENGTHS, fixed_lens};

/// The sending half of a compressed connection.
#[derive(Debug)]
pub struct Compressor {
    window_len: usize,
    takeover: bool,
    /// The window, and the message under way behind it.
    bytes: Vec<u8>,
    /// Where four bytes were last seen, by their hash: a place in all that was ever sent, or one
    /// that was never reached.
    seen: Vec<usize>,
    /// How much of all that was sent is not in `bytes` any more.
    gone: usize,
}

/// The contents of a block.
#[derive(Clone, Copy, Debug)]
enum Token {
    Literal(u8),
    Repeat { len: u16, distance: u16 },
}

const HASH_BITS: u32 = 14;
const NEVER: usize = usize::MAX;
const REPEAT_LEN_MIN: usize = 4;
const REPEAT_LEN_MAX: usize = 258;

/// How many tokens a block has at most, and how many bytes if it is stored.
const BLOCK_TOKENS_MAX: usize = 16 * 1024;
const STORED_LEN_MAX: usize = 65_535;

impl Compressor {
    /// A compressor with a window of so many bits, from 8 to 15, which it forgets after each
    /// message or not.
    #[must_use]
    pub fn new(window_bits: u8, takeover: bool) -> Self {
        Self {
            window_len: 1 << window_bits,
            takeover,
            bytes: Vec::new(),
            seen: vec![NEVER; 1 << HASH_BITS],
            gone: 0,
        }
    }

    /// Compresses a message.
    pub fn message(&mut self, payload: &[u8]) -> Vec<u8> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        let mut writer = Writer::default();
        let mut at = start;
        while at < self.bytes.len() {
            let (tokens, end) = self.tokens(at);
            write_block(&tokens, &self.bytes[at..end], &mut writer);
            at = end;
        }
        // 7.2.1: an empty stored block, without the four octets `00 00 ff ff`.
        writer.put(0, 3);
        self.forget();
        writer.into_bytes()
    }

    /// Keeps what may be referred to.
    fn forget(&mut self) {
        let kept = if self.takeover { self.window_len } else { 0 };
        let dropped = self.bytes.len().saturating_sub(kept);
        self.bytes.drain(..dropped);
        self.gone += dropped;
    }

    /// The tokens from a place on, and where they end.
    fn tokens(&mut self, start: usize) -> (Vec<Token>, usize) {
        let mut tokens = Vec::new();
        let mut at = start;
        while at < self.bytes.len() && tokens.len() < BLOCK_TOKENS_MAX {
            let found = self.seen_before(at);
            let (token, len) = match found.map(|from| (at - from, self.alike(from, at))) {
                Some((distance, len)) if len >= REPEAT_LEN_MIN => (repeat(len, distance), len),
                _ => (Token::Literal(self.bytes[at]), 1),
            };
            tokens.push(token);
            at += len;
        }
        (tokens, at)
    }

    /// Where the four bytes at a place may have been before; notes that they are there.
    fn seen_before(&mut self, at: usize) -> Option<usize> {
        let four = self.bytes[at..].first_chunk()?;
        let hash = u32::from_le_bytes(*four).wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS);
        let place = std::mem::replace(&mut self.seen[hash as usize], self.gone + at);
        let from = place.checked_sub(self.gone).filter(|_| place != NEVER)?;
        (at - from <= self.window_len).then_some(from)
    }

    fn alike(&self, from: usize, at: usize) -> usize {
        let pairs = self.bytes[from..].iter().zip(&self.bytes[at..]).take(REPEAT_LEN_MAX);
        pairs.take_while(|(a, b)| a == b).count()
    }
}

fn repeat(len: usize, distance: usize) -> Token {
    let narrow = |number: usize| u16::try_from(number).expect("within 32 KiB");
    Token::Repeat { len: narrow(len), distance: narrow(distance) }
}

/// Writes a block in the shortest of the three forms.
fn write_block(tokens: &[Token], bytes: &[u8], writer: &mut Writer) {
    let mut literals = [0; 286];
    let mut distances = [0; 30];
    literals[256] = 1;
    for token in tokens {
        match token {
            Token::Literal(byte) => literals[usize::from(*byte)] += 1,
            Token::Repeat { len, distance } => {
                literals[257 + place(&LENGTHS, *len)] += 1;
                distances[place(&DISTANCES, *distance)] += 1;
            }
        }
    }
    let fixed = Codes::new(&fixed_lens(), &[5; 30]);
    let lens = [&literals[..], &distances].map(|f| huffman::lens(f, huffman::LEN_MAX));
    let own = Codes::new(&lens[0], &lens[1]);
    // The codes themselves take some 100 bytes.
    let [fixed_len, own_len] =
        [&fixed, &own].map(|codes| codes.len(&literals, &distances) as usize / 8);
    if bytes.len() < fixed_len.min(own_len + 100) {
        write_stored(bytes, writer);
    } else if fixed_len <= own_len + 100 {
        writer.put(0b010, 3);
        fixed.write(tokens, writer);
    } else {
        writer.put(0b100, 3);
        write_lens(&lens, writer);
        own.write(tokens, writer);
    }
}

fn write_stored(bytes: &[u8], writer: &mut Writer) {
    for piece in bytes.chunks(STORED_LEN_MAX) {
        writer.put(0b000, 3);
        writer.align();
        let len = u16::try_from(piece.len()).expect("a piece is no longer");
        writer.put_bytes(&len.to_le_bytes());
        writer.put_bytes(&(!len).to_le_bytes());
        writer.put_bytes(piece);
    }
}

/// 3.2.7: the lengths of the codes, as codes of their own; one by one but for zeros.
fn write_lens([literals, distances]: &[Vec<u8>; 2], writer: &mut Writer) {
    let lens = [&literals[..], distances].concat();
    let mut symbols: Vec<(usize, u32, u32)> = Vec::new();
    let mut rest = &lens[..];
    while let [len, after @ ..] = rest {
        let zeros = rest.iter().take(138).take_while(|len| **len == 0).count();
        let more = u32::try_from(zeros).expect("138 at most");
        let (symbol, taken) = match zeros {
            0..3 => ((usize::from(*len), 0, 0), 1),
            3..11 => ((17, more - 3, 3), zeros),
            _ => ((18, more - 11, 7), zeros),
        };
        symbols.push(symbol);
        rest = &after[taken - 1..];
    }
    let mut frequencies = [0; 19];
    for (symbol, ..) in &symbols {
        frequencies[*symbol] += 1;
    }
    let lens = huffman::lens(&frequencies, 7);
    let code = Encoder::new(&lens);
    writer.put(29, 5);
    writer.put(29, 5);
    writer.put(15, 4);
    for place in LEN_ORDER {
        writer.put(lens[place].into(), 3);
    }
    for (symbol, more, bits) in symbols {
        code.put(symbol, writer);
        writer.put(more, bits);
    }
}

/// The two codes of a block.
struct Codes {
    literals: Encoder,
    distances: Encoder,
}

impl Codes {
    fn new(literals: &[u8], distances: &[u8]) -> Self {
        Self { literals: Encoder::new(literals), distances: Encoder::new(distances) }
    }

    /// How many bits symbols of these frequencies take.
    fn len(&self, literals: &[u32; 286], distances: &[u32; 30]) -> u32 {
        let bits = |code: &Encoder, frequencies: &[u32], extra: &dyn Fn(usize) -> u8| -> u32 {
            let lens = frequencies.iter().enumerate();
            lens.map(|(i, f)| if *f > 0 { f * (code.len(i) + u32::from(extra(i))) } else { 0 })
                .sum()
        };
        let of_len = |symbol: usize| symbol.checked_sub(257).map_or(0, |i| LENGTHS[i].1);
        bits(&self.literals, literals, &of_len)
            + bits(&self.distances, distances, &|i| DISTANCES[i].1)
    }

    fn write(&self, tokens: &[Token], writer: &mut Writer) {
        let number = |table: &[(u16, u8)], place: usize, number: u16, writer: &mut Writer| {
            let (start, bits) = table[place];
            writer.put((number - start).into(), bits.into());
        };
        for token in tokens {
            match *token {
                Token::Literal(byte) => self.literals.put(byte.into(), writer),
                Token::Repeat { len, distance } => {
                    let at = place(&LENGTHS, len);
                    self.literals.put(257 + at, writer);
                    number(&LENGTHS, at, len, writer);
                    let at = place(&DISTANCES, distance);
                    self.distances.put(at, writer);
                    number(&DISTANCES, at, distance, writer);
                }
            }
        }
        self.literals.put(256, writer);
    }
}

/// The last entry that does not begin behind the number.
fn place(table: &[(u16, u8)], number: u16) -> usize {
    table.partition_point(|(start, _)| *start <= number) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataSet;
    use crate::deflate::{Fault, Inflater};
    use crate::random::Random;

    #[test]
    fn compressed_data_inflates_to_the_original() {
        for set in DataSet::ALL {
            for (bits, takeover) in [(15, true), (15, false), (9, true), (8, true), (8, false)] {
                let mut compressor = Compressor::new(bits, takeover);
                let mut inflater = Inflater::new(bits, takeover);
                let mut random = Random::new(1);
                for magnitude in [0, 1, 4, 7, 10, 13, 15, 17] {
                    let len = random.below(1 << magnitude);
                    let start = random.below(set.bytes().len() - len);
                    let message = &set.bytes()[start..start + len];
                    let compressed = compressor.message(message);
                    assert!(!compressed.is_empty() && compressed.len() <= len + 32);
                    let inflated = inflater.message(&compressed, len);
                    assert!(inflated.as_deref() == Ok(message), "{set} {len}: {inflated:?}");
                }
            }
        }
    }

    #[test]
    fn repeated_text_becomes_much_shorter() {
        let json = DataSet::Json.bytes();
        let len = Compressor::new(15, true).message(json).len();
        assert!(len * 10 < json.len(), "{len}");
    }

    #[test]
    fn a_smaller_window_is_kept() {
        let message: Vec<u8> = (0..1000_u32).flat_map(|i| (i * i).to_le_bytes()).collect();
        let twice = [&message[..], &message].concat();
        let far = Compressor::new(15, true).message(&twice);
        let mut inflater = Inflater::new(9, true);
        assert_eq!(inflater.message(&far, twice.len()), Err(Fault::TooFar));
        let near = Compressor::new(9, true).message(&twice);
        assert_eq!(Inflater::new(9, true).message(&near, twice.len()), Ok(twice));
    }
}
