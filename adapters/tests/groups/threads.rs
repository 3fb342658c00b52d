//! Several threads publish; and a thread that sleeps in `recv` goes on sleeping.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use bluewire::ServerOptions;
use bluewire::group::Group;

#[cfg(target_os = "linux")]
use super::fixture::Style;
use super::fixture::{Adapter, KINDS, PATIENCE, clients, number, payload, serve_with};
use super::watchdog;

#[test]
fn each_publisher_is_heard_in_its_order() {
    const PUBLISHERS: u8 = 3;
    const COUNT: u32 = 300;
    let _watch = watchdog::bound();
    for kind in KINDS {
        let group = Group::new();
        let options = match kind.0 {
            Adapter::Smol => ServerOptions::default().threads(3),
            _ => ServerOptions::default(),
        };
        let address = serve_with(*kind, &group, options);
        let clients = clients(address, &group, 3);
        let comes_and_goes = AtomicBool::new(true);
        thread::scope(|scope| {
            let receiving: Vec<_> = clients
                .into_iter()
                .map(|mut client| {
                    scope.spawn(move || {
                        let mut next = [0; PUBLISHERS as usize];
                        while next.iter().any(|next| *next < COUNT) {
                            let message = client.recv_timeout(PATIENCE).unwrap().unwrap();
                            let bytes = message.as_bytes();
                            let number = u32::from_be_bytes(bytes[1..5].try_into().unwrap());
                            let next = &mut next[usize::from(bytes[0])];
                            assert_eq!(number, *next, "{kind:?}");
                            *next += 1;
                        }
                    })
                })
                .collect();
            // Others join and leave meanwhile.
            scope.spawn(|| {
                while comes_and_goes.load(Ordering::Relaxed) {
                    drop(super::fixture::client(address));
                }
            });
            let publishing: Vec<_> = (0..PUBLISHERS)
                .map(|publisher| {
                    let group = &group;
                    scope.spawn(move || {
                        for number in 0..COUNT {
                            let mut message = vec![publisher];
                            message.extend(number.to_be_bytes());
                            group.publish(&message);
                            thread::yield_now();
                        }
                    })
                })
                .collect();
            publishing.into_iter().for_each(|thread| thread.join().unwrap());
            let received: Vec<_> = receiving.into_iter().map(|thread| thread.join()).collect();
            comes_and_goes.store(false, Ordering::Relaxed);
            received.into_iter().for_each(|received| received.unwrap());
        });
        super::fixture::until("all have left", || group.is_empty());
    }
}

/// A cork that ends while another thread publishes leaves no message behind.
#[test]
fn messages_published_at_the_end_of_a_cork_are_not_left_behind() {
    const COUNT: u32 = 1000;
    let _watch = watchdog::bound();
    for kind in KINDS {
        let group = Group::new();
        let address = serve_with(*kind, &group, ServerOptions::default());
        let mut client = clients(address, &group, 1).pop().unwrap();
        let publishes = AtomicBool::new(true);
        thread::scope(|scope| {
            scope.spawn(|| {
                while publishes.load(Ordering::Relaxed) {
                    drop(group.cork());
                    thread::yield_now();
                }
            });
            // One at a time, so that each would be missed.
            for expected in 0..COUNT {
                group.publish(&payload(expected, 4));
                let message = client.recv_timeout(PATIENCE).unwrap().unwrap();
                assert_eq!(number(message.as_bytes()), expected, "{kind:?}");
            }
            publishes.store(false, Ordering::Relaxed);
        });
    }
}

/// How often a thread has gone to sleep.
#[cfg(target_os = "linux")]
fn sleeps(thread: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/self/task/{thread}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap();
    line.split_whitespace().last().unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_publication_does_not_wake_a_thread_in_recv() {
    let _watch = watchdog::bound();
    for style in [Style::Whole, Style::Split] {
        let group = Group::new();
        let (tell, told) = std::sync::mpsc::channel();
        let server = bluewire::blocking::Server::bind("127.0.0.1:0").unwrap();
        let (address, members) = (server.local_addr(), group.clone());
        thread::spawn(move || {
            server.serve(move |mut socket| {
                tell.send(rustix_thread()).unwrap();
                if style == Style::Whole {
                    members.join(&mut socket).unwrap();
                    return while let Ok(Some(_)) = socket.recv() {};
                }
                let (mut reader, writer) = socket.split();
                members.join(&writer).unwrap();
                while let Ok(Some(_)) = reader.recv() {}
            });
        });
        let mut client = clients(address, &group, 1).pop().unwrap();
        let thread = told.recv_timeout(PATIENCE).unwrap();
        // It sleeps now, or is about to.
        super::fixture::until("it sleeps", || {
            let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap();
            stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S'))
        });
        group.publish("first");
        assert_eq!(client.recv_timeout(PATIENCE).unwrap(), Some("first".into()));
        let before = sleeps(thread);
        for _ in 0..200 {
            group.publish("x");
            assert_eq!(client.recv_timeout(PATIENCE).unwrap(), Some("x".into()));
        }
        let woken = sleeps(thread) - before;
        // It might have waited for a lock once or twice, and been given a keepalive's timeout.
        assert!(woken < 10, "{style:?}: woken {woken} times by 200 messages");
    }
}

#[cfg(target_os = "linux")]
fn rustix_thread() -> i32 {
    let link = std::fs::read_link("/proc/thread-self").unwrap();
    link.file_name().unwrap().to_str().unwrap().parse().unwrap()
}
