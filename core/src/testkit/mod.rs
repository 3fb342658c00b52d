//! For tests of programs that speak WebSocket: no socket, no thread, no real time. With the
//! feature `testkit`.
//!
//! Everything here is as the engine is: bytes and times go in, bytes and events come out, so a test
//! takes microseconds, is the same in every run, and can be stopped between any two bytes.
//!
//! # Two ends of yours
//!
//! A [`Pair`] joins a client and a server in memory, on one virtual clock. Put the state machine of
//! your application on top of its two [`End`]s, let bytes pass, let time pass, and see what the
//! ends have reported.
//!
//! ```
//! use bluewire_core::testkit::{OwnedEvent, Pair};
//! use bluewire_core::Config;
//! use core::time::Duration;
//!
//! let mut pair = Pair::open(Config::default(), Config::default());
//! pair.client.send("subscribe news")?;
//! pair.exchange();
//! for event in pair.server.take_events() {
//!     if event == OwnedEvent::text("subscribe news") {
//!         pair.server.send("the weather is fine")?;
//!     }
//! }
//! pair.exchange();
//! assert_eq!(pair.client.take_events(), [OwnedEvent::text("the weather is fine")]);
//! // A quiet hour: keepalive holds the connection.
//! pair.pass(Duration::from_secs(3600));
//! assert!(pair.client.closure().is_none());
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # A peer that misbehaves
//!
//! A [`ScriptedPeer`] writes what no library would, by [`Frame`]s that can break every rule, and
//! holds your end to the answer that you expect. Its page has an example. With the crate `bluewire`
//! the same script is played over a socket.
//!
//! # Any cut
//!
//! [`every_cut`] runs a test with the same bytes cut at every place, as a network may do it;
//! [`heard_at_every_cut`] is that for a connection.
//!
//! # What happened there
//!
//! A [`Capture`] is what a connection has read and written, with its times, in a file of text: to be
//! looked at frame by frame, and to be replayed into the engine under a debugger. With the crate
//! `bluewire` any stream can be captured.
//!
//! # Streams that fail
//!
//! `bluewire::testkit` adds what needs a stream: faults at any operation, captures, and scripts that
//! are played.

mod capture;
mod cuts;
mod dissect;
mod end;
mod event;
mod frame;
mod pair;
mod record;
mod script;

pub use capture::{Capture, CaptureError, CaptureErrorKind, Replayed};
pub use cuts::{Heard, every_cut, heard_at_every_cut};
pub use end::End;
pub use event::OwnedEvent;
pub use frame::{Frame, FrameDisplay, LengthForm};
pub use pair::Pair;
pub use record::{Direction, Record};
pub use script::{ScriptError, ScriptedPeer};
