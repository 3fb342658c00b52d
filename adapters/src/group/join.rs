//! The connections that can join a group.

use std::sync::Arc;

use bluewire_core::SendError;

use super::members::Members;
use super::options::GroupOptions;
use super::queue::{Feed, MemberKey};

/// A connection that can join a [`Group`](super::Group): `&mut WebSocket` and `&Writer` of each
/// adapter, and a [`facade::WebSocket`](crate::facade::WebSocket) by reference.
///
/// The trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot join a group",
    note = "pass `&mut socket`, `&writer` or, with callbacks, `&socket`; the stream must be `Send`"
)]
pub trait Join: sealed::Join {}

impl<C: sealed::Join> Join for C {}

pub(crate) use sealed::{Join as JoinSealed, Joining};

mod sealed {
    use super::*;

    /// A group, for the connection that joins it.
    #[expect(unnameable_types, reason = "it seals a public trait")]
    #[derive(Clone, Copy)]
    #[expect(missing_debug_implementations, reason = "nobody outside can have one")]
    pub struct Joining<'g> {
        pub(crate) members: &'g Arc<Members>,
        pub(crate) options: &'g GroupOptions,
    }

    /// Lets a connection join.
    #[expect(unnameable_types, reason = "it seals a public trait")]
    pub trait Join {
        /// Joins the group.
        ///
        /// # Errors
        ///
        /// If the connection is not open.
        fn join(self, group: &Joining<'_>) -> Result<MemberKey, SendError>;
    }
}

impl Joining<'_> {
    /// Lets a connection join by its feed.
    pub(crate) fn join(&self, feed: &Feed, compresses: bool) -> MemberKey {
        feed.join(self.members, self.options, compresses);
        feed.key()
    }
}
