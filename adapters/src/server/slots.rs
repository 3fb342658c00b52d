//! The slots of a server, by number: as much memory as the most that were ever taken at a time.

use std::sync::Arc;

use super::origin::Origin;
use crate::orders::Orders;

/// The holder of a slot.
pub(super) struct Occupied {
    pub(super) orders: Arc<Orders>,
    pub(super) settled: bool,
    /// Where the client comes from, if that is counted.
    pub(super) origin: Option<Origin>,
}

impl Occupied {
    pub(super) const fn new(orders: Arc<Orders>, origin: Option<Origin>) -> Self {
        Self { orders, settled: false, origin }
    }
}

#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Option<Occupied>>,
    vacant: Vec<u32>,
}

impl Slots {
    /// How many are taken.
    pub(super) const fn len(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }

    /// Takes one: its number, unless there are no more numbers.
    pub(super) fn take(&mut self, occupied: Occupied) -> Option<u32> {
        if let Some(id) = self.vacant.pop() {
            self.slots[id as usize] = Some(occupied);
            return Some(id);
        }
        let id = u32::try_from(self.slots.len()).ok()?;
        self.slots.push(Some(occupied));
        Some(id)
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Occupied> {
        self.slots.get_mut(id as usize)?.as_mut()
    }

    /// Gives one back that was taken.
    pub(super) fn vacate(&mut self, id: u32) -> Option<Occupied> {
        let occupied = self.slots[id as usize].take()?;
        self.vacant.push(id);
        Some(occupied)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Occupied> {
        self.slots.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::Orders;

    #[test]
    fn a_slot_that_was_given_back_is_taken_again() {
        let mut slots = Slots::default();
        let take = |slots: &mut Slots| slots.take(Occupied::new(Orders::new(), None));
        assert_eq!([take(&mut slots), take(&mut slots)], [Some(0), Some(1)]);
        assert!(slots.vacate(0).is_some() && slots.vacate(0).is_none());
        assert_eq!((slots.len(), slots.iter().count()), (1, 1));
        assert!(slots.get_mut(0).is_none() && slots.get_mut(1).is_some());
        assert_eq!([take(&mut slots), take(&mut slots)], [Some(0), Some(2)]);
        assert_eq!(slots.len(), 3);
    }
}
