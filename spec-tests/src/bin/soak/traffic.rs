//! Messages: of every size, text and binary, the same again from the same seed.

use std::sync::Arc;

use bluewire::Message;
use bluewire_spec_tests::random::Random;

pub(crate) const LEN_MAX: usize = 1024 * 1024;

/// The pool from which messages are cut: parts of it compress well, others not at all.
pub(crate) struct Pool {
    text: String,
    bytes: Vec<u8>,
}

impl Pool {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let (mut text, mut bytes) = (String::new(), Vec::new());
        while text.len() < 2 * LEN_MAX {
            // Characters of one to four bytes, then some that have been there.
            let many = 1 + random.below(500);
            text.extend((0..many).map(|_| character(&mut random)));
            let mut from = random.below(text.len().min(2_000));
            while !text.is_char_boundary(from) {
                from -= 1;
            }
            let again: String = text[from..].chars().take(random.below(2_000)).collect();
            text.push_str(&again);
        }
        while bytes.len() < 2 * LEN_MAX {
            let many = 1 + random.below(250);
            bytes.extend((0..many).flat_map(|_| random.bytes()));
            let from = random.below(bytes.len().min(2_000));
            let to = bytes.len().min(from + random.below(2_000));
            bytes.extend_from_within(from..to);
        }
        Self { text, bytes }
    }
}

fn character(random: &mut Random) -> char {
    let ranges = ['a'..='z', 'à'..='ÿ', 'あ'..='ん', '😀'..='🙏'];
    // Every other one is ASCII.
    let range = &ranges[random.below(2 * ranges.len()).saturating_sub(ranges.len())];
    let many = range.clone().count();
    range.clone().nth(random.below(many)).unwrap_or(' ')
}

/// Messages without an end.
pub(crate) struct Traffic {
    pool: Arc<Pool>,
    random: Random,
}

impl Traffic {
    pub(crate) fn new(pool: &Arc<Pool>, seed: u64) -> Self {
        Self { pool: Arc::clone(pool), random: Random::new(seed) }
    }

    pub(crate) fn next(&mut self) -> Message<'_> {
        let len = len(&mut self.random);
        let is_text = self.random.below(2) == 0;
        if !is_text {
            let start = self.random.below(self.pool.bytes.len() - len);
            return Message::Binary(&self.pool.bytes[start..start + len]);
        }
        let text = &self.pool.text;
        let start = boundary(text, self.random.below(text.len() - len));
        Message::Text(&text[start..boundary(text, start + len)])
    }
}

/// Mostly small, sometimes at a length where the header changes, seldom up to 1 MiB.
fn len(random: &mut Random) -> usize {
    const EDGES: [usize; 8] = [0, 1, 125, 126, 127, 65_535, 65_536, LEN_MAX];
    match random.below(1_000) {
        0..600 => random.below(126),
        600..900 => random.below(4_096),
        900..980 => random.below(65_536),
        980..990 => random.below(LEN_MAX + 1),
        _ => EDGES[random.below(EDGES.len())],
    }
}

/// Cuts a message in up to four parts, text between characters.
pub(crate) fn parts<'a>(message: Message<'a>, random: &mut Random) -> Vec<Message<'a>> {
    let mut cuts: Vec<_> = (0..random.below(4)).map(|_| random.below(message.len() + 1)).collect();
    cuts.push(message.len());
    cuts.sort_unstable();
    let mut start = 0;
    let part = |end: usize| match message {
        Message::Text(text) => {
            let end = boundary(text, end);
            Message::Text(&text[std::mem::replace(&mut start, end)..end])
        }
        Message::Binary(bytes) => Message::Binary(&bytes[std::mem::replace(&mut start, end)..end]),
    };
    cuts.into_iter().map(part).collect()
}

/// The last place up to `at` that is between characters.
fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Compares an echo with what was sent: every byte, and the kind.
pub(crate) fn compare(sent: Message<'_>, echo: Message<'_>) -> Result<(), String> {
    if sent == echo {
        return Ok(());
    }
    let kind = |message: Message<'_>| if message.is_text() { "text" } else { "binary" };
    let pairs = sent.as_bytes().iter().zip(echo.as_bytes());
    let same = pairs.take_while(|(sent, echo)| sent == echo).count();
    Err(format!(
        "{} of {} bytes came back as {} of {} bytes; the first {same} are the same",
        kind(sent),
        sent.len(),
        kind(echo),
        echo.len(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_messages_again_and_others_do_not() {
        let pool = Arc::new(Pool::new(1));
        let (mut one, mut same) = (Traffic::new(&pool, 1), Traffic::new(&pool, 1));
        let mut other = Traffic::new(&pool, 2);
        let mut differ = 0;
        for _ in 0..1_000 {
            let sent = one.next();
            compare(sent, same.next()).expect("the same seed, the same message");
            differ += u32::from(compare(sent, other.next()).is_err());
        }
        assert!(differ > 900, "{differ}");
    }

    #[test]
    fn the_parts_of_a_message_are_the_message() {
        let pool = Arc::new(Pool::new(1));
        let mut traffic = Traffic::new(&pool, 3);
        let mut random = Random::new(4);
        for _ in 0..1_000 {
            let message = traffic.next();
            let parts = parts(message, &mut random);
            let bytes: Vec<_> = parts.iter().flat_map(|part| part.as_bytes()).copied().collect();
            assert_eq!(bytes, message.as_bytes());
            assert!(parts.iter().all(|part| part.is_text() == message.is_text()));
        }
    }
}
