//! The four echo servers.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bluewire::facade::{self, FailCode, SendOptions};
use bluewire::{
    AcceptOptions, Closure, Config, Deflate, Flow, Keepalive, Limits, ServerOptions,
    ShutdownReport, blocking, smol as adapter,
};

use crate::PATIENCE;
use crate::course::Place;
use crate::tally::Tally;
use crate::traffic;

/// How long a peer may take nothing. A machine with much else to do keeps good ones waiting too.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// How many opening handshakes each server has at a time: more than the other peers make together,
/// so that only a flood goes beyond it.
pub(crate) const HANDSHAKES_MAX: usize = 160;

enum Handle {
    Blocking(blocking::ServerHandle),
    Smol(adapter::ServerHandle),
}

struct Server {
    place: Place,
    handle: Handle,
    serving: JoinHandle<ShutdownReport>,
}

pub(crate) struct Servers(Vec<Server>);

impl Servers {
    pub(crate) fn start(tally: &Arc<Tally>) -> io::Result<Self> {
        Ok(Self(vec![
            blocking_server("blocking", tally, |server, tally| {
                server.serve(move |socket| echo(socket, &tally))
            })?,
            blocking_server("blocking, facade", tally, |server, tally| {
                server.serve_facade(move |socket| echo_by_callbacks(&socket, &tally))
            })?,
            // On a thread of its own, and the other on the global executor.
            smol_server("smol", 1, tally, |server, tally| {
                smol::block_on(server.serve(move |socket| echo_async(socket, Arc::clone(&tally))))
            })?,
            smol_server("smol, facade", 0, tally, |server, tally| {
                smol::block_on(
                    server.serve_facade(move |socket| echo_by_callbacks(&socket, &tally)),
                )
            })?,
        ]))
    }

    pub(crate) fn places(&self) -> Vec<Place> {
        self.0.iter().map(|server| server.place.clone()).collect()
    }

    /// Stops them when all clients have gone: then no connection may be left.
    pub(crate) fn stop(self, tally: &Tally) {
        for Server { place, handle, serving } in self.0 {
            let began = Instant::now();
            while handle.connections() > 0 && began.elapsed() < PATIENCE {
                thread::sleep(Duration::from_millis(10));
            }
            let left = handle.connections();
            if left > 0 {
                tally.violation(format!("{}: {left} connections without a peer", place.name));
            }
            let report = handle.shutdown(Duration::from_secs(10));
            match serving.join() {
                Ok(same) if same == report => {}
                other => tally.violation(format!("{}: {report:?}, {other:?}", place.name)),
            }
        }
        tally.compare_sides();
    }
}

impl Handle {
    fn connections(&self) -> usize {
        match self {
            Self::Blocking(handle) => handle.connections(),
            Self::Smol(handle) => handle.connections(),
        }
    }

    fn shutdown(&self, budget: Duration) -> ShutdownReport {
        match self {
            Self::Blocking(handle) => handle.shutdown(budget),
            Self::Smol(handle) => smol::block_on(handle.shutdown(budget)),
        }
    }
}

fn options() -> ServerOptions {
    let limits = Limits::default()
        .message_len_max(traffic::LEN_MAX as u64)
        .frame_len_max(traffic::LEN_MAX as u64)
        // The most that a client of ours has under way, with room to spare.
        .outbox_len_max(4 * traffic::LEN_MAX);
    let config = Config::default()
        .limits(limits)
        .keepalive(
            Keepalive::default().interval(Duration::from_secs(10)).timeout(Duration::from_secs(10)),
        )
        .close_timeout(Duration::from_secs(5))
        .handshake_timeout(Duration::from_secs(5));
    let accept = AcceptOptions::default().config(config).deflate(Deflate::default().len_min(0));
    ServerOptions::default().accept(accept).handshakes_max(HANDSHAKES_MAX)
}

fn blocking_server(
    name: &'static str,
    tally: &Arc<Tally>,
    serve: impl FnOnce(&blocking::Server, Arc<Tally>) -> ShutdownReport + Send + 'static,
) -> io::Result<Server> {
    let server = blocking::Server::bind_with("127.0.0.1:0", options())?;
    let place = Place { name, addr: server.local_addr() };
    let (handle, tally) = (Handle::Blocking(server.handle()), Arc::clone(tally));
    Ok(Server { place, handle, serving: thread::spawn(move || serve(&server, tally)) })
}

fn smol_server(
    name: &'static str,
    threads: usize,
    tally: &Arc<Tally>,
    serve: impl FnOnce(&adapter::Server, Arc<Tally>) -> ShutdownReport + Send + 'static,
) -> io::Result<Server> {
    let bound = adapter::Server::bind_with("127.0.0.1:0", options().threads(threads));
    let server = smol::block_on(bound)?;
    let place = Place { name, addr: server.local_addr() };
    let (handle, tally) = (Handle::Smol(server.handle()), Arc::clone(tally));
    Ok(Server { place, handle, serving: thread::spawn(move || serve(&server, tally)) })
}

fn echo(mut socket: blocking::WebSocket, tally: &Tally) {
    tally.served.add(1);
    socket.set_flow(Flow::default().write_timeout(WRITE_TIMEOUT));
    while let Ok(Some((message, mut sender))) = socket.recv_with_sender() {
        if sender.send(message).is_err() {
            break;
        }
    }
    ended(tally, socket.closure());
}

async fn echo_async(mut socket: adapter::WebSocket, tally: Arc<Tally>) {
    tally.served.add(1);
    socket.set_flow(Flow::default().write_timeout(WRITE_TIMEOUT));
    while let Ok(Some((message, mut sender))) = socket.recv_with_sender().await {
        if sender.send(message).await.is_err() {
            break;
        }
    }
    ended(&tally, socket.closure());
}

fn ended(tally: &Tally, closure: Option<&Closure>) {
    match closure {
        Some(closure) if closure.clean => tally.served_clean.add(1),
        _ => tally.served_unclean.add(1),
    }
}

fn echo_by_callbacks(socket: &facade::WebSocket, tally: &Arc<Tally>) {
    tally.served.add(1);
    let tally = Arc::clone(tally);
    socket.on_close(move |close| match close.was_clean {
        true => tally.served_clean.add(1),
        false => tally.served_unclean.add(1),
    });
    let sender = socket.clone();
    socket.on_message(move |message| {
        let closer = sender.clone();
        // A client that reads nothing of so much never will. One that reads too little of less is
        // left after the write timeout.
        sender.send(SendOptions::new(message).fail(move |_, code| {
            if code == FailCode::Busy {
                closer.close(1008);
            }
        }));
    });
}
