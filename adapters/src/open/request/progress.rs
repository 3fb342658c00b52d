//! How far an opening handshake has come.

use super::opened::Opened;

/// What a step of an opening handshake gives: more steps, or the open connection.
#[expect(clippy::large_enum_variant, reason = "it is moved twice for each connection")]
pub(crate) enum Progress<H> {
    /// It takes another read.
    More(H),
    /// The connection is open, once its outbox is written.
    Done(Opened),
}
