//! Each policy, for a member that stops reading and comes back. Tests in virtual time check exactly
//! which messages it gets; here it is the policy's promise, whatever the sockets hold.

use std::time::Duration;

use bluewire::CloseCode;
use bluewire::Error;
use bluewire::blocking::WebSocket;
use bluewire::group::{Group, GroupOptions, SlowMember};

use super::fixture::{KINDS, Kind, PATIENCE, clients, number, patient, payload, serve_with, until};
use super::watchdog;

const LEN: usize = 32 * 1024;
/// More than sockets and bounds hold together.
const COUNT: u32 = 1_000;

/// A group with one slow member, and one that reads all the time.
fn start(kind: Kind, slow: SlowMember) -> (Group, WebSocket<std::net::TcpStream>) {
    let group = Group::with(GroupOptions::default().slow(slow).messages_max(16));
    let address = serve_with(kind, &group, patient());
    let client = clients(address, &group, 1).pop().unwrap();
    (group, client)
}

/// Publishes to a member that does not read. How many messages it has missed.
fn publish_all(group: &Group) -> u64 {
    for number in 0..COUNT {
        group.publish(&payload(number, LEN));
        if number % 16 == 0 {
            // Members whose tasks have to be woken get some time.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    group.skipped()
}

/// Receives until there is nothing for a while.
fn receive(client: &mut WebSocket<std::net::TcpStream>, last: u32) -> Vec<u32> {
    let mut numbers = Vec::new();
    while let Some(message) = client.recv_timeout(PATIENCE).unwrap() {
        numbers.push(number(message.as_bytes()));
        if numbers.last() == Some(&last) {
            break;
        }
    }
    assert!(numbers.windows(2).all(|two| two[0] < two[1]), "out of order: {numbers:?}");
    numbers
}

#[test]
fn skipped_messages_are_those_that_had_no_room() {
    let _watch = watchdog::bound();
    for kind in KINDS {
        let (group, mut client) = start(*kind, SlowMember::Skip);
        let skipped = publish_all(&group);
        assert!(skipped > 0, "{kind:?}");
        let (key, expected) = (group.keys()[0], u64::from(COUNT) - skipped);
        assert_eq!(group.stats(key).unwrap().skipped, skipped);
        let mut numbers = Vec::new();
        while (numbers.len() as u64) < expected {
            let message = client.recv_timeout(PATIENCE).unwrap().unwrap();
            numbers.push(number(message.as_bytes()));
        }
        assert!(numbers.windows(2).all(|two| two[0] < two[1]), "{kind:?} {numbers:?}");
        // It gets everything again.
        until("nothing waits", || group.stats(key).is_some_and(|stats| stats.waiting == 0));
        group.publish(&payload(COUNT, LEN));
        assert_eq!(receive(&mut client, COUNT), [COUNT], "{kind:?}");
    }
}

#[test]
fn replaced_messages_are_the_oldest() {
    let _watch = watchdog::bound();
    for kind in KINDS {
        let (group, mut client) = start(*kind, SlowMember::ReplaceOldest);
        let skipped = publish_all(&group);
        let numbers = receive(&mut client, COUNT - 1);
        assert!(skipped > 0, "{kind:?}");
        assert_eq!(numbers.len() as u64, u64::from(COUNT) - skipped, "{kind:?}");
        let last: Vec<_> = (COUNT - 16..COUNT).collect();
        assert_eq!(numbers[numbers.len() - 16..], last, "{kind:?}");
    }
}

#[test]
fn a_member_that_is_behind_is_closed_behind_a_beginning_without_holes() {
    let _watch = watchdog::bound();
    for kind in KINDS {
        for code in [CloseCode::TRY_AGAIN_LATER, CloseCode::POLICY_VIOLATION] {
            let (group, mut client) = start(*kind, SlowMember::Close(code));
            publish_all(&group);
            assert!(group.is_empty(), "{kind:?}");
            let mut next = 0;
            while let Some(message) = client.recv_timeout(PATIENCE).unwrap() {
                assert_eq!(number(message.as_bytes()), next, "{kind:?}");
                next += 1;
            }
            let closure = client.closure().unwrap();
            assert!(closure.clean, "{kind:?} {closure:?}");
            assert_eq!((closure.code, &*closure.reason), (code, "too far behind"), "{kind:?}");
        }
    }
}

#[test]
fn a_publisher_that_waits_loses_nothing() {
    let _watch = watchdog::bound();
    for kind in KINDS {
        let (group, mut client) = start(*kind, SlowMember::Wait(PATIENCE));
        std::thread::scope(|scope| {
            let publisher = group.clone();
            scope.spawn(move || {
                for number in 0..COUNT / 2 {
                    publisher.publish(&payload(number, LEN)).wait();
                }
                smol::block_on(async {
                    for number in COUNT / 2..COUNT {
                        publisher.publish(&payload(number, LEN)).await;
                    }
                });
            });
            until("the publisher waits", || {
                let key = group.keys()[0];
                group.stats(key).is_some_and(|stats| stats.waiting == 16)
            });
            std::thread::sleep(Duration::from_millis(50));
            assert_eq!(receive(&mut client, COUNT - 1).len(), COUNT as usize, "{kind:?}");
        });
        assert_eq!((group.skipped(), group.len()), (0, 1), "{kind:?}");
    }
}

#[test]
fn a_publisher_does_not_wait_for_longer_than_the_budget() {
    let _watch = watchdog::bound();
    for kind in KINDS {
        let (group, mut client) = start(*kind, SlowMember::Wait(Duration::from_millis(20)));
        for number in 0..COUNT {
            if group.is_empty() {
                break;
            }
            group.publish(&payload(number, LEN)).wait();
        }
        assert!(group.is_empty(), "{kind:?}");
        while client.recv_timeout(PATIENCE).unwrap().is_some() {}
        assert_eq!(client.closure().unwrap().code, CloseCode::TRY_AGAIN_LATER, "{kind:?}");
    }
}

#[test]
fn a_member_that_never_reads_ends_at_the_write_timeout() {
    let _watch = watchdog::bound();
    let group = Group::with(GroupOptions::default().slow(SlowMember::Skip));
    // A member whose thread sleeps in a read, so that only the publisher has ever written.
    let server = bluewire::blocking::Server::bind_with("127.0.0.1:0", patient()).unwrap();
    let (address, members) = (server.local_addr(), group.clone());
    let (ended, ends) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        server.serve(move |mut socket| {
            socket.set_flow(bluewire::Flow::default().write_timeout(Duration::from_millis(300)));
            members.join(&mut socket).unwrap();
            let _ = ended.send(socket.recv().map(|message| message.is_some()));
        });
    });
    let _client = clients(address, &group, 1);
    publish_all(&group);
    let ended = ends.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(ended, Err(Error::Io(_) | Error::Fault(_)) | Ok(false)), "{ended:?}");
    until("it has left", || group.is_empty());
}
