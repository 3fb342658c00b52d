//! Memory that a waiting connection does not hold.
//!
//! Of all connections on a thread one is busy at a time. It takes the thread's spare memory to
//! read into and to write from, and gives it back when it has to wait with nothing in it: so a
//! thread holds one pair of buffers for all its idle connections, and a busy one allocates
//! nothing. Who holds a message, or a part of one, while another wants to read, keeps its memory,
//! and the other makes its own.

use std::cell::RefCell;

use bluewire_core::{Inbox, Outbox};

/// Memory beyond this, which a large message has made grow, is freed instead of kept. It is one
/// pair for each thread, and what large messages come in would otherwise be zeroed for each anew.
const CAPACITY_MAX: usize = 4 * 1024 * 1024;

#[derive(Default)]
struct Spare {
    inbox: Inbox,
    outbox: Outbox,
}

thread_local! {
    static SPARE: RefCell<Spare> = RefCell::default();
}

/// Gives the inbox memory, if the thread has some to spare and the inbox has none.
pub(super) fn lend(inbox: &mut Inbox) {
    if inbox.capacity() == 0 {
        SPARE.with_borrow_mut(|spare| inbox.swap_memory(&mut spare.inbox));
    }
}

/// The same for an outbox.
pub(super) fn lend_outbox(outbox: &mut Outbox) {
    if outbox.capacity() == 0 {
        SPARE.with_borrow_mut(|spare| outbox.swap_memory(&mut spare.outbox));
    }
}

/// Takes the memory of an inbox and an outbox with nothing in them.
pub(super) fn take_back(inbox: &mut Inbox, outbox: &mut Outbox) {
    SPARE.with_borrow_mut(|spare| {
        if spare.inbox.capacity() == 0 && inbox.capacity() <= CAPACITY_MAX {
            inbox.swap_memory(&mut spare.inbox);
        }
        if spare.outbox.capacity() == 0 && outbox.capacity() <= CAPACITY_MAX {
            outbox.swap_memory(&mut spare.outbox);
        }
    });
    inbox.release();
    outbox.release();
}
