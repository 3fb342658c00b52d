//! The faults of the first broken frame of a stream: a frame can break several rules at once, and a
//! library may report any of them (7.1.7 asks for one).

use std::collections::BTreeSet;

use bluewire_spec_tests::case::Role;
use bluewire_spec_tests::receiver::may_be_sent;
use bluewire_spec_tests::wire::{Header, mask, opcode};

use crate::outcome::LEN_MAX;

/// The first broken frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// The close codes of all that is wrong with it; empty if no frame is broken.
    pub(crate) codes: BTreeSet<u16>,
    /// Whether its length is in a longer form than needed.
    pub(crate) is_length_not_minimal: bool,
    /// Where it starts.
    pub(crate) start: usize,
    /// Whether it is an empty frame that ends a text.
    pub(crate) is_empty_end_of_text: bool,
}

struct UnderWay {
    is_text: bool,
    payload: Vec<u8>,
}

impl Faults {
    /// Those of the bytes that a library in this role has received.
    pub(crate) fn of(to: Role, bytes: &[u8]) -> Self {
        let mut under_way: Option<UnderWay> = None;
        let mut rest = bytes;
        while let Some((header, header_len)) = Header::parse(rest) {
            let start = bytes.len() - rest.len();
            let mut codes = header_faults(to, &header, under_way.as_ref());
            if codes == BTreeSet::from([1009])
                && is_text_broken_by(&header, &rest[header_len..], under_way.as_ref())
            {
                codes.insert(1007);
            }
            if !codes.is_empty() {
                let is_length_not_minimal = !header.minimal;
                return Self { codes, start, is_length_not_minimal, ..Self::default() };
            }
            rest = &rest[header_len..];
            let len = usize::try_from(header.len).unwrap_or(usize::MAX);
            let mut payload = rest[..len.min(rest.len())].to_vec();
            let is_whole = payload.len() == len;
            rest = &rest[payload.len()..];
            mask(&mut payload, header.key.unwrap_or_default(), 0);
            if header.opcode == opcode::CLOSE {
                if is_whole {
                    codes = close_faults(&payload);
                }
                return Self { codes, start, ..Self::default() };
            }
            if header.is_control() {
                continue;
            }
            let is_text = header.opcode == opcode::TEXT;
            let message =
                under_way.get_or_insert_with(|| UnderWay { is_text, payload: Vec::new() });
            message.payload.extend(payload);
            let ends = header.fin && is_whole;
            if message.is_text && is_broken(&message.payload, ends) {
                let is_empty_end_of_text = ends && header.len == 0;
                let codes = BTreeSet::from([1007]);
                return Self { codes, start, is_empty_end_of_text, ..Self::default() };
            }
            if ends {
                under_way = None;
            }
        }
        Self::default()
    }
}

fn header_faults(to: Role, header: &Header, under_way: Option<&UnderWay>) -> BTreeSet<u16> {
    let is_control = header.is_control();
    let continues = header.opcode == opcode::CONTINUATION;
    let before = under_way.map_or(0, |message| message.payload.len() as u64);
    let limit = LEN_MAX as u64;
    let faults = [
        (header.rsv != 0, 1002),
        (opcode::name(header.opcode) == "reserved", 1002),
        (is_control && !header.fin, 1002),
        (is_control && header.len > 125, 1002),
        (header.key.is_some() != (to == Role::Server), 1002),
        (!header.minimal, 1002),
        (header.len >= 1 << 63, 1002),
        (!is_control && continues != under_way.is_some(), 1002),
        (header.len > limit, 1009),
        (!is_control && before.saturating_add(header.len) > limit, 1009),
    ];
    faults.into_iter().filter(|(is_broken, _)| *is_broken).map(|(_, code)| code).collect()
}

/// Whether the text of a frame that is too long is not valid either.
fn is_text_broken_by(header: &Header, payload: &[u8], under_way: Option<&UnderWay>) -> bool {
    let is_text = header.opcode == opcode::TEXT || under_way.is_some_and(|it| it.is_text);
    let len = usize::try_from(header.len).unwrap_or(usize::MAX).min(payload.len());
    let mut payload = payload[..len].to_vec();
    mask(&mut payload, header.key.unwrap_or_default(), 0);
    let before = under_way.map_or(&[][..], |message| &message.payload);
    is_text && is_broken(&[before, &payload].concat(), header.fin && len as u64 == header.len)
}

fn close_faults(body: &[u8]) -> BTreeSet<u16> {
    match body {
        [] => BTreeSet::new(),
        [_] => BTreeSet::from([1002]),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            let faults = [(!may_be_sent(code), 1002), (is_broken(reason, true), 1007)];
            faults.into_iter().filter(|(is_broken, _)| *is_broken).map(|(_, code)| code).collect()
        }
    }
}

/// Whether text is not valid, or cannot become so.
fn is_broken(text: &[u8], ends: bool) -> bool {
    std::str::from_utf8(text).is_err_and(|error| ends || error.error_len().is_some())
}
