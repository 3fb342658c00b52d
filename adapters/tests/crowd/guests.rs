//! Guests of a chat that never read what the others say.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::net::sockopt;

use crate::alone;
use crate::child::{ADAPTERS, CHAT_OUTBOX_LEN_MAX, Kind, Server};
use crate::files::ask;

const MIB: usize = 1024 * 1024;
const GUESTS: usize = 16;
const GOOD: usize = 100;
const LINE_LEN: usize = 16 * 1024;

/// The last one greets, and all hear it. From then on it hears the others: a guest has its answer
/// a moment before the chat knows it.
fn greet(good: &mut [TcpStream]) {
    good.last_mut().unwrap().write_all(b"\x81\x82\x00\x00\x00\x00Hi").unwrap();
    for stream in good {
        let mut heard = [0; 4];
        stream.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"\x81\x02Hi");
    }
}

/// One says something, and all others hear it: how long that takes.
fn round(server: &Server, good: &mut [TcpStream]) -> Duration {
    let start = Instant::now();
    let mut frame = b"\x82\xfe\x40\x00\x00\x00\x00\x00".to_vec();
    frame.extend([b'x'; LINE_LEN]);
    good[0].write_all(&frame).unwrap();
    let mut heard = vec![0; 4 + LINE_LEN];
    for stream in good {
        stream.read_exact(&mut heard).unwrap();
        assert!(heard.starts_with(b"\x82\x7e\x40\x00"), "{:?} of {}", &heard[..4], server.addr);
    }
    start.elapsed()
}

fn median(server: &Server, good: &mut [TcpStream], rounds: usize) -> Duration {
    let mut times: Vec<_> = (0..rounds).map(|_| round(server, good)).collect();
    times.sort_unstable();
    times[rounds / 2]
}

#[test]
fn guests_that_do_not_read_hold_little_and_slow_no_client_down() {
    let _bound = crate::watchdog::bound();
    let _turn = alone();
    for adapter in ADAPTERS {
        let server = Server::start(adapter, Kind::Chat, 1_024);
        let join = || {
            let (stream, status) = ask(server.addr);
            assert_eq!(status, 101, "{adapter}");
            stream
        };
        let mut good = Vec::new();
        while good.len() < GOOD {
            good.push(join());
            greet(&mut good);
        }
        let quiet = median(&server, &mut good, 11);
        let before = server.resident();
        let mut guests: Vec<_> = (0..GUESTS).map(|_| join()).collect();
        for guest in &guests {
            sockopt::set_socket_recv_buffer_size(guest, 4096).unwrap();
        }
        // They answer no Ping, and send a Pong now and then: more comes than what they may hold.
        let mut times = Vec::new();
        for _ in 0..4 {
            times.push(median(&server, &mut good, 25));
            for guest in &mut guests {
                // It may have been left already.
                let _ = guest.write_all(b"\x8a\x80\x00\x00\x00\x00");
            }
        }
        times.sort_unstable();
        let soon = (5 * quiet).max(Duration::from_secs(2));
        assert!(times[2] <= soon, "{adapter}: {times:?} after {quiet:?}");
        let more = server.resident().saturating_sub(before);
        // An outbox grows to twice its bound; the allocator keeps some for the others.
        let bound = GUESTS * 2 * CHAT_OUTBOX_LEN_MAX + 32 * MIB;
        assert!(more <= bound, "{adapter}: {} KiB", more / 1024);
    }
}
