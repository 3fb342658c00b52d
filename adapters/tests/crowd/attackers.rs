//! Clients that connect, and keep the server waiting.

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

/// Where an attacker comes from that is not the host of the good clients.
pub(crate) const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Connects from this address.
fn connect_from(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&socket, &SocketAddrV4::new(from, 0))?;
    connect(&socket, &to)?;
    Ok(socket.into())
}

/// The behaviour of an attacker.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) from: Ipv4Addr,
    /// How many connections it has at a time: for one more, it leaves the oldest.
    pub(crate) at_a_time: usize,
    /// The most that it makes in a second.
    pub(crate) rate: u32,
    /// The bytes that each sends at once.
    pub(crate) opening: Arc<[u8]>,
    /// The bytes that one of them sends between two new ones.
    pub(crate) dribble: &'static [u8],
}

/// An attack, which goes on until this is dropped.
pub(crate) struct Attack {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Attack {
    /// Begins, and returns when all connections that the plan has at a time are there.
    pub(crate) fn begin(plan: Plan, server: SocketAddr) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let mut connections = VecDeque::new();
        while connections.len() < plan.at_a_time {
            connections.push_back(plan.connect(server));
        }
        let until = Arc::clone(&over);
        let thread = thread::spawn(move || plan.go_on(server, connections, &until));
        Self { over, thread: Some(thread) }
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || thread::panicking(), "the attacker failed");
    }
}

impl Plan {
    fn connect(&self, server: SocketAddr) -> Option<TcpStream> {
        let mut stream = connect_from(self.from, server).ok()?;
        // The server may have left already.
        let _ = stream.write_all(&self.opening);
        Some(stream)
    }

    fn go_on(
        &self,
        server: SocketAddr,
        mut connections: VecDeque<Option<TcpStream>>,
        over: &AtomicBool,
    ) {
        let (start, mut made) = (Instant::now(), 0);
        while !over.load(Ordering::SeqCst) {
            made += 1;
            connections.pop_front();
            connections.push_back(self.connect(server));
            let chosen = made as usize * 7919 % connections.len();
            if let Some(stream) = &mut connections[chosen] {
                let _ = stream.write_all(self.dribble);
            }
            let due = start + Duration::from_secs(1) * made / self.rate;
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }
}
