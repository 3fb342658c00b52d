//! Bluewire and two other libraries read the same streams, valid and broken: what they deliver,
//! whether and when they fail the connection, and with which close code.
//!
//! ```sh
//! cargo run --release -p bluewire-spec-tests --features differential --bin differential
//! cargo run --release -p bluewire-spec-tests --features differential --bin differential -- \
//!     --streams 10000000
//! cargo run -p bluewire-spec-tests --features differential --bin differential -- --only 1234
//! ```
//!
//! `DIFFERENTIAL.md` explains each class of difference. A difference that belongs to none of them
//! ends the program with status 1, and prints the seed with which to see it again.
#![forbid(unsafe_code)]

mod bluewire;
mod classes;
mod compare;
mod faults;
mod outcome;
mod stream;
mod tokio_websockets;
mod tungstenite;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

use bluewire_spec_tests::case::Role;
use bluewire_spec_tests::random::Random;

use classes::{CLASSES, Peer};
use compare::Comparison;
use outcome::Ending;
use stream::Stream;

const USAGE: &str = "usage: differential [--streams COUNT] [--seed FIRST] [--only SEED]";

/// The page that explains the classes.
const PAGE: &str = include_str!("../../../DIFFERENTIAL.md");

fn main() -> ExitCode {
    let Some(range) = seeds(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let missing = unexplained_classes(PAGE);
    if !missing.is_empty() {
        eprintln!("without a row in DIFFERENTIAL.md: {missing:?}");
        return ExitCode::FAILURE;
    }
    let began = Instant::now();
    let tally = Tally::count(range);
    tally.print();
    println!("in {:.1?}", began.elapsed());
    for (kind, (count, difference)) in &tally.unexplained {
        eprintln!("\nwithout an explanation, {count} times: {kind}\n{difference}");
    }
    if tally.unexplained.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The seeds of the streams to try.
fn seeds(mut args: impl Iterator<Item = String>) -> Option<std::ops::Range<u64>> {
    let (mut first, mut count) = (0, 200_000);
    while let Some(arg) = args.next() {
        let number = args.next()?.parse().ok()?;
        match &arg[..] {
            "--streams" => count = number,
            "--seed" => first = number,
            "--only" => (first, count) = (number, 1),
            _ => return None,
        }
    }
    Some(first..first.saturating_add(count))
}

/// The classes that the page does not explain.
fn unexplained_classes(page: &str) -> Vec<&'static str> {
    let explains = |name: &str| page.contains(&format!("| `{name}` |"));
    CLASSES.iter().map(|class| class.name).filter(|name| !explains(name)).collect()
}

/// The results of all streams.
#[derive(Default)]
struct Tally {
    streams: u64,
    /// How many of them Bluewire read to the end, closed and failed.
    open: u64,
    closed: u64,
    failed: u64,
    messages: u64,
    /// How often each class occurred, and the first seed.
    differences: BTreeMap<(Peer, &'static str), (u64, u64)>,
    /// How often each kind occurred that no class explains, and the first one of it.
    unexplained: BTreeMap<String, (u64, String)>,
}

impl Tally {
    fn count(seeds: std::ops::Range<u64>) -> Self {
        let mut tally = Self::default();
        for seed in seeds {
            let mut random = Random::new(seed);
            let to = [Role::Client, Role::Server][random.below(2)];
            let stream = Stream::new(&mut random, to);
            tally.add(seed, &stream);
        }
        tally
    }

    fn add(&mut self, seed: u64, stream: &Stream) {
        let ours = bluewire::read(stream);
        self.streams += 1;
        self.messages += ours.events.len() as u64;
        match ours.ending {
            Ending::Closed(_) => self.closed += 1,
            Ending::Failed { .. } if ours.ended_at <= stream.bytes.len() => self.failed += 1,
            _ => self.open += 1,
        }
        for (peer, theirs) in [
            (Peer::Tungstenite, tungstenite::read(stream)),
            (Peer::TokioWebsockets, tokio_websockets::read(stream)),
        ] {
            let comparison = Comparison { peer, stream, ours: &ours, theirs: &theirs };
            match comparison.explain() {
                Ok(classes) => {
                    for class in classes {
                        self.differences.entry((peer, class)).or_insert((0, seed)).0 += 1;
                    }
                }
                Err(what) => {
                    let (ours, theirs) = (&ours, &theirs);
                    let kind = format!(
                        "{}, {what}: {} and {}",
                        peer.name(),
                        ours.ending.kind(),
                        theirs.ending.kind()
                    );
                    let first = || {
                        let Stream { to, bytes, .. } = stream;
                        let details = format!("{ours:?}\n{theirs:?}");
                        (0, format!("seed {seed}, to a {to}: {bytes:02x?}\n{details}"))
                    };
                    self.unexplained.entry(kind).or_insert_with(first).0 += 1;
                }
            }
        }
    }

    fn print(&self) {
        let Self { streams, open, closed, failed, messages, .. } = self;
        println!("{streams} streams, {messages} messages and control frames");
        println!("{open} left open, {closed} closed, {failed} failed");
        println!("differences, each explained in DIFFERENTIAL.md:");
        for ((peer, class), (count, seed)) in &self.differences {
            println!("  {:17} {class:32} {count:9}, first by seed {seed}", peer.name());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_explains_every_class_and_no_other() {
        assert_eq!(unexplained_classes(PAGE), [""; 0]);
        let rows = PAGE.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, CLASSES.len());
    }

    /// Also that the classes occur: one that never does explains nothing.
    #[test]
    fn no_difference_is_without_an_explanation() {
        const STREAMS: u64 = if cfg!(debug_assertions) { 10_000 } else { 100_000 };
        let tally = Tally::count(0..STREAMS);
        assert!(tally.unexplained.is_empty(), "{:?}", tally.unexplained);
        assert!(tally.open > STREAMS / 20 && tally.closed > STREAMS / 20);
        assert!(tally.failed > STREAMS / 5 && tally.failed < STREAMS * 4 / 5, "{}", tally.failed);
        if !cfg!(debug_assertions) {
            for class in CLASSES {
                let occurs = tally.differences.keys().any(|(_, name)| *name == class.name);
                assert!(occurs, "{} never occurs", class.name);
            }
        }
    }

    #[test]
    fn the_arguments_choose_the_seeds() {
        let seeds = |args: &str| seeds(args.split_whitespace().map(str::to_owned));
        assert_eq!(seeds(""), Some(0..200_000));
        assert_eq!(seeds("--streams 10 --seed 5"), Some(5..15));
        assert_eq!(seeds("--only 7"), Some(7..8));
        assert_eq!(seeds("--only"), None);
        assert_eq!(seeds("--what 1"), None);
    }
}
