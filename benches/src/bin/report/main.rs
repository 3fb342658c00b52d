//! Measures everything and writes `benches/RESULTS.md` and its charts:
//!
//! ```text
//! cargo run --release -p bluewire-benches --features peers --bin report [-- memory | sockets]
//! ```
//!
//! With `sockets`, only the section about echo over sockets is measured, and takes the place of
//! the one that was there; with `memory`, everything else.
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
    let sockets = match arg.as_deref() {
        Some("memory") => sockets_before(&fs::read_to_string(&file)?),
        None | Some("sockets") => {
            // First, since it can fail.
            let (section, charts) = sockets::take()?;
            draw(directory, &charts)?;
            section
        }
        Some(_) => return Err(io::Error::other("usage: report [memory | sockets]")),
    };
    if arg.as_deref() == Some("sockets") {
        let document = replaced(&fs::read_to_string(&file)?, &sockets);
        return fs::write(&file, document.ok_or_else(|| io::Error::other("no such section yet"))?);
    }
    let engines = engines();
    let memcpy = measure::memcpy(1 << 20);
    let mut rows = Vec::new();
    for case in Case::all() {
        let row = Row { case, nanos: measure::compare(&case, &engines, ROUNDS) };
        eprintln!("{case:<40} {:.2}", row.ratio());
        rows.push(row);
    }
    let names: Vec<_> = engines.iter().map(|engine| engine.name).collect();
    let counts = Counts::take(&names)?;
    let results = Results { names, rows, memcpy, counts };

    draw(directory, &chart::all(&results))?;
    let soak = soak(directory)?;
    fs::write(file, format!("{}\n{sockets}{soak}", document::write(&results)))
}

/// Builds the programs that are measured.
fn build() -> io::Result<()> {
    let programs = ["build", "--bin", "sockets", "--bin", "broadcast_server"];
    let built = counts::cargo("peers", &programs).status()?.success();
    if built { Ok(()) } else { Err(io::Error::other("a program cannot be built")) }
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

/// The section about sockets that a document has.
fn sockets_before(document: &str) -> String {
    let section = document.find(sockets::TITLE).map_or("", |start| &document[start..]);
    let end = section.find("\n## ").map_or(section.len(), |end| end + 1);
    section[..end].trim_end().to_owned() + "\n"
}

/// The report of the last long run of the program `soak`, if there was one.
fn soak(directory: &Path) -> io::Result<String> {
    match fs::read_to_string(directory.join("soak.md")) {
        Ok(report) => Ok(format!("\n## Soak\n\n{report}")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}
