//! Messages that arrived while the program was not receiving.

use std::collections::VecDeque;
use std::time::Duration;

use bluewire_core::{Connection, Event, Inbox, Message, Outbox, OwnedMessage, Ready};

/// A message, or a part of one, and whether it is the last part.
type Part = (OwnedMessage, bool);

/// Messages in the order of their arrival, to be received before what is in the inbox.
#[derive(Debug, Default)]
pub(crate) struct Held(Option<Box<Queue>>);

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
    pub(crate) fn push(&mut self, message: Message<'_>, fin: bool) {
        let queue = self.0.get_or_insert_default();
        // A message without payload counts too, or a peer could send such ones for ever.
        queue.len += message.len().max(1);
        queue.parts.push_back((message.into_owned(), fin));
    }

    pub(crate) fn lend(&mut self) -> Option<(Message<'_>, bool)> {
        let queue = self.0.as_mut()?;
        queue.lent = queue.parts.pop_front();
        let (message, fin) = queue.lent.as_ref()?;
        queue.len -= message.borrow().len().max(1);
        Some((message.borrow(), *fin))
    }

    /// Frees the memory if nothing is held.
    #[cfg(feature = "smol")]
    pub(crate) fn release(&mut self) {
        if self.is_empty() {
            self.0 = None;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |queue| queue.len)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|queue| queue.parts.is_empty())
    }
}

/// Lends what has arrived: what is held, or the event that is ready. `None` if that turned out
/// to be text that is none: the connection has failed.
pub(crate) fn deliver<'a>(
    ready: Option<Ready>,
    now: Duration,
    held: &'a mut Held,
    connection: &mut Connection,
    inbox: &'a mut Inbox,
    outbox: &mut Outbox,
) -> Option<(Message<'a>, bool)> {
    let Some(ready) = ready else { return held.lend() };
    match connection.take_event(ready, now, inbox, outbox) {
        Event::Message(message) => Some((message, true)),
        Event::Chunk { part, fin } => Some((part, fin)),
        _ => None,
    }
}
