//! States that no connection needs right now.

use crate::Arc;
use alloc::vec::Vec;
use core::fmt;
use std::sync::{Mutex, PoisonError};

use crate::deflate::compress::Compressor;
use crate::deflate::inflate::Inflater;

/// How many of a kind are kept: more are rarely in use at once, since a compressor is in use while
/// a thread lays one message.
const LEN_MAX: usize = 8;

/// The state that the connections of one [`Deflate`](crate::Deflate), and of its clones, share.
#[derive(Clone, Default)]
pub(super) struct Pool(Arc<Mutex<Spares>>);

#[derive(Default)]
struct Spares {
    compressors: Vec<Compressor>,
    inflaters: Vec<Inflater>,
}

impl Pool {
    /// A compressor of that window, as good as new.
    pub(super) fn take_compressor(&self, window_bits: u8) -> Option<Compressor> {
        let mut compressor = self.with(|spares| {
            let found =
                spares.compressors.iter().position(|spare| spare.window_bits() == window_bits);
            found.map(|index| spares.compressors.swap_remove(index))
        })?;
        compressor.forget();
        Some(compressor)
    }

    pub(super) fn put_compressor(&self, compressor: Compressor) {
        self.with(|spares| put(&mut spares.compressors, compressor));
    }

    /// An inflater as good as new.
    pub(super) fn take_inflater(&self) -> Option<Inflater> {
        let mut inflater = self.with(|spares| spares.inflaters.pop())?;
        inflater.forget();
        Some(inflater)
    }

    pub(super) fn put_inflater(&self, inflater: Inflater) {
        self.with(|spares| put(&mut spares.inflaters, inflater));
    }

    fn with<T>(&self, work: impl FnOnce(&mut Spares) -> T) -> T {
        // The kept state is whole whenever the lock is free, also after a panic.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Keeps a spare, or drops it where there are enough.
fn put<T>(spares: &mut Vec<T>, spare: T) {
    if spares.len() < LEN_MAX {
        spares.push(spare);
    }
}

/// Settings are the same whatever their pools hold.
impl PartialEq for Pool {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Pool {}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::iter;

    #[test]
    fn so_many_spares_of_a_kind_are_kept_and_not_more() {
        let pool = Pool::default();
        for _ in 0..LEN_MAX + 2 {
            pool.put_compressor(Compressor::small(12));
            pool.put_inflater(Inflater::new());
        }
        assert_eq!(iter::from_fn(|| pool.take_compressor(12)).count(), LEN_MAX);
        assert_eq!(iter::from_fn(|| pool.take_inflater()).count(), LEN_MAX);
    }

    #[test]
    fn a_spare_compressor_has_the_window_that_is_asked_for() {
        let pool = Pool::default();
        pool.put_compressor(Compressor::small(9));
        pool.put_compressor(Compressor::small(12));
        let take = |bits| pool.take_compressor(bits).map(|spare| spare.window_bits());
        assert_eq!([take(10), take(12), take(12)], [None, Some(12), None]);
        assert_eq!([take(9), take(9)], [Some(9), None]);
    }

    #[test]
    fn pools_are_equal_whatever_they_hold() {
        let pool = Pool::default();
        pool.put_inflater(Inflater::new());
        assert_eq!(pool, Pool::default());
    }

    #[test]
    fn the_states_do_not_print_what_they_hold() {
        let text = alloc::format!("{:?} {:?}", Pool::default(), Compressor::small(12));
        assert_eq!(text, "Pool Compressor { window_bits: 12 }");
        let text = alloc::format!("{:?}", Inflater::new());
        assert_eq!(text, "Inflater { at_border: true }");
    }
}
