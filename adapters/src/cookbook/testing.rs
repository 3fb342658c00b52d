//! Test your own protocol without a network.
//!
//! The feature `testkit` joins [two ends](crate::testkit) in memory, on a clock that the test sets. A
//! test of an hour takes microseconds, and every run is the same.
//!
//! ```
//! use std::time::Duration;
//! use bluewire::Config;
//! use bluewire::testkit::{End, OwnedEvent, Pair};
//!
//! /// The protocol: a client asks for the time, and the server answers with its uptime.
//! fn serve(server: &mut End, uptime: Duration) {
//!     for event in server.take_events() {
//!         if event == OwnedEvent::text("time?") {
//!             server.send(&*format!("{} s", uptime.as_secs())).expect("it is open");
//!         }
//!     }
//! }
//!
//! let mut pair = Pair::open(Config::default(), Config::default());
//! pair.pass(Duration::from_secs(3600));
//! pair.client.send("time?")?;
//! pair.exchange();
//! serve(&mut pair.server, Duration::from_secs(3600));
//! pair.exchange();
//! assert!(pair.client.take_events().contains(&OwnedEvent::text("3600 s")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! To test a program that uses an adapter, give it a
//! [`MemoryStream`](crate::testkit::MemoryStream) instead of a socket. To test it against a peer that
//! breaks rules, use a [`ScriptedPeer`](crate::testkit::ScriptedPeer).
