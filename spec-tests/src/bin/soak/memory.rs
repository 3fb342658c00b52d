//! The memory of the process, as Linux reports it; elsewhere nothing is judged.
//!
//! Resident memory moves with the messages that are under way, and with the allocator's reserve. So
//! this takes many samples and compares their medians: that of a fifth of the time after a warm-up,
//! and that of the last fifth.

use std::alloc::System;
use std::fs;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use crate::tally::Tally;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// From here on the medians are judged.
const JUDGED_FROM: Duration = Duration::from_secs(300);

/// Nothing may have grown by more.
const GROWTH_MAX: f64 = 0.05;

/// The resources that it takes at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usage {
    /// Resident memory in KiB.
    pub(crate) resident: u64,
    /// Allocated memory in KiB.
    pub(crate) allocated: u64,
    pub(crate) files: u64,
    pub(crate) threads: u64,
}

impl Usage {
    fn now() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let files = fs::read_dir("/proc/self/fd").ok()?.count() as u64;
        let stats = ALLOCATOR.stats();
        let allocated = stats.bytes_allocated.wrapping_sub(stats.bytes_deallocated) as u64 / 1024;
        let (resident, threads) = (field("VmRSS:")?, field("Threads:")?);
        Some(Self { resident, allocated, files, threads })
    }
}

pub(crate) struct Samples {
    time: Duration,
    taken: Vec<(Duration, Usage)>,
    load: Vec<f64>,
}

impl Samples {
    pub(crate) const fn new(time: Duration) -> Self {
        Self { time, taken: Vec::new(), load: Vec::new() }
    }

    pub(crate) fn take(&mut self, at: Duration) {
        self.taken.extend(Usage::now().map(|usage| (at, usage)));
        let load = fs::read_to_string("/proc/loadavg").ok();
        self.load.extend(load.and_then(|load| load.split(' ').next()?.parse::<f64>().ok()));
    }

    /// How long the warm-up is: the first fifth, in long runs a minute at least.
    pub(crate) fn warm_up(&self) -> Duration {
        let fifth = self.time / 5;
        if self.time < JUDGED_FROM { fifth } else { fifth.max(Duration::from_secs(60)) }
    }

    /// After the warm-up.
    pub(crate) fn first(&self) -> Option<Usage> {
        self.median(self.warm_up(), self.warm_up() + self.time / 5)
    }

    pub(crate) fn last(&self) -> Option<Usage> {
        self.median(self.time * 4 / 5, self.time)
    }

    pub(crate) fn latest(&self) -> Option<Usage> {
        self.taken.last().map(|(_, usage)| *usage)
    }

    /// The processes that wanted to run, in the median.
    pub(crate) fn load(&self) -> Option<f64> {
        let mut load = self.load.clone();
        load.sort_by(f64::total_cmp);
        load.get(load.len() / 2).copied()
    }

    /// Whether the run takes long enough for [`judge`](Self::judge).
    pub(crate) fn are_judged(&self) -> bool {
        self.time >= JUDGED_FROM
    }

    /// It is a violation if anything has grown.
    pub(crate) fn judge(&self, tally: &Tally) {
        let (Some(first), Some(last), true) = (self.first(), self.last(), self.are_judged()) else {
            return;
        };
        let pairs = [
            ("KiB of resident memory", first.resident, last.resident),
            ("KiB of allocated memory", first.allocated, last.allocated),
            ("file descriptors", first.files, last.files),
            ("threads", first.threads, last.threads),
        ];
        for (what, first, last) in pairs {
            if growth(first, last) > GROWTH_MAX {
                tally.violation(format!("{first} {what} after the warm-up, {last} at the end"));
            }
        }
    }

    /// Each number's own median.
    fn median(&self, from: Duration, to: Duration) -> Option<Usage> {
        let median = |number: fn(&Usage) -> u64| {
            let within = self.taken.iter().filter(|(at, _)| (from..=to).contains(at));
            let mut numbers: Vec<_> = within.map(|(_, usage)| number(usage)).collect();
            numbers.sort_unstable();
            numbers.get(numbers.len() / 2).copied()
        };
        Some(Usage {
            resident: median(|usage| usage.resident)?,
            allocated: median(|usage| usage.allocated)?,
            files: median(|usage| usage.files)?,
            threads: median(|usage| usage.threads)?,
        })
    }
}

/// By which part of the first the last is more; less than 0 where it is less.
#[expect(clippy::cast_precision_loss, reason = "numbers of KiB, files and threads")]
pub(crate) fn growth(first: u64, last: u64) -> f64 {
    last as f64 / first as f64 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run of 1,000 seconds, in which memory is this after so many.
    fn run(resident: impl Fn(u64) -> u64) -> Samples {
        let mut samples = Samples::new(Duration::from_secs(1_000));
        let usage = |at| Usage { resident: resident(at), allocated: 500, files: 60, threads: 30 };
        samples.taken = (0..1_000).map(|at| (Duration::from_secs(at), usage(at))).collect();
        samples
    }

    fn violations(samples: &Samples) -> usize {
        let tally = Tally::default();
        samples.judge(&tally);
        tally.violations().len()
    }

    #[test]
    fn only_what_grows_after_the_warm_up_is_a_violation() {
        assert_eq!(violations(&run(|_| 1_000)), 0);
        assert_eq!(violations(&run(|at| 1_000 + at.min(200) * 10)), 0, "while it warms up");
        assert_eq!(violations(&run(|at| if at % 3 == 0 { 9_000 } else { 1_000 })), 0, "peaks");
        assert_eq!(violations(&run(|at| 9_000 - at)), 0, "it shrinks");
        assert_eq!(violations(&run(|at| 1_000 + at / 2)), 1, "a leak");
        let mut short = run(|at| 1_000 + at);
        short.time = Duration::from_secs(299);
        assert_eq!(violations(&short), 0, "not judged");
    }

    #[test]
    fn medians_are_those_of_their_time() {
        let samples = run(|at| at);
        assert_eq!(samples.first().map(|usage| usage.resident), Some(300));
        assert_eq!(samples.last().map(|usage| usage.resident), Some(900));
        assert_eq!(samples.warm_up(), Duration::from_secs(200));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_takes_something() {
        let usage = Usage::now().expect("Linux tells it");
        assert!(
            usage.resident > 100 && usage.allocated > 0 && usage.files > 2 && usage.threads > 0,
            "{usage:?}"
        );
    }
}
