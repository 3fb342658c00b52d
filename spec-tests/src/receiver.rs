//! A slow and obvious receiver: frames into messages, and every rule of sections 5 and 8 on the
//! way. It is the tester's own, and what the engine is compared with.

use std::fmt;

use crate::case::Role;
use crate::wire::{Header, mask, opcode};

/// A received item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The header of a frame that breaks no rule so far.
    Header(Header),
    /// A whole message.
    Message {
        /// Binary or text.
        binary: bool,
        /// The payload; UTF-8 if it is text.
        payload: Vec<u8>,
    },
    /// A whole message that is compressed (RFC 7692).
    Compressed {
        /// Binary or text.
        binary: bool,
        /// The payload, compressed.
        payload: Vec<u8>,
    },
    /// A Ping with its payload.
    Ping(Vec<u8>),
    /// A Pong with its payload.
    Pong(Vec<u8>),
    /// A Close with its body, which is empty or a valid code and UTF-8.
    Close(Vec<u8>),
}

/// A rule that the sender broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// 5.2: "MUST be 0 unless an extension is negotiated that defines meanings".
    ReservedBits,
    /// 5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket
    /// Connection_."
    ReservedOpcode,
    /// 5.5: "MUST NOT be fragmented."
    FragmentedControl,
    /// 5.5: "MUST have a payload length of 125 bytes or less".
    LongControl,
    /// 5.1: "The server MUST close the connection upon receiving a frame that is not masked."
    Unmasked,
    /// 5.1: "A client MUST close a connection if it detects a masked frame."
    Masked,
    /// 5.2: "the minimal number of bytes MUST be used to encode the length".
    LengthNotMinimal,
    /// 5.2: "the most significant bit MUST be 0".
    LengthOutOfRange,
    /// 5.4: nothing to continue.
    OrphanContinuation,
    /// 5.4: "The fragments of one message MUST NOT be interleaved between the fragments of
    /// another message".
    Interleaved,
    /// 8.1: text or reason that is not UTF-8.
    NotUtf8,
    /// 5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned
    /// integer".
    CloseBodyOfOneByte,
    /// 7.4: a code that must not be in a Close frame.
    CloseCode,
    /// 5.5.1: "The application MUST NOT send any more data frames after sending a Close frame."
    AfterClose,
}

impl Violation {
    /// The close code that says it (7.4.1).
    #[must_use]
    pub const fn close_code(self) -> u16 {
        match self {
            Self::NotUtf8 => 1007,
            _ => 1002,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReservedBits => "a reserved bit is set",
            Self::ReservedOpcode => "the opcode is reserved",
            Self::FragmentedControl => "a control frame is fragmented",
            Self::LongControl => "a control frame is longer than 125 bytes",
            Self::Unmasked => "a client's frame is not masked",
            Self::Masked => "a server's frame is masked",
            Self::LengthNotMinimal => "a length is not in its shortest form",
            Self::LengthOutOfRange => "a length has its most significant bit set",
            Self::OrphanContinuation => "a continuation frame has nothing to continue",
            Self::Interleaved => "a message begins within another",
            Self::NotUtf8 => "text is not UTF-8",
            Self::CloseBodyOfOneByte => "the body of a Close frame is one byte",
            Self::CloseCode => "a close code must not be sent",
            Self::AfterClose => "data or a second Close follows a Close frame",
        })
    }
}

/// Whether the code may stand in a Close frame (7.4.1, 7.4.2 and the IANA registry).
#[must_use]
pub const fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// The receiving half of one end.
#[derive(Clone, Debug)]
pub struct Receiver {
    role: Role,
    /// Whether permessage-deflate was negotiated.
    deflates: bool,
    input: Vec<u8>,
    /// How much of `input` was looked at.
    start: usize,
    frame: Option<Frame>,
    message: Option<Message>,
    closed: bool,
    failed: bool,
}

#[derive(Clone, Debug)]
struct Frame {
    header: Header,
    /// Payload bytes that have arrived.
    done: usize,
    /// The payload of a control frame.
    control: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Message {
    binary: bool,
    compressed: bool,
    payload: Vec<u8>,
    /// The payload up to here is whole characters.
    valid: usize,
}

impl Receiver {
    /// The receiving half of this end.
    #[must_use]
    pub const fn new(role: Role) -> Self {
        Self {
            role,
            deflates: false,
            input: Vec::new(),
            start: 0,
            frame: None,
            message: None,
            closed: false,
            failed: false,
        }
    }

    /// Lets compressed messages in.
    pub const fn expect_compressed(&mut self) {
        self.deflates = true;
    }

    /// Takes received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.input.drain(..self.start);
        self.start = 0;
        self.input.extend_from_slice(bytes);
    }

    /// The next item. After a violation there are no more (7.1.7).
    ///
    /// # Errors
    ///
    /// The rule that was broken, as soon as it can be known.
    pub fn next_item(&mut self) -> Result<Option<Item>, Violation> {
        if self.failed {
            return Ok(None);
        }
        let next = self.advance();
        self.failed = next.is_err();
        next
    }

    fn advance(&mut self) -> Result<Option<Item>, Violation> {
        loop {
            let Some(mut frame) = self.frame.take() else {
                return self.next_header();
            };
            let whole = self.take_payload(&mut frame)?;
            if !whole {
                self.frame = Some(frame);
                return Ok(None);
            }
            if let Some(item) = self.end_of_frame(frame)? {
                return Ok(Some(item));
            }
        }
    }

    fn next_header(&mut self) -> Result<Option<Item>, Violation> {
        let come = &self.input[self.start..];
        if let Some(octets) = come.first_chunk() {
            self.check_octets(*octets)?;
            check_len(come)?;
        }
        let Some((header, len)) = Header::parse(come) else {
            return Ok(None);
        };
        self.start += len;
        self.check_place(&header)?;
        if !header.is_control() && header.opcode != opcode::CONTINUATION {
            let binary = header.opcode == opcode::BINARY;
            let compressed = header.rsv != 0;
            self.message = Some(Message { binary, compressed, payload: Vec::new(), valid: 0 });
        }
        self.frame = Some(Frame { header, done: 0, control: Vec::new() });
        Ok(Some(Item::Header(header)))
    }

    /// Checks the first two octets by themselves.
    fn check_octets(&self, [first, second]: [u8; 2]) -> Result<(), Violation> {
        let opcode = first & 0xF;
        let is_control = opcode & 0x8 != 0;
        // RFC 7692, 6: RSV1 on the first frame of a data message.
        let compressed = self.deflates && matches!(opcode, opcode::TEXT | opcode::BINARY);
        let allowed = if compressed { 0x40 } else { 0 };
        if first & 0x70 & !allowed != 0 {
            return Err(Violation::ReservedBits);
        }
        if opcode::name(opcode) == "reserved" {
            return Err(Violation::ReservedOpcode);
        }
        if is_control && first & 0x80 == 0 {
            return Err(Violation::FragmentedControl);
        }
        if is_control && second & 0x7F > 125 {
            return Err(Violation::LongControl);
        }
        match (self.role, second & 0x80 != 0) {
            (Role::Server, false) => Err(Violation::Unmasked),
            (Role::Client, true) => Err(Violation::Masked),
            _ => Ok(()),
        }
    }

    /// Whether the frame may stand where it does.
    fn check_place(&self, header: &Header) -> Result<(), Violation> {
        // A Ping may still ask for its Pong: only data and a second Close are out of place.
        if self.closed && !matches!(header.opcode, opcode::PING | opcode::PONG) {
            return Err(Violation::AfterClose);
        }
        match (header.opcode, &self.message) {
            (opcode::CONTINUATION, None) => Err(Violation::OrphanContinuation),
            (opcode::TEXT | opcode::BINARY, Some(_)) => Err(Violation::Interleaved),
            _ => Ok(()),
        }
    }

    /// Takes the received part of the frame's payload. Returns whether that was all of it.
    fn take_payload(&mut self, frame: &mut Frame) -> Result<bool, Violation> {
        let missing = frame.header.len - frame.done as u64;
        let come = &mut self.input[self.start..];
        let len = usize::try_from(missing).map_or(come.len(), |missing| missing.min(come.len()));
        let part = &mut come[..len];
        if let Some(key) = frame.header.key {
            mask(part, key, frame.done);
        }
        frame.done += len;
        self.start += len;
        if frame.header.is_control() {
            frame.control.extend_from_slice(part);
        } else if let Some(message) = &mut self.message {
            message.payload.extend_from_slice(part);
            message.check_utf8()?;
        }
        Ok(len as u64 == missing)
    }

    fn end_of_frame(&mut self, frame: Frame) -> Result<Option<Item>, Violation> {
        match frame.header.opcode {
            opcode::PING => Ok(Some(Item::Ping(frame.control))),
            opcode::PONG => Ok(Some(Item::Pong(frame.control))),
            opcode::CLOSE => {
                self.closed = true;
                check_close(&frame.control)?;
                Ok(Some(Item::Close(frame.control)))
            }
            _ if !frame.header.fin => Ok(None),
            _ => match self.message.take() {
                Some(Message { binary, compressed: true, payload, .. }) => {
                    Ok(Some(Item::Compressed { binary, payload }))
                }
                Some(message) if message.binary || message.valid == message.payload.len() => {
                    let Message { binary, payload, .. } = message;
                    Ok(Some(Item::Message { binary, payload }))
                }
                _ => Err(Violation::NotUtf8),
            },
        }
    }
}

impl Message {
    /// Looks at the bytes since the last time. `error_len` distinguishes an incomplete character
    /// from an invalid one.
    fn check_utf8(&mut self) -> Result<(), Violation> {
        if self.binary || self.compressed {
            return Ok(());
        }
        match std::str::from_utf8(&self.payload[self.valid..]) {
            Ok(_) => self.valid = self.payload.len(),
            Err(error) if error.error_len().is_some() => return Err(Violation::NotUtf8),
            Err(error) => self.valid += error.valid_up_to(),
        }
        Ok(())
    }
}

/// Checks the length, once it is there; the key may follow later.
fn check_len(come: &[u8]) -> Result<(), Violation> {
    let mut header: Vec<u8> = come.iter().copied().take(10).collect();
    header[1] &= 0x7F;
    match Header::parse(&header) {
        Some((header, _)) if header.len >> 63 != 0 => Err(Violation::LengthOutOfRange),
        Some((header, _)) if !header.minimal => Err(Violation::LengthNotMinimal),
        _ => Ok(()),
    }
}

fn check_close(body: &[u8]) -> Result<(), Violation> {
    match body {
        [] => Ok(()),
        [_] => Err(Violation::CloseBodyOfOneByte),
        [a, b, reason @ ..] => {
            if !may_be_sent(u16::from_be_bytes([*a, *b])) {
                return Err(Violation::CloseCode);
            }
            std::str::from_utf8(reason).map(drop).map_err(|_| Violation::NotUtf8)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The items that a client reads from these bytes.
    fn received(bytes: &[u8]) -> Result<Vec<Item>, Violation> {
        let mut receiver = Receiver::new(Role::Client);
        let mut items = Vec::new();
        // Byte by byte, so that nothing depends on what comes together.
        for byte in bytes {
            receiver.push(&[*byte]);
            while let Some(item) = receiver.next_item()? {
                items.push(item);
            }
        }
        items.retain(|item| !matches!(item, Item::Header(_)));
        Ok(items)
    }

    #[test]
    fn fragments_become_a_message_around_a_ping() {
        let items = received(b"\x01\x03Hel\x89\x01?\x80\x02lo").expect("nothing wrong");
        let message = Item::Message { binary: false, payload: b"Hello".to_vec() };
        assert_eq!(items, [Item::Ping(b"?".to_vec()), message]);
    }

    #[test]
    fn each_rule_is_kept() {
        let broken: [(&[u8], Violation); 15] = [
            (b"\xc1\x00", Violation::ReservedBits),
            (b"\x83\x00", Violation::ReservedOpcode),
            (b"\x09\x00", Violation::FragmentedControl),
            (b"\x89\x7e\x00\x7e", Violation::LongControl),
            (b"\x81\x80abcd", Violation::Masked),
            (b"\x82\x7e\x00\x7d", Violation::LengthNotMinimal),
            (b"\x82\x7f\x80\0\0\0\0\0\0\0", Violation::LengthOutOfRange),
            (b"\x80\x00", Violation::OrphanContinuation),
            (b"\x01\x00\x81\x00", Violation::Interleaved),
            (b"\x01\x05\xf4\x90", Violation::NotUtf8),
            (b"\x81\x01\xf4", Violation::NotUtf8),
            (b"\x88\x01\x03", Violation::CloseBodyOfOneByte),
            (b"\x88\x02\x03\xed", Violation::CloseCode),
            (b"\x88\x00\x81\x00", Violation::AfterClose),
            (b"\x88\x00\x8a\x00\x88\x00", Violation::AfterClose),
        ];
        for (bytes, violation) in broken {
            assert_eq!(received(bytes), Err(violation), "{bytes:x?}");
        }
        let mut server = Receiver::new(Role::Server);
        server.push(b"\x81\x00");
        assert_eq!(server.next_item(), Err(Violation::Unmasked));
        assert_eq!(server.next_item(), Ok(None), "nothing comes after a violation");
    }

    #[test]
    fn rsv1_marks_a_compressed_message_where_that_was_negotiated() {
        let mut receiver = Receiver::new(Role::Client);
        receiver.expect_compressed();
        receiver.push(b"\x41\x01\xff\x89\x00\x80\x01\xfe");
        let items: Vec<_> = std::iter::from_fn(|| receiver.next_item().expect("lawful"))
            .filter(|item| !matches!(item, Item::Header(_)))
            .collect();
        let compressed = Item::Compressed { binary: false, payload: b"\xff\xfe".to_vec() };
        assert_eq!(items, [Item::Ping(vec![]), compressed]);
        for broken in [b"\xc9\x00", b"\xa1\x00", b"\xe1\x00"] {
            let mut receiver = Receiver::new(Role::Client);
            receiver.expect_compressed();
            receiver.push(broken);
            assert_eq!(receiver.next_item(), Err(Violation::ReservedBits), "{broken:x?}");
        }
    }

    #[test]
    fn a_character_may_be_cut_anywhere() {
        let items = received(b"\x01\x02\xe2\x82\x80\x01\xac").expect("nothing wrong");
        let euro = Item::Message { binary: false, payload: "\u{20ac}".into() };
        assert_eq!(items, [euro]);
    }
}
