//! Echo over the loopback interface: servers that are processes of their own, and one client for
//! all of them.
//!
//! The measure is the processor time that a server takes for a message, as the system accounts it
//! (Linux only), since the client and the neighbours take the same processors. System calls are
//! counted in a run of their own, if `perf` is there.

mod clients;
mod identity;
mod latency;
mod load;
mod server;
mod stream;
mod traffic;

use std::io;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

pub use clients::{Clients, Target};
pub use identity::{Identity, provider, trust};
pub use latency::Latency;
pub use load::{Load, WORKLOADS, Workload};
pub use server::{BARE, BROADCASTERS, BUN, SERVERS, ServerKind, bun_version, own_processor_time};
pub use stream::{Stream, Tls};

use server::{Server, broadcaster, open_files_max};

/// Before anything counts: buffers grow, windows open.
const WARM_UP: Duration = Duration::from_millis(100);

/// How long the last connections may take to subscribe.
const SUBSCRIBE_TIME: Duration = Duration::from_secs(1);

/// How long a server has to let go of what it does not need while its clients wait.
const SETTLE_TIME: Duration = Duration::from_millis(700);

/// Open files that are not connections.
const OTHER_FILES: usize = 100;

/// The resources that a server took for a message.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// Nanoseconds of processor time, in each round.
    pub nanos: Vec<f64>,
    /// The part of it in user mode, of all rounds together.
    pub user: f64,
    /// System calls; `None` without `perf`.
    pub calls: Option<f64>,
    /// How long messages took, in all rounds.
    pub latency: Latency,
    /// The part of the time during which the client was on a processor. Near 1 it may have held the
    /// server up.
    pub client: f64,
    /// Messages a second.
    pub rate: f64,
    /// Bytes of resident memory for each connection that waits; only where that is measured.
    pub idle: Option<f64>,
    messages: u64,
    wall: Duration,
    client_time: Duration,
}

impl Taken {
    /// The round in which the neighbours took the least.
    #[must_use]
    pub fn least(&self) -> f64 {
        self.nanos.iter().copied().min_by(f64::total_cmp).unwrap_or(f64::NAN)
    }

    /// The round in the middle.
    #[must_use]
    pub fn median(&self) -> f64 {
        median(self.nanos.iter().copied())
    }

    /// The ratio to another server that took its turns in the same rounds: that of the round in the
    /// middle. The two turns of a round follow each other closely, so that neighbours slow both down.
    #[must_use]
    pub fn ratio_to(&self, other: &Self) -> f64 {
        median(self.nanos.iter().zip(&other.nanos).map(|(own, other)| own / other))
    }

    fn finish(&mut self) {
        let wall = self.wall.as_secs_f64();
        self.client = self.client_time.as_secs_f64() / wall;
        self.rate = self.messages as f64 / wall;
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (below, above) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    match (values.get(below), values.get(above)) {
        (Some(below), Some(above)) => f64::midpoint(*below, *above),
        _ => f64::NAN,
    }
}

/// How long and how often to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds in which all servers take turns.
    pub rounds: usize,
    /// How long each of them is loaded in a round.
    pub time: Duration,
}

/// The resources that each of the servers takes under that load; `None` for one that cannot serve
/// it, has nothing of its own to show there, or is not installed. They take turns, so that a change
/// of the machine's speed meets all alike.
///
/// Where the connections of all would be more than the limit of open files, each server is started
/// anew in each round, with as many connections as the limit allows.
///
/// # Errors
///
/// When a server's program is not built, an echo is not what was sent, a connection breaks, or
/// the system does not account.
pub fn compare(kinds: &[ServerKind], load: Load, effort: Effort) -> io::Result<Vec<Option<Taken>>> {
    let identity = load.tls.then(Identity::make).transpose()?;
    let identity = identity.as_ref();
    let together = kinds.iter().filter(|kind| kind.takes(load)).count() * load.connections;
    if load.is_crowd() || together > open_files_max().map_or(usize::MAX, |max| max - OTHER_FILES) {
        return one_at_a_time(kinds, load, effort, identity);
    }
    let mut pairs = Vec::new();
    for kind in kinds {
        let pair = Pair::start(kind, load, identity)?;
        pairs.push(pair.map(|pair| (pair, Taken::default())));
    }
    take_turns(pairs.iter_mut().flatten(), effort, Pair::echo)?;
    Ok(pairs.into_iter().map(|pair| pair.map(|(_, taken)| taken)).collect())
}

/// The same for loads with too many connections to have all servers run at the same time. It also
/// measures what idle connections cost.
fn one_at_a_time(
    kinds: &[ServerKind],
    load: Load,
    effort: Effort,
    identity: Option<&Identity>,
) -> io::Result<Vec<Option<Taken>>> {
    let mut all: Vec<Option<Taken>> = kinds.iter().map(|_| None).collect();
    for round in 0..effort.rounds {
        for (kind, taken) in kinds.iter().zip(&mut all) {
            let Some((mut pair, idle)) = Pair::start_idle(kind, load, identity)? else { continue };
            let taken = taken.get_or_insert_with(Taken::default);
            taken.idle = Some(taken.idle.map_or(idle, |before| before.min(idle)));
            if load.active > 0 {
                pair.measure(taken, effort.time, Pair::echo)?;
            }
            if load.active > 0 && round + 1 == effort.rounds {
                pair.count(taken, effort.time, Pair::echo)?;
            }
        }
    }
    all.iter_mut().flatten().for_each(Taken::finish);
    Ok(all)
}

/// The resources that each of these [`BROADCASTERS`] takes for a message at one of so many
/// connections, when one of that many bytes is sent to all of them; `None` for one that is not
/// installed.
///
/// # Errors
///
/// As [`compare`].
pub fn broadcast(
    names: &[&str],
    connections: usize,
    len: usize,
    effort: Effort,
) -> io::Result<Vec<Option<Taken>>> {
    let load = Load::new(connections, len, 1);
    let start = |name: &&str| {
        let pair = broadcaster(name)?.map(|command| Pair::with(command, load, None)).transpose()?;
        // Connections subscribe once their opening handshakes are over.
        thread::sleep(SUBSCRIBE_TIME);
        Ok::<_, io::Error>(pair.map(|pair| (pair, Taken::default())))
    };
    let mut pairs = names.iter().map(start).collect::<Result<Vec<_>, _>>()?;
    let turns = pairs.iter_mut().flatten();
    take_turns(turns, effort, |pair, time| pair.clients.broadcast(time))?;
    Ok(pairs.into_iter().map(|pair| pair.map(|(_, taken)| taken)).collect())
}

/// The work of a pair for some time; it returns how many messages that were.
type Work = fn(&mut Pair, Duration) -> io::Result<u64>;

/// Lets each pair in turn do its work.
fn take_turns<'p>(
    pairs: impl Iterator<Item = &'p mut (Pair, Taken)>,
    effort: Effort,
    work: Work,
) -> io::Result<()> {
    let mut pairs: Vec<_> = pairs.collect();
    for _ in 0..effort.rounds {
        for (pair, taken) in &mut pairs {
            pair.measure(taken, effort.time, work)?;
        }
    }
    for (pair, taken) in &mut pairs {
        taken.finish();
        pair.count(taken, effort.time, work)?;
    }
    Ok(())
}

/// A server and its clients.
#[derive(Debug)]
struct Pair {
    server: Server,
    clients: Clients,
}

impl Pair {
    /// `None` if the server does not take the load, or is not installed.
    fn start(
        kind: &ServerKind,
        load: Load,
        identity: Option<&Identity>,
    ) -> io::Result<Option<Self>> {
        if !kind.takes(load) {
            return Ok(None);
        }
        let command = kind.command(load, identity)?;
        let named = |error| io::Error::other(format!("{}: {error}", kind.name));
        command.map(|command| Self::with(command, load, identity).map_err(named)).transpose()
    }

    fn with(command: Command, load: Load, identity: Option<&Identity>) -> io::Result<Self> {
        let server = Server::start(command)?;
        let tls = identity.map(|identity| trust(&identity.chain())).transpose()?;
        let clients = Clients::open(&Target::at(server.address(), tls), load)?;
        Ok(Self { server, clients })
    }

    /// The same, and the bytes that the server holds for each connection that has had one message
    /// echoed and waits.
    fn start_idle(
        kind: &ServerKind,
        load: Load,
        identity: Option<&Identity>,
    ) -> io::Result<Option<(Self, f64)>> {
        let max = open_files_max().map_or(usize::MAX, |max| max.saturating_sub(OTHER_FILES));
        // Two connections come first, so that nothing counts that the first one makes.
        let load = Load { connections: load.connections.min(max - 2), ..load };
        let early = Load { connections: 2, ..load };
        let Some(Self { mut server, clients: mut first }) = Self::start(kind, early, identity)?
        else {
            return Ok(None);
        };
        first.greet()?;
        thread::sleep(SETTLE_TIME);
        let before = server.resident()?;
        let tls = identity.map(|identity| trust(&identity.chain())).transpose()?;
        let mut clients = Clients::open(&Target::at(server.address(), tls), load)?;
        clients.greet()?;
        thread::sleep(SETTLE_TIME);
        let grown = server.resident()?.saturating_sub(before);
        server.begin()?;
        Ok(Some((Self { server, clients }, grown as f64 / load.connections as f64)))
    }

    /// Echoes for so long, from the first message to the last echo.
    fn echo(&mut self, time: Duration) -> io::Result<u64> {
        self.clients.begin()?;
        Ok(self.clients.run(time)? + self.clients.finish()?)
    }

    fn measure(&mut self, taken: &mut Taken, time: Duration, work: Work) -> io::Result<()> {
        work(self, WARM_UP)?;
        self.clients.take_latency();
        let (start, client) = (Instant::now(), own_processor_time()?);
        let before = self.server.processor_time()?;
        let messages = work(self, time)?;
        let spent = self.server.processor_time()? - before;
        taken.wall += start.elapsed();
        taken.client_time += own_processor_time()? - client;
        taken.messages += messages;
        taken.latency.merge(&self.clients.take_latency());
        taken.nanos.push(spent.as_secs_f64() * 1e9 / messages as f64);
        taken.user = self.server.user_share()?;
        Ok(())
    }

    fn count(&mut self, taken: &mut Taken, time: Duration, work: Work) -> io::Result<()> {
        if let Some(count) = self.server.count_calls() {
            let messages = work(self, time / 2)?;
            taken.calls = count.end().map(|calls| calls as f64 / messages as f64);
        }
        Ok(())
    }
}
