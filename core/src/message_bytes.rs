//! Messages and the reference-counted memory of the crate `bytes`.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::message::{Message, OwnedMessage};

/// A binary message, without a copy.
impl<'a> From<&'a Bytes> for Message<'a> {
    fn from(bytes: &'a Bytes) -> Self {
        Self::Binary(bytes)
    }
}

/// A binary message. It is not copied unless other `Bytes` share the memory, or it is static.
impl From<Bytes> for OwnedMessage {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(Vec::from(bytes))
    }
}

/// The payload, in one copy: a message that is lent stays where it is.
impl From<Message<'_>> for Bytes {
    fn from(message: Message<'_>) -> Self {
        Self::copy_from_slice(message.as_bytes())
    }
}

/// The payload, without a copy. Whether it was text is lost.
impl From<OwnedMessage> for Bytes {
    fn from(message: OwnedMessage) -> Self {
        Self::from(message.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn bytes_without_other_owners_are_not_copied() {
        let vec = Vec::from([7; 100]);
        let place = vec.as_ptr();
        let bytes = Bytes::from(OwnedMessage::from(vec));
        assert_eq!(bytes.as_ptr(), place);
        let message = Message::from(&bytes);
        assert_eq!((message.is_text(), message.as_bytes().as_ptr()), (false, place));
        let message = OwnedMessage::from(bytes);
        assert_eq!((message.is_text(), message.as_bytes().as_ptr()), (false, place));

        let text = String::from("text");
        let place = text.as_ptr();
        let bytes = Bytes::from(OwnedMessage::from(text));
        assert_eq!((&bytes[..], bytes.as_ptr()), (&b"text"[..], place));
    }

    #[test]
    fn shared_bytes_are_copied() {
        let shared = Bytes::from(Vec::from([7; 100]));
        let message = OwnedMessage::from(shared.clone());
        assert_eq!(message, shared[..]);
        assert_ne!(message.as_bytes().as_ptr(), shared.as_ptr());
        assert_eq!(OwnedMessage::from(Bytes::from_static(b"static")), b"static");
        let lent = Message::Text("lent");
        assert_eq!(Bytes::from(lent), &b"lent"[..]);
    }
}
