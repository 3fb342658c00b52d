//! The verdict of the slow decoder on a frame in its situation.

use bluewire_core::{Delivery, ProtocolError, Role};

use crate::cases::{Case, FRAME_LEN_MAX, MESSAGE_LEN_MAX};
use crate::common::{Sent, Told};
use crate::oracle::{Oracle, Rule, Said, text_len};

/// An endpoint's reading of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) told: Vec<Told>,
    pub(crate) failure: Option<Failure>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// One of these rules is broken.
    Rules(Vec<Rule>),
    /// RFC 7692, section 7.2.2.
    Deflate,
}

impl Failure {
    fn is(&self, error: ProtocolError) -> bool {
        match self {
            Self::Deflate => error == ProtocolError::InvalidDeflate,
            Self::Rules(rules) => rules.iter().any(|rule| is(*rule, error)),
        }
    }
}

/// Whether the engine's error says that this rule is broken, and has its close code.
fn is(rule: Rule, error: ProtocolError) -> bool {
    let named = match rule {
        Rule::ReservedBits => error == ProtocolError::ReservedBits,
        Rule::ReservedOpcode => matches!(error, ProtocolError::ReservedOpcode(_)),
        Rule::FragmentedControlFrame => error == ProtocolError::FragmentedControlFrame,
        Rule::ControlFrameTooLong => error == ProtocolError::ControlFrameTooLong,
        Rule::NotMasked => error == ProtocolError::UnmaskedFrame,
        Rule::Masked => error == ProtocolError::MaskedFrame,
        Rule::LengthNotMinimal => error == ProtocolError::LengthNotMinimal,
        Rule::LengthOutOfRange => error == ProtocolError::LengthOutOfRange,
        Rule::NothingToContinue => error == ProtocolError::UnexpectedContinuation,
        Rule::Interleaved => error == ProtocolError::InterleavedMessage,
        Rule::FrameTooLong => error == ProtocolError::FrameTooLong { limit: FRAME_LEN_MAX },
        Rule::MessageTooLong => error == ProtocolError::MessageTooLong { limit: MESSAGE_LEN_MAX },
        Rule::TooManyFragments => matches!(error, ProtocolError::TooManyFragments { .. }),
        Rule::InvalidUtf8 => error == ProtocolError::InvalidUtf8,
        Rule::CloseBodyTooShort => error == ProtocolError::CloseBodyTooShort,
        Rule::InvalidCloseCode => matches!(error, ProtocolError::InvalidCloseCode(_)),
        Rule::InvalidCloseReason => error == ProtocolError::InvalidCloseReason,
    };
    named && error.close_code().value() == rule.close_code()
}

impl Expected {
    /// The contents of the frames. The message under way lies before `begun_len`.
    pub(crate) fn of(case: &Case, stream: &[u8], begun_len: usize) -> Self {
        let coded = case.is_coded() || case.before.is_compressed();
        let limit = |limit| if case.limited { limit } else { u64::MAX };
        let oracle = Oracle {
            is_server: case.role == Role::Server,
            in_parts: coded || case.delivery == Delivery::Chunks,
            frame_len_max: limit(FRAME_LEN_MAX),
            // The decoded payload is what counts, and here it is always short enough.
            message_len_max: if coded { u64::MAX } else { limit(MESSAGE_LEN_MAX) },
            fragments_max: u32::MAX,
        };
        let mut stream = stream.to_vec();
        let is_text = case.is_text();
        for at in [0, begun_len] {
            if case.before.agreed()
                && let Some(first) = stream.get_mut(at)
                && *first & 0x40 != 0
                && matches!(*first & 0xf, 0x1 | 0x2)
            {
                // The oracle knows no extension: compressed payload is binary to it.
                *first &= !0x40;
                if coded {
                    *first = *first & 0xf0 | 0x2;
                }
            }
        }
        let said = oracle.read(&stream);
        if coded { decode(case, is_text, said) } else { translate(said) }
    }

    /// Whether the engine has reported this. A text that turns out to be invalid may lack its valid
    /// part.
    pub(crate) fn is(&self, told: &[Told]) -> bool {
        match (told.split_last(), &self.failure) {
            (Some((Told::Failed(ProtocolError::InvalidUtf8), before)), Some(failure)) => {
                without_part(before) == without_part(&self.told)
                    && failure.is(ProtocolError::InvalidUtf8)
            }
            (Some((Told::Failed(error), before)), Some(failure)) => {
                before == self.told && failure.is(*error)
            }
            (_, None) => told == self.told,
            _ => false,
        }
    }

    /// The frames that answer it, where nothing was sent before or a Close frame was.
    pub(crate) fn answers(&self, told: &[Told], close_sent: bool) -> Vec<Sent> {
        let mut answers = Vec::new();
        for event in told {
            match event {
                Told::Ping(payload) => answers.push(Sent::new(0x8a, payload)),
                Told::Close(None, _) if !close_sent => answers.push(Sent::new(0x88, b"")),
                Told::Close(Some(code), reason) if !close_sent => {
                    answers.push(Sent::new(0x88, crate::common::close_body(*code, reason)));
                }
                Told::Failed(error) if !close_sent => {
                    answers.push(Sent::close(error.close_code().value()));
                }
                _ => {}
            }
        }
        answers
    }

    /// Whether nothing that comes later means anything.
    pub(crate) fn is_over(&self) -> bool {
        self.failure.is_some() || matches!(self.told.last(), Some(Told::Close(..)))
    }

    fn fail(mut self, failure: Failure) -> Self {
        self.failure = Some(failure);
        self
    }
}

fn without_part(told: &[Told]) -> &[Told] {
    match told {
        [before @ .., Told::TextPart(_, false)] => before,
        _ => told,
    }
}

fn utf8(payload: &[u8]) -> String {
    String::from_utf8(payload.to_vec()).expect("valid by RFC 3629")
}

fn translate(said: Vec<Said>) -> Expected {
    let mut expected = Expected::default();
    for said in said {
        expected.told.push(match said {
            Said::Message { is_text: true, payload } => Told::Text(utf8(&payload)),
            Said::Message { is_text: false, payload } => Told::Binary(payload),
            Said::Part { is_text: true, payload, fin } => Told::TextPart(utf8(&payload), fin),
            Said::Part { is_text: false, payload, fin } => Told::BinaryPart(payload, fin),
            Said::Ping(payload) => Told::Ping(payload),
            Said::Pong(payload) => Told::Pong(payload),
            Said::Close { code, reason } => Told::Close(code, reason),
            Said::Failed(rules) => return expected.fail(Failure::Rules(rules)),
        });
    }
    expected
}

/// The same where the message that the parts belong to is compressed.
fn decode(case: &Case, is_text: bool, said: Vec<Said>) -> Expected {
    let mut expected = Expected::default();
    let (mut coded, mut told_len) = (Vec::new(), 0);
    for said in said {
        let Said::Part { payload, fin, .. } = said else {
            let rest = translate(vec![said]);
            expected.told.extend(rest.told);
            expected.failure = rest.failure;
            continue;
        };
        coded.extend(payload);
        let (decoded, is_valid) = inflate(&coded, fin);
        let whole = if is_text { text_len(&decoded) } else { Ok(decoded.len()) };
        let (Ok(len) | Err(len)) = whole;
        let is_cut_off = fin && len < decoded.len();
        let fails = if whole.is_err() || is_valid && is_cut_off {
            Some(Failure::Rules(vec![Rule::InvalidUtf8]))
        } else if is_valid {
            None
        } else {
            Some(Failure::Deflate)
        };
        let ends = fin && fails.is_none();
        if case.delivery == Delivery::Chunks && fails.is_none() && (len > told_len || ends) {
            let part = &decoded[told_len..len];
            expected.told.push(if is_text {
                Told::TextPart(utf8(part), fin)
            } else {
                Told::BinaryPart(part.to_vec(), fin)
            });
            told_len = len;
        }
        if let Some(failure) = fails {
            return expected.fail(failure);
        }
        if ends && case.delivery == Delivery::Whole {
            expected.told.push(if is_text {
                Told::Text(utf8(&decoded))
            } else {
                Told::Binary(decoded)
            });
        }
    }
    expected
}

/// Reads stored blocks (RFC 1951, 3.2.4), the only ones that the cases have: as far as they are
/// there, and whether they are right so far. A message that ends is completed by the octets of
/// RFC 7692, section 7.2.2, and must end where a block does. One without a byte is empty: not
/// lawful, but taken for what it must mean.
fn inflate(coded: &[u8], ends: bool) -> (Vec<u8>, bool) {
    if coded.is_empty() {
        return (Vec::new(), true);
    }
    let tail: &[u8] = if ends { &[0x00, 0x00, 0xff, 0xff] } else { &[] };
    let coded = [coded, tail].concat();
    let mut decoded = Vec::new();
    let mut rest = &coded[..];
    while let [first, after @ ..] = rest {
        if *first != 0 {
            return (decoded, false);
        }
        let Some((&[a, b, c, d], after)) = after.split_first_chunk() else {
            return (decoded, !ends);
        };
        let len = u16::from_le_bytes([a, b]);
        if len != !u16::from_le_bytes([c, d]) {
            return (decoded, false);
        }
        let there = usize::from(len).min(after.len());
        decoded.extend(&after[..there]);
        if there < len.into() {
            return (decoded, !ends);
        }
        rest = &after[there..];
    }
    (decoded, true)
}
