//! The messages that a member gets, by each policy, against a model that knows no order of several
//! groups.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::Duration;

use proptest::prelude::*;

use super::super::options::{GroupOptions, SlowMember};
use super::super::waiting::{MemberStats, Pushed, Taken, Waiting};
use super::posted;
use crate::CloseCode;

const CODE: CloseCode = CloseCode::POLICY_VIOLATION;

fn options(slow: SlowMember) -> GroupOptions {
    GroupOptions::default().slow(slow).messages_max(3).bytes_max(100)
}

fn one(slow: SlowMember) -> (Waiting, u32) {
    let mut waiting = Waiting::default();
    let slot = waiting.join(&options(slow));
    (waiting, slot)
}

fn push(waiting: &mut Waiting, slot: u32, payload: &[u8]) -> Pushed {
    waiting.push(slot, &posted(payload))
}

fn take_all(waiting: &mut Waiting) -> Vec<Vec<u8>> {
    let mut taken = Vec::new();
    waiting.drain(|message| {
        taken.push(message.payload().to_vec());
        Taken::Laid
    });
    taken
}

#[test]
fn a_full_queue_skips_the_message() {
    let (mut waiting, slot) = one(SlowMember::Skip);
    for payload in [b"1", b"2", b"3"] {
        assert!(matches!(push(&mut waiting, slot, payload), Pushed::Queued { .. }));
    }
    assert_eq!(push(&mut waiting, slot, b"4"), Pushed::Skipped);
    let stats = MemberStats { waiting: 3, waiting_bytes: 3, skipped: 1 };
    assert_eq!(waiting.stats(slot), Some(stats));
    assert_eq!(take_all(&mut waiting), [b"1", b"2", b"3"]);
    assert!(matches!(push(&mut waiting, slot, b"5"), Pushed::Queued { first: true, .. }));
}

#[test]
fn a_full_queue_replaces_the_oldest_messages() {
    let (mut waiting, slot) = one(SlowMember::ReplaceOldest);
    for payload in [b"1", b"2", b"3"] {
        push(&mut waiting, slot, payload);
    }
    assert_eq!(push(&mut waiting, slot, b"4"), Pushed::Replaced(1));
    // As many as it takes to have room.
    assert_eq!(push(&mut waiting, slot, &[5; 99]), Pushed::Replaced(2));
    assert_eq!(take_all(&mut waiting), [b"4".to_vec(), vec![5; 99]]);
    assert_eq!(waiting.stats(slot).map(|stats| stats.skipped), Some(3));
}

#[test]
fn a_full_queue_closes_the_connection() {
    let (mut waiting, slot) = one(SlowMember::Close(CODE));
    let other = waiting.join(&options(SlowMember::Skip));
    push(&mut waiting, other, b"of another group");
    for payload in [b"1", b"2", b"3"] {
        push(&mut waiting, slot, payload);
    }
    assert_eq!(push(&mut waiting, slot, b"4"), Pushed::Closed(4));
    assert_eq!(waiting.close_code(), Some(CODE));
    assert!(take_all(&mut waiting).is_empty(), "the Close frame comes next");
    assert_eq!(push(&mut waiting, slot, b"5"), Pushed::Gone);
    assert_eq!(push(&mut waiting, other, b"5"), Pushed::Gone);
}

#[test]
fn a_publisher_waits_for_room_and_others_behind_it() {
    let (mut waiting, slot) = one(SlowMember::Wait(Duration::MAX));
    for payload in [b"1", b"2", b"3"] {
        push(&mut waiting, slot, payload);
    }
    let tickets = [b"4", b"5"].map(|payload| {
        assert_eq!(push(&mut waiting, slot, payload), Pushed::Full);
        waiting.block(slot, &posted(payload), Waker::noop()).expect("it is a member")
    });
    let mut taken = 0;
    let (woken, _) = waiting.drain(|message| {
        taken += 1;
        assert_eq!(message.payload(), b"1");
        Taken::LaidLast
    });
    assert_eq!((taken, woken.len()), (1, 1), "there is room for one");
    assert!(!waiting.is_blocked(slot, tickets[0]) && waiting.is_blocked(slot, tickets[1]));
    // A message that comes now does not overtake the one that waits.
    assert_eq!(push(&mut waiting, slot, b"6"), Pushed::Full);
    assert!(waiting.unblock(slot, tickets[1]));
    assert!(!waiting.unblock(slot, tickets[1]));
    assert_eq!(take_all(&mut waiting), [b"2", b"3", b"4"]);
}

#[test]
fn one_message_always_fits() {
    for slow in [SlowMember::Skip, SlowMember::ReplaceOldest, SlowMember::Close(CODE)] {
        let mut waiting = Waiting::default();
        let slot = waiting.join(&options(slow).messages_max(0).bytes_max(0));
        assert!(matches!(push(&mut waiting, slot, &[0; 1000]), Pushed::Queued { .. }));
        assert_eq!(take_all(&mut waiting), [[0; 1000]]);
    }
}

#[test]
fn a_message_that_cannot_be_sent_now_stays_and_one_that_never_can_is_counted() {
    let (mut waiting, slot) = one(SlowMember::Skip);
    push(&mut waiting, slot, b"1");
    push(&mut waiting, slot, b"2");
    waiting.drain(|_| Taken::Later);
    assert_eq!(waiting.stats(slot).map(|stats| stats.waiting), Some(2));
    let mut first = true;
    let (_, never) = waiting.drain(|_| match std::mem::take(&mut first) {
        true => Taken::Never,
        false => Taken::Laid,
    });
    assert_eq!(never, [slot]);
    let stats = MemberStats { waiting: 0, waiting_bytes: 0, skipped: 1 };
    assert_eq!(waiting.stats(slot), Some(stats));
    assert!(waiting.is_idle());
}

#[test]
fn a_member_that_has_caught_up_keeps_little() {
    let mut waiting = Waiting::default();
    let slot = waiting.join(&GroupOptions::default());
    for _ in 0..1000 {
        push(&mut waiting, slot, b"x");
    }
    assert!(waiting.capacity() >= 2000);
    assert_eq!(take_all(&mut waiting).len(), 1000);
    assert_eq!(waiting.capacity(), 0);
    // A few messages at a time allocate once only.
    push(&mut waiting, slot, b"x");
    let capacity = waiting.capacity();
    for _ in 0..100 {
        take_all(&mut waiting);
        push(&mut waiting, slot, b"x");
    }
    assert_eq!(waiting.capacity(), capacity);
}

#[test]
fn the_order_stays_short_when_a_member_leaves_or_takes() {
    for leaves in [true, false] {
        let mut waiting = Waiting::default();
        let [one, other] = [(); 2].map(|()| waiting.join(&options(SlowMember::ReplaceOldest)));
        for (slot, count) in [(other, 3), (one, 25)] {
            for _ in 0..count {
                push(&mut waiting, slot, b"x");
            }
        }
        assert_eq!(waiting.entries(), 28);
        if leaves {
            waiting.leave(other);
        } else {
            let mut left = 3;
            waiting.drain(|_| match left {
                0 => Taken::Later,
                _ => {
                    left -= 1;
                    Taken::Laid
                }
            });
        }
        assert_eq!(waiting.entries(), 3);
    }
}

/// The events of a connection with two memberships.
#[derive(Clone, Debug)]
enum Step {
    Push(usize, usize),
    Take(usize),
    Rejoin(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..2_usize, 1..60_usize).prop_map(|(which, len)| Step::Push(which, len)),
        2 => (0..6_usize).prop_map(Step::Take),
        1 => (0..2_usize).prop_map(Step::Rejoin),
    ];
    proptest::collection::vec(step, 0..300)
}

/// Messages with the number of their publication, for one membership.
#[derive(Default)]
struct Model {
    messages: VecDeque<(u32, usize)>,
    skipped: u64,
}

impl Model {
    fn push(&mut self, number: u32, len: usize, replaces: bool) {
        let fits = |messages: &VecDeque<(u32, usize)>| {
            let bytes: usize = messages.iter().map(|(_, len)| len).sum();
            messages.is_empty() || (messages.len() < 3 && bytes + len <= 100)
        };
        while replaces && !fits(&self.messages) {
            self.messages.pop_front();
            self.skipped += 1;
        }
        match fits(&self.messages) {
            true => self.messages.push_back((number, len)),
            false => self.skipped += 1,
        }
    }
}

proptest! {
    #[test]
    fn messages_come_out_by_the_policies_in_the_order_of_publication(steps in steps()) {
        let policies = [SlowMember::ReplaceOldest, SlowMember::Skip];
        let mut waiting = Waiting::default();
        let mut slots = policies.map(|slow| waiting.join(&options(slow)));
        let mut models = [Model::default(), Model::default()];
        for (number, step) in (0_u32..).zip(steps) {
            match step {
                Step::Push(which, len) => {
                    let mut payload = number.to_be_bytes().to_vec();
                    payload.resize(len.max(4), 0);
                    let replaces = policies[which] == SlowMember::ReplaceOldest;
                    models[which].push(number, payload.len(), replaces);
                    push(&mut waiting, slots[which], &payload);
                }
                Step::Take(count) => {
                    let mut left = count;
                    let mut taken = Vec::new();
                    waiting.drain(|message| {
                        if left == 0 {
                            return Taken::Later;
                        }
                        left -= 1;
                        let number = message.payload()[..4].try_into().expect("it has four bytes");
                        taken.push(u32::from_be_bytes(number));
                        Taken::Laid
                    });
                    for number in taken {
                        // The oldest of both.
                        let first = |model: &Model| model.messages.front().map(|(first, _)| *first);
                        let next = models.iter().filter_map(first).min();
                        prop_assert_eq!(Some(number), next);
                        models.iter_mut().for_each(|model| {
                            if first(model) == next {
                                model.messages.pop_front();
                            }
                        });
                    }
                }
                Step::Rejoin(which) => {
                    waiting.leave(slots[which]);
                    slots[which] = waiting.join(&options(policies[which]));
                    models[which] = Model::default();
                }
            }
            let mut live = 0;
            for (slot, model) in slots.iter().zip(&models) {
                let stats = waiting.stats(*slot).expect("it has joined");
                prop_assert_eq!(stats.waiting, model.messages.len());
                let bytes: usize = model.messages.iter().map(|(_, len)| len).sum();
                prop_assert_eq!(stats.waiting_bytes, bytes);
                prop_assert_eq!(stats.skipped, model.skipped);
                live += stats.waiting;
            }
            prop_assert!(waiting.entries() <= 2 * live + 16, "the order has a bound");
            prop_assert_eq!(waiting.is_idle(), live == 0);
        }
    }
}
