//! Ways to cut a stream of frames into reads.
//!
//! A transport keeps the order of bytes and nothing else: what was one write can come in many
//! reads, and many writes in one. Whatever the cut, the same must come of it.

use std::fmt;

use crate::case::Case;
use crate::random::Random;
use crate::wire::Header;

/// A way to cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cutting {
    /// All that there is in one read.
    Whole,
    /// Each write in a read of its own.
    AsWritten,
    /// Reads of one byte.
    ByteByByte,
    /// A cut so many bytes after each border between header and payload, payload and header.
    Borders(i8),
    /// Cuts at random, of all magnitudes.
    Random(u64),
}

impl Cutting {
    /// The cuttings that a case is worth: all, unless it sends so much that they take too long,
    /// or nothing.
    #[must_use]
    pub fn all(case: &Case) -> Vec<Self> {
        if case.deflate.is_some() && case.sent_len() > 128 * 1024 {
            return vec![Self::Whole];
        }
        let mut cuttings = vec![Self::Whole, Self::AsWritten, Self::Random(1), Self::Borders(1)];
        if case.sent_len() <= 128 * 1024 {
            cuttings.extend([Self::Borders(-1), Self::Borders(0)]);
            cuttings.extend([Self::Random(2), Self::ByteByByte]);
        }
        cuttings
    }
}

impl fmt::Display for Cutting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("whole"),
            Self::AsWritten => f.write_str("as written"),
            Self::ByteByByte => f.write_str("byte by byte"),
            Self::Borders(shift) => write!(f, "at borders {shift:+}"),
            Self::Random(seed) => write!(f, "at random, seed {seed}"),
        }
    }
}

/// Cuts one stream.
#[derive(Debug)]
pub struct Cutter {
    cutting: Cutting,
    random: Random,
    /// Bytes until the next header, as far as is known.
    until_header: u64,
}

impl Cutter {
    /// A cutter for a stream that begins with a header.
    #[must_use]
    pub const fn new(cutting: Cutting) -> Self {
        let seed = match cutting {
            Cutting::Random(seed) => seed,
            _ => 0,
        };
        Self { cutting, random: Random::new(seed), until_header: 0 }
    }

    /// Cuts the writes that come next.
    pub fn cut(&mut self, writes: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        if self.cutting == Cutting::AsWritten {
            return writes;
        }
        let bytes = writes.concat();
        let mut cuts = match self.cutting {
            Cutting::Whole | Cutting::AsWritten => vec![],
            Cutting::ByteByByte => (1..bytes.len()).collect(),
            Cutting::Borders(shift) => {
                let borders = self.borders(&bytes);
                borders.iter().filter_map(|at| at.checked_add_signed(shift.into())).collect()
            }
            Cutting::Random(_) => self.random_cuts(bytes.len()),
        };
        cuts.retain(|at| (1..bytes.len()).contains(at));
        cuts.push(bytes.len());
        let mut start = 0;
        let mut pieces = Vec::with_capacity(cuts.len());
        for end in cuts {
            // Borders less than the shift apart would cut out of order.
            if end > start {
                pieces.push(bytes[start..end].to_vec());
                start = end;
            }
        }
        pieces
    }

    /// Where headers begin and end. A header does not straddle two calls: the fuzzer writes it
    /// at once, even if in several writes.
    fn borders(&mut self, bytes: &[u8]) -> Vec<usize> {
        let mut borders = Vec::new();
        let mut at = 0;
        loop {
            let rest = (bytes.len() - at) as u64;
            if self.until_header >= rest {
                self.until_header -= rest;
                return borders;
            }
            at += usize::try_from(self.until_header).expect("less than the rest");
            let Some((header, len)) = Header::parse(&bytes[at..]) else {
                self.until_header = 0;
                return borders;
            };
            borders.extend([at, at + len]);
            at += len;
            self.until_header = header.len;
        }
    }

    /// Each piece is of a random magnitude up to 64 KiB, and random within it.
    fn random_cuts(&mut self, len: usize) -> Vec<usize> {
        let mut cuts = Vec::new();
        let mut at = 0;
        while at < len {
            let magnitude = self.random.below(17);
            at += 1 + self.random.below(1 << magnitude);
            cuts.push(at);
        }
        cuts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame;

    fn cut(cutting: Cutting, writes: &[&[u8]]) -> Vec<Vec<u8>> {
        Cutter::new(cutting).cut(writes.iter().map(|write| write.to_vec()).collect())
    }

    #[test]
    fn borders_lie_before_and_after_headers() {
        let frames = [frame(true, 0, 1, None, b"abc"), frame(true, 0, 9, None, b"")].concat();
        let cut = |shift| cut(Cutting::Borders(shift), &[&frames]);
        assert_eq!(cut(0), [&b"\x81\x03"[..], b"abc", b"\x89\x00"]);
        assert_eq!(cut(1), [&b"\x81"[..], b"\x03a", b"bc\x89", b"\x00"]);
        assert_eq!(cut(-1), [&b"\x81"[..], b"\x03ab", b"c\x89", b"\x00"]);
    }

    #[test]
    fn borders_are_found_across_writes() {
        let mut cutter = Cutter::new(Cutting::Borders(0));
        assert_eq!(cutter.cut(vec![b"\x81\x03a".to_vec()]), [&b"\x81\x03"[..], b"a"]);
        assert_eq!(cutter.cut(vec![b"bc\x89\x00".to_vec()]), [&b"bc"[..], b"\x89\x00"]);
    }

    #[test]
    fn nothing_is_lost() {
        let stream: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        for cutting in [
            Cutting::Whole,
            Cutting::AsWritten,
            Cutting::ByteByByte,
            Cutting::Borders(1),
            Cutting::Random(1),
        ] {
            let pieces = cut(cutting, &[&stream[..7], &stream[7..]]);
            assert_eq!(pieces.concat(), stream, "{cutting}");
            assert!(pieces.iter().all(|piece| !piece.is_empty()), "{cutting}");
        }
        assert_eq!(cut(Cutting::ByteByByte, &[b"abc"]).len(), 3);
        assert_eq!(cut(Cutting::AsWritten, &[b"ab", b"c"]).len(), 2);
        assert_eq!(cut(Cutting::Whole, &[b"ab", b"c"]).len(), 1);
    }
}
