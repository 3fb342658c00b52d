//! Messages that groups publish to a connection, in virtual time: a peer stops reading and comes
//! back.

use std::time::Duration;

use bluewire_core::{CloseCode, Config, Message, PreparedMessage, State};

use super::super::{CORK_LEN_MAX, Lay, Purpose};
use super::world::{Turn, World};
use crate::group::{Group, GroupOptions, JoinSealed, Joining, MemberKey, SlowMember};
use crate::{Flow, SendError};

const S: Duration = Duration::from_secs(1);
const LEN: usize = 1020;
/// How many messages the outbox takes: until it holds 64 KiB or more.
const IN_OUTBOX: u32 = 64;
const _: () = assert!(IN_OUTBOX as usize * (LEN + 4) == CORK_LEN_MAX);
const MESSAGES_MAX: u32 = 8;

impl JoinSealed for &mut World {
    fn join(self, group: &Joining<'_>) -> Result<MemberKey, SendError> {
        self.driver.join(group)
    }
}

fn config() -> Config {
    Config::default().keepalive(None)
}

fn group(slow: SlowMember) -> Group {
    Group::with(GroupOptions::default().slow(slow).messages_max(MESSAGES_MAX as usize))
}

fn message(number: u32) -> Vec<u8> {
    let mut message = number.to_be_bytes().to_vec();
    message.resize(LEN, 7);
    message
}

fn prepared(number: u32) -> PreparedMessage {
    PreparedMessage::new(Message::Binary(&message(number)))
}

/// Publishes one message every 100 ms to a peer that does not read, for 10 s.
fn publish_to_one_who_stops(world: &mut World, group: &Group) -> u32 {
    world.room = 0;
    for number in 0..100 {
        group.publish(&message(number));
        world.run(Purpose::Receive, None);
        world.now += S / 10;
    }
    100
}

/// The numbers of the messages that were written, and the code of the Close frame behind them.
fn written(world: &World) -> (Vec<u32>, Option<u16>) {
    let mut rest = &world.written[..];
    let mut numbers = Vec::new();
    while let [0x82, 126, high, low, ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        numbers.push(u32::from_be_bytes(rest[4..8].try_into().expect("it has four bytes")));
        rest = &rest[4 + len..];
    }
    match rest {
        [] => (numbers, None),
        [0x88, _, high, low, ..] => (numbers, Some(u16::from_be_bytes([*high, *low]))),
        _ => panic!("there is something else: {:?}", &rest[..4]),
    }
}

fn come_back(world: &mut World) -> (Vec<u32>, Option<u16>) {
    world.room = usize::MAX;
    world.run(Purpose::Receive, None);
    written(world)
}

#[test]
fn published_messages_leave_while_the_program_receives() {
    let mut world = World::new(config());
    let group = group(SlowMember::Skip);
    let key = group.join(&mut world).expect("it is open");
    group.publish(&message(1));
    group.publish(&message(2));
    world.run(Purpose::Receive, None);
    assert_eq!(written(&world), (vec![1, 2], None));
    assert!(group.leave(key));
    group.publish(&message(3));
    world.run(Purpose::Receive, None);
    assert_eq!(written(&world).0, [1, 2]);
}

#[test]
fn a_message_is_written_at_once_only_if_nothing_waits_before_it() {
    let (mut world, group) = (World::new(config()), group(SlowMember::Skip));
    assert_eq!(world.send_published(&prepared(0)), None, "it is in no group");
    let key = group.join(&mut world).expect("it is open");
    assert_eq!(world.send_published(&prepared(1)), Some(true));
    world.room = 0;
    assert_eq!(world.send_published(&prepared(2)), Some(false));
    assert_eq!(world.send_published(&prepared(3)), None, "the one before is not written yet");
    group.publish(&message(3));
    assert_eq!(world.send_published(&prepared(4)), None, "another one waits in the queue");
    assert_eq!(come_back(&mut world).0, [1, 2, 3]);
    assert_eq!(world.send_published(&prepared(4)), Some(true));
    assert_eq!(written(&world), (vec![1, 2, 3, 4], None));
    let chunk = Lay::Chunk(Message::Binary(&[7; LEN]), false);
    world.driver.lay(chunk, || S).expect("it is open");
    world.run(Purpose::Receive, None);
    assert_eq!(world.send_published(&prepared(5)), None, "it would come between two chunks");
    let closed = world.driver.begin_close(CloseCode::NORMAL, "", S);
    closed.expect("the code is valid");
    world.run(Purpose::Receive, None);
    assert_eq!(world.send_published(&prepared(5)), None, "nothing follows a Close frame");
    assert!(group.leave(key));
}

#[test]
fn the_rest_of_a_message_leaves_before_all_others() {
    for room in [0, 1, 3, 4, 5, LEN, LEN + 3] {
        let (mut world, group) = (World::new(config()), group(SlowMember::Skip));
        group.join(&mut world).expect("it is open");
        world.room = room;
        assert_eq!(world.send_published(&prepared(0)), Some(false));
        group.publish(&message(1));
        world.driver.lay(Lay::Message(Message::Binary(&message(2))), || S).expect("it is open");
        assert_eq!(come_back(&mut world), (vec![0, 2, 1], None), "{room}");
    }
}

#[test]
fn a_socket_that_fails_under_a_published_message_takes_no_more() {
    let (mut world, group) = (World::new(config()), group(SlowMember::Skip));
    group.join(&mut world).expect("it is open");
    world.write_fails = true;
    assert_eq!(world.send_published(&prepared(0)), Some(true), "nothing can be written any more");
    world.write_fails = false;
    assert_eq!(world.send_published(&prepared(1)), None);
    world.run(Purpose::Receive, None);
    assert_eq!(written(&world), (vec![], None));
    assert!(group.is_empty(), "it has left");
}

#[test]
fn corked_messages_wait_for_the_end_of_the_cork_or_for_a_message_behind_them() {
    let (mut world, corked) = (World::new(config()), group(SlowMember::Skip));
    let other = group(SlowMember::Skip);
    corked.join(&mut world).expect("it is open");
    other.join(&mut world).expect("it is open");
    let written = |world: &mut World| {
        world.run(Purpose::Receive, None);
        written(world).0
    };
    let cork = corked.cork();
    corked.publish(&message(1));
    assert_eq!(world.send_published(&prepared(2)), None, "it would pass the one that is held");
    assert_eq!(written(&mut world), []);
    other.publish(&message(2));
    assert_eq!(written(&mut world), [1, 2], "messages of a publisher come in order");
    corked.publish(&message(3));
    assert_eq!(written(&mut world), [1, 2]);
    drop(cork);
    assert_eq!(written(&mut world), [1, 2, 3]);
    let cork = corked.cork();
    for number in 4..4 + MESSAGES_MAX / 2 {
        assert_eq!(written(&mut world), [1, 2, 3]);
        corked.publish(&message(number));
    }
    assert_eq!(written(&mut world).len(), 3 + MESSAGES_MAX as usize / 2, "it is half full");
    drop(cork);
}

#[test]
fn one_who_comes_back_has_the_first_messages_if_the_rest_is_skipped() {
    let (mut world, group) = (World::new(config()), group(SlowMember::Skip));
    let key = group.join(&mut world).expect("it is open");
    let count = publish_to_one_who_stops(&mut world, &group);
    let kept = IN_OUTBOX + MESSAGES_MAX;
    let skipped = u64::from(count - kept);
    assert_eq!(group.stats(key).map(|stats| stats.skipped), Some(skipped));
    assert_eq!(group.skipped(), skipped);
    assert_eq!(come_back(&mut world), ((0..kept).collect(), None));
    group.publish(&message(1000));
    assert_eq!(come_back(&mut world).0.last(), Some(&1000));
}

#[test]
fn one_who_comes_back_has_the_last_messages_if_the_oldest_are_replaced() {
    let (mut world, group) = (World::new(config()), group(SlowMember::ReplaceOldest));
    group.join(&mut world).expect("it is open");
    let count = publish_to_one_who_stops(&mut world, &group);
    let expected = (0..IN_OUTBOX).chain(count - MESSAGES_MAX..count).collect();
    assert_eq!(come_back(&mut world), (expected, None));
    assert_eq!(group.skipped(), u64::from(count - IN_OUTBOX - MESSAGES_MAX));
}

#[test]
fn one_who_comes_back_is_closed_behind_what_had_begun_to_leave() {
    for code in [CloseCode::POLICY_VIOLATION, CloseCode::TRY_AGAIN_LATER] {
        let mut world = World::new(config().close_timeout(60 * S));
        let group = group(SlowMember::Close(code));
        group.join(&mut world).expect("it is open");
        publish_to_one_who_stops(&mut world, &group);
        assert!(group.is_empty(), "it has left");
        assert_eq!(group.skipped(), u64::from(MESSAGES_MAX) + 1);
        assert_eq!(world.driver.state(), State::Closing);
        assert_eq!(come_back(&mut world), ((0..IN_OUTBOX).collect(), Some(code.value())));
    }
}

#[test]
fn a_code_that_must_not_be_sent_counts_as_1013() {
    let mut world = World::new(config().close_timeout(60 * S));
    let group = group(SlowMember::Close(CloseCode::ABNORMAL));
    group.join(&mut world).expect("it is open");
    publish_to_one_who_stops(&mut world, &group);
    assert_eq!(come_back(&mut world).1, Some(1013));
}

#[test]
fn one_who_comes_back_within_the_budget_has_every_message() {
    let (mut world, group) = (World::new(config()), group(SlowMember::Wait(3600 * S)));
    group.join(&mut world).expect("it is open");
    world.room = 0;
    let mut number = 0;
    let published = loop {
        let published = group.publish(&message(number));
        world.run(Purpose::Receive, None);
        if published.waiting() > 0 {
            break published;
        }
        number += 1;
        world.now += S / 100;
    };
    assert_eq!(number, IN_OUTBOX + MESSAGES_MAX);
    world.now += 10 * S;
    let expected = (0..=number).collect();
    assert_eq!(come_back(&mut world), (expected, None));
    published.wait();
    assert_eq!(group.skipped(), 0);
}

#[test]
fn control_frames_do_not_wait_behind_what_is_published() {
    let (mut world, group) = (World::new(config()), group(SlowMember::Skip));
    group.join(&mut world).expect("it is open");
    publish_to_one_who_stops(&mut world, &group);
    world.arrive(b"\x89\x80\0\0\0\0");
    world.run(Purpose::Receive, None);
    world.room = 2;
    world.write();
    assert_eq!(world.written, b"\x8a\0");
}

#[test]
fn a_message_in_chunks_holds_the_others_up_and_nothing_spins() {
    let (mut world, group) = (World::new(config()), group(SlowMember::Skip));
    group.join(&mut world).expect("it is open");
    world.lay(Lay::Chunk(Message::Binary(b"a"), false)).expect("it is open");
    group.publish(&message(1));
    assert!(matches!(world.run(Purpose::Receive, None), Turn::Waits(_)));
    assert!(!world.driver.has_published(), "a thread could not sleep");
    world.lay(Lay::Chunk(Message::Binary(b"b"), true)).expect("it is open");
    assert!(world.driver.has_published());
    world.run(Purpose::Receive, None);
    assert_eq!(world.written[..6], *b"\x02\x01a\x80\x01b");
    assert_eq!(world.written.len(), 6 + 4 + LEN);
}

#[test]
fn a_small_queue_of_the_connection_bounds_what_is_taken() {
    let (mut world, group) = (World::new(config()), group(SlowMember::Skip));
    world.driver.set_flow(Flow::default().queue_len_max(0));
    let key = group.join(&mut world).expect("it is open");
    world.room = 0;
    for number in 0..3 {
        group.publish(&message(number));
        world.run(Purpose::Receive, None);
    }
    assert_eq!(group.stats(key).map(|stats| stats.waiting), Some(2));
    assert_eq!(come_back(&mut world).0, [0, 1, 2]);
}

#[test]
fn a_message_that_no_outbox_takes_is_skipped() {
    let limits = bluewire_core::Limits::default().outbox_len_max(1000);
    let (mut world, group) = (World::new(config().limits(limits)), group(SlowMember::Skip));
    group.join(&mut world).expect("it is open");
    group.publish(&message(1));
    group.publish("fits");
    world.run(Purpose::Receive, None);
    assert_eq!(world.written, b"\x81\x04fits");
    assert_eq!(group.skipped(), 1);
}

#[test]
fn a_connection_leaves_however_it_ends() {
    type End = fn(&mut World);
    let ends: [(&str, End); 6] = [
        ("closing", |world| drop(world.lay(Lay::Close(CloseCode::NORMAL, "")))),
        ("the peer closes", |world| world.arrive(b"\x88\x80\0\0\0\0")),
        ("the stream ends", |world| world.incoming_ended = true),
        ("a fault", |world| world.arrive(b"\xff\x80\0\0\0\0")),
        ("a failed write", |world| world.write_fails = true),
        ("a cut", |world| world.driver.cut()),
    ];
    for (what, end) in ends {
        let mut world = World::new(config().close_timeout(S));
        let group = group(SlowMember::Skip);
        group.join(&mut world).expect("it is open");
        end(&mut world);
        // Publishing to a member that does not answer any more changes nothing.
        group.publish("x");
        world.run_on(Purpose::Receive, 10);
        assert!(group.is_empty(), "{what}");
        assert_eq!(group.join(&mut world), Err(SendError::NotOpen), "{what}");
    }
    let mut world = World::new(config());
    let group = group(SlowMember::Skip);
    group.join(&mut world).expect("it is open");
    drop(world);
    assert!(group.is_empty(), "dropped");
}

#[test]
fn a_peer_that_never_reads_fails_at_the_write_timeout() {
    let (mut world, group) = (World::new(config().close_timeout(S)), group(SlowMember::Skip));
    group.join(&mut world).expect("it is open");
    world.room = 0;
    group.publish(&message(0));
    let turn = world.run_on(Purpose::Receive, 10);
    assert!(matches!(turn, Turn::Ended(Err(_))), "{turn:?}");
    assert!(world.now >= Flow::default().write_timeout);
    assert!(group.is_empty());
}
