//! Test your own protocol with the engine, and no network.
//!
//! With the feature `testkit`, [two ends](crate::testkit) are joined in memory on a clock that the
//! test sets. What would take an hour takes microseconds, and every run is the same.
//!
//! ```
//! use std::time::Duration;
//! use bluewire::Config;
//! use bluewire::testkit::{End, OwnedEvent, Pair};
//!
//! /// The protocol: whoever asks for the time is told how long the server has been there.
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
//! A program that is written on an adapter is tested as it is, over a
//! [`MemoryStream`](crate::testkit::MemoryStream) in place of a socket; one that must stand a peer
//! that breaks rules is given a [`ScriptedPeer`](crate::testkit::ScriptedPeer).
