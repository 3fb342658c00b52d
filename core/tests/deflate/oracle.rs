//! DEFLATE (RFC 1951) read slowly and plainly, to hold what is sent against.

/// Bits of bytes, low bit first.
struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<usize> {
        let byte = *self.bytes.get(self.position / 8)?;
        let bit = usize::from(byte) >> (self.position % 8) & 1;
        self.position += 1;
        Some(bit)
    }

    fn bits(&mut self, count: usize) -> Option<usize> {
        (0..count).try_fold(0, |value, index| Some(value | self.bit()? << index))
    }

    fn align(&mut self) {
        self.position = self.position.next_multiple_of(8);
    }

    fn is_at_end(&self) -> bool {
        self.position.div_ceil(8) >= self.bytes.len()
    }
}

/// A Huffman code (3.2.2): pairs of length and symbol, in the order of their codes.
struct Code(Vec<(usize, usize)>);

impl Code {
    fn new(lens: &[usize]) -> Self {
        let mut symbols: Vec<_> =
            lens.iter().copied().enumerate().filter(|(_, len)| *len != 0).collect();
        symbols.sort_by_key(|(symbol, len)| (*len, *symbol));
        Self(symbols.into_iter().map(|(symbol, len)| (len, symbol)).collect())
    }

    fn symbol(&self, bits: &mut Bits<'_>) -> Option<usize> {
        let (mut code, mut len) = (0, 0);
        let (mut next, mut next_len) = (0, 0);
        let mut symbols = self.0.iter();
        let mut candidate = symbols.next()?;
        loop {
            code = code << 1 | bits.bit()?;
            len += 1;
            while candidate.0 == len {
                next <<= len - next_len;
                next_len = len;
                if code == next {
                    return Some(candidate.1);
                }
                next += 1;
                candidate = symbols.next()?;
            }
        }
    }
}

/// Inflates a message's payload behind what came before it, and tells how far back any match
/// reached. `None` if it is not what 7.2.1 makes.
pub(crate) fn inflate(payload: &[u8], output: &mut Vec<u8>) -> Option<usize> {
    let bytes = [payload, &[0x00, 0x00, 0xff, 0xff]].concat();
    let mut bits = Bits { bytes: &bytes, position: 0 };
    let mut distance_max = 0;
    let mut ends_empty = false;
    while !bits.is_at_end() {
        assert_eq!(bits.bit()?, 0, "our own blocks are never final");
        let before = output.len();
        let is_stored = match bits.bits(2)? {
            0 => {
                bits.align();
                let (len, inverse) = (bits.bits(16)?, bits.bits(16)?);
                assert_eq!(len ^ inverse, 0xffff);
                for _ in 0..len {
                    output.push(u8::try_from(bits.bits(8)?).ok()?);
                }
                true
            }
            1 => {
                let lens: Vec<_> = (0..288)
                    .map(|symbol| match symbol {
                        0..144 => 8,
                        144..256 => 9,
                        256..280 => 7,
                        _ => 8,
                    })
                    .collect();
                let codes = (Code::new(&lens), Code::new(&[5; 30]));
                distance_max = distance_max.max(block(&mut bits, &codes, output)?);
                false
            }
            2 => {
                let codes = dynamic_codes(&mut bits)?;
                distance_max = distance_max.max(block(&mut bits, &codes, output)?);
                false
            }
            _ => return None,
        };
        ends_empty = is_stored && output.len() == before;
    }
    ends_empty.then_some(distance_max)
}

fn dynamic_codes(bits: &mut Bits<'_>) -> Option<(Code, Code)> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let (literals, distances) = (bits.bits(5)? + 257, bits.bits(5)? + 1);
    let count = bits.bits(4)? + 4;
    let mut lens = [0; 19];
    for symbol in &ORDER[..count] {
        lens[*symbol] = bits.bits(3)?;
    }
    let code = Code::new(&lens);
    let mut lens = Vec::new();
    while lens.len() < literals + distances {
        let (len, times) = match code.symbol(bits)? {
            16 => (*lens.last()?, bits.bits(2)? + 3),
            17 => (0, bits.bits(3)? + 3),
            18 => (0, bits.bits(7)? + 11),
            len => (len, 1),
        };
        lens.extend(std::iter::repeat_n(len, times));
    }
    Some((Code::new(&lens[..literals]), Code::new(&lens[literals..])))
}

fn block(
    bits: &mut Bits<'_>,
    (literals, distances): &(Code, Code),
    output: &mut Vec<u8>,
) -> Option<usize> {
    let mut distance_max = 0;
    loop {
        let len = match literals.symbol(bits)? {
            literal @ 0..256 => {
                output.push(u8::try_from(literal).ok()?);
                continue;
            }
            256 => return Some(distance_max),
            285 => 258,
            // 3.2.5: four codes to each number of extra bits, from 0 on.
            code => extended(bits, code - 257, 4, 3)?,
        };
        let code = distances.symbol(bits)?;
        let distance = extended(bits, code, 2, 1)?;
        distance_max = distance_max.max(distance);
        for _ in 0..len {
            output.push(output[output.len().checked_sub(distance)?]);
        }
    }
}

/// The value of a code that stands for a range: `group` codes for each number of extra bits, and
/// twice as many without any.
fn extended(bits: &mut Bits<'_>, code: usize, group: usize, first: usize) -> Option<usize> {
    if code < 2 * group {
        return Some(first + code);
    }
    let extra = code / group - 1;
    Some(first + ((group + code % group) << extra) + bits.bits(extra)?)
}
