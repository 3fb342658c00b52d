//! The events for [`tracing`](https://docs.rs/tracing), with the feature of that name. Without it,
//! all of this compiles to nothing.
//!
//! | target | level | event | fields besides `id` |
//! | --- | --- | --- | --- |
//! | `bluewire::dial` | debug | `dialling` | `host`, `port`, `secure`, `proxy` without its credentials |
//! | | debug | `resolved` | `addresses`: how many |
//! | | debug | `address failed` | `address`, `error` |
//! | | debug | `connected` | `address` |
//! | | debug | `tunnelled`: by the proxy | |
//! | | debug | `secured`: by TLS | |
//! | | debug | `redirected`: by the server, so that it dials again | `status` |
//! | | warn | `failed` | `phase`, `status` if the server or the proxy refused, `error` |
//! | `bluewire::handshake` | debug | `asked` | `path`; at a server |
//! | | info | `refused` | `status` if it was answered, `error`; at a server |
//! | `bluewire::connection` | info | `opened` | `role`, `subprotocol`, `deflate` |
//! | | warn | `fault` | `error`, and for the peer's `section` of the RFC |
//! | | info | `closed` | `code`, `clean`, `by`, `sent`: the code of this end |
//! | | debug | `dropped` | |
//! | `bluewire::reconnect` | info | `waiting` | `retry`, `delay` |
//! | | info | `over` | `retries` |
//! | `bluewire::server` | info | `shutting down` | `connections`, `handshakes`; no `id` |
//! | | info | `shut down` | `closed`, `cut`, `handshakes`; no `id` |
//! | | warn | `gave up handshakes`: for other clients, once a second at most | `count` since the last time; no `id` |
//! | | warn | `turned away`: no file descriptors left, once a second at most | `count` since the last time, `error`; no `id` |
//!
//! The `id` names a client with all its attempts and connections, or one connection at a server. A
//! request has no `id` if it is refused because it is malformed, because the server is full, or
//! because its stream failed. A connection is `opened` once, and then `closed` or, if it was
//! dropped before its end was known, `dropped`.
//!
//! No event contains a message's payload, the reason of a Close frame, the value of a header other
//! than the chosen subprotocol, the query of a URL, or its user name and password.
#![cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nobody is told"))]

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use bluewire_core::{Closure, Connection, Role};

#[cfg(feature = "tracing")]
use crate::wording::PeerText;

#[cfg(feature = "tracing")]
macro_rules! tell {
    ($level:ident, $target:literal, $($field:tt)*) => {
        tracing::event!(target: concat!("bluewire::", $target), tracing::Level::$level, $($field)*)
    };
}

#[cfg(not(feature = "tracing"))]
macro_rules! tell {
    ($($ignored:tt)*) => {
        ()
    };
}

/// Whose an event is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Id(#[cfg(feature = "tracing")] u64);

impl Id {
    /// A new id.
    pub(crate) fn next() -> Self {
        #[cfg(feature = "tracing")]
        {
            use std::sync::atomic::{AtomicU64, Ordering};
            static NEXT: AtomicU64 = AtomicU64::new(1);
            Self(NEXT.fetch_add(1, Ordering::Relaxed))
        }
        #[cfg(not(feature = "tracing"))]
        Self()
    }

    pub(crate) fn dials(self, host: &str, port: u16, secure: bool, proxy: Option<&dyn Display>) {
        tell!(
            DEBUG,
            "dial",
            id = self.0,
            host,
            port,
            secure,
            proxy = proxy.map(tracing::field::display),
            "dialling"
        );
    }

    pub(crate) fn is_resolved(self, addresses: usize) {
        tell!(DEBUG, "dial", id = self.0, addresses, "resolved");
    }

    pub(crate) fn fails_at(self, address: SocketAddr, error: &dyn Display) {
        tell!(DEBUG, "dial", id = self.0, %address, %error, "address failed");
    }

    /// To this address, or to a Unix socket.
    pub(crate) fn is_connected(self, address: Option<SocketAddr>) {
        tell!(
            DEBUG,
            "dial",
            id = self.0,
            address = address.map(tracing::field::display),
            "connected"
        );
    }

    pub(crate) fn is_secured(self) {
        tell!(DEBUG, "dial", id = self.0, "secured");
    }

    pub(crate) fn is_tunnelled(self) {
        tell!(DEBUG, "dial", id = self.0, "tunnelled");
    }

    /// The server redirects, and is followed: what comes next is dialled.
    pub(crate) fn is_redirected(self, status: u16) {
        tell!(DEBUG, "dial", id = self.0, status, "redirected");
    }

    /// An attempt failed in this phase, perhaps because it was refused by this status.
    pub(crate) fn fails_to_dial(
        self,
        phase: Option<&dyn Display>,
        status: Option<u16>,
        error: &dyn Display,
    ) {
        tell!(
            WARN,
            "dial",
            id = self.0,
            phase = phase.map(tracing::field::display),
            status,
            %error,
            "failed"
        );
    }

    pub(crate) fn was_asked(self, path: &str) {
        tell!(DEBUG, "handshake", id = self.0, path = %PeerText(path), "asked");
    }

    /// A server refuses by a status.
    pub(crate) fn refuses(self, status: u16, error: &'static str) {
        tell!(INFO, "handshake", id = self.0, status, error, "refused");
    }

    /// A server refuses a request for a fault in it or in the options.
    pub(crate) fn refuses_for(self, status: Option<u16>, error: &dyn Display) {
        tell!(INFO, "handshake", id = self.0, status, %error, "refused");
    }

    pub(crate) fn opens(
        self,
        role: Role,
        subprotocol: Option<&str>,
        connection: &Connection,
    ) -> EndTrace {
        #[cfg(feature = "tracing")]
        {
            let role = match role {
                Role::Client => "client",
                Role::Server => "server",
            };
            #[cfg(feature = "deflate")]
            let deflate = connection.deflate().is_some();
            #[cfg(not(feature = "deflate"))]
            let (deflate, _) = (false, connection);
            let subprotocol = subprotocol.map(|name| tracing::field::display(PeerText(name)));
            tell!(INFO, "connection", id = self.0, role, subprotocol, deflate, "opened");
            EndTrace(Some(self))
        }
        #[cfg(not(feature = "tracing"))]
        EndTrace()
    }

    pub(crate) fn waits(self, retry: u32, delay: Duration) {
        tell!(INFO, "reconnect", id = self.0, retry, ?delay, "waiting");
    }

    pub(crate) fn is_over(self, retries: u32) {
        tell!(INFO, "reconnect", id = self.0, retries, "over");
    }
}

/// A server refuses a request with a status before the program sees it.
pub(crate) fn refuses(status: u16, error: &'static str) {
    tell!(INFO, "handshake", status, error, "refused");
}

/// A request whose stream failed.
pub(crate) fn loses(error: &dyn Display) {
    tell!(INFO, "handshake", %error, "refused");
}

pub(crate) fn shutting_down(connections: usize, handshakes: usize) {
    tell!(INFO, "server", connections, handshakes, "shutting down");
}

pub(crate) fn shut_down(closed: usize, cut: usize, handshakes: usize) {
    tell!(INFO, "server", closed, cut, handshakes, "shut down");
}

/// Opening handshakes were given up for other clients.
pub(crate) fn gave_up(count: u64) {
    tell!(WARN, "server", count, "gave up handshakes");
}

/// Clients were turned away because no file descriptor was left.
pub(crate) fn turned_away(count: u64, error: &dyn Display) {
    tell!(WARN, "server", count, %error, "turned away");
}

/// Reports the end of a connection, once.
#[derive(Debug, Default)]
pub(crate) struct EndTrace(#[cfg(feature = "tracing")] Option<Id>);

#[cfg(not(feature = "tracing"))]
const _: () = assert!(size_of::<EndTrace>() == 0 && size_of::<Id>() == 0);

impl EndTrace {
    /// Reports how it has ended.
    pub(crate) fn ended(&mut self, closure: &Closure) {
        #[cfg(feature = "tracing")]
        if let Some(id) = self.0.take() {
            id.closes(closure);
        }
    }
}

#[cfg(feature = "tracing")]
impl Id {
    fn closes(self, closure: &Closure) {
        use bluewire_core::{ClosedBy, Fault};

        match closure.fault {
            Some(Fault::Protocol(error)) => {
                let section = error.section();
                tell!(WARN, "connection", id = self.0, %error, section, "fault");
            }
            Some(error) => tell!(WARN, "connection", id = self.0, %error, "fault"),
            None => {}
        }
        let (code, clean) = (closure.code.value(), closure.clean);
        let sent = closure.sent.map(|code| code.value());
        let by = match closure.closed_by {
            ClosedBy::Local => "local",
            ClosedBy::Peer => "peer",
            _ => "transport",
        };
        tell!(INFO, "connection", id = self.0, code, clean, by, sent, "closed");
    }
}

#[cfg(feature = "tracing")]
impl Drop for EndTrace {
    fn drop(&mut self) {
        if let Some(id) = self.0.take() {
            tell!(DEBUG, "connection", id = id.0, "dropped");
        }
    }
}
