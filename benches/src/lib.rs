//! Bluewire measured over bytes in memory: no socket, no clock, no thread, so that what is timed
//! is the protocol and nothing else.
//!
//! A [`Case`] says what is done: receive, send or echo, in which role, with which payload. An
//! engine turns a case into a [`Run`], a closure that does it any number of times; the criterion
//! benches, the report and the allocation counts all run those same closures.
//!
//! These rules make a figure honest:
//!
//! - Received bytes are copied from the wire into the engine's own memory, as a read does. Masked
//!   wires must be: unmasking in place spoils them.
//! - The payload reaches the user: each message passes through `black_box`, text as `str`.
//! - Checks are on: masking by role, UTF-8, limits.
//! - Bytes to send reach a transport that takes the slices it is shown and looks at no byte, which
//!   is what a kernel's copy would cost everyone alike.
#![forbid(unsafe_code)]
#![expect(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::missing_panics_doc,
    reason = "this crate has no users to keep promises to"
)]

pub mod bluewire;
pub mod case;
mod corpus;
pub mod measure;
#[cfg(feature = "peers-any-keys")]
pub mod peers;
pub mod sockets;
pub mod wire;

pub use case::{Action, Case, Kind, Shape};
pub use corpus::{payload, payloads};

/// Does its case that many times.
pub type Run = Box<dyn FnMut(u64)>;

/// A library that is measured.
#[derive(Clone, Copy, Debug)]
pub struct Engine {
    /// As its crate is called.
    pub name: &'static str,
    /// Makes a case ready; `None` if it has no way to do it.
    pub run: fn(&Case) -> Option<Run>,
}

/// Bluewire, and its peers if they are built in.
#[must_use]
pub fn engines() -> Vec<Engine> {
    let bluewire = Engine { name: "bluewire", run: |case| Some(bluewire::run(case)) };
    [&[bluewire][..], PEERS].concat()
}

#[cfg(feature = "peers-any-keys")]
const PEERS: &[Engine] = &peers::ALL;
#[cfg(not(feature = "peers-any-keys"))]
const PEERS: &[Engine] = &[];
