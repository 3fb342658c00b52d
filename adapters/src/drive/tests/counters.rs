//! Every counter at the end of its range, and clocks that do what no clock should.

use std::time::Duration;

use bluewire_core::{CloseCode, Config, Fault, Keepalive, Message, State, Timeout};

use super::super::{Budget, Flow, Lay, Purpose};
use super::world::{Turn, World};

const SECOND: Duration = Duration::from_secs(1);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

fn quiet() -> Config {
    Config::default().keepalive(None)
}

fn lay_text(world: &mut World, text: &str) -> super::super::Ticket {
    world.lay(Lay::Message(Message::Text(text))).expect("open")
}

#[test]
fn tickets_stay_honest_when_the_count_of_written_bytes_begins_again() {
    // "one" is a frame of five bytes: the count begins again before, within and behind it.
    for before in 0..=12 {
        let mut world = World::new(quiet());
        world.driver.written = u64::MAX - before;
        world.room = 3;
        let first = lay_text(&mut world, "one");
        let second = lay_text(&mut world, "two");
        world.write();
        assert!(!world.is_reached(first).expect("open"), "3 of 5 bytes are written");
        world.room = 2;
        world.write();
        assert!(world.is_reached(first).expect("open"));
        assert!(!world.is_reached(second).expect("open"));
        world.room = 5;
        world.write();
        assert!(world.is_reached(second).expect("open"));
        assert!(world.is_reached(first).expect("open"), "it stays written");
    }
}

#[test]
fn dropped_messages_are_not_reported_as_written_when_the_count_wraps() {
    let roles: [fn(Config) -> World; 2] = [World::new, World::client];
    for (world, before) in
        roles.into_iter().flat_map(|new| (0..=30).map(move |before| (new(quiet()), before)))
    {
        let mut world = world;
        world.driver.written = u64::MAX - before;
        world.room = 3;
        let begun = lay_text(&mut world, "one");
        let dropped = lay_text(&mut world, "two");
        world.write();
        let now = world.now;
        world.driver.begin_close_now(CloseCode::NORMAL, "", now).expect("open");
        let close = world.driver.ticket();
        assert!(world.is_reached(dropped).is_err(), "{before}");
        assert!(!world.is_reached(begun).expect("its rest is still to be written"));
        assert!(!world.is_reached(close).expect("it is still to be written"));
        world.room = usize::MAX;
        world.write();
        assert!(world.is_reached(begun).expect("written"));
        assert!(world.is_reached(close).expect("written"));
        assert!(world.is_reached(dropped).is_err(), "it is void forever");
    }
}

#[test]
fn the_count_of_reads_begins_again_without_a_message_lost() {
    let mut world = World::new(quiet());
    world.driver.reads = u16::MAX - 2;
    world.driver.grace_since = u16::MAX;
    for count in 1..=8 {
        world.arrive(b"\x81\x81\0\0\0\0x");
        let mut budget = Budget::of(SECOND, world.now);
        let turn = world.run(Purpose::Receive, Some(&mut budget));
        assert!(matches!(turn, Turn::Waits(Some(_))), "{turn:?}");
        assert_eq!(world.received.len(), count);
    }
    assert!(world.received.iter().all(|message| message.borrow() == Message::Text("x")));
}

#[test]
fn a_budget_ends_after_one_read_wherever_the_count_of_reads_stands() {
    for reads in [0, 1, u16::MAX - 1, u16::MAX] {
        let mut world = World::new(quiet());
        world.driver.reads = reads;
        let mut budget = Budget::of(Duration::ZERO, world.now);
        let turn = world.run(Purpose::Receive, Some(&mut budget));
        assert!(matches!(turn, Turn::Over), "{turn:?}");
        assert_eq!(world.reads, 1);
    }
}

#[test]
fn times_near_the_end_of_their_range_overflow_nothing() {
    let nanos = Duration::from_nanos(u64::MAX);
    for start in [nanos - SECOND, nanos, nanos + SECOND, Duration::MAX - SECOND, Duration::MAX] {
        let mut world = World::new(Config::default().message_timeout(SECOND));
        world.now = start;
        world
            .driver
            .set_flow(Flow::default().write_timeout(Duration::MAX).write_rate_min(u32::MAX));
        world.room = 1;
        lay_text(&mut world, "held up");
        world.arrive(b"\x01\x81\0\0\0\0x");
        for _ in 0..4 {
            let mut budget = Budget::of(Duration::MAX, world.now);
            let turn = world.run(Purpose::Receive, Some(&mut budget));
            if matches!(turn, Turn::Ended(_)) {
                break;
            }
            world.now = world.now.saturating_add(SECOND);
        }
    }
}

#[test]
fn a_clock_that_stands_still_ends_nothing() {
    let mut world = World::new(Config::default());
    for _ in 0..1000 {
        let turn = world.run(Purpose::Receive, None);
        assert!(matches!(turn, Turn::Waits(Some(until)) if until > world.now), "{turn:?}");
    }
    assert!(world.written.is_empty(), "no ping is due");
}

#[test]
fn a_clock_that_jumps_a_year_causes_one_ping_and_ends_nothing() {
    let mut world = World::new(Config::default());
    world.run(Purpose::Receive, None);
    world.now += YEAR;
    let turn = world.run(Purpose::Receive, None);
    assert!(matches!(turn, Turn::Waits(Some(until)) if until > world.now), "{turn:?}");
    assert_eq!(world.written.len(), 2 + 4, "one ping");
    assert_eq!(world.driver.connection.state(), State::Open);
}

#[test]
fn a_clock_that_was_set_back_puts_no_wait_off_by_more_than_its_setting() {
    let keepalive = Keepalive::default().interval(20 * SECOND).timeout(20 * SECOND);
    let mut world = World::new(Config::default().keepalive(keepalive));
    world.now = YEAR;
    world.arrive(b"\x81\x81\0\0\0\0x");
    world.run(Purpose::Receive, None);
    assert_eq!(world.received.len(), 1);
    world.now = SECOND;
    // The peer is silent from here on: within both waits, and the read that each grants, it ends.
    let mut ended = false;
    for _ in 0..100 {
        match world.run(Purpose::Receive, None) {
            Turn::Ended(_) => ended = true,
            _ if ended => {}
            _ => world.now += SECOND,
        }
    }
    assert!(ended, "still open at {:?}", world.now);
    assert_eq!(world.closure().fault, Some(Fault::Timeout(Timeout::Pong)));
}
