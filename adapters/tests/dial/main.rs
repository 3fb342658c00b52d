//! Reaching a server over real sockets, by all adapters: addresses that are dead, servers that
//! do not play along, attempts that are given up, Unix sockets.

#![cfg(all(feature = "blocking", feature = "smol"))]

#[path = "../common/watchdog.rs"]
mod watchdog;

#[path = "../common/mod.rs"]
mod common;

mod addresses;
mod client;
mod giving_up;
mod redirects;
mod refusals;
mod request;
#[cfg(unix)]
mod unix_sockets;
