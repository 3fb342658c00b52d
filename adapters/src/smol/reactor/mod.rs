//! An edge-triggered epoll set for many TCP sockets (Linux).
//!
//! async-io registers each wait of each socket with the kernel anew. Here each socket is registered
//! once, and the kernel reports every change.
//!
//! There are two kinds of sets, which differ in who waits for them. That of the process is a single
//! source in async-io's reactor; [`process`] says how it works on any executor. A [`ThreadReactor`]
//! is a thread of a server, which waits in a set of its own, and in nothing else. A socket belongs
//! to the set of the thread that makes it, wherever it is used.

mod process;
mod readiness;
mod set;
mod thread;

pub(super) use readiness::{Direction, Seen};
pub(super) use set::Registration;
pub(super) use thread::ThreadReactor;
