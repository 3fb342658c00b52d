//! The callback facade, on all adapters and both ends: each of its promises by a test that is
//! named after it.
#![cfg(all(feature = "blocking", feature = "smol"))]

#[path = "../common/watchdog.rs"]
mod watchdog;

#[path = "../common/mod.rs"]
mod common;

mod closing;
mod create;
mod endings;
mod events;
mod page;
mod panics;
mod sending;
mod threads;
