//! Streams: lawful ones, and the same after some damage.

use bluewire_spec_tests::case::Role;
use bluewire_spec_tests::random::Random;
use bluewire_spec_tests::wire::{frame, opcode};

use crate::outcome::LEN_MAX;

/// The bytes that arrive.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    /// The end that reads it.
    pub(crate) to: Role,
    pub(crate) bytes: Vec<u8>,
    /// The lengths of the pieces in which they come.
    pub(crate) pieces: Vec<usize>,
}

impl Stream {
    pub(crate) fn new(random: &mut Random, to: Role) -> Self {
        let mut frames = frames(random, to);
        if random.below(8) == 0 {
            disorder(random, &mut frames);
        }
        let mut bytes = frames.concat();
        if random.below(2) == 0 {
            for _ in 0..=random.below(3) {
                damage(random, &frames, &mut bytes);
            }
        }
        let pieces = pieces(random, bytes.len());
        Self { to, bytes, pieces }
    }

    /// The pieces; and behind them what completes any frame, so that a library that waits for the
    /// rest of a broken frame comes to see that it is broken.
    pub(crate) fn arrivals(&self) -> impl Iterator<Item = &[u8]> {
        const REST: &[u8] = &[0; LEN_MAX + 200];
        let mut rest = &self.bytes[..];
        let pieces = self.pieces.iter().map(move |len| {
            let (piece, after) = rest.split_at(*len);
            rest = after;
            piece
        });
        pieces.chain([REST])
    }
}

fn pieces(random: &mut Random, len: usize) -> Vec<usize> {
    let max = match random.below(4) {
        0 => 1,
        1 => 8,
        2 => 64,
        _ => len.max(1),
    };
    let mut pieces = Vec::new();
    let mut left = len;
    while left > 0 {
        let piece = 1 + random.below(max.min(left));
        pieces.push(piece);
        left -= piece;
    }
    pieces
}

/// Up to eight frames, each right for where it stands.
fn frames(random: &mut Random, to: Role) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut within = None;
    for _ in 0..=random.below(8) {
        let (fin, opcode) = match random.below(8) {
            0 => (true, opcode::PING),
            1 => (true, opcode::PONG),
            2 if random.below(3) == 0 => (true, opcode::CLOSE),
            _ => {
                let fin = random.below(2) == 0;
                let begun = within.take();
                let kind = begun.unwrap_or_else(|| [opcode::TEXT, opcode::BINARY][random.below(2)]);
                within = (!fin).then_some(kind);
                (fin, if begun.is_some() { opcode::CONTINUATION } else { kind })
            }
        };
        let payload = payload(random, opcode);
        let key = (to == Role::Server).then(|| random.key());
        frames.push(frame(fin, 0, opcode, key, &payload));
    }
    frames
}

fn payload(random: &mut Random, opcode: u8) -> Vec<u8> {
    match opcode {
        opcode::CLOSE => close_body(random),
        opcode::PING | opcode::PONG => {
            let len = if random.below(8) == 0 { 125 } else { random.below(12) };
            vec![b'p'; len]
        }
        _ => {
            let mut payload = text(random);
            // Fragments may end within a character.
            if random.below(8) == 0 {
                payload.truncate(random.below(payload.len() + 1));
            }
            if random.below(24) == 0 && !payload.is_empty() {
                let at = random.below(payload.len());
                payload[at] = random.bytes()[0];
            }
            payload
        }
    }
}

fn text(random: &mut Random) -> Vec<u8> {
    let pieces = ["a", "\u{e9}", "\u{20ac}", "\u{1f980}", "text", ""];
    let count = match random.below(32) {
        // Around the limits of a frame and of a message.
        0 => return vec![b'l'; LEN_MAX - 2 + random.below(4)],
        1 => return vec![b'm'; 120 + random.below(12)],
        2..6 => 0,
        _ => random.below(12),
    };
    (0..count).flat_map(|_| pieces[random.below(6)].bytes()).collect()
}

fn close_body(random: &mut Random) -> Vec<u8> {
    let codes = [1000, 1001, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999];
    let code = match random.below(8) {
        0 => return vec![],
        1 => random.bytes()[..random.below(4)].try_into().map_or(1000, u16::from_be_bytes),
        2 => 1000 + u16::from(random.bytes()[0] % 20),
        _ => codes[random.below(codes.len())],
    };
    let mut body = code.to_be_bytes().to_vec();
    body.extend("gr\u{fc}\u{df}e".bytes().take(random.below(8)));
    body
}

/// Takes a frame away, doubles one, or puts two in each other's place.
fn disorder(random: &mut Random, frames: &mut Vec<Vec<u8>>) {
    let at = random.below(frames.len());
    match random.below(3) {
        0 => drop(frames.remove(at)),
        1 => frames.insert(at, frames[at].clone()),
        _ => {
            let other = random.below(frames.len());
            frames.swap(at, other);
        }
    }
}

fn damage(random: &mut Random, frames: &[Vec<u8>], bytes: &mut Vec<u8>) {
    if bytes.is_empty() || frames.is_empty() {
        return;
    }
    let anywhere = random.below(bytes.len());
    // Where a frame starts, if nothing was damaged before.
    let before = random.below(frames.len());
    let start: usize = frames[..before].iter().map(Vec::len).sum();
    let start = start.min(bytes.len() - 1);
    match random.below(8) {
        0 => bytes[anywhere] ^= 1 << random.below(8),
        1 => bytes.insert(anywhere, random.bytes()[0]),
        2 => drop(bytes.remove(anywhere)),
        3 => bytes.truncate(anywhere),
        4 => bytes[start] ^= 1 << random.below(8),
        5 => bytes[start] = random.bytes()[0],
        6 => {
            let at = (start + 1).min(bytes.len() - 1);
            bytes[at] ^= 1 << random.below(8);
        }
        _ => lengthen(random, bytes, start),
    }
}

/// Puts another form of length into the header at `start`: the same length in more bytes than it
/// needs, or any length.
fn lengthen(random: &mut Random, bytes: &mut Vec<u8>, start: usize) {
    let Some(second) = bytes.get(start + 1).copied() else { return };
    let len = match random.below(4) {
        0 => random.next_u64() >> random.below(64),
        1 => [125, 126, 127, 4095, 4096, 4097, 65_535, 65_536, 1 << 63][random.below(9)],
        _ => u64::from(second & 0x7f),
    };
    let len = len.to_be_bytes();
    let (form, len) = if random.below(2) == 0 { (126, &len[6..]) } else { (127, &len[..]) };
    bytes[start + 1] = second & 0x80 | form;
    bytes.splice(start + 2..start + 2, len.iter().copied());
}
