//! Where and on what it was measured.

use std::fs;
use std::process::Command;

/// The output of a command, without the line's end; a question mark if it cannot be run.
fn ask(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "?".to_owned())
}

/// The commit that was measured, and whether anything stood beside it.
pub(crate) fn commit() -> String {
    let commit = ask("git", &["rev-parse", "--short=12", "HEAD"]);
    let changed =
        ask("git", &["status", "--porcelain", "--", "core", "adapters", "benches/src"]) != "?";
    if changed { format!("{commit}, with changes") } else { commit }
}

pub(crate) fn date() -> String {
    ask("date", &["-u", "+%F"])
}

pub(crate) fn compiler() -> String {
    ask("rustc", &["--version"])
}

pub(crate) fn kernel() -> String {
    ask("uname", &["-r"])
}

/// The processor's name, how many there are, its caches and its widest vectors.
pub(crate) fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(": ")).map_or("?", |(_, value)| value).to_owned()
    };
    let count = text.lines().filter(|line| line.starts_with("processor")).count();
    let vectors = ["avx512bw", "avx2", "sse2", "asimd"];
    let flags = field("flags");
    let widest = vectors.iter().find(|name| flags.split(' ').any(|flag| flag == **name));
    format!(
        "{} (family {}, model {}), {count} processors, {}",
        field("model name"),
        field("cpu family"),
        field("model\t"),
        widest.unwrap_or(&"vectors unknown"),
    )
}

/// The newest version of a library in the lock file: an older one belongs to another library.
pub(crate) fn version(name: &str) -> String {
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap_or_default();
    let name = format!("name = \"{name}\"");
    let lines = lock.lines().zip(lock.lines().skip(1));
    let versions = lines.filter(|(line, _)| *line == name);
    let newest = versions.last().and_then(|(_, version)| version.split('"').nth(1));
    newest.unwrap_or("?").to_owned()
}

/// Bun's version, where it is installed.
pub(crate) fn bun() -> String {
    match bluewire_benches::sockets::bun_version() {
        Some(version) => format!("uWebSockets in Bun {version}"),
        None => "without uWebSockets".to_owned(),
    }
}
