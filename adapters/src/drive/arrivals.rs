//! Bytes and messages that have arrived but were not received yet. They belong to the reader,
//! outside of any lock.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bluewire_core::{Inbox, Message, OwnedMessage};

use crate::clock::Nanos;

/// A message, or a part of one, and whether it is the last part.
pub(super) type Part = (OwnedMessage, bool);

/// The arrivals: the bytes read, the messages held, and the bytes read while a message was lent.
#[derive(Debug)]
pub(crate) struct Arrivals {
    pub(crate) inbox: Inbox,
    pub(super) held: Held,
    /// The bytes read while a message in the inbox was lent.
    pub(super) aside: Aside,
    /// When the last bytes arrived; this time counts for all that is in the inbox.
    pub(super) arrived: Nanos,
    /// When the inbox was last seen with no event left, in milliseconds that begin again after 49
    /// days.
    pub(super) looked: u32,
    /// Whether a message has ever been lent: what is sent before then answers nothing, and the
    /// program may never receive.
    pub(super) has_lent: bool,
}

impl Arrivals {
    pub(crate) fn new(inbox: Inbox, now: Duration) -> Self {
        Self {
            inbox,
            held: Held::default(),
            aside: Aside::default(),
            arrived: now.into(),
            looked: milliseconds(now),
            has_lent: false,
        }
    }

    /// Notes that the inbox was seen with no event left.
    pub(super) fn look(&mut self, now: Duration) {
        self.looked = milliseconds(now);
    }

    /// How long ago that was.
    pub(super) fn since_look(&self, now: Duration) -> Duration {
        Duration::from_millis(milliseconds(now).wrapping_sub(self.looked).into())
    }

    /// Room for the next read.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        self.inbox.space()
    }

    /// Frees what only a busy connection needs. The inbox is the caller's to release.
    #[cfg(feature = "_asynch")]
    pub(crate) fn release(&mut self) {
        if self.held.0.is_some() && self.held.is_empty() {
            self.held = Held::default();
        }
    }

    /// Whether messages are held for the next receive.
    pub(crate) fn has_held(&self) -> bool {
        !self.held.is_empty()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "only differences count")]
const fn milliseconds(now: Duration) -> u32 {
    now.as_millis() as u32
}

/// Messages in the order of their arrival, to be received before what is in the inbox.
#[derive(Debug, Default)]
pub(super) struct Held(Option<Box<Queue>>);

/// In a box, since most connections never hold any.
#[derive(Debug, Default)]
struct Queue {
    parts: VecDeque<Part>,
    /// Payload bytes of the parts.
    len: usize,
    /// The one that is lent to the program.
    lent: Option<Part>,
}

impl Held {
    pub(super) fn push(&mut self, message: Message<'_>, fin: bool) {
        let queue = self.0.get_or_insert_default();
        queue.len = queue.len.saturating_add(counted_len(message));
        queue.parts.push_back((message.into_owned(), fin));
    }

    pub(super) fn lend(&mut self) -> Option<(Message<'_>, bool)> {
        let queue = self.0.as_mut()?;
        queue.lent = queue.parts.pop_front();
        let (message, fin) = queue.lent.as_ref()?;
        queue.len = queue.len.saturating_sub(counted_len(message.borrow()));
        Some((message.borrow(), *fin))
    }

    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |queue| queue.len)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|queue| queue.parts.is_empty())
    }
}

/// A message without payload counts too, or a peer could send such messages forever.
fn counted_len(message: Message<'_>) -> usize {
    message.len().max(1)
}

/// The bytes read while a message was lent: the lent message lies where the read would go.
#[derive(Debug, Default)]
pub(crate) struct Aside(Option<Box<Bytes>>);

#[derive(Debug, Default)]
pub(super) struct Bytes {
    pub(super) bytes: Vec<u8>,
    pub(super) arrived: Nanos,
    /// The end of the stream, with its error if it had one.
    pub(super) end: Option<Option<io::Error>>,
}

impl Aside {
    pub(super) fn received(&mut self, bytes: &[u8], now: Duration) {
        let aside = self.0.get_or_insert_default();
        aside.bytes.extend_from_slice(bytes);
        aside.arrived = now.into();
    }

    pub(crate) fn received_end(&mut self, error: Option<io::Error>) {
        self.0.get_or_insert_default().end = Some(error);
    }

    /// Whether more may be read aside, by the bound on what is held.
    pub(crate) fn has_room(&self, held_len_max: usize) -> bool {
        self.0.as_ref().is_none_or(|aside| aside.end.is_none() && aside.bytes.len() < held_len_max)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn take(&mut self) -> Option<Box<Bytes>> {
        self.0.take()
    }
}
