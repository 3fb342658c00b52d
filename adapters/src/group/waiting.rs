//! The messages that wait for one connection, and the policies for a member that is behind. No IO,
//! no locks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use bluewire_core::{CloseCode, PreparedMessage};

use super::options::{GroupOptions, SlowMember};

/// A message that was published, shared by all for whom it waits.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(super) message: PreparedMessage,
}

impl Posted {
    fn len(&self) -> usize {
        self.message.payload().len()
    }
}

/// An empty queue keeps the room for so many messages.
const KEPT_MAX: usize = 64;

// The documentation of groups says what a member takes, its place in the list included.
const _: () = assert!(size_of::<Option<Membership>>() <= 144);

/// The messages of all groups for one connection, in the order in which they were published.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    memberships: Vec<Option<Membership>>,
    /// Whose message comes next. A membership may have more entries than messages: see
    /// [`Membership::stale`].
    order: VecDeque<u32>,
    /// The messages that wait.
    len: usize,
    /// The code to close the connection with, since it is behind.
    close: Option<CloseCode>,
    last_ticket: u64,
}

/// A connection's membership in one group.
#[derive(Debug)]
struct Membership {
    bounds: Bounds,
    messages: VecDeque<Arc<Posted>>,
    bytes: usize,
    /// How many of its next entries in the order have lost their message.
    stale: usize,
    /// Messages for which publishers wait until there is room.
    blocked: VecDeque<Blocked>,
    skipped: u64,
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    slow: SlowMember,
    messages_max: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Blocked {
    ticket: u64,
    posted: Arc<Posted>,
    waker: Waker,
}

/// How a message fared with one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It waits: before all others, or with so many that the queue is half full.
    Queued { first: bool, half_full: bool },
    /// It waits, and the oldest message, or several, were dropped for it.
    Replaced(u64),
    /// It was dropped.
    Skipped,
    /// The member must be closed. The number counts the dropped messages, this one included.
    Closed(u64),
    /// The publisher has to wait.
    Full,
    /// The member has left.
    Gone,
}

/// How the owner of the connection goes on with the next message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was laid; go on.
    Laid,
    /// It was laid, and there is no room for more.
    LaidLast,
    /// It cannot be sent now.
    Later,
    /// It can never be sent.
    Never,
}

/// A member's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberStats {
    /// The messages of the group that wait for the member.
    pub waiting: usize,
    /// Their payloads' bytes.
    pub waiting_bytes: usize,
    /// The messages of the group that the member did not get since it joined.
    pub skipped: u64,
}

impl Membership {
    /// One message always fits.
    fn fits(&self, len: usize) -> bool {
        self.messages.is_empty()
            || (self.messages.len() < self.bounds.messages_max
                && self.bytes.saturating_add(len) <= self.bounds.bytes_max)
    }

    fn is_half_full(&self) -> bool {
        self.messages.len() >= self.bounds.messages_max.div_ceil(2)
            || self.bytes >= self.bounds.bytes_max.div_ceil(2)
    }

    fn add(&mut self, posted: Arc<Posted>) {
        self.bytes += posted.len();
        self.messages.push_back(posted);
    }

    fn remove(&mut self) -> Option<Arc<Posted>> {
        let posted = self.messages.pop_front()?;
        self.bytes -= posted.len();
        Some(posted)
    }
}

impl Waiting {
    /// Adds a membership, and gives its number.
    pub(super) fn join(&mut self, options: &GroupOptions) -> u32 {
        let bounds = Bounds {
            slow: options.slow,
            messages_max: options.messages_max.max(1),
            bytes_max: options.bytes_max,
        };
        let membership = Membership {
            bounds,
            messages: VecDeque::new(),
            bytes: 0,
            stale: 0,
            blocked: VecDeque::new(),
            skipped: 0,
        };
        let free = self.memberships.iter().position(Option::is_none);
        let slot = free.unwrap_or_else(|| {
            if self.memberships.is_empty() {
                // Most connections join one group only.
                self.memberships.reserve_exact(1);
            }
            self.memberships.push(None);
            self.memberships.len() - 1
        });
        self.memberships[slot] = Some(membership);
        u32::try_from(slot).expect("nobody joins four billion groups")
    }

    /// Drops a membership and all that waits for it. Returns the tasks to wake, and the number of
    /// messages dropped.
    pub(super) fn leave(&mut self, slot: u32) -> (Vec<Waker>, u64) {
        let membership = self.memberships.get_mut(slot as usize).and_then(Option::take);
        let Some(membership) = membership else { return (Vec::new(), 0) };
        self.order.retain(|next| *next != slot);
        self.len -= membership.messages.len();
        self.compact();
        let dropped = membership.messages.len() as u64;
        (membership.blocked.into_iter().map(|blocked| blocked.waker).collect(), dropped)
    }

    /// Whether a message has no room now.
    pub(super) fn would_overflow(&self, slot: u32, posted: &Posted) -> bool {
        let membership = self.memberships.get(slot as usize).and_then(Option::as_ref);
        membership.is_some_and(|it| !it.blocked.is_empty() || !it.fits(posted.len()))
    }

    /// Takes in a message that was published, by the group's policy.
    pub(super) fn push(&mut self, slot: u32, posted: &Arc<Posted>) -> Pushed {
        if self.close.is_some() {
            return Pushed::Gone;
        }
        let first = self.order.is_empty();
        let Some(membership) = self.membership(slot) else { return Pushed::Gone };
        if membership.blocked.is_empty() && membership.fits(posted.len()) {
            membership.add(Arc::clone(posted));
            let half_full = membership.is_half_full();
            self.order.push_back(slot);
            self.len += 1;
            return Pushed::Queued { first, half_full };
        }
        match membership.bounds.slow {
            SlowMember::Skip => {
                membership.skipped += 1;
                Pushed::Skipped
            }
            SlowMember::ReplaceOldest => Pushed::Replaced(self.replace(slot, posted)),
            SlowMember::Close(code) => Pushed::Closed(self.close(slot, code) + 1),
            SlowMember::Wait(_) => Pushed::Full,
        }
    }

    /// Makes room by dropping the oldest messages. How many.
    fn replace(&mut self, slot: u32, posted: &Arc<Posted>) -> u64 {
        let Some(membership) = self.membership(slot) else { return 0 };
        let mut dropped = 0;
        while !membership.fits(posted.len()) && membership.remove().is_some() {
            dropped += 1;
        }
        membership.stale += usize::try_from(dropped).unwrap_or(usize::MAX);
        membership.skipped += dropped;
        membership.add(Arc::clone(posted));
        self.len = self.len + 1 - usize::try_from(dropped).unwrap_or(usize::MAX);
        self.order.push_back(slot);
        self.compact();
        dropped
    }

    /// Drops the entries of messages that were dropped, if there are many: each pass drops at least half
    /// of the entries, so that it costs a message little.
    fn compact(&mut self) {
        if self.order.len() <= 2 * self.len + 16 {
            return;
        }
        let Self { memberships, order, .. } = self;
        order.retain(|slot| match memberships[*slot as usize].as_mut() {
            Some(membership) if membership.stale > 0 => {
                membership.stale -= 1;
                false
            }
            membership => membership.is_some(),
        });
    }

    /// Drops all messages that wait, since the connection must be closed. Returns how many messages
    /// of this membership that were.
    pub(super) fn close(&mut self, slot: u32, code: CloseCode) -> u64 {
        self.close = Some(code);
        self.order = VecDeque::new();
        self.len = 0;
        let mut dropped = 0;
        for (number, membership) in (0..).zip(&mut self.memberships) {
            let Some(membership) = membership else { continue };
            let messages = std::mem::take(&mut membership.messages).len() as u64;
            membership.skipped += messages;
            (membership.bytes, membership.stale) = (0, 0);
            if number == slot {
                dropped = messages;
            }
        }
        dropped
    }

    /// Lets a publisher wait until there is room for its message. Returns its ticket.
    pub(super) fn block(&mut self, slot: u32, posted: &Arc<Posted>, waker: &Waker) -> Option<u64> {
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        let blocked = Blocked { ticket, posted: Arc::clone(posted), waker: waker.clone() };
        self.membership(slot)?.blocked.push_back(blocked);
        Some(ticket)
    }

    /// Whether a publisher still waits.
    pub(super) fn is_blocked(&self, slot: u32, ticket: u64) -> bool {
        let membership = self.memberships.get(slot as usize).and_then(Option::as_ref);
        self.close.is_none()
            && membership.is_some_and(|it| it.blocked.iter().any(|one| one.ticket == ticket))
    }

    /// Takes a message back for which a publisher waited. Whether it still did.
    pub(super) fn unblock(&mut self, slot: u32, ticket: u64) -> bool {
        let Some(membership) = self.membership(slot) else { return false };
        let before = membership.blocked.len();
        membership.blocked.retain(|blocked| blocked.ticket != ticket);
        let removed = membership.blocked.len() < before;
        membership.skipped += u64::from(removed);
        removed
    }

    /// Gives the messages to `take`, the oldest first, until it takes no more. Publishers that
    /// waited for room are to be woken.
    pub(super) fn drain(
        &mut self,
        mut take: impl FnMut(&PreparedMessage) -> Taken,
    ) -> (Vec<Waker>, Vec<u32>) {
        let (mut wakers, mut never) = (Vec::new(), Vec::new());
        while let Some(&slot) = self.order.front() {
            let Some(membership) = self.membership(slot) else {
                self.order.pop_front();
                continue;
            };
            if membership.stale > 0 {
                membership.stale -= 1;
                self.order.pop_front();
                continue;
            }
            let Some(posted) = membership.messages.front() else {
                self.order.pop_front();
                continue;
            };
            let taken = take(&posted.message);
            if taken == Taken::Later {
                break;
            }
            membership.remove();
            if taken == Taken::Never {
                membership.skipped += 1;
                never.push(slot);
            }
            self.order.pop_front();
            self.len -= 1;
            self.admit(slot, &mut wakers);
            if taken == Taken::LaidLast {
                break;
            }
        }
        self.compact();
        self.release();
        (wakers, never)
    }

    /// Frees what a connection that is no longer behind does not need.
    fn release(&mut self) {
        if self.len > 0 || self.order.capacity() <= KEPT_MAX {
            return;
        }
        self.order = VecDeque::new();
        for membership in self.memberships.iter_mut().flatten() {
            membership.stale = 0;
            membership.messages = VecDeque::new();
        }
    }

    /// Queues messages for which publishers wait, as far as there is room.
    fn admit(&mut self, slot: u32, wakers: &mut Vec<Waker>) {
        let Self { memberships, order, len, .. } = self;
        let Some(membership) = memberships[slot as usize].as_mut() else { return };
        while let Some(next) = membership.blocked.front()
            && membership.fits(next.posted.len())
        {
            if let Some(Blocked { posted, waker, .. }) = membership.blocked.pop_front() {
                membership.add(posted);
                order.push_back(slot);
                *len += 1;
                wakers.push(waker);
            }
        }
    }

    /// The code to close the connection with.
    pub(super) const fn close_code(&self) -> Option<CloseCode> {
        self.close
    }

    /// Whether there is nothing to do for the owner of the connection.
    pub(super) const fn is_idle(&self) -> bool {
        self.len == 0 && self.close.is_none()
    }

    pub(super) fn stats(&self, slot: u32) -> Option<MemberStats> {
        let membership = self.memberships.get(slot as usize)?.as_ref()?;
        Some(MemberStats {
            waiting: membership.messages.len(),
            waiting_bytes: membership.bytes,
            skipped: membership.skipped,
        })
    }

    fn membership(&mut self, slot: u32) -> Option<&mut Membership> {
        self.memberships.get_mut(slot as usize)?.as_mut()
    }

    /// The room that is kept, for tests of its bound.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        let messages = |it: &Membership| it.messages.capacity();
        self.order.capacity() + self.memberships.iter().flatten().map(messages).sum::<usize>()
    }

    /// The entries in the order, for tests of its bound.
    #[cfg(test)]
    pub(super) fn entries(&self) -> usize {
        self.order.len()
    }
}
