//! Messages, lent and owned (section 5.6).

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A message, or a part of one: text or binary (5.6).
///
/// Two messages are equal if they have the same type and content, owned or borrowed. You can also
/// compare a text message with a `str`, and a binary message with bytes. A binary message never
/// equals a `str`.
///
/// `Display` shows the text of a text message, and the length of a binary one, such as
/// `(binary, 5 bytes)`.
///
/// ```
/// use bluewire_core::{Message, OwnedMessage};
///
/// let message = Message::from("Hello");
/// assert!(message == "Hello" && message != b"Hello");
/// assert_eq!(message, OwnedMessage::from("Hello"));
/// assert_eq!(message.to_string(), "Hello");
/// assert_eq!(Message::from(b"Hello").to_string(), "(binary, 5 bytes)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these two")]
pub enum Message<'a> {
    /// Text. It is always valid UTF-8.
    Text(&'a str),
    /// Bytes. Only the application knows what they mean.
    Binary(&'a [u8]),
}

impl<'a> Message<'a> {
    /// The payload.
    #[must_use]
    #[inline]
    pub const fn as_bytes(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The text, if it is a text message.
    #[must_use]
    pub const fn as_text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// Whether it is a text message.
    #[must_use]
    #[inline]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// The length of the payload in bytes.
    #[must_use]
    #[inline]
    pub const fn len(self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the payload is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The same message, owning its memory.
    #[must_use]
    pub fn into_owned(self) -> OwnedMessage {
        match self {
            Self::Text(text) => OwnedMessage::Text(text.to_owned()),
            Self::Binary(bytes) => OwnedMessage::Binary(bytes.to_owned()),
        }
    }
}

impl<'a> From<&'a str> for Message<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Message<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Message<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Binary(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Message<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Binary(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Message<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

impl<'a> From<&'a OwnedMessage> for Message<'a> {
    fn from(message: &'a OwnedMessage) -> Self {
        message.borrow()
    }
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::Binary([_]) => f.write_str("(binary, 1 byte)"),
            Self::Binary(bytes) => write!(f, "(binary, {} bytes)", bytes.len()),
        }
    }
}

impl AsRef<[u8]> for Message<'_> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// A message that owns its memory.
///
/// It compares and displays like a [`Message`].
///
/// ```
/// use bluewire_core::OwnedMessage;
///
/// let message = OwnedMessage::from(String::from("Hello"));
/// assert_eq!(message.as_text(), Some("Hello"));
/// assert_eq!(message.into_text(), Ok(String::from("Hello")));
///
/// let message = OwnedMessage::from(vec![1, 2, 3]);
/// assert!(message == [1, 2, 3] && message.len() == 3);
/// let message = message.into_text().expect_err("not a text");
/// assert_eq!(message.into_bytes(), [1, 2, 3]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these two")]
pub enum OwnedMessage {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

impl OwnedMessage {
    /// Borrows the message.
    #[must_use]
    pub fn borrow(&self) -> Message<'_> {
        match self {
            Self::Text(text) => Message::Text(text),
            Self::Binary(bytes) => Message::Binary(bytes),
        }
    }

    /// The payload.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.borrow().as_bytes()
    }

    /// The text, if it is a text message.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        self.borrow().as_text()
    }

    /// Whether it is a text message.
    #[must_use]
    pub const fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// The length of the payload in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the payload is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    /// The text, without a copy.
    ///
    /// # Errors
    ///
    /// The message itself, if it is binary.
    pub fn into_text(self) -> Result<String, Self> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Binary(_) => Err(self),
        }
    }

    /// The payload, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

impl From<String> for OwnedMessage {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for OwnedMessage {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<u8>> for OwnedMessage {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

impl From<&[u8]> for OwnedMessage {
    fn from(bytes: &[u8]) -> Self {
        Self::Binary(bytes.to_owned())
    }
}

impl<const N: usize> From<&[u8; N]> for OwnedMessage {
    fn from(bytes: &[u8; N]) -> Self {
        Self::Binary(bytes.to_vec())
    }
}

impl From<Message<'_>> for OwnedMessage {
    fn from(message: Message<'_>) -> Self {
        message.into_owned()
    }
}

impl fmt::Display for OwnedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrow().fmt(f)
    }
}

impl AsRef<[u8]> for OwnedMessage {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq<OwnedMessage> for Message<'_> {
    fn eq(&self, other: &OwnedMessage) -> bool {
        *self == other.borrow()
    }
}

impl PartialEq<Message<'_>> for OwnedMessage {
    fn eq(&self, other: &Message<'_>) -> bool {
        self.borrow() == *other
    }
}

/// Comparisons with what a message can hold. There are none the other way around, `str` with a
/// message: these would leave the compiler unsure of what a `str` is compared with in code that
/// has nothing to do with messages.
macro_rules! equals {
    ($([$($generics:tt)*] $message:ty, $other:ty, $variant:ident;)*) => {$(
        impl<$($generics)*> PartialEq<$other> for $message {
            fn eq(&self, other: &$other) -> bool {
                matches!(self, Self::$variant(content) if content[..] == other[..])
            }
        }
    )*};
}

equals! {
    [] Message<'_>, str, Text;
    [] Message<'_>, &str, Text;
    [] Message<'_>, [u8], Binary;
    [] Message<'_>, &[u8], Binary;
    [const N: usize] Message<'_>, [u8; N], Binary;
    [const N: usize] Message<'_>, &[u8; N], Binary;
    [] OwnedMessage, str, Text;
    [] OwnedMessage, &str, Text;
    [] OwnedMessage, [u8], Binary;
    [] OwnedMessage, &[u8], Binary;
    [const N: usize] OwnedMessage, [u8; N], Binary;
    [const N: usize] OwnedMessage, &[u8; N], Binary;
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;
    use core::hash::{BuildHasher, BuildHasherDefault};
    use std::hash::DefaultHasher;

    #[test]
    fn messages_equal_what_they_hold_and_nothing_of_the_other_type() {
        let (text, binary) = (Message::Text("hi"), Message::Binary(b"hi"));
        let (owned_text, owned_binary) = (text.into_owned(), binary.into_owned());
        assert_eq!(text, owned_text);
        assert_eq!(owned_text, text);
        assert_eq!(binary, owned_binary);
        assert_eq!(owned_binary, binary);
        assert_ne!(text, owned_binary);
        assert_ne!(owned_text, binary);
        let (slice, array) = (&b"hi"[..], b"hi");
        for (is_text, holds_text, holds_bytes) in [
            (true, [text == "hi", text == *"hi"], [text == *slice, text == slice]),
            (false, [binary == "hi", binary == *"hi"], [binary == *slice, binary == slice]),
            (true, [owned_text == "hi", owned_text == *"hi"], [owned_text == *array; 2]),
            (false, [owned_binary == "hi"; 2], [owned_binary == *array, owned_binary == array]),
            (false, [false; 2], [owned_binary == slice, owned_binary == *slice]),
            (false, [false; 2], [binary == *array, binary == array]),
        ] {
            assert_eq!((holds_text, holds_bytes), ([is_text; 2], [!is_text; 2]));
        }
        assert_ne!(text, "h");
        assert_ne!(text, "hix");
        assert_ne!(binary, b"ho");
    }

    #[test]
    fn a_message_that_is_lent_has_the_hash_of_the_one_that_owns() {
        let hash = BuildHasherDefault::<DefaultHasher>::default();
        for message in [Message::Text("hi"), Message::Binary(b"hi")] {
            assert_eq!(hash.hash_one(message), hash.hash_one(message.into_owned()));
        }
        assert_ne!(hash.hash_one(Message::Text("hi")), hash.hash_one(Message::Binary(b"hi")));
    }

    #[test]
    fn an_owned_message_is_made_of_what_it_holds_and_gives_it_back() {
        for message in [OwnedMessage::from("é"), String::from("é").into()] {
            assert_eq!((message.len(), message.is_empty(), message.is_text()), (2, false, true));
            assert_eq!((message.as_bytes(), message.as_text()), ("é".as_bytes(), Some("é")));
            assert_eq!(message.to_string(), "é");
            assert_eq!(message.clone().into_bytes(), "é".as_bytes());
            assert_eq!(message.into_text(), Ok("é".to_owned()));
        }
        let bytes = [&[1_u8][..].into(), &OwnedMessage::from(&[1]), &OwnedMessage::from(vec![1])];
        for message in bytes {
            assert_eq!((message.len(), message.is_empty(), message.is_text()), (1, false, false));
            assert_eq!((message.as_bytes(), message.as_text()), (&[1][..], None));
            assert_eq!(message.to_string(), "(binary, 1 byte)");
            assert_eq!(message.clone().into_text(), Err(message.clone()));
            assert_eq!(message.clone().into_bytes(), [1]);
        }
        assert!(OwnedMessage::from("").is_empty());
        assert_eq!(OwnedMessage::from(Message::Binary(b"")).to_string(), "(binary, 0 bytes)");
    }

    #[test]
    fn a_message_without_a_byte_is_empty() {
        for (message, is_empty) in [
            (Message::Text(""), true),
            (Message::Binary(b""), true),
            (Message::Text("a"), false),
            (Message::Binary(b"a"), false),
        ] {
            assert_eq!((message.is_empty(), message.into_owned().is_empty()), (is_empty, is_empty));
        }
    }

    #[test]
    fn a_text_keeps_to_the_width_that_is_asked_for() {
        assert_eq!(
            alloc::format!("{:>4}|{:.1}", Message::Text("hi"), Message::Text("hi")),
            "  hi|h"
        );
    }
}
