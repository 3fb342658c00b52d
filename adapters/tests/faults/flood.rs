//! A flood of connections: opened and closed at once, reset, or opened and left without a word.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use bluewire::{AcceptOptions, CloseCode, Config, ServerOptions, blocking};
use rustix::net::sockopt::set_socket_linger;

use crate::alone;
use crate::fixture::{ALL, Adapter, Running, Style, TIMEOUT, speak, wait_until};

const HANDSHAKES_MAX: usize = 50;

/// A third of each. Who is silent is returned.
fn flood(addr: SocketAddr, count: usize) -> Vec<TcpStream> {
    let open = |number: usize| {
        let stream = TcpStream::connect(addr).unwrap();
        match number % 3 {
            0 => return Some(stream),
            1 => set_socket_linger(&stream, Some(Duration::ZERO)).unwrap(),
            _ => {}
        }
        None
    };
    (0..count).filter_map(open).collect()
}

/// The files of this process: both ends of each connection.
fn files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn a_flood_beside_good_clients(adapter: Adapter) {
    let config = Config { handshake_timeout: Duration::from_secs(3), ..Config::default() };
    let options = ServerOptions::default()
        .accept(AcceptOptions::default().config(config))
        .handshakes_max(HANDSHAKES_MAX);
    let server = Running::start(adapter, Style::Serve, options);
    let mut good: Vec<_> = (0..10).map(|_| blocking::connect(server.url()).unwrap()).collect();
    good.iter_mut().for_each(speak);
    let before = files();
    let addr = server.addr;
    let floods: Vec<_> = (0..3).map(|_| thread::spawn(move || flood(addr, 600))).collect();
    while !floods.iter().all(thread::JoinHandle::is_finished) {
        good.iter_mut().for_each(speak);
        thread::sleep(Duration::from_millis(5));
    }
    let silent: Vec<_> = floods.into_iter().flat_map(|flood| flood.join().unwrap()).collect();
    // The oldest of those who are silent give way, so that new ones come in.
    for _ in 0..10 {
        let mut new = blocking::connect(server.url()).unwrap();
        speak(&mut new);
        assert!(new.close(CloseCode::NORMAL, "").unwrap().clean);
    }
    wait_until("the flood has run off but for who is in time", || {
        files() <= before + silent.len() + HANDSHAKES_MAX
    });
    // Those too, when their time is over.
    wait_until("the silent ones are given up", || files() <= before + silent.len());
    drop(silent);
    good.iter_mut().for_each(speak);
    assert_eq!(server.connections(), good.len(), "{adapter:?}");
    drop(good);
    server.shutdown(TIMEOUT);
}

#[test]
fn a_flood_of_connections_keeps_nobody_out() {
    let _alone = alone();
    for adapter in ALL {
        a_flood_beside_good_clients(adapter);
    }
}
