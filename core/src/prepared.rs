//! A message laid out once for many connections.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::event::Message;
use crate::frame::{self, FIN, Opcode};

/// A message with its frame's header, laid out once and shared: for one message to many peers.
///
/// A server's connections send it as it lies; a client's mask a copy. It is one frame, whatever
/// [`Config::fragment_len`](crate::Config::fragment_len) says. A clone shares the memory.
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
    frame: Arc<[u8]>,
    header_len: usize,
}

impl PreparedMessage {
    /// Lays a message out.
    #[must_use]
    pub fn new<'m>(message: impl Into<Message<'m>>) -> Self {
        let message = message.into();
        let payload = message.as_bytes();
        let opcode = if message.is_text() { Opcode::Text } else { Opcode::Binary };
        let (header, header_len) = frame::encode(FIN | opcode as u8, payload.len(), None);
        let mut frame = Vec::with_capacity(header_len + payload.len());
        frame.extend_from_slice(&header[..header_len]);
        frame.extend_from_slice(payload);
        Self { frame: frame.into(), header_len }
    }

    /// The message's payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.frame[self.header_len..]
    }

    /// The frame as a server sends it.
    #[must_use]
    pub fn frame(&self) -> &[u8] {
        &self.frame
    }
}
