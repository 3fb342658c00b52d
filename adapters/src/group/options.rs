//! How a group treats its members.

use std::time::Duration;

use bluewire_core::CloseCode;

/// The policy for a member for which too much waits: it applies when a published message does not
/// fit its bounds, [`GroupOptions::messages_max`] and [`GroupOptions::bytes_max`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlowMember {
    /// The member does not get this message. Messages that wait for it already still arrive. For
    /// messages that may be missed.
    Skip,
    /// The oldest messages that wait are dropped for the new one. For prices and positions, where
    /// the latest counts.
    ReplaceOldest,
    /// Drops what waits, and closes the connection with this code:
    /// [`TRY_AGAIN_LATER`](CloseCode::TRY_AGAIN_LATER) (1013) asks the client to connect again,
    /// [`POLICY_VIOLATION`](CloseCode::POLICY_VIOLATION) (1008) does not. A code that must not be
    /// sent counts as 1013. For messages that must all arrive: the client knows that it
    Close(CloseCode),
    /// The publisher waits until there is room, for all slow members together, and for this long
    /// at most; then those that still have no room are closed with 1013. See
    /// [`Published`](super::Published). A group with a lively source is better off with another
    /// policy, since one slow member holds up all others.
    Wait(Duration),
}

/// How a [`Group`](super::Group) treats its members.
///
/// ```
/// use bluewire::group::{Group, GroupOptions, SlowMember};
///
/// let options = GroupOptions::default().slow(SlowMember::ReplaceOldest).messages_max(16);
/// let prices = Group::with(options);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GroupOptions {
    /// The policy for a member for which too much waits. By default it is closed with 1013: a
    /// client gets messages without holes, or it learns that it has missed something.
    pub slow: SlowMember,
    /// How many messages may wait for a member, at least 1. They wait while its connection holds
    /// 64 KiB that the peer has not taken. 1,024 by default.
    pub messages_max: usize,
    /// How many bytes of payload may wait for a member. One message always may. 1 MiB by default.
    pub bytes_max: usize,
    /// How published text and bytes are compressed: once for all members that have agreed on
    /// permessage-deflate (RFC 7692) with a window as large as this one. The other members get them
    /// plain. `None`, the default, compresses nothing. While no member has agreed on it, nothing is
    /// compressed either. A [`PreparedMessage`](crate::PreparedMessage) is sent as it is.
    #[cfg(feature = "deflate")]
    pub deflate: Option<crate::Deflate>,
}

impl GroupOptions {
    /// Sets [`slow`](Self::slow).
    #[must_use]
    pub const fn slow(mut self, slow: SlowMember) -> Self {
        self.slow = slow;
        self
    }

    /// Sets [`messages_max`](Self::messages_max).
    #[must_use]
    pub const fn messages_max(mut self, messages: usize) -> Self {
        self.messages_max = messages;
        self
    }

    /// Sets [`bytes_max`](Self::bytes_max).
    #[must_use]
    pub const fn bytes_max(mut self, bytes: usize) -> Self {
        self.bytes_max = bytes;
        self
    }

    /// Sets [`deflate`](Self::deflate).
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, deflate: crate::Deflate) -> Self {
        self.deflate = Some(deflate);
        self
    }
}

impl Default for GroupOptions {
    fn default() -> Self {
        Self {
            slow: SlowMember::Close(CloseCode::TRY_AGAIN_LATER),
            messages_max: 1_024,
            bytes_max: 1024 * 1024,
            #[cfg(feature = "deflate")]
            deflate: None,
        }
    }
}
