//! Payloads.

use std::fmt::Write;

use crate::{Case, Kind, Shape};

const ASCII: &str = "The quick brown fox jumps over the lazy dog, and 1234567890 more (of them). ";
/// Characters of one to four bytes, in runs as they stand in real text.
const MIXED: &str = "Grüße aus Köln; καλημέρα κόσμε; доброе утро, мир; \
    おはよう世界; 안녕하세요; שלום עולם; 🦀🌍🎉; plain words between them. ";

/// A payload of exactly `len` bytes, the same at every call.
#[must_use]
pub fn payload(kind: Kind, len: usize) -> Vec<u8> {
    match kind {
        Kind::Binary => binary(len),
        Kind::Ascii => text(ASCII, len),
        Kind::Mixed => text(MIXED, len),
        Kind::Json => json(len, 0),
    }
}

/// The payloads that the messages of one run have, in turn.
#[must_use]
pub fn payloads(case: &Case) -> Vec<Vec<u8>> {
    match case.shape {
        Shape::Compressed => (0..case.messages()).map(|number| json(case.len, number)).collect(),
        _ => vec![payload(case.kind, case.len)],
    }
}

/// A list of trades, as an exchange tells them; no two messages are alike.
pub(crate) fn json(len: usize, number: usize) -> Vec<u8> {
    let noise = binary(8 * (number + 1) + len);
    let mut noise = noise[8 * number..].iter().map(|byte| u32::from(*byte)).cycle();
    let mut next = || noise.next().unwrap_or_default();
    let mut text = String::from("[");
    while text.len() < len {
        let side = if next() % 2 == 0 { "buy" } else { "sell" };
        let symbol = ["ABC-XYZ", "ABC-DEF", "GHI-XYZ"][next() as usize % 3];
        let (whole, cents, size) = (next() * 16 + next(), next() % 100, next());
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "{{\"type\":\"trade\",\"symbol\":\"{symbol}\",\"side\":\"{side}\",\
             \"price\":{whole}.{cents:02},\"size\":{size},\"id\":{number}}},"
        );
    }
    text.truncate(len - 1);
    text.push(']');
    text.into_bytes()
}

/// Bytes in no order (xorshift64).
fn binary(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[4]
    };
    (0..len).map(|_| next()).collect()
}

/// The text over and over; where a character would not fit at the end, spaces do.
fn text(repeated: &str, len: usize) -> Vec<u8> {
    let mut text = String::with_capacity(len);
    for character in repeated.chars().cycle() {
        if text.len() + character.len_utf8() > len {
            break;
        }
        text.push(character);
    }
    let mut bytes = text.into_bytes();
    bytes.resize(len, b' ');
    bytes
}
