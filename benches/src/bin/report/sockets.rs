//! The section about echo over sockets.

use std::fmt::Write;
use std::io;
use std::time::Duration;

use bluewire_benches::sockets::{
    self, BARE, BROADCASTERS, BUN, Effort, SERVERS, Taken, WORKLOADS, Workload,
};

use crate::chart::{self, Bar};
use crate::document::time;
use crate::machine;

/// By which the section is found again.
pub(crate) const TITLE: &str = "## Echo over sockets";

/// The length of the message that goes to all, and their number.
const BROADCAST_LEN: usize = 512;
/// As many as the usual limit of open files allows, with all servers at once.
const GUESTS: usize = 2_500;

/// How long and how often.
pub(crate) const EFFORT: Effort = Effort { rounds: 5, time: Duration::from_millis(600) };

const HEAD: &str = "
Bluewire's three adapters beside other libraries over the loopback interface. This section can be
measured alone, and each of its tables too (with 20,000 file descriptors, `ulimit -n`):

```text
cargo run --release -p bluewire-benches --features peers --bin report -- sockets
cargo build --release -p bluewire-benches --features peers --bins
target/release/sockets --seconds 0.6 WORKLOAD
```

";

/// The reasons for what is slower or larger than it might be.
const LIMITS: &str = include_str!("../../../limits.md");

const METHOD: &str = "\
- Servers are processes of their own. Each waits for a message, sends it back, and waits for the next,
  and is otherwise written as its library recommends, with `TCP_NODELAY` and without logging. The
  blocking ones have a thread for each connection, the others one thread.
- `bare` is a loop without a library, which unmasks and echoes frames and judges nothing: what the
  system takes for itself. `uwebsockets` is the C++ library in Bun, with pings off.
- A name alone is the library as it documents itself. `-tuned` has other buffers: 16 KiB to read in
  tungstenite and its kin, whose own are 128 KiB, and 128 KiB to read and 64 KiB to write in yawc, as in
  its benchmark. `-batched` answers messages that are there together by one write, where the library
  can: by `forward`, as the examples of tungstenite's kin do, or by `feed` and one `flush` for up to 32
  messages, as yawc recommends. Bluewire's servers send each message by itself.
- One thread is the client of all. Its masked frames are made before, differ from each other, and
  the echoes are compared with them byte by byte. Messages are text. One write answers
  everything that one read brought: so many echoes, so many messages.
- Processor time is the server's own, as the kernel accounts it for its threads (`schedstat`). Servers
  take turns in rounds; the least counts, and the median stands beside it in parentheses. The part in
  user mode is sampled by the kernel, over all rounds. Ratios are of the least, by that of the best
  other library, which is marked. Client, server and whoever else is on the machine share its
  processors, so ratios hold and absolute figures drift.
- Latency is from the client's write to the read that brought the echo, over all rounds. With many
  messages on their way it is mostly the time of the others.
- System calls are counted by `perf` (`raw_syscalls:sys_enter`) in a run of their own.
- `client` is the part of the time during which the client was on a processor. Where it is near 1, it may
  have held the server up; processor time for a message is the server's even so.
- With many connections, servers run one after the other, and each is started anew in each round.
  Bytes for each connection are resident memory of the server, whose clients have each had one message
  echoed and now wait. Memory in the kernel does not count.
";

/// The measurements under one load, by server.
struct Section {
    workload: Workload,
    taken: Vec<Option<Taken>>,
}

impl Section {
    /// The measure: time for a message, or bytes for a connection that waits.
    fn value(&self, place: usize) -> Option<f64> {
        let taken = self.taken[place].as_ref()?;
        if self.workload.load.active == 0 { taken.idle } else { Some(taken.least()) }
    }

    fn best_peer(&self) -> Option<usize> {
        let peers = (0..self.taken.len()).filter(|place| SERVERS[*place].is_peer());
        let known = peers.filter_map(|peer| self.value(peer).map(|value| (peer, value)));
        known.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(peer, _)| peer)
    }

    /// A server's value by that of the best peer.
    fn ratio(&self, place: usize) -> f64 {
        let best = self.best_peer().and_then(|peer| self.value(peer));
        self.value(place).unwrap_or(f64::NAN) / best.unwrap_or(f64::NAN)
    }
}

/// Measures, and returns the section and its charts, by file name.
pub(crate) fn take() -> io::Result<(String, Vec<(&'static str, String)>)> {
    // First, since it can fail: it takes the most file descriptors.
    let broadcast = sockets::broadcast(&BROADCASTERS, GUESTS, BROADCAST_LEN, EFFORT)?;
    let mut sections = Vec::new();
    for workload in WORKLOADS {
        // Starting them anew with thousands of connections takes most of the time.
        let rounds = if workload.load.is_crowd() { 2 } else { EFFORT.rounds };
        let effort = Effort { rounds, ..EFFORT };
        let taken = sockets::compare(&SERVERS, workload.load, effort)?;
        let section = Section { workload, taken };
        for (place, kind) in SERVERS.iter().enumerate().filter(|(_, kind)| kind.is_ours()) {
            eprintln!("{:<14} {:<20} {:.2}", workload.name, kind.name, section.ratio(place));
        }
        sections.push(section);
    }
    let charts =
        vec![("sockets-ratio.svg", ratios(&sections)), ("sockets-64.svg", naive(&sections))];
    Ok((section(&sections, &broadcast), charts))
}

// Writing to a string cannot fail; what `write!` returns is dropped everywhere below.

fn section(sections: &[Section], broadcast: &[Option<Taken>]) -> String {
    let mut text = format!("{TITLE}\n{HEAD}");
    let names = [
        "async-tungstenite",
        "fastwebsockets",
        "sockudo-ws",
        "tokio-tungstenite",
        "tokio-websockets",
        "tungstenite",
        "yawc",
    ];
    let versions = names.map(|name| format!("{name} {}", machine::version(name)));
    let _ = write!(
        text,
        "| | |\n|---|---|\n| Date | {} |\n| Commit | {} |\n| Machine | {}, Linux {} |\n\
         | Compiler | {}, profile `release` of this workspace |\n| Beside | {}, {} |\n",
        machine::date(),
        machine::commit(),
        machine::processor(),
        machine::kernel(),
        machine::compiler(),
        versions.join(", "),
        machine::bun(),
    );
    text.push_str(
        "\n![Processor time by that of the best other library](charts/sockets-ratio.svg)\n\n\
         ![64 messages in flight](charts/sockets-64.svg)\n",
    );
    for section in sections {
        let Workload { name, load } = section.workload;
        let _ = write!(text, "\n### {load}\n\n`sockets {name}`\n\n");
        if load.active > 0 {
            times(&mut text, section);
        } else {
            bytes(&mut text, section);
        }
    }
    guests(&mut text, broadcast);
    text.push_str("\n### How it is measured\n\n");
    text.push_str(METHOD);
    text.push_str("\n### What limits it\n\n");
    text.push_str(LIMITS);
    text
}

fn times(text: &mut String, section: &Section) {
    let crowd = section.workload.load.is_crowd();
    text.push_str(
        "| server | time a message | user | system | ratio | calls | p50 | p99 | p99.9 | a second \
         | client |",
    );
    text.push_str(if crowd { " B a connection |\n" } else { "\n" });
    text.push_str("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    text.push_str(if crowd { "--:|\n" } else { "\n" });
    let best = section.best_peer();
    for (place, taken) in section.taken.iter().enumerate() {
        let Some(taken) = taken else { continue };
        let mark = if Some(place) == best { "*" } else { "" };
        let (least, user) = (taken.least(), taken.least() * taken.user);
        let calls = taken.calls.map_or_else(String::new, |calls| format!("{calls:.2}"));
        let [p50, p99, p999] =
            [0.5, 0.99, 0.999].map(|part| time(taken.latency.at(part).as_secs_f64() * 1e9));
        let _ = write!(
            text,
            "| {} | {mark}{}{mark} ({}) | {} | {} | {} | {calls} | {p50} | {p99} | {p999} | {:.0} \
             | {:.2} |",
            SERVERS[place].name,
            time(least),
            time(taken.median()),
            time(user),
            time(least - user),
            ratio(section, place),
            taken.rate,
            taken.client,
        );
        match taken.idle.filter(|_| crowd) {
            Some(idle) => drop(writeln!(text, " {idle:.0} |")),
            None => text.push('\n'),
        }
    }
}

fn ratio(section: &Section, place: usize) -> String {
    let ratio = section.ratio(place);
    if SERVERS[place].is_ours() { format!("**{ratio:.2}**") } else { format!("{ratio:.2}") }
}

fn bytes(text: &mut String, section: &Section) {
    text.push_str("| server | B a connection | ratio |\n|---|--:|--:|\n");
    for (place, kind) in SERVERS.iter().enumerate() {
        let Some(bytes) = section.value(place) else { continue };
        let _ = writeln!(text, "| {} | {bytes:.0} | {} |", kind.name, ratio(section, place));
    }
}

fn guests(text: &mut String, taken: &[Option<Taken>]) {
    let _ = write!(
        text,
        "\n### Broadcast\n\n\
         `sockets broadcast`\n\n\
         One message of {BROADCAST_LEN} bytes to {GUESTS} connections, again when all have it: by \
         each connection.\nBluewire's servers use a group, tokio-tungstenite's a channel for each \
         connection, as its\nexample of a chat does, and Bun's the publish of uWebSockets.\n\n\
         | server | time a recipient | user | calls | p50 | p99 |\n|---|--:|--:|--:|--:|--:|\n",
    );
    for (name, taken) in BROADCASTERS.iter().zip(taken) {
        let Some(taken) = taken else { continue };
        let name = match *name {
            "bun" => BUN.to_owned(),
            "tokio-tungstenite" => (*name).to_owned(),
            name => format!("bluewire {name}"),
        };
        let calls = taken.calls.map_or_else(String::new, |calls| format!("{calls:.2}"));
        let (least, median) = (time(taken.least()), time(taken.median()));
        let user = time(taken.least() * taken.user);
        let [p50, p99] = [0.5, 0.99].map(|part| time(taken.latency.at(part).as_secs_f64() * 1e9));
        let _ =
            writeln!(text, "| {name} | {least} ({median}) | {user} | {calls} | {p50} | {p99} |");
    }
}

/// All adapters' time by the best peer's, under every load.
fn ratios(sections: &[Section]) -> String {
    let timed = sections.iter().filter(|section| section.workload.load.active > 0);
    let bars = timed.flat_map(|section| {
        let ours = SERVERS.iter().enumerate().filter(|(_, kind)| kind.is_ours());
        ours.map(|(place, kind)| {
            let ratio = section.ratio(place);
            Bar {
                label: format!("{}: {}", kind.name.replace('-', " "), section.workload.load),
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

/// The cost of every server with most messages in flight.
fn naive(sections: &[Section]) -> String {
    let Some(section) = sections.iter().max_by_key(|section| section.workload.load.in_flight)
    else {
        return String::new();
    };
    let libraries = SERVERS.iter().enumerate().filter(|(_, kind)| kind.name != BARE);
    let timed = libraries.filter_map(|(place, kind)| {
        section.value(place).map(|nanos| Bar {
            label: kind.name.to_owned(),
            value: nanos,
            text: time(nanos),
            ours: kind.is_ours(),
        })
    });
    let title = format!("{}: processor time of an echo, less is better", section.workload.load);
    chart::shortest_first(&title, timed)
}
