//! Frames on the wire, built and taken apart the slow and obvious way.
//!
//! This is the tester's own reading of sections 5.2 to 5.4. It shares nothing with the engine, so
//! that a mistake in one cannot hide in the other, and it is short enough to be held against the
//! text of the RFC in one sitting.

use std::fmt;

/// The opcodes of section 5.2.
pub mod opcode {
    /// Continues a fragmented message.
    pub const CONTINUATION: u8 = 0x0;
    /// A text message.
    pub const TEXT: u8 = 0x1;
    /// A binary message.
    pub const BINARY: u8 = 0x2;
    /// Closes the connection.
    pub const CLOSE: u8 = 0x8;
    /// Asks for a Pong.
    pub const PING: u8 = 0x9;
    /// Answers a Ping.
    pub const PONG: u8 = 0xA;

    /// The opcode's name in the RFC.
    #[must_use]
    pub const fn name(opcode: u8) -> &'static str {
        match opcode {
            CONTINUATION => "continuation",
            TEXT => "text",
            BINARY => "binary",
            CLOSE => "close",
            PING => "ping",
            PONG => "pong",
            _ => "reserved",
        }
    }
}

/// The part of a frame before its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// FIN: the last frame of its message.
    pub fin: bool,
    /// RSV1 (4), RSV2 (2) and RSV3 (1).
    pub rsv: u8,
    /// The opcode.
    pub opcode: u8,
    /// The masking key, if the payload is masked.
    pub key: Option<[u8; 4]>,
    /// The payload length in bytes.
    pub len: u64,
    /// Whether the length is encoded in the fewest bytes.
    pub minimal: bool,
}

impl Header {
    /// A header as it should be: reserved bits clear, length in its shortest form.
    #[must_use]
    pub const fn new(fin: bool, opcode: u8, key: Option<[u8; 4]>, len: u64) -> Self {
        Self { fin, rsv: 0, opcode, key, len, minimal: true }
    }

    /// Whether it begins a control frame (5.5: "opcodes where the most significant bit of the
    /// opcode is 1").
    #[must_use]
    pub const fn is_control(&self) -> bool {
        self.opcode & 0x8 != 0
    }

    /// Reads the header that `bytes` begin with, and how many bytes it takes; `None` if some are
    /// missing.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let (len, len_end) = match second & 0x7F {
            126 => (big_endian(bytes.get(2..4)?), 4),
            127 => (big_endian(bytes.get(2..10)?), 10),
            short => (u64::from(short), 2),
        };
        let minimal = match len_end {
            4 => len >= 126,
            10 => len >= 65_536,
            _ => true,
        };
        let (key, end) = if second & 0x80 == 0 {
            (None, len_end)
        } else {
            let key = bytes.get(len_end..len_end + 4)?;
            (Some([key[0], key[1], key[2], key[3]]), len_end + 4)
        };
        let fin = first & 0x80 != 0;
        let rsv = (first >> 4) & 0x7;
        Some((Self { fin, rsv, opcode: first & 0xF, key, len, minimal }, end))
    }

    /// Writes the header in its shortest form.
    ///
    /// # Panics
    ///
    /// If the opcode or the reserved bits do not fit theirs.
    #[must_use]
    pub fn to_vec(self) -> Vec<u8> {
        assert!(self.opcode <= 0xF && self.rsv <= 0x7, "4 bits of opcode, 3 reserved bits");
        let mask_bit = if self.key.is_some() { 0x80 } else { 0 };
        let mut bytes = vec![u8::from(self.fin) << 7 | self.rsv << 4 | self.opcode];
        if let Some(len) = u8::try_from(self.len).ok().filter(|len| *len < 126) {
            bytes.push(mask_bit | len);
        } else if let Ok(len) = u16::try_from(self.len) {
            bytes.push(mask_bit | 126);
            bytes.extend(len.to_be_bytes());
        } else {
            bytes.push(mask_bit | 127);
            bytes.extend(self.len.to_be_bytes());
        }
        bytes.extend(self.key.iter().flatten());
        bytes
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", opcode::name(self.opcode))?;
        if opcode::name(self.opcode) == "reserved" {
            write!(f, " opcode {:#x}", self.opcode)?;
        }
        write!(f, " frame{}", if self.fin { "" } else { ", not final" })?;
        if self.rsv != 0 {
            write!(f, ", rsv {:#05b}", self.rsv)?;
        }
        write!(f, ", {} bytes", self.len)?;
        if let Some([a, b, c, d]) = self.key {
            write!(f, ", key {a:02x}{b:02x}{c:02x}{d:02x}")?;
        }
        Ok(())
    }
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Masks or unmasks a payload, of which `done` bytes were masked before (5.3: "octet i of the
/// transformed data is the XOR of octet i of the original data with octet at index i modulo 4 of
/// the masking key").
pub fn mask(payload: &mut [u8], key: [u8; 4], done: usize) {
    for (i, octet) in payload.iter_mut().enumerate() {
        *octet ^= key[(done + i) % 4];
    }
}

/// A whole frame, masked if there is a key.
#[must_use]
pub fn frame(fin: bool, rsv: u8, opcode: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let header = Header { rsv, ..Header::new(fin, opcode, key, payload.len() as u64) };
    let mut bytes = header.to_vec();
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    if let Some(key) = key {
        mask(&mut bytes[start..], key, 0);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of section 5.7.
    #[test]
    fn the_examples_of_the_rfc() {
        let hello = frame(true, 0, opcode::TEXT, None, b"Hello");
        assert_eq!(hello, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let masked = frame(true, 0, opcode::TEXT, Some(key), b"Hello");
        assert_eq!(masked, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
        assert_eq!(frame(false, 0, opcode::TEXT, None, b"Hel"), [0x01, 0x03, 0x48, 0x65, 0x6c]);
        assert_eq!(frame(true, 0, opcode::CONTINUATION, None, b"lo"), [0x80, 0x02, 0x6c, 0x6f]);
        assert_eq!(frame(true, 0, opcode::PING, None, b"Hello")[..2], [0x89, 0x05]);
        let header = Header::new(true, opcode::BINARY, None, 256).to_vec();
        assert_eq!(header, [0x82, 0x7E, 0x01, 0x00]);
        let header = Header::new(true, opcode::BINARY, None, 65_536).to_vec();
        assert_eq!(header, [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn headers_come_back_as_they_were_written() {
        for len in [0, 1, 125, 126, 127, 65_535, 65_536, u64::MAX] {
            for key in [None, Some([1, 2, 3, 4])] {
                for rsv in 0..8 {
                    let header = Header { rsv, ..Header::new(rsv % 2 == 0, 0xB, key, len) };
                    let bytes = header.to_vec();
                    assert_eq!(Header::parse(&bytes), Some((header, bytes.len())));
                    for cut in 0..bytes.len() {
                        assert_eq!(Header::parse(&bytes[..cut]), None);
                    }
                }
            }
        }
    }

    #[test]
    fn a_length_in_more_bytes_than_needed_is_seen() {
        let (header, _) = Header::parse(&[0x82, 126, 0, 125]).expect("a whole header");
        assert!(!header.minimal && header.len == 125);
        let (header, _) =
            Header::parse(&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]).expect("a whole header");
        assert!(!header.minimal && header.len == 65_535);
    }
}
