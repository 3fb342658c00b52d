//! Echo servers beside each other over the loopback interface: Bluewire on its adapters, the other
//! libraries in Rust, and uWebSockets. See `--help`.
#![forbid(unsafe_code)]

mod serve;
mod table;

use std::env;
use std::error::Error;
use std::time::Duration;

use bluewire_benches::sockets::{
    BROADCASTERS, Effort, Load, SERVERS, ServerKind, WORKLOADS, Workload, broadcast, compare,
};

const HELP: &str = "\
Compares echo servers over the loopback interface, in rounds in which all take turns.

cargo build --release -p bluewire-benches --features peers --bins
target/release/sockets [WORKLOAD]... [OPTIONS]

Without a workload all are run; --list names them.

  --server PART   only servers whose name has this part; may be repeated
  --rounds N      rounds in which the servers take turns (5)
  --seconds S     how long a server is loaded in each round (0.8)
  --connections N as many connections, instead of the workload's
  --list          names the workloads and servers, and ends
  --help          prints this, and ends

Each row has the processor time of the server for a message: that of the best round, the median, and
its parts in user and system mode; the ratio of the best round to that of the best other library;
system calls (with perf); how long messages took; messages a second; and the part of the time during
which the client was on a processor. Every byte of every echo is compared.

It runs on Linux. Raise the limit of open files for the workloads with many connections: `ulimit -n`.
Bun takes part for uWebSockets if `tools/install-peers bun` has installed it, or the environment
variable BUN names it.";

/// Bytes of a message that is sent to all.
const BROADCAST_LEN: usize = 512;
/// As many as the usual limit of open files allows, with all servers at once.
const GUESTS: usize = 2_500;

struct Plan {
    workloads: Vec<Workload>,
    broadcast: bool,
    servers: Vec<String>,
    effort: Effort,
    connections: Option<usize>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1).peekable();
    if args.next_if(|arg| arg == "--serve").is_some() {
        let name = args.next().ok_or("--serve takes a server's name")?;
        return serve::run(&name, args);
    }
    let Some(plan) = parse(args)? else { return Ok(()) };
    let wanted = |kind: &ServerKind| {
        plan.servers.is_empty() || plan.servers.iter().any(|part| kind.name.contains(&**part))
    };
    let kinds: Vec<_> = SERVERS.into_iter().filter(wanted).collect();
    for Workload { name, load } in plan.workloads {
        let load = plan.connections.map_or(load, |connections| resized(load, connections));
        println!("{name}: {load}");
        let taken = compare(&kinds, load, plan.effort)?;
        let names: Vec<_> = kinds.iter().map(|kind| kind.name).collect();
        let is_peer: Vec<_> = kinds.iter().map(ServerKind::is_peer).collect();
        table::print(&names, &is_peer, &taken, load.active > 0);
    }
    if plan.broadcast {
        let guests = plan.connections.unwrap_or(GUESTS);
        println!("broadcast: {BROADCAST_LEN} B to {guests} connections, for each of them");
        let taken = broadcast(&BROADCASTERS, guests, BROADCAST_LEN, plan.effort)?;
        let is_peer = BROADCASTERS.map(|name| matches!(name, "bun" | "tokio-tungstenite"));
        table::print(&BROADCASTERS, &is_peer, &taken, true);
    }
    Ok(())
}

fn resized(load: Load, connections: usize) -> Load {
    let active = if load.is_crowd() { load.active.min(connections) } else { connections };
    Load { connections, active, ..load }
}

/// `None` if there is nothing to measure.
fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Plan>, Box<dyn Error>> {
    let (mut workloads, mut servers) = (Vec::new(), Vec::new());
    let (mut with_broadcast, mut connections) = (false, None);
    let mut effort = Effort { rounds: 5, time: Duration::from_millis(800) };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} takes a value"));
        match arg.as_str() {
            "--server" => servers.push(value()?),
            "--rounds" => effort.rounds = value()?.parse::<usize>()?.max(1),
            "--seconds" => effort.time = Duration::try_from_secs_f64(value()?.parse()?)?,
            "--connections" => connections = Some(value()?.parse::<usize>()?.max(1)),
            "--list" => {
                WORKLOADS.iter().for_each(|it| println!("{:<14} {}", it.name, it.load));
                println!("{:<14} one message to all connections\n", "broadcast");
                SERVERS.iter().for_each(|kind| println!("{}", kind.name));
                return Ok(None);
            }
            "--help" | "-h" => {
                println!("{HELP}");
                return Ok(None);
            }
            "broadcast" => with_broadcast = true,
            name => {
                let found = WORKLOADS.into_iter().find(|workload| workload.name == name);
                workloads.push(found.ok_or_else(|| format!("there is no {name:?}; see --help"))?);
            }
        }
    }
    if workloads.is_empty() && !with_broadcast {
        workloads.extend(WORKLOADS);
        with_broadcast = true;
    }
    Ok(Some(Plan { workloads, broadcast: with_broadcast, servers, effort, connections }))
}
