//! How long messages took, in buckets.

use std::fmt;
use std::time::Duration;

/// Buckets for each power of two: a bucket is at most 1/32 wide.
const STEPS: usize = 32;
const BITS: u32 = STEPS.trailing_zeros();

/// A histogram of durations. Each bucket holds values that differ by at most 3 %.
#[derive(Clone)]
pub struct Latency {
    buckets: Vec<u64>,
    count: u64,
}

impl Latency {
    pub(super) fn new() -> Self {
        Self { buckets: vec![0; STEPS * (64 - BITS as usize + 1)], count: 0 }
    }

    pub(super) fn add(&mut self, time: Duration, times: u64) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(nanos)] += times;
        self.count += times;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (ours, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *ours += theirs;
        }
        self.count += other.count;
    }

    /// The time within which that part of the messages came back; zero if there were none.
    #[must_use]
    pub fn at(&self, part: f64) -> Duration {
        let mut left = (self.count as f64 * part).ceil();
        for (place, count) in self.buckets.iter().enumerate() {
            left -= *count as f64;
            if left <= 0.0 && *count > 0 {
                return Duration::from_nanos(upper_end(place));
            }
        }
        Duration::ZERO
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [half, most, nearly_all] = [0.5, 0.99, 0.999].map(|part| self.at(part));
        write!(f, "p50 {half:?}, p99 {most:?}, p99.9 {nearly_all:?}")
    }
}

fn bucket(nanos: u64) -> usize {
    let shift = nanos.checked_ilog2().unwrap_or(0).saturating_sub(BITS);
    // Less than twice the steps.
    let step = usize::try_from(nanos >> shift).unwrap_or(2 * STEPS);
    (shift as usize) * STEPS + step
}

/// The largest value of a bucket.
fn upper_end(place: usize) -> u64 {
    if place < 2 * STEPS {
        return place as u64;
    }
    let shift = place / STEPS - 1;
    let step = (place % STEPS + STEPS) as u64;
    ((step + 1) << shift).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_at_most_a_thirty_second_wide() {
        for nanos in (0..100_000).chain([u64::MAX / 3, u64::MAX]) {
            let end = upper_end(bucket(nanos));
            assert!(end >= nanos, "{nanos} {end}");
            assert!(end - nanos <= nanos / 32, "{nanos} {end}");
        }
    }

    #[test]
    fn percentiles_count_messages() {
        let mut latency = Latency::new();
        latency.add(Duration::from_nanos(10), 98);
        latency.add(Duration::from_nanos(20), 1);
        latency.add(Duration::from_nanos(30), 1);
        let at = |part| latency.at(part).as_nanos();
        assert_eq!([at(0.5), at(0.98), at(0.99), at(0.999)], [10, 10, 20, 30]);
        assert_eq!(Latency::new().at(0.5), Duration::ZERO);
    }
}
