//! Publishers that wait for slow members.

use std::future::{Future, IntoFuture};
use std::pin::pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use super::super::options::{GroupOptions, SlowMember};
use super::super::queue::Feed;
use super::super::waiting::Taken;
use super::Count;
use crate::CloseCode;
use crate::group::Group;

const LONG: Duration = Duration::from_secs(3600);

fn full(budget: Duration) -> (Group, Feed) {
    let options = GroupOptions::default().slow(SlowMember::Wait(budget)).messages_max(1);
    let group = Group::with(options);
    let feed = Feed::new();
    feed.join(&group.0.members, &group.0.options, false);
    assert_eq!(group.publish("1").waiting(), 0);
    (group, feed)
}

fn take_one(feed: &Feed) -> Vec<u8> {
    let mut payload = Vec::new();
    feed.take(|message| {
        payload = message.payload().to_vec();
        Taken::LaidLast
    });
    payload
}

#[test]
fn a_publisher_waits_until_there_is_room() {
    let (group, feed) = full(LONG);
    let now = Instant::now();
    let mut published = group.publish("2");
    assert_eq!((published.queued, published.waiting()), (0, 1));
    assert!(published.settle(now).is_some_and(|left| left > LONG / 2));
    assert_eq!(take_one(&feed), b"1");
    assert_eq!(published.settle(now), None);
    assert_eq!(take_one(&feed), b"2");
    assert_eq!(group.skipped(), 0);
}

#[test]
fn a_member_that_is_late_is_closed() {
    let (group, feed) = full(LONG);
    let mut published = group.publish("2");
    let before = Instant::now() + LONG / 2;
    assert!(published.settle(before).is_some());
    assert_eq!(published.settle(Instant::now() + LONG * 2), None);
    assert!(group.is_empty());
    assert_eq!(feed.take(|_| Taken::Laid), Some(CloseCode::TRY_AGAIN_LATER));
    assert_eq!(group.skipped(), 2, "the one that waited, and the one that had no room");
}

#[test]
fn a_publisher_that_does_not_wait_takes_its_message_back() {
    let (group, feed) = full(LONG);
    drop(group.publish("2"));
    assert_eq!(group.skipped(), 1);
    assert_eq!(take_one(&feed), b"1");
    group.publish("3");
    assert_eq!(take_one(&feed), b"3");
    assert_eq!(group.len(), 1);
}

#[test]
fn a_task_that_waits_is_woken_by_room_and_by_the_end() {
    for ends in [false, true] {
        let (group, feed) = full(LONG);
        let mut waits = pin!(group.publish("2").into_future());
        let (count, waker) = Count::waker();
        let cx = &mut Context::from_waker(&waker);
        assert_eq!(waits.as_mut().poll(cx), Poll::Pending);
        assert_eq!(count.get(), 0);
        match ends {
            true => drop(feed),
            false => drop(take_one(&feed)),
        }
        assert_eq!(count.get(), 1);
        assert_eq!(waits.as_mut().poll(cx), Poll::Ready(()));
    }
}

#[test]
fn the_timekeeper_ends_a_wait_without_a_runtime() {
    let (group, _feed) = full(Duration::from_millis(20));
    let waits = group.publish("2").into_future();
    let mut waits = pin!(waits);
    let (count, waker) = Count::waker();
    assert_eq!(waits.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Pending);
    let end = Instant::now() + Duration::from_secs(60);
    while count.get() == 0 && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(waits.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Ready(()));
    assert!(group.is_empty());
}

#[test]
fn a_thread_waits_for_room_and_for_the_budget() {
    let (group, feed) = full(LONG);
    thread::scope(|scope| {
        scope.spawn(|| group.publish("2").wait());
        let end = Instant::now() + Duration::from_secs(60);
        while feed_is_full(&group) && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
            take_one(&feed);
        }
    });
    assert_eq!(group.len(), 1);
    // A budget of nothing closes at once; one without an end waits.
    let (group, _feed) = full(Duration::ZERO);
    group.publish("2").wait();
    assert!(group.is_empty());
    let (group, feed) = full(Duration::MAX);
    let mut published = group.publish("2");
    assert_eq!(published.settle(Instant::now() + LONG), Some(Duration::MAX));
    drop(feed);
    published.wait();
}

fn feed_is_full(group: &Group) -> bool {
    group.keys().iter().any(|key| group.stats(*key).is_some_and(|stats| stats.waiting > 0))
}
