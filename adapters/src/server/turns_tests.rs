//! Turns in virtual time: a processor that computes so many steps at a time.

use std::collections::BTreeMap;

use super::*;

/// How long a step takes, in microseconds: as without optimization.
const STEP: u64 = 5_000;

fn address(last: u8) -> Option<IpAddr> {
    Some(IpAddr::from([192, 0, 2, last]))
}

/// Which came when, from which address: sorted by time.
type Arrivals = Vec<(u64, Option<IpAddr>)>;

fn flood(from: u8, a_second: u64) -> impl Iterator<Item = (u64, Option<IpAddr>)> {
    (0..10 * a_second).map(move |number| (number * 1_000_000 / a_second, address(from)))
}

/// How long each step from each address waited until it was done. Those that were never computed
/// are left out.
fn run(computed_max: usize, mut arrivals: Arrivals) -> BTreeMap<Option<IpAddr>, Vec<u64>> {
    arrivals.sort_unstable();
    let mut turns = Turns::new(computed_max);
    let mut ends = Vec::<(u64, u64)>::new();
    let mut waits = BTreeMap::<_, Vec<u64>>::new();
    let mut next = 0;
    let mut now = 0;
    while now < 11_000_000 {
        while let Some(&(at, from)) = arrivals.get(next)
            && at <= now
        {
            turns.wait(next as u64, from);
            next += 1;
        }
        ends.retain(|&(end, id)| {
            if end > now {
                return true;
            }
            let (came, from) = arrivals[usize::try_from(id).expect("it is an index")];
            waits.entry(from).or_default().push(end - came);
            turns.end();
            false
        });
        while let Some(id) = turns.begin() {
            ends.push((now + STEP, id));
            assert!(ends.len() <= computed_max, "too many at a time");
        }
        let arrival = arrivals.get(next).map(|(at, _)| *at);
        let Some(soonest) = ends.iter().map(|(end, _)| *end).chain(arrival).min() else { break };
        now = soonest;
    }
    waits
}

#[test]
fn a_flood_from_one_address_delays_others_by_a_computation_each() {
    for computed_max in [1, 2, 8] {
        // Ten times as many as can be computed, beside twenty clients of other addresses.
        let mut arrivals: Arrivals = flood(1, 2_000 * computed_max as u64).collect();
        arrivals.extend((0..20).map(|number| (1_000_000 + number * 300_000, address(100))));
        let waits = run(computed_max, arrivals);
        let good = &waits[&address(100)];
        assert_eq!(good.len(), 20);
        // It waits for the end of what is computed, and for one more of the flood at most.
        assert!(good.iter().all(|wait| *wait <= 3 * STEP), "{good:?}");
    }
}

#[test]
fn as_many_floods_as_addresses_delay_others_by_one_computation_each() {
    let mut arrivals: Arrivals = (1..=10).flat_map(|from| flood(from, 200)).collect();
    arrivals.extend((0..20).map(|number| (1_000_000 + number * 300_000, address(100))));
    let good = &run(1, arrivals)[&address(100)];
    assert_eq!(good.len(), 20);
    assert!(good.iter().all(|wait| *wait <= 12 * STEP), "{good:?}");
    assert!(good.iter().any(|wait| *wait >= 9 * STEP), "the floods are there: {good:?}");
}

#[test]
fn beyond_what_can_be_computed_as_many_as_possible_are_in_time() {
    // Four times as many as can be computed, all from one address.
    let waits = &run(1, flood(1, 800).collect())[&address(1)];
    let in_time = waits.iter().filter(|wait| **wait <= 1_000_000).count();
    // 2,000 can be computed in ten seconds.
    assert!(in_time >= 1_900, "{in_time}");
}

#[test]
fn addresses_take_turns_and_the_newest_of_each_is_the_first() {
    let mut turns = Turns::new(usize::MAX);
    for (id, from) in [(1, 1), (2, 1), (3, 1), (4, 2), (5, 3), (6, 3)] {
        turns.wait(id, address(from));
    }
    let all: Vec<_> = std::iter::from_fn(|| turns.begin()).collect();
    assert_eq!(all, [3, 4, 6, 2, 5, 1]);
    assert!(turns.waiting.is_empty() && turns.order.is_empty() && turns.origins.is_empty());
}

#[test]
fn a_step_that_is_given_up_takes_no_turn() {
    let mut turns = Turns::new(1);
    for (id, from) in [(1, 1), (2, 2), (3, 2), (4, 3)] {
        turns.wait(id, address(from));
    }
    for id in [1, 3, 1] {
        turns.give_up(id);
    }
    assert_eq!((turns.begin(), turns.begin()), (Some(2), None));
    // It is computed to its end all the same, which takes a turn.
    turns.give_up(2);
    assert_eq!(turns.begin(), None);
    turns.end();
    assert_eq!(turns.begin(), Some(4));
    turns.end();
    // The origin begins anew.
    turns.wait(5, address(1));
    assert_eq!(turns.begin(), Some(5));
    assert!(turns.waiting.is_empty() && turns.order.is_empty() && turns.origins.is_empty());
}
