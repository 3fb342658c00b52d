//! How a server on tokio listens.

use std::io;
use std::net::{SocketAddr, TcpListener};

use tokio::net::{ToSocketAddrs, lookup_host};

use super::{Server, Tokio};
use crate::asynch::Platform as _;
use crate::server::ServerOptions;

impl Server {
    /// Listens at this address, with the default options. Port 0 lets the system choose one.
    ///
    /// # Errors
    ///
    /// If the address is not free, or not one of this machine, or outside of a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn bind(addr: impl ToSocketAddrs) -> io::Result<Self> {
        Self::bind_with(addr, ServerOptions::default()).await
    }

    /// The same with options. Those about threads are for servers on smol, and count for nothing
    /// here.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    ///
    /// # Cancel safety
    ///
    /// As [`bind`](Self::bind).
    pub async fn bind_with(addr: impl ToSocketAddrs, options: ServerOptions) -> io::Result<Self> {
        // Without a runtime, a lookup panics in words of its own.
        Tokio::spawner()?;
        let addrs: Vec<SocketAddr> = lookup_host(addr).await?.collect();
        Self::from_listeners(vec![TcpListener::bind(&*addrs)?], options)
    }
}
