//! Many members, of which some never read and some come and go, in small: the benches have it in
//! large.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bluewire::group::{Group, GroupOptions, SlowMember};

use super::fixture::{
    KINDS, PATIENCE, Style, client, clients, number, patient, payload, serve_with, until,
};
use super::watchdog;

const READERS: usize = 40;
const NEVER_READ: usize = 4;
const COUNT: u32 = 1_000;

/// How many sockets of a server's connections are open: not closed by the server yet.
#[cfg(target_os = "linux")]
fn sockets(server: std::net::SocketAddr) -> usize {
    let port = format!(":{:04X}", server.port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let is_open = |line: &&str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        // Established, or waiting for the server to close it.
        fields[1].ends_with(&port) && matches!(fields[3], "01" | "08")
    };
    table.lines().skip(1).filter(is_open).count()
}

#[test]
fn a_crowd_gets_everything_beside_those_that_never_read() {
    let _watch = watchdog::bound();
    for kind in KINDS.iter().filter(|(_, style)| *style != Style::Facade) {
        let group = Group::with(GroupOptions::default().slow(SlowMember::Skip));
        let address = serve_with(*kind, &group, patient().threads(2));
        let idle = clients(address, &group, NEVER_READ);
        let readers = clients(address, &group, READERS);
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let come_and_go = scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    drop(client(address));
                }
            });
            let receiving: Vec<_> = readers
                .into_iter()
                .map(|mut client| {
                    scope.spawn(move || {
                        for expected in 0..COUNT {
                            let message = client.recv_timeout(PATIENCE).unwrap().unwrap();
                            assert_eq!(number(message.as_bytes()), expected, "{kind:?}");
                        }
                    })
                })
                .collect();
            publish(&group);
            let received: Vec<_> = receiving.into_iter().map(|thread| thread.join()).collect();
            over.store(true, Ordering::Relaxed);
            come_and_go.join().unwrap();
            received.into_iter().for_each(|received| received.unwrap());
        });
        until("the readers have left", || group.len() == NEVER_READ);
        drop(idle);
        until("all have left", || group.is_empty());
        #[cfg(target_os = "linux")]
        until("all sockets are closed", || sockets(address) == 0);
    }
}

/// A thousand messages, at most a thousand a second.
fn publish(group: &Group) {
    let start = Instant::now();
    for number in 0..COUNT {
        group.publish(&payload(number, 512));
        let due = start + Duration::from_millis(u64::from(number));
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}
