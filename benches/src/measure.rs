//! Timing engines against each other on a machine with neighbours.
//!
//! All engines of a case take turns in short samples, so that a change of the machine's speed
//! meets them alike, and the fastest sample counts: what a neighbour takes only ever adds. They
//! are made anew several times over, since where in memory their buffers come to lie, relative to
//! each other, can double the cost of a copy; that is luck, and the fastest sample is without it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::{Case, Engine, Run, wire};

/// Long beside a clock's reading, short beside a scheduler's slice.
const SAMPLE: Duration = Duration::from_millis(1);

/// How often the engines are made anew.
const LAYOUTS: usize = 6;

/// By how many bytes the wire moves against the engines' memory each time: a part of a page that
/// is no part of a line.
const LAYOUT_STEP: usize = 712;

/// Nanoseconds that each engine takes for one run of the case, in the fastest of `rounds` samples
/// for each of several layouts of memory; `None` for an engine that cannot do it.
#[must_use]
pub fn compare(case: &Case, engines: &[Engine], rounds: usize) -> Vec<Option<f64>> {
    let mut fastest = vec![None; engines.len()];
    for layout in 0..LAYOUTS {
        wire::set_offset(layout * LAYOUT_STEP);
        let mut runs: Vec<_> = engines.iter().map(|engine| (engine.run)(case)).collect();
        let times: Vec<u64> = runs.iter_mut().flatten().map(times_in_a_sample).collect();
        for _ in 0..rounds {
            let runs = runs
                .iter_mut()
                .zip(&mut fastest)
                .filter_map(|(run, fastest)| run.as_mut().map(|run| (run, fastest)));
            for ((run, fastest), &times) in runs.zip(&times) {
                // The other runs have filled the caches; this one must not pay for that.
                run(times.div_ceil(8));
                let taken = nanos(run, times);
                *fastest = Some(fastest.map_or(taken, |fastest: f64| fastest.min(taken)));
            }
        }
    }
    fastest
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

/// Nanoseconds for one copy of so many bytes, in the fastest of many samples: the floor under
/// every case of that length.
#[must_use]
pub fn memcpy(len: usize) -> f64 {
    let (from, mut to) = (vec![1_u8; len], vec![0_u8; len]);
    let mut run: Run = Box::new(move |times| {
        for _ in 0..times {
            black_box(&mut to[..]).copy_from_slice(black_box(&from));
        }
    });
    let times = times_in_a_sample(&mut run);
    (0..100).map(|_| nanos(&mut run, times)).fold(f64::MAX, f64::min)
}
