//! A publisher beside the loop of a member with callbacks, in orders that a model checker chooses.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{self, JoinHandle};

use super::{CLOSE, Log, start_with};
use crate::facade::{CloseOptions, SendOptions, WebSocket};
use crate::group::Group;
use crate::group::models::{Got, MESSAGES, got, publisher};
use crate::sync::model::check;

/// The bytes of all published messages and of the one that is sent.
const ALL_LEN: usize = 3 * MESSAGES + 6;

fn join(thread: JoinHandle<()>) {
    thread.join().expect("no panic");
}

/// A thread that sends a message, whose callback is noted.
fn sender(socket: &WebSocket, log: &Log) -> JoinHandle<()> {
    let (socket, log) = (socket.clone(), log.clone());
    thread::spawn(move || {
        socket.send(SendOptions::new("sent").success(move || log.note("sent")));
    })
}

#[test]
fn a_member_gets_all_that_is_published_beside_its_loop() {
    check(8_000, || {
        let (socket, looping, stream) = start_with(&[]);
        let (group, log) = (Group::new(), Log::default());
        group.join(&socket).expect("it is open");
        let (publishing, _) = publisher(&group);
        let mut threads = vec![publishing, sender(&socket, &log)];
        let room = thread_rng().gen_range(0..ALL_LEN);
        stream.make_room(room);
        if thread_rng().gen_bool(0.5) {
            threads.drain(..).for_each(join);
        }
        // No room is left when all is written, so this causes no wake-up.
        stream.change(|ends| ends.room += ALL_LEN - room);
        // Nothing else happens meanwhile: without a wake-up that is due, it waits forever.
        stream.expect(|written| written.len() == ALL_LEN);
        log.expect(&["sent"]);
        threads.into_iter().for_each(join);
        stream.make_room(usize::MAX);
        drop(socket);
        let written = looping.join();
        assert_eq!(got(&written), Got { published: MESSAGES, sent: 1, closed: true });
        assert!(group.is_empty(), "it has left");
    });
}

#[test]
fn a_member_that_ends_gets_what_was_published_before() {
    check(10_000, || {
        let (socket, looping, stream) = start_with(&[]);
        stream.make_room(if thread_rng().gen_bool(0.5) { 4 } else { usize::MAX });
        let (group, log) = (Group::new(), Log::default());
        group.join(&socket).expect("it is open");
        let (publishing, released) = publisher(&group);
        let sending = sender(&socket, &log);
        let end = thread_rng().gen_range(0..4);
        let ending = {
            let (socket, stream) = (socket.clone(), Arc::clone(&stream));
            thread::spawn(move || {
                let before = released.load(Ordering::SeqCst);
                match end {
                    0 => socket.close(CloseOptions::default()),
                    1 => stream.change(|ends| ends.incoming.extend(CLOSE)),
                    2 => stream.change(|ends| ends.ended = true),
                    _ => stream.change(|ends| ends.write_fails = true),
                }
                before
            })
        };
        let before = ending.join().expect("no panic");
        stream.make_room(usize::MAX);
        [publishing, sending].into_iter().for_each(join);
        // A failed write is seen by who writes.
        drop(socket);
        let written = looping.join();
        let got = got(&written);
        if end < 2 {
            assert!(got.closed && got.published >= before, "{got:?} {before} {end}");
        }
        assert!(group.is_empty(), "it has left");
    });
}
