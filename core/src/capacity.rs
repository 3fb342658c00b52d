//! The most memory that a connection can come to hold, from what its parts hold.

use crate::config::{Config, Delivery};
use crate::control_queue;
use crate::frame::{CONTROL_FRAME_LEN_MAX, HEADER_LEN_MAX};
use crate::inbox::{BEYOND_LEN, READ_LEN_MIN};
#[cfg(feature = "deflate")]
use crate::receiving::DECODED_CHUNK_CAPACITY_MAX;

impl Config {
    /// The most memory, in bytes, that one connection can hold, whatever its peer does. It is the
    /// sum of inbox and outbox for the limits and the delivery of this configuration.
    ///
    /// An [`Inbox`](crate::Inbox) holds what has arrived of a message (in
    /// [`Delivery::Whole`]), at most one frame header or control frame more, and room for one
    /// read. An [`Outbox`](crate::Outbox) holds what the application has queued, and control
    /// frames. The head of the opening handshake counts too, as adapters keep it until it is taken
    /// out. With `deflate`, what was inflated of a message counts too, and so do the states of
    /// both directions. Three things are not counted: the connection's own state, which has a fixed
    /// size, the old block that the allocator holds for a moment while memory grows, and what is
    /// beneath the engine, such as TLS and the kernel's buffers. Opening handshakes under way are not
    /// open connections: a server's options bound those.
    #[must_use]
    pub fn max_bytes_per_connection(&self) -> u64 {
        let limits = &self.limits;
        let message = match self.delivery {
            Delivery::Whole => limits.message_len_max,
            // A chunk leaves at once; what stays is a cut character.
            Delivery::Chunks => 4,
        };
        let head = limits.head_len_max.saturating_add(limits.body_len_max) as u64;
        let inbox = message
            .saturating_add((HEADER_LEN_MAX + CONTROL_FRAME_LEN_MAX) as u64)
            .max(head)
            .saturating_add((limits.read_len as u64).max(READ_LEN_MIN.into()))
            .saturating_add((2 * BEYOND_LEN) as u64);
        // Messages wait in memory that doubles. Past their limit a Close frame is laid still.
        let outbox = (limits.outbox_len_max as u64)
            .saturating_mul(2)
            .saturating_add((HEADER_LEN_MAX + CONTROL_FRAME_LEN_MAX) as u64)
            .saturating_add(control_queue::CAPACITY_MAX as u64);
        let kept_head = limits.head_len_max as u64;
        inbox
            .saturating_add(kept_head)
            .saturating_add(outbox)
            .saturating_add(self.extension_bytes_max())
    }

    /// The most that an extension can hold: its states, and the decoded part of a message.
    fn extension_bytes_max(&self) -> u64 {
        #[cfg(feature = "deflate")]
        if let Some(deflate) = &self.deflate {
            let decoded = match self.delivery {
                // One extra byte, to detect an oversized message.
                Delivery::Whole => self.limits.message_len_max.saturating_add(1),
                Delivery::Chunks => DECODED_CHUNK_CAPACITY_MAX,
            };
            return decoded.saturating_add(deflate.bytes_max());
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;

    const CONTROL_QUEUE: u64 = 4 * (2 * 4096 + 131);

    fn config(delivery: Delivery, head_len_max: usize) -> Config {
        let limits = Limits::default()
            .message_len_max(1000)
            .head_len_max(head_len_max)
            .body_len_max(0)
            .read_len(100)
            .outbox_len_max(500);
        Config::default().limits(limits).delivery(delivery)
    }

    #[test]
    fn the_most_memory_is_what_its_parts_come_to() {
        let outbox = 2 * 500 + 14 + 131 + CONTROL_QUEUE;
        let whole = config(Delivery::Whole, 50).max_bytes_per_connection();
        assert_eq!(whole, (1000 + 14 + 131 + 100 + 32) + 50 + outbox);
        let chunks = config(Delivery::Chunks, 50).max_bytes_per_connection();
        assert_eq!(chunks, (4 + 14 + 131 + 100 + 32) + 50 + outbox);
        let long_head = config(Delivery::Chunks, 300).max_bytes_per_connection();
        assert_eq!(long_head, (300 + 100 + 32) + 300 + outbox);
    }

    #[cfg(feature = "deflate")]
    #[test]
    fn the_most_memory_counts_both_directions_of_compression() {
        let deflate = crate::Deflate::default();
        let states = deflate.bytes_max();
        assert_eq!(states, 376 * 1024 + 64 * 1024);
        for (delivery, decoded) in [(Delivery::Whole, 1001), (Delivery::Chunks, 64 * 1024)] {
            let plain = config(delivery, 50);
            let compressed = plain.clone().deflate(deflate.clone());
            let more = compressed.max_bytes_per_connection() - plain.max_bytes_per_connection();
            assert_eq!(more, decoded + states);
        }
    }
}
