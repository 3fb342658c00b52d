//! The opening handshakes under way: which of them is given up when there are too many.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::origin::Origin;
use super::slots::Occupied;
use crate::orders::Orders;

/// The opening handshakes under way.
#[derive(Default)]
pub(super) struct Handshakes {
    by_id: BTreeMap<u64, (Origin, Occupied)>,
    by_origin: HashMap<Origin, Vec<u64>>,
    /// How many each origin has: the last one has the most.
    counts: BTreeSet<(usize, Origin)>,
    last_id: u64,
    random: RandomState,
}

impl Handshakes {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// How many there are from one origin.
    pub(super) fn of_origin(&self, origin: Origin) -> usize {
        self.by_origin.get(&origin).map_or(0, Vec::len)
    }

    pub(super) fn insert(&mut self, origin: Origin, orders: Arc<Orders>) -> u64 {
        self.last_id += 1;
        self.by_id.insert(self.last_id, (origin, Occupied::new(orders, None)));
        let ids = self.by_origin.entry(origin).or_default();
        ids.push(self.last_id);
        self.counts.remove(&(ids.len() - 1, origin));
        self.counts.insert((ids.len(), origin));
        self.last_id
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Occupied> {
        let (origin, occupied) = self.by_id.remove(&id)?;
        if let Some(ids) = self.by_origin.get_mut(&origin) {
            let count = ids.len();
            ids.retain(|other| *other != id);
            self.counts.remove(&(count, origin));
            if ids.is_empty() {
                self.by_origin.remove(&origin);
            } else {
                self.counts.insert((count - 1, origin));
            }
        }
        Some(occupied)
    }

    /// Records that the request has arrived, or will not.
    pub(super) fn settle(&mut self, id: u64) {
        if let Some((_, occupied)) = self.by_id.get_mut(&id) {
            occupied.settled = true;
        }
    }

    /// Takes out the handshake to be given up: one of the origin that has the most, at random. So
    /// a flooder that comes from one address only evicts its own, and one from many addresses
    /// cannot aim at the handshakes that take longest.
    pub(super) fn evict(&mut self) -> Option<(u64, Occupied)> {
        let &(_, origin) = self.counts.last()?;
        self.evict_from(origin)
    }

    /// The same among those of one origin.
    pub(super) fn evict_from(&mut self, origin: Origin) -> Option<(u64, Occupied)> {
        let ids = self.by_origin.get(&origin)?;
        let random = self.random.hash_one(self.last_id);
        let id = *usize::try_from(random % ids.len() as u64).ok().and_then(|at| ids.get(at))?;
        Some((id, self.remove(id)?))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Occupied> {
        self.by_id.values().map(|(_, occupied)| occupied)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn origin(last: u8) -> Origin {
        Origin::of(Some(IpAddr::from([192, 0, 2, last])))
    }

    #[test]
    fn the_origin_with_the_most_handshakes_loses_one() {
        let mut handshakes = Handshakes::default();
        for last in [1, 2, 2, 2, 3, 2] {
            handshakes.insert(origin(last), Orders::new());
        }
        for left in [3, 2, 1] {
            handshakes.evict().expect("there are some");
            assert_eq!(handshakes.of_origin(origin(2)), left);
        }
        assert_eq!((handshakes.of_origin(origin(1)), handshakes.of_origin(origin(3))), (1, 1));
        while handshakes.evict().is_some() {}
        assert_eq!(handshakes.len(), 0);
        assert!(handshakes.by_origin.is_empty() && handshakes.counts.is_empty());
    }

    #[test]
    fn any_handshake_of_an_origin_may_be_the_one() {
        let evicted = |_| {
            let mut handshakes = Handshakes::default();
            for _ in 0..8 {
                handshakes.insert(origin(1), Orders::new());
            }
            handshakes.evict().map(|(id, _)| id)
        };
        let ids: BTreeSet<_> = (0..200).map(evicted).collect();
        assert!(ids.len() > 4, "{ids:?}");
    }
}
