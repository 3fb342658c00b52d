//! Numbers that can be counted rather than timed: allocations, and instructions where valgrind is.

use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::io;
use std::process::Command;

/// Cases whose instructions are counted: those that are small enough for each to matter.
pub(crate) const COUNTED: [&str; 6] = [
    "server/receive/ascii/16/whole",
    "server/receive/mixed/1024/whole",
    "server/send/binary/16/whole",
    "server/send/binary/16/batch",
    "client/send/binary/16/whole",
    "server/echo/ascii/16/whole",
];

/// Counts by case and engine.
pub(crate) struct Counts {
    /// Allocations a message.
    pub(crate) allocations: HashMap<(String, String), f64>,
    /// Bytes that compression holds, by what they are for.
    pub(crate) memory: Vec<(String, u64)>,
    /// Instructions a run; empty without valgrind.
    pub(crate) instructions: HashMap<(String, String), u64>,
    /// The cost of a client's sending beside peers whose keys can be predicted, as `compare` prints
    /// it.
    pub(crate) weak_keys: String,
}

impl Counts {
    /// Runs the programs that count.
    pub(crate) fn take(names: &[&str]) -> io::Result<Self> {
        let counted = counted()?;
        Ok(Self {
            allocations: allocations(&counted),
            memory: memory(&counted),
            instructions: instructions(names),
            weak_keys: weak_keys()?,
        })
    }
}

/// The lines of the program `allocations`.
fn counted() -> io::Result<Vec<[String; 3]>> {
    let output = cargo("peers", &["run", "--bin", "allocations"]).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().map(|line| {
        let mut fields = line.split('\t').map(str::to_owned);
        Some([fields.next()?, fields.next()?, fields.next()?])
    });
    Ok(lines.flatten().collect())
}

fn allocations(counted: &[[String; 3]]) -> HashMap<(String, String), f64> {
    let counts = counted.iter().filter_map(|[case, engine, count]| {
        Some(((case.clone(), engine.clone()), count.parse().ok()?))
    });
    counts.collect()
}

fn memory(counted: &[[String; 3]]) -> Vec<(String, u64)> {
    let lines = counted.iter().filter(|[word, ..]| word == "memory");
    lines.filter_map(|[_, name, bytes]| Some((name.clone(), bytes.parse().ok()?))).collect()
}

fn instructions(names: &[&str]) -> HashMap<(String, String), u64> {
    let built = cargo("peers", &["build", "--bin", "compare"]).status();
    if !built.is_ok_and(|status| status.success()) {
        return HashMap::new();
    }
    let cases = COUNTED.iter().flat_map(|case| names.iter().map(move |name| (*case, *name)));
    let counts = cases.filter_map(|(case, name)| {
        // The difference of two lengths is without what begins and ends the program.
        let [short, long] = [1_000, 11_000].map(|times| count(case, name, times));
        Some(((case.to_owned(), name.to_owned()), (long? - short?) / 10_000))
    });
    counts.collect()
}

/// The instructions of the program that runs the case so many times.
fn count(case: &str, name: &str, times: u64) -> Option<u64> {
    let program = env::current_exe().ok()?.with_file_name("compare");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--once", case, name, &times.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    text.split("Collected : ").nth(1)?.split_whitespace().next()?.parse().ok()
}

fn weak_keys() -> io::Result<String> {
    // In a directory of its own, so as not to take the place of the programs built with `peers`.
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/any-keys");
    let args = ["run", "--bin", "compare", "--target-dir", directory];
    let output = cargo("peers-any-keys", &args).args(["--", "client/send"]).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Cargo on this package, in release.
pub(crate) fn cargo(features: &str, args: &[&str]) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.args(args).args(["--release", "-p", "bluewire-benches", "--features", features]);
    command
}
