//! Payloads of any size, described in a few bytes.

use std::borrow::Cow;
use std::fmt;

/// A payload: a unit of bytes repeated from its start and cut at a length.
///
/// Sixteen mebibytes of asterisks are one byte and a number here, so that all cases together stay
/// small; [`to_vec`](Self::to_vec) spells a payload out.
#[derive(Clone, Eq)]
pub struct Payload {
    unit: Cow<'static, [u8]>,
    len: usize,
}

impl Payload {
    /// No bytes.
    pub const EMPTY: Self = Self { unit: Cow::Borrowed(&[]), len: 0 };

    /// Exactly these bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        let unit = bytes.into();
        Self { len: unit.len(), unit }
    }

    /// The unit again and again, `len` bytes of it.
    ///
    /// # Panics
    ///
    /// If the unit is empty and `len` is not.
    #[must_use]
    pub fn repeated(unit: &'static [u8], len: usize) -> Self {
        assert!(!unit.is_empty() || len == 0, "nothing to repeat");
        Self { unit: Cow::Borrowed(unit), len }
    }

    /// Length in bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first bytes, at most `len` of them.
    #[must_use]
    pub fn prefix(&self, len: usize) -> Vec<u8> {
        self.unit.iter().copied().cycle().take(self.len.min(len)).collect()
    }

    /// All bytes.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len);
        while bytes.len() < self.len {
            let rest = self.len - bytes.len();
            bytes.extend_from_slice(&self.unit[..self.unit.len().min(rest)]);
        }
        bytes
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.to_vec() == other.to_vec()
    }
}

impl From<&'static str> for Payload {
    fn from(text: &'static str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl<const N: usize> From<&'static [u8; N]> for Payload {
    fn from(bytes: &'static [u8; N]) -> Self {
        Self::new(bytes.as_slice())
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Preview { bytes: &self.prefix(Preview::LEN_MAX), len: self.len })
    }
}

/// The beginning of some bytes, for people: as text when it is text, otherwise in hex.
#[derive(Clone, Copy, Debug)]
pub struct Preview<'a> {
    /// The bytes to show, or their beginning.
    pub bytes: &'a [u8],
    /// How many bytes there are in all.
    pub len: usize,
}

impl Preview<'_> {
    /// How many bytes are shown at most.
    pub const LEN_MAX: usize = 32;
}

impl<'a> From<&'a [u8]> for Preview<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self { bytes, len: bytes.len() }
    }
}

impl fmt::Display for Preview<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.bytes[..self.bytes.len().min(Self::LEN_MAX)];
        match std::str::from_utf8(shown) {
            Ok(text) if !text.chars().any(char::is_control) => write!(f, "\"{text}\"")?,
            _ => {
                for (i, byte) in shown.iter().enumerate() {
                    write!(f, "{}{byte:02x}", if i == 0 { "" } else { " " })?;
                }
            }
        }
        if shown.len() < self.len { write!(f, "… ({} bytes)", self.len) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_cut_at_the_length() {
        assert_eq!(Payload::repeated(b"abc", 7).to_vec(), b"abcabca");
        assert_eq!(Payload::repeated(b"abc", 7).prefix(4), b"abca");
        assert_eq!(Payload::repeated(b"*", 0).to_vec(), b"");
    }

    #[test]
    fn payloads_are_equal_by_their_bytes() {
        assert_eq!(Payload::repeated(b"ab", 4), Payload::from("abab"));
        assert_ne!(Payload::repeated(b"ab", 4), Payload::from("abaa"));
        assert_ne!(Payload::repeated(b"ab", 4), Payload::repeated(b"ab", 3));
    }

    #[test]
    fn long_payloads_are_shown_by_their_beginning() {
        assert_eq!(Payload::from("abc").to_string(), "\"abc\"");
        assert_eq!(Payload::from(b"\x00\xff").to_string(), "00 ff");
        assert!(Payload::repeated(b"*", 1 << 20).to_string().ends_with("… (1048576 bytes)"));
    }
}
