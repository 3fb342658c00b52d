//! A message encoded once for many connections.

use crate::Arc;
use alloc::vec::Vec;

use crate::codec::Codec;
use crate::cut::Cut;
#[cfg(feature = "deflate")]
use crate::frame::RSV1;
use crate::frame::{self, FIN, Opcode};
use crate::message::Message;

/// A message with its frame's header, encoded once and shared, to send one message to many peers.
///
/// A server's connections send it without a copy; a client's connections mask a copy. It is one
/// frame, whatever [`Config::fragment_len`](crate::Config::fragment_len) says. A clone shares the
/// memory.
///
/// ```
/// # use bluewire_core::{Config, Connection, Outbox, PreparedMessage};
/// # use core::time::Duration;
/// let news = PreparedMessage::new("news");
/// # let mut peers =
/// #     [(Connection::server(Config::default(), Duration::ZERO), Outbox::new())];
/// for (connection, outbox) in &mut peers {
///     connection.send_prepared(&news, outbox)?;
/// }
/// # Ok::<(), bluewire_core::SendError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedMessage {
    plain: Frame,
    /// For connections that have agreed on compression, and the window that it reaches back in.
    #[cfg(feature = "deflate")]
    compressed: Option<(Frame, u8)>,
}

/// A frame without a mask, and where its payload begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    bytes: Arc<[u8]>,
    header_len: usize,
}

impl Frame {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn first(&self) -> u8 {
        self.bytes.first().copied().unwrap_or_default()
    }

    pub(crate) fn payload(&self) -> &[u8] {
        self.bytes.part_from(self.header_len)
    }
}

impl PreparedMessage {
    /// Encodes a message.
    #[must_use]
    pub fn new<'m>(message: impl Into<Message<'m>>) -> Self {
        let message = message.into();
        let payload = message.as_bytes();
        Self {
            plain: frame(FIN | opcode(message) as u8, payload),
            #[cfg(feature = "deflate")]
            compressed: None,
        }
    }

    /// Encodes a message and also compresses it, once for all connections that have agreed on
    /// permessage-deflate (RFC 7692), with these settings. The other connections send it
    /// uncompressed.
    ///
    /// After it, a connection that keeps its context begins with an empty one, so
    /// [`Deflate::no_context_takeover`](crate::Deflate::no_context_takeover) costs nothing more
    /// there.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn compressed<'m>(message: impl Into<Message<'m>>, deflate: &crate::Deflate) -> Self {
        let message = message.into();
        let mut prepared = Self::new(message);
        let (payload, window_bits) = deflate.compress_once(message.as_bytes());
        if payload.len() < message.len() {
            let first = FIN | RSV1 | opcode(message) as u8;
            prepared.compressed = Some((frame(first, &payload), window_bits));
        }
        prepared
    }

    /// The message's payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.plain.payload()
    }

    /// The frame as a server sends it on a connection without compression.
    #[must_use]
    pub fn frame(&self) -> &[u8] {
        self.plain.bytes()
    }

    /// The frame for a connection with or without an extension.
    pub(crate) fn frame_for(&self, codec: Option<&mut dyn Codec>) -> &Frame {
        #[cfg(feature = "deflate")]
        if let (Some(codec), Some((frame, window_bits))) = (codec, &self.compressed)
            && codec.takes_prepared(*window_bits)
        {
            return frame;
        }
        #[cfg(not(feature = "deflate"))]
        let _ = codec;
        &self.plain
    }
}

const fn opcode(message: Message<'_>) -> Opcode {
    if message.is_text() { Opcode::Text } else { Opcode::Binary }
}

fn frame(first: u8, payload: &[u8]) -> Frame {
    let (header, header_len) = frame::encode(first, payload.len(), None);
    let mut bytes = Vec::with_capacity(header_len.saturating_add(payload.len()));
    bytes.extend_from_slice(header.part(0..header_len));
    bytes.extend_from_slice(payload);
    Frame { bytes: bytes.into(), header_len }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "deflate")]
    #[test]
    fn only_a_message_that_becomes_shorter_is_compressed() {
        use super::*;
        use core::cmp::Ordering;

        let deflate = crate::Deflate::default();
        // It repeats a little, so that compression gains or loses a few bytes.
        let message: Vec<u8> = (0..64_u8).map(|i| i.wrapping_mul(i) & 31).collect();
        let mut seen = Vec::new();
        for len in 0..message.len() {
            let message = &message[..len];
            let (compressed, _) = deflate.compress_once(message);
            let prepared = PreparedMessage::compressed(message, &deflate);
            let ordering = compressed.len().cmp(&len);
            assert_eq!(prepared.compressed.is_some(), ordering == Ordering::Less, "{len}");
            seen.push(ordering);
        }
        for ordering in [Ordering::Less, Ordering::Equal, Ordering::Greater] {
            assert!(seen.contains(&ordering), "{ordering:?}");
        }
    }
}
