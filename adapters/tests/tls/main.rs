//! `wss` on both adapters, with certificates made here.
#![cfg(all(feature = "tls", feature = "blocking", feature = "smol"))]

#[path = "../common/watchdog.rs"]
mod watchdog;

#[cfg(feature = "async-tls")]
mod async_tls;
mod certs;
mod connections;
mod peer;
mod redirects;
mod refusals;
mod sides;
mod streams;
