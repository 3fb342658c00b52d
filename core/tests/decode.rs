//! The engine reads what the oracle reads, in whatever pieces the bytes arrive.

mod common;
mod oracle;

use bluewire_core::{
    CloseCode, ClosedBy, Config, Delivery, Fault, Limits, ProtocolError, Role, State,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use common::{End, Sent, Told, cases, frame_with_key, frames_sent_by, joined};
use oracle::{Oracle, Rule, Said};

/// A stretch of a stream.
#[derive(Clone, Debug)]
enum Piece {
    /// A message, cut into fragments at these places, with control frames behind these fragments.
    Message {
        is_text: bool,
        payload: Vec<u8>,
        cuts: Vec<Index>,
        between: Vec<(Index, Control)>,
    },
    Control(Control),
    /// A frame with anything in its header.
    Wild {
        first: u8,
        masked_as_it_should: bool,
        len_form: u8,
        payload: Vec<u8>,
    },
    Noise(Vec<u8>),
}

#[derive(Clone, Debug)]
struct Control {
    first: u8,
    payload: Vec<u8>,
}

/// A change to a stream on its way.
#[derive(Clone, Debug)]
enum Damage {
    None,
    Flip(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    CutOff(Index),
}

#[derive(Clone, Debug)]
struct Stream {
    pieces: Vec<Piece>,
    key: [u8; 4],
    damage: Damage,
}

impl Stream {
    fn bytes(&self, to: Role) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (turn, piece) in (0..8).cycle().zip(&self.pieces) {
            let key = self.key.map(|byte| byte.rotate_left(turn));
            piece.lay(to, key, &mut bytes);
        }
        if !bytes.is_empty() {
            let len = bytes.len();
            match self.damage {
                Damage::None => {}
                Damage::Flip(at, bit) => bytes[at.index(len)] ^= 1 << bit,
                Damage::Insert(at, byte) => bytes.insert(at.index(len), byte),
                Damage::Remove(at) => drop(bytes.remove(at.index(len))),
                Damage::CutOff(at) => bytes.truncate(at.index(len)),
            }
        }
        bytes
    }
}

impl Piece {
    fn lay(&self, to: Role, key: [u8; 4], bytes: &mut Vec<u8>) {
        match self {
            Self::Message { is_text, payload, cuts, between } => {
                let mut cuts: Vec<_> =
                    cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
                cuts.sort_unstable();
                cuts.push(payload.len());
                let mut opcode = if *is_text { 0x1 } else { 0x2 };
                let mut at = 0;
                for (i, cut) in cuts.iter().enumerate() {
                    let fin = if i + 1 == cuts.len() { 0x80 } else { 0 };
                    bytes.extend(frame_with_key(to, fin | opcode, &payload[at..*cut], key));
                    for (_, control) in between.iter().filter(|(at, _)| at.index(cuts.len()) == i) {
                        bytes.extend(frame_with_key(to, control.first, &control.payload, key));
                    }
                    (opcode, at) = (0x0, *cut);
                }
            }
            Self::Control(Control { first, payload }) => {
                bytes.extend(frame_with_key(to, *first, payload, key));
            }
            Self::Wild { first, masked_as_it_should, len_form, payload } => {
                let masked = *masked_as_it_should == (to == Role::Server);
                let lawful = frame_with_key(Role::Client, *first, payload, key);
                let len = payload.len() as u64;
                let header_len = lawful.len() - payload.len();
                bytes.push(*first);
                let len_7 = [lawful[1], 126, 127][usize::from(*len_form)];
                bytes.push(if masked { 0x80 | len_7 } else { len_7 });
                match len_form {
                    0 => bytes.extend(&lawful[2..header_len]),
                    1 => bytes.extend(&len.to_be_bytes()[6..]),
                    _ => bytes.extend(len.to_be_bytes()),
                }
                if masked {
                    bytes.extend(key);
                }
                bytes.extend(payload);
            }
            Self::Noise(noise) => bytes.extend(noise),
        }
    }
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let character = prop_oneof![
        4 => (0x20..0x7f_u8).prop_map(char::from),
        1 => any::<char>(),
        1 => select(vec!['\0', '\u{7f}', '\u{80}', '\u{7ff}', '\u{800}', '\u{ffff}', '\u{10ffff}']),
    ];
    vec(character, 0..60).prop_map(|text| text.into_iter().collect::<String>().into_bytes())
}

fn binary() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => vec(any::<u8>(), 0..40), 1 => vec(any::<u8>(), 120..130)]
}

fn control() -> impl Strategy<Value = Control> {
    let payload = prop_oneof![4 => vec(any::<u8>(), 0..8), 1 => vec(any::<u8>(), 120..=125)];
    (select(vec![0x89, 0x8a]), payload).prop_map(|(first, payload)| Control { first, payload })
}

fn close() -> impl Strategy<Value = Control> {
    let code = prop_oneof![3 => 1000..1016_u16, 1 => 3000..5000_u16, 1 => any::<u16>()];
    let reason = text().prop_map(|mut reason| {
        reason.truncate(123);
        reason
    });
    let payload = prop_oneof![
        4 => (code, reason).prop_map(|(code, reason)| [&code.to_be_bytes()[..], &reason].concat()),
        1 => vec(any::<u8>(), 0..4),
    ];
    payload.prop_map(|payload| Control { first: 0x88, payload })
}

/// A message whose payload is that is valid as text, whatever its type.
fn message(payload: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Piece> {
    let cuts = prop_oneof![2 => vec(any::<Index>(), 0), 3 => vec(any::<Index>(), 1..6)];
    let between = vec((any::<Index>(), control()), 0..3);
    (any::<bool>(), payload, cuts, between).prop_map(|(is_text, payload, cuts, between)| {
        Piece::Message { is_text, payload, cuts, between }
    })
}

fn wild() -> impl Strategy<Value = Piece> {
    let first = prop_oneof![
        4 => (select(vec![0x0, 0x80]), select(vec![0x0, 0x1, 0x2, 0x8, 0x9, 0xa]))
            .prop_map(|(fin, opcode): (u8, u8)| fin | opcode),
        1 => any::<u8>(),
    ];
    let form = prop_oneof![8 => Just(0), 1 => Just(1), 1 => Just(2_u8)];
    (first, prop::bool::weighted(0.9), form, binary()).prop_map(
        |(first, masked_as_it_should, len_form, payload)| Piece::Wild {
            first,
            masked_as_it_should,
            len_form,
            payload,
        },
    )
}

fn piece() -> impl Strategy<Value = Piece> {
    let invalid_text = (text(), binary()).prop_map(|(text, noise)| [text, noise].concat());
    prop_oneof![
        12 => message(text()),
        1 => message(invalid_text),
        4 => control().prop_map(Piece::Control),
        1 => close().prop_map(Piece::Control),
        2 => wild(),
        1 => vec(any::<u8>(), 1..20).prop_map(Piece::Noise),
    ]
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        3 => Just(Damage::None),
        1 => (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        1 => any::<Index>().prop_map(Damage::Remove),
        2 => any::<Index>().prop_map(Damage::CutOff),
    ]
}

fn stream() -> impl Strategy<Value = Stream> {
    (vec(piece(), 1..6), any::<[u8; 4]>(), damage()).prop_map(|(pieces, key, damage)| Stream {
        pieces,
        key,
        damage,
    })
}

/// Streams without a fault, with a length on each side of every boundary.
fn long_stream() -> impl Strategy<Value = Stream> {
    let len = select(vec![0, 124, 125, 126, 127, 128, 65_534, 65_535, 65_536, 65_537, 100_000]);
    let payload = (text(), len).prop_map(|(text, len)| {
        let mut payload: Vec<u8> =
            text.iter().copied().cycle().take(if text.is_empty() { 0 } else { len }).collect();
        // Whole characters, and the rest in ASCII.
        let (Ok(whole) | Err(whole)) = oracle::text_len(&payload);
        payload.truncate(whole);
        payload.resize(len, b'~');
        payload
    });
    (vec(message(payload), 1..4), any::<[u8; 4]>()).prop_map(|(pieces, key)| Stream {
        pieces,
        key,
        damage: Damage::None,
    })
}

fn role() -> impl Strategy<Value = Role> {
    select(vec![Role::Client, Role::Server])
}

fn delivery() -> impl Strategy<Value = Delivery> {
    select(vec![Delivery::Whole, Delivery::Chunks])
}

fn config() -> impl Strategy<Value = Config> {
    let defaults = Limits::default();
    let len_max = move || prop_oneof![8 => Just(defaults.frame_len_max), 2 => 0..140_u64];
    let fragments_max = prop_oneof![8 => Just(defaults.fragments_max), 2 => 0..5_u32];
    let read_len = select(vec![64, 100, defaults.read_len]);
    (delivery(), any::<bool>(), len_max(), len_max(), fragments_max, read_len).prop_map(
        move |(delivery, auto_pong, frame_len_max, message_len_max, fragments_max, read_len)| {
            let limits = defaults
                .frame_len_max(frame_len_max)
                .message_len_max(message_len_max)
                .fragments_max(fragments_max)
                .read_len(read_len);
            Config::default().limits(limits).delivery(delivery).auto_pong(auto_pong)
        },
    )
}

/// When the outbox is written.
#[derive(Clone, Copy, Debug)]
enum Writing {
    AfterEachEvent,
    AtTheEnd,
}

struct Outcome {
    told: Vec<Told>,
    /// As it was written.
    bytes: Vec<u8>,
    end: End,
}

/// Lets the stream arrive in pieces of these lengths, over and over, as a read would bring them.
fn hear(role: Role, config: &Config, stream: &[u8], lens: &[usize], writing: Writing) -> Outcome {
    let mut end = End::with(role, config);
    let (mut told, mut bytes) = (Vec::new(), Vec::new());
    let mut rest = stream;
    for len in lens.iter().cycle() {
        let space = end.inbox.space();
        let len = (*len).min(rest.len()).min(space.len());
        let (piece, after) = rest.split_at(len);
        space[..len].copy_from_slice(piece);
        end.inbox.filled(len);
        rest = after;
        match writing {
            Writing::AfterEachEvent => {
                while let Some(event) = end.event_in_halves() {
                    told.push(event);
                    bytes.extend(end.write_all());
                }
            }
            Writing::AtTheEnd => told.extend(end.events()),
        }
        if rest.is_empty() {
            break;
        }
    }
    bytes.extend(end.write_all());
    Outcome { told: joined(told), bytes, end }
}

fn rule(error: ProtocolError) -> Rule {
    match error {
        ProtocolError::ReservedBits => Rule::ReservedBits,
        ProtocolError::ReservedOpcode(_) => Rule::ReservedOpcode,
        ProtocolError::FragmentedControlFrame => Rule::FragmentedControlFrame,
        ProtocolError::ControlFrameTooLong => Rule::ControlFrameTooLong,
        ProtocolError::UnmaskedFrame => Rule::NotMasked,
        ProtocolError::MaskedFrame => Rule::Masked,
        ProtocolError::LengthNotMinimal => Rule::LengthNotMinimal,
        ProtocolError::LengthOutOfRange => Rule::LengthOutOfRange,
        ProtocolError::UnexpectedContinuation => Rule::NothingToContinue,
        ProtocolError::InterleavedMessage => Rule::Interleaved,
        ProtocolError::FrameTooLong { .. } => Rule::FrameTooLong,
        ProtocolError::MessageTooLong { .. } => Rule::MessageTooLong,
        ProtocolError::TooManyFragments { .. } => Rule::TooManyFragments,
        ProtocolError::InvalidUtf8 => Rule::InvalidUtf8,
        ProtocolError::CloseBodyTooShort => Rule::CloseBodyTooShort,
        ProtocolError::InvalidCloseCode(_) => Rule::InvalidCloseCode,
        ProtocolError::InvalidCloseReason => Rule::InvalidCloseReason,
        other => panic!("a rule that the oracle does not know: {other:?}"),
    }
}

/// The engine's expected report, by the oracle's result. A failure keeps the engine's name for it,
/// if that name is one of the possible ones.
fn expected_told(said: &[Said], told: &[Told]) -> Vec<Told> {
    let told_error = match told.last() {
        Some(Told::Failed(error)) => Some(*error),
        _ => None,
    };
    let utf8 = |payload: &[u8]| String::from_utf8(payload.to_vec()).expect("valid by RFC 3629");
    let events = said.iter().map(|said| match said {
        Said::Message { is_text: true, payload } => Told::Text(utf8(payload)),
        Said::Message { is_text: false, payload } => Told::Binary(payload.clone()),
        Said::Part { is_text: true, payload, fin } => Told::TextPart(utf8(payload), *fin),
        Said::Part { is_text: false, payload, fin } => Told::BinaryPart(payload.clone(), *fin),
        Said::Ping(payload) => Told::Ping(payload.clone()),
        Said::Pong(payload) => Told::Pong(payload.clone()),
        Said::Close { code, reason } => Told::Close(*code, reason.clone()),
        Said::Failed(rules) => {
            let error = told_error.filter(|error| rules.contains(&rule(*error)));
            Told::Failed(error.unwrap_or_else(|| panic!("{rules:?} broken, not {told_error:?}")))
        }
    });
    joined(events.collect())
}

/// A part that fails for its text may come without what is good of it.
fn without_parts_of_failed_text(mut told: Vec<Told>) -> Vec<Told> {
    if told.last() == Some(&Told::Failed(ProtocolError::InvalidUtf8)) {
        let failed = told.pop();
        if matches!(told.last(), Some(Told::TextPart(_, false))) {
            told.pop();
        }
        told.extend(failed);
    }
    told
}

/// The frames that answer what was said: all of them, or those that a single write at the end
/// brings, of which no more than 4 KiB wait.
fn expected_answers(
    role: Role,
    said: &[Said],
    told: &[Told],
    auto_pong: bool,
    writing: Writing,
) -> Vec<Sent> {
    let pings = said.iter().filter_map(|said| match said {
        Said::Ping(payload) if auto_pong => Some(Sent::new(0x8a, payload)),
        _ => None,
    });
    let mut answers: Vec<_> = match writing {
        Writing::AfterEachEvent => pings.collect(),
        Writing::AtTheEnd => {
            let header_len = if role == Role::Client { 6 } else { 2 };
            let (mut waiting, mut len) = (Vec::new(), 0);
            for Sent(first, payload) in pings {
                if len + 6 + 125 > 4096 {
                    waiting.clear();
                    len = 0;
                }
                len += header_len + payload.len();
                waiting.push(Sent(first, payload));
            }
            waiting
        }
    };
    match (said.last(), told.last()) {
        (Some(Said::Close { code: Some(code), .. }), _) => answers.push(Sent::close(*code)),
        (Some(Said::Close { code: None, .. }), _) => answers.push(Sent::new(0x88, b"")),
        (_, Some(Told::Failed(error))) => answers.push(Sent::close(rule(*error).close_code())),
        _ => {}
    }
    answers
}

/// Takes the reason out of the Close frame that a failure sent: its words are the engine's.
fn without_reason(mut sent: Vec<Sent>) -> Vec<Sent> {
    if let Some(Sent(0x88, body)) = sent.last_mut() {
        body.truncate(2);
    }
    sent
}

/// Reads the stream in every way, and holds all of it to the oracle.
fn check(role: Role, config: &Config, stream: &[u8], lens: &[usize]) {
    let limits = config.limits;
    let oracle = Oracle {
        is_server: role == Role::Server,
        in_parts: config.delivery == Delivery::Chunks,
        frame_len_max: limits.frame_len_max,
        message_len_max: limits.message_len_max,
        fragments_max: limits.fragments_max,
    };
    let said = oracle.read(stream);
    for writing in [Writing::AfterEachEvent, Writing::AtTheEnd] {
        let whole = hear(role, config, stream, &[usize::MAX], writing);
        for lens in [&[usize::MAX][..], &[1], lens] {
            let heard = hear(role, config, stream, lens, writing);
            let expected = expected_told(&said, &heard.told);
            if heard.told != expected {
                let told = without_parts_of_failed_text(heard.told.clone());
                assert_eq!(told, without_parts_of_failed_text(expected), "{lens:?}");
            }
            assert_eq!(heard.bytes, whole.bytes, "{lens:?}");
            let answers = expected_answers(role, &said, &heard.told, config.auto_pong, writing);
            assert_eq!(without_reason(frames_sent_by(role, &heard.bytes)), answers);
            check_ending(heard.end, said.last());
        }
    }
}

fn check_ending(mut end: End, last: Option<&Said>) {
    let fault = end.connection.fault();
    let (state, code, reason, sent, by, clean) = match last {
        Some(Said::Close { code, reason }) => {
            let sent = code.map(CloseCode::new);
            (State::Closing, code.unwrap_or(1005), &reason[..], sent, ClosedBy::Peer, true)
        }
        Some(Said::Failed(_)) => {
            let Some(Fault::Protocol(error)) = fault else { panic!("no failure: {fault:?}") };
            let sent = Some(CloseCode::new(rule(error).close_code()));
            (State::Closing, 1006, "", sent, ClosedBy::Local, false)
        }
        _ => (State::Open, 1006, "", None, ClosedBy::Transport, false),
    };
    assert_eq!(end.connection.state(), state);
    assert_eq!(end.connection.closure(), None);
    assert_eq!(end.hear_eof(), []);
    assert_eq!(end.connection.state(), State::Closed);
    let closure = end.connection.closure().expect("closed");
    assert_eq!((closure.code.value(), &*closure.reason), (code, reason));
    assert_eq!((closure.sent, closure.closed_by, closure.clean), (sent, by, clean));
    let lost = state == State::Open;
    assert_eq!(closure.fault, if lost { Some(Fault::ConnectionLost) } else { fault });
}

proptest! {
    #![proptest_config(cases(800))]

    #[test]
    fn any_stream_is_read_as_the_oracle_reads_it(
        role in role(),
        config in config(),
        stream in stream(),
        lens in vec(prop_oneof![4 => 1..30_usize, 1 => 1..400_usize], 1..8),
    ) {
        check(role, &config, &stream.bytes(role), &lens);
    }

    /// Checks the oracle itself: a stream without a fault gives back the messages that were put
    /// into it.
    #[test]
    fn lawful_messages_are_reported_as_they_were_made(
        role in role(),
        messages in vec((text(), vec(any::<Index>(), 0..5), vec((any::<Index>(), control()), 0..3)), 0..5),
        key in any::<[u8; 4]>(),
    ) {
        let pieces = messages.iter().enumerate().map(|(i, (payload, cuts, between))| {
            let (is_text, payload) = (i % 2 == 0, payload.clone());
            Piece::Message { is_text, payload, cuts: cuts.clone(), between: between.clone() }
        });
        let stream = Stream { pieces: pieces.collect(), key, damage: Damage::None };
        let heard = hear(role, &Config::default(), &stream.bytes(role), &[7], Writing::AtTheEnd);
        let told: Vec<_> = heard.told.into_iter().filter(|told| {
            matches!(told, Told::Text(_) | Told::Binary(_))
        }).collect();
        let made: Vec<_> = messages.iter().enumerate().map(|(i, (payload, ..))| match i % 2 {
            0 => Told::Text(String::from_utf8(payload.clone()).expect("text")),
            _ => Told::Binary(payload.clone()),
        }).collect();
        prop_assert_eq!(told, made);
    }
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn a_long_stream_is_read_as_the_oracle_reads_it(
        role in role(),
        delivery in delivery(),
        stream in long_stream(),
        lens in vec(prop_oneof![1 => 1..30_usize, 1 => 1000..40_000_usize], 1..8),
    ) {
        check(role, &Config::default().delivery(delivery), &stream.bytes(role), &lens);
    }
}

/// The oracle's own grammar of text, held to the standard library's: any two bytes, and a third on
/// each side of every boundary of the grammar.
#[test]
fn the_oracle_knows_text_as_the_standard_library_does() {
    let thirds = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
    for pair in 0..=u16::MAX {
        let [first, second] = pair.to_be_bytes();
        for third in thirds {
            let bytes = [first, second, third];
            let expected = match std::str::from_utf8(&bytes) {
                Ok(_) => Ok(3),
                Err(error) if error.error_len().is_none() => Ok(error.valid_up_to()),
                Err(error) => Err(error.valid_up_to()),
            };
            assert_eq!(oracle::text_len(&bytes), expected, "{bytes:02x?}");
        }
    }
}
