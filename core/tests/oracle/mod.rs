//! A decoder of RFC 6455 streams that is slow and obvious: it has the whole stream before it and
//! reads it from front to back, once for each question. It shares nothing with the engine.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::ops::RangeInclusive;

/// The rules that an endpoint applies to the streams that it reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Oracle {
    /// Whether it is a server, to which frames come masked.
    pub(crate) is_server: bool,
    /// Whether it takes messages in parts.
    pub(crate) in_parts: bool,
    pub(crate) frame_len_max: u64,
    pub(crate) message_len_max: u64,
    pub(crate) fragments_max: u32,
}

/// The contents of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Message {
        is_text: bool,
        payload: Vec<u8>,
    },
    Part {
        is_text: bool,
        payload: Vec<u8>,
        fin: bool,
    },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close {
        code: Option<u16>,
        reason: String,
    },
    /// One frame can break several rules at once: any of them may be reported.
    Failed(Vec<Rule>),
}

/// The possible faults of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    ReservedBits,
    ReservedOpcode,
    FragmentedControlFrame,
    ControlFrameTooLong,
    NotMasked,
    Masked,
    LengthNotMinimal,
    LengthOutOfRange,
    NothingToContinue,
    Interleaved,
    FrameTooLong,
    MessageTooLong,
    TooManyFragments,
    InvalidUtf8,
    CloseBodyTooShort,
    InvalidCloseCode,
    InvalidCloseReason,
}

impl Rule {
    /// The close code that section 7.4.1 has for it.
    pub(crate) fn close_code(self) -> u16 {
        match self {
            Self::FrameTooLong | Self::MessageTooLong => 1009,
            Self::TooManyFragments => 1008,
            Self::InvalidUtf8 | Self::InvalidCloseReason => 1007,
            _ => 1002,
        }
    }
}

struct Frame<'a> {
    fin: bool,
    opcode: u8,
    len: u64,
    key: [u8; 4],
    /// The bytes of payload that are there, and all that follows.
    rest: &'a [u8],
}

enum Header<'a> {
    Whole(Frame<'a>),
    Broken(Vec<Rule>),
    /// The stream ends within it.
    Cut,
}

struct UnderWay {
    is_text: bool,
    payload: Vec<u8>,
    /// How much of the payload is whole characters, all of it where it is binary; in parts, this
    /// was said.
    whole: usize,
    /// The length that the headers announced.
    len: u64,
    frames: u32,
}

impl Oracle {
    pub(crate) fn read(&self, mut stream: &[u8]) -> Vec<Said> {
        let mut said = Vec::new();
        let mut under_way: Option<UnderWay> = None;
        loop {
            let frame = match self.header(stream, under_way.as_ref()) {
                Header::Whole(frame) => frame,
                Header::Broken(rules) => {
                    said.push(Said::Failed(rules));
                    return said;
                }
                Header::Cut => return said,
            };
            let there =
                usize::try_from(frame.len).map_or(usize::MAX, |len| len).min(frame.rest.len());
            let is_whole = there as u64 == frame.len;
            let payload: Vec<u8> = frame.rest[..there]
                .iter()
                .zip(frame.key.iter().cycle())
                .map(|(b, k)| b ^ k)
                .collect();
            stream = &frame.rest[there..];

            if frame.opcode >= 0x8 {
                if !is_whole {
                    return said;
                }
                said.push(control(frame.opcode, payload));
                if matches!(said.last(), Some(Said::Close { .. } | Said::Failed(_))) {
                    return said;
                }
                continue;
            }

            let message = under_way.get_or_insert_with(|| UnderWay {
                is_text: frame.opcode == 0x1,
                payload: Vec::new(),
                whole: 0,
                len: 0,
                frames: 0,
            });
            message.len += frame.len;
            message.frames += 1;
            message.payload.extend(payload);
            let ends = is_whole && frame.fin;

            let before = message.whole;
            let more = &message.payload[before..];
            let more_whole = if message.is_text { text_len(more) } else { Ok(more.len()) };
            let (Ok(len) | Err(len)) = more_whole;
            message.whole += len;
            let is_cut_off = ends && message.whole < message.payload.len();
            let is_valid = more_whole.is_ok() && !is_cut_off;
            let fin = ends && is_valid;
            if self.in_parts && (len > 0 || fin) {
                let payload = message.payload[before..message.whole].to_vec();
                said.push(Said::Part { is_text: message.is_text, payload, fin });
            }
            if !is_valid {
                said.push(Said::Failed(vec![Rule::InvalidUtf8]));
                return said;
            }
            if ends {
                let message = under_way.take().expect("it ends now");
                if !self.in_parts {
                    let UnderWay { is_text, payload, .. } = message;
                    said.push(Said::Message { is_text, payload });
                }
            }
            if !is_whole {
                return said;
            }
        }
    }

    /// Reads a header as far as it is there, and stops where it is known to be wrong.
    fn header<'a>(&self, stream: &'a [u8], under_way: Option<&UnderWay>) -> Header<'a> {
        let [first, second, rest @ ..] = stream else { return Header::Cut };
        let (fin, rsv, opcode) = (first >> 7 == 1, first >> 4 & 0b111, first & 0xf);
        let (is_masked, len_7) = (second >> 7 == 1, second & 0x7f);
        let is_control = opcode >= 0x8;
        let rules = broken(&[
            (matches!(opcode, 0x0..=0x2 | 0x8..=0xa), Rule::ReservedOpcode),
            (rsv == 0, Rule::ReservedBits),
            (fin || !is_control, Rule::FragmentedControlFrame),
            (len_7 <= 125 || !is_control, Rule::ControlFrameTooLong),
            (is_masked || !self.is_server, Rule::NotMasked),
            (!is_masked || self.is_server, Rule::Masked),
        ]);
        if !rules.is_empty() {
            return Header::Broken(rules);
        }

        let len_len = match len_7 {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some((len_bytes, rest)) = rest.split_at_checked(len_len) else { return Header::Cut };
        let extended = len_bytes.iter().fold(0, |len, byte| len << 8 | u64::from(*byte));
        let len = if len_len == 0 { u64::from(len_7) } else { extended };
        let rules = broken(&[
            (len_len != 2 || len > 125, Rule::LengthNotMinimal),
            (len_len != 8 || len > 65_535, Rule::LengthNotMinimal),
            (len < 1 << 63, Rule::LengthOutOfRange),
        ]);
        if !rules.is_empty() {
            return Header::Broken(rules);
        }

        let key_len = if is_masked { 4 } else { 0 };
        let Some((key, rest)) = rest.split_at_checked(key_len) else { return Header::Cut };
        let key = key.try_into().unwrap_or([0; 4]);
        let (message_len, frames) =
            under_way.map_or((0, 0), |message| (message.len, message.frames));
        let rules = broken(&[
            (opcode != 0x0 || under_way.is_some(), Rule::NothingToContinue),
            (opcode == 0x0 || is_control || under_way.is_none(), Rule::Interleaved),
            (is_control || len <= self.frame_len_max, Rule::FrameTooLong),
            (
                is_control || message_len.saturating_add(len) <= self.message_len_max,
                Rule::MessageTooLong,
            ),
            (is_control || frames < self.fragments_max, Rule::TooManyFragments),
        ]);
        if !rules.is_empty() {
            return Header::Broken(rules);
        }
        Header::Whole(Frame { fin, opcode, len, key, rest })
    }
}

/// The rules that do not hold.
fn broken(rules: &[(bool, Rule)]) -> Vec<Rule> {
    rules.iter().filter(|(holds, _)| !holds).map(|(_, rule)| *rule).collect()
}

fn control(opcode: u8, payload: Vec<u8>) -> Said {
    match (opcode, &payload[..]) {
        (0x9, _) => Said::Ping(payload),
        (0xa, _) => Said::Pong(payload),
        (_, []) => Said::Close { code: None, reason: String::new() },
        (_, [_]) => Said::Failed(vec![Rule::CloseBodyTooShort]),
        (_, [high, low, reason @ ..]) => {
            let code = u16::from(*high) << 8 | u16::from(*low);
            let mut rules = Vec::new();
            // The registry of 11.7 as it stands, and the ranges of 7.4.2.
            if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                rules.push(Rule::InvalidCloseCode);
            }
            if text_len(reason) != Ok(reason.len()) {
                rules.push(Rule::InvalidCloseReason);
            }
            if !rules.is_empty() {
                return Said::Failed(rules);
            }
            let reason = String::from_utf8(reason.to_vec()).expect("valid by RFC 3629");
            Said::Close { code: Some(code), reason }
        }
    }
}

/// How many bytes are whole characters, by the grammar of RFC 3629, section 4: up to the end or a
/// character that the end cuts off; or as an error, up to a byte that is not UTF-8.
pub(crate) fn text_len(bytes: &[u8]) -> Result<usize, usize> {
    let mut at = 0;
    while at < bytes.len() {
        let Some(tails) = tails(bytes[at]) else { return Err(at) };
        for (i, tail) in tails.iter().enumerate() {
            match bytes.get(at + 1 + i) {
                Some(byte) if tail.contains(byte) => {}
                Some(_) => return Err(at),
                None => return Ok(at),
            }
        }
        at += 1 + tails.len();
    }
    Ok(at)
}

/// The bytes that may follow a character's first byte.
///
/// ```text
/// UTF8-1 = %x00-7F
/// UTF8-2 = %xC2-DF UTF8-tail
/// UTF8-3 = %xE0 %xA0-BF UTF8-tail / %xE1-EC 2( UTF8-tail ) /
///          %xED %x80-9F UTF8-tail / %xEE-EF 2( UTF8-tail )
/// UTF8-4 = %xF0 %x90-BF 2( UTF8-tail ) / %xF1-F3 3( UTF8-tail ) /
///          %xF4 %x80-8F 2( UTF8-tail )
/// UTF8-tail = %x80-BF
/// ```
fn tails(first: u8) -> Option<&'static [RangeInclusive<u8>]> {
    const TAIL: RangeInclusive<u8> = 0x80..=0xbf;
    Some(match first {
        0x00..=0x7f => &[],
        0xc2..=0xdf => &[TAIL],
        0xe0 => &[0xa0..=0xbf, TAIL],
        0xe1..=0xec | 0xee..=0xef => &[TAIL, TAIL],
        0xed => &[0x80..=0x9f, TAIL],
        0xf0 => &[0x90..=0xbf, TAIL, TAIL],
        0xf1..=0xf3 => &[TAIL, TAIL, TAIL],
        0xf4 => &[0x80..=0x8f, TAIL, TAIL],
        _ => return None,
    })
}
