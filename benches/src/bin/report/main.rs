//! Measures everything and writes `benches/RESULTS.md` and its charts:
//!
//! ```text
//! cargo run --release -p bluewire-benches --features peers --bin report [-- ROUNDS | sockets]
//! ```
//!
//! With `sockets`, only the section about echo over sockets is measured, and takes the place of
//! the one that was there.
#![forbid(unsafe_code)]

mod chart;
mod counts;
mod document;
mod machine;
mod sockets;

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
    let arg = env::args().nth(1);
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = directory.join("RESULTS.md");
    build()?;
    // First, since it can fail.
    let (sockets, socket_charts) = sockets::take()?;
    draw(directory, &socket_charts)?;
    if arg.as_deref() == Some("sockets") {
        let document = replaced(&fs::read_to_string(&file)?, &sockets);
        return fs::write(&file, document.ok_or_else(|| io::Error::other("no such section yet"))?);
    }
    let rounds = arg.and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS);
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

    draw(directory, &chart::all(&results))?;
    let soak = soak(directory)?;
    fs::write(file, format!("{}\n{sockets}{idle}{soak}", document::write(&results)))
}

/// Builds the programs that are measured.
fn build() -> io::Result<()> {
    let here = ["build", "--bin", "peer_server", "--bin", "broadcast_server", "--bin", "idle"];
    let example = ["build", "--release", "-p", "bluewire", "--example", "echo_server"];
    for mut command in [counts::cargo("peers", &here), counts::any_cargo(&example)] {
        if !command.status()?.success() {
            return Err(io::Error::other("a program cannot be built"));
        }
    }
    Ok(())
}

fn draw(directory: &Path, charts: &[(&str, String)]) -> io::Result<()> {
    let directory = directory.join("charts");
    fs::create_dir_all(&directory)?;
    charts.iter().try_for_each(|(name, svg)| fs::write(directory.join(name), svg))
}

/// The document with another section about sockets; `None` if it has none.
fn replaced(document: &str, section: &str) -> Option<String> {
    let (before, old) = document.split_at(document.find(sockets::TITLE)?);
    // The next section of the same rank.
    let after = old.find("\n## ").map_or("", |end| &old[end..]);
    Some(format!("{before}{section}{after}"))
}

/// The report of the last long run of the program `soak`, if there was one.
fn soak(directory: &Path) -> io::Result<String> {
    match fs::read_to_string(directory.join("soak.md")) {
        Ok(report) => Ok(format!("\n## Soak\n\n{report}")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
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
