//! The result of a run, as Markdown and as lines for a person who watches.

use std::env;
use std::fmt::Write;
use std::process::Command;

use crate::args::Args;
use crate::course::Course;
use crate::memory::{Samples, growth};

/// A line for whoever waits.
pub(crate) fn progress(course: &Course, samples: &Samples) {
    let tally = &course.tally;
    let faults: u64 = tally.faults().iter().map(|(_, count)| count).sum();
    let (resident, allocated) =
        samples.latest().map_or((0, 0), |usage| (usage.resident, usage.allocated));
    eprintln!(
        "{:5} s: {} messages, {} connections, {faults} faults, {resident} KiB \
         resident, {allocated} allocated",
        course.began.elapsed().as_secs(),
        tally.messages.read(),
        tally.opened.read(),
    );
}

/// The commit that is checked out, which is asked before the run.
pub(crate) fn commit() -> String {
    ask("git", &["rev-parse", "--short=12", "HEAD"])
}

/// The report; writing to a string cannot fail.
pub(crate) fn report(args: &Args, commit: &str, course: &Course, samples: &Samples) -> String {
    let tally = &course.tally;
    let faults = if args.faults { "" } else { " --faults off" };
    let mut text = format!(
        "```text\n{}cargo run --release -p bluewire-spec-tests --bin soak -- --seconds {}\
         {faults} --seed {}\n```\n\n| | |\n|---|--:|\n",
        exported(),
        args.time.as_secs(),
        args.seed,
    );
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "| {name} | {value} |");
    };
    row("Date", ask("date", &["-u", "+%F"]));
    row("Commit", commit.to_owned());
    row("Messages echoed, each byte compared", number(tally.messages.read()));
    row("Their bytes, each way", number(tally.bytes.read()));
    row("Connections opened", number(tally.opened.read()));
    row("Connections closed cleanly, reported once on each side", number(tally.closed.read()));
    if args.faults {
        for (fault, count) in tally.faults() {
            row(&format!("Faults survived: {fault}"), number(count));
        }
    }
    if let (Some(first), Some(last)) = (samples.first(), samples.last()) {
        let after = format!("after {} s", samples.warm_up().as_secs());
        for (what, first, last) in [
            ("Resident memory", first.resident, last.resident),
            ("Allocated memory", first.allocated, last.allocated),
        ] {
            let change = format!("{:+.1} %", growth(first, last) * 100.0);
            row(&format!("{what} {after}"), format!("{} KiB", number(first)));
            row(&format!("{what} at the end"), format!("{} KiB ({change})", number(last)));
        }
        row(&format!("File descriptors {after}, at the end"), both(first.files, last.files));
        row(&format!("Threads {after}, at the end"), both(first.threads, last.threads));
    }
    if let Some(load) = samples.load() {
        row("Load of the machine", format!("{load:.1}"));
    }
    row("Violations", tally.violations().len().to_string());
    text.push_str(
        "\nClients, servers and faulty peers are one process. Memory, file descriptors and threads \
         are medians\nof a fifth of the time",
    );
    text.push_str(if samples.are_judged() {
        ", and may grow by 5 %.\n"
    } else {
        "; the run is too short to judge them.\n"
    });
    text
}

/// The settings of the allocator, which decide how much memory is resident.
fn exported() -> String {
    let variables = env::vars().filter(|(name, _)| name.starts_with("MALLOC_"));
    let mut variables: Vec<_> = variables.map(|(name, value)| format!(" {name}={value}")).collect();
    variables.sort();
    if variables.is_empty() { String::new() } else { format!("export{}\n", variables.concat()) }
}

fn both(first: u64, last: u64) -> String {
    format!("{first}, {last}")
}

/// A number with its thousands apart.
fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The output of a command, without the line's end; a question mark if it cannot be run.
fn ask(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "?".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(number),
            ["0", "999", "1,000", "1,234,567"].map(str::to_owned)
        );
    }
}
