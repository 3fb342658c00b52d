//! One message to many connections.
//!
//! The members of a [`Group`] are open connections. They can come from any adapter, can be split or
//! not, and can use the callback API. [`Group::publish`] queues a message for all of them. A
//! connection leaves by itself when it ends.
//! [`Topics`] is a map of groups by name.
//!
//! ```
//! # #[cfg(feature = "blocking")] {
//! use bluewire::blocking::{Server, connect};
//! use bluewire::group::Group;
//!
//! let server = Server::bind("127.0.0.1:0")?;
//! let url = format!("ws://{}/", server.local_addr());
//! let room = Group::new();
//! let members = room.clone();
//! std::thread::spawn(move || {
//!     server.serve(move |mut socket| {
//!         let Ok(key) = members.join(&mut socket) else { return };
//!         while let Ok(Some(message)) = socket.recv() {
//!             // All members but the sender get it.
//!             members.publish_except(key, message);
//!         }
//!     });
//! });
//!
//! let (mut one, mut other) = (connect(&*url)?, connect(&*url)?);
//! # let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
//! # while room.len() < 2 && std::time::Instant::now() < end {
//! #     std::thread::sleep(std::time::Duration::from_millis(1));
//! # }
//! one.send("Hello")?;
//! assert_eq!(other.recv()?, Some("Hello".into()));
//! room.publish("to both");
//! assert_eq!(one.recv()?, Some("to both".into()));
//! assert_eq!(other.recv()?, Some("to both".into()));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How a message reaches a member
//!
//! A message is encoded once, and compressed once at most; members share its bytes. The publisher
//! queues it for each member that is behind. For the others it writes to the socket itself where it
//! can, from the shared bytes. This table shows who writes:
//!
//! | the member | who writes |
//! | --- | --- |
//! | a split connection | the publisher |
//! | a connection with callbacks | the publisher |
//! | a blocking `WebSocket` whose thread waits in it | the publisher; the waiting thread is not woken |
//! | a blocking `WebSocket` whose thread does something else | that thread, at its next call on the socket; until then, the message waits |
//! | an asynchronous `WebSocket` | its task; the group wakes it if it waits in a call on the socket |
//!
//! The publisher never waits for a member, unless the group's policy is [`SlowMember::Wait`]. If a
//! socket does not take all bytes at once, the rest is written when it is ready again. Pings, pongs
//! and Close frames do not wait behind what groups have published. [`Group::cork`] lets a burst of
//! messages leave by one write for each member.
//!
//! # Slow members
//!
//! The queue of a member holds at most [`GroupOptions::messages_max`] messages and
//! [`GroupOptions::bytes_max`] bytes. Its connection can hold another 64 KiB and one message.
//! [`SlowMember`] says what happens to a message that does not fit. [`Group::skipped`] and
//! [`Group::stats`] count what members did not get.
//!
//! # Memory
//!
//! Let `m` be the number of members, and `s` the number of members for which messages wait. A group
//! takes at most
//!
//! ```text
//! m * 512 B  +  s * (64 KiB + L + 12 B * messages_max * 2)  +  P
//! ```
//!
//! where `L` is the longest message, and `P` is the total size of the waiting messages. A message
//! that waits for several members counts once, because they share its bytes. If the same messages
//! wait for all slow members, `P` is at most `bytes_max`. In every case it is at most `s *
//! bytes_max`.
//!
//! # Order
//!
//! - Each member gets the messages of one publisher (a thread or a task) in the order in which they
//!   were published, over all groups that the connection has joined.
//! - Messages of two publishers at the same time can come in different order to different members.
//!   If all members must see the same order, publish from one thread, or hold your own lock while
//!   you publish.
//! - A connection that has joined gets all messages whose publication begins after `join` has
//!   returned, and may get one that is under way. After [`leave`](Group::leave) has returned,
//!   messages that are still in the queue of the group are discarded.
//! - If the program or the server closes a member, messages published before leave before the Close
//!   frame, as far as its connection holds them. The rest is discarded.

mod join;
mod members;
#[cfg(all(test, shuttle))]
pub(crate) mod models;
mod options;
mod published;
mod queue;
#[cfg(test)]
mod tests;
mod topics;
mod waiting;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bluewire_core::{Message, OwnedMessage, PreparedMessage, SendError};

pub use self::join::Join;
pub(crate) use self::join::{JoinSealed, Joining};
use self::members::{Entry, List, Members, prefetched};
pub use self::options::{GroupOptions, SlowMember};
pub use self::published::{Published, WaitForRoom};
pub use self::queue::MemberKey;
pub(crate) use self::queue::{Feed, Reach};
pub use self::topics::Topics;
pub use self::waiting::MemberStats;
pub(crate) use self::waiting::Taken;
use self::waiting::{Posted, Pushed};
use crate::sync::atomic::{AtomicUsize, Ordering, fence};

/// Connections that get the same messages; see the [module](self). Clones are the same group.
#[derive(Clone)]
pub struct Group(Arc<Inner>);

struct Inner {
    members: Arc<Members>,
    options: GroupOptions,
    corks: AtomicUsize,
}

impl Group {
    /// A group without members, with the default options.
    #[must_use]
    pub fn new() -> Self {
        Self::with(GroupOptions::default())
    }

    /// A group without members.
    #[must_use]
    pub fn with(options: GroupOptions) -> Self {
        Self(Arc::new(Inner { members: Members::new(), options, corks: AtomicUsize::new(0) }))
    }

    /// Adds an open connection: `&mut WebSocket` or `&Writer` of an adapter, or a
    /// [`&facade::WebSocket`](crate::facade::WebSocket). It gets all messages published from now
    /// on, and leaves by itself when it ends, however that happens. Its key is the same in all
    /// groups. Joining twice changes nothing.
    ///
    /// The group does not keep the connection: it ends when the program drops it. A socket that is
    /// [split](crate::blocking::WebSocket::split) later stays a member; one that goes on with
    /// callbacks leaves.
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`] if the connection is not open yet, or closing.
    pub fn join(&self, connection: impl Join) -> Result<MemberKey, SendError> {
        connection.join(&Joining { members: &self.0.members, options: &self.0.options })
    }

    /// Removes a member, and drops the messages that wait for it. Returns whether it was a member.
    pub fn leave(&self, key: MemberKey) -> bool {
        let left = self.0.members.remove(key);
        if let Some(entry) = &left {
            entry.queue.leave(entry.slot);
        }
        left.is_some()
    }

    /// Sends a message to all members: text, bytes, a [`Message`], or a [`PreparedMessage`]. It
    /// does not wait, whatever the members do.
    pub fn publish<'m>(&self, message: impl Into<Payload<'m>>) -> Published {
        self.post(message.into(), None)
    }

    /// Sends a message to all members except one, usually its sender. Otherwise as
    /// [`publish`](Self::publish).
    pub fn publish_except<'m>(
        &self,
        except: MemberKey,
        message: impl Into<Payload<'m>>,
    ) -> Published {
        self.post(message.into(), Some(except))
    }

    /// Holds messages back until the returned value is dropped. All messages published meanwhile
    /// leave in one write for each member. Those for a member leave earlier if half of its bounds
    /// is reached.
    #[must_use = "it holds messages back until it is dropped"]
    pub fn cork(&self) -> Cork<'_> {
        self.0.corks.fetch_add(1, Ordering::SeqCst);
        Cork(self)
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.members.len()
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this connection is a member.
    #[must_use]
    pub fn contains(&self, key: MemberKey) -> bool {
        self.0.members.slot_of(key).is_some()
    }

    /// The keys of all members, in the order in which their connections first joined a group.
    #[must_use]
    pub fn keys(&self) -> Vec<MemberKey> {
        let list = self.0.members.snapshot();
        list.iter().flat_map(|piece| piece.iter()).map(|entry| entry.key).collect()
    }

    /// A member's numbers; `None` if it has left.
    #[must_use]
    pub fn stats(&self, key: MemberKey) -> Option<MemberStats> {
        let entry = self.0.members.find(key)?;
        entry.queue.stats(entry.slot)
    }

    /// How many messages did not reach a member since the group was made, counted once for each
    /// member: skipped, replaced, or dropped since the member was closed for being behind.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.0.members.skipped()
    }

    fn post(&self, payload: Payload<'_>, except: Option<MemberKey>) -> Published {
        let Inner { members, options, corks } = &*self.0;
        let mut published = Published::new();
        // Before anything is laid out: a member that joins later need not get it.
        let list = members.snapshot();
        if list.is_empty() {
            return published;
        }
        let posted = Arc::new(Posted { message: self.prepare(payload) });
        let corked = corks.load(Ordering::SeqCst) > 0;
        let spared = |entry: &Entry| Some(entry.key) == except;
        let reached = |entry: &Entry| !corked && !spared(entry) && entry.queue.is_idle();
        for entry in prefetched(&list, reached) {
            if spared(entry) {
                continue;
            }
            let pushed = entry.queue.push(entry.slot, &posted, corked);
            published.note(pushed);
            match (pushed, options.slow) {
                (Pushed::Closed(_), _) => drop(members.remove(entry.key)),
                (Pushed::Full, SlowMember::Wait(budget)) => {
                    let until = deadline(budget);
                    published.wait_for(entry, &posted, members, until);
                }
                _ => {}
            }
        }
        members.count_skipped(published.skipped);
        fence(Ordering::SeqCst);
        if corked && corks.load(Ordering::SeqCst) == 0 {
            // The cork has ended meanwhile, perhaps before it could see these messages.
            release(&list);
        }
        published
    }

    fn prepare(&self, payload: Payload<'_>) -> PreparedMessage {
        match payload {
            Payload::Prepared(message) => message,
            #[cfg(feature = "deflate")]
            Payload::Message(message) => match &self.0.options.deflate {
                Some(deflate) if self.0.members.any_compresses() => {
                    PreparedMessage::compressed(message, deflate)
                }
                _ => PreparedMessage::new(message),
            },
            #[cfg(not(feature = "deflate"))]
            Payload::Message(message) => PreparedMessage::new(message),
        }
    }
}

/// Lets all of these members have what a cork has held back.
fn release(list: &List) {
    for entry in prefetched(list, |entry| !entry.queue.is_idle()) {
        entry.queue.release();
    }
}

/// When a wait that begins now ends; `None` if it never does.
fn deadline(budget: Duration) -> Option<Instant> {
    Instant::now().checked_add(budget)
}

impl Default for Group {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("len", &self.len())
            .field("skipped", &self.skipped())
            .finish_non_exhaustive()
    }
}

/// Holds a group's messages back until it is dropped; see [`Group::cork`].
#[derive(Debug)]
pub struct Cork<'a>(&'a Group);

impl Drop for Cork<'_> {
    fn drop(&mut self) {
        if self.0.0.corks.fetch_sub(1, Ordering::SeqCst) > 1 {
            return;
        }
        fence(Ordering::SeqCst);
        release(&self.0.0.members.snapshot());
    }
}

/// A message for a group. Text, bytes, messages and prepared messages convert into it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Payload<'m> {
    /// A message, which is laid out once for all members.
    Message(Message<'m>),
    /// A message that was laid out before.
    Prepared(PreparedMessage),
}

impl<'m> From<Message<'m>> for Payload<'m> {
    fn from(message: Message<'m>) -> Self {
        Self::Message(message)
    }
}

impl<'m> From<&'m OwnedMessage> for Payload<'m> {
    fn from(message: &'m OwnedMessage) -> Self {
        Self::Message(message.borrow())
    }
}

impl<'m> From<&'m str> for Payload<'m> {
    fn from(text: &'m str) -> Self {
        Self::Message(Message::Text(text))
    }
}

impl<'m> From<&'m String> for Payload<'m> {
    fn from(text: &'m String) -> Self {
        Self::Message(Message::Text(text))
    }
}

impl<'m> From<&'m [u8]> for Payload<'m> {
    fn from(bytes: &'m [u8]) -> Self {
        Self::Message(Message::Binary(bytes))
    }
}

impl<'m> From<&'m Vec<u8>> for Payload<'m> {
    fn from(bytes: &'m Vec<u8>) -> Self {
        Self::Message(Message::Binary(bytes))
    }
}

impl From<PreparedMessage> for Payload<'_> {
    fn from(message: PreparedMessage) -> Self {
        Self::Prepared(message)
    }
}

impl From<&PreparedMessage> for Payload<'_> {
    fn from(message: &PreparedMessage) -> Self {
        Self::Prepared(message.clone())
    }
}
