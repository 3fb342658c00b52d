//! Connecting again, on both adapters, by the facade and by the direct API.
#![cfg(all(feature = "blocking", feature = "smol"))]

#[path = "../common/mod.rs"]
mod common;

mod direct;
mod facade;
mod server;
mod stopping;
