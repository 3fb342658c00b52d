//! Tools for the tests of your program. They need the feature `testkit`.
//!
//! Some tools work without a stream: a [`Pair`] of ends on virtual time, a [`ScriptedPeer`],
//! [`every_cut`] and a [`Capture`]. [`bluewire_core::testkit`] introduces them. This module adds
//! tools that replace a stream, or wrap one.
//!
//! # A peer in memory
//!
//! A [`MemoryStream`] leads to an [`End`] in the same process: your client or your server runs on
//! any adapter as it is, without a socket and without a second thread.
//!
//! ```
//! # #[cfg(feature = "blocking")] {
//! use bluewire::blocking;
//! use bluewire::testkit::{End, MemoryStream, OwnedEvent};
//! use bluewire::Config;
//!
//! let server = End::accepting(Config::default());
//! let stream = MemoryStream::new(server, |server, event| {
//!     if event == OwnedEvent::text("ping") {
//!         server.send("pong").expect("it is open");
//!     }
//! });
//! let mut socket = blocking::connect_over(stream, "ws://localhost/")?;
//! socket.send("ping")?;
//! assert_eq!(socket.recv()?, Some("pong".into()));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A script over a socket
//!
//! [`play()`] is the other end of a socket. It writes the bytes of its script, valid or not, and
//! checks the answers. Its page has an example.
//!
//! # A fault at every operation
//!
//! [`Faulty`] breaks the n-th read or write of a stream, and [`at_every_operation`] does that for
//! every n.
//!
//! # A capture of a connection
//!
//! [`Captured`] records everything that a stream reads and writes, with times. The example
//! `frames` prints such a file frame by frame: `cargo run --example frames FILE`.

mod captured;
mod faulty;
mod memory;
#[cfg(feature = "tokio")]
mod on_tokio;
#[cfg(feature = "blocking")]
mod play;

pub use bluewire_core::testkit::{
    Capture, CaptureError, CaptureErrorKind, Direction, End, Frame, FrameDisplay, Heard,
    LengthForm, OwnedEvent, Pair, Record, Replayed, ScriptError, ScriptedPeer, every_cut,
    heard_at_every_cut,
};
pub use bluewire_core::{ClientRequest, Connection, Event, Inbox, Outbox, Role};

pub use captured::{CaptureLog, Captured};
pub use faulty::{Faults, Faulty, StreamFault, at_every_operation};
pub use memory::MemoryStream;
#[cfg(feature = "blocking")]
pub use play::{PlayError, play};
