//! The list of a group's members, which publishers read while others join and leave.

use std::sync::{Arc, OnceLock};

use super::queue::{MemberKey, Queue};
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, lock};

/// A piece of the list is divided when it has more members than this.
const PIECE_LEN_MAX: usize = 128;

/// The state of so many members is brought into the processor's cache together. A publication looks
/// at about a kilobyte of each, so that all of it fits; 8 at a time were no slower and no faster.
const PREFETCH_LEN: usize = 16;

/// A member: its key, the number of its membership, and its queue.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) key: MemberKey,
    pub(super) slot: u32,
    pub(super) queue: Arc<Queue>,
    compresses: bool,
}

type Piece = Arc<Vec<Entry>>;
/// Sorted pieces, none of them empty.
pub(super) type List = Arc<Vec<Piece>>;

/// The members of a list, for those who publish to them.
///
/// The state of thousands of connections is in memory, not in the processor's cache. A write is a
/// system call, which the processor does not look beyond: one member after the other, each would
/// wait for its own state. So the state of the next few is read at once, when their turn begins.
/// `reached` says of a member whether its connection will be looked at.
pub(super) fn prefetched(
    list: &List,
    reached: impl Fn(&Entry) -> bool,
) -> impl Iterator<Item = &Entry> {
    list.iter().flat_map(|piece| piece.chunks(PREFETCH_LEN)).flat_map(move |entries| {
        entries.iter().for_each(|entry| entry.queue.prefetch());
        let reached = entries.iter().filter(|entry| reached(entry));
        reached.for_each(|entry| entry.queue.prefetch_connection());
        entries
    })
}

/// The members of a group, sorted by their keys. The lock is held for a look-up and a change of one
/// piece; a publisher takes a snapshot, and holds no lock while it publishes. A piece is copied when
/// it changes while a publisher uses it.
pub(crate) struct Members {
    list: Mutex<List>,
    len: AtomicUsize,
    /// Members that have agreed on compression.
    compressing: AtomicUsize,
    skipped: AtomicU64,
    /// The action when the last member leaves.
    pub(super) emptied: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Members {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            list: Mutex::default(),
            len: AtomicUsize::new(0),
            compressing: AtomicUsize::new(0),
            skipped: AtomicU64::new(0),
            emptied: OnceLock::new(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::SeqCst)
    }

    #[cfg(feature = "deflate")]
    pub(super) fn any_compresses(&self) -> bool {
        self.compressing.load(Ordering::SeqCst) > 0
    }

    pub(super) fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    pub(super) fn count_skipped(&self, messages: u64) {
        self.skipped.fetch_add(messages, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> List {
        Arc::clone(&lock(&self.list))
    }

    pub(super) fn find(&self, key: MemberKey) -> Option<Entry> {
        let list = self.snapshot();
        let piece = list.get(piece_of(&list, key))?;
        let place = piece.binary_search_by_key(&key, |entry| entry.key).ok()?;
        Some(piece[place].clone())
    }

    pub(super) fn slot_of(&self, key: MemberKey) -> Option<u32> {
        self.find(key).map(|entry| entry.slot)
    }

    pub(super) fn add(&self, key: MemberKey, slot: u32, queue: Arc<Queue>, compresses: bool) {
        let entry = Entry { key, slot, queue, compresses };
        let mut list = lock(&self.list);
        let list = Arc::make_mut(&mut list);
        if list.is_empty() {
            list.push(Arc::new(vec![entry]));
        } else {
            let number = piece_of(list, key);
            let piece = Arc::make_mut(&mut list[number]);
            let place = piece.partition_point(|entry| entry.key < key);
            piece.insert(place, entry);
            if piece.len() > PIECE_LEN_MAX {
                // Most members join behind all others: then the first half stays full.
                let at = if place + 1 == piece.len() { place } else { piece.len() / 2 };
                let rest = piece.split_off(at);
                list.insert(number + 1, Arc::new(rest));
            }
        }
        self.len.fetch_add(1, Ordering::SeqCst);
        self.compressing.fetch_add(usize::from(compresses), Ordering::SeqCst);
    }

    /// Removes a member, and gives it back.
    pub(super) fn remove(&self, key: MemberKey) -> Option<Entry> {
        let mut guard = lock(&self.list);
        let number = piece_of(&guard, key);
        let place = guard.get(number)?.binary_search_by_key(&key, |entry| entry.key).ok()?;
        let list = Arc::make_mut(&mut guard);
        let removed = Arc::make_mut(&mut list[number]).remove(place);
        merge(list, number);
        if list.is_empty() {
            *list = Vec::new();
        }
        let left = self.len.fetch_sub(1, Ordering::SeqCst) - 1;
        self.compressing.fetch_sub(usize::from(removed.compresses), Ordering::SeqCst);
        drop(guard);
        if left == 0
            && let Some(emptied) = self.emptied.get()
        {
            emptied();
        }
        Some(removed)
    }

    /// The pieces and their lengths, for tests of their bounds.
    #[cfg(test)]
    pub(super) fn pieces(&self) -> Vec<usize> {
        lock(&self.list).iter().map(|piece| piece.len()).collect()
    }
}

/// The piece in which a key is, or belongs.
fn piece_of(list: &[Piece], key: MemberKey) -> usize {
    let behind = list.partition_point(|piece| piece[0].key <= key);
    behind.saturating_sub(1)
}

/// Drops a piece that is empty, and joins one that is small to the next one.
fn merge(list: &mut Vec<Piece>, number: usize) {
    if list[number].is_empty() {
        list.remove(number);
        return;
    }
    let Some(next) = list.get(number + 1) else { return };
    if list[number].len() + next.len() <= PIECE_LEN_MAX / 2 {
        let next = list.remove(number + 1);
        Arc::make_mut(&mut list[number]).extend(next.iter().cloned());
    }
}
