//! Text of a peer's, made safe to print.

use core::fmt::{self, Write};

/// The most characters that are shown.
const CHARS_MAX: usize = 64;

/// Text that a peer chose, such as the reason of a Close frame or a header's value, for a log, a
/// terminal or an error: displayed, it does nothing but stand there.
///
/// Escaped as in Rust's literals are control characters, among them those that move a terminal's
/// cursor or begin a line; characters that are not seen; marks that turn the direction of the text;
/// and the backslash. After 64 characters it is cut, and `...` says so.
///
/// ```
/// use bluewire_core::Printable;
///
/// assert_eq!(Printable::new("Gateway isn't ready").to_string(), "Gateway isn't ready");
/// assert_eq!(Printable::new("bye\n\u{1b}[2J").to_string(), "bye\\n\\u{1b}[2J");
/// assert_eq!(Printable::new(&"x".repeat(100)).to_string().len(), 64 + "...".len());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Printable<'a> {
    text: &'a str,
}

impl<'a> Printable<'a> {
    /// This text.
    pub const fn new(text: &'a str) -> Self {
        Self { text }
    }
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = 0;
        for char in self.text.chars() {
            let is_quote = matches!(char, '\'' | '"');
            let len = if is_quote { 1 } else { char.escape_debug().len() };
            shown = len.saturating_add(shown);
            if shown > CHARS_MAX {
                return f.write_str("...");
            }
            if is_quote { f.write_char(char)? } else { write!(f, "{}", char.escape_debug())? }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};

    #[test]
    fn characters_with_an_effect_on_a_terminal_or_a_log_are_escaped() {
        let controls = (0..0x20).chain(0x7f..0xa0);
        // Line and paragraph separators; marks of direction, embeddings, overrides, isolates;
        // spaces that are not seen; a mark of byte order, and tags.
        let others = [0x2028, 0x2029, 0x61c, 0x200e, 0x200f, 0x200b, 0xa0, 0xfeff, 0xad, 0xe0041];
        let directions = (0x202a..=0x202e).chain(0x2066..=0x2069);
        for code in controls.chain(others).chain(directions) {
            let char = char::from_u32(code).expect("a character");
            let shown = Printable::new(&String::from(char)).to_string();
            assert!(shown.starts_with('\\') && shown.is_ascii(), "{code:x}: {shown}");
        }
        assert_eq!(Printable::new("a\\n\r\n").to_string(), "a\\\\n\\r\\n");
    }

    #[test]
    fn printable_text_stays() {
        let text = "It's \"fine\": 100 %, grüße, 你好, שלום, 🙂";
        assert_eq!(Printable::new(text).to_string(), text);
        assert_eq!(Printable::new("").to_string(), "");
    }

    #[test]
    fn it_is_cut_after_64_characters_and_never_within_an_escape() {
        for (char, shown_len) in [('x', 64), ('é', 64), ('\0', 32 * 2), ('\u{1b}', 10 * 6)] {
            let long = String::from(char).repeat(1000);
            let shown = Printable::new(&long).to_string();
            assert_eq!(shown.chars().count(), shown_len + 3, "{shown}");
            assert!(shown.ends_with("...") && !shown.contains("\\..."), "{shown}");
        }
        assert_eq!(Printable::new(&"x".repeat(64)).to_string(), "x".repeat(64));
    }
}
