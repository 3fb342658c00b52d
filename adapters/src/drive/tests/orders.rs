//! Whatever happens in whatever order, made from a seed: nothing spins, nothing waits without a
//! bound, nothing is lost or made up.
//!
//! A run that fails prints its seed. `BLUEWIRE_DRIVER_SEED=N` runs that one again, and
//! `BLUEWIRE_DRIVER_RUNS=N` sets how many runs there are.

use std::time::Duration;

use bluewire_core::{CloseCode, Config, Keepalive, OwnedMessage, State};

use super::super::{Budget, Flow, Lay, Purpose, Ticket};
use super::world::{Flood, Turn, World};

/// Fewer without optimisation, where each takes far longer.
const RUNS: u64 = if cfg!(debug_assertions) { 3_000 } else { 100_000 };

/// The number of steps in one run, at most.
const STEPS_MAX: u8 = 40;

const S: Duration = Duration::from_secs(1);
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The time that a read of a flooding peer takes.
const READ: Duration = Duration::from_millis(5);

/// A generator that is the same everywhere (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u8) -> u8 {
        self.next().to_le_bytes()[0] % end
    }

    fn chance(&mut self, one_in: u8) -> bool {
        self.below(one_in) == 0
    }
}

struct Run {
    world: World,
    random: Random,
    /// Messages that the peer has sent whole, in order.
    sent: Vec<u8>,
    /// Messages laid, by their number, with their tickets.
    laid: Vec<(u8, Ticket)>,
    /// Whether messages may have been dropped, since a caller did not want them.
    dropped: bool,
    /// When the closing handshake was first seen to be under way.
    closing: Option<Duration>,
    /// When bytes that wait were first seen to wait, with a peer that takes none since.
    stalled: Option<Duration>,
    ended: bool,
    in_server: bool,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let keepalive = Keepalive::default().interval(20 * S).timeout(20 * S);
        let config = Config::default()
            .keepalive((!random.chance(4)).then_some(keepalive))
            .idle_timeout(random.chance(4).then_some(25 * S))
            .message_timeout(random.chance(4).then_some(15 * S))
            .close_timeout(if random.chance(8) { Duration::ZERO } else { CLOSE_TIMEOUT });
        let in_server = random.chance(2);
        let mut world = World::with_slot(config, in_server);
        world.driver.set_flow(Flow::default().held_len_max(64).write_timeout(WRITE_TIMEOUT));
        let (sent, laid) = (Vec::new(), Vec::new());
        Self {
            world,
            random,
            sent,
            laid,
            dropped: false,
            closing: None,
            stalled: None,
            ended: false,
            in_server,
        }
    }

    fn go(mut self) {
        for _ in 0..1 + self.random.below(STEPS_MAX) {
            self.step();
            self.check();
            if self.ended {
                break;
            }
        }
        self.finish();
    }

    /// One thing happens.
    fn step(&mut self) {
        let number = number_of(self.laid.len());
        let now = self.world.now;
        match self.random.below(16) {
            0 | 1 => self.peer_sends(),
            2 => self.world.arrive(b"\x89\x81\0\0\0\0?"),
            3 => self.world.arrive(b"\x01\x81\0\0\0\0("),
            4 => {
                let flood = Flood::ALL[usize::from(self.random.below(3))];
                self.world.flood = (!self.random.chance(2)).then_some((flood, READ));
            }
            5 if self.random.chance(3) => self.world.arrive(b"\x88\x82\0\0\0\0\x03\xe8"),
            5 if self.random.chance(3) => self.world.incoming_ended = true,
            6 => self.world.room = self.random.below(12).into(),
            7 => self.world.room = usize::MAX,
            8 if self.random.chance(3) => self.world.write_fails = true,
            9 | 10 => {
                let payload = vec![number; 1 + usize::from(self.random.below(20))];
                if let Ok(ticket) = self.world.lay(Lay::Message(payload[..].into())) {
                    self.laid.push((number, ticket));
                }
                self.run(Purpose::Attend, false);
            }
            11 if self.random.chance(2) => {
                let _ = self.world.lay(Lay::Close(CloseCode::NORMAL, "bye"));
            }
            11 if self.random.chance(2) => {
                let _ = self.world.driver.begin_close_now(CloseCode::NORMAL, "bye", now);
            }
            12 if self.in_server && self.random.chance(2) => {
                self.world.admission.begin_shutdown();
            }
            12 if self.in_server && self.random.chance(3) => {
                self.world.admission.begin_shutdown();
                self.world.admission.end_shutdown();
            }
            13 => self.wait(),
            14 => {
                let purposes = [Purpose::Receive, Purpose::Attend, Purpose::Discard];
                let purpose = purposes[usize::from(self.random.below(3))];
                let budget = self.random.chance(2);
                self.run(purpose, budget);
            }
            _ => self.run(Purpose::Receive, true),
        }
    }

    fn peer_sends(&mut self) {
        let number = number_of(self.sent.len());
        self.sent.push(number);
        self.world.arrive(&[0x82, 0x81, 0, 0, 0, 0, number]);
    }

    /// A caller asks; its budget, if it has one, is kept.
    fn run(&mut self, purpose: Purpose, has_budget: bool) {
        let start = self.world.now;
        let length = Duration::from_millis(self.random.next() % 3000);
        let mut budget = Budget::of(length, start);
        self.dropped |= purpose == Purpose::Discard;
        // Without a budget a flood is received forever, which is what the caller asked for.
        let flooded = self.world.flood.is_some();
        let budget = (has_budget || flooded).then_some(&mut budget);
        let turn = self.world.run(purpose, budget);
        let took = self.world.now - start;
        assert!(took <= length + 2 * READ, "a budget of {length:?} took {took:?}");
        self.see(&turn);
    }

    /// Time passes until the loop has something to do.
    fn wait(&mut self) {
        if self.world.flood.is_some() {
            return self.run(Purpose::Attend, true);
        }
        let turn = self.world.run(Purpose::Receive, None);
        self.see(&turn);
        if let Turn::Waits(Some(until)) = turn {
            let later = self.world.now + u32::from(self.random.below(10)) * S;
            self.world.now = if self.random.chance(2) { until } else { later };
        }
    }

    fn see(&mut self, turn: &Turn) {
        if let Turn::Ended(_) = turn {
            self.ended = true;
            assert_eq!(self.world.driver.state(), State::Closed);
            // Once to each who asks.
            let again = self.world.run(Purpose::Receive, None);
            assert!(matches!(again, Turn::Ended(Ok(()))), "{again:?}");
        }
    }

    /// Checks that hold at every moment.
    fn check(&mut self) {
        let World { driver, now, room, .. } = &self.world;
        if driver.state() != State::Closing {
            self.closing = None;
        } else if self.closing.is_none() {
            self.closing = Some(*now);
        }
        if *room > 0 || driver.is_written_out() {
            self.stalled = None;
        } else if self.stalled.is_none() {
            self.stalled = Some(*now);
        }
        self.check_tickets();
        self.check_received();
    }

    /// Messages reported as written were written, in order, and whole.
    fn check_tickets(&mut self) {
        let written = frames(&self.world.written);
        for (number, ticket) in self.laid.clone() {
            if let Ok(true) = self.world.is_reached(ticket) {
                assert!(written.contains(&number), "{number} was not written: {written:?}");
            }
        }
    }

    /// The received messages are those that were sent, in order.
    fn check_received(&self) {
        let binary = self.world.received.iter().filter_map(|message| match message {
            OwnedMessage::Binary(bytes) => bytes.first().copied(),
            OwnedMessage::Text(_) => None,
        });
        let received: Vec<u8> = binary.collect();
        if self.dropped {
            let mut sent = self.sent.iter();
            assert!(received.iter().all(|number| sent.any(|sent| sent == number)));
        } else {
            assert!(self.sent.starts_with(&received), "{received:?} of {:?}", self.sent);
        }
    }

    /// Left alone, with a peer that goes on as it does, the connection ends in time once it
    /// closes, or nothing is due forever.
    fn finish(mut self) {
        if self.ended {
            return self.check_end();
        }
        let _ = self.world.lay(Lay::Close(CloseCode::NORMAL, "bye"));
        let start = self.world.now;
        self.dropped = true;
        let turn = self.world.run_on(Purpose::Discard, 100);
        let took = self.world.now - start;
        assert!(matches!(turn, Turn::Ended(_)), "it does not end: {turn:?}");
        assert!(took <= CLOSE_TIMEOUT + WRITE_TIMEOUT + 4 * READ, "it ends after {took:?}");
        self.check();
        self.check_end();
    }

    fn check_end(&mut self) {
        let closure = self.world.driver.closure().expect("it has ended");
        if closure.clean {
            assert!(has_close(&self.world.written), "{:x?}", self.world.written);
        }
        if self.in_server {
            assert_eq!(self.world.admission.connections(), 0, "its slot is settled");
        }
        for (_, ticket) in self.laid.clone() {
            // Each is decided.
            let reached = self.world.is_reached(ticket);
            assert!(!matches!(reached, Ok(false)), "a send waits after the end");
        }
    }
}

/// The number of a message, which is its payload. There are fewer than 256 in a run.
fn number_of(count: usize) -> u8 {
    u8::try_from(count).expect("a run has few steps")
}

/// The first payload byte of each whole binary message written.
fn frames(mut bytes: &[u8]) -> Vec<u8> {
    let mut found = Vec::new();
    while let &[first, len, ref rest @ ..] = bytes {
        let Some((payload, rest)) = rest.split_at_checked(len.into()) else { break };
        if first == 0x82 {
            found.extend(payload.first());
        }
        bytes = rest;
    }
    found
}

/// Whether a whole Close frame was written. Pongs may follow it.
fn has_close(mut bytes: &[u8]) -> bool {
    while let &[first, len, ref rest @ ..] = bytes {
        let Some((_, rest)) = rest.split_at_checked(len.into()) else { return false };
        if first == 0x88 {
            return true;
        }
        bytes = rest;
    }
    false
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect(name))
}

#[test]
fn every_order_of_what_can_happen_ends_right() {
    let seeds = match variable("BLUEWIRE_DRIVER_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..variable("BLUEWIRE_DRIVER_RUNS").unwrap_or(RUNS),
    };
    for seed in seeds {
        let run = std::panic::catch_unwind(|| Run::new(seed).go());
        assert!(run.is_ok(), "BLUEWIRE_DRIVER_SEED={seed} fails");
    }
}
