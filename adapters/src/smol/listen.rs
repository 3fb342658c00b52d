//! Listeners for a server with several threads.

use std::io;
use std::net::{SocketAddr, TcpListener};

/// Listens at the first of these addresses that is free: once for each thread, if there are
/// several.
pub(super) fn bind(addrs: &[SocketAddr], threads: usize) -> io::Result<Vec<TcpListener>> {
    match threads {
        0 | 1 => Ok(vec![TcpListener::bind(addrs)?]),
        threads => bind_each(addrs, threads),
    }
}

/// The kernel spreads the clients over the listeners.
#[cfg(target_os = "linux")]
fn bind_each(addrs: &[SocketAddr], threads: usize) -> io::Result<Vec<TcpListener>> {
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

/// Binds as the standard library does, but so that other sockets of this user can be bound to the
/// same address.
#[cfg(target_os = "linux")]
fn bind_shared(addr: SocketAddr) -> io::Result<TcpListener> {
    use rustix::net::{AddressFamily, sockopt};

    let family = if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = crate::socket::stream_socket(family)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    rustix::net::bind(&socket, &addr)?;
    rustix::net::listen(&socket, 4096)?;
    Ok(socket.into())
}

/// Elsewhere the system does not spread clients over listeners at one port: the threads share one.
#[cfg(not(target_os = "linux"))]
fn bind_each(addrs: &[SocketAddr], threads: usize) -> io::Result<Vec<TcpListener>> {
    let listener = TcpListener::bind(addrs)?;
    let mut listeners = Vec::new();
    while listeners.len() + 1 < threads {
        listeners.push(listener.try_clone()?);
    }
    listeners.push(listener);
    Ok(listeners)
}
