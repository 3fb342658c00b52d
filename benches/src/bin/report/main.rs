//! Measures everything and writes `benches/RESULTS.md` and its charts:
//!
//! ```text
//! cargo run --release -p bluewire-benches --features peers --bin report [ROUNDS]
//! ```
#![forbid(unsafe_code)]

mod chart;
mod counts;
mod document;
mod machine;

use std::env;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use bluewire_benches::{Case, engines, measure};

use counts::Counts;

/// Samples of each engine in each layout of memory.
const ROUNDS: usize = 30;

/// Everything that was measured.
struct Results {
    names: Vec<&'static str>,
    rows: Vec<Row>,
    memcpy: f64,
    counts: Counts,
}

/// One case: what each engine took, Bluewire first.
struct Row {
    case: Case,
    nanos: Vec<Option<f64>>,
}

impl Row {
    /// The fastest peer, as its place among the engines.
    fn best_peer(&self) -> Option<usize> {
        let peers = 1..self.nanos.len();
        let timed = peers.filter_map(|peer| self.nanos[peer].map(|nanos| (peer, nanos)));
        timed.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(peer, _)| peer)
    }

    /// Bluewire's time by that of the fastest peer.
    fn ratio(&self) -> f64 {
        let best = self.best_peer().and_then(|peer| self.nanos[peer]);
        self.nanos[0].unwrap_or(f64::NAN) / best.unwrap_or(f64::NAN)
    }
}

fn main() -> io::Result<()> {
    let rounds = env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS);
    // First, since it can fail.
    let idle = idle()?;
    let engines = engines();
    let memcpy = measure::memcpy(1 << 20);
    let mut rows = Vec::new();
    for case in Case::all() {
        let row = Row { case, nanos: measure::compare(&case, &engines, rounds) };
        eprintln!("{case:<40} {:.2}", row.ratio());
        rows.push(row);
    }
    let names: Vec<_> = engines.iter().map(|engine| engine.name).collect();
    let counts = Counts::take(&names)?;
    let results = Results { names, rows, memcpy, counts };

    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    let charts = directory.join("charts");
    fs::create_dir_all(&charts)?;
    for (name, svg) in chart::all(&results) {
        fs::write(charts.join(name), svg)?;
    }
    let document = document::write(&results) + &idle;
    fs::write(directory.join("RESULTS.md"), document)
}

/// What idle connections cost, by the program beside this one; it needs the example
/// `echo_server`, built in release.
fn idle() -> io::Result<String> {
    let program = env::current_exe()?.with_file_name("idle");
    let built = |error| io::Error::other(format!("build the program `idle` first: {error}"));
    let measured = Command::new(program).output().map_err(built)?;
    if !measured.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&measured.stderr).into_owned()));
    }
    let table = String::from_utf8_lossy(&measured.stdout);
    Ok(format!(
        "\n## Idle connections\n\n\
        Resident memory of `echo_server --adapter smol` on one thread, whose clients have each had\n\
        one message echoed and now wait. The server has let go of the heads of their requests.\n\n\
        ```text\n\
        cargo build --release --example echo_server\n\
        cargo run --release -p bluewire-benches --bin idle -- 5000 10000\n\
        ```\n\n{table}"
    ))
}
