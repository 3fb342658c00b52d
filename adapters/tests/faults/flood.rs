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

/// A third of each kind. Returns the silent ones.
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

/// A server, and those that it has to serve.
struct Flooded {
    server: Running,
    good: Vec<blocking::WebSocket>,
}

impl Flooded {
    fn start(adapter: Adapter) -> Self {
        let config = Config::default().handshake_timeout(Duration::from_secs(5));
        let options = ServerOptions::default()
            .accept(AcceptOptions::default().config(config))
            .handshakes_max(HANDSHAKES_MAX);
        let server = Running::start(adapter, Style::Serve, options);
        let good = (0..10).map(|_| blocking::connect(server.url()).unwrap()).collect();
        Self { server, good }
    }

    fn speak(&mut self) {
        self.good.iter_mut().for_each(speak);
    }

    /// The oldest of those who are silent give way, so that new ones come in.
    fn take_new_ones(&self) {
        for _ in 0..10 {
            let mut new = blocking::connect(self.server.url()).unwrap();
            speak(&mut new);
            assert!(new.close(CloseCode::NORMAL, "").unwrap().clean);
        }
    }
}

#[test]
fn a_flood_of_connections_keeps_no_client_out() {
    let _bound = crate::watchdog::bound();
    let _turn = alone();
    let mut servers: Vec<_> = ALL.iter().copied().map(Flooded::start).collect();
    servers.iter_mut().for_each(Flooded::speak);
    let before = files();
    let floods: Vec<_> = servers
        .iter()
        .map(|flooded| flooded.server.addr)
        .map(|addr| thread::spawn(move || flood(addr, 1_500)))
        .collect();
    while !floods.iter().all(thread::JoinHandle::is_finished) {
        servers.iter_mut().for_each(Flooded::speak);
        thread::sleep(Duration::from_millis(5));
    }
    let silent: Vec<_> = floods.into_iter().flat_map(|flood| flood.join().unwrap()).collect();
    servers.iter().for_each(Flooded::take_new_ones);
    wait_until("the flood has run off but for who is in time", || {
        files() <= before + silent.len() + servers.len() * HANDSHAKES_MAX
    });
    wait_until("those are given up too", || files() <= before + silent.len());
    drop(silent);
    servers.iter_mut().for_each(Flooded::speak);
    for Flooded { server, good } in servers {
        wait_until("the new ones are gone", || server.connections() == good.len());
        drop(good);
        server.shutdown(TIMEOUT);
    }
}
