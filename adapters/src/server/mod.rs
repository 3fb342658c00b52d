//! The decisions of the servers of both adapters, without the IO: which clients to admit, which are
//! connected, and how all of them leave at a shutdown.

mod admission;
mod handshakes;
mod making_room;
mod options;
mod origin;
#[cfg(any(feature = "blocking", feature = "_asynch"))]
mod pending;
mod reserve;
mod slot;
mod slots;
mod tally;
#[cfg(any(feature = "blocking", all(feature = "_asynch", feature = "_tls")))]
mod turns;

pub(crate) use admission::Admission;
pub use admission::ShutdownReport;
#[cfg(feature = "blocking")]
pub(crate) use making_room::ACCEPTED_MAX;
#[cfg(any(feature = "blocking", feature = "_asynch"))]
pub(crate) use making_room::HandshakeSlot;
#[cfg(any(feature = "blocking", feature = "_asynch"))]
pub(crate) use making_room::Room;
pub use options::ServerOptions;
#[cfg(any(feature = "blocking", feature = "_asynch"))]
pub(crate) use pending::{Answer, Pending, PlainRequest, Progress, hear};
pub(crate) use slot::Slot;
#[cfg(feature = "_asynch")]
pub(crate) use slot::Watch;
#[cfg(any(feature = "blocking", all(feature = "_asynch", feature = "_tls")))]
pub(crate) use turns::{Turns, computed_at_a_time};

use std::time::Duration;

/// The first and the longest pause after an error of the listener's, such as that there are no
/// file descriptors left: it passes when connections end, and asking at once would only burn time.
pub(crate) const PAUSE_MIN: Duration = Duration::from_millis(10);
pub(crate) const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long a client that was refused may take to read why.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// Lets as many clients wait for the listener as come at once when a crowd reconnects. The
/// standard library asks for 128, and who finds the queue full tries again after whole seconds.
/// The system may have a lower bound of its own, and if it refuses, its queue is as it was.
#[cfg(any(feature = "blocking", feature = "_asynch"))]
pub(crate) fn lengthen_queue(listener: &std::net::TcpListener) {
    let _ = rustix::net::listen(listener, 4096);
}

/// Whether an error of `accept` is about the one connection that it would have given: the next
/// call may well succeed.
pub(crate) fn concerns_one(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

/// Whether the system has no file descriptors left, for this process or at all.
#[cfg(any(feature = "blocking", feature = "_asynch"))]
pub(crate) fn is_out_of_files(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    match Errno::from_io_error(error) {
        Some(Errno::MFILE) => true,
        #[cfg(unix)]
        Some(Errno::NFILE) => true,
        _ => false,
    }
}

/// Whether an error of `accept` is only about a client that has not come: the system looks for a
/// file descriptor before it looks for a client.
#[cfg(any(feature = "blocking", feature = "_asynch"))]
pub(crate) fn concerns_nobody(error: &std::io::Error, listener: &impl rustix::fd::AsFd) -> bool {
    is_out_of_files(error) && !crate::socket::has_input(listener)
}
