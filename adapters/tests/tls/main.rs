//! `wss` on all adapters, with certificates made here.
#![cfg(all(feature = "_tls", feature = "blocking", feature = "smol"))]

#[path = "../common/runtimes.rs"]
mod runtimes;
#[path = "../common/watchdog.rs"]
mod watchdog;

#[cfg(feature = "async-tls")]
mod async_tls;
mod certs;
mod connections;
mod peer;
mod providers;
mod redirects;
mod refusals;
mod sides;
mod streams;
