//! Where clients come in: the loop that accepts, one for each listener of a server.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use smol::channel::Sender;
use smol::future::yield_now;
use smol::{Async, Timer};

use super::gate::{Gate, welcome};
use super::incoming::Incoming;
use super::tcp_socket::TcpSocket;
use crate::server::{Hall, PAUSE_MAX, PAUSE_MIN, ServerOptions, concerns_one};

pub(super) struct Entrance {
    /// That of its listener.
    pub(super) number: usize,
    pub(super) gate: Arc<Gate>,
    pub(super) hall: Arc<Hall>,
    pub(super) asked: Sender<Incoming>,
    pub(super) options: Arc<ServerOptions>,
}

impl Entrance {
    /// Lets clients in, for ever.
    pub(super) async fn keep<T>(self) -> T {
        let mut pause = PAUSE_MIN;
        loop {
            let Some(listener) = self.gate.listener(self.number) else {
                return std::future::pending().await;
            };
            let accepted = listener.read_with(TcpListener::accept).await;
            drop(listener);
            match accepted.and_then(|(socket, _)| self.admit(socket)) {
                Ok(socket) => {
                    pause = PAUSE_MIN;
                    welcome(socket, &self.asked, &self.options, &self.hall);
                    // Those who are there already have their turn, however many come.
                    yield_now().await;
                }
                Err(error) => {
                    self.options.tell_listener_error(&error);
                    if !concerns_one(&error) {
                        Timer::after(pause).await;
                        pause = (pause * 2).min(PAUSE_MAX);
                    }
                }
            }
        }
    }

    fn admit(&self, socket: TcpStream) -> io::Result<TcpSocket> {
        // A message leaves when it is written: the engine has put together what it could.
        socket.set_nodelay(true)?;
        match self.options.own_reactor {
            true => TcpSocket::new(socket),
            false => Async::new(socket).map(TcpSocket::from),
        }
    }
}

/// A listener for each thread, at the first of these addresses that is free: the kernel spreads the
/// clients over them.
#[cfg(target_os = "linux")]
pub(super) fn bind_for_threads(
    addrs: &[SocketAddr],
    threads: usize,
) -> io::Result<Vec<TcpListener>> {
    let mut bound = Err(io::ErrorKind::InvalidInput.into());
    for addr in addrs {
        bound = bind_shared(*addr);
        if bound.is_ok() {
            break;
        }
    }
    let mut listeners = vec![bound?];
    // The system may have chosen the port.
    let addr = listeners[0].local_addr()?;
    while listeners.len() < threads {
        listeners.push(bind_shared(addr)?);
    }
    Ok(listeners)
}

/// Binds as the standard library does, but so that other sockets of this user's can be bound to
/// the same address.
#[cfg(target_os = "linux")]
fn bind_shared(addr: SocketAddr) -> io::Result<TcpListener> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

    let family = if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    rustix::net::bind(&socket, &addr)?;
    rustix::net::listen(&socket, 4096)?;
    Ok(socket.into())
}

/// Elsewhere a port that is shared is not spread over its listeners: the threads share one.
#[cfg(not(target_os = "linux"))]
pub(super) fn bind_for_threads(
    addrs: &[SocketAddr],
    threads: usize,
) -> io::Result<Vec<TcpListener>> {
    let listener = TcpListener::bind(addrs)?;
    let mut listeners = Vec::new();
    while listeners.len() + 1 < threads {
        listeners.push(listener.try_clone()?);
    }
    listeners.push(listener);
    Ok(listeners)
}
