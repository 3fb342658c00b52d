//! Connecting again, on all adapters, by the facade and by the direct API.
#![cfg(all(feature = "blocking", feature = "smol"))]

#[path = "../common/runtimes.rs"]
mod runtimes;
#[path = "../common/watchdog.rs"]
mod watchdog;

#[path = "../common/mod.rs"]
mod common;

mod direct;
mod facade;
mod server;
mod stopping;
