//! What the direct APIs of both adapters decide, without the IO: when bytes leave, when arrivals
//! are held, how an end is told. The adapters read, write and wait.

mod bytes;
mod engine;
mod flow;
mod held;
mod link;

pub(crate) use bytes::{Rest, WRITE_LEN_MAX, into_io};
pub(crate) use engine::{Engine, Next};
pub use flow::Flow;
pub(crate) use held::{Held, deliver};
pub(crate) use link::{Lay, Link, Ticket};

/// While a program only sends, it looks at what has arrived this often.
pub(crate) const LOOK_INTERVAL: std::time::Duration = std::time::Duration::from_millis(100);

/// Once this much waits, it is written without waiting for more; the most that one write of a
/// shared connection takes.
pub(crate) const CORK_LEN_MAX: usize = 64 * 1024;

/// A message at least this long is written from where it lies.
pub(crate) const GATHER_LEN_MIN: usize = 16 * 1024;
