//! The list of members.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::members::Members;
use super::super::queue::{Feed, MemberKey};
use crate::group::{Group, GroupOptions};

fn joined(members: &Arc<Members>) -> Feed {
    let feed = Feed::new();
    feed.join(members, &GroupOptions::default(), false);
    feed
}

fn keys(members: &Members) -> Vec<MemberKey> {
    members.snapshot().iter().flat_map(|piece| piece.iter()).map(|entry| entry.key).collect()
}

proptest! {
    #[test]
    fn the_list_is_a_sorted_set(steps in proptest::collection::vec((0..400_u64, any::<bool>()), 0..1500)) {
        let group = Members::new();
        // One queue for all: only keys count here.
        let other = Members::new();
        let feed = joined(&other);
        let queue = Arc::clone(&other.find(feed.key()).expect("it has joined").queue);
        let mut model = BTreeSet::new();
        for (number, joins) in steps {
            let key = MemberKey::of(number);
            if joins && model.insert(key) {
                group.add(key, 0, Arc::clone(&queue), false);
            } else if !joins {
                prop_assert_eq!(group.remove(key).is_some(), model.remove(&key));
            }
            prop_assert_eq!(group.len(), model.len());
            prop_assert_eq!(group.slot_of(key).is_some(), model.contains(&key));
        }
        prop_assert_eq!(keys(&group), model.into_iter().collect::<Vec<_>>());
        let pieces = group.pieces();
        prop_assert!(pieces.iter().all(|len| (1..=128).contains(len)));
        prop_assert!(pieces.windows(2).all(|two| two[0] + two[1] > 64 || two[1] > 32));
    }
}

#[test]
fn pieces_of_members_that_joined_in_order_are_nearly_full() {
    let group = Members::new();
    let feeds: Vec<_> = (0..1280).map(|_| joined(&group)).collect();
    assert_eq!(group.pieces(), vec![128; 10]);
    assert!(group.find(feeds[777].key()).is_some());
    drop(feeds);
    assert!(group.pieces().is_empty());
}

#[test]
fn a_snapshot_stays_as_it_is_while_members_come_and_go() {
    let group = Members::new();
    let (one, other) = (joined(&group), joined(&group));
    let snapshot = group.snapshot();
    group.remove(one.key());
    let third = joined(&group);
    assert_eq!(snapshot.iter().map(|piece| piece.len()).sum::<usize>(), 2);
    assert_eq!(keys(&group), [other.key(), third.key()]);
}

#[test]
fn a_connection_that_is_gone_leaves_all_groups_and_nothing_keeps_its_queue() {
    let groups: Vec<_> = (0..3).map(|_| Group::new()).collect();
    let feed = Feed::new();
    for group in &groups {
        feed.join(&group.0.members, &group.0.options, true);
        feed.join(&group.0.members, &group.0.options, true);
        assert_eq!(group.len(), 1, "joining twice changes nothing");
        group.publish("waits");
    }
    assert!(groups[0].leave(feed.key()));
    assert!(!groups[0].leave(feed.key()));
    let queue = Arc::downgrade(&groups[1].0.members.find(feed.key()).expect("it is there").queue);
    drop(feed);
    assert!(groups.iter().all(Group::is_empty));
    assert_eq!(queue.strong_count(), 0);
}
