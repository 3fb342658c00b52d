//! The document around the figures.

use std::fmt::Write;

use bluewire_benches::{Action, Case, Kind, Shape};
use bluewire_core::Role;

use crate::counts::COUNTED;
use crate::{Results, Row, machine};

/// Above this ratio another library counts as faster: the rest is the machine.
const FASTER: f64 = 1.05;

const HEAD: &str = "\
# Results

The engine beside other libraries, over bytes in memory: no sockets, no threads, no clock, so that
the protocol is all that is timed; then the adapters, over sockets. This file is written by the
command below; change the benches, not the file.

```text
cargo run --release -p bluewire-benches --features peers --bin report
```
";

const METHOD: &str = "\
## How it is measured

- Every library does the same case over the same bytes. Received bytes are copied into the
  library's own memory, as a read does. Libraries that do I/O themselves read from and write to a
  stream in memory, and their futures are polled without a runtime; none of them ever waits.
- Messages reach the user: each one passes through an optimisation barrier, text as text.
- Checks are on: masking by role, UTF-8, limits. Where validation is an option (yawc), it is on;
  where it is the user's task (soketto), the standard library does it.
- The payload to send stays the caller's. Where a library masks in the caller's memory (wtx,
  fastwebsockets), the payload is copied before, into memory that is used again. Each library sends
  the fastest way that it has; Bluewire's server copies below 512 bytes and lends from there up.
  The transport takes the slices that it is shown and looks at no byte.
- Libraries take turns in samples of about a millisecond, anew in six layouts of memory, and the
  fastest sample counts. The ratio is Bluewire's time by that of the fastest other library.
- *whole*: one frame in one read. *fragments*: 64 frames in one read. *segments*: one frame in
  reads of 1460 bytes. *batch*: 32 messages in one read or one write; the time is for all 32.
- *stream*: messages one after the other in reads of at most 64 KiB that do not end where frames do,
  as from a socket; the time is for 17 messages of 16 KiB, or one of 1 MiB. *fragmentstream*: the
  same with a message of 64 frames.
- *mixed* is text in characters of one to four bytes; *ascii* and *binary* are what they say.
";

/// The whole of it.
pub(crate) fn write(results: &Results) -> String {
    let mut text = String::from(HEAD);
    machine(&mut text, results);
    text.push_str(
        "\n![Time by that of the fastest other library](charts/ratio.svg)\n\n\
         ![16 bytes of text echoed](charts/echo-16.svg)\n\n\
         ![1 MiB received](charts/receive-1m.svg)\n",
    );
    summary(&mut text, results);
    for (title, belongs) in SECTIONS {
        section(&mut text, results, title, belongs);
    }
    faster(&mut text, results);
    weak_keys(&mut text, results);
    allocations(&mut text, results);
    memory(&mut text, results);
    instructions(&mut text, results);
    text.push('\n');
    text.push_str(METHOD);
    text
}

/// Whether a case stands in a section.
type Belongs = fn(&Case) -> bool;

const SECTIONS: [(&str, Belongs); 8] = [
    ("A server receives", |case| {
        case.role == Role::Server
            && case.action == Action::Receive
            && case.shape != Shape::Compressed
    }),
    ("A client receives", |case| case.role == Role::Client && case.action == Action::Receive),
    ("A server sends", |case| {
        case.role == Role::Server && case.action == Action::Send && case.shape != Shape::Compressed
    }),
    ("A client sends", |case| case.role == Role::Client && case.action == Action::Send),
    ("A server echoes", |case| case.role == Role::Server && case.action == Action::Echo),
    ("A client echoes", |case| case.role == Role::Client && case.action == Action::Echo),
    ("A server compresses and decompresses, 32 messages a run", |case| {
        case.shape == Shape::Compressed
    }),
    ("A server accepts an opening handshake", |case| case.action == Action::Accept),
];

// Writing to a string cannot fail; what `write!` returns is dropped everywhere below.

fn machine(text: &mut String, results: &Results) {
    let _ = write!(
        text,
        "\n| | |\n|---|---|\n| Date | {} |\n| Commit | {} |\n| Machine | {} |\n\
         | Compiler | {}, profile `release` of this workspace |\n\
         | One copy of 1 MiB | {:.1} µs |\n",
        machine::date(),
        machine::commit(),
        machine::processor(),
        machine::compiler(),
        results.memcpy / 1e3,
    );
    let versions =
        results.names[1..].iter().map(|name| format!("{name} {}", machine::version(name)));
    let _ = writeln!(text, "| Beside | {} |", versions.collect::<Vec<_>>().join(", "));
}

fn summary(text: &mut String, results: &Results) {
    let ratios = results.rows.iter().map(Row::ratio);
    let faster = ratios.clone().filter(|ratio| *ratio < 1.0 / FASTER).count();
    let alike = ratios.clone().filter(|ratio| (1.0 / FASTER..=FASTER).contains(ratio)).count();
    let slower = ratios.filter(|ratio| *ratio > FASTER).count();
    let find = |name: &str| {
        let row = results.rows.iter().find(|row| row.case.to_string() == name);
        row.and_then(|row| row.nanos[0]).unwrap_or(f64::NAN)
    };
    text.push_str("\n## In short\n\n");
    fill(
        text,
        "",
        &format!(
            "Against the fastest other library in each case, Bluewire is faster in {faster} cases, \
             as fast within 5 % in {alike}, and slower in {slower}, which are named below with the \
             reason."
        ),
    );
    text.push('\n');
    let echo = find("server/echo/ascii/16/whole");
    let copies = find("server/receive/binary/1048576/whole") / results.memcpy;
    let items = [
        format!("A 16-byte text is received, unmasked, validated and echoed in {echo:.1} ns."),
        format!(
            "1 MiB is received and unmasked in {copies:.2} times what one copy of it takes, the \
             copy from the wire included."
        ),
    ];
    items.iter().for_each(|item| fill(text, "- ", item));
}

fn section(text: &mut String, results: &Results, title: &str, belongs: Belongs) {
    let _ = write!(text, "\n## {title}\n\n| payload | bytes | wire |");
    for name in &results.names {
        let _ = write!(text, " {name} |");
    }
    text.push_str(" ratio |\n|---|--:|---|");
    text.push_str(&"--:|".repeat(results.names.len() + 1));
    text.push('\n');
    for row in results.rows.iter().filter(|row| belongs(&row.case)) {
        let Case { kind, len, shape, .. } = row.case;
        let words = format!("| {kind:?} | {len} | {shape:?} |").to_lowercase();
        text.push_str(&words);
        let best = row.best_peer();
        for (place, nanos) in row.nanos.iter().enumerate() {
            let nanos = nanos.map_or_else(String::new, time);
            let mark = if Some(place) == best { "*" } else { "" };
            let _ = write!(text, " {mark}{nanos}{mark} |");
        }
        let _ = writeln!(text, " **{:.2}** |", row.ratio());
    }
}

/// Writes a paragraph, or an item of a list, in lines of at most 100 columns.
fn fill(text: &mut String, mark: &str, paragraph: &str) {
    let mut column = mark.len();
    text.push_str(mark);
    for (place, word) in paragraph.split(' ').enumerate() {
        if place > 0 && column + 1 + word.len() > 100 {
            text.push('\n');
            text.push_str(&" ".repeat(mark.len()));
            column = mark.len();
        } else if place > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += word.len();
    }
    text.push('\n');
}

/// Three digits and a unit.
pub(crate) fn time(nanos: f64) -> String {
    match nanos {
        ..100.0 => format!("{nanos:.1} ns"),
        ..10_000.0 => format!("{nanos:.0} ns"),
        ..100_000.0 => format!("{:.1} µs", nanos / 1e3),
        _ => format!("{:.0} µs", nanos / 1e3),
    }
}

fn faster(text: &mut String, results: &Results) {
    text.push_str("\n## Where another library is faster, and why\n\n");
    for row in results.rows.iter().filter(|row| row.ratio() > FASTER) {
        let best = row.best_peer().map_or("?", |best| results.names[best]);
        let why = reason(&row.case);
        fill(text, "- ", &format!("`{}`: {best}, {:.2}. {why}", row.case, row.ratio()));
    }
}

fn reason(case: &Case) -> &'static str {
    let Case { action, role, kind, shape, .. } = case;
    match (action, role, kind, shape) {
        (Action::Send, ..) => {
            "The order of a nanosecond: Bluewire checks its limit, and keeps what a write leaves."
        }
        (Action::Receive, _, Kind::Binary, Shape::Fragments | Shape::FragmentStream) => {
            "Fragments are assembled where they were received, which moves each once; soketto \
             reads each into its place, by twelve times as many reads (below)."
        }
        (Action::Receive, _, _, Shape::Segments) => {
            "Each segment is unmasked and looked at when it comes; the others read on until the frame \
             is complete."
        }
        (Action::Accept, ..) => {
            "The head is judged strictly, field by field, and kept for the program; once a \
             connection. The digest of the accept value is a tenth of it."
        }
        _ => "Within what the machine's memory does from run to run.",
    }
}

fn weak_keys(text: &mut String, results: &Results) {
    text.push_str("\n## Masking keys that can be predicted\n\n");
    fill(
        text,
        "",
        "RFC 6455 5.3: \"The masking key needs to be unpredictable\". Above, every library draws its \
         keys so: Bluewire from ChaCha12, the others from it through rand, wtx from ChaCha20. \
         sockudo-ws, tokio-websockets and wtx can do with a generator that is not for cryptography, \
         which is faster (feature `peers-any-keys`):",
    );
    let _ = write!(text, "\n```text\n{}```\n", results.counts.weak_keys);
}

fn allocations(text: &mut String, results: &Results) {
    text.push_str(
        "\n## Allocations a message\n\n\
         In steady state, where any of the libraries allocates.\n\n| case |",
    );
    table_head(text, results);
    for row in &results.rows {
        let case = row.case.to_string();
        let count = |name: &&str| {
            results.counts.allocations.get(&(case.clone(), (*name).to_owned())).copied()
        };
        let counts: Vec<_> = results.names.iter().map(count).collect();
        if counts.iter().flatten().all(|count| *count == 0.0) {
            continue;
        }
        let _ = write!(text, "| `{case}` |");
        for count in counts {
            let count = count.map_or_else(String::new, short);
            let _ = write!(text, " {count} |");
        }
        text.push('\n');
    }
}

fn memory(text: &mut String, results: &Results) {
    text.push_str("\n## Memory for compression\n\n");
    fill(
        text,
        "",
        "Heap memory of a connection between messages, beside its buffers, once it has had \
         a compressed message each way; by the default settings.",
    );
    text.push_str("\n| | bytes |\n|---|---:|\n");
    for (name, bytes) in &results.counts.memory {
        let _ = writeln!(text, "| {name} | {bytes} |");
    }
}

/// A count without digits that say nothing.
fn short(count: f64) -> String {
    if count.fract() == 0.0 { format!("{count:.0}") } else { format!("{count:.2}") }
}

fn instructions(text: &mut String, results: &Results) {
    let instructions = &results.counts.instructions;
    if instructions.is_empty() {
        return;
    }
    text.push_str(
        "\n## Instructions a run\n\n\
         Counted by callgrind, which is the same from run to run; its processor has AVX2 at \
         most.\n\n| case |",
    );
    table_head(text, results);
    for case in COUNTED {
        let _ = write!(text, "| `{case}` |");
        for name in &results.names {
            let count = instructions.get(&(case.to_owned(), (*name).to_owned()));
            let count = count.map_or_else(String::new, u64::to_string);
            let _ = write!(text, " {count} |");
        }
        text.push('\n');
    }
}

fn table_head(text: &mut String, results: &Results) {
    for name in &results.names {
        let _ = write!(text, " {name} |");
    }
    let _ = writeln!(text, "\n|---|{}", "--:|".repeat(results.names.len()));
}
