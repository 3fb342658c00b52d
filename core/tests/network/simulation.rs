//! One run: what a seed makes of it, the loop, and what must hold at its end.

use std::time::Duration;

use bluewire_core::{Config, Delivery, Keepalive, OwnedMessage, Role};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};

use crate::endpoint::{Act, Endpoint};
use crate::pipe::{Fault, Pipe};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Everything arrives, in time.
    Calm,
    /// Anything happens.
    Storm,
}

/// Far more than a run takes.
const STEPS_MAX: usize = 200_000;

/// By then, an application has closed.
const ACTS_END: Duration = Duration::from_secs(5);

/// The next event, at one end or the other.
#[derive(Clone, Copy, Debug)]
enum Step {
    Read(usize),
    Write(usize),
    Time(usize),
    Act(usize),
    ShutDown(usize),
    Drop(usize),
}

/// Tells the seed of a run that fails.
struct Seed(u64, Weather);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "a {:?} run failed: run it again with BLUEWIRE_NETWORK_SEED={}",
                self.1, self.0
            );
        }
    }
}

pub(crate) fn run(seed: u64, weather: Weather) {
    let told = Seed(seed, weather);
    let mut network = Network::new(seed, weather);
    network.run();
    network.check();
    drop(told);
}

struct Network {
    random: StdRng,
    weather: Weather,
    now: Duration,
    ends: [Endpoint; 2],
    /// The one that each end writes to. It reads from the other's.
    pipes: [Pipe; 2],
    /// Whether each end has shut down its writing side.
    shut_down: [bool; 2],
    /// Whether each end has dropped its transport.
    dropped: [bool; 2],
}

impl Network {
    fn new(seed: u64, weather: Weather) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let closers = random.random_range(1..4_u8);
        let ends = [Role::Client, Role::Server].map(|role| {
            let random = &mut random;
            let closes = closers & (1 << role as u8) != 0;
            let (config, acts) = (config(weather, random), acts(weather, closes, random));
            Endpoint::new(role, config, acts, random)
        });
        let faulty = random.random_range(0..2);
        let pipes = [0, 1].map(|pipe| match (weather, &mut random) {
            (Weather::Calm, random) => Pipe::new(random, 4096, None, None),
            (Weather::Storm, random) => {
                let capacity = random.random_range(1..8192);
                let from = Duration::from_millis(random.random_range(0..6_000));
                let len = Duration::from_millis(random.random_range(0..20_000));
                let stall = random.random_bool(0.3).then(|| (from, from + len));
                let fault = (pipe == faulty && random.random_bool(0.7)).then(|| {
                    let faults = [Fault::HalfClose, Fault::BlackHole, Fault::Cut];
                    (length(14, random) as u64, *faults.choose(random).expect("there are some"))
                });
                Pipe::new(random, capacity, stall, fault)
            }
        });
        Self {
            random,
            weather,
            now: Duration::ZERO,
            ends,
            pipes,
            shut_down: [false; 2],
            dropped: [false; 2],
        }
    }

    fn run(&mut self) {
        for _ in 0..STEPS_MAX {
            let ready = self.ready();
            match ready.choose(&mut self.random) {
                Some(step) => self.take(*step),
                None => match self.next_time() {
                    Some(time) => self.now = time,
                    None => return,
                },
            }
        }
        panic!("it goes on and on: {:?}", self.ends);
    }

    /// All that can happen now. Whichever comes first, it must not matter.
    fn ready(&mut self) -> Vec<Step> {
        let mut ready = Vec::new();
        for end in 0..2 {
            if self.dropped[end] {
                continue;
            }
            let endpoint = &self.ends[end];
            if endpoint.is_over() {
                ready.push(Step::Drop(end));
                continue;
            }
            let due = |time: Option<Duration>| time.is_some_and(|time| time <= self.now);
            if !endpoint.eof_seen && due(self.pipes[1 - end].next_arrival()) {
                ready.push(Step::Read(end));
            } else if due(endpoint.deadline()) || self.random.random_bool(0.02) {
                // Bytes that have arrived count before the clock; and a call that only gives the
                // time may be idle.
                ready.push(Step::Time(end));
            }
            if due(endpoint.next_act()) {
                ready.push(Step::Act(end));
            }
            if !endpoint.outbox.is_empty() && self.pipes[end].room() > 0 {
                ready.push(Step::Write(end));
            }
            if endpoint.should_shut_down() && !self.shut_down[end] {
                ready.push(Step::ShutDown(end));
            }
        }
        ready
    }

    /// When something can happen next.
    fn next_time(&self) -> Option<Duration> {
        let times = (0..2).filter(|end| !self.dropped[*end]).flat_map(|end| {
            let endpoint = &self.ends[end];
            let arrival = self.pipes[1 - end].next_arrival().filter(|_| !endpoint.eof_seen);
            [arrival, endpoint.deadline(), endpoint.next_act()]
        });
        times.flatten().min()
    }

    fn take(&mut self, step: Step) {
        let (now, random) = (self.now, &mut self.random);
        match step {
            Step::Read(end) => {
                let max = 1 << random.random_range(0..14);
                let bytes = self.pipes[1 - end].read(now, max);
                self.ends[end].hear(now, &bytes);
            }
            Step::Write(end) => {
                let room = self.pipes[end].room();
                let bytes = self.ends[end].write(room, random);
                if self.pipes[end].write(now, &bytes, random) {
                    self.pipes[1 - end].cut(now);
                }
            }
            Step::Time(end) => self.ends[end].tell_time(now),
            Step::Act(end) => self.ends[end].act(now),
            Step::ShutDown(end) => {
                self.shut_down[end] = true;
                self.pipes[end].shut_down(now, random);
            }
            Step::Drop(end) => {
                // The rest is written if that is possible at once.
                let room = self.pipes[end].room();
                let left = self.ends[end].outbox.slices().concat();
                self.pipes[end].write(now, &left[..left.len().min(room)], random);
                self.pipes[end].shut_down(now, random);
                self.dropped[end] = true;
            }
        }
    }

    fn check(&self) {
        for (end, endpoint) in self.ends.iter().enumerate() {
            let peer = &self.ends[1 - end];
            assert!(self.dropped[end], "it hangs: {endpoint:?}");
            assert!(
                peer.sent.starts_with(&endpoint.received),
                "received what was not sent, or not in its order"
            );
            let Some(closure) = endpoint.closure() else {
                let error = endpoint.refusal().expect("it is over");
                assert_eq!(self.weather, Weather::Storm, "{error:?}");
                assert!(endpoint.received.is_empty());
                continue;
            };
            if closure.clean {
                assert!(endpoint.close_seen && closure.sent.is_some(), "{closure:?}");
                assert_eq!(closure.fault, None);
                // A Close frame goes behind all messages.
                assert_eq!(endpoint.received, peer.sent, "messages lost before a Close frame");
                let theirs = peer.closure().expect("it sent a Close frame");
                assert_eq!(Some(closure.code), theirs.sent);
            } else {
                assert!(closure.fault.is_some());
                assert_eq!(self.weather, Weather::Storm, "{closure:?}");
            }
        }
    }
}

fn config(weather: Weather, random: &mut StdRng) -> Config {
    let mut config = Config::default();
    if random.random_bool(0.3) {
        config.delivery = Delivery::Chunks;
    }
    if random.random_bool(0.3) {
        config.fragment_len = random.random_range(1..500_usize).try_into().ok();
    }
    config.limits.read_len = *[64, 512, 16 * 1024].choose(random).expect("there are some");
    if weather == Weather::Storm {
        let time = |random: &mut StdRng| Duration::from_millis(random.random_range(100..5_000));
        config.keepalive = Some(Keepalive::default().interval(time(random)).timeout(time(random)));
        config.idle_timeout = random.random_bool(0.2).then(|| time(random));
        config.message_timeout = random.random_bool(0.2).then(|| time(random));
        config.close_timeout = time(random);
        config.handshake_timeout = time(random);
        config.limits.outbox_len_max = random.random_range(1_000..50_000);
    }
    config
}

/// The acts of an application in its time; at the end it closes, or leaves that to its peer.
fn acts(weather: Weather, closes: bool, random: &mut StdRng) -> Vec<(Duration, Act)> {
    let count = random.random_range(0..20);
    let mut times: Vec<_> =
        (0..=count).map(|_| Duration::from_micros(random.random_range(0..4_000_000))).collect();
    times.sort();
    let mut acts: Vec<_> = times.into_iter().map(|time| (time, act(random))).collect();
    if weather == Weather::Storm && random.random_bool(0.1) {
        let at = random.random_range(0..acts.len());
        acts[at].1 = Act::Fail(1011);
    }
    if closes {
        let code = *[1000, 1001, 3000, 4999].choose(random).expect("there are some");
        acts.push((ACTS_END, Act::Close(code)));
    }
    acts
}

fn act(random: &mut StdRng) -> Act {
    let len = length(12, random);
    match random.random_range(0..8_u8) {
        0 => Act::Ping(vec![7; len.min(125)]),
        1 | 2 => Act::SendInTwo(message(len, random), vec![8; 8]),
        _ => Act::Send(message(len, random)),
    }
}

/// Below so many bits: short ones as often as long ones.
fn length(bits: u32, random: &mut StdRng) -> usize {
    let bits = random.random_range(1..bits);
    random.random_range(0..1 << bits)
}

fn message(len: usize, random: &mut StdRng) -> OwnedMessage {
    if random.random_bool(0.5) {
        let mut bytes = vec![0; len];
        random.fill_bytes(&mut bytes);
        OwnedMessage::Binary(bytes)
    } else {
        let chars = ['a', 'é', '€', '🦀'];
        let text = (0..len / 2).map(|_| *chars.choose(random).expect("there are some"));
        OwnedMessage::Text(text.collect())
    }
}
