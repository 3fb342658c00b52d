//! Memory that a waiting connection does not hold.
//!
//! A thread serves one connection at a time. That one takes spare memory of the thread to read into
//! and to write from, and gives it back when it waits with nothing in it. So a thread holds a few
//! buffers for all its idle connections, and a busy connection allocates nothing. A connection that
//! waits with a message, or a part of one, keeps its memory: large messages that arrive on several
//! connections at once need as many buffers.

use std::cell::RefCell;
use std::cmp::Reverse;

use bluewire_core::{Inbox, Outbox};

/// A thread keeps at most this much memory: in its outbox, and in all its inboxes. It is as much,
/// so that a large message does not have to be given new memory, zeroed and copied as it grows.
const OUTBOX_CAPACITY_MAX: usize = 4 * 1024 * 1024;
const INBOXES_CAPACITY_MAX: usize = 8 * 1024 * 1024;

/// A thread keeps at most this many inboxes. More would help only where as many messages arrive in
/// parts at once.
const INBOXES_MAX: usize = 8;

#[derive(Default)]
struct Spare {
    /// They hold nothing. The first `kept` have memory, of which the last one is lent first: the
    /// processor may still have it in its cache.
    inboxes: [Inbox; INBOXES_MAX],
    kept: usize,
    /// The memory of all of them.
    inboxes_capacity: usize,
    outbox: Outbox,
}

impl Spare {
    /// Keeps the memory of an empty inbox if there is room for it, or if a smaller one can go.
    /// Whether it did.
    fn keep(&mut self, inbox: &mut Inbox) -> bool {
        let capacity = inbox.capacity();
        if self.kept == INBOXES_MAX {
            self.inboxes.sort_by_key(|spare| Reverse(spare.capacity()));
            let smallest = &mut self.inboxes[INBOXES_MAX - 1];
            if smallest.capacity() >= capacity {
                return false;
            }
            self.inboxes_capacity -= smallest.capacity();
            smallest.release();
            self.kept -= 1;
        }
        let fits = capacity > 0 && self.inboxes_capacity + capacity <= INBOXES_CAPACITY_MAX;
        if fits {
            self.inboxes[self.kept].swap_memory(inbox);
            self.inboxes_capacity += capacity;
            self.kept += 1;
        }
        fits
    }

    /// Gives what was kept last, to those that have no memory.
    fn lend(&mut self, inbox: Option<&mut Inbox>, outbox: Option<&mut Outbox>) {
        if let Some(inbox) = inbox
            && self.kept > 0
        {
            self.kept -= 1;
            inbox.swap_memory(&mut self.inboxes[self.kept]);
            self.inboxes_capacity -= inbox.capacity();
        }
        if let Some(outbox) = outbox {
            outbox.swap_memory(&mut self.outbox);
        }
    }

    /// Keeps the memory of an empty outbox if there is room for it, and frees it otherwise.
    fn keep_outbox(&mut self, outbox: &mut Outbox) {
        let capacity = outbox.capacity();
        if self.outbox.capacity() == 0 && capacity <= OUTBOX_CAPACITY_MAX {
            outbox.swap_memory(&mut self.outbox);
        } else {
            outbox.release();
        }
    }
}

thread_local! {
    static SPARE: RefCell<Spare> = RefCell::default();
}

/// Gives an inbox, an outbox, or both, memory if the thread has some to spare and they have none.
#[inline]
pub(super) fn lend(inbox: Option<&mut Inbox>, outbox: Option<&mut Outbox>) {
    let (inbox, outbox) = (
        inbox.filter(|inbox| inbox.capacity() == 0),
        outbox.filter(|outbox| outbox.capacity() == 0),
    );
    if inbox.is_some() || outbox.is_some() {
        SPARE.with_borrow_mut(|spare| spare.lend(inbox, outbox));
    }
}

/// Takes the memory of an inbox, an outbox, or both, if nothing is in them.
pub(super) fn take_back(inbox: Option<&mut Inbox>, outbox: Option<&mut Outbox>) {
    let inbox = inbox.filter(|inbox| inbox.capacity() > 0 && inbox.is_empty());
    let outbox = outbox.filter(|outbox| outbox.capacity() > 0);
    if inbox.is_none() && outbox.is_none() {
        return;
    }
    SPARE.with_borrow_mut(|spare| {
        if let Some(inbox) = inbox
            && !spare.keep(inbox)
        {
            inbox.release();
        }
        if let Some(outbox) = outbox {
            spare.keep_outbox(outbox);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(capacity: usize) -> Inbox {
        // It has memory for a quarter of a read, and begins at the third byte.
        let mut inbox = Inbox::with_read_len(4 * (capacity - 2));
        inbox.space();
        assert_eq!(inbox.capacity(), capacity);
        inbox
    }

    #[test]
    fn a_thread_keeps_a_few_inboxes_and_prefers_large_ones() {
        let mut spare = Spare::default();
        for _ in 0..2 * INBOXES_MAX {
            spare.keep(&mut inbox(16 * 1024));
        }
        assert_eq!(spare.kept, INBOXES_MAX);
        spare.keep(&mut inbox(1024 * 1024));
        assert_eq!(spare.kept, INBOXES_MAX);
        let mut needy = Inbox::default();
        spare.lend(Some(&mut needy), None);
        assert_eq!(needy.capacity(), 1024 * 1024);
    }

    #[test]
    fn the_memory_that_a_thread_keeps_is_bounded() {
        let mut spare = Spare::default();
        let mut large = inbox(INBOXES_CAPACITY_MAX + 1);
        spare.keep(&mut large);
        assert_eq!(spare.kept, 0);
        for _ in 0..INBOXES_MAX {
            spare.keep(&mut inbox(INBOXES_CAPACITY_MAX / 4));
        }
        assert_eq!(spare.kept, 4);
        // An inbox without memory is not worth keeping.
        spare.keep(&mut Inbox::default());
        assert_eq!(spare.kept, 4);
    }
}
