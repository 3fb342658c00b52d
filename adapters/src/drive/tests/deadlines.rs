//! Several deadlines in one wait, budgets, and what waits before a message is lent.

use std::time::Duration;

use bluewire_core::{CloseCode, Config, Keepalive, OwnedMessage, State};

use super::super::arrivals::Aside;
use super::super::deadlines::Due;
use super::super::{Budget, Flow, Intake, Lay, Next, Purpose, Want};
use super::world::{Turn, World};
use crate::clock::Nanos;

const S: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// A client's message and its Ping, masked with zeros.
const MESSAGE: &[u8] = b"\x82\x81\0\0\0\0m";
const PING: &[u8] = b"\x89\x80\0\0\0\0";

fn config() -> Config {
    Config::default().keepalive(None)
}

/// A connection that is pinged after a second of silence, and lost after two more.
fn watched() -> World {
    let keepalive = Keepalive::default().interval(S).timeout(60 * S);
    World::new(Config::default().keepalive(Some(keepalive)).idle_timeout(Some(3 * S)))
}

#[test]
fn one_deadline_counts_without_the_next_one() {
    let mut world = watched();
    // The socket was empty after the first deadline, and not since the second one.
    world.driver.drained(2 * S);
    world.arrive(PING);
    world.now = 4 * S;
    let turn = world.run(Purpose::Receive, None);
    assert!(matches!(turn, Turn::Waits(Some(_))), "{turn:?}");
    assert_eq!(world.driver.state(), State::Open);
    assert!(world.written.starts_with(b"\x89") && world.written.ends_with(b"\x8a\0"));
}

#[test]
fn a_deadline_by_an_empty_socket_counts_from_then() {
    let timeout = |drained: Duration| {
        let keepalive = Keepalive::default().interval(S).timeout(2 * S);
        let mut world = World::new(Config::default().keepalive(Some(keepalive)));
        world.driver.drained(drained);
        world.now = 10 * S;
        // The caller may not read, so it is judged at once.
        assert_eq!(world.driver.judge(false, true, world.now), None);
        world.driver.connection().poll_timeout()
    };
    assert_eq!(timeout(S), Some(3 * S));
    assert_eq!(timeout(2 * S), Some(4 * S));
    // By a socket that was not empty since, it counts from now.
    assert_eq!(timeout(S - MS), Some(12 * S));
}

#[test]
fn a_closing_handshake_has_its_deadline_whoever_reads() {
    let mut world = World::new(config().idle_timeout(Some(3 * S)).close_timeout(5 * S));
    let want = world.driver.judge(false, false, S).expect("nothing is due");
    assert_eq!(want, Want { read: false, write: false, shut_down: false, until: Nanos::MAX });
    let want = world.driver.judge(false, true, S).expect("nothing is due");
    assert_eq!(want.deadline(), Some(3 * S));
    world.now = S;
    world.lay(Lay::Close(CloseCode::NORMAL, "")).expect("it is open");
    world.write();
    let want = world.driver.judge(false, false, S).expect("nothing is due");
    assert_eq!(want.deadline(), Some(6 * S));
}

#[test]
fn the_earliest_of_several_deadlines_is_waited_for() {
    for (write_timeout, until) in [(S, S), (9 * S, 3 * S)] {
        let mut world = World::new(config().idle_timeout(Some(3 * S)));
        world.driver.set_flow(Flow::default().write_timeout(write_timeout));
        world.room = 0;
        world.lay(Lay::Message("Hello".into())).expect("it is open");
        for budget in [None, Some(10 * S), Some(S / 2)] {
            let turn = world.run(Purpose::Receive, budget.map(Budget::until).as_mut());
            let until = budget.map_or(until, |budget| budget.min(until));
            assert!(matches!(turn, Turn::Waits(Some(found)) if found == until), "{turn:?}");
        }
    }
}

#[test]
fn a_budget_grants_one_read_after_its_end() {
    let mut world = World::new(config());
    // An empty socket that another call has seen is not seen by this one.
    world.driver.drained(2 * S);
    let mut budget = Budget::until(S);
    for _ in 0..2 {
        assert_eq!(world.driver.judge_budget(&mut budget, true, 2 * S), Due::AfterRead);
    }
    // Bytes, so that the socket is not known to be empty.
    world.driver.received(0, &mut world.arrivals, 2 * S);
    assert_eq!(world.driver.judge_budget(&mut budget, true, 2 * S), Due::Yes);
}

#[test]
fn a_budget_needs_no_read_if_this_call_has_seen_an_empty_socket_since() {
    for (drained, due) in [(S - MS, Due::AfterRead), (S, Due::Yes), (S + MS, Due::Yes)] {
        let mut world = World::new(config());
        let mut budget = Budget::until(S);
        assert_eq!(world.driver.judge_budget(&mut budget, true, Duration::ZERO), Due::No);
        world.driver.drained(drained);
        assert_eq!(world.driver.judge_budget(&mut budget, true, 2 * S), due, "{drained:?}");
    }
}

#[test]
fn silence_is_not_judged_while_bytes_lie_aside() {
    let mut world = World::new(config().idle_timeout(Some(3 * S)));
    let mut aside = Aside::default();
    let mut until = |aside: &mut Aside, now| match world.driver.next_for(
        &mut Intake::Aside(aside),
        None,
        || now,
    ) {
        Next::Wait(want) => want.deadline(),
        next => panic!("it waits: {next:?}"),
    };
    assert_eq!(until(&mut aside, S), Some(3 * S));
    aside.received(b"m", S);
    assert_eq!(until(&mut aside, S), None);
    assert_eq!(until(&mut aside, 9 * S), None);
    assert_eq!(world.driver.state(), State::Open);
}

#[test]
fn a_full_hold_drops_the_rest_once_the_connection_closes() {
    let mut world = World::new(config().close_timeout(9 * S));
    world.driver.set_flow(Flow::default().held_len_max(2));
    world.lay(Lay::Close(CloseCode::NORMAL, "")).expect("it is open");
    for number in 0..4 {
        world.arrive(&[0x82, 0x81, 0, 0, 0, 0, number]);
    }
    world.run(Purpose::Attend, None);
    assert_eq!(world.arrivals.held.len(), 2);
    // There is room again, but what came between is lost.
    let held = world.arrivals.held.lend().is_some();
    world.arrive(MESSAGE);
    world.run(Purpose::Attend, None);
    assert_eq!((held, world.arrivals.held.len()), (true, 1));
    world.arrive(MESSAGE);
    world.run(Purpose::Receive, None);
    assert_eq!(world.received, [OwnedMessage::Binary(vec![1])], "no message follows a gap");
}

#[test]
fn a_hold_of_nothing_drops_only_what_is_discarded() {
    let mut world = World::new(config());
    world.driver.set_flow(Flow::default().held_len_max(0));
    world.arrive(MESSAGE);
    world.run(Purpose::Discard, None);
    assert!(!world.arrivals.has_held());
    world.arrive(MESSAGE);
    world.run(Purpose::Attend, None);
    assert!(!world.arrivals.has_held() && world.received.is_empty(), "it is left where it is");
    world.run(Purpose::Receive, None);
    assert_eq!(world.received.len(), 1);
}

#[test]
fn an_order_of_the_server_does_not_wait_behind_messages() {
    let mut world = World::with_slot(config(), true);
    world.arrivals.inbox.extend(&MESSAGE.repeat(2));
    world.admission.begin_shutdown();
    let next = world.driver.next(&mut world.arrivals, Purpose::Receive, None, || S);
    assert!(matches!(next, Next::Deliver(Some(_))), "{next:?}");
    assert_eq!(world.driver.state(), State::Closing);
}

#[test]
fn bytes_read_aside_are_taken_at_once() {
    let mut world = World::new(config());
    world.arrivals.aside.received(MESSAGE, S);
    let next = world.driver.next(&mut world.arrivals, Purpose::Receive, None, || S);
    assert!(matches!(next, Next::Deliver(Some(_))), "{next:?}");
}
