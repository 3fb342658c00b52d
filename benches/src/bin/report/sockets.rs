//! The section about echo over sockets.

use std::fmt::Write;
use std::io;
use std::time::Duration;

use bluewire_benches::sockets::{self, BROADCASTERS, Load, SERVERS, Taken};

use crate::chart::{self, Bar};
use crate::document::time;
use crate::machine;

/// By which the section is found again.
pub(crate) const TITLE: &str = "## Echo over sockets";

const ROUNDS: usize = 5;
/// The length of the message that goes to all, and their number.
const BROADCAST_LEN: usize = 512;
/// As many as the usual limit of open files allows, with all servers at once.
const GUESTS: usize = 2_500;
const ROUND: Duration = Duration::from_millis(800);

/// The places of Bluewire's servers among [`SERVERS`], each with that of the peer that works as
/// it does.
const OURS: [(usize, usize); 2] = [(0, 2), (1, 3)];

const HEAD: &str = "
Bluewire's two adapters beside other libraries over the loopback interface. This section can be
measured alone (it takes 16,000 file descriptors, `ulimit -n`):

```text
cargo run --release -p bluewire-benches --features peers --bin report -- sockets
```

";

const METHOD: &str = "\
- Servers are processes of their own, Bluewire's the example `echo_server`, the others
  `peer_server`. Each waits for a message, sends it back, and waits for the next, and is otherwise
  written as its library recommends, with `TCP_NODELAY` and without logging. The blocking ones have
  a thread for each connection, the others one thread. Those that end in `-forward` join the two
  halves of a connection by `forward`, as the examples of their libraries do, which differs with
  more than one message in flight.
- All read into 16 KiB, as Bluewire does, except fastwebsockets, which has no such option, and
  tungstenite and its kin for larger messages, which then have their own 128 KiB.
- One thread is the client of all. Its masked frames are made before, differ from each other, and
  the echoes are compared with them byte by byte. Messages are text. One write answers all that one
  read brought: so many echoes, so many messages.
- Processor time is the server's own, user and system, as the kernel accounts it for its threads
  (`schedstat`). Servers take turns, five rounds of 0.8 seconds each; the least counts, and the median
  stands beside it in parentheses. Ratios are of the least. Client, server and whoever else is on
  the machine share its processors, so ratios hold and absolute figures drift.
- System calls are counted by `perf` (`raw_syscalls:sys_enter`) in a run of their own.
";

/// The measurements under one load, by server.
struct Row {
    load: Load,
    taken: Vec<Option<Taken>>,
}

impl Row {
    fn least(&self, place: usize) -> Option<f64> {
        self.taken[place].as_ref().map(Taken::least)
    }

    fn best_peer(&self) -> Option<usize> {
        let peers = OURS.len()..self.taken.len();
        let timed = peers.filter_map(|peer| self.least(peer).map(|nanos| (peer, nanos)));
        timed.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(peer, _)| peer)
    }

    /// A server's time by another's.
    fn ratio(&self, ours: usize, theirs: Option<usize>) -> f64 {
        let theirs = theirs.and_then(|place| self.least(place));
        self.least(ours).unwrap_or(f64::NAN) / theirs.unwrap_or(f64::NAN)
    }
}

/// Measures, and returns the section and its charts, by file name.
pub(crate) fn take() -> io::Result<(String, Vec<(&'static str, String)>)> {
    // First, since it can fail: it takes the most file descriptors.
    let broadcast = sockets::broadcast(&BROADCASTERS, GUESTS, BROADCAST_LEN, ROUNDS, ROUND)?;
    let mut rows = Vec::new();
    for load in Load::ALL {
        let row = Row { load, taken: sockets::compare(load, ROUNDS, ROUND)? };
        for (ours, _) in OURS {
            let ratio = row.ratio(ours, row.best_peer());
            eprintln!("{load:<40} {:<20} {ratio:.2}", SERVERS[ours].name);
        }
        rows.push(row);
    }
    Ok((
        section(&rows, &broadcast),
        vec![("sockets-ratio.svg", ratios(&rows)), ("sockets-64.svg", naive(&rows))],
    ))
}

// Writing to a string cannot fail; what `write!` returns is dropped everywhere below.

fn section(rows: &[Row], broadcast: &[Option<Taken>]) -> String {
    let mut text = format!("{TITLE}\n{HEAD}");
    let names = ["async-tungstenite", "fastwebsockets", "tokio-tungstenite", "tungstenite"];
    let versions = names.map(|name| format!("{name} {}", machine::version(name)));
    let _ = write!(
        text,
        "| | |\n|---|---|\n| Date | {} |\n| Commit | {} |\n| Machine | {}, Linux {} |\n\
         | Compiler | {}, profile `release` of this workspace |\n| Beside | {} |\n",
        machine::date(),
        machine::commit(),
        machine::processor(),
        machine::kernel(),
        machine::compiler(),
        versions.join(", "),
    );
    text.push_str(
        "\n![Processor time by that of the best other library](charts/sockets-ratio.svg)\n\n\
         ![64 messages in flight](charts/sockets-64.svg)\n",
    );
    times(&mut text, rows);
    calls(&mut text, rows);
    guests(&mut text, broadcast);
    text.push_str("\n### How it is measured\n\n");
    text.push_str(METHOD);
    text
}

fn times(text: &mut String, rows: &[Row]) {
    text.push_str("\n### Processor time for a message\n\n| connections | bytes | in flight |");
    let names = SERVERS.iter().map(|kind| kind.name.to_owned());
    let ratios = OURS.map(|(ours, _)| format!("{} by the best", SERVERS[ours].name));
    let pairs =
        OURS.map(|(ours, peer)| format!("{} by {}", SERVERS[ours].name, SERVERS[peer].name));
    head(text, names.chain(ratios).chain(pairs));
    for row in rows {
        label(text, row.load);
        let best = row.best_peer();
        for (place, taken) in row.taken.iter().enumerate() {
            let mark = if Some(place) == best { "*" } else { "" };
            let cell = taken.as_ref().map_or_else(String::new, |taken| {
                format!("{mark}{}{mark} ({})", time(taken.least()), time(taken.median()))
            });
            let _ = write!(text, " {cell} |");
        }
        for (ours, _) in OURS {
            let _ = write!(text, " **{:.2}** |", row.ratio(ours, best));
        }
        for (ours, peer) in OURS {
            let _ = write!(text, " {:.2} |", row.ratio(ours, Some(peer)));
        }
        text.push('\n');
    }
}

fn calls(text: &mut String, rows: &[Row]) {
    text.push_str("\n### System calls for a message\n\n");
    let counted = |row: &Row| row.taken.iter().flatten().any(|taken| taken.calls.is_some());
    if !rows.iter().any(counted) {
        text.push_str("Not counted, since `perf` could not be used here.\n\n");
    }
    text.push_str("| connections | bytes | in flight |");
    head(text, SERVERS.iter().map(|kind| kind.name.to_owned()));
    for row in rows {
        label(text, row.load);
        for taken in &row.taken {
            let calls = taken.as_ref().and_then(|taken| taken.calls);
            let _ = write!(text, " {} |", calls.map_or_else(String::new, |n| format!("{n:.2}")));
        }
        text.push('\n');
    }
}

fn guests(text: &mut String, taken: &[Option<Taken>]) {
    let _ = write!(
        text,
        "\n### Broadcast\n\n\
         One message of {BROADCAST_LEN} bytes to {GUESTS} connections, again when all have it: by \
         each connection.\nBluewire's servers use a group, tokio-tungstenite's a channel for each \
         connection, as its\nexample of a chat does, and Bun's the publish of uWebSockets.\n\n\
         | server | processor time | system calls |\n|---|--:|--:|\n",
    );
    for (name, taken) in BROADCASTERS.iter().zip(taken) {
        let Some(taken) = taken else { continue };
        let name = match *name {
            "tokio-tungstenite" | "bun" => (*name).to_owned(),
            name => format!("bluewire {name}"),
        };
        let calls = taken.calls.map_or_else(String::new, |calls| format!("{calls:.2}"));
        let (least, median) = (time(taken.least()), time(taken.median()));
        let _ = writeln!(text, "| {name} | {least} ({median}) | {calls} |");
    }
}

fn head(text: &mut String, names: impl Iterator<Item = String>) {
    let mut columns = 3;
    for name in names {
        let _ = write!(text, " {name} |");
        columns += 1;
    }
    let _ = writeln!(text, "\n|{}", "--:|".repeat(columns));
}

fn label(text: &mut String, load: Load) {
    let _ = write!(text, "| {} | {} | {} |", load.connections, load.len, load.in_flight);
}

/// Both adapters' time by the best peer's, under every load.
fn ratios(rows: &[Row]) -> String {
    let bars = rows.iter().flat_map(|row| {
        OURS.map(|(ours, _)| {
            let ratio = row.ratio(ours, row.best_peer());
            Bar {
                label: format!("{}: {}", SERVERS[ours].name, row.load),
                value: ratio,
                text: format!("{ratio:.2}"),
                ours: ratio <= 1.0,
            }
        })
    });
    let title =
        "Processor time of an echo, by that of the best other library (the line is 1: alike)";
    chart::draw(title, &bars.collect::<Vec<_>>(), 2.0, Some(1.0))
}

/// What every server took with most messages in flight.
fn naive(rows: &[Row]) -> String {
    let Some(row) = rows.iter().max_by_key(|row| row.load.in_flight) else {
        return String::new();
    };
    let timed = SERVERS.iter().enumerate().filter_map(|(place, kind)| {
        row.least(place).map(|nanos| Bar {
            label: kind.name.to_owned(),
            value: nanos,
            text: time(nanos),
            ours: OURS.iter().any(|(ours, _)| *ours == place),
        })
    });
    chart::shortest_first(
        &format!("{}: processor time of an echo, less is better", row.load),
        timed,
    )
}
