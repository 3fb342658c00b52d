//! Writes what each Autobahn case sends into the corpora of the fuzz targets `receive` and
//! `inflate`, as far as libFuzzer takes it.
//!
//! ```sh
//! cargo run -p bluewire-spec-tests --bin fuzz_seeds -- core/fuzz/corpus
//! ```
#![forbid(unsafe_code)]

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bluewire_spec_tests::case::{Case, Role};
use bluewire_spec_tests::cases::{self, Size};
use bluewire_spec_tests::cutting::Cutting;
use bluewire_spec_tests::fuzzer::{Detail, Fuzzer};
use bluewire_spec_tests::pair::{self, Testee};
use bluewire_spec_tests::reference::Reference;

/// The longest input that libFuzzer makes by default.
const LEN_MAX: usize = 4096;

fn main() -> ExitCode {
    let Some(corpus) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: fuzz_seeds DIRECTORY");
        return ExitCode::from(2);
    };
    match write_all(&corpus) {
        Ok(seeds) => {
            println!("{seeds} seeds in {}", corpus.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", corpus.display());
            ExitCode::FAILURE
        }
    }
}

fn write_all(corpus: &std::path::Path) -> io::Result<usize> {
    let mut seeds = 0;
    for target in ["receive", "inflate"] {
        fs::create_dir_all(corpus.join(target))?;
    }
    for case in cases::all(Size::Reduced) {
        for role in [Role::Client, Role::Server] {
            let (target, seed) = seed(&case, role);
            fs::write(corpus.join(target).join(format!("autobahn-{}-{role}", case.id)), seed)?;
            seeds += 1;
        }
    }
    Ok(seeds)
}

/// The target that the case is for, and its input: what the testee in this role hears.
fn seed(case: &Case, role: Role) -> (&'static str, Vec<u8>) {
    let mut recorder =
        Recorder { peer: Reference::new(role, 1), heard: Vec::new(), forgets: false };
    let mut fuzzer = Fuzzer::new(case, role.peer(), 1, Detail::Brief);
    pair::run(&mut fuzzer, &mut recorder, Cutting::AsWritten);
    // The targets' first bytes: the role, without limits that a case would run into; of
    // compression the one parameter that a receiver needs to know; and what seeds the cuts.
    let flags = u8::from(role == Role::Client);
    let (target, mut seed) = match &case.deflate {
        None => ("receive", vec![flags, 7]),
        Some(_) => ("inflate", vec![flags, u8::from(recorder.forgets) << 7, 7]),
    };
    seed.append(&mut recorder.heard);
    seed.truncate(LEN_MAX);
    (target, seed)
}

/// An echo peer that writes down what it hears.
struct Recorder {
    peer: Reference,
    heard: Vec<u8>,
    /// Whether compression begins anew with each message.
    forgets: bool,
}

impl Testee for Recorder {
    fn offer(&self) -> Option<String> {
        self.peer.offer()
    }

    fn accept(&mut self, offer: &str) -> Option<String> {
        let answer = self.peer.accept(offer)?;
        self.forgets = answer.contains("client_no_context_takeover");
        Some(answer)
    }

    fn confirm(&mut self, answer: &str) -> bool {
        self.forgets = answer.contains("server_no_context_takeover");
        self.peer.confirm(answer)
    }

    fn receive(&mut self, now: Duration, bytes: &[u8]) {
        self.heard.extend(bytes);
        self.peer.receive(now, bytes);
    }

    fn receive_eof(&mut self, now: Duration) {
        self.peer.receive_eof(now);
    }

    fn output(&mut self) -> Vec<u8> {
        self.peer.output()
    }

    fn drops_transport(&self) -> bool {
        self.peer.drops_transport()
    }

    fn poll_timeout(&self) -> Option<Duration> {
        self.peer.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Duration) {
        self.peer.handle_timeout(now);
    }
}
