//! One edge-triggered epoll set for all TCP sockets of the process (Linux).
//!
//! async-io asks the kernel to be told once, for each wait of each socket. Here each socket is
//! registered once for good, and the kernel tells every change by itself. The set is a single
//! source of async-io's reactor: what waits for it is no task but a waker that empties the set and
//! wakes the tasks. async-io calls it wherever it runs its reactor, be that an executor's thread
//! or its own, so that it works on any executor, and nothing is lost with a task that is dropped.
//!
//! The set is level-triggered in its turn: as long as there is something in it, async-io tells, so
//! it need not be emptied in one go.

mod readiness;
mod set;

pub(super) use readiness::{Direction, Seen};
pub(super) use set::Registration;
