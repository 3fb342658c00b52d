//! A publisher beside the task of a member with callbacks, in orders that a model checker chooses.

use std::sync::atomic::Ordering;

use bluewire_core::Role;
use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{self, JoinHandle};

use super::super::runtime::{Manual, advance, now};
use super::super::wire::{Peer, wire};
use super::super::{CLOSE, quiet};
use crate::asynch::facade::adopt;
use crate::clock::Clock;
use crate::facade::{CloseOptions, WebSocket};
use crate::group::Group;
use crate::group::models::{Got, MESSAGES, got, publisher};
use crate::open::request::Opened;
use crate::sync::model::{check, pass_time_until};

/// A member whose peer takes nothing yet.
fn member() -> (WebSocket, Peer, Group) {
    let (wire, peer) = wire();
    peer.make_room(0);
    let opened = Opened::adopted(Role::Server, &[], quiet().into(), Clock::by(now));
    let (socket, group) = (adopt::<Manual, _>(wire, opened, None), Group::new());
    group.join(&socket).expect("it is open");
    (socket, peer, group)
}

fn sender(socket: &WebSocket) -> JoinHandle<()> {
    let socket = socket.clone();
    thread::spawn(move || socket.send("sent"))
}

fn join(thread: JoinHandle<()>) {
    thread.join().expect("no panic");
}

#[test]
fn a_member_gets_all_that_is_published_beside_its_task() {
    check(8_000, || {
        let (socket, peer, group) = member();
        let (publishing, _) = publisher(&group);
        let mut threads = vec![publishing, sender(&socket)];
        peer.make_room(thread_rng().gen_range(0..10));
        if thread_rng().gen_bool(0.5) {
            threads.drain(..).for_each(join);
        }
        peer.make_room(usize::MAX);
        // Nothing else happens meanwhile: without a wake-up that is due, it waits forever.
        let all = Got { published: MESSAGES, sent: 1, closed: false };
        block_on(peer.until(|ends| got(&ends.writes.concat()) == all));
        threads.into_iter().for_each(join);
        drop(socket);
        block_on(peer.until(|ends| got(&ends.writes.concat()).closed));
        pass_time_until(advance, || group.is_empty());
    });
}

#[test]
fn a_member_that_ends_gets_what_was_published_before() {
    check(10_000, || {
        let (socket, peer, group) = member();
        peer.make_room(if thread_rng().gen_bool(0.5) { 4 } else { usize::MAX });
        let (publishing, released) = publisher(&group);
        let sending = sender(&socket);
        let end = thread_rng().gen_range(0..4);
        let ending = {
            let (socket, peer) = (socket.clone(), peer.clone());
            thread::spawn(move || {
                let before = released.load(Ordering::SeqCst);
                match end {
                    0 => socket.close(CloseOptions::default()),
                    1 => peer.send(CLOSE),
                    2 => peer.end(b""),
                    _ => peer.ends().write_fails = true,
                }
                before
            })
        };
        let before = ending.join().expect("no panic");
        peer.make_room(usize::MAX);
        [publishing, sending].into_iter().for_each(join);
        // A failed write is seen by who writes.
        drop(socket);
        pass_time_until(advance, || peer.ends().shut_down && group.is_empty());
        let got = got(&peer.written());
        if end < 2 {
            assert!(got.closed && got.published >= before, "{got:?} {before} {end}");
        }
    });
}
