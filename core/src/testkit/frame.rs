//! Frames by hand (5.2), lawful or not.

use alloc::vec::Vec;
use core::fmt;

use crate::{CloseCode, Role};

/// The masking key of frames that need one and were given none: that of the examples in section
/// 5.7.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame (5.2) with every field to set, also to what the protocol forbids: for a test that shows
/// what a peer of yours may get.
///
/// It shares no code with the engine, so that a mistake in one cannot hide in the other.
///
/// ```
/// use bluewire_core::Role;
/// use bluewire_core::testkit::Frame;
///
/// assert_eq!(Frame::text("Hello").bytes_from(Role::Server), b"\x81\x05Hello");
/// // A client's frames are masked.
/// assert_eq!(Frame::text("Hello").bytes_from(Role::Client).len(), 11);
/// // A fragmented Ping with a reserved bit: against the rules in two ways.
/// let unlawful = Frame::ping("?").not_final().rsv(0b001);
/// assert_eq!(unlawful.bytes_from(Role::Server), b"\x19\x01?");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    fin: bool,
    rsv: u8,
    opcode: u8,
    masking: Masking,
    form: LengthForm,
    /// The fields in which the header differs from the truth.
    announced: Option<u64>,
    payload: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Masking {
    /// As the role of the sender wants it.
    Lawful,
    Key([u8; 4]),
    None,
}

/// In how many bits a frame's header has the payload length (5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these three")]
pub enum LengthForm {
    /// 7 bits: up to 125 bytes.
    Bits7,
    /// 16 bits, behind a 126: up to 65,535 bytes.
    Bits16,
    /// 64 bits, behind a 127.
    Bits64,
}

impl LengthForm {
    /// 5.2: "in all cases, the minimal number of bytes MUST be used to encode the length".
    const fn minimal(len: u64) -> Self {
        match len {
            0..=125 => Self::Bits7,
            126..=0xffff => Self::Bits16,
            _ => Self::Bits64,
        }
    }
}

impl Frame {
    /// A frame of any opcode, of which the last 4 bits count: final, with the reserved bits clear,
    /// masked if a client sends it.
    #[must_use]
    pub fn new(opcode: u8, payload: impl AsRef<[u8]>) -> Self {
        let payload = payload.as_ref().to_vec();
        Self {
            fin: true,
            rsv: 0,
            opcode: opcode & 0xf,
            masking: Masking::Lawful,
            form: LengthForm::minimal(payload.len() as u64),
            announced: None,
            payload,
        }
    }

    /// A text message, or the first frame of one. The payload need not be UTF-8.
    #[must_use]
    pub fn text(payload: impl AsRef<[u8]>) -> Self {
        Self::new(0x1, payload)
    }

    /// A binary message, or the first frame of one.
    #[must_use]
    pub fn binary(payload: impl AsRef<[u8]>) -> Self {
        Self::new(0x2, payload)
    }

    /// A frame that goes on with a message.
    #[must_use]
    pub fn continuation(payload: impl AsRef<[u8]>) -> Self {
        Self::new(0x0, payload)
    }

    /// A Ping.
    #[must_use]
    pub fn ping(payload: impl AsRef<[u8]>) -> Self {
        Self::new(0x9, payload)
    }

    /// A Pong.
    #[must_use]
    pub fn pong(payload: impl AsRef<[u8]>) -> Self {
        Self::new(0xa, payload)
    }

    /// A Close frame with a code, whether or not it may be sent, and a reason. One without a code
    /// is [`Frame::new(8, "")`](Self::new).
    #[must_use]
    pub fn close(code: CloseCode, reason: &str) -> Self {
        Self::new(0x8, [&code.value().to_be_bytes(), reason.as_bytes()].concat())
    }

    /// The same with FIN clear: the message goes on.
    #[must_use]
    pub const fn not_final(mut self) -> Self {
        self.fin = false;
        self
    }

    /// The same with these reserved bits, of which the last 3 count: RSV1 is `0b100`.
    #[must_use]
    pub const fn rsv(mut self, bits: u8) -> Self {
        self.rsv = bits & 0x7;
        self
    }

    /// The same masked with this key, whoever sends it.
    #[must_use]
    pub const fn masked(mut self, key: [u8; 4]) -> Self {
        self.masking = Masking::Key(key);
        self
    }

    /// The same without a mask, whoever sends it.
    #[must_use]
    pub const fn unmasked(mut self) -> Self {
        self.masking = Masking::None;
        self
    }

    /// The same with its length in this form, also where it is longer than needed. A length that
    /// does not fit is cut off.
    #[must_use]
    pub const fn length_form(mut self, form: LengthForm) -> Self {
        self.form = form;
        self
    }

    /// The same with a header that announces so many bytes, whatever the payload is.
    #[must_use]
    pub const fn announcing(mut self, len: u64) -> Self {
        self.announced = Some(len);
        self.form = LengthForm::minimal(len);
        self
    }

    /// FIN: whether it is the last frame of its message.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        self.fin
    }

    /// The reserved bits: RSV1 is `0b100`.
    #[must_use]
    pub const fn reserved_bits(&self) -> u8 {
        self.rsv
    }

    /// The opcode.
    #[must_use]
    pub const fn opcode(&self) -> u8 {
        self.opcode
    }

    /// The payload, without a mask.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The key, if this sender would mask it.
    #[must_use]
    pub const fn key(&self, sender: Role) -> Option<[u8; 4]> {
        match (self.masking, sender) {
            (Masking::Key(key), _) => Some(key),
            (Masking::Lawful, Role::Client) => Some(KEY),
            (Masking::Lawful, Role::Server) | (Masking::None, _) => None,
        }
    }

    /// The frame as a sender of this role would write it.
    #[must_use]
    pub fn bytes_from(&self, sender: Role) -> Vec<u8> {
        let key = self.key(sender);
        let mask = u8::from(key.is_some()) << 7;
        let len = self.announced.unwrap_or(self.payload.len() as u64);
        let [.., low_2, low] = len.to_be_bytes();
        let mut bytes = Vec::with_capacity(14 + self.payload.len());
        bytes.push(u8::from(self.fin) << 7 | self.rsv << 4 | self.opcode);
        match self.form {
            LengthForm::Bits7 => bytes.push(mask | low & 0x7f),
            LengthForm::Bits16 => bytes.extend([mask | 126, low_2, low]),
            LengthForm::Bits64 => {
                bytes.push(mask | 127);
                bytes.extend(len.to_be_bytes());
            }
        }
        bytes.extend(key.iter().flatten());
        let start = bytes.len();
        bytes.extend(&self.payload);
        apply(key, &mut bytes[start..]);
        bytes
    }

    /// Takes the first frame from what a peer has written, and tells its length there; `None`
    /// while bytes are missing. Every frame is taken, lawful or not.
    ///
    /// ```
    /// use bluewire_core::testkit::Frame;
    ///
    /// let (frame, len) = Frame::parse(b"\x89\x02hi\x81").expect("a whole frame");
    /// assert_eq!((frame.to_string(), len), ("ping fin 2 bytes \"hi\"".into(), 4));
    /// assert!(Frame::parse(b"\x81").is_none());
    /// ```
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let &[first, second, ..] = bytes else { return None };
        let (form, len, len_end) = match second & 0x7f {
            126 => (LengthForm::Bits16, big_endian(bytes.get(2..4)?), 4),
            127 => (LengthForm::Bits64, big_endian(bytes.get(2..10)?), 10),
            len => (LengthForm::Bits7, u64::from(len), 2),
        };
        let (masking, start) = if second & 0x80 == 0 {
            (Masking::None, len_end)
        } else {
            let key = bytes.get(len_end..len_end + 4)?.try_into().ok()?;
            (Masking::Key(key), len_end + 4)
        };
        let end = start.checked_add(usize::try_from(len).ok()?)?;
        let mut payload = bytes.get(start..end)?.to_vec();
        if let Masking::Key(key) = masking {
            apply(Some(key), &mut payload);
        }
        let (fin, rsv, opcode) = (first & 0x80 != 0, first >> 4 & 0x7, first & 0xf);
        Some((Self { fin, rsv, opcode, masking, form, announced: None, payload }, end))
    }

    /// Whether the other one says the same, however it is masked and its length written.
    #[must_use]
    pub fn says_same(&self, other: &Self) -> bool {
        let said = |frame: &Self| (frame.fin, frame.rsv, frame.opcode);
        said(self) == said(other) && self.payload == other.payload
    }

    /// The frame as a line of text, with at most so many bytes of its payload; `None` leaves the
    /// payload out, which may be secret.
    #[must_use]
    pub const fn display(&self, preview: Option<usize>) -> FrameDisplay<'_> {
        FrameDisplay { frame: self, preview }
    }
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// 5.3: "octet i of the transformed data ("transformed-octet-i") is the XOR of octet i of the
/// original data ("original-octet-i") with octet at index i modulo 4 of the masking key".
fn apply(key: Option<[u8; 4]>, payload: &mut [u8]) {
    let Some(key) = key else { return };
    for (octet, key) in payload.iter_mut().zip(key.iter().cycle()) {
        *octet ^= key;
    }
}

/// A [`Frame`] as a line of text.
#[derive(Clone, Copy, Debug)]
pub struct FrameDisplay<'a> {
    frame: &'a Frame,
    preview: Option<usize>,
}

/// With the first 64 bytes of its payload.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.display(Some(64)).fmt(f)
    }
}

impl fmt::Display for FrameDisplay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Frame { fin, rsv, opcode, masking, form, announced, payload } = self.frame;
        match opcode {
            0x0 => f.write_str("continuation")?,
            0x1 => f.write_str("text")?,
            0x2 => f.write_str("binary")?,
            0x8 => f.write_str("close")?,
            0x9 => f.write_str("ping")?,
            0xa => f.write_str("pong")?,
            _ => write!(f, "reserved opcode 0x{opcode:x}")?,
        }
        if *fin {
            f.write_str(" fin")?;
        }
        for (bit, name) in [(0b100, " rsv1"), (0b010, " rsv2"), (0b001, " rsv3")] {
            if rsv & bit != 0 {
                f.write_str(name)?;
            }
        }
        if let Masking::Key([a, b, c, d]) = masking {
            write!(f, " mask {a:02x}{b:02x}{c:02x}{d:02x}")?;
        }
        write!(f, " {} bytes", payload.len())?;
        if let Some(announced) = announced {
            write!(f, " ({announced} announced)")?;
        } else if *form != LengthForm::minimal(payload.len() as u64) {
            f.write_str(" (length not in its shortest form)")?;
        }
        let Some(max) = self.preview else { return Ok(()) };
        let body = match payload.split_first_chunk() {
            Some((code, reason)) if *opcode == 0x8 => {
                write!(f, " {}", u16::from_be_bytes(*code))?;
                reason
            }
            _ => payload,
        };
        let readable = (*opcode != 0x2 && *rsv == 0).then(|| core::str::from_utf8(body).ok());
        preview(f, body, readable.flatten(), max)
    }
}

fn preview(
    f: &mut fmt::Formatter<'_>,
    bytes: &[u8],
    text: Option<&str>,
    max: usize,
) -> fmt::Result {
    let mut len = bytes.len().min(max);
    if bytes.is_empty() || max == 0 {
        return Ok(());
    }
    f.write_str(" ")?;
    if let Some(text) = text {
        while !text.is_char_boundary(len) {
            len -= 1;
        }
        write!(f, "{:?}", &text[..len])?;
    } else {
        for byte in &bytes[..len] {
            write!(f, "{byte:02x}")?;
        }
    }
    if len < bytes.len() { f.write_str("...") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;

    /// The examples of section 5.7.
    #[test]
    fn the_examples_of_the_rfc() {
        let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(Frame::text("Hello").bytes_from(Role::Client), masked);
        let bytes = Frame::text("Hel").not_final().bytes_from(Role::Server);
        assert_eq!(bytes, [0x01, 0x03, 0x48, 0x65, 0x6c]);
        assert_eq!(Frame::continuation("lo").bytes_from(Role::Server), [0x80, 2, 0x6c, 0x6f]);
        let bytes = Frame::binary(vec![0; 256]).bytes_from(Role::Server);
        assert_eq!(bytes[..4], [0x82, 0x7e, 1, 0]);
        let bytes = Frame::binary(vec![0; 65_536]).bytes_from(Role::Server);
        assert_eq!(bytes[..10], [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn written_frames_are_read_back() {
        for len in [0, 1, 125, 126, 65_535, 65_536] {
            for role in [Role::Client, Role::Server] {
                let frame = Frame::new(0xb, vec![7; len]).rsv(0b101).not_final();
                let mut bytes = frame.bytes_from(role);
                bytes.push(0x81);
                let (read, read_len) = Frame::parse(&bytes).expect("it is whole");
                assert!(read.says_same(&frame), "{read} {frame}");
                assert_eq!(read_len, bytes.len() - 1);
                assert_eq!(read.bytes_from(role), bytes[..read_len]);
                for cut in (0..read_len).take(200) {
                    assert_eq!(Frame::parse(&bytes[..cut]), None);
                }
            }
        }
    }

    #[test]
    fn forbidden_frames_can_be_written() {
        let server = Role::Server;
        let long = Frame::ping("").length_form(LengthForm::Bits64);
        assert_eq!(long.bytes_from(server), [0x89, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Frame::text("x").masked([0; 4]).bytes_from(server), b"\x81\x81\0\0\0\0x");
        assert_eq!(Frame::text("x").unmasked().bytes_from(Role::Client), b"\x81\x01x");
        let huge = Frame::binary("x").announcing(u64::MAX).bytes_from(server);
        assert_eq!(huge, b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xffx");
        assert_eq!(Frame::parse(&huge), None);
    }

    #[test]
    fn a_line_says_all_that_the_header_does() {
        let line = |frame: Frame| frame.to_string();
        assert_eq!(line(Frame::text("Hello")), "text fin 5 bytes \"Hello\"");
        assert_eq!(line(Frame::binary([1, 0xab])), "binary fin 2 bytes 01ab");
        assert_eq!(line(Frame::close(CloseCode::NORMAL, "bye")), "close fin 5 bytes 1000 \"bye\"");
        assert_eq!(
            line(Frame::new(0x3, "").not_final().rsv(0b110).masked([1, 2, 3, 4])),
            "reserved opcode 0x3 rsv1 rsv2 mask 01020304 0 bytes"
        );
        assert_eq!(
            line(Frame::ping("").length_form(LengthForm::Bits16)),
            "ping fin 0 bytes (length not in its shortest form)"
        );
        let secret = Frame::text("wörld");
        assert_eq!(secret.display(None).to_string(), "text fin 6 bytes");
        assert_eq!(secret.display(Some(2)).to_string(), "text fin 6 bytes \"w\"...");
        assert_eq!(Frame::text(b"\xff").to_string(), "text fin 1 bytes ff");
    }
}
