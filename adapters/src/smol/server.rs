//! How a server on smol listens.

use std::io;

use smol::net::{AsyncToSocketAddrs, resolve};

use super::{Server, listen};
use crate::server::ServerOptions;

impl Server {
    /// Listens at this address, with the default options. Port 0 lets the system choose one.
    ///
    /// # Errors
    ///
    /// If the address is not free, or not one of this machine.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn bind(addr: impl AsyncToSocketAddrs) -> io::Result<Self> {
        Self::bind_with(addr, ServerOptions::default()).await
    }

    /// The same with options.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    ///
    /// # Cancel safety
    ///
    /// As [`bind`](Self::bind).
    pub async fn bind_with(
        addr: impl AsyncToSocketAddrs,
        options: ServerOptions,
    ) -> io::Result<Self> {
        let addrs = resolve(addr).await?;
        Self::from_listeners(listen::bind(&addrs, options.threads)?, options)
    }
}
