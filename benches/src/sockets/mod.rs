//! Echo over the loopback interface: servers that are processes of their own, and one client for
//! all of them.
//!
//! What counts is the processor time that a server takes for a message, as the system accounts it
//! (Linux only), since the client and the neighbours take the same processors. System calls are
//! counted in a run of their own, if `perf` is there.

mod clients;
mod server;
mod traffic;

use std::fmt;
use std::io;
use std::process::Command;
use std::time::Duration;

pub use clients::Clients;
pub use server::{BROADCASTERS, SERVERS, ServerKind};

use server::{Server, broadcaster};

/// Before anything counts: buffers grow, windows open.
const WARM_UP: Duration = Duration::from_millis(100);

/// How long the last connections may take to subscribe.
const SUBSCRIBE_TIME: Duration = Duration::from_secs(1);

/// The clients' load: so many connections, each with so many messages of that many bytes of text on
/// their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Connections, all open from the beginning.
    pub connections: usize,
    /// Bytes of a message's payload.
    pub len: usize,
    /// Messages of a connection whose echo has not come.
    pub in_flight: usize,
}

impl Load {
    /// Every load that is measured.
    pub const ALL: [Self; 6] = [
        Self::new(1, 16, 1),
        Self::new(100, 16, 1),
        Self::new(500, 1024, 1),
        Self::new(10, 16, 64),
        Self::new(10, 16_384, 4),
        Self::new(4, 1 << 20, 1),
    ];

    /// So many connections, bytes and messages in flight.
    #[must_use]
    pub const fn new(connections: usize, len: usize, in_flight: usize) -> Self {
        Self { connections, len, in_flight }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {} B, {} in flight", self.connections, self.len, self.in_flight)
    }
}

/// The resources that a server took for a message.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// Nanoseconds of processor time, in each round, the least first.
    pub nanos: Vec<f64>,
    /// System calls; `None` without `perf`.
    pub calls: Option<f64>,
}

impl Taken {
    /// The round in which the neighbours took the least.
    #[must_use]
    pub fn least(&self) -> f64 {
        self.nanos[0]
    }

    /// The round in the middle.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.nanos[self.nanos.len() / 2]
    }
}

/// What each of the [`SERVERS`] takes under that load; `None` for one that has nothing of its own
/// to show there. They take turns, so that a change of the machine's speed meets all alike: so
/// many rounds of that time.
///
/// # Errors
///
/// When a server's program is not built, an echo is not what was sent, a connection breaks, or
/// the system does not account.
pub fn compare(load: Load, rounds: usize, time: Duration) -> io::Result<Vec<Option<Taken>>> {
    let start = |kind: &ServerKind| {
        let pair = kind.takes(load).then(|| Pair::start(kind.command(load)?, load)).transpose()?;
        Ok::<_, io::Error>(pair.map(|pair| (pair, Taken::default())))
    };
    let mut pairs = SERVERS.iter().map(start).collect::<Result<Vec<_>, _>>()?;
    take_turns(pairs.iter_mut().flatten(), rounds, time, Pair::echo)?;
    Ok(pairs.into_iter().map(|pair| pair.map(|(_, taken)| taken)).collect())
}

/// What each of these [`BROADCASTERS`] takes for a message at one of so many connections, when one
/// of that many bytes is sent to all of them, in so many rounds of that time; `None` for one that
/// is not installed.
///
/// # Errors
///
/// As [`compare`].
pub fn broadcast(
    names: &[&str],
    connections: usize,
    len: usize,
    rounds: usize,
    time: Duration,
) -> io::Result<Vec<Option<Taken>>> {
    let load = Load::new(connections, len, 1);
    let start = |name: &&str| {
        let pair = broadcaster(name)?.map(|command| Pair::start(command, load)).transpose()?;
        // Connections subscribe once their opening handshakes are over.
        std::thread::sleep(SUBSCRIBE_TIME);
        Ok::<_, io::Error>(pair.map(|pair| (pair, Taken::default())))
    };
    let mut pairs = names.iter().map(start).collect::<Result<Vec<_>, _>>()?;
    let turns = pairs.iter_mut().flatten();
    take_turns(turns, rounds, time, |pair, time| pair.clients.broadcast(time))?;
    Ok(pairs.into_iter().map(|pair| pair.map(|(_, taken)| taken)).collect())
}

/// Lets each pair in turn do its work for some time, which says how many messages that were.
fn take_turns<'p>(
    pairs: impl Iterator<Item = &'p mut (Pair, Taken)>,
    rounds: usize,
    time: Duration,
    work: fn(&mut Pair, Duration) -> io::Result<u64>,
) -> io::Result<()> {
    let mut pairs: Vec<_> = pairs.collect();
    for _ in 0..rounds {
        for (pair, taken) in &mut pairs {
            work(pair, WARM_UP)?;
            let before = pair.server.processor_time()?;
            let messages = work(pair, time)?;
            let spent = pair.server.processor_time()? - before;
            taken.nanos.push(spent.as_secs_f64() * 1e9 / messages as f64);
        }
    }
    for (pair, taken) in &mut pairs {
        taken.nanos.sort_by(f64::total_cmp);
        let Some(count) = pair.server.count_calls() else { continue };
        let messages = work(pair, time / 2)?;
        taken.calls = count.end().map(|calls| calls as f64 / messages as f64);
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
    fn start(command: Command, load: Load) -> io::Result<Self> {
        let server = Server::start(command)?;
        let clients = Clients::open(server.address(), load)?;
        Ok(Self { server, clients })
    }

    /// Echoes for so long, from the first message to the last echo.
    fn echo(&mut self, time: Duration) -> io::Result<u64> {
        self.clients.begin()?;
        Ok(self.clients.run(time)? + self.clients.finish()?)
    }
}
