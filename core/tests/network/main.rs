//! Two engines over a simulated network, from the opening handshake to the end, on a virtual
//! clock: seeded latency, stalls, partial reads and writes, wake-ups in any order, cuts and
//! half-closes at any byte.
//!
//! A failing run prints its seed. `BLUEWIRE_NETWORK_SEED=N` runs that one again;
//! `BLUEWIRE_NETWORK_RUNS=N` sets how many runs there are.

mod endpoint;
mod pipe;
mod simulation;

use simulation::{Weather, run};

/// Fewer without optimization, where each takes ten times as long.
const RUNS: u64 = if cfg!(debug_assertions) { 2_000 } else { 100_000 };

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect(name))
}

fn run_all(weather: Weather) {
    if let Some(seed) = variable("BLUEWIRE_NETWORK_SEED") {
        return run(seed, weather);
    }
    for seed in 0..variable("BLUEWIRE_NETWORK_RUNS").unwrap_or(RUNS) / 2 {
        run(seed, weather);
    }
}

#[test]
fn all_arrives_and_all_ends_cleanly_over_a_network_that_only_takes_its_time() {
    run_all(Weather::Calm);
}

#[test]
fn nothing_hangs_and_nothing_is_made_up_whatever_the_network_does() {
    run_all(Weather::Storm);
}
