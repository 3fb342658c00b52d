//! Counts what each engine allocates in steady state, and prints a line for each case and engine:
//! the case, the engine, allocations a message, divided by tabs.
//!
//! A program of its own, since counting costs those that allocate more time than they deserve.
#![forbid(unsafe_code)]

use std::alloc::System;

use bluewire_benches::{Case, engines};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Enough that what happens once in many messages shows.
const TIMES: u64 = 2_000;

fn main() {
    for case in Case::all() {
        for engine in engines() {
            let Some(mut run) = (engine.run)(&case) else { continue };
            // Buffers grow to their size first.
            run(TIMES / 10);
            let region = Region::new(ALLOCATOR);
            run(TIMES);
            let stats = region.change();
            let count = stats.allocations + stats.reallocations;
            let messages = TIMES as f64 * case.messages() as f64;
            println!("{case}\t{}\t{:.3}", engine.name, count as f64 / messages);
        }
    }
}
