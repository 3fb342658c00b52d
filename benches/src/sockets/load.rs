//! The loads of the clients.

use std::fmt;

/// So many connections, each with so many messages of that many bytes of text on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Connections, all open from the beginning.
    pub connections: usize,
    /// Connections that send; the others wait.
    pub active: usize,
    /// Bytes of a message's payload.
    pub len: usize,
    /// Messages of a connection whose echo has not come.
    pub in_flight: usize,
    /// Over TLS.
    pub tls: bool,
    /// Compressed by RFC 7692, both ways. The text is JSON then.
    pub compressed: bool,
}

impl Load {
    /// So many connections, bytes and messages in flight.
    #[must_use]
    pub const fn new(connections: usize, len: usize, in_flight: usize) -> Self {
        let active = connections;
        Self { connections, active, len, in_flight, tls: false, compressed: false }
    }

    /// The same over TLS.
    #[must_use]
    pub const fn over_tls(self) -> Self {
        Self { tls: true, ..self }
    }

    /// The same with messages compressed.
    #[must_use]
    pub const fn compressed(self) -> Self {
        Self { compressed: true, ..self }
    }

    /// The same with so many connections that send.
    #[must_use]
    pub const fn active(self, active: usize) -> Self {
        Self { active, ..self }
    }

    /// Whether most connections wait.
    #[must_use]
    pub const fn is_crowd(&self) -> bool {
        self.active < self.connections
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let over = if self.tls { "TLS: " } else { "" };
        if self.active == 0 {
            return write!(f, "{over}{} idle connections", self.connections);
        }
        let compressed = if self.compressed { " compressed" } else { "" };
        write!(f, "{over}{} × {} B{compressed}", self.active, self.len)?;
        match self.in_flight {
            1 => {}
            many => write!(f, ", {many} in flight")?,
        }
        if self.is_crowd() {
            write!(f, ", {} idle", self.connections - self.active)?;
        }
        Ok(())
    }
}

/// A load with a name.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// How it is asked for.
    pub name: &'static str,
    /// The load itself.
    pub load: Load,
}

const fn named(name: &'static str, load: Load) -> Workload {
    Workload { name, load }
}

/// Every load that is measured.
pub const WORKLOADS: [Workload; 13] = [
    named("one", Load::new(1, 16, 1)),
    named("small", Load::new(100, 16, 1)),
    named("kib", Load::new(500, 1024, 1)),
    named("flood", Load::new(10, 16, 64)),
    named("large", Load::new(10, 16_384, 4)),
    named("mib", Load::new(4, 1 << 20, 1)),
    named("tls-small", Load::new(100, 16, 1).over_tls()),
    named("tls-large", Load::new(10, 16_384, 4).over_tls()),
    named("deflate", Load::new(100, 1024, 1).compressed()),
    named("deflate-large", Load::new(10, 16_384, 4).compressed()),
    named("crowd", Load::new(10_000, 16, 1).active(100)),
    named("idle", Load::new(10_000, 16, 1).active(0)),
    named("idle-tls", Load::new(5_000, 16, 1).active(0).over_tls()),
];
