//! Bluewire held against RFC 6455, RFC 7692 and the Autobahn cases.
#![forbid(unsafe_code)]
#![expect(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "unpublished: whoever matches on these is built with them"
)]

pub mod case;
pub mod cases;
pub mod data;
pub mod deflate;
pub mod payload;
pub mod random;
pub mod wire;
