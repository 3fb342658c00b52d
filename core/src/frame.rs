//! The base framing protocol (5.2): opcodes, and a frame's header in both directions.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-------+-+-------------+-------------------------------+
//! |F|R|R|R| opcode|M| Payload len |    Extended payload length    |
//! |I|S|S|S|  (4)  |A|     (7)     |   (16 or 64 bits, for 126     |
//! |N|V|V|V|       |S|             |    or 127 in the 7 bits)      |
//! | |1|2|3|       |K|             |                               |
//! +-+-+-+-+-------+-+-------------+-------------------------------+
//! |             Masking key (32 bits, if MASK is set)             |
//! +---------------------------------------------------------------+
//! |                         Payload data                          |
//! +---------------------------------------------------------------+
//! ```

use crate::error::ProtocolError;
use crate::mask::MaskingKey;

/// The longest header: two bytes, a 64-bit length and a masking key.
pub(crate) const HEADER_LEN_MAX: usize = 14;

/// The longest payload of a control frame (5.5).
pub(crate) const CONTROL_PAYLOAD_LEN_MAX: usize = 125;

/// The longest control frame: its length always fits the 7 bits.
pub(crate) const CONTROL_FRAME_LEN_MAX: usize = 2 + 4 + CONTROL_PAYLOAD_LEN_MAX;

pub(crate) const FIN: u8 = 0x80;
const RSV: u8 = 0x70;
/// The bit that an extension may define (9.2).
pub(crate) const RSV1: u8 = 0x40;
const OPCODE: u8 = 0x0f;
pub(crate) const MASK: u8 = 0x80;
const LEN_7: u8 = 0x7f;
pub(crate) const LEN_16: u8 = 126;
const LEN_64: u8 = 127;

/// The kinds of frames (5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Opcode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xa,
}

impl Opcode {
    const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    /// 5.5: "Control frames are identified by opcodes where the most significant bit of the
    /// opcode is 1."
    pub(crate) const fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }

    pub(crate) const fn begins_message(self) -> bool {
        matches!(self, Self::Text | Self::Binary)
    }
}

/// A frame's header, read from the wire and lawful in itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) fin: bool,
    /// Whether the message that begins here is for the extension to decode.
    pub(crate) rsv1: bool,
    pub(crate) opcode: Opcode,
    pub(crate) key: MaskingKey,
    pub(crate) payload_len: u64,
    /// Bytes of the header itself.
    pub(crate) len: usize,
}

impl Header {
    /// Whether these bytes hold a whole frame with a length of seven bits, masked or not, which may
    /// break rules. `false` may be wrong for the last frame.
    #[inline]
    pub(crate) fn is_short_frame(bytes: &[u8]) -> bool {
        let Some(second) = bytes.get(1) else { return false };
        let len = second & LEN_7;
        len < LEN_16 && bytes.len() >= usize::from(len).saturating_add(2 + 4)
    }

    /// Reads the header at the start of `bytes`; `None` until all of it is there.
    ///
    /// A broken rule is reported as soon as the byte that breaks it and its neighbour are there:
    /// before the rest of the header, and before any payload.
    ///
    /// `extended` says that an extension was negotiated, which defines RSV1.
    #[inline]
    pub(crate) fn parse(
        bytes: &[u8],
        masked: bool,
        extended: bool,
    ) -> Result<Option<Self>, ProtocolError> {
        let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
        let Some(opcode) = Opcode::from_bits(first & OPCODE) else {
            // 5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the
            // WebSocket Connection_."
            return Err(ProtocolError::ReservedOpcode(first & OPCODE));
        };
        // 5.2: RSV1 to RSV3 "MUST be 0 unless an extension is negotiated that defines meanings for
        // non-zero values". RFC 7692, section 6: the one that it defines stands on the first frame
        // of a data message and nowhere else.
        let defined = if extended && opcode.begins_message() { RSV1 } else { 0 };
        if first & RSV & !defined != 0 {
            return Err(ProtocolError::ReservedBits);
        }
        let fin = first & FIN != 0;
        if opcode.is_control() {
            // 5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST
            // NOT be fragmented."
            if !fin {
                return Err(ProtocolError::FragmentedControlFrame);
            }
            if second & LEN_7 > 125 {
                return Err(ProtocolError::ControlFrameTooLong);
            }
        }
        // 5.1: "The server MUST close the connection upon receiving a frame that is not masked."
        // "A client MUST close a connection if it detects a masked frame."
        if (second & MASK != 0) != masked {
            return Err(if masked {
                ProtocolError::UnmaskedFrame
            } else {
                ProtocolError::MaskedFrame
            });
        }
        let (payload_len, rest, (len, masked_len)) = match second & LEN_7 {
            LEN_16 => {
                let Some((len, rest)) = rest.split_first_chunk() else { return Ok(None) };
                let len = u64::from(u16::from_be_bytes(*len));
                // 5.2: "in all cases, the minimal number of bytes MUST be used to encode the
                // length".
                if len < u64::from(LEN_16) {
                    return Err(ProtocolError::LengthNotMinimal);
                }
                (len, rest, (4, 8))
            }
            LEN_64 => {
                let Some((len, rest)) = rest.split_first_chunk() else { return Ok(None) };
                let len = u64::from_be_bytes(*len);
                // 5.2: "the most significant bit MUST be 0".
                if len >> 63 != 0 {
                    return Err(ProtocolError::LengthOutOfRange);
                }
                if len <= u64::from(u16::MAX) {
                    return Err(ProtocolError::LengthNotMinimal);
                }
                (len, rest, (10, 14))
            }
            len => (u64::from(len), rest, (2, 6)),
        };
        let (key, len) = if masked {
            let Some(key) = rest.first_chunk() else { return Ok(None) };
            (MaskingKey::new(*key), masked_len)
        } else {
            (MaskingKey::NONE, len)
        };
        let rsv1 = first & RSV1 != 0;
        Ok(Some(Self { fin, rsv1, opcode, key, payload_len, len }))
    }
}

/// The bytes of a header to send, and how many of them count.
///
/// They are put together as numbers, low byte first, and so never stand in memory in parts.
#[inline]
pub(crate) fn encode(first: u8, payload_len: usize, key: Option<MaskingKey>) -> ([u8; 16], usize) {
    let (mask, key, key_len) = match key {
        Some(key) => (MASK, u64::from(u32::from_le_bytes(key.to_bytes())), 4),
        None => (0, 0, 0_usize),
    };
    let begin = |len_7: u8| u64::from(first) | u64::from(len_7 | mask) << 8;
    let (low, high, len) = if payload_len < usize::from(LEN_16) {
        (begin(payload_len.to_le_bytes()[0]) | key << 16, 0, 2)
    } else if let Ok(len) = u16::try_from(payload_len) {
        (begin(LEN_16) | u64::from(len.swap_bytes()) << 16 | key << 32, 0, 4)
    } else {
        let len = (payload_len as u64).swap_bytes();
        (begin(LEN_64) | len << 16, len >> 48 | key << 16, 10)
    };
    let bytes = u128::from(low) | u128::from(high) << 64;
    (bytes.to_le_bytes(), key_len.wrapping_add(len))
}

/// The length of the whole frame whose header, made by [`encode`], stands at the start of
/// `bytes`.
pub(crate) fn encoded_len(bytes: &[u8]) -> usize {
    let masked = bytes.get(1).is_some_and(|second| second & MASK != 0);
    let Ok(Some(header)) = Header::parse(bytes, masked, true) else {
        debug_assert!(false, "the header was laid whole by `encode`");
        return bytes.len();
    };
    // Its payload lies in memory.
    let payload_len = usize::try_from(header.payload_len).unwrap_or(usize::MAX);
    payload_len.saturating_add(header.len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Option<Header>, ProtocolError> {
        Header::parse(bytes, false, false)
    }

    #[test]
    fn every_length_is_encoded_in_its_shortest_form() {
        for (len, header) in [
            (0, &[0x82, 0][..]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (65_535, &[0x82, 126, 0xff, 0xff]),
            (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let (bytes, count) = encode(FIN | Opcode::Binary as u8, len, None);
            assert_eq!(&bytes[..count], header);
            let parsed = parse(header).expect("lawful").expect("whole");
            assert_eq!((parsed.payload_len, parsed.len), (len as u64, count));
            for cut in 0..count {
                assert_eq!(parse(&header[..cut]), Ok(None));
            }
        }
    }

    #[test]
    fn a_longer_form_than_needed_is_refused() {
        let not_minimal = Err(ProtocolError::LengthNotMinimal);
        assert_eq!(parse(&[0x82, 126, 0, 125]), not_minimal);
        assert_eq!(parse(&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff]), not_minimal);
        let out_of_range = Err(ProtocolError::LengthOutOfRange);
        assert_eq!(parse(&[0x82, 127, 0x80, 0, 0, 0, 0, 1, 0, 0]), out_of_range);
    }

    #[test]
    fn a_fault_in_the_first_two_bytes_is_found_without_more_bytes() {
        assert_eq!(parse(&[0x83, 0]), Err(ProtocolError::ReservedOpcode(3)));
        assert_eq!(parse(&[0x09, 0]), Err(ProtocolError::FragmentedControlFrame));
        assert_eq!(parse(&[0x89, 126]), Err(ProtocolError::ControlFrameTooLong));
        assert_eq!(parse(&[0x81, 0x80]), Err(ProtocolError::MaskedFrame));
        assert_eq!(Header::parse(&[0x81, 0], true, false), Err(ProtocolError::UnmaskedFrame));
    }

    #[test]
    fn a_short_frame_is_seen_where_all_of_it_and_four_bytes_more_are_there() {
        let bytes = |len_7: u8, len: usize| {
            let mut bytes = [0; 200];
            bytes[1] = len_7;
            Header::is_short_frame(&bytes[..len])
        };
        for mask in [0, MASK] {
            for len_7 in [0, 1, 125] {
                let len = 6 + usize::from(len_7);
                assert!(bytes(mask | len_7, len) && bytes(mask | len_7, 200), "{len_7}");
                assert!(!bytes(mask | len_7, len - 1), "{len_7}");
            }
            assert!(!bytes(mask | LEN_16, 200) && !bytes(mask | LEN_64, 200));
            assert!(!bytes(mask, 1) && !bytes(mask, 0));
        }
    }

    #[test]
    fn an_extension_defines_rsv1_where_a_message_begins() {
        for first in 0..=0xff_u8 {
            let extended = Header::parse(&[first, 0], false, true);
            let expected = match first & 0x70 {
                0 => parse(&[first, 0]),
                0x40 if matches!(first & 0xf, 1 | 2) => parse(&[first & !0x40, 0])
                    .map(|header| header.map(|header| Header { rsv1: true, ..header })),
                _ if Opcode::from_bits(first & 0xf).is_none() => parse(&[first, 0]),
                _ => Err(ProtocolError::ReservedBits),
            };
            assert_eq!(extended, expected, "{first:x}");
        }
    }
}
