//! An edge-triggered epoll set for many TCP sockets (Linux).
//!
//! async-io asks the kernel to be told once, for each wait of each socket. Here each socket is
//! registered once for good, and the kernel tells every change by itself.
//!
//! Two kinds of sets differ in who waits for them. That of the process is a single source of
//! async-io's reactor, and [`source`] says how it works on any executor. A [`Station`] is a thread
//! of a server's, which waits in a set of its own, and in nothing else. A socket belongs to the set
//! of the thread that makes it, wherever it is used.

mod readiness;
mod set;
mod source;
mod station;

pub(super) use readiness::{Direction, Seen};
pub(super) use set::Registration;
pub(super) use station::Station;
