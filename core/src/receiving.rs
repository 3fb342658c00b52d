//! The frame and the message that are coming in (5.2, 5.4): what is known of them, and how their
//! bytes are taken.

use alloc::boxed::Box;

use crate::codec::Codec;
use crate::config::{Config, Delivery, Limits};
use crate::cut::Cut;
use crate::decoded::Budget;
use crate::error::ProtocolError;
use crate::frame::{FIN, Header, LEN_16, MASK, Opcode};
use crate::inbox::Inbox;
use crate::mask::MaskingKey;
use crate::role::{DataType, Role};
use crate::utf8;

const TEXT_MESSAGE: u8 = FIN | Opcode::Text as u8;
const BINARY_MESSAGE: u8 = FIN | Opcode::Binary as u8;

/// In [`Delivery::Chunks`], an extension decodes until there are this many bytes.
const DECODED_CHUNK_LEN: usize = 16 * 1024;

/// The memory that this takes: what was begun goes on past it, with an inflater by as much again,
/// in memory that doubles.
#[cfg(feature = "deflate")]
pub(crate) const DECODED_CHUNK_CAPACITY_MAX: u64 = 4 * DECODED_CHUNK_LEN as u64;

/// And it is given this many at once, since what it does not take is masked again.
const CODED_PIECE_LEN: usize = 4 * 1024;

/// When at least so many bytes came at once, more are on their way, most likely: text that they
/// leave unfinished need not be judged before.
pub(crate) const LONG_ARRIVAL_LEN: usize = 4 * 1024;

/// The known facts about the frame and the message that are arriving.
#[derive(Debug)]
pub(crate) struct Receiving {
    /// The type of the message under way, from its first frame to its last.
    message: Option<DataType>,
    /// Whether a data frame's payload is under way.
    pub(crate) in_frame: bool,
    /// Whether the data frame is its message's last.
    fin: bool,
    /// Whether the message is for the extension to decode.
    pub(crate) coded: bool,
    key: MaskingKey,
    /// Payload that the frame still brings.
    remaining: u64,
    /// Payload of the message so far, as announced by its frames' headers, or as decoded.
    message_len: u64,
    /// For a message that is decoded: its payload so far, as announced.
    coded_len: u64,
    fragments: u32,
    /// Bytes that the last call left unparsed. By comparison the next call sees whether more
    /// arrived.
    pub(crate) left: usize,
    /// How much of the text in the inbox is known to be whole characters.
    validated: usize,
    /// Whether to validate the received text once the transport is drained.
    pub(crate) unchecked: bool,
    /// Whether the next call has work although no byte arrived: text that is unchecked, the end of
    /// the transport, or that receiving is over.
    pub(crate) looks: bool,
    pub(crate) eof: bool,
    /// How the peer has broken the protocol, until the event that says so is taken.
    pub(crate) failure: Option<Box<ProtocolError>>,
    /// The mask bit that the peer's frames must have (5.1).
    mask_bit: u8,
    /// Below this length, up to what 7 bits can say, a message of one frame is within every limit
    /// and delivered whole; 0 if none is.
    short_len_end: u8,
}

/// The meaning of the received bytes. It is small, since it is passed on with each message: where
/// the bytes lie follows from the inbox.
#[derive(Debug)]
pub(crate) enum Step {
    Message(DataType),
    /// All that is there but for the `rest`: the bytes of a character whose end has not arrived.
    Chunk {
        data_type: DataType,
        fin: bool,
        rest: u8,
    },
    /// These two stand for what an extension has decoded.
    DecodedMessage(DataType),
    DecodedChunk {
        data_type: DataType,
        fin: bool,
        rest: u8,
    },
    /// A control frame whose payload has this length.
    Control(Opcode, u8),
    /// See [`Receiving::failure`].
    Failed,
}

const _: () = assert!(size_of::<Option<Step>>() <= 4);

impl Receiving {
    pub(crate) fn new(config: &Config, role: Role) -> Self {
        let Limits { frame_len_max, message_len_max, fragments_max, .. } = config.limits;
        let within_limits = frame_len_max.min(message_len_max).saturating_add(1);
        let delivered_whole = config.delivery == Delivery::Whole && fragments_max > 0;
        let short_len_end = u8::try_from(within_limits).map_or(LEN_16, |end| end.min(LEN_16));
        Self {
            message: None,
            in_frame: false,
            fin: false,
            coded: false,
            key: MaskingKey::NONE,
            remaining: 0,
            message_len: 0,
            coded_len: 0,
            fragments: 0,
            left: 0,
            validated: 0,
            unchecked: false,
            looks: false,
            eof: false,
            failure: None,
            mask_bit: if role == Role::Server { MASK } else { 0 },
            short_len_end: if delivered_whole { short_len_end } else { 0 },
        }
    }

    /// Takes a message as most are, when none is under way: one frame of at most 125 bytes, all of
    /// it there.
    ///
    /// Such a frame breaks no rule, so a few comparisons tell it from all others, in place of the
    /// questions that those must answer one by one. Nothing changes unless it is one.
    #[inline]
    pub(crate) fn short_message(&mut self, inbox: &mut Inbox) -> Option<DataType> {
        let &[first, second, ..] = inbox.unparsed() else { return None };
        // A mask bit that is not as it must be makes it too long.
        let len = second ^ self.mask_bit;
        if len >= self.short_len_end {
            return None;
        }
        self.plain_message(first, 2, len.into(), inbox)
    }

    /// The same with a length of 16 bits.
    #[inline]
    pub(crate) fn medium_message(
        &mut self,
        limits: &Limits,
        inbox: &mut Inbox,
    ) -> Option<DataType> {
        let &[first, second, high, low, ..] = inbox.unparsed() else { return None };
        let len = u16::from_be_bytes([high, low]);
        let within_limits = u64::from(len) <= limits.frame_len_max.min(limits.message_len_max);
        // Messages that are delivered whole have a short way, and so has this one.
        let plain = self.short_len_end != 0 && within_limits && len >= LEN_16.into();
        if second ^ self.mask_bit != LEN_16 || !plain {
            return None;
        }
        let data_type = self.plain_message(first, 4, len.into(), inbox)?;
        inbox.expect_another(len.into());
        Some(data_type)
    }

    /// Takes a message of one frame whose length is lawful, if that is what it is.
    #[inline]
    fn plain_message(
        &mut self,
        first: u8,
        key_start: usize,
        len: usize,
        inbox: &mut Inbox,
    ) -> Option<DataType> {
        let data_type = match first {
            TEXT_MESSAGE => DataType::Text,
            BINARY_MESSAGE => DataType::Binary,
            _ => return None,
        };
        let rest = inbox.unparsed_mut().get_mut(key_start..)?;
        if self.mask_bit == 0 {
            rest.get(..len)?;
            inbox.take_message_behind(key_start, len);
        } else {
            let (key, rest) = rest.split_first_chunk_mut()?;
            MaskingKey::new(*key).apply_once(rest.get_mut(..len)?);
            inbox.take_message_behind(key_start.saturating_add(4), len);
        }
        self.left = inbox.unparsed_len();
        Some(data_type)
    }

    /// Payload that the frame under way still brings; `None` between frames.
    pub(crate) fn payload_remaining(&self) -> Option<u64> {
        self.in_frame.then_some(self.remaining)
    }

    pub(crate) const fn message_is_under_way(&self) -> bool {
        self.message.is_some()
    }

    /// Takes a data frame's header, if its place and its length are lawful.
    #[inline]
    pub(crate) fn begin_frame(
        &mut self,
        header: &Header,
        config: &Config,
        inbox: &mut Inbox,
    ) -> Result<(), ProtocolError> {
        let begins = header.opcode != Opcode::Continuation;
        if begins == self.message.is_some() {
            // 5.4: a fragmented message is a first frame with an opcode, then continuation frames;
            // "The fragments of one message MUST NOT be interleaved between the fragments of
            // another message".
            return Err(if begins {
                ProtocolError::InterleavedMessage
            } else {
                ProtocolError::UnexpectedContinuation
            });
        }
        let (before, fragments) = if begins { (0, 0) } else { (self.message_len, self.fragments) };
        let limits = &config.limits;
        if header.payload_len > limits.frame_len_max {
            return Err(ProtocolError::FrameTooLong { limit: limits.frame_len_max });
        }
        let coded = if begins { header.rsv1 } else { self.coded };
        // For a compressed message the decoded bytes count, as they appear.
        let counted = if coded { 0 } else { header.payload_len };
        if coded {
            let before = if begins { 0 } else { self.coded_len };
            self.coded_len = before.saturating_add(header.payload_len);
            if self.coded_len > coded_len_max(limits.message_len_max) {
                return Err(ProtocolError::MessageTooLong { limit: limits.message_len_max });
            }
        }
        // Lengths are below 2^63 each, and the sum so far is within the limit.
        let message_len = before.saturating_add(counted);
        if message_len > limits.message_len_max {
            return Err(ProtocolError::MessageTooLong { limit: limits.message_len_max });
        }
        if fragments >= limits.fragments_max {
            return Err(ProtocolError::TooManyFragments { limit: limits.fragments_max });
        }
        inbox.skip(header.len);
        match header.opcode {
            Opcode::Text => self.message = Some(DataType::Text),
            Opcode::Binary => self.message = Some(DataType::Binary),
            _ => {}
        }
        if begins {
            inbox.begin_message();
            self.validated = 0;
        }
        self.coded = coded;
        self.message_len = message_len;
        self.fragments = fragments.saturating_add(1);
        self.in_frame = true;
        self.fin = header.fin;
        self.key = header.key;
        self.remaining = header.payload_len;
        Ok(())
    }

    /// Takes what is there of the frame's payload.
    #[inline]
    pub(crate) fn payload(
        &mut self,
        config: &Config,
        inbox: &mut Inbox,
    ) -> Result<Option<Step>, ProtocolError> {
        let there = inbox.unparsed().len();
        let len = usize::try_from(self.remaining).map_or(there, |remaining| remaining.min(there));
        inbox.take_payload(len, &mut self.key);
        self.remaining = self.remaining.saturating_sub(len as u64);
        self.in_frame = self.remaining != 0;
        let ends = self.fin && !self.in_frame;
        let Some(data_type) = self.message else { return Ok(None) };
        let step = match config.delivery {
            Delivery::Whole if ends => Step::Message(data_type),
            Delivery::Whole => {
                self.expect_more(config, inbox);
                return Ok(None);
            }
            Delivery::Chunks => match chunk_rest(data_type, ends, inbox.message())? {
                Some(rest) => Step::Chunk { data_type, fin: ends, rest },
                None => return Ok(None),
            },
        };
        if ends {
            self.message = None;
            // The last frame of several says nothing about the next message.
            let whole_len = if self.fragments == 1 { self.message_len } else { 0 };
            inbox.expect_another(whole_len);
        }
        Ok(Some(step))
    }

    /// Has what is there of the frame's payload decoded.
    pub(crate) fn coded_payload(
        &mut self,
        config: &Config,
        codec: &mut dyn Codec,
        inbox: &mut Inbox,
    ) -> Result<Option<Step>, ProtocolError> {
        let (piece_max, enough) = match config.delivery {
            Delivery::Whole => (usize::MAX, usize::MAX),
            Delivery::Chunks => (CODED_PIECE_LEN, DECODED_CHUNK_LEN),
        };
        let message_len_max = config.limits.message_len_max;
        let left = message_len_max.saturating_sub(self.message_len);
        let mut budget = Budget { limit: message_len_max, left };
        loop {
            let there = inbox.unparsed_len().min(piece_max);
            let len = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(there);
            let taken = inbox.decode_payload(len, &mut self.key, codec, &mut budget, enough);
            self.message_len = message_len_max.saturating_sub(budget.left);
            let taken = taken.map_err(|fault| self.first_fault(fault, inbox))?;
            self.remaining = self.remaining.saturating_sub(taken as u64);
            self.in_frame = self.remaining != 0;
            if taken < len || !self.in_frame || inbox.unparsed_len() == 0 {
                break;
            }
        }
        let ends = self.fin && !self.in_frame;
        if ends {
            let ended = inbox.end_decoding(codec, budget);
            ended.map_err(|fault| self.first_fault(fault, inbox))?;
        }
        let Some(data_type) = self.message else { return Ok(None) };
        let step = match config.delivery {
            Delivery::Whole if ends => Step::DecodedMessage(data_type),
            Delivery::Whole => return Ok(None),
            Delivery::Chunks => match chunk_rest(data_type, ends, inbox.decoded())? {
                Some(rest) => Step::DecodedChunk { data_type, fin: ends, rest },
                None => return Ok(None),
            },
        };
        if ends {
            self.message = None;
        }
        Ok(Some(step))
    }

    /// The fault that comes first, where decoding has met one: text before it may be none.
    #[cold]
    fn first_fault(&self, fault: ProtocolError, inbox: &Inbox) -> ProtocolError {
        // Chunks that were handed out are not there any more, but for a character that was cut.
        let text = inbox.decoded().get(self.validated..).unwrap_or_default();
        match self.message {
            Some(DataType::Text) => validate(text).err().unwrap_or(fault),
            _ => fault,
        }
    }

    /// Validates the received part of an unfinished text. It runs before any later event is
    /// reported, so that the first fault is the one reported, but only once for all fragments that
    /// arrived together. A complete text is validated when it is taken.
    ///
    /// If there is nothing to report and more is about to arrive, validation waits: most likely the
    /// text is complete then, and validated once.
    pub(crate) fn validate_unfinished(
        &mut self,
        config: &Config,
        inbox: &Inbox,
    ) -> Result<(), ProtocolError> {
        if self.has_unfinished_text(config) {
            let text = if self.coded { inbox.decoded() } else { inbox.message() };
            let whole_len = validate(text.part_from(self.validated))?;
            self.validated = self.validated.saturating_add(whole_len);
        }
        Ok(())
    }

    /// Whether a text is under way that [`validate_unfinished`](Self::validate_unfinished) looks at.
    pub(crate) fn has_unfinished_text(&self, config: &Config) -> bool {
        self.message == Some(DataType::Text) && config.delivery == Delivery::Whole
    }

    /// Tells the inbox how much the message can still bring, as its room may grow by that.
    fn expect_more(&self, config: &Config, inbox: &mut Inbox) {
        let later = if self.fin {
            0
        } else {
            config.limits.message_len_max.saturating_sub(self.message_len)
        };
        inbox.expect(self.remaining.saturating_add(later));
    }
}

/// How long the coded payload of a message may be: what can be decoded to nothing would have no end
/// else. Data that does not compress becomes longer by a twentieth at most, with the least memory,
/// and by some 6 bytes for each part that was flushed: there is room for ten thousand of those.
const fn coded_len_max(message_len_max: u64) -> u64 {
    message_len_max.saturating_add(message_len_max / 8).saturating_add(64 * 1024)
}

fn validate(text: &[u8]) -> Result<usize, ProtocolError> {
    utf8::whole_chars_len(text).map_err(|utf8::Invalid| ProtocolError::InvalidUtf8)
}

/// How many of the received bytes are left when the others are handed out as a chunk; `None` if
/// there is nothing to hand out. For text it looks only at the end: the chunk is validated when it
/// is taken.
fn chunk_rest(data_type: DataType, ends: bool, bytes: &[u8]) -> Result<Option<u8>, ProtocolError> {
    let rest = match data_type {
        DataType::Text => {
            utf8::begun_len(bytes).map_err(|utf8::Invalid| ProtocolError::InvalidUtf8)?
        }
        DataType::Binary => 0,
    };
    if ends && rest != 0 {
        return Err(ProtocolError::InvalidUtf8);
    }
    Ok((ends || bytes.len() > rest.into()).then_some(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const KEY: [u8; 4] = [1, 2, 3, 4];

    /// A frame to this end, with the length in 7 or 16 bits, and a byte behind it.
    fn frame(to: Role, first: u8, long: bool, payload: &[u8]) -> Vec<u8> {
        let len = u16::try_from(payload.len()).expect("at most 16 bits");
        let mut bytes = Vec::from([first]);
        if long {
            bytes.push(LEN_16);
            bytes.extend(len.to_be_bytes());
        } else {
            bytes.extend(len.to_le_bytes().first());
        }
        if to == Role::Server {
            bytes[1] |= MASK;
            bytes.extend(KEY);
            bytes.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
        } else {
            bytes.extend(payload);
        }
        bytes.push(b'+');
        bytes
    }

    /// The answer of one of the short ways to these bytes. Without one, they stay where they are.
    fn short_way(role: Role, config: &Config, long: bool, bytes: &[u8]) -> Option<DataType> {
        let mut receiving = Receiving::new(config, role);
        let mut inbox = Inbox::default();
        inbox.extend(bytes);
        receiving.left = bytes.len();
        let taken = if long {
            receiving.medium_message(&config.limits, &mut inbox)
        } else {
            receiving.short_message(&mut inbox)
        };
        match taken {
            Some(_) => {
                assert!(inbox.message().iter().all(|byte| *byte == 7));
                assert_eq!((inbox.unparsed(), receiving.left), (&b"+"[..], 1));
            }
            None => assert_eq!((inbox.unparsed(), receiving.left), (bytes, bytes.len())),
        }
        taken
    }

    #[test]
    fn the_short_ways_take_each_whole_message_of_one_frame() {
        let config = Config::default();
        for role in [Role::Client, Role::Server] {
            for (long, lens) in [(false, [0, 1, 125]), (true, [126, 4096, 65_535])] {
                for len in lens {
                    let payload = [7; 65_535].get(..len).expect("at most as long");
                    for (first, taken) in [
                        (0x81, Some(DataType::Text)),
                        (0x82, Some(DataType::Binary)),
                        (0x01, None),
                        (0x80, None),
                        (0x89, None),
                        (0xc1, None),
                    ] {
                        let bytes = frame(role, first, long, payload);
                        assert_eq!(short_way(role, &config, long, &bytes), taken, "{first} {len}");
                    }
                    let bytes = frame(role, 0x82, long, payload);
                    for cut in [0, 1, 2, 3, 5, 7, bytes.len() - 2] {
                        let bytes = bytes.get(..cut.min(bytes.len() - 2)).expect("shorter");
                        assert_eq!(short_way(role, &config, long, bytes), None);
                    }
                }
            }
            for bytes in [frame(role, 0x82, true, &[7; 125]), frame(role, 0x82, true, b"")] {
                assert_eq!(short_way(role, &config, true, &bytes), None, "not the shortest form");
            }
        }
        let (plain, masked) = (Role::Client, Role::Server);
        for (long, payload) in [(false, &[7; 100][..]), (true, &[7; 200])] {
            let wrong = frame(plain, 0x82, long, payload);
            assert_eq!(short_way(masked, &config, long, &wrong), None);
            let wrong = frame(masked, 0x82, long, payload);
            assert_eq!(short_way(plain, &config, long, &wrong), None);
        }
    }

    #[test]
    fn the_short_ways_take_only_what_is_within_the_limits_and_delivered_whole() {
        for role in [Role::Client, Role::Server] {
            for (long, len) in [(false, 100_u16), (true, 200)] {
                let bytes = frame(role, 0x82, long, &[7; 200][..len.into()]);
                let takes = |limits: Limits, delivery| {
                    let config = Config::default().limits(limits).delivery(delivery);
                    short_way(role, &config, long, &bytes).is_some()
                };
                let (limits, at, below) = (Limits::default(), len.into(), u64::from(len) - 1);
                assert!(takes(limits.message_len_max(at).frame_len_max(at), Delivery::Whole));
                assert!(!takes(limits.message_len_max(below), Delivery::Whole));
                assert!(!takes(limits.frame_len_max(below), Delivery::Whole));
                assert!(takes(limits.fragments_max(1), Delivery::Whole));
                assert!(!takes(limits.fragments_max(0), Delivery::Whole));
                assert!(!takes(limits, Delivery::Chunks));
            }
        }
    }

    /// Sends these bytes to a client, one array after the other. Returns how much it takes of them,
    /// and the space for the next read.
    fn space_after(limit: u64, read_len: usize, arrivals: &[&[u8]]) -> (usize, usize) {
        let config = Config::default().limits(Limits::default().message_len_max(limit));
        let mut receiving = Receiving::new(&config, Role::Client);
        let mut inbox = Inbox::with_read_len(read_len);
        let mut messages = 0;
        for bytes in arrivals {
            inbox.extend(bytes);
            if !receiving.in_frame {
                let header = Header::parse(inbox.unparsed(), false, false);
                let header = header.expect("lawful").expect("whole");
                receiving.begin_frame(&header, &config, &mut inbox).expect("lawful");
            }
            if receiving.payload(&config, &mut inbox).expect("lawful").is_some() {
                inbox.take_message(inbox.message_len());
                messages += 1;
            }
        }
        (messages, inbox.space().len())
    }

    #[test]
    fn the_inbox_gets_room_for_what_a_message_can_still_bring() {
        use crate::inbox::BEYOND_LEN;
        let bytes = |first: u8, len: u16, there: usize| {
            let mut bytes = Vec::from([first, LEN_16]);
            bytes.extend(len.to_be_bytes());
            bytes.resize(4 + there, 7);
            bytes
        };
        // 500 bytes of the frame are missing, and 100 more can follow a frame that is not the last.
        let space = space_after(1600, 64, &[&bytes(0x82, 1500, 1000)]);
        assert_eq!(space, (0, 500 + BEYOND_LEN));
        let space = space_after(1600, 64, &[&bytes(0x02, 1500, 1000)]);
        assert_eq!(space, (0, 600 + BEYOND_LEN));
        // The next message is expected to be as long as the last, if that came in one frame.
        let whole = bytes(0x82, 5000, 5000);
        let (first, second) = (bytes(0x02, 200, 200), bytes(0x80, 5000, 5000));
        assert_eq!(space_after(10_000, 16 * 1024, &[&whole]), (1, 5000 + BEYOND_LEN));
        assert_ne!(space_after(10_000, 16 * 1024, &[&first, &second]).1, 5000 + BEYOND_LEN);
    }
}
