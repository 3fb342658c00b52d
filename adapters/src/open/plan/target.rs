//! Where an attempt is to lead.

use std::io;
use std::net::{IpAddr, SocketAddr};
#[cfg(unix)]
use std::path::PathBuf;

use crate::open::error::{ConnectError, ProxyError};
use crate::open::proxy::{Destination, Proxy};

/// Where to go.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// A name or an address, which stands without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Given in place of what the host's name resolves to.
    pub(crate) addresses: Option<Vec<SocketAddr>>,
    /// Over TLS.
    pub(crate) secure: bool,
    /// Which is resolved and raced in place of the host.
    pub(crate) proxy: Option<Proxy>,
    /// A Unix socket, which is connected to in place of all that.
    #[cfg(unix)]
    pub(crate) socket: Option<PathBuf>,
}

impl Target {
    /// The host's addresses, as far as they are known without a resolver.
    pub(super) fn known(&self) -> Option<Vec<SocketAddr>> {
        self.addresses.clone().or_else(|| literal(&self.host, self.port))
    }

    /// The same for what is raced.
    pub(super) fn known_to_race(&self) -> Option<Vec<SocketAddr>> {
        match self.first() {
            Some(proxy) => literal(bare(proxy.host()), proxy.port()),
            None => self.known(),
        }
    }

    /// The name to look up.
    pub(super) fn sought(&self) -> (String, u16) {
        match self.first() {
            Some(proxy) => (bare(proxy.host()).to_owned(), proxy.port()),
            None => (self.host.clone(), self.port),
        }
    }

    /// The proxy if it has its turn: one that takes no names waits for the host's address.
    pub(super) fn first(&self) -> Option<&Proxy> {
        let proxy = self.proxy.as_ref();
        proxy.filter(|proxy| !proxy.wants_address() || self.known().is_some())
    }

    /// The error for what is raced.
    pub(super) fn unreachable(&self, failures: Vec<(SocketAddr, io::Error)>) -> ConnectError {
        match &self.proxy {
            Some(proxy) => {
                let host = bare(proxy.host()).to_owned();
                ConnectError::Proxy(ProxyError::Unreachable { host, failures })
            }
            None => ConnectError::Unreachable { host: self.host.clone(), failures },
        }
    }

    /// The target that the proxy gets.
    pub(super) fn destination(&self) -> Destination<'_> {
        match self.addresses.as_deref() {
            Some([address, ..]) => Destination::Address(*address),
            // A zone means nothing to another machine.
            _ => Destination::Host(self.host.split('%').next().unwrap_or_default(), self.port),
        }
    }
}

fn literal(host: &str, port: u16) -> Option<Vec<SocketAddr>> {
    host.parse().map(|ip: IpAddr| vec![(ip, port).into()]).ok()
}

/// A host as resolvers know it.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}
