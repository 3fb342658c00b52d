//! The shared parts of the sentences of errors and events.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::time::Duration;

use bluewire_core::Refusal;

/// How many characters of it are shown.
const LEN_MAX: usize = 64;

/// Text from a peer. `Display` shows it so that it cannot forge a line of a log, change how a
/// terminal shows the rest, or fill either: it escapes characters that are not shown as themselves,
/// and keeps at most 64.
#[derive(Clone, Copy)]
pub(crate) struct PeerText<'a>(pub(crate) &'a str);

impl fmt::Display for PeerText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.chars();
        for char in chars.by_ref().take(LEN_MAX) {
            if is_shown(char) {
                f.write_char(char)?;
            } else {
                write!(f, "{}", char.escape_unicode())?;
            }
        }
        match chars.next() {
            Some(_) => f.write_str("..."),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for PeerText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Whether a character is shown as itself: not a control character (C0, DEL, C1), not one that ends
/// a line or changes the direction of the text (UAX #9), and not one that has no width.
const fn is_shown(char: char) -> bool {
    !matches!(
        char,
        '\0'..='\x1f'
            | '\x7f'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// How long something took or may take, in the unit that fits.
#[derive(Clone, Copy)]
pub(crate) struct Period(pub(crate) Duration);

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0.as_secs(), self.0.subsec_millis());
        match (seconds, millis) {
            (0, 0) if !self.0.is_zero() => write!(f, "{} µs", self.0.as_micros()),
            (0, 1..) => write!(f, "{millis} ms"),
            (_, 0) => write!(f, "{seconds} s"),
            _ => {
                let digits = format!("{millis:03}");
                write!(f, "{seconds}.{} s", digits.trim_end_matches('0'))
            }
        }
    }
}

/// How a server or a proxy refused: its status, its reason, and the beginning of its body where that
/// is text for people, not a page.
pub(crate) struct RefusalText<'a>(pub(crate) &'a Refusal);

impl fmt::Display for RefusalText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.0.head();
        write!(f, "{}", head.status())?;
        if !head.reason().is_empty() {
            write!(f, " {}", PeerText(head.reason()))?;
        }
        match short_text(self.0) {
            Some(text) => write!(f, " ({})", PeerText(text)),
            None => Ok(()),
        }
    }
}

/// The body of an answer, if it is one short text.
fn short_text(refusal: &Refusal) -> Option<&str> {
    const BODY_LEN_MAX: usize = 512;
    let kind = refusal.head().headers().first_str("Content-Type").unwrap_or("text/plain");
    let is_plain = kind.get(..10).is_some_and(|kind| kind.eq_ignore_ascii_case("text/plain"));
    let text = str::from_utf8(refusal.body()).ok()?.trim();
    // A page without a type is one all the same.
    let is_short = (1..=BODY_LEN_MAX).contains(&text.len()) && !text.starts_with('<');
    (is_plain && is_short).then_some(text)
}

/// A name such as `NoCipherSuitesInCommon` in words.
#[cfg(feature = "_tls")]
pub(crate) fn words(name: &str) -> String {
    let mut words = String::new();
    for char in name.chars().take_while(char::is_ascii_alphanumeric) {
        if char.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(char.to_ascii_lowercase());
    }
    words
}

/// An error as `main` prints it, by `Debug`: its sentence, and those of its causes.
pub(crate) fn sentences(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{error}")?;
    let mut source = error.source();
    while let Some(error) = source {
        write!(f, "\n  caused by: {error}")?;
        source = error.source();
    }
    Ok(())
}

/// Gives errors a `Debug` that is for people, since `main` prints what it returns by it.
macro_rules! debug_in_sentences {
    ($($error:ty),*) => {
        $(impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                crate::wording::sentences(self, f)
            }
        })*
    };
}
pub(crate) use debug_in_sentences;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deceptive_characters_are_escaped() {
        let shown = |text: &str| PeerText(text).to_string();
        assert_eq!(shown("caf\u{e9} \u{4f60}"), "caf\u{e9} \u{4f60}");
        assert_eq!(shown("a\r\nb"), "a\\u{d}\\u{a}b");
        let hostile =
            ['\x1b', '\x7f', '\u{85}', '\u{9b}', '\u{200f}', '\u{202e}', '\u{2028}', '\u{2069}'];
        for char in hostile {
            assert!(shown(&char.to_string()).is_ascii(), "{char:?}");
        }
        // A sentence about a peer does not hold more of its text than this.
        assert!(!shown(&"\u{202e}".repeat(9)).contains('\u{202e}'));
    }

    #[test]
    fn periods_have_the_unit_that_fits() {
        let shown = |time| Period(time).to_string();
        assert_eq!(shown(Duration::ZERO), "0 s");
        assert_eq!(shown(Duration::from_micros(7)), "7 µs");
        assert_eq!(shown(Duration::from_millis(300)), "300 ms");
        assert_eq!(shown(Duration::from_secs(10)), "10 s");
        assert_eq!(shown(Duration::from_millis(1_050)), "1.05 s");
        assert!(shown(Duration::MAX).ends_with(" s"));
    }

    #[cfg(feature = "_tls")]
    #[test]
    fn names_of_variants_become_words() {
        assert_eq!(words("NoCipherSuitesInCommon"), "no cipher suites in common");
        assert_eq!(words("Tls12NotOffered { a: 1 }"), "tls12 not offered");
    }

    #[test]
    fn it_is_cut_to_64_characters() {
        let shown = |len| PeerText(&"\u{e9}".repeat(len)).to_string();
        assert_eq!(shown(64), "\u{e9}".repeat(64));
        assert_eq!(shown(65), format!("{}...", "\u{e9}".repeat(64)));
    }
}
