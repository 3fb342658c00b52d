//! Groups by name.

use super::super::join::{JoinSealed, Joining};
use super::super::queue::{Feed, MemberKey};
use super::super::topics::Topics;
use crate::{SendError, facade};

struct Connection<'a>(&'a Feed, bool);

impl JoinSealed for Connection<'_> {
    fn join(self, group: &Joining<'_>) -> Result<MemberKey, SendError> {
        match self.1 {
            true => Ok(group.join(self.0, false)),
            false => Err(SendError::NotOpen),
        }
    }
}

#[test]
fn a_topic_exists_while_it_has_subscribers() {
    let topics = Topics::new();
    let (one, other) = (Feed::new(), Feed::new());
    let key = topics.subscribe("a", Connection(&one, true)).expect("it is open");
    assert_eq!(topics.subscribe("b", Connection(&one, true)), Ok(key), "one key for all topics");
    topics.subscribe("a", Connection(&other, true)).expect("it is open");
    assert_eq!(topics.len(), 2);
    assert_eq!(topics.publish("a", "to two").queued, 2);
    assert_eq!(topics.publish_except("a", key, "to one").queued, 1);
    assert_eq!(topics.publish("c", "to none").queued, 0);
    assert!(topics.unsubscribe("b", key));
    assert!(!topics.unsubscribe("b", key));
    assert_eq!(topics.names().iter().map(|name| &**name).collect::<Vec<_>>(), ["a"]);
    drop((one, other));
    assert!(topics.is_empty());
}

#[test]
fn a_connection_that_is_not_open_leaves_no_topic_behind() {
    let topics = Topics::new();
    let feed = Feed::new();
    let refused = topics.subscribe("a", Connection(&feed, false));
    assert_eq!(refused, Err(SendError::NotOpen));
    assert!(topics.is_empty());
}

#[test]
fn many_threads_subscribe_and_leave() {
    let topics = Topics::new();
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let topics = &topics;
            scope.spawn(move || {
                for round in 0..500_usize {
                    let feed = Feed::new();
                    let topic = ["a", "b", "c"][(round + thread) % 3];
                    let key = topics.subscribe(topic, Connection(&feed, true)).expect("it is open");
                    assert!(topics.publish(topic, "x").queued >= 1, "a topic lost a subscriber");
                    if round % 2 == 0 {
                        assert!(topics.unsubscribe(topic, key));
                    }
                }
            });
        }
    });
    assert!(topics.is_empty(), "{topics:?}");
}

/// All of them go where connections go.
#[test]
fn groups_are_shared_by_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Topics>();
    check::<crate::group::Group>();
    check::<crate::group::Published>();
    check::<facade::WebSocket>();
}
