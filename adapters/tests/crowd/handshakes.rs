//! Attackers that begin opening handshakes and do not end them.

use std::sync::Arc;
use std::time::Duration;

use crate::alone;
use crate::attackers::{Attack, ELSEWHERE, Plan};
#[cfg(feature = "tls")]
use crate::child::TLS_HANDSHAKES_MAX;
use crate::child::{ADAPTERS, Kind, Server};
use crate::good::{hundred, one};

const MIB: usize = 1024 * 1024;

/// The memory that an opening handshake takes according to `ServerOptions::handshakes_max`, with
/// TLS and without.
const PLAIN_LEN_MAX: usize = 40 * 1024;
#[cfg(feature = "tls")]
const TLS_LEN_MAX: usize = 128 * 1024;

/// Allowance for other memory of the process: threads, and the allocator's reserve.
const SLACK: usize = 48 * MIB;

fn silent(at_a_time: usize, rate: u32) -> Plan {
    let opening = Arc::from(&b""[..]);
    Plan { from: ELSEWHERE, at_a_time, rate, opening, dribble: b"" }
}

/// The hundred beside this attack, and before it.
fn beside(server: &Server, what: &str, plan: Plan, pause: Duration, memory_max: usize) {
    let quiet = hundred(server, pause);
    quiet.expect_as_good_as(&quiet, 99, &format!("{what}, quiet"));
    let before = server.resident();
    // The handshake that ends for another one is chosen at random among those of one address.
    let served_min = if plan.from == ELSEWHERE { 99 } else { 90 };
    let attack = Attack::begin(plan, server.addr);
    // When a later client is served, the server has seen them all. One from the attackers' address may
    // itself be given up while they all come at once.
    let served = (0..100).map(|_| one(server)).find(Result::is_ok);
    assert!(served.is_some(), "{what}: no client is served");
    let seen = hundred(server, pause);
    let more = server.resident().saturating_sub(before);
    drop(attack);
    seen.expect_as_good_as(&quiet, served_min, what);
    assert!(more <= memory_max + SLACK, "{what}: {} MiB", more / MIB);
}

#[test]
fn more_silent_clients_than_file_descriptors_keep_no_client_out() {
    let _bound = crate::watchdog::bound();
    let _turn = alone();
    for adapter in ADAPTERS {
        let server = Server::start(adapter, Kind::Echo, 1_024);
        // 1,400, each of which is replaced after 10 seconds.
        let plan = silent(1_400, 140);
        beside(&server, adapter, plan, Duration::ZERO, 512 * PLAIN_LEN_MAX);
    }
}

/// From the same address as the good clients, who then are among those that may be given up.
#[test]
fn silent_clients_from_the_same_address_keep_no_client_out() {
    let _bound = crate::watchdog::bound();
    let _turn = alone();
    for adapter in ADAPTERS {
        let server = Server::start(adapter, Kind::Echo, 1_024);
        let plan = Plan { from: std::net::Ipv4Addr::LOCALHOST, ..silent(1_400, 140) };
        beside(&server, adapter, plan, Duration::ZERO, 512 * PLAIN_LEN_MAX);
    }
}

#[test]
fn two_thousand_pending_handshakes_that_dribble_slow_no_client_down() {
    let _bound = crate::watchdog::bound();
    let _turn = alone();
    for adapter in ADAPTERS {
        let server = Server::start(adapter, Kind::Echo, 10_000);
        let opening = Arc::from(&b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "[..]);
        let plan = Plan { opening, dribble: b"y", ..silent(2_030, 500) };
        beside(&server, adapter, plan, Duration::ZERO, 2_048 * PLAIN_LEN_MAX);
    }
}

#[test]
fn the_memory_that_these_tests_allow_is_what_the_options_say() {
    let _bound = crate::watchdog::bound();
    let options = bluewire::ServerOptions::default().handshakes_max(10);
    assert_eq!(options.max_bytes_of_handshakes(), 10 * PLAIN_LEN_MAX as u64);
    #[cfg(feature = "tls")]
    {
        let options = options.tls(crate::tls::TLS.0.clone());
        assert_eq!(options.max_bytes_of_handshakes(), 10 * TLS_LEN_MAX as u64);
    }
}

/// A client's first bytes of TLS.
#[cfg(feature = "tls")]
fn client_hello() -> Arc<[u8]> {
    use std::io::Read as _;
    use std::net::{TcpListener, TcpStream};

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let reading = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut hello = vec![0; 4096];
        let len = stream.read(&mut hello).unwrap();
        hello.truncate(len);
        hello
    });
    let tls = bluewire::tls::Tls::default().dangerously_accept_any_certificate();
    let timeout = Duration::from_secs(1);
    let ended = bluewire::blocking::TlsStream::connect(client, "127.0.0.1", &tls, timeout);
    assert!(ended.is_err(), "nobody answers");
    reading.join().unwrap().into()
}

/// The good clients take a while between their connection and their request, in which the attacker
/// makes more connections than there may be opening handshakes.
#[cfg(feature = "tls")]
#[test]
fn a_flood_of_tls_handshakes_keeps_no_other_address_out() {
    let _bound = crate::watchdog::bound();
    let _turn = alone();
    for adapter in ADAPTERS {
        let server = Server::start(adapter, Kind::Tls, 4_096);
        let (plan, pause) = (silent(600, 1_500), Duration::from_millis(250));
        beside(&server, adapter, plan, pause, TLS_HANDSHAKES_MAX * TLS_LEN_MAX);
    }
}

/// Each takes the server a computation, and memory.
#[cfg(feature = "tls")]
#[test]
fn clients_that_begin_tls_and_go_no_further_slow_no_client_down() {
    let _bound = crate::watchdog::bound();
    let _turn = alone();
    let opening = client_hello();
    for adapter in ADAPTERS {
        let server = Server::start(adapter, Kind::Tls, 4_096);
        // A small part of what a core computes without optimization, with much else to do.
        let plan = Plan { opening: Arc::clone(&opening), ..silent(100, 10) };
        beside(&server, adapter, plan, Duration::ZERO, TLS_HANDSHAKES_MAX * TLS_LEN_MAX);
    }
}

/// More computations than the processor has time for. Addresses take turns, so the good clients
/// need not wait for the flood.
#[cfg(feature = "tls")]
#[test]
fn more_tls_handshakes_than_the_processor_computes_delay_no_other_address() {
    let _bound = crate::watchdog::bound();
    let _turn = alone();
    let opening = client_hello();
    for adapter in ADAPTERS {
        let server = Server::start(adapter, Kind::Tls, 4_096);
        let plan = Plan { opening: Arc::clone(&opening), ..silent(TLS_HANDSHAKES_MAX, 1_500) };
        beside(&server, adapter, plan, Duration::ZERO, TLS_HANDSHAKES_MAX * TLS_LEN_MAX);
    }
}
