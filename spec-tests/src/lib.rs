//! Bluewire held against RFC 6455, RFC 7692 and the Autobahn cases.
#![forbid(unsafe_code)]
#![expect(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "unpublished: whoever matches on these is built with them"
)]

pub mod case;
pub mod cases;
pub mod cutting;
pub mod data;
pub mod deflate;
pub mod digest;
pub mod endpoint;
pub mod fuzzer;
pub mod matrix;
pub mod opening;
pub mod pair;
pub mod payload;
pub mod random;
pub mod receiver;
pub mod reference;
pub mod report;
pub mod requirements;
pub mod run;
pub mod target;
pub mod wire;
