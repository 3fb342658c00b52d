//! Proxies that are scripted, over real sockets, by all adapters: what is said to them, and what
//! becomes of what they answer. Real ones are among the interop tests.

#![cfg(all(feature = "blocking", feature = "smol"))]

#[path = "../common/watchdog.rs"]
mod watchdog;

#[allow(dead_code, reason = "shared with the tests of dialling")]
#[path = "../dial/client.rs"]
mod client;
#[path = "../common/mod.rs"]
mod common;

mod choosing;
mod connect;
mod fake;
mod socks5;
