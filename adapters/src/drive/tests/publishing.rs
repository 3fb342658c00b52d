//! How a driver takes what groups publish, and how publishers reach its connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
#[cfg(feature = "_asynch")]
use std::task::{Wake, Waker};
use std::time::Duration;

use bluewire_core::{CloseCode, Config, Limits, Message, PreparedMessage, SendError};

use super::super::{Flow, Lay, Next, Purpose};
use super::world::World;
use crate::group::{Group, MemberKey, Reach};
use crate::sync::{Mutex, lock};

const S: Duration = Duration::from_secs(1);

/// The messages that publishers hand over, in order, and how often they look before.
#[derive(Default)]
struct Handed(Mutex<Vec<Option<PreparedMessage>>>, AtomicUsize);

impl Reach for Handed {
    fn write_published(self: Arc<Self>, message: Option<&PreparedMessage>) -> bool {
        lock(&self.0).push(message.cloned());
        true
    }

    fn may_write_published(&self) -> bool {
        self.1.fetch_add(1, Ordering::SeqCst);
        true
    }
}

impl Handed {
    fn looks(&self) -> usize {
        self.1.load(Ordering::SeqCst)
    }

    fn all(&self) -> Vec<Option<PreparedMessage>> {
        lock(&self.0).clone()
    }
}

fn world() -> World {
    World::new(Config::default().keepalive(None).close_timeout(S))
}

/// A member of a group.
fn member(world: &mut World) -> (Group, MemberKey) {
    let group = Group::new();
    let key = group.join(world).expect("it is open");
    (group, key)
}

/// Asks for the next step of a caller that reads nothing.
fn look(world: &mut World) {
    let now = world.now;
    world.driver.next_without(false, false, || now).expect("it is not over");
}

#[cfg(feature = "blocking")]
#[test]
fn a_driver_has_a_feed_once_it_has_joined_a_group() {
    let mut world = world();
    assert!(!world.driver.has_feed());
    let (group, key) = member(&mut world);
    assert!(world.driver.has_feed());
    group.leave(key);
    assert!(world.driver.has_feed(), "it may join again");
}

#[test]
fn publishers_hand_messages_to_who_reaches_the_connection() {
    let mut world = world();
    let handed = Arc::<Handed>::default();
    world.driver.set_reach(&handed);
    let (group, _) = member(&mut world);
    group.publish("queued");
    look(&mut world);
    assert_eq!(handed.all(), []);
    world.driver.set_reach(&handed);
    group.publish("direct");
    assert_eq!(handed.all(), [Some(PreparedMessage::new("direct"))]);
    world.write();
    assert_eq!(world.written, b"\x81\x06queued");
}

/// To look costs as much as to queue a message.
#[test]
fn a_publisher_looks_at_a_connection_only_if_it_will_write() {
    let (mut world, handed) = (world(), Arc::<Handed>::default());
    let (group, key) = member(&mut world);
    world.driver.set_reach(&handed);
    group.publish_except(key, "for the others");
    assert_eq!(handed.looks(), 0);
    group.publish("now");
    assert_eq!((handed.looks(), handed.all().len()), (1, 1));
    let cork = group.cork();
    group.publish("held");
    assert_eq!((handed.looks(), handed.all().len()), (1, 1));
    drop(cork);
    assert_eq!((handed.looks(), handed.all().len()), (2, 2));
    group.publish("behind it");
    assert_eq!(handed.looks(), 2, "an earlier message waits");
    drop(group.cork());
    assert_eq!(handed.looks(), 3);
    look(&mut world);
    drop(group.cork());
    assert_eq!(handed.looks(), 3, "nothing waits");
}

/// A group compresses a message only if a member can take it so.
#[cfg(feature = "deflate")]
#[test]
fn a_connection_with_compression_lets_its_groups_compress() {
    use bluewire_core::Deflate;

    let text = "once for all members, ".repeat(100);
    let deflate = Deflate::default();
    for compresses in [false, true] {
        let mut world = world();
        if compresses {
            let params = deflate.accept("permessage-deflate").expect("it is acceptable");
            world.driver = world.driver.with_deflate(params);
        }
        let options = crate::group::GroupOptions::default().deflate(deflate.clone());
        let (group, handed) = (Group::with(options), Arc::<Handed>::default());
        group.join(&mut world).expect("it is open");
        world.driver.set_reach(&handed);
        group.publish(&text);
        let expected = match compresses {
            true => PreparedMessage::compressed(text.as_str(), &deflate),
            false => PreparedMessage::new(text.as_str()),
        };
        assert_eq!(handed.all(), [Some(expected)], "{compresses}");
    }
}

#[cfg(feature = "_asynch")]
#[derive(Default)]
struct Count(AtomicUsize);

#[cfg(feature = "_asynch")]
impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(feature = "_asynch")]
#[test]
fn a_task_that_listens_is_woken_once_and_at_once_if_something_waits() {
    let mut world = world();
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let woken = || count.0.load(Ordering::SeqCst);
    // In no group, nothing can wake it.
    world.driver.listen_for_published(&waker);
    let (group, _) = member(&mut world);
    group.publish("before");
    assert_eq!(woken(), 0);
    world.driver.listen_for_published(&waker);
    assert_eq!(woken(), 1);
    look(&mut world);
    world.driver.listen_for_published(&waker);
    assert_eq!(woken(), 1);
    group.publish("first");
    group.publish("second");
    assert_eq!(woken(), 2);
}

#[test]
fn one_look_takes_all_that_the_outbox_has_room_for() {
    let mut world = world();
    let (group, _) = member(&mut world);
    for text in ["a", "b", "c"] {
        group.publish(text);
    }
    look(&mut world);
    assert_eq!(world.driver.queue_len(), 9);
    assert!(!world.driver.has_published());
}

#[test]
fn a_look_takes_no_message_once_the_outbox_is_full() {
    let mut world = world();
    // Two messages of three bytes reach the bound.
    world.driver.set_flow(Flow::default().queue_len_max(6));
    let (group, key) = member(&mut world);
    for text in ["a", "b", "c"] {
        group.publish(text);
    }
    look(&mut world);
    assert_eq!(world.driver.queue_len(), 6);
    assert_eq!(group.stats(key).map(|stats| stats.waiting), Some(1));
}

#[test]
fn the_rest_of_a_published_message_does_not_wait_for_the_program() {
    for (room, all) in [(usize::MAX, true), (1, false)] {
        let mut world = world();
        let _member = member(&mut world);
        world.room = room;
        assert_eq!(world.send_published(&PreparedMessage::new("Hello")), Some(all));
        assert_eq!(world.driver.take_answered(), !all);
    }
}

#[test]
fn a_message_that_needs_more_room_waits_for_it() {
    let limits = Limits::default().outbox_len_max(1000);
    let mut world = World::new(Config::default().keepalive(None).limits(limits));
    let (group, key) = member(&mut world);
    world.room = 0;
    world.lay(Lay::Message(Message::Binary(&[0; 600]))).expect("it is open");
    group.publish(&vec![1; 600]);
    look(&mut world);
    assert_eq!(world.driver.queue_len(), 604);
    assert_eq!(group.stats(key).map(|stats| (stats.waiting, stats.skipped)), Some((1, 0)));
    assert!(!world.driver.has_published(), "a thread could not sleep");
    // The end of a write makes room.
    world.room = usize::MAX;
    world.write();
    assert_eq!(world.written.len(), 2 * 604);
    assert_eq!(group.skipped(), 0);
}

#[test]
fn a_message_goes_nowhere_at_once_while_an_earlier_one_is_held_up() {
    let mut world = world();
    let (group, key) = member(&mut world);
    world.lay(Lay::Chunk(Message::Text("part"), false)).expect("it is open");
    world.write();
    group.publish("first");
    look(&mut world);
    assert_eq!(world.send_published(&PreparedMessage::new("second")), None);
    assert_eq!(group.stats(key).map(|stats| stats.waiting), Some(1));
    assert_eq!(world.written, b"\x01\x04part");
}

#[test]
fn nothing_is_taken_any_more_once_nothing_can_be_written() {
    type End = fn(&mut World);
    let ends: [(&str, End); 2] = [
        ("closing", |world| drop(world.lay(Lay::Close(CloseCode::NORMAL, "")))),
        ("a failed write", |world| {
            world.driver.write_failed(std::io::ErrorKind::BrokenPipe.into(), S);
        }),
    ];
    for (what, end) in ends {
        let mut world = world();
        let (group, _) = member(&mut world);
        end(&mut world);
        let waiting = world.driver.queue_len();
        group.publish("late");
        look(&mut world);
        assert_eq!(world.driver.queue_len(), waiting, "{what}");
        // It has left at once, and does not count as slow.
        assert_eq!((group.len(), group.skipped()), (0, 0), "{what}");
        assert_eq!(group.join(&mut world), Err(SendError::NotOpen), "{what}");
    }
}

/// A group says goodbye, and then the connection, or its server, closes.
#[test]
fn a_close_frame_comes_behind_what_was_published_before() {
    type Close = fn(&mut World);
    let closes: [(&str, Close); 3] = [
        ("sent", |world| drop(world.lay(Lay::Close(CloseCode::GOING_AWAY, "")))),
        ("begun", |world| {
            let begun = world.driver.begin_close(CloseCode::GOING_AWAY, "", world.now);
            begun.expect("the code is valid");
        }),
        ("ordered", |world| assert!(world.admission.begin_shutdown())),
    ];
    for (how, close) in closes {
        let mut world = World::with_slot(Config::default().keepalive(None), true);
        let (group, _) = member(&mut world);
        group.publish("bye");
        close(&mut world);
        world.run(Purpose::Receive, None);
        assert_eq!(world.written, b"\x81\x03bye\x88\x02\x03\xe9", "{how}");
        assert_eq!(group.skipped(), 0, "{how}");
    }
}

#[test]
fn published_messages_leave_before_the_next_message_is_lent() {
    let mut world = world();
    let (group, _) = member(&mut world);
    group.publish("first");
    world.arrivals.inbox.extend(b"\x82\x80\0\0\0\0");
    let next = world.driver.next(&mut world.arrivals, Purpose::Receive, None, || S);
    assert!(matches!(next, Next::Deliver(Some(_))), "{next:?}");
    assert_eq!(world.driver.queue_len(), 7);
    assert!(world.driver.take_answered(), "the program may take its time");
}
