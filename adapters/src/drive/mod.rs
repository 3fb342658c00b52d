//! The decisions of an open connection, without IO.
//!
//! The direct API (whole and split), the callback facade and the servers of every adapter stand on
//! one [`Driver`]. It says what to do next; an adapter reads, writes, waits and tells the time, and
//! decides nothing.
//!
//! # The loop of an adapter
//!
//! 1. Ask [`Driver::next_for`], with an [`Intake`] that says whether and where this caller reads.
//! 2. On [`Next::Deliver`], [`lend`](Driver::lend) the message to the program.
//! 3. On [`Next::Wait`], do what the [`Want`] says, in this order:
//!    - `write`: write by [`Driver::write_out`] until nothing is left or the stream takes no more.
//!    - `shut_down`: shut down the writing side, and say [`was_shut_down`](Driver::was_shut_down).
//!    - `read`: read once by [`Driver::read_into`], or into [`Arrivals::space`] and report it by
//!      [`report_read`](Driver::report_read).
//!    - Then wait until the stream is ready for one of these, or until the time `until` comes.
//! 4. On [`Next::End`], shut the stream down and report [`tell_end`](Driver::tell_end).
//!
//! # Rules
//!
//! - **Time.** A deadline counts once the socket was seen drained after it, with the inbox empty.
//!   If the peer never lets that happen, one more read is granted, and then it counts. So a Pong
//!   that has arrived cannot lose to its deadline, and a peer that never stops sending cannot
//!   postpone one. All sums saturate: [`Duration::MAX`](std::time::Duration::MAX) never comes.
//! - **Both directions are one connection.** Whatever call the program is in, pings leave, pongs
//!   are judged, all deadlines run, the server's orders are followed, and a Close is answered. The
//!   limits of this: while nothing may be read (the bound on held messages is reached, or another
//!   thread reads), only the stall of writes and the closing handshake are judged.
//! - **Failed writes do not hide what has arrived.** Reading goes on until the socket is drained,
//!   for at most [`Config::close_timeout`](bluewire_core::Config::close_timeout).
//! - **An end is reported once to each who asks**, and [`Driver::closure`] is known from then on.
//! - **Tickets are honest.** What was dropped is never reported as written.
//! - **Output makes progress by a rate**, not by a byte: see
//!   [`Flow::write_rate_min`].

// A peer's bytes must not be able to stop the program.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod arrivals;
mod bytes;
mod deadlines;
mod driver;
mod ending;
mod flow;
mod input;
mod intake;
mod output;
mod published;
mod rare;
#[cfg(test)]
mod tests;

pub(crate) use arrivals::Arrivals;
pub(crate) use bytes::{Rest, WRITE_LEN_MAX, into_io};
pub(crate) use deadlines::Budget;
pub(crate) use driver::{Driver, Next, Purpose, Want};
pub use flow::Flow;
pub(crate) use input::Lent;
pub(crate) use intake::Intake;
pub(crate) use output::{Goal, Lay, Ticket};

/// While a program only sends, it looks at what has arrived this often.
pub(crate) const LOOK_INTERVAL: std::time::Duration = std::time::Duration::from_millis(100);

/// Once this many bytes wait, they are written without waiting for more.
pub(crate) const CORK_LEN_MAX: usize = 64 * 1024;

/// A message of at least this length is written from where it lies.
pub(crate) const GATHER_LEN_MIN: usize = 16 * 1024;
