//! Counts what a flood makes frequent, and lets it be reported only now and then.

use std::time::{Duration, Instant};

/// The least time between two reports.
const INTERVAL: Duration = Duration::from_secs(1);

/// A count of events that are reported once a second at most, several at a time.
#[derive(Debug, Default)]
pub(super) struct Tally {
    total: u64,
    reported: u64,
    reported_at: Option<Instant>,
}

impl Tally {
    /// Counts one more. How many to report now, if any: those since the last report.
    pub(super) fn add(&mut self, now: Instant) -> Option<u64> {
        self.total = self.total.saturating_add(1);
        let recently = |at| now.saturating_duration_since(at) < INTERVAL;
        if self.reported_at.is_some_and(recently) {
            return None;
        }
        self.reported_at = Some(now);
        Some(self.total - std::mem::replace(&mut self.reported, self.total))
    }

    /// How many there were.
    pub(super) const fn total(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_reported_once_a_second_with_its_count() {
        let start = Instant::now();
        let mut tally = Tally::default();
        let reports = (0..=2_500).filter_map(|ms| tally.add(start + Duration::from_millis(ms)));
        assert_eq!(reports.collect::<Vec<_>>(), [1, 1_000, 1_000]);
        assert_eq!(tally.total(), 2_501);
    }
}
