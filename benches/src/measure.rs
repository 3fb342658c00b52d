//! Timing engines against each other on a machine with neighbours.
//!
//! All engines of a case take turns in short samples, so that a change of the machine's speed
//! meets them alike, and the fastest sample counts: what a neighbour takes only ever adds.

use std::time::{Duration, Instant};

use crate::Run;

/// Long beside a clock's reading, short beside a scheduler's slice.
const SAMPLE: Duration = Duration::from_millis(1);

/// What an engine took for one run of a case.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// Nanoseconds in the fastest sample.
    pub min: f64,
    /// Nanoseconds in the median sample.
    pub median: f64,
}

/// Times the runs in turn, `rounds` samples of each.
pub fn compare(runs: &mut [Run], rounds: usize) -> Vec<Taken> {
    let times: Vec<u64> = runs.iter_mut().map(times_in_a_sample).collect();
    let mut samples = vec![Vec::with_capacity(rounds); runs.len()];
    for _ in 0..rounds {
        for ((run, &times), samples) in runs.iter_mut().zip(&times).zip(&mut samples) {
            // What the others left in the caches is not this one's doing.
            run(times.div_ceil(8));
            samples.push(nanos(run, times));
        }
    }
    samples
        .into_iter()
        .map(|mut samples| {
            samples.sort_unstable_by(f64::total_cmp);
            Taken { min: samples[0], median: samples[rounds / 2] }
        })
        .collect()
}

fn times_in_a_sample(run: &mut Run) -> u64 {
    let mut times = 1;
    loop {
        let start = Instant::now();
        run(times);
        if start.elapsed() >= SAMPLE {
            return times;
        }
        times *= 2;
    }
}

fn nanos(run: &mut Run, times: u64) -> f64 {
    let start = Instant::now();
    run(times);
    start.elapsed().as_secs_f64() * 1e9 / times as f64
}
