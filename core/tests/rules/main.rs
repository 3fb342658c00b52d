//! RFC 6455, rule by rule: each with literal bytes, for both roles, and in every cut.

#[path = "../common/mod.rs"]
mod common;

mod closing;
mod control;
mod endings;
mod fragmentation;
mod framing;
mod sending;
mod text;
