//! The seats of a server, by number: as much memory as were ever taken at a time, and no more for
//! each than what it holds.

use super::hall::Occupied;

#[derive(Default)]
pub(super) struct Seats {
    seats: Vec<Option<Occupied>>,
    vacant: Vec<u32>,
}

impl Seats {
    /// How many are taken.
    pub(super) const fn len(&self) -> usize {
        self.seats.len() - self.vacant.len()
    }

    /// Takes one: its number, unless there are no more numbers.
    pub(super) fn take(&mut self, occupied: Occupied) -> Option<u32> {
        if let Some(id) = self.vacant.pop() {
            self.seats[id as usize] = Some(occupied);
            return Some(id);
        }
        let id = u32::try_from(self.seats.len()).ok()?;
        self.seats.push(Some(occupied));
        Some(id)
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Occupied> {
        self.seats.get_mut(id as usize)?.as_mut()
    }

    /// Gives one back that was taken.
    pub(super) fn vacate(&mut self, id: u32) {
        if self.seats[id as usize].take().is_some() {
            self.vacant.push(id);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Occupied> {
        self.seats.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::place::Seat;

    #[test]
    fn a_seat_that_was_given_back_is_taken_again() {
        let mut seats = Seats::default();
        let take = |seats: &mut Seats| seats.take(Occupied { seat: Seat::new(), settled: false });
        assert_eq!([take(&mut seats), take(&mut seats)], [Some(0), Some(1)]);
        seats.vacate(0);
        seats.vacate(0);
        assert_eq!((seats.len(), seats.iter().count()), (1, 1));
        assert!(seats.get_mut(0).is_none() && seats.get_mut(1).is_some());
        assert_eq!([take(&mut seats), take(&mut seats)], [Some(0), Some(2)]);
        assert_eq!(seats.len(), 3);
    }
}
