//! The state of an opening handshake.

use super::opened::Opened;

/// The result of a step of an opening handshake: more steps, or the open connection.
#[expect(clippy::large_enum_variant, reason = "it is moved twice for each connection")]
pub(crate) enum Progress<H> {
    /// It takes another read.
    More(H),
    /// The connection is open, once its outbox is written.
    Done(Opened),
}
